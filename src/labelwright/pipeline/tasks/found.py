"""What labelling several tasks together found: plain values, frozen."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labelwright.analysis import Estimate
from labelwright.analysis.tasks.graph_text import graph_text
from labelwright.core import Class, TaskGraph
from labelwright.core.task_labels import TaskLabels
from labelwright.labelmodels import Outcome

__all__ = ["FoundTask", "LabelledTasks", "TaskScore", "TaskSource"]


@dataclass(frozen=True, slots=True)
class TaskSource:
    """What one function did on one task over train.

    Parameters
    ----------
    name : str
    votes : int
        Examples on which it voted.
    n : int
        Examples of train.
    accuracy : float
        Estimated share of its votes that are right, where the task applies; learned without gold. NaN where unknown.
    """

    name: str
    votes: int
    n: int
    accuracy: float

    @property
    def coverage(self) -> float:
        """Share of the examples on which it voted."""
        return self.votes / self.n

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        accuracy = None if math.isnan(self.accuracy) else self.accuracy
        return {"name": self.name, "votes": self.votes, "coverage": self.coverage, "accuracy": accuracy}


@dataclass(frozen=True, slots=True)
class TaskScore:
    """How well the labels of one task match gold on one split.

    Parameters
    ----------
    n : int
        Examples with gold.
    accuracy, macro_f1 : Estimate
        Of the labels, with 95% intervals; "N/A" counts as a class where gold says it.
    """

    n: int
    accuracy: Estimate
    macro_f1: Estimate

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"n": self.n, "accuracy": self.accuracy.to_dict(), "macro_f1": self.macro_f1.to_dict()}


@dataclass(frozen=True, slots=True)
class FoundTask:
    """One task: its states, the functions that vote on it, and how good its labels are.

    Parameters
    ----------
    name : str
    states : tuple of (str or int)
        Its classes, then "N/A" where it may not apply.
    sources : tuple of TaskSource
    covered : float
        Share of train on which some vote, on this task or a related one, says something about its classes.
    scores : mapping of str to TaskScore
        By split; valid and test alone, where there is gold.
    """

    name: str
    states: tuple[Class, ...]
    sources: tuple[TaskSource, ...]
    covered: float
    scores: Mapping[str, TaskScore]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "states": list(self.states),
            "sources": [source.to_dict() for source in self.sources],
            "covered": self.covered,
            "scores": {split: one.to_dict() for split, one in self.scores.items()},
        }


@dataclass(frozen=True, slots=True, eq=False)
class LabelledTasks:
    """What `labelwright.pipeline.tasks.labelling.label_tasks` found.

    Parameters
    ----------
    project : str
    graph : TaskGraph
    splits : mapping of str to int
        Examples in each split.
    tasks : tuple of FoundTask
        In the order of the graph.
    contradicting : mapping of (str, str) to int
        For two tasks, on how many examples of train a vote on the one rules out a vote on the other; 0 left out.
    contradictions : int
        Examples of train on which any votes rule each other out.
    feasible : int
        Examples, of all splits, whose label vector was checked and keeps every relation.
    outcome : Outcome
        How learning ended.
    labels : mapping of str to TaskLabels
        The soft labels of each split.
    files : mapping of str to Path
        The file of each task, where labels were written.
    warnings : tuple of str
    """

    project: str
    graph: TaskGraph
    splits: Mapping[str, int]
    tasks: tuple[FoundTask, ...]
    contradicting: Mapping[tuple[str, str], int]
    contradictions: int
    feasible: int
    outcome: Outcome
    labels: Mapping[str, TaskLabels]
    files: Mapping[str, Path]
    warnings: tuple[str, ...]

    @property
    def tree(self) -> str:
        """Tasks and relations as text."""
        return graph_text(self.graph)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; the soft labels are not among them."""
        return {
            "project": self.project,
            "splits": dict(self.splits),
            "graph": self.tree.split("\n"),
            "tasks": {task.name: task.to_dict() for task in self.tasks},
            "contradictions": {
                "examples": self.contradictions,
                "pairs": [{"tasks": list(pair), "examples": n} for pair, n in self.contradicting.items()],
            },
            "labels_that_keep_every_relation": self.feasible,
            "label_model": {"kind": self.outcome.kind, "sentence": self.outcome.sentence},
            "files": {task: str(path) for task, path in self.files.items()},
            "warnings": list(self.warnings),
        }
