"""Task graphs: related tasks, which label vectors are feasible, and what one answer says about the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from .classes import Class
from .errors import TaskError
from .junction_tree import Factor, JunctionTree, junction_tree
from .tasks import NOT_APPLICABLE, Refines, Relation, Task

__all__ = ["TaskGraph"]

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class TaskGraph:
    """Tasks, and what holds between their classes.

    A *feasible label vector* gives every task a state (one of its classes, or N/A where the task does not apply) such
    that every relation holds.

    Parameters
    ----------
    tasks : sequence of Task
    relations : sequence of Refines, Implies, Excludes, Equal or Feasible, optional
    most_states : int, default 100,000
        Most combinations that tasks which depend on each other directly may have together; exact inference keeps a
        number for each of them and example.

    Raises
    ------
    TaskError
        If names repeat or are unknown, a hierarchy has a cycle, nothing is feasible, a class can never hold (it is
        named, with the relations that rule it out), or exact inference would need more than ``most_states``.

    Examples
    --------
    >>> from labelwright.core.tasks import Refines, Task
    >>> graph = TaskGraph(
    ...     [Task("finding", ["normal", "abnormal"]), Task("kind", ["mass", "nodule"])],
    ...     [Refines("kind", "finding", "abnormal")],
    ... )
    >>> graph.states("kind")
    ('mass', 'nodule', 'N/A')
    >>> [graph.named(vector) for vector in graph.feasible()]
    [('normal', 'N/A'), ('abnormal', 'mass'), ('abnormal', 'nodule')]
    >>> graph.implied({"kind": "mass"})["finding"]
    ('abnormal',)
    """

    tasks: tuple[Task, ...]
    relations: tuple[Relation, ...] = ()
    most_states: int = 100_000

    def __init__(
        self, tasks: Iterable[Task], relations: Iterable[Relation] = (), *, most_states: int = 100_000
    ) -> None:
        object.__setattr__(self, "tasks", tuple(tasks))
        object.__setattr__(self, "relations", tuple(relations))
        object.__setattr__(self, "most_states", most_states)
        _check_names(self.tasks)
        self._check_relations()
        self._check_attainable()

    @classmethod
    def multi_label(cls, labels: Sequence[str], relations: Iterable[Relation] = ()) -> TaskGraph:
        """Make each label a task with the classes "no" and "yes".

        Examples
        --------
        >>> from labelwright.core.tasks import Implies
        >>> TaskGraph.multi_label(["dog", "pet"], [Implies(("dog", "yes"), ("pet", "yes"))]).count()
        3
        """
        return cls([Task(label, ["no", "yes"]) for label in labels], relations)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The tasks' names, in order."""
        return tuple(task.name for task in self.tasks)

    @cached_property
    def _states(self) -> dict[str, tuple[Class, ...]]:
        refined = {r.child for r in self.relations if isinstance(r, Refines)}
        return {
            task.name: (*task.classes, NOT_APPLICABLE) if task.name in refined else task.classes for task in self.tasks
        }

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """How many states each task has."""
        return tuple(len(self._states[name]) for name in self.names)

    def states(self, task: str) -> tuple[Class, ...]:
        """Return the states of a task in the order of their codes: its classes, then "N/A" where it may not apply."""
        if task not in self._states:
            raise TaskError(f"there is no task {task!r}. There are: {', '.join(self.names)}.")
        return self._states[task]

    @cached_property
    def above(self) -> dict[str, tuple[str, int]]:
        """For each task that refines one class of one task: that task, and the code of the class; from above down.

        Examples
        --------
        >>> tasks = [Task("finding", ["no", "yes"]), Task("kind", ["a", "b"])]
        >>> TaskGraph(tasks, [Refines("kind", "finding", "yes")]).above
        {'kind': ('finding', 1)}
        """
        refined = [r for r in self.relations if isinstance(r, Refines)]
        children = [r.child for r in refined]
        left = {r.child: r for r in refined if len(r.classes) == 1 and children.count(r.child) == 1}
        found = dict[str, tuple[str, int]]()
        while left:
            for child in [child for child, r in left.items() if r.parent not in left]:
                r = left.pop(child)
                found[child] = (r.parent, self._states[r.parent].index(r.classes[0]))
        return found

    @cached_property
    def factors(self) -> tuple[Factor, ...]:
        """What may occur together, one table for each group of tasks that a relation ties."""
        return tuple(
            self._factor(tasks, rows) for relation in self.relations for tasks, rows in relation.tables(self._states)
        )

    @cached_property
    def tree(self) -> JunctionTree:
        """The junction tree, for exact sums over all feasible vectors."""
        return junction_tree(self.sizes, self.factors, most_states=self.most_states)

    @cached_property
    def components(self) -> tuple[tuple[str, ...], ...]:
        """Groups of tasks that relations tie together; tasks of different groups say nothing about each other."""
        root = {name: name for name in self.names}

        def find(name: str) -> str:
            while root[name] != name:
                name = root[name]
            return name

        for factor in self.factors:
            first, *rest = (self.names[t] for t in factor.scope)
            for other in rest:
                root[find(other)] = find(first)
        groups: dict[str, list[str]] = {}
        for name in self.names:
            groups.setdefault(find(name), []).append(name)
        return tuple(tuple(group) for group in groups.values())

    @cached_property
    def parts(self) -> tuple[TaskGraph, ...]:
        """A graph for each component, its tasks in an order that does not hang on this graph's: parents first."""
        depth: dict[str, int] = {}
        parents = {r.child: r.parent for r in self.relations if isinstance(r, Refines)}
        for name in self.names:
            above = name
            depth[name] = 0
            while above in parents:
                above, depth[name] = parents[above], depth[name] + 1
        return tuple(self.part(sorted(names, key=lambda name: (depth[name], name))) for names in self.components)

    def part(self, names: Sequence[str]) -> TaskGraph:
        """Return the graph of some tasks, in the order given, with the relations that tie these alone."""
        tasks = {task.name: task for task in self.tasks}
        relations = [r for r in self.relations if set(names).issuperset(name for name, _ in r.mentions())]
        return TaskGraph([tasks[name] for name in names], relations, most_states=self.most_states)

    def count(self) -> int:
        """Return how many feasible vectors there are, exactly, without listing them."""
        return self.tree.count()

    def feasible(self, *, limit: int = 100_000) -> Integers:
        """List all feasible vectors.

        Parameters
        ----------
        limit : int
            Most vectors to list.

        Returns
        -------
        numpy.ndarray of int, shape (feasible vectors, tasks)
            Codes of states, in lexicographic order.

        Raises
        ------
        TaskError
            If there are more than ``limit``.
        """
        if (there := self.count()) > limit:
            raise TaskError(f"{there:,} label vectors are feasible, more than the limit of {limit:,}; use the tree.")
        rows: Integers = np.zeros((1, 0), dtype=np.int64)
        scope: list[int] = []
        for clique in reversed(self.tree.cliques):  # parents come first, so each clique adds to what is there
            rows, scope = _extended(rows, scope, clique.states, clique.scope)
        rows = rows[:, np.argsort(scope)]
        return rows[np.lexsort(rows.T[::-1])]

    def is_feasible(self, vectors: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Say which label vectors (codes of states, shape (n, tasks)) keep every relation; returns shape (n,)."""
        rows = np.asarray(vectors)
        inside = (rows >= 0) & (rows < np.asarray(self.sizes))
        kept: npt.NDArray[np.bool_] = np.logical_and.reduce(inside, axis=1)
        for factor in self.factors:
            kept[kept] = factor.allows(rows[kept][:, list(factor.scope)])
        return kept

    def implied(self, answers: Mapping[str, Class | Sequence[Class]]) -> dict[str, tuple[Class, ...]]:
        """Return the states that each task may still have, given answers to some of them.

        Parameters
        ----------
        answers : mapping of task to a state, or to several of which one holds

        Returns
        -------
        dict of task to tuple of states
            Empty tuples throughout where the answers contradict each other.
        """
        evidence: list[npt.NDArray[np.float64] | None] = [None] * len(self.tasks)
        for name, answer in answers.items():
            states = self.states(name)
            listed = (answer,) if isinstance(answer, (str, int)) else tuple(answer)
            if unknown := [a for a in listed if a not in states]:
                raise TaskError(f"task {name!r} has no class {unknown[0]!r}. It has: {', '.join(map(str, states))}.")
            evidence[self.names.index(name)] = np.asarray([[0.0 if s in listed else -np.inf for s in states]])
        beliefs, _ = self.tree.propagate(evidence)
        return {
            name: tuple(s for s, p in zip(self._states[name], found[0], strict=True) if p > 0)
            for name, found in zip(self.names, self.tree.marginals(beliefs), strict=True)
        }

    def named(self, vector: Sequence[int] | Integers) -> tuple[Class, ...]:
        """Return a label vector of codes as states."""
        return tuple(self._states[name][int(code)] for name, code in zip(self.names, vector, strict=True))

    def coded(self, vector: Sequence[Class]) -> tuple[int, ...]:
        """Return a label vector of states as codes."""
        return tuple(self._states[name].index(state) for name, state in zip(self.names, vector, strict=True))

    def _factor(self, tasks: tuple[str, ...], rows: Iterable[tuple[Class, ...]]) -> Factor:
        positions = [self.names.index(name) for name in tasks]
        order = sorted(range(len(tasks)), key=positions.__getitem__)
        coded = [[self._states[tasks[i]].index(row[i]) for i in order] for row in rows]
        scope = tuple(positions[i] for i in order)
        return Factor(scope, np.asarray(sorted(coded), dtype=np.int64).reshape(len(coded), len(scope)))

    def _check_relations(self) -> None:
        for relation in self.relations:
            for name, state in relation.mentions():
                if name not in self._states:
                    raise TaskError(f"{relation} names a task {name!r}. There are: {', '.join(self.names)}.")
                if state is not None and state not in self._states[name]:
                    raise TaskError(
                        f"{relation} names {state!r}, which task {name!r} does not have. It has: "
                        f"{', '.join(map(str, self._states[name]))}."
                    )
        parents: dict[str, set[str]] = {}
        for relation in self.relations:
            if isinstance(relation, Refines):
                parents.setdefault(relation.child, set()).add(relation.parent)
        _check_acyclic(parents)

    def _check_attainable(self) -> None:
        try:
            beliefs, _ = self.tree.propagate([None] * len(self.tasks))
        except TaskError as error:
            culprit = self._smallest_contradiction()
            raise TaskError(f"{error}{culprit}") from None
        for task, found in zip(self.tasks, self.tree.marginals(beliefs), strict=True):
            never = [c for c, p in zip(task.classes, found[0], strict=False) if not p > 0]
            if never:
                touching = [str(r) for r in self.relations if task.name in {name for name, _ in r.mentions()}]
                raise TaskError(
                    f"task {task.name!r} can never be {never[0]!r}: it is ruled out by the relations, directly by "
                    f"{' or '.join(touching)} or by what they lead to. Mend them, or leave the class out."
                )

    def _smallest_contradiction(self) -> str:
        """Name a set of relations that contradict each other, none of which can be left out."""
        kept = list(self.factors)
        if not _contradict(self.sizes, kept):
            return ""
        owners = [r for r in self.relations for _ in r.tables(self._states)]
        chosen = list(range(len(kept)))
        for i in list(chosen):
            if _contradict(self.sizes, [kept[j] for j in chosen if j != i]):
                chosen.remove(i)
        return f" Together they cannot hold: {'; '.join(dict.fromkeys(str(owners[i]) for i in chosen))}."


def _contradict(sizes: Sequence[int], factors: Sequence[Factor]) -> bool:
    try:
        junction_tree(sizes, factors)
    except TaskError as error:
        return "contradict" in str(error)
    return False


def _check_names(tasks: Sequence[Task]) -> None:
    if not tasks or any(not isinstance(task, Task) for task in tasks):
        raise TaskError(f"a task graph needs a list of Task, got {tasks!r}.")
    names = [task.name for task in tasks]
    if repeated := {name for name in names if names.count(name) > 1}:
        raise TaskError(f"two tasks are called {min(repeated)!r}; names must differ.")


def _check_acyclic(parents: Mapping[str, set[str]]) -> None:
    for start in parents:
        seen, queue = {start}, list(parents[start])
        while queue:
            name = queue.pop()
            if name == start:
                raise TaskError(f"task {start!r} refines itself by way of its own children; a hierarchy has no cycles.")
            if name not in seen:
                seen.add(name)
                queue.extend(parents.get(name, ()))


def _extended(rows: Integers, scope: list[int], states: Integers, added: tuple[int, ...]) -> tuple[Integers, list[int]]:
    """Join vectors over ``scope`` with the states of a clique over ``added``."""
    common = [t for t in added if t in scope]
    fresh = [t for t in added if t not in scope]
    by_key: dict[tuple[int, ...], list[list[int]]] = {}
    for state in states.tolist():
        value = dict(zip(added, state, strict=True))
        by_key.setdefault(tuple(value[t] for t in common), []).append([value[t] for t in fresh])
    columns = [scope.index(t) for t in common]
    joined = [[*row, *more] for row in rows.tolist() for more in by_key.get(tuple(row[c] for c in columns), [])]
    return np.asarray(joined, dtype=np.int64).reshape(len(joined), len(scope) + len(fresh)), scope + fresh
