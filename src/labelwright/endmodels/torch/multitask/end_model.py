"""The end model of a run on several tasks that is one network: it reads fields, and answers all tasks."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from sklearn.pipeline import Pipeline

from labelwright.core import SoftLabels, atomic_folder, atomic_write
from labelwright.core.errors import DataError, ModelError
from labelwright.core.task_graph import TaskGraph
from labelwright.core.task_labels import TaskLabels
from labelwright.core.tasks import Task
from labelwright.endmodels.dense_features import dense_features
from labelwright.endmodels.end_model import read_fields
from labelwright.endmodels.many_tasks import answers_of, can_be_learned
from labelwright.endmodels.persistence import packed, unpacked
from labelwright.endmodels.pictures import read_pictures
from labelwright.endmodels.torch.loss import NoiseAwareLoss
from labelwright.endmodels.torch.progress import Progress

from .classifier import MultiTaskClassifier
from .graph_json import graph_from_json, graph_to_json

__all__ = ["Reader", "SharedEndModel", "fit_shared_end_model"]

_FORMAT, _KIND = 1, "shared"
_DESCRIPTION, _FEATURES, _NETWORK = "model.json", "features.skops", "network"

# Pictures that are opened at once when answers are asked for.
_TOGETHER = 2048


@dataclass(frozen=True, slots=True)
class Reader:
    """How fields become what a network reads.

    Parameters
    ----------
    kind : {"text", "tabular", "image"}
    fields : tuple of str
        Texts, numbers, or one column of pictures.
    size : (width, height) or None
        Of pictures.
    features : sklearn.pipeline.Pipeline or None
        Fitted; ``None`` for pictures.
    """

    kind: str
    fields: tuple[str, ...]
    size: tuple[int, int] | None = None
    features: Pipeline | None = None

    def read(self, columns: Mapping[str, Sequence[Any]]) -> tuple[Any, npt.NDArray[np.bool_]]:
        """Return inputs of n examples, and which of them hold anything."""
        if self.features is None:
            (field,) = self.fields
            return read_pictures(field, _column(columns, field), size=self.size)
        features = self.features.transform(read_fields(self.kind, self.fields, columns))
        return features, np.ones(len(features), dtype=bool)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SharedEndModel:
    """One network that answers all tasks, and what it takes to ask it: no labeling function, no project.

    Parameters
    ----------
    graph : TaskGraph
        All tasks, also those about which nothing was learned.
    reader : Reader
    classifier : MultiTaskClassifier
        Fitted on the tasks about which there was something to learn, each as if it applied.
    """

    graph: TaskGraph
    reader: Reader
    classifier: MultiTaskClassifier

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks about which something was learned."""
        return tuple(self.classifier.graph_.names)

    def answers(
        self, columns: Mapping[str, Sequence[Any]], *, example_ids: npt.ArrayLike | None = None
    ) -> tuple[TaskLabels, npt.NDArray[np.int64]]:
        """Return what the network says of each example: soft labels, and a label vector, both keeping every relation.

        Parameters
        ----------
        columns : mapping of str to sequence, each of length n
            At least the fields that the network reads. Without a picture, all classes of a task are as probable.
        example_ids : array_like, shape (n,), optional

        Returns
        -------
        TaskLabels
            A task about which nothing was learned counts as not covered.
        numpy.ndarray of int, shape (n, tasks)
            Codes of states; see `labelwright.endmodels.composing.decode`.
        """
        n = len(_column(columns, self.reader.fields[0]))
        blocks = [self._said(columns, slice(start, start + _TOGETHER)) for start in range(0, n, _TOGETHER)]
        classes = self.classifier.classes_
        said = {
            task: np.concatenate([np.empty((0, len(classes[task]))), *(block[task] for block in blocks)])
            for task in self.tasks
        }
        return answers_of(self.graph, said, n, example_ids=example_ids)

    def _said(self, columns: Mapping[str, Sequence[Any]], rows: slice) -> dict[str, npt.NDArray[np.float64]]:
        inputs, there = self.reader.read({name: _column(columns, name)[rows] for name in self.reader.fields})
        said = self.classifier.predict_proba(inputs)
        for probs in said.values():
            probs[~there] = 1 / probs.shape[1]
        return said

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write the model to a folder, whole or not at all: safetensors, JSON and a skops archive, never code.

        Raises
        ------
        DataError
            If the folder exists and is not a saved model.
        """
        reader = self.reader
        payload = b"" if reader.features is None else packed(reader.features)
        description = {
            "format": _FORMAT,
            "kind": _KIND,
            "reads": reader.kind,
            "fields": list(reader.fields),
            "size": None if reader.size is None else list(reader.size),
            "graph": graph_to_json(self.graph),
            "features_sha256": hashlib.sha256(payload).hexdigest(),
            "libraries": {name: importlib.metadata.version(name) for name in ("labelwright", "scikit-learn", "torch")},
        }
        with atomic_folder(folder, marker=_DESCRIPTION) as temporary:
            self.classifier.save(temporary / _NETWORK)
            if payload:
                atomic_write(temporary / _FEATURES, payload)
            atomic_write(temporary / _DESCRIPTION, json.dumps(description, indent=2) + "\n")

    @classmethod
    def load(cls, folder: str | os.PathLike[str], *, device: str | torch.device = "auto") -> Self:
        """Read what `save` wrote.

        Raises
        ------
        DataError
            If the folder is not a saved shared end model, or is damaged.
        """
        place = Path(folder)
        try:
            written = json.loads((place / _DESCRIPTION).read_text(encoding="utf-8"))
            if (written["kind"], written["format"]) != (_KIND, _FORMAT):
                raise ValueError(f"it is a {written['kind']!r} model of format {written['format']}")
            payload = b"" if written["reads"] == "image" else (place / _FEATURES).read_bytes()
            if hashlib.sha256(payload).hexdigest() != written["features_sha256"]:
                raise ValueError(f"{_FEATURES} is damaged or was changed")
            size = None if written["size"] is None else (int(written["size"][0]), int(written["size"][1]))
            kind, fields = str(written["reads"]), tuple(map(str, written["fields"]))
            graph = graph_from_json(written["graph"])
        except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
            raise DataError(f"{place} is not a saved end model of several tasks that can be read ({error}).") from error
        features = unpacked(payload, place / _FEATURES) if payload else None
        classifier = MultiTaskClassifier.load(place / _NETWORK, device=device)
        return cls(graph, Reader(kind, fields, size, features), classifier)

    def __repr__(self) -> str:
        return f"SharedEndModel(kind={self.reader.kind!r}, fields={list(self.reader.fields)}, tasks={list(self.tasks)})"


def fit_shared_end_model(
    kind: str,
    fields: Sequence[str],
    columns: Mapping[str, Sequence[Any]],
    labels: TaskLabels,
    *,
    weights: npt.ArrayLike | None = None,
    size: tuple[int, int] | None = None,
    trunk: str | None = None,
    loss: NoiseAwareLoss = "expected",
    epochs: int = 60,
    batch_size: int = 64,
    random_state: int = 0,
    checkpoint: str | os.PathLike[str] | None = None,
    device: str | torch.device = "auto",
    progress: Callable[[Progress], None] | None = None,
) -> SharedEndModel:
    """Fit one network to the soft labels of all tasks about which there is something to learn.

    Parameters
    ----------
    kind : {"text", "tabular", "image"}
        Texts and numbers become features as `labelwright.endmodels.dense_features.dense_features` makes them.
    fields : sequence of str
        Texts, numbers, or one column with the bytes of pictures.
    columns : mapping of str to sequence, each of length n
        At least ``fields``. Examples without a picture teach nothing.
    labels : TaskLabels
        n rows. An example counts for a task where it is covered, as often as the task applies to it.
    weights : array_like of float, shape (n,), optional
        How often each example counts, beside that.
    size : (width, height), optional
        To which pictures are brought; see `labelwright.endmodels.pictures.read_pictures`.
    trunk : {"mlp", "linear", "small", "resnet"}, optional
        Default: "small" for pictures, "mlp" otherwise; see `MultiTaskClassifier`.
    loss, epochs, batch_size, random_state, device, progress
        See `MultiTaskClassifier`.
    checkpoint : path-like, optional
        Folder from which a stopped run goes on.

    Raises
    ------
    ModelError
        If nothing can be learned about any task, or a setting is not allowed.
    DataError
        If a field is missing or of another kind.

    Examples
    --------
    >>> from labelwright.core.tasks import Refines, Task
    >>> tasks = [Task("finding", ["normal", "abnormal"]), Task("kind", ["mass", "nodule"])]
    >>> graph = TaskGraph(tasks, [Refines("kind", "finding", "abnormal")])
    >>> finding = [[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]] * 4
    >>> labels = TaskLabels(graph, {"finding": finding, "kind": [[0, 0, 1], [1, 0, 0], [0, 1, 0]] * 4})
    >>> texts = {"text": ["clear lungs", "a large mass", "one small nodule"] * 4}
    >>> model = fit_shared_end_model("text", ["text"], texts, labels, epochs=20, batch_size=4, device="cpu")
    >>> [graph.named(vector) for vector in model.answers({"text": texts["text"][:3]})[1]]
    [('normal', 'N/A'), ('abnormal', 'mass'), ('abnormal', 'nodule')]
    """
    counts = None if weights is None else np.asarray(weights, dtype=np.float64)
    if kind == "image":
        if len(fields) != 1:
            raise ModelError(f"fields is {list(fields)}; pictures are read from one column.")
        inputs, there = read_pictures(fields[0], _column(columns, fields[0]), size=size)
        reader = Reader(kind, tuple(fields), (int(inputs.shape[2]), int(inputs.shape[1])))
        inputs, labels = inputs[there], labels.take(np.flatnonzero(there))
        counts = None if counts is None else counts[there]
    else:
        features = dense_features(kind, random_state=random_state)
        inputs = features.fit_transform(read_fields(kind, fields, columns))
        reader = Reader(kind, tuple(fields), None, features)
    learned = [task for task in labels.graph.tasks if can_be_learned(labels, task.name)]
    if not learned:
        raise ModelError("nothing can be learned about any task: of each, labels know of fewer than two classes.")
    chosen: Any = trunk or ("small" if kind == "image" else "mlp")
    classifier = MultiTaskClassifier(
        chosen,
        tasks=TaskGraph(learned),  # heads answer as if their task applied; relations are kept by what they say together
        loss=loss,
        epochs=epochs,
        batch_size=batch_size,
        random_state=random_state,
        device=device,
        progress=progress,
    )
    given = {task.name: _given_applicable(labels, task) for task in learned}
    targets = {name: soft for name, (soft, _) in given.items()}
    often = 1.0 if counts is None else counts
    by_task = {name: applies * often for name, (_, applies) in given.items()}
    classifier.fit(inputs, targets, weights=by_task, checkpoint=checkpoint)
    return SharedEndModel(labels.graph, reader, classifier)


def _given_applicable(labels: TaskLabels, task: Task) -> tuple[SoftLabels, npt.NDArray[np.float64]]:
    """Return what is known of a task's classes, given that it applies, and how probable it is that it does."""
    probs, applies = labels.given_applicable(task.name)
    covered = labels.covered[:, labels.graph.names.index(task.name)]
    return SoftLabels(probs, covered, classes=task.classes), applies


def _column(columns: Mapping[str, Sequence[Any]], field: str) -> Sequence[Any]:
    if field not in columns:
        raise DataError(f"the end model reads the field {field!r}, which is not among {sorted(map(str, columns))}.")
    return columns[field]
