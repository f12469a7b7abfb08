"""What is found of each task: its functions, how far they are trusted, and how good its labels are."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from labelwright.analysis import score
from labelwright.core import SoftLabels
from labelwright.core.task_labels import TaskLabels
from labelwright.core.task_votes import TaskVotes

from .found_tasks import FoundTask, TaskScore, TaskSource

__all__ = ["as_answered", "find_task", "score_task"]

Codes = npt.NDArray[np.int64]


def find_task(
    name: str, votes: TaskVotes, accuracies: Mapping[str, npt.NDArray[np.float64]], scores: Mapping[str, TaskScore]
) -> FoundTask:
    """Return what is found of one task.

    Parameters
    ----------
    name : str
    votes : TaskVotes
        Those on train.
    accuracies : mapping of str to ndarray of float, shape (m,)
        Of the sources of each task, as the label model learned them.
    scores : mapping of str to TaskScore
        By split.
    """
    graph, own = votes.graph, votes.by_task.get(name)
    sources: tuple[TaskSource, ...] = ()
    if own is not None:
        counts = np.sum([(block >= 0).sum(axis=0) for _, block in own.blocks()], axis=0)
        sources = tuple(
            TaskSource(source, int(counts[j]), votes.n, float(accuracies[name][j]))
            for j, source in enumerate(own.sources)
        )
    covered = votes.covered[:, graph.names.index(name)]
    return FoundTask(name, graph.states(name), sources, float(covered.mean()), scores)


def score_task(
    task: str, labels: TaskLabels, vectors: Codes, gold: Codes | None, groups: npt.NDArray[np.generic] | None
) -> TaskScore | None:
    """Score the labels of one task on a split as they are written: as the most probable label vectors say.

    Parameters
    ----------
    task : str
    labels : TaskLabels
    vectors : ndarray of int, shape (n, tasks)
    gold : ndarray of int, shape (n,), or None
        Codes of states, -1 where unknown.
    groups : ndarray, shape (n,), or None
        Rows that resampling keeps together.

    Returns
    -------
    TaskScore or None
        ``None`` where no gold is known.
    """
    if gold is None or not (gold >= 0).any():
        return None
    found = score(as_answered(task, labels, vectors), gold, groups=groups)
    return TaskScore(found.n, found.accuracy, found.macro_f1)


def as_answered(task: str, labels: TaskLabels, vectors: Codes) -> SoftLabels:
    """Return the labels of one task as they are written: all mass on what the most probable label vectors say."""
    soft = labels.soft_labels(task)
    certain = np.eye(len(soft.classes))[vectors[:, labels.graph.names.index(task)]]
    return SoftLabels(certain, soft.covered, classes=soft.classes, example_ids=soft.example_ids)
