"""Labels of several tasks, read from any accepted kind: a distribution and a weight for each task and example."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.core import SoftLabels
from labelwright.core.classes import Class
from labelwright.core.errors import ModelError
from labelwright.core.task_graph import TaskGraph
from labelwright.core.task_labels import TaskLabels
from labelwright.core.tasks import NOT_APPLICABLE, Task
from labelwright.endmodels.base import Uncovered, targets

__all__ = ["TaskTargets", "task_targets"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class TaskTargets:
    """What a noise-aware loss over tasks needs to know of the labels.

    Parameters
    ----------
    graph : TaskGraph
    probs : dict of str to numpy.ndarray of float, shape (n, classes)
        Given that the task applies; rows sum to 1.
    weight : dict of str to numpy.ndarray of float, shape (n,)
        Probability that the task applies, times the weight given; 0 where nothing is known.
    """

    graph: TaskGraph
    probs: Mapping[str, Floats]
    weight: Mapping[str, Floats]


def task_targets(
    labels: TaskLabels | Mapping[str, Any],
    *,
    tasks: TaskGraph | None = None,
    weights: Mapping[str, npt.ArrayLike] | None = None,
    uncovered: Uncovered = "drop",
) -> TaskTargets:
    """Read labels of several tasks.

    Parameters
    ----------
    labels : TaskLabels, or mapping of str to labels of one task
        Labels of a task are `SoftLabels`; or float of shape (n, states), where a row of NaN is unknown; or hard labels
        of shape (n,): codes of states with -1 for unknown, or names of states with None. The states of a refined task
        are its classes and then N/A; of float with one column for each class alone, it is taken that the task applies.
    tasks : TaskGraph, optional
        Default: that of the `TaskLabels`; or tasks without relations, their classes read from the labels.
    weights : mapping of str to array_like of float, shape (n,), optional
        Weight of each example on a task, times which it counts.
    uncovered : {"drop", "keep"} or float in [0, 1], default "drop"
        Weight of the examples on which no source voted on a task: 0, 1 or the number given.

    Raises
    ------
    ModelError
        If lengths, columns, codes or names do not fit the tasks.

    Examples
    --------
    >>> found = task_targets({"shape": ["round", None, "flat"], "size": [[0.2, 0.8]] * 3})
    >>> found.probs["shape"].tolist(), found.weight["shape"].tolist()
    ([[0.0, 1.0], [0.0, 1.0], [1.0, 0.0]], [1.0, 0.0, 1.0])
    """
    if isinstance(labels, TaskLabels):
        graph = labels.graph if tasks is None else tasks
        given: Mapping[str, Any] = {name: labels.soft_labels(name) for name in labels.graph.names}
    else:
        given = {name: value if isinstance(value, SoftLabels) else np.asarray(value) for name, value in labels.items()}
        graph = _graph(given) if tasks is None else tasks
    if unknown := [name for name in [*given, *(weights or {})] if name not in graph.names]:
        raise ModelError(f"there is no task {unknown[0]!r}. There are: {', '.join(graph.names)}.")
    if len(counts := {len(value) for value in given.values()}) != 1:
        raise ModelError(f"tasks need labels for the same examples; got labels for {sorted(counts)} examples.")
    (n,) = counts
    probs, weight = {}, {}
    for task in graph.tasks:
        states = graph.states(task.name)
        k = len(task.classes)
        probs[task.name], known = np.full((n, k), 1 / k), np.zeros(n)
        if task.name in given:
            full, known = _distribution(given[task.name], task, states, uncovered)
            probs[task.name], applies = _given_applicable(full, k)
            known = known * applies
        own = np.asarray((weights or {}).get(task.name, np.ones(n)), dtype=np.float64)
        if own.shape != (n,) or not (np.isfinite(own) & (own >= 0)).all():
            raise ModelError(f"weights of task {task.name!r} must be {n} finite numbers of at least 0.")
        weight[task.name] = known * own
    return TaskTargets(graph, probs, weight)


def _graph(given: Mapping[str, Any]) -> TaskGraph:
    if not given:
        raise ModelError("there are labels of no task; pass a mapping of each task's name to its labels.")
    return TaskGraph([Task(name, _classes(name, labels)) for name, labels in given.items()])


def _classes(name: str, labels: Any) -> int | tuple[Class, ...]:
    if isinstance(labels, SoftLabels):
        return labels.classes
    if labels.ndim == 2:
        return int(labels.shape[1])
    if labels.ndim == 1 and labels.dtype.kind in "iub":
        return max(int(labels.max(initial=0)) + 1, 2)
    if labels.ndim == 1 and labels.dtype.kind in "OU":
        return tuple(sorted({str(label) for label in labels if label is not None and label != NOT_APPLICABLE}))
    raise ModelError(_not_labels(name, labels))


def _not_labels(name: str, labels: Any) -> str:
    return (
        f"labels of task {name!r} have shape {labels.shape} and dtype {labels.dtype}; they must be SoftLabels, floats "
        "of shape (n, states), or codes or names of shape (n,), -1 or None for unknown."
    )


def _distribution(
    labels: Any, task: Task, states: tuple[Class, ...], uncovered: Uncovered
) -> tuple[Floats, npt.NDArray[np.float64]]:
    """Return probabilities of states, or of classes alone, and what each row counts."""
    if isinstance(labels, SoftLabels):
        if labels.classes not in (states, task.classes):
            raise ModelError(f"soft labels of task {task.name!r} are over {labels.classes}; its states are {states}.")
        found = targets(labels, uncovered=uncovered)
        return found.probs, found.weight
    if labels.ndim == 2 and labels.dtype.kind in "fiub":
        if labels.shape[1] not in (len(states), len(task.classes)):
            raise ModelError(
                f"labels of task {task.name!r} have {labels.shape[1]} columns; it has {len(states)} states: {states}."
            )
        known = ~np.isnan(labels.astype(np.float64)).all(axis=1)
        rows = np.where(known[:, None], labels, 1 / labels.shape[1])
        return targets(SoftLabels(rows)).probs, known.astype(np.float64)
    if labels.ndim != 1 or labels.dtype.kind not in "iubOU":
        raise ModelError(_not_labels(task.name, labels))
    codes = labels.astype(np.int64) if labels.dtype.kind in "iub" else _codes(labels, task, states)
    if len(codes) and not (codes.min() >= -1 and codes.max() < len(states)):
        wrong = int(codes.min() if codes.min() < -1 else codes.max())
        raise ModelError(
            f"labels of task {task.name!r} hold the code {wrong}; allowed: 0 to {len(states) - 1}, and -1 for unknown."
        )
    return np.eye(len(states))[codes], (codes >= 0).astype(np.float64)


def _codes(labels: npt.NDArray[Any], task: Task, states: tuple[Class, ...]) -> npt.NDArray[np.int64]:
    code: dict[Any, int] = {state: position for position, state in enumerate(states)}
    code[None] = -1
    if unknown := sorted({repr(str(label)) for label in labels if label not in code}):
        raise ModelError(f"labels of task {task.name!r} name {unknown[0]}; its states are {states}, None for unknown.")
    return np.array([code[label] for label in labels], dtype=np.int64)


def _given_applicable(full: Floats, k: int) -> tuple[Floats, npt.NDArray[np.float64]]:
    """Return the distribution over the k classes given that the task applies, and the probability that it does."""
    if full.shape[1] == k:
        return full, np.ones(len(full))
    inside = full[:, :k]
    total = inside.sum(axis=1)
    probs = np.divide(inside, total[:, None], out=np.full(inside.shape, 1 / k), where=total[:, None] > 0)
    return probs, np.minimum(total, 1.0)
