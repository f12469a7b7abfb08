"""What is found of each of several tasks: its functions, and how good its labels are; plain values, frozen."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from labelwright.analysis.tasks.content import TaskScore
from labelwright.core import Class

__all__ = ["FoundDataSet", "FoundTask", "TaskScore", "TaskSource"]


@dataclass(frozen=True, slots=True)
class FoundDataSet:
    """One of several data sets.

    Parameters
    ----------
    name : str
    examples : int
    tasks : tuple of str
        What its examples are about.

    Examples
    --------
    >>> str(FoundDataSet("notes", 1200, ("finding", "kind")))
    'notes: 1,200 examples, about finding, kind'
    """

    name: str
    examples: int
    tasks: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"examples": self.examples, "tasks": list(self.tasks)}

    def __str__(self) -> str:
        return f"{self.name}: {self.examples:,} examples, about {', '.join(self.tasks)}"


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
