"""From what functions over tasks return to codes: every answer is checked against the task graph."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.core import ABSTAIN, Class
from labelwright.core.errors import FunctionError, LabelingError
from labelwright.core.task_graph import TaskGraph
from labelwright.core.task_votes import voted_states

from .base import LabelingFunction, VectorisedFunction
from .task_answers import TRUTHS, by_task, choices, wrong_answer

__all__ = ["ColumnSets", "ContradictionError", "FunctionTasks", "TaskCodebook", "contradicts", "places"]

# For each column, the sets of states that its codes beyond the states mean.
ColumnSets = tuple[tuple[frozenset[int], ...], ...]
Said = tuple[frozenset[int] | None, ...]


class ContradictionError(Exception):
    """What one function said of one example cannot hold together."""


@dataclass(frozen=True, eq=False)
class FunctionTasks:
    """A labeling function among the tasks of a graph: its columns, and the codes of what it may vote for.

    Parameters
    ----------
    function : LabelingFunction
    graph : TaskGraph
    first : int
        Its first column; the others follow.

    Raises
    ------
    FunctionError
        If it names no task, or a task, class or example that the graph rules out.
    """

    function: LabelingFunction
    graph: TaskGraph
    first: int
    _agrees: dict[Said, bool] = field(default_factory=dict, init=False)
    tasks: tuple[str, ...] = field(init=False)
    codes: tuple[dict[Class, int], ...] = field(init=False)

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        set_(self, "tasks", self._own_tasks())
        set_(self, "codes", tuple({} for _ in self.tasks))
        set_(self, "codes", tuple(self._codes_of(task) for task in self.tasks))
        if isinstance(self.function, VectorisedFunction):
            self._check(self.function.label, "label of")
        for given, vote in self.function.examples:
            self._check(vote, f"example {given!r} of")

    def said(self, answer: Any) -> Said:
        """Return an answer as a set of states for each task, ``None`` where it abstains.

        Raises
        ------
        ValueError
            If it is no answer that the function may give; the message says why, and what is allowed.
        """
        reason = wrong_answer(answer, self.tasks)
        if reason:
            raise ValueError(reason)
        given = by_task(answer, self.tasks)
        return tuple(self.set_of(column, given.get(task)) for column, task in enumerate(self.tasks))

    def set_of(self, column: int, value: Any) -> frozenset[int] | None:
        """Return the states of which a vote on one task says that one holds; ``None`` where they are all, or none.

        Raises
        ------
        ValueError
            If a class is unknown, or none that the function may vote for.
        """
        task, codes = self.tasks[column], self.codes[column]
        states = self.graph.states(task)
        found = set()
        for one in choices(value):
            if isinstance(one, bool) and set(states) >= set(TRUTHS):
                one = TRUTHS[one]
            if isinstance(one, bool) or one not in codes:
                named = dict.fromkeys(states[code] for code in codes.values())
                raise ValueError(
                    f"{one!r} is no class that it may vote for on task {task!r}; allowed: "
                    f"{', '.join(map(repr, named))}, or a list of them, or None or -1 to abstain."
                )
            found.add(codes[one])
        return frozenset(found) if 0 < len(found) < len(states) else None

    def shown(self, said: Said) -> str:
        """Return an answer in words.

        Examples
        --------
        >>> from labelwright.labeling import labeling_function
        >>> graph = TaskGraph.multi_label(["dog", "cat"])
        >>> pets = FunctionTasks(labeling_function(tasks=["dog", "cat"])(lambda x: None), graph, 0)
        >>> pets.shown(pets.said({"dog": True, "cat": "no"}))
        "dog = 'yes', cat = 'no'"
        """
        parts = []
        for task, states in zip(self.tasks, said, strict=True):
            if states is not None:
                named = [repr(self.graph.states(task)[s]) for s in sorted(states)]
                parts.append(f"{task} = {' or '.join(named)}")
        return ", ".join(parts)

    def contradicts(self, said: Said) -> bool:
        """Say whether an answer cannot hold together under the graph; what was asked once is remembered."""
        if said not in self._agrees:
            self._agrees[said] = not contradicts(self.graph, self.tasks, [said])[0]
        return not self._agrees[said]

    def _check(self, vote: Any, where: str) -> None:
        try:
            said = self.said(vote)
        except ValueError as error:
            raise FunctionError(f"{where} labeling function {self.function.name!r}: {error}") from None
        if self.contradicts(said):
            raise FunctionError(
                f"{where} labeling function {self.function.name!r}: {self.shown(said)} cannot hold together under the "
                "task graph."
            )

    def _own_tasks(self) -> tuple[str, ...]:
        name, tasks = self.function.name, self.function.tasks
        there = f"The tasks are: {', '.join(self.graph.names)}."
        if tasks is None:
            if len(self.graph.names) == 1:
                return self.graph.names
            raise FunctionError(
                f"labeling function {name!r} does not say which task it votes on; pass task= (or tasks=). {there}"
            )
        unknown = [task for task in tasks if task not in self.graph.names]
        if unknown:
            raise FunctionError(f"labeling function {name!r} votes on a task {unknown[0]!r}. {there}")
        return tasks

    def _codes_of(self, task: str) -> dict[Class, int]:
        """Return the codes of what the function may vote for on a task; their codes are taken where they are named."""
        states = self.graph.states(task)
        codes: dict[Class, int] = {state: code for code, state in enumerate(states)}
        if any(isinstance(s, str) for s in states[:1]):
            codes |= {code: code for code in range(len(states))}
        labels = self.function.labels_of(task)
        if labels is None:
            return codes
        unknown = [label for label in labels if label not in codes]
        if unknown:
            raise FunctionError(
                f"labeling function {self.function.name!r} declares {unknown[0]!r}, which task {task!r} does not have. "
                f"It has: {', '.join(map(str, states))}."
            )
        allowed = {codes[label] for label in labels}
        return {value: code for value, code in codes.items() if code in allowed}


class TaskCodebook:
    """Codes of answers within one part: a column for each function and each of its tasks.

    Codes are those of the states of the task; a set of several states has a code beyond them, in order of appearance.

    Parameters
    ----------
    functions : sequence of FunctionTasks
    """

    def __init__(self, functions: Sequence[FunctionTasks]) -> None:
        self._functions = {place.function.name: place for place in functions}
        self._sets: list[dict[frozenset[int], int]] = [{} for place in functions for _ in place.tasks]
        self.contradictory: list[tuple[int, ContradictionError]] = []

    @property
    def classes(self) -> tuple[()]:
        """There are no classes that all columns share; see `PartVotes`."""
        return ()

    @property
    def fits(self) -> bool:
        """Whether every code fits a single byte."""
        sizes = [len(p.graph.states(task)) for p in self._functions.values() for task in p.tasks]
        return all(n + len(s) <= np.iinfo(np.int8).max for n, s in zip(sizes, self._sets, strict=True))

    @property
    def sets(self) -> ColumnSets:
        """The sets that were voted for, by column."""
        return tuple(tuple(found) for found in self._sets)

    def code_of(self, function: VectorisedFunction) -> int:
        """Return what marks the rows on which a vectorised function votes; what it says there is always the same."""
        del function
        return 0

    def fixed(self, function: VectorisedFunction) -> npt.NDArray[np.int16]:
        """Return what a vectorised function says wherever it votes, shape (its tasks,)."""
        place = self._functions[function.name]
        codes = [self._code(place, column, states) for column, states in enumerate(place.said(function.label))]
        return np.asarray(codes, dtype=np.int16)

    def encode(
        self, votes: Sequence[Any], function: LabelingFunction, example_id: Callable[[int], Any]
    ) -> npt.NDArray[np.int16]:
        """Turn the answers of one function on consecutive examples into codes, shape (len(votes), its tasks).

        An answer that contradicts itself abstains on all tasks, and ``contradictory`` notes where, until the next call.

        Raises
        ------
        LabelingError
            If an answer names what is no task or class that the function may vote for.
        """
        place = self._functions[function.name]
        self.contradictory = []
        out = np.full((len(votes), len(place.tasks)), ABSTAIN, dtype=np.int16)
        seen: dict[Any, list[int]] = {}
        for position, answer in enumerate(votes):
            if answer is None:
                continue
            key = _key(answer)
            if key is not None and key in seen:
                out[position] = seen[key]
                continue
            try:
                said = place.said(answer)
            except ValueError as error:
                raise _bad_answer(function, answer, example_id(position), str(error)) from None
            if place.contradicts(said):
                self.contradictory.append((position, _apart(place.shown(said))))
                continue
            codes = [self._code(place, column, states) for column, states in enumerate(said)]
            out[position] = codes
            if key is not None:
                seen[key] = codes
        return out

    def _code(self, place: FunctionTasks, column: int, states: frozenset[int] | None) -> int:
        if states is None:
            return ABSTAIN
        if len(states) == 1:
            return next(iter(states))
        known = self._sets[place.first + column]
        return known.setdefault(states, len(place.graph.states(place.tasks[column])) + len(known))


def contradicts(graph: TaskGraph, tasks: Sequence[str], answers: Sequence[Said]) -> npt.NDArray[np.bool_]:
    """Say which answers cannot hold together, shape (len(answers),).

    Parameters
    ----------
    graph : TaskGraph
    tasks : sequence of str
    answers : sequence of tuples, one entry per task
        Sets of states of which one holds, or ``None``: nothing is said.

    Examples
    --------
    >>> from labelwright.core.tasks import Implies
    >>> graph = TaskGraph.multi_label(["dog", "pet"], [Implies(("dog", "yes"), ("pet", "yes"))])
    >>> yes, no = frozenset({1}), frozenset({0})
    >>> contradicts(graph, ["dog", "pet"], [(yes, yes), (yes, no), (None, no)]).tolist()
    [False, True, False]
    """
    evidence: list[npt.NDArray[np.float64] | None] = [None] * len(graph.tasks)
    for column, task in enumerate(tasks):
        states = range(len(graph.states(task)))
        told = [[0.0 if a[column] is None or s in (a[column] or ()) else -np.inf for s in states] for a in answers]
        evidence[graph.names.index(task)] = np.asarray(told)
    _, weight = graph.tree.propagate(evidence)
    return np.isneginf(np.broadcast_to(weight, len(answers)))


def places(functions: Iterable[LabelingFunction], graph: TaskGraph) -> tuple[FunctionTasks, ...]:
    """Give every function its columns, after checking it against the graph."""
    found, first = [], 0
    for function in functions:
        found.append(FunctionTasks(function, graph, first))
        for task in found[-1].tasks:
            voted_states(graph, task)
        first += len(found[-1].tasks)
    return tuple(found)


def _key(answer: Any) -> Any:
    """Return what an answer is remembered by; ``None`` where it may equal another, as 1 equals ``True``."""
    if type(answer) is str:
        return answer
    if type(answer) is dict and all(type(v) is str for v in answer.values()):
        return tuple(answer.items())
    return None


def _apart(shown: str) -> ContradictionError:
    return ContradictionError(f"gave answers that cannot hold together ({shown})")


def _bad_answer(function: LabelingFunction, answer: Any, example_id: Any, reason: str) -> LabelingError:
    shown = dict(answer) if isinstance(answer, Mapping) else answer
    message = f"labeling function {function.name!r} voted {shown!r} on example {example_id!r}: {reason}"
    return LabelingError(message, source=function.name, example_id=example_id)
