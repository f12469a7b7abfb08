"""Votes on several related tasks: one label matrix for each task, and what the task graph says of them together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from .answers import Answers
from .classes import Class
from .errors import VoteError
from .given_votes import column_names
from .one_source import OneSource
from .sparse import SparseRows
from .task_graph import TaskGraph
from .tasks import NOT_APPLICABLE
from .votes import Votes

__all__ = ["TaskVotes", "voted_states"]

# Rows whose answers stand as a table at a time.
_BLOCK = 16_384


@dataclass(frozen=True, eq=False, init=False, repr=False)
class TaskVotes:
    """What sources said about n examples, each on one task or several: frozen, checked once, read-only.

    Parameters
    ----------
    graph : TaskGraph
    by_task : mapping of str to (Votes, or array_like of int, shape (n, m))
        The votes on each task that has sources. Codes are those of ``graph.states(task)``: the classes of the task, and
        N/A last where it may not apply; `Votes` over the classes alone are taken as they are. All have the same
        examples. A source that votes on several tasks is a column of the same name in each of them. The columns of a
        plain array are called ``"task.0"``, ``"task.1"``, ..., those of a data frame as it calls them; -1 marks an
        abstain.

    Raises
    ------
    VoteError
        If a task is unknown, votes differ in their examples or classes, or what one source said about one example
        contradicts itself under the graph.

    Examples
    --------
    >>> from labelwright.core.tasks import Refines, Task
    >>> tasks = [Task("finding", ["normal", "abnormal"]), Task("kind", ["mass", "nodule"])]
    >>> graph = TaskGraph(tasks, [Refines("kind", "finding", "abnormal")])
    >>> finding = Votes([[1], [0], [-1]], classes=["normal", "abnormal"], sources=["opacity"])
    >>> kind = Votes([[0], [1], [-1]], classes=["mass", "nodule"], sources=["large"])
    >>> votes = TaskVotes(graph, {"finding": finding, "kind": kind})
    >>> votes
    TaskVotes(n=3, tasks=2, sources=2, votes=4)
    >>> votes.contradictions().tolist()  # a nodule is abnormal
    [False, True, False]
    """

    graph: TaskGraph
    by_task: Mapping[str, Votes]

    def __init__(self, graph: TaskGraph, by_task: Mapping[str, Votes | npt.ArrayLike]) -> None:
        unknown = [task for task in by_task if task not in graph.names]
        if unknown or not by_task:
            said = f"a task {unknown[0]!r}" if unknown else "no task at all"
            raise VoteError(f"votes are given for {said}. The tasks are: {', '.join(graph.names)}.")
        known = {task: _declared(graph, task, by_task[task]) for task in graph.names if task in by_task}
        _check_same_examples(known)
        self._keep(graph, known)
        for source in self._several:
            rows, said = self._one(source).contradictions()
            if len(rows):
                raise VoteError(
                    f"example {self.example_ids[rows[0]]}, source {source!r} voted {said}, which cannot hold together "
                    f"under the task graph ({len(rows):,} such examples in all). Let it abstain on one of these tasks."
                )

    def _keep(self, graph: TaskGraph, by_task: Mapping[str, Votes]) -> None:
        object.__setattr__(self, "graph", graph)
        object.__setattr__(self, "by_task", MappingProxyType(dict(by_task)))

    def __reduce__(self) -> tuple[Any, ...]:
        # Mapping proxies cross no process border, and what was worked out need not.
        return _rebuilt, (self.graph, dict(self.by_task))

    @property
    def _first(self) -> Votes:
        return next(iter(self.by_task.values()))

    @property
    def n(self) -> int:
        """Number of examples."""
        return self._first.n

    @property
    def example_ids(self) -> npt.NDArray[Any]:
        """Ids of the examples, shape (n,)."""
        return self._first.example_ids

    @property
    def groups(self) -> npt.NDArray[Any] | None:
        """Which rows resampling never tells apart, shape (n,), or ``None``."""
        return self._first.groups

    @property
    def bucket(self) -> npt.NDArray[np.uint8]:
        """Which of 32 sub-sums each row belongs to, by a hash of its group or example id, shape (n,)."""
        return self._first.bucket

    @cached_property
    def sources(self) -> tuple[str, ...]:
        """All sources, each once, in the order of the tasks and their columns."""
        return tuple(dict.fromkeys(s for votes in self.by_task.values() for s in votes.sources))

    @cached_property
    def _tasks_of(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for task, votes in self.by_task.items():
            for source in votes.sources:
                found[source] = (*found.get(source, ()), task)
        return found

    @property
    def _several(self) -> list[str]:
        """Sources with several tasks that relations tie together."""
        component = {task: c for c, group in enumerate(self.graph.components) for task in group}
        return [s for s, tasks in self._tasks_of.items() if len({component[t] for t in tasks}) < len(tasks)]

    def _one(self, source: str) -> OneSource:
        return OneSource(source, self._tasks_of[source], self.graph, self.by_task, self.answers)

    def tasks_of(self, source: str) -> tuple[str, ...]:
        """Return the tasks that a source votes on, in the order of the graph."""
        if source not in self._tasks_of:
            raise VoteError(f"no source is called {source!r}; there are {', '.join(self.sources)}.")
        return self._tasks_of[source]

    @cached_property
    def answers(self) -> Answers:
        """The different answers that sources may give, and what each says about every task."""
        return Answers.of(self.graph, self.by_task)

    @cached_property
    def counted(self) -> Mapping[str, Votes]:
        """The votes as they count: what one answer of a source says, it says once.

        Who says that a tumour is a mass has said that there is one. A source that votes on both tasks, of which the
        second refines one class of the first, says so there: its vote is handed up, or else it would seem to speak of
        "normal" alone. (That it names a kind is then no news of whether there is a tumour; see `TaskGraph.above`.) What
        its other votes on the same example imply otherwise, by any relation, is left out. Of two votes that imply each
        other, N/A goes first, and then the one on the earlier task.

        Examples
        --------
        >>> from labelwright.core.tasks import Refines, Task
        >>> tasks = [Task("finding", ["normal", "abnormal"]), Task("kind", ["mass", "nodule"])]
        >>> graph = TaskGraph(tasks, [Refines("kind", "finding", "abnormal")])
        >>> finding = Votes([[0], [-1]], classes=["normal", "abnormal"], sources=["reader"])
        >>> kind = Votes([[-1], [0]], classes=["mass", "nodule"], sources=["reader"])
        >>> TaskVotes(graph, {"finding": finding, "kind": kind}).counted["finding"].rows.tolist()
        [[0], [1]]
        """
        kept = dict(self.by_task)
        for source in self._several:
            for task, codes in self._one(source).counted().items():
                kept[task] = _with_column(kept[task], source, codes)
        return MappingProxyType(kept)

    @cached_property
    def covered(self) -> npt.NDArray[np.bool_]:
        """Whether a task has a vote, or a vote elsewhere rules out at least one of its classes, shape (n, tasks)."""
        out = np.zeros((self.n, len(self.graph.tasks)), dtype=bool)
        narrowing = self.answers.narrowing.astype(np.float32)
        for start, given in self._given():
            out[start : start + len(given)] = given.astype(np.float32) @ narrowing > 0
        out.flags.writeable = False
        return out

    def contradictions(self) -> npt.NDArray[np.bool_]:
        """Say on which examples votes on different tasks rule each other out, shape (n,).

        Sources that disagree about one and the same task are not meant: that is a conflict, and no news.
        """
        out = np.zeros(self.n, dtype=bool)
        apart = (~self.answers.compatible).astype(np.float32)
        for start, given in self._given():
            out[start : start + len(given)] = ((given.astype(np.float32) @ apart > 0) & given).any(axis=1)
        return out

    def contradicting(self) -> dict[tuple[str, str], int]:
        """Count, for every two tasks, the examples on which a vote on one rules out a vote on the other; 0 left out.

        Examples
        --------
        >>> from labelwright.core.tasks import Implies
        >>> graph = TaskGraph.multi_label(["dog", "pet"], [Implies(("dog", "yes"), ("pet", "yes"))])
        >>> TaskVotes(graph, {"dog": [[1], [1]], "pet": [[0], [1]]}).contradicting()
        {('dog', 'pet'): 1}
        """
        answers, found = self.answers, dict[tuple[str, str], int]()
        ties = sorted({(answers.task[a], answers.task[b]) for a, b in np.argwhere(~answers.compatible)})
        for _, given in self._given():
            for first, second in ties:
                if first < second:
                    a, b = (np.flatnonzero(answers.task == t) for t in (first, second))
                    said = given[:, a].astype(np.float32) @ (~answers.compatible[np.ix_(a, b)]).astype(np.float32)
                    pair = (self.graph.names[first], self.graph.names[second])
                    found[pair] = found.get(pair, 0) + int(((said > 0) & given[:, b]).any(axis=1).sum())
        return {pair: rows for pair, rows in found.items() if rows}

    def take(self, index: npt.ArrayLike | slice) -> TaskVotes:
        """Return the rows at ``index`` (different positions, a slice or a boolean mask), ids and groups with them."""
        return _rebuilt(self.graph, {task: votes.take(index) for task, votes in self.by_task.items()})

    def select(self, sources: Sequence[str]) -> TaskVotes:
        """Return the votes of ``sources``, with the tasks they vote on.

        Examples
        --------
        >>> votes = TaskVotes(TaskGraph.multi_label(["dog", "cat"]), {"dog": [[1]], "cat": [[0]]})
        >>> list(votes.select(["cat.0"]).by_task)
        ['cat']
        """
        for source in sources:
            self.tasks_of(source)
        if not sources:
            raise VoteError("no source is selected; name at least one.")
        own = {task: [s for s in sources if s in votes.sources] for task, votes in self.by_task.items()}
        return _rebuilt(self.graph, {task: self.by_task[task].select(names) for task, names in own.items() if names})

    def part(self, names: Sequence[str]) -> TaskVotes:
        """Return the votes on some tasks alone, with the relations that tie these to each other.

        Where none of them has a source, the first one gets a label matrix without columns.

        Examples
        --------
        >>> votes = TaskVotes(TaskGraph.multi_label(["dog", "cat"]), {"dog": [[1]], "cat": [[0]]})
        >>> votes.part(["cat"]).graph.names
        ('cat',)
        """
        graph = self.graph.part(names)
        found = {task: self.by_task[task] for task in graph.names if task in self.by_task}
        if not found:
            one = self._first
            nothing = np.empty((self.n, 0), dtype=np.int8)
            states = graph.states(graph.names[0])
            found[graph.names[0]] = Votes(nothing, classes=states, example_ids=one.example_ids, groups=one.groups)
        return _rebuilt(graph, found)

    @staticmethod
    def concat(parts: Sequence[TaskVotes]) -> TaskVotes:
        """Stack the rows of votes that share tasks, sources and classes; alphabets are united."""
        if not parts or any(p.by_task.keys() != parts[0].by_task.keys() for p in parts):
            raise VoteError("there are no votes to concatenate, or they are not on the same tasks.")
        stacked = {task: Votes.concat([p.by_task[task] for p in parts]) for task in parts[0].by_task}
        return _rebuilt(parts[0].graph, stacked)

    def __len__(self) -> int:
        return self.n

    def __repr__(self) -> str:
        given = sum(_number_of_votes(votes) for votes in self.by_task.values())
        return f"TaskVotes(n={self.n:,}, tasks={len(self.by_task)}, sources={len(self.sources)}, votes={given:,})"

    def _given(self) -> Iterator[tuple[int, npt.NDArray[np.bool_]]]:
        """Yield (first row, which answers were given on each row of a block, shape (rows, answers))."""
        answers, a = self.answers, len(self.answers.task)
        for start in range(0, self.n, _BLOCK):
            stop = min(start + _BLOCK, self.n)
            given = np.zeros((stop - start, a + 1), dtype=bool)
            for task, votes in self.by_task.items():
                index = answers.index[task]
                if isinstance(votes.rows, SparseRows):
                    low, high = votes.rows.indptr[start], votes.rows.indptr[stop]
                    row = np.repeat(np.arange(stop - start), np.diff(votes.rows.indptr[start : stop + 1]))
                    given[row, index[votes.rows.columns[low:high], votes.rows.codes[low:high]]] = True
                else:
                    block = votes.rows[start:stop]
                    # Abstains mark one more column, which is cut off.
                    number = np.where(block >= 0, index[np.arange(votes.m), block], a)
                    given[np.arange(stop - start)[:, None], number] = True
            yield start, given[:, :a]


def _rebuilt(graph: TaskGraph, by_task: Mapping[str, Votes]) -> TaskVotes:
    """Return task votes of what was checked before."""
    out = object.__new__(TaskVotes)
    out._keep(graph, by_task)
    return out


def voted_states(graph: TaskGraph, task: str) -> tuple[Class, ...]:
    """Return the states that votes on a task are for.

    Raises
    ------
    VoteError
        If these are numbers and "N/A" mixed, which `Votes` do not hold.
    """
    states = graph.states(task)
    if states[-1] == NOT_APPLICABLE and isinstance(states[0], int):
        named = ", ".join(repr(str(state)) for state in states[: min(len(states) - 1, 3)])
        more = ", ..." if len(states) > 4 else ""
        raise VoteError(
            f"task {task!r} has numbers as classes and refines another task, so votes on it would be for numbers and "
            f"{NOT_APPLICABLE!r} mixed. Give its classes names: Task({task!r}, [{named}{more}])."
        )
    return states


def _declared(graph: TaskGraph, task: str, votes: Votes | npt.ArrayLike) -> Votes:
    """Return the votes on a task as votes for its states."""
    states = voted_states(graph, task)
    if not isinstance(votes, Votes):
        try:
            plain = Votes(votes)
            names = column_names(votes) or [f"{task}.{j}" for j in range(plain.m)]
            return Votes(votes, classes=states, sources=names)
        except VoteError as error:
            raise VoteError(f"task {task!r}: {error}") from None
    classes = graph.tasks[graph.names.index(task)].classes
    if votes.classes == states:
        return votes
    if votes.classes != classes:
        raise VoteError(
            f"the votes on task {task!r} have the classes {votes.classes}; its classes are {classes}"
            + (f", and {states[-1]!r} is its last state." if states != classes else ".")
        )
    return votes._with(votes.rows, classes=states)


def _check_same_examples(by_task: Mapping[str, Votes]) -> None:
    (first, one), *others = by_task.items()
    for task, votes in others:
        if votes.n != one.n:
            raise VoteError(f"there are {one.n} rows of votes on task {first!r}, but {votes.n} on {task!r}.")
        for what, mine, other in (
            ("example ids", one.example_ids, votes.example_ids),
            ("groups", one.groups, votes.groups),
        ):
            if (mine is None) != (other is None) or (mine is not None and not np.array_equal(mine, np.asarray(other))):
                raise VoteError(
                    f"votes on the tasks {first!r} and {task!r} differ in their {what}; all tasks have the same "
                    "examples, in the same order. A source that says nothing about one abstains."
                )


def _with_column(votes: Votes, source: str, codes: npt.NDArray[np.int64]) -> Votes:
    """Return ``votes`` with other codes of one source."""
    column = votes.sources.index(source)
    if not isinstance(votes.rows, SparseRows):
        dense = votes.rows.copy()
        dense[:, column] = codes
        return votes._with(dense)
    rows, spoken = votes.rows, np.flatnonzero(codes >= 0)
    kept = rows.columns != column
    entries = (
        np.concatenate([rows.entry_rows[kept], spoken]),
        np.concatenate([rows.columns[kept], np.full(len(spoken), column)]),
        np.concatenate([rows.codes[kept], codes[spoken]]),
    )
    return votes._with(SparseRows.from_entries(*entries, shape=rows.shape))


def _number_of_votes(votes: Votes) -> int:
    if isinstance(votes.rows, SparseRows):
        return len(votes.rows.codes)
    return sum(int((block >= 0).sum()) for _, block in votes.blocks())
