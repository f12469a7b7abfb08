"""Which sources contradict each other across tasks, and whom the labels follow there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.analysis.counting import conflicting_rows
from labelwright.core import SparseRows, Votes
from labelwright.core.task_votes import TaskVotes

__all__ = ["Contradictions", "SourcePair", "conflicting_on_tasks", "find_contradictions"]

Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

# Entries of votes that are held against another task's at a time.
_BLOCK = 65_536


@dataclass(frozen=True, slots=True)
class SourcePair:
    """Two sources whose votes on two tasks rule each other out.

    Parameters
    ----------
    tasks, sources : tuple of (str, str)
        The task of the first vote and that of the second, in the order of the graph; and who cast it. Both may be one.
    examples : int
        On how many examples.
    first_kept, second_kept : int
        On how many of these the labels agree with the first vote, and with the second; never with both.
    """

    tasks: tuple[str, str]
    sources: tuple[str, str]
    examples: int
    first_kept: int
    second_kept: int

    @property
    def neither_kept(self) -> int:
        """On how many the labels agree with neither."""
        return self.examples - self.first_kept - self.second_kept

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "tasks": list(self.tasks),
            "sources": list(self.sources),
            "examples": self.examples,
            "first_kept": self.first_kept,
            "second_kept": self.second_kept,
        }


@dataclass(frozen=True, slots=True)
class Contradictions:
    """Where raw votes on different tasks rule each other out, and what the labels make of it.

    Parameters
    ----------
    n : int
        Examples.
    examples : int
        Those on which any votes rule each other out.
    repaired : int
        Those of them whose labels keep every relation.
    by_tasks : dict of (str, str) to int
        Examples for every two tasks, most first; 0 left out.
    pairs : tuple of SourcePair
        Most examples first.
    """

    n: int
    examples: int
    repaired: int
    by_tasks: dict[tuple[str, str], int]
    pairs: tuple[SourcePair, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "examples": self.examples,
            "repaired": self.repaired,
            "by_tasks": [{"tasks": list(pair), "examples": count} for pair, count in self.by_tasks.items()],
            "by_sources": [pair.to_dict() for pair in self.pairs],
        }


def find_contradictions(votes: TaskVotes, vectors: npt.ArrayLike) -> Contradictions:
    """Find which sources contradict each other across tasks, and whom the labels follow.

    Parameters
    ----------
    votes : TaskVotes
    vectors : array_like of int, shape (n, tasks)
        The labels: a state of each task, as its code.

    Examples
    --------
    >>> from labelwright.core import TaskGraph
    >>> from labelwright.core.tasks import Implies
    >>> graph = TaskGraph.multi_label(["dog", "pet"], [Implies(("dog", "yes"), ("pet", "yes"))])
    >>> votes = TaskVotes(graph, {"dog": [[1], [1]], "pet": [[0], [1]]})
    >>> found = find_contradictions(votes, [[1, 1], [1, 1]])
    >>> found.examples, found.repaired, found.pairs
    (1, 1, (SourcePair(tasks=('dog', 'pet'), sources=('dog.0', 'pet.0'), examples=1, first_kept=1, second_kept=0),))
    """
    rows = np.flatnonzero(votes.contradictions())
    labels = np.asarray(vectors, dtype=np.int64)[rows]
    apart = votes.take(rows) if len(rows) else None
    pairs = [] if apart is None else [pair for found in _tied(apart) for pair in _between(apart, labels, *found)]
    by_tasks = votes.contradicting()
    return Contradictions(
        n=votes.n,
        examples=len(rows),
        repaired=int(votes.graph.is_feasible(labels).sum()) if len(rows) else 0,
        by_tasks=dict(sorted(by_tasks.items(), key=lambda item: -item[1])),
        pairs=tuple(sorted(pairs, key=lambda pair: (-pair.examples, pair.tasks, pair.sources))),
    )


def conflicting_on_tasks(votes: TaskVotes) -> Booleans:
    """Say of each task on which examples votes conflict, shape (n, tasks).

    There, votes on the task contradict each other, or one of them and a vote on another task rule each other out.

    Examples
    --------
    >>> from labelwright.core import TaskGraph
    >>> from labelwright.core.tasks import Implies
    >>> graph = TaskGraph.multi_label(["dog", "pet", "old"], [Implies(("dog", "yes"), ("pet", "yes"))])
    >>> votes = TaskVotes(graph, {"dog": [[1], [1]], "pet": [[0], [1]], "old": [[1, 1], [1, 0]]})
    >>> conflicting_on_tasks(votes).tolist()
    [[True, True, False], [False, False, True]]
    """
    out = np.zeros((votes.n, len(votes.graph.names)), dtype=bool)
    for place, task in enumerate(votes.graph.names):
        if task in votes.by_task:
            out[:, place] = conflicting_rows(votes.by_task[task])
    rows = np.flatnonzero(votes.contradictions())
    apart = votes.take(rows) if len(rows) else None
    for pair in [] if apart is None else _tied(apart):
        assert apart is not None
        for where, _, _ in _met(apart, *pair):
            for place in pair:
                out[rows[where], place] = True
    return out


def _tied(votes: TaskVotes) -> Iterator[tuple[int, int]]:
    """Yield the positions of every two tasks whose answers can rule each other out."""
    answers = votes.answers
    first, second = np.nonzero(~answers.compatible)
    for one, other in sorted({*zip(answers.task[first].tolist(), answers.task[second].tolist(), strict=True)}):
        if one < other:
            yield one, other


def _between(votes: TaskVotes, labels: Integers, first: int, second: int) -> Iterator[SourcePair]:
    """Yield the pairs of sources on two tasks that rule each other out, with how often and who is followed."""
    answers, names = votes.answers, votes.graph.names
    mine, other = votes.by_task[names[first]], votes.by_task[names[second]]
    counts = np.zeros((3, mine.m, other.m), dtype=np.int64)
    for where, columns, (said, denied) in _met(votes, first, second):
        kept_first = answers.member[said, answers.offsets[first] + labels[where, first]]
        kept_second = answers.member[denied, answers.offsets[second] + labels[where, second]]
        for count, mark in zip(counts, (np.ones_like(kept_first), kept_first, kept_second), strict=True):
            np.add.at(count, columns, mark)
    for a, b in np.argwhere(counts[0]):
        examples, kept, kept_other = counts[:, a, b].tolist()
        pair = (mine.sources[a], other.sources[b])
        yield SourcePair((names[first], names[second]), pair, examples, kept, kept_other)


def _met(
    votes: TaskVotes, first: int, second: int
) -> Iterator[tuple[Integers, tuple[Integers, Integers], tuple[Integers, Integers]]]:
    """Yield rows on which votes on two tasks rule each other out, with the columns and the answers of both votes."""
    answers, names = votes.answers, votes.graph.names
    rows, columns, given = _entries(votes.by_task[names[first]], answers.index[names[first]])
    against = _table(votes.by_task[names[second]], answers.index[names[second]])
    for start in range(0, len(rows), _BLOCK):
        part = slice(start, start + _BLOCK)
        met = against[rows[part]]
        entry, column = np.nonzero((met >= 0) & ~answers.compatible[given[part, None], met])
        yield rows[part][entry], (columns[part][entry], column), (given[part][entry], met[entry, column])


def _entries(votes: Votes, index: Integers) -> tuple[Integers, Integers, Integers]:
    """Return row, column and answer of every vote that was cast."""
    rows = votes.rows
    if isinstance(rows, SparseRows):
        return rows.entry_rows.astype(np.int64), rows.columns.astype(np.int64), index[rows.columns, rows.codes]
    where, columns = np.nonzero(rows >= 0)
    return where, columns, index[columns, rows[where, columns]]


def _table(votes: Votes, index: Integers) -> Integers:
    """Return the answers as a table, shape (n, m), -1 for none."""
    out = np.full((votes.n, votes.m), -1, dtype=np.int64)
    rows, columns, given = _entries(votes, index)
    out[rows, columns] = given
    return out
