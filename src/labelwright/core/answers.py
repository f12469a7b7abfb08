"""Answers: what a vote on one task says about every other task of a graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from .task_graph import TaskGraph
from .votes import Votes

__all__ = ["Answers"]

Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

# Numbers of one pass over the junction tree (32 MiB).
_MOST_NUMBERS = 4_194_304


@dataclass(frozen=True, eq=False)
class Answers:
    """The different answers that votes can give: each a task, and the states of it of which one holds.

    Parameters
    ----------
    graph : TaskGraph
    task : ndarray of int64, shape (a,)
        Position of each answer's task; rising.
    states : tuple of frozenset of int
        What each answer leaves of its task, as codes of states.
    index : mapping of str to ndarray of int64, shape (m, codes)
        For each task with votes: the answer that each code of each source stands for; -1 where it has no such code.

    Examples
    --------
    >>> from labelwright.core.tasks import Refines, Task
    >>> tasks = [Task("finding", ["no", "yes"]), Task("kind", ["a", "b"])]
    >>> graph = TaskGraph(tasks, [Refines("kind", "finding", "yes")])
    >>> answers = Answers.of(graph, {"kind": Votes([[0]], classes=["a", "b", "N/A"])})
    >>> answers.possible[0].tolist()  # it is an "a": finding is not "no", kind neither "b" nor N/A
    [False, True, True, False, False]
    """

    graph: TaskGraph
    task: Integers
    states: tuple[frozenset[int], ...]
    index: Mapping[str, Integers]

    @classmethod
    def of(cls, graph: TaskGraph, by_task: Mapping[str, Votes]) -> Answers:
        """List the answers that the sources of ``by_task`` have codes for."""
        task: list[int] = []
        states: list[frozenset[int]] = []
        index = {}
        for position, name in enumerate(graph.names):
            if name not in by_task:
                continue
            votes, number = by_task[name], dict[frozenset[int], int]()
            plain = tuple(frozenset([code]) for code in range(votes.k))
            sets = [votes.alphabet.get(source, plain) for source in votes.sources]
            found = np.full((votes.m, max(map(len, sets), default=0)), -1, dtype=np.int64)
            for row, own in zip(found, sets, strict=True):
                row[: len(own)] = [len(task) + number.setdefault(one, len(number)) for one in own]
            index[name] = found
            task.extend([position] * len(number))
            states.extend(number)
        return cls(graph, np.asarray(task, dtype=np.int64), tuple(states), index)

    @cached_property
    def offsets(self) -> Integers:
        """Where the states of each task begin among those of all tasks, shape (tasks + 1,)."""
        return np.concatenate([[0], np.cumsum(self.graph.sizes)]).astype(np.int64)

    @cached_property
    def member(self) -> Booleans:
        """Which states of its own task an answer leaves, shape (a, states of all tasks)."""
        out = np.zeros((len(self.task), int(self.offsets[-1])), dtype=bool)
        for answer, (task, states) in enumerate(zip(self.task.tolist(), self.states, strict=True)):
            out[answer, self.offsets[task] + np.asarray(sorted(states))] = True
        return out

    @cached_property
    def possible(self) -> Booleans:
        """Which states of every task can hold where an answer is right, shape (a, states of all tasks)."""
        return self._supported(
            {int(t): np.where(self.task == t, np.arange(len(self.task)), -1) for t in set(self.task)}
        )

    @cached_property
    def narrowing(self) -> Booleans:
        """Whether an answer is about a task, or rules out at least one of its classes, shape (a, tasks)."""
        classes = [np.arange(len(task.classes)) for task in self.graph.tasks]
        out = np.column_stack(
            [~self.possible[:, low + own].all(axis=1) for low, own in zip(self.offsets[:-1], classes, strict=True)]
        )
        out[np.arange(len(self.task)), self.task] = True
        return np.asarray(out)

    @cached_property
    def compatible(self) -> Booleans:
        """Whether two answers about different tasks can both be right, shape (a, a); True for one and the same task."""
        both = self.possible.astype(np.float32) @ self.member.astype(np.float32).T > 0
        return np.asarray(both | (self.task[:, None] == self.task))

    def consistent(self, numbers: Mapping[int, Integers]) -> Booleans:
        """Say which rows of answers can be right as a whole, shape (d,).

        ``numbers`` maps positions of tasks to the answer given on each of d rows, -1 for none.
        """
        return np.asarray(self._supported(numbers).any(axis=1))

    def without_implied(self, numbers: Mapping[int, Integers]) -> dict[int, Integers]:
        """Return rows of answers with -1 where the rest of the row implies what an answer says.

        Of answers that imply each other N/A goes first, then the one on the earlier task.
        """
        left = {task: answers.copy() for task, answers in numbers.items()}
        applies = np.asarray([len(self.graph.tasks[t].classes) for t in self.task.tolist()])
        not_applicable = np.asarray([min(states) for states in self.states]) >= applies
        for only in (True, False):
            for task, own in left.items():
                rows = np.flatnonzero(own >= 0)
                rows = rows[not_applicable[own[rows]]] if only else rows
                where = slice(self.offsets[task], self.offsets[task + 1])
                rest = self._supported({t: answers[rows] for t, answers in left.items() if t != task})[:, where]
                own[rows[~(rest & ~self.member[own[rows], where]).any(axis=1)]] = -1
        return left

    def shown(self, answer: int) -> str:
        """Return what an answer says, by name."""
        task = int(self.task[answer])
        names = self.graph.states(self.graph.names[task])
        return f"{self.graph.names[task]} = {' or '.join(str(names[s]) for s in sorted(self.states[answer]))}"

    def _supported(self, numbers: Mapping[int, Integers]) -> Booleans:
        """Return which states of every task can hold where answers are right, shape (d, states of all tasks)."""
        rows = len(next(iter(numbers.values()), ()))
        out = np.zeros((rows, int(self.offsets[-1])), dtype=bool)
        for start, stop in self._blocks(rows):
            evidence: list[npt.NDArray[np.float64] | None] = [None] * len(self.graph.tasks)
            for task, answers in numbers.items():
                part = answers[start:stop]
                allowed = self.member[part][:, self.offsets[task] : self.offsets[task + 1]] | (part < 0)[:, None]
                evidence[task] = np.where(allowed, 0.0, -np.inf)
            beliefs, log_sum = self.graph.tree.propagate(evidence)
            for task, c in enumerate(self.graph.tree.home):
                clique = self.graph.tree.cliques[c]
                # Logarithms, as a state of few vectors among very many has a probability that is 0 in floats.
                held = np.isfinite(beliefs[c]) & np.isfinite(log_sum)[:, None]
                codes = clique.states[:, clique.scope.index(task)]
                for state in range(self.graph.sizes[task]):
                    out[start:stop, self.offsets[task] + state] = held[:, codes == state].any(axis=1)
        return out

    def _blocks(self, rows: int) -> Iterator[tuple[int, int]]:
        size = max(1, _MOST_NUMBERS // sum(len(clique.states) for clique in self.graph.tree.cliques))
        for start in range(0, rows, size):
            yield start, min(start + size, rows)
