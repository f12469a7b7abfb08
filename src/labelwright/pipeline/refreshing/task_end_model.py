"""The end models of a run on several tasks: one for each, trained again where the labels of its task changed."""

from __future__ import annotations

import importlib
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import polars as pl

from labelwright import endmodels
from labelwright.core.task_graph import TaskGraph
from labelwright.core.task_labels import TaskLabels
from labelwright.pipeline.augmenting.copies import Copies, KeptCopies, with_copies
from labelwright.pipeline.examples import field_values
from labelwright.pipeline.kept.database import Database
from labelwright.pipeline.kept.kept_data import KeptData
from labelwright.pipeline.kept.kept_tasks import read_by_name
from labelwright.pipeline.settings import EndModelSettings
from labelwright.store import ArtifactId, Recipe, Store

from .finding_tasks import score_task
from .found_tasks import TaskScore
from .noting import Notes
from .predictions import end_model_versions, rows_of

__all__ = [
    "ROLE",
    "SHARED",
    "TaskEndModelStage",
    "augmented",
    "fit_by_data_set",
    "read_end_models",
    "read_network",
    "score_end_models",
]

# What a run calls the record of its end models.
ROLE = "task_end_models"

# The kind of artifact that is one end model for several tasks.
SHARED = "shared_end_model"


@dataclass(slots=True)
class TaskEndModelStage:
    """The stage of a refresh that trains on the labels of several tasks.

    Parameters
    ----------
    chosen : EndModelSettings
    database : Database
    data : KeptData
    notes : Notes
    graph : TaskGraph
    augmentation : ArtifactId, optional
        The augmented copies of train, which teach too; ``None`` where there are none.
    compared : bool
        Whether it is trained to compare with alone: no step of the run, and always as the labels are now.

    Attributes
    ----------
    trained, stale : int
        How many end models the last `run` trained, and how many it kept although they are stale.
    """

    chosen: EndModelSettings
    database: Database
    data: KeptData
    notes: Notes
    graph: TaskGraph
    augmentation: ArtifactId | None = None
    compared: bool = False
    trained: int = 0
    stale: int = 0

    def plan(self, labels: Mapping[str, ArtifactId | None], *, known: bool = True) -> None:
        """Note what a dry run would train.

        Parameters
        ----------
        labels : mapping of str to ArtifactId or None
            The record of the labels of each task; ``None`` where they are to be made again.
        known : bool
            Whether it is known which augmented copies there are.
        """
        if self.chosen.kind == "none":
            return
        before = self._of_base("task_labels")
        made = {task: key for task, key in labels.items() if key is not None and known}
        found = self._found(made)
        # Of a task that taught nothing with just these labels there is no end model, and none is missing.
        idle = {task for task, key in made.items() if before.get(task) == key and task not in self._of_base(ROLE)}
        stale = [task for task in labels if task not in found and task not in idle]
        self._note(stale, set(self._kept(stale)))

    def run(self, train: TaskLabels, labels: Mapping[str, ArtifactId]) -> dict[str, ArtifactId]:
        """Return the end model of each task that can be learned, those that are missing trained.

        Parameters
        ----------
        train : TaskLabels
            The labels of train.
        labels : mapping of str to ArtifactId
            Their records.
        """
        if self.chosen.kind == "none":
            return {}
        wanted = [task for task in self.graph.names if endmodels.can_be_learned(train, task)]
        found = self._found({task: labels[task] for task in wanted})
        stale = [task for task in wanted if task not in found]
        kept = self._kept(stale)
        self._note(stale, set(kept))
        missing = [task for task in stale if task not in kept]
        made = self._train(missing, train, labels) if missing else {}
        self.trained, self.stale = len(made), len(kept)
        whole = {**found, **kept, **made}
        return {task: whole[task] for task in wanted}

    def _train(
        self, tasks: Sequence[str], train: TaskLabels, labels: Mapping[str, ArtifactId]
    ) -> dict[str, ArtifactId]:
        began = time.perf_counter()
        fitted = fit_by_data_set(self.chosen, self.data, train, tasks, copies=self.copies())
        keys = {task: self._put(model) for task, model in fitted.items()}
        seconds = time.perf_counter() - began
        recipes = [(self._recipe(task, labels[task]), key) for task, key in keys.items()]
        self.database.record(recipes, seconds=seconds, rows=1)
        return keys

    def _put(self, model: endmodels.EndModel) -> ArtifactId:
        with tempfile.TemporaryDirectory() as temporary:
            endmodels.save(model, Path(temporary) / "end_model")
            return self.database.store.put_folder("end_model", Path(temporary) / "end_model")

    def _found(self, labels: Mapping[str, ArtifactId]) -> dict[str, ArtifactId]:
        recipes = {task: self._recipe(task, key) for task, key in labels.items()}
        found = self.database.find(recipes.values())
        return {task: found[recipe.digest] for task, recipe in recipes.items() if recipe.digest in found}

    def _recipe(self, task: str, labels: ArtifactId) -> Recipe:
        chosen = self.chosen
        parameters = {
            "kind": chosen.kind,
            "fields": chosen.fields,
            "states": list(self.graph.states(task)),
            "rows": rows_of(self.data.about([task])),
            "versions": end_model_versions(),
        }
        return Recipe("end_model", {"task_labels": labels, **self._augmented()}, parameters)

    def copies(self) -> Copies | None:
        """Return the augmented copies of train, where there are any."""
        return None if self.augmentation is None else KeptCopies.read(self.database.store, self.augmentation).all()

    def _augmented(self) -> dict[str, ArtifactId]:
        """Return what an end model hangs on beside labels and rows, as recipes name it."""
        return {} if self.augmentation is None else {"augmentation": self.augmentation}

    def _kept(self, stale: Sequence[str]) -> dict[str, ArtifactId]:
        """Return the end models of the base that are kept by policy, though they are stale."""
        base, now = self.notes.base, self.chosen
        if now.refresh != "keep" or base is None or self.compared or not self._of_base(ROLE):
            return {}
        settings = base.settings()
        before = settings.end_model
        if (before.kind, before.fields) != (now.kind, now.fields) or before.shared is not None:
            return {}
        same = {task for task in settings.graph.names if task in self.graph.names}
        same = {task for task in same if settings.graph.states(task) == self.graph.states(task)}
        return {task: key for task, key in self._of_base(ROLE).items() if task in stale and task in same}

    def _of_base(self, role: str) -> dict[str, ArtifactId]:
        base = self.notes.base
        if base is None or role not in base.row.artifacts:
            return {}
        return read_by_name(base.store, base.artifact(role))

    def _note(self, stale: Sequence[str], kept: set[str]) -> None:
        if self.compared:
            return
        self.notes.end_models([task for task in stale if task not in kept], kept=False)
        self.notes.end_models([task for task in stale if task in kept], kept=True)


def fit_by_data_set(
    chosen: EndModelSettings,
    data: KeptData,
    train: TaskLabels,
    tasks: Sequence[str],
    *,
    copies: Copies | None = None,
) -> dict[str, endmodels.EndModel]:
    """Return an end model for each task, fitted on the data sets that are about it: others teach it nothing.

    Parameters
    ----------
    chosen : EndModelSettings
    data : KeptData
    train : TaskLabels
        The labels of all of its train.
    tasks : sequence of str
    copies : Copies, optional
        Augmented copies of train, which have the labels of their originals on all tasks.
    """
    together: dict[tuple[int, ...], list[str]] = {}
    for task in tasks:
        together.setdefault(tuple(data.about([task]).numbers), []).append(task)
    found: dict[str, endmodels.EndModel] = {}
    for alike in together.values():
        rows = data.within("train", alike[:1])
        frame = data.about(alike[:1]).frame("train", chosen.fields)
        own = train if rows is None else train.take(rows)
        weights = None
        if copies is not None:
            beside = copies if rows is None else copies.of_rows(rows)
            frame, own, weights = augmented(frame, own, beside, chosen.kind)
        columns = field_values(frame, chosen.fields)
        found |= endmodels.fit_task_end_models(chosen.kind, chosen.fields, columns, own, tasks=alike, weights=weights)
    return {task: found[task] for task in tasks}


def augmented(
    frame: pl.DataFrame, labels: TaskLabels, copies: Copies, kind: str
) -> tuple[pl.DataFrame, TaskLabels, npt.NDArray[np.float64]]:
    """Return examples with copies below them, the labels of both on all tasks, and how often each counts.

    Parameters
    ----------
    frame : polars.DataFrame, n rows
    labels : TaskLabels, n rows
        Copies are taken of examples that are covered on some task.
    copies : Copies
    kind : str
        Of the end model.
    """
    taught = with_copies(frame, copies, np.asarray(labels.covered.any(axis=1)), kind)
    return taught.frame, labels.take(taught.rows), taught.weights


def read_end_models(store: Store, graph: TaskGraph, models: Mapping[str, ArtifactId]) -> endmodels.TaskAnswers:
    """Return the end models of a run, read from its store: one for each task, or one for all."""
    shared = {key for key in models.values() if key.kind == SHARED}
    if shared:
        (key,) = shared
        return read_network(store.get_folder(key), graph)
    return endmodels.TaskEndModels(graph, {task: endmodels.load(store.get_folder(key)) for task, key in models.items()})


def read_network(folder: Path, graph: TaskGraph | None = None) -> endmodels.TaskAnswers:
    """Return the one network for all tasks that lies in a folder; its relations are those of ``graph``, or its own.

    Raises
    ------
    MissingExtraError
        If torch is not installed.
    DataError
        If the folder holds no such network.
    """
    # Not at the top: it brings torch.
    room: Any = importlib.import_module("labelwright.endmodels.torch.multitask.end_model")
    network: endmodels.TaskAnswers = room.SharedEndModel.load(folder)
    return network if graph is None else replace(cast("Any", network), graph=graph)


def score_end_models(
    models: endmodels.TaskAnswers, whole: KeptData, chosen: EndModelSettings
) -> dict[str, dict[str, TaskScore]]:
    """Score end models on every split but train, where there is gold; by task and split.

    One network is asked about the data sets that it can read.
    """
    fields = chosen.fields
    data = whole if chosen.shared is None else whole.having(fields)
    found: dict[str, dict[str, TaskScore]] = {task: {} for task in models.tasks}
    for split in data.splits:
        gold = {} if split == "train" else {task: data.gold(split, task) for task in found}
        if not any(one is not None and (one >= 0).any() for one in gold.values()):
            continue
        labels, vectors = models.answers(field_values(data.frame(split, fields), fields), example_ids=data.ids(split))
        for task, one in gold.items():
            scored = score_task(task, labels, vectors, one, data.groups(split))
            if scored is not None:
                found[task][split] = scored
    return found
