"""Soft labels of several related tasks: for each example and task a probability for each state, all in agreement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import TaskError, VoteError
from .soft_labels import SoftLabels
from .sparse import positions
from .task_graph import TaskGraph
from .tasks import NOT_APPLICABLE

__all__ = ["TaskLabels"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False, init=False, repr=False)
class TaskLabels:
    """A distribution over the states of each task, for each of n examples: frozen, checked, read-only.

    Parameters
    ----------
    graph : TaskGraph
    probs : mapping of str to array_like of float, shape (n, states)
        One for each task, the marginals of one distribution over feasible label vectors: what the graph rules out has
        probability 0, and a task is N/A as often as its parent rules it out. Rows sum to 1 (within 1e-6).
    covered : array_like of bool, shape (n, tasks), optional
        Whether votes say something about the classes of a task. Default: all.
    example_ids : array_like of int or str, shape (n,), optional
        Default: the position.

    Raises
    ------
    VoteError
        If a task is missing or unknown, shapes do not fit, or a row is not a distribution.

    Examples
    --------
    >>> from labelwright.core.tasks import Refines, Task
    >>> tasks = [Task("finding", ["normal", "abnormal"]), Task("kind", ["mass", "nodule"])]
    >>> graph = TaskGraph(tasks, [Refines("kind", "finding", "abnormal")])
    >>> labels = TaskLabels(graph, {"finding": [[0.2, 0.8]], "kind": [[0.6, 0.2, 0.2]]})
    >>> classes, weights = labels.given_applicable("kind")
    >>> classes.round(2).tolist(), weights.round(2).tolist()
    ([[0.75, 0.25]], [0.8])
    """

    graph: TaskGraph
    probs: Mapping[str, Floats]
    covered: npt.NDArray[np.bool_]
    example_ids: npt.NDArray[Any]

    def __init__(
        self,
        graph: TaskGraph,
        probs: Mapping[str, npt.ArrayLike],
        covered: npt.ArrayLike | None = None,
        *,
        example_ids: npt.ArrayLike | None = None,
    ) -> None:
        if set(probs) != set(graph.names):
            raise VoteError(f"soft labels are given for the tasks {list(probs)}; the graph has {list(graph.names)}.")
        ids = None if example_ids is None else np.array(example_ids)
        checked = {task: _checked(graph, task, probs[task], ids) for task in graph.names}
        n = len(checked[graph.names[0]].probs)
        known = np.ones((n, len(graph.names)), dtype=bool) if covered is None else np.array(covered, dtype=bool)
        if known.shape != (n, len(graph.names)) or any(len(soft.probs) != n for soft in checked.values()):
            raise VoteError(
                f"soft labels have {sorted({len(soft.probs) for soft in checked.values()})} rows and covered has the "
                f"shape {known.shape}; every task needs {n} rows, and covered the shape ({n}, {len(graph.names)})."
            )
        known.flags.writeable = False
        object.__setattr__(self, "graph", graph)
        object.__setattr__(self, "probs", MappingProxyType({task: soft.probs for task, soft in checked.items()}))
        object.__setattr__(self, "covered", known)
        object.__setattr__(self, "example_ids", checked[graph.names[0]].example_ids)

    def __reduce__(self) -> tuple[Any, ...]:
        # Mapping proxies cross no process border.
        return _rebuilt, (self.graph, dict(self.probs), self.covered, self.example_ids)

    @property
    def n(self) -> int:
        """Number of examples."""
        return len(self.example_ids)

    def soft_labels(self, task: str) -> SoftLabels:
        """Return the soft labels of one task over its states.

        Examples
        --------
        >>> labels = TaskLabels(TaskGraph.multi_label(["dog"]), {"dog": [[0.3, 0.7]]})
        >>> labels.soft_labels("dog")
        SoftLabels(n=1, classes=('no', 'yes'), covered=100.0%)
        """
        states = self.graph.states(task)
        covered = self.covered[:, self.graph.names.index(task)]
        return SoftLabels(self.probs[task], covered, classes=states, example_ids=self.example_ids)

    def given_applicable(self, task: str) -> tuple[Floats, Floats]:
        """Return P(class | the task applies), shape (n, classes), and P(it applies), shape (n,).

        Where it surely does not apply, all classes are as probable as on the mean over the examples.
        """
        if task not in self.probs:
            raise TaskError(f"there is no task {task!r}. There are: {', '.join(self.graph.names)}.")
        probs = self.probs[task]
        if self.graph.states(task)[-1] != NOT_APPLICABLE:
            return np.array(probs), np.ones(self.n)
        classes = probs[:, :-1]
        weights = classes.sum(axis=1)
        total = classes.sum(axis=0)
        typical = total / total.sum() if total.sum() > 0 else np.full(len(total), 1 / len(total))
        shares = np.divide(classes, weights[:, None], out=np.tile(typical, (self.n, 1)), where=weights[:, None] > 0)
        return shares, np.minimum(weights, 1.0)

    @staticmethod
    def joined(graph: TaskGraph, parts: Sequence[TaskLabels]) -> TaskLabels:
        """Put labels of the same examples on different tasks together: one for each component of ``graph``, say.

        Examples
        --------
        >>> graph = TaskGraph.multi_label(["dog", "cat"])
        >>> dog, cat = (TaskLabels(graph.part([name]), {name: [[0.3, 0.7]]}) for name in graph.names)
        >>> TaskLabels.joined(graph, [cat, dog])
        TaskLabels(n=1, tasks=2)
        """
        if not parts or any(not np.array_equal(one.example_ids, parts[0].example_ids) for one in parts):
            raise VoteError("there are no labels to join, or they are of different examples.")
        covered = {name: one.covered[:, t] for one in parts for t, name in enumerate(one.graph.names)}
        probs = {name: found for one in parts for name, found in one.probs.items()}
        if set(probs) != set(graph.names) or sum(len(one.probs) for one in parts) != len(probs):
            raise VoteError(
                f"the labels to join are on the tasks {[name for one in parts for name in one.graph.names]}; the graph "
                f"has {list(graph.names)}, each of which is needed once."
            )
        known = np.stack([covered[name] for name in graph.names], axis=1)
        return _rebuilt(graph, probs, known, parts[0].example_ids)

    def take(self, index: npt.ArrayLike | slice) -> TaskLabels:
        """Return the rows at ``index`` (positions, a slice or a boolean mask)."""
        rows = positions(index, self.n)
        probs = {task: p[rows] for task, p in self.probs.items()}
        return _rebuilt(self.graph, probs, self.covered[rows], self.example_ids[rows])

    def __len__(self) -> int:
        return self.n

    def __repr__(self) -> str:
        return f"TaskLabels(n={self.n:,}, tasks={len(self.probs)})"


def _checked(graph: TaskGraph, task: str, probs: npt.ArrayLike, ids: npt.NDArray[Any] | None) -> SoftLabels:
    try:
        return SoftLabels(probs, classes=graph.states(task), example_ids=ids)
    except VoteError as error:
        raise VoteError(f"task {task!r}: {error}") from None


def _rebuilt(
    graph: TaskGraph, probs: Mapping[str, Floats], covered: npt.NDArray[np.bool_], example_ids: npt.NDArray[Any]
) -> TaskLabels:
    return TaskLabels(graph, probs, covered, example_ids=example_ids)
