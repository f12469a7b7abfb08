"""Tasks, and what holds between them: the vocabulary of a task graph."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations, product
from typing import TypeAlias

from .classes import Class, check_classes
from .errors import TaskError, VoteError

__all__ = [
    "NOT_APPLICABLE",
    "Equal",
    "Excludes",
    "Feasible",
    "Implies",
    "Refines",
    "Relation",
    "Task",
]

# The state of a task that does not arise for an example: the kind of a tumour where there is none.
NOT_APPLICABLE = "N/A"


@dataclass(frozen=True, slots=True)
class Task:
    """One question about an example: a name, and the classes that answer it.

    Parameters
    ----------
    name : str
        Unique in its graph.
    classes : sequence of (str or int), or int
        As for `Votes`; in the order of their codes. "N/A" is not among them: a task gets that state by `Refines`.

    Raises
    ------
    TaskError
        If the name is empty, or the classes are not at least two different ones.

    Examples
    --------
    >>> Task("finding", ["normal", "abnormal"]).classes
    ('normal', 'abnormal')
    """

    name: str
    classes: tuple[Class, ...]

    def __init__(self, name: str, classes: int | Iterable[Class]) -> None:
        if not isinstance(name, str) or not name.strip():
            raise TaskError(f"a task needs a name, a string that is not empty; got {name!r}.")
        try:
            checked = check_classes(classes)
        except VoteError as error:
            raise TaskError(f"task {name!r}: {error}") from None
        if NOT_APPLICABLE in checked:
            raise TaskError(
                f"task {name!r} has a class {NOT_APPLICABLE!r}; leave it out, and say by Refines when the task applies."
            )
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "classes", checked)


# The states of every task by name: its classes, and N/A where it is refined from another.
States: TypeAlias = Mapping[str, tuple[Class, ...]]
# Tasks, and the combinations of their states that may occur together.
Table: TypeAlias = tuple[tuple[str, ...], frozenset[tuple[Class, ...]]]


@dataclass(frozen=True, slots=True)
class Refines:
    """A hierarchy: ``child`` asks further where ``parent`` is one of ``classes``, and is N/A elsewhere.

    Parameters
    ----------
    child, parent : str
    classes : str, int or sequence of them
        The classes of the parent at which the child applies.

    Examples
    --------
    >>> relation = Refines("kind", "finding", "abnormal")
    >>> states = {"finding": ("normal", "abnormal"), "kind": ("mass", "nodule", "N/A")}
    >>> sorted(relation.tables(states)[0][1])
    [('abnormal', 'mass'), ('abnormal', 'nodule'), ('normal', 'N/A')]
    """

    child: str
    parent: str
    classes: tuple[Class, ...]

    def __init__(self, child: str, parent: str, classes: Class | Iterable[Class]) -> None:
        object.__setattr__(self, "child", child)
        object.__setattr__(self, "parent", parent)
        object.__setattr__(self, "classes", (classes,) if isinstance(classes, (str, int)) else tuple(classes))

    def mentions(self) -> list[tuple[str, Class | None]]:
        """Return the tasks it speaks of, each with a class where it names one."""
        return [(self.child, None), *((self.parent, c) for c in self.classes)]

    def tables(self, states: States) -> list[Table]:
        """Return what may occur together, one table for each group of tasks."""
        rows = frozenset(
            (above, below)
            for above, below in product(states[self.parent], states[self.child])
            if (above in self.classes) == (below != NOT_APPLICABLE)
        )
        return [((self.parent, self.child), rows)]


@dataclass(frozen=True, slots=True)
class Implies:
    """``when`` (a task and its class) makes ``then`` certain: a person is an entity.

    Examples
    --------
    >>> relation = Implies(("person", "yes"), ("entity", "yes"))
    >>> states = {"person": ("no", "yes"), "entity": ("no", "yes")}
    >>> ("yes", "no") in relation.tables(states)[0][1]
    False
    """

    when: tuple[str, Class]
    then: tuple[str, Class]

    def mentions(self) -> list[tuple[str, Class | None]]:
        """Return the tasks it speaks of, each with a class where it names one."""
        return [self.when, self.then]

    def tables(self, states: States) -> list[Table]:
        """Return what may occur together, one table for each group of tasks."""
        (first, cause), (second, effect) = self.when, self.then
        rows = frozenset(
            pair for pair in product(states[first], states[second]) if pair[0] != cause or pair[1] == effect
        )
        return [((first, second), rows)]


@dataclass(frozen=True, slots=True)
class Excludes:
    """At most one of these holds: each a task and one of its classes, of different tasks.

    Examples
    --------
    >>> relation = Excludes(("cat", "yes"), ("dog", "yes"))
    >>> states = {"cat": ("no", "yes"), "dog": ("no", "yes")}
    >>> ("yes", "yes") in relation.tables(states)[0][1]
    False
    """

    pairs: tuple[tuple[str, Class], ...]

    def __init__(self, *pairs: tuple[str, Class]) -> None:
        if len(pairs) < 2 or len({name for name, _ in pairs}) < len(pairs):
            raise TaskError(f"Excludes needs two or more (task, class) of different tasks, got {pairs!r}.")
        object.__setattr__(self, "pairs", tuple(pairs))

    def mentions(self) -> list[tuple[str, Class | None]]:
        """Return the tasks it speaks of, each with a class where it names one."""
        return list(self.pairs)

    def tables(self, states: States) -> list[Table]:
        """Return what may occur together, one table for each group of tasks."""
        return [
            (
                (first, second),
                frozenset(pair for pair in product(states[first], states[second]) if pair != (one, other)),
            )
            for (first, one), (second, other) in combinations(self.pairs, 2)
        ]


@dataclass(frozen=True, slots=True)
class Equal:
    """Two tasks always have the same class, by name; a state that only one of them has cannot occur.

    Examples
    --------
    >>> sorted(Equal("a", "b").tables({"a": (0, 1), "b": (0, 1)})[0][1])
    [(0, 0), (1, 1)]
    """

    first: str
    second: str

    def mentions(self) -> list[tuple[str, Class | None]]:
        """Return the tasks it speaks of, each with a class where it names one."""
        return [(self.first, None), (self.second, None)]

    def tables(self, states: States) -> list[Table]:
        """Return what may occur together, one table for each group of tasks."""
        shared = [s for s in states[self.first] if s in states[self.second]]
        return [((self.first, self.second), frozenset((s, s) for s in shared))]


@dataclass(frozen=True, slots=True)
class Feasible:
    """A table: these combinations of classes may occur, and no others.

    Parameters
    ----------
    tasks : sequence of str
    rows : iterable of sequences of (str or int)
        Each holds a class (or "N/A") for each of ``tasks``.

    Examples
    --------
    >>> table = Feasible(["organ", "side"], [("heart", "left"), ("lung", "left"), ("lung", "right")])
    >>> len(table.rows)
    3
    """

    tasks: tuple[str, ...]
    rows: frozenset[tuple[Class, ...]]

    def __init__(self, tasks: Iterable[str], rows: Iterable[Iterable[Class]]) -> None:
        object.__setattr__(self, "tasks", tuple(tasks))
        object.__setattr__(self, "rows", frozenset(tuple(row) for row in rows))
        wrong = [row for row in self.rows if len(row) != len(self.tasks)]
        if wrong or not self.rows or len(set(self.tasks)) < len(self.tasks):
            raise TaskError(
                f"a table of feasible combinations of {list(self.tasks)} needs different tasks, and at least one row "
                f"with a class for each of them{f', got {wrong[0]!r}' if wrong else ''}."
            )

    def mentions(self) -> list[tuple[str, Class | None]]:
        """Return the tasks it speaks of, each with a class where it names one."""
        named: dict[tuple[str, Class | None], None] = dict.fromkeys((name, None) for name in self.tasks)
        named |= dict.fromkeys(
            pair for row in sorted(self.rows, key=repr) for pair in zip(self.tasks, row, strict=True)
        )
        return list(named)

    def tables(self, states: States) -> list[Table]:  # noqa: ARG002 - every relation is asked so
        """Return what may occur together, one table for each group of tasks."""
        return [(self.tasks, self.rows)]


Relation: TypeAlias = Refines | Implies | Excludes | Equal | Feasible
