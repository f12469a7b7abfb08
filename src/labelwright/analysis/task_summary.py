"""What each source did on each of several related tasks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from labelwright.core.errors import VoteError
from labelwright.core.task_votes import TaskVotes

from .summary import Summary, lf_summary

__all__ = ["TaskSummary", "lf_summary_by_task"]


@dataclass(frozen=True, slots=True, repr=False)
class TaskSummary:
    """What each source did, task by task: see `lf_summary_by_task`.

    Parameters
    ----------
    by_task : mapping of str to Summary
        Tasks that have sources, in the order of the graph.
    contradicting : mapping of (str, str) to int
        For two tasks, the number of examples on which a vote on one rules out a vote on the other.
    """

    by_task: Mapping[str, Summary]
    contradicting: Mapping[tuple[str, str], int]

    def __getitem__(self, task: str) -> Summary:
        return self.by_task[task]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        pairs = [{"tasks": list(pair), "examples": count} for pair, count in self.contradicting.items()]
        return {"tasks": {task: found.to_dict() for task, found in self.by_task.items()}, "contradicting": pairs}

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        parts = [f"{task}: {found}" for task, found in self.by_task.items()]
        parts += [f"{a} and {b}: votes rule each other out on {n:,} examples" for (a, b), n in self._sorted()]
        return "\n\n".join(parts)

    def _sorted(self) -> list[tuple[tuple[str, str], int]]:
        return sorted(self.contradicting.items(), key=lambda item: (-item[1], item[0]))


def lf_summary_by_task(votes: TaskVotes, gold: Mapping[str, Iterable[Any]] | None = None) -> TaskSummary:
    """Summarise what each source did on each task it votes on.

    Parameters
    ----------
    votes : TaskVotes
    gold : mapping of str to iterable of (state, code or None), shape (n,), optional
        True states by task, for scoring only; "N/A" where a task does not apply. ``None``, NaN and -1 mean unknown.

    Returns
    -------
    TaskSummary
        Prints as one table for each task.

    Raises
    ------
    VoteError
        If gold names a task that has no votes, or does not fit them.

    Examples
    --------
    >>> from labelwright.core import TaskGraph
    >>> votes = TaskVotes(TaskGraph.multi_label(["dog", "cat"]), {"dog": [[1], [0]], "cat": [[1], [-1]]})
    >>> found = lf_summary_by_task(votes, gold={"dog": ["yes", "yes"]})
    >>> found["dog"]["dog.0"].correct, found["cat"]["cat.0"].votes
    (1, 1)
    """
    unknown = [task for task in gold or () if task not in votes.by_task]
    if unknown:
        raise VoteError(f"gold names task {unknown[0]!r}, which has no votes. There are: {', '.join(votes.by_task)}.")
    known = gold or {}
    return TaskSummary(
        {task: lf_summary(found, known.get(task)) for task, found in votes.by_task.items()}, votes.contradicting()
    )
