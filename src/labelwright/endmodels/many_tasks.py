"""End models of related tasks: one for each, on features that they share, with answers that keep every relation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import joblib  # type: ignore[import-untyped]  # scikit-learn's own dependency is not typed
import numpy as np
import numpy.typing as npt
from sklearn.pipeline import Pipeline

from labelwright.core import SoftLabels
from labelwright.core.errors import ModelError
from labelwright.core.task_graph import TaskGraph
from labelwright.core.task_labels import TaskLabels

from .composing import compose, decode
from .end_model import EndModel, read_fields, recipe
from .noise_aware import NoiseAwareClassifier

__all__ = ["TaskAnswers", "TaskEndModels", "answers_of", "can_be_learned", "fit_task_end_models"]

Floats = npt.NDArray[np.float64]


class TaskAnswers(Protocol):
    """What answers on several tasks: a model for each, or one for all."""

    @property
    def graph(self) -> TaskGraph:
        """The tasks, and what holds between them."""
        ...

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks about which something was learned."""
        ...

    def answers(
        self, columns: Mapping[str, Sequence[Any]], *, example_ids: npt.ArrayLike | None = None
    ) -> tuple[TaskLabels, npt.NDArray[np.int64]]:
        """Return soft labels, and label vectors of shape (n, tasks), both keeping every relation."""
        ...


def answers_of(
    graph: TaskGraph, said: Mapping[str, Floats], n: int, *, example_ids: npt.ArrayLike | None = None
) -> tuple[TaskLabels, npt.NDArray[np.int64]]:
    """Return what follows for all tasks from what is said of some, each as if it applied.

    Parameters
    ----------
    graph : TaskGraph
    said : mapping of str to ndarray of float, shape (n, classes)
        A task that is missing counts as not covered: all its classes are as probable, but for what
        related tasks say.
    n : int
    example_ids : array_like, shape (n,), optional

    Returns
    -------
    TaskLabels
    numpy.ndarray of int, shape (n, tasks)
        Codes of states; see `labelwright.endmodels.composing.decode`.

    Examples
    --------
    >>> labels, vectors = answers_of(TaskGraph.multi_label(["dog", "cat"]), {"cat": np.array([[0.2, 0.8]])}, 1)
    >>> labels.probs["dog"].tolist(), labels.covered.tolist(), vectors[0, 1].item()
    ([[0.5, 0.5]], [[False, True]], 1)
    """
    unknown = {task.name: np.full((n, len(task.classes)), 1 / len(task.classes)) for task in graph.tasks}
    given = {name: said.get(name, unknown[name]) for name in graph.names}
    covered = np.tile([name in said for name in graph.names], (n, 1))
    labels = TaskLabels(graph, compose(given, graph), covered, example_ids=example_ids)
    return labels, np.column_stack(list(decode(given, graph).values()))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class TaskEndModels:
    """One end model for each task, and what they say together.

    Parameters
    ----------
    graph : TaskGraph
    models : mapping of str to EndModel
        Each knows the classes of its task, given that it applies. A task without one counts as knowing nothing: all its
        classes are as probable, but for what related tasks say.
    """

    graph: TaskGraph
    models: Mapping[str, EndModel]

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks that have a model."""
        return tuple(self.models)

    def answers(
        self, columns: Mapping[str, Sequence[Any]], *, example_ids: npt.ArrayLike | None = None
    ) -> tuple[TaskLabels, npt.NDArray[np.int64]]:
        """Return what the models say of each example: soft labels, and a label vector, both keeping every relation.

        Parameters
        ----------
        columns : mapping of str to sequence, each of length n
            At least the fields of the models.
        example_ids : array_like, shape (n,), optional

        Returns
        -------
        TaskLabels
            A task without a model counts as not covered.
        numpy.ndarray of int, shape (n, tasks)
            Codes of states; see `labelwright.endmodels.composing.decode`.
        """
        n = len(next(iter(columns.values())))
        features: dict[str, Any] = {}
        said = {
            task: _answered(model, columns, features) if n else np.empty((0, len(model.classes)))
            for task, model in self.models.items()
        }
        return answers_of(self.graph, said, n, example_ids=example_ids)

    def __repr__(self) -> str:
        return f"TaskEndModels(tasks={list(self.models)})"


def can_be_learned(labels: TaskLabels, task: str) -> bool:
    """Whether labels of a task teach anything: some example is covered, and two classes have mass among these."""
    probs, weight = labels.given_applicable(task)
    weight = weight * labels.covered[:, labels.graph.names.index(task)]
    return int((weight @ probs > 0).sum()) >= 2


def fit_task_end_models(
    kind: str,
    fields: Sequence[str],
    columns: Mapping[str, Sequence[Any]],
    labels: TaskLabels,
    *,
    tasks: Sequence[str] | None = None,
    weights: npt.ArrayLike | None = None,
) -> dict[str, EndModel]:
    """Fit an end model to each task, on the examples that are covered, each as often as the task applies to it.

    Parameters
    ----------
    kind : {"text", "tabular"}
        As for `labelwright.endmodels.fit_end_model`.
    fields : sequence of str
    columns : mapping of str to sequence, each of length n
        At least ``fields``.
    labels : TaskLabels
        n rows.
    tasks : sequence of str, optional
        Default: all that can be learned.
    weights : array_like of float, shape (n,), optional
        How often each example counts, beside that.

    Returns
    -------
    dict of str to EndModel

    Raises
    ------
    ModelError
        If nothing can be learned about a task of ``tasks``.
    DataError
        If a field is missing or of another kind.

    Notes
    -----
    Features (vocabulary, scales) are learned from all examples, not from the labelled ones: they are the same for all
    tasks and whatever the labels are, so a model hangs on the labels of its own task alone.

    Examples
    --------
    >>> from labelwright.core.tasks import Refines, Task
    >>> tasks = [Task("finding", ["normal", "abnormal"]), Task("kind", ["mass", "nodule"])]
    >>> graph = TaskGraph(tasks, [Refines("kind", "finding", "abnormal")])
    >>> finding = [[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]
    >>> labels = TaskLabels(graph, {"finding": finding, "kind": [[0, 0, 1], [1, 0, 0], [0, 1, 0]]})
    >>> texts = {"text": ["clear lungs", "a large mass", "one small nodule"]}
    >>> models = TaskEndModels(graph, fit_task_end_models("text", ["text"], texts, labels))
    >>> [graph.named(vector) for vector in models.answers(texts)[1]]
    [('normal', 'N/A'), ('abnormal', 'mass'), ('abnormal', 'nodule')]
    """
    chosen = [t for t in labels.graph.names if can_be_learned(labels, t)] if tasks is None else list(tasks)
    read = read_fields(kind, fields, columns)
    head = recipe(kind)[:-1]
    features = head.fit_transform(read)
    return {task: _fitted(kind, fields, head, features, labels, task, weights) for task in chosen}


def _fitted(
    kind: str,
    fields: Sequence[str],
    head: Pipeline,
    features: Any,
    labels: TaskLabels,
    task: str,
    weights: npt.ArrayLike | None,
) -> EndModel:
    if not can_be_learned(labels, task):
        raise ModelError(f"nothing can be learned about task {task!r}: its labels know of fewer than two classes.")
    probs, applies = labels.given_applicable(task)
    classes = labels.graph.tasks[labels.graph.names.index(task)].classes
    soft = SoftLabels(probs, labels.covered[:, labels.graph.names.index(task)], classes=classes)
    whole = recipe(kind)
    name, last = whole.steps[-1]
    weight = applies if weights is None else applies * np.asarray(weights)
    learned = NoiseAwareClassifier(last).fit(features, soft, sample_weight=weight)
    # As if the whole had been fitted on the texts themselves: what is saved reads fields, not features.
    fitted = NoiseAwareClassifier(whole)
    fitted.classes_ = learned.classes_
    fitted.estimator_ = Pipeline([*head.steps, (name, learned.estimator_)])
    return EndModel(kind, tuple(fields), classes, fitted)


def _answered(model: EndModel, columns: Mapping[str, Sequence[Any]], features: dict[str, Any]) -> Floats:
    """Return what a model says; models that read fields alike read them once: ``features`` holds what was read."""
    head, last = model.estimator.estimator_[:-1], model.estimator.estimator_[-1]
    # Equal vocabularies and scales, in two objects where the models were loaded from two files.
    key = joblib.hash([model.kind, model.fields, [step for _, step in head.steps]])
    if key not in features:
        features[key] = head.transform(read_fields(model.kind, model.fields, columns))
    alone = NoiseAwareClassifier(last)
    alone.classes_, alone.estimator_ = model.estimator.classes_, last
    return alone.predict_proba(features[key])
