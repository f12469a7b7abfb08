"""What a joint label model sums: distinct vote rows of every task, and of every group of tasks that meet."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy.typing as npt

from labelwright.core import PatternCounts, TaskGraph, Votes
from labelwright.core.errors import ModelError
from labelwright.core.task_votes import TaskVotes

from .columns import in_own_letters, over_classes, side_by_side
from .families import children_of, family_votes
from .outside import is_tree
from .whole_rows import WholeRows

__all__ = ["MultiTaskStats", "check_gold_tasks"]

# Of so many examples the whole rows are kept, and of so many times tasks: of 16,384 for 200 tasks, on which a rate of
# speaking of one in ten is known to .003.
_MOST_ROWS, _MOST_CELLS = 262_144, 3_276_800


@dataclass(frozen=True, eq=False)
class MultiTaskStats:
    """Counts of distinct vote rows: exact, and a merge in any order is a rebuild, as for `PatternCounts`.

    Parameters
    ----------
    graph : TaskGraph
    tasks : mapping of str to PatternCounts
        For each task with sources: its votes on classes.
    meetings : mapping of (tuple of str) to PatternCounts
        For each clique of the junction tree with two tasks or more: all votes on these, side by side.
    families : mapping of str to PatternCounts
        For each task that is refined in several ways: its votes beside what votes on its children imply for it; see
        `labelwright.labelmodels.multitask.families.family_votes`.
    trees : mapping of (tuple of str) to WholeRows
        For each component that is a tree of three tasks or more: all votes on its tasks, side by side. Of many examples
        a uniform sample is kept: at most 262,144, and fewer where more than 12 tasks stand side by side.

    Examples
    --------
    >>> graph = TaskGraph.multi_label(["dog", "cat"])
    >>> votes = TaskVotes(graph, {"dog": [[1], [0]], "cat": [[0], [1]]})
    >>> whole = MultiTaskStats.of(votes)
    >>> whole == MultiTaskStats.of(votes.take([1])) + MultiTaskStats.of(votes.take([0]))
    True
    """

    graph: TaskGraph
    tasks: Mapping[str, PatternCounts]
    meetings: Mapping[tuple[str, ...], PatternCounts]
    families: Mapping[str, PatternCounts] = field(default_factory=dict)
    trees: Mapping[tuple[str, ...], WholeRows] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        votes: TaskVotes,
        *,
        gold: Mapping[str, npt.ArrayLike] | None = None,
        tasks: Collection[str] | None = None,
        about: Collection[str] | None = None,
    ) -> MultiTaskStats:
        """Count ``votes``.

        Parameters
        ----------
        votes : TaskVotes
        gold : mapping of str to array_like, shape (n,), optional
            Known classes of tasks, by code or name; -1 (or None) where unknown, or where the task does not apply.
        tasks : collection of str, optional
            Only what holds votes on these: what an edit of a source that votes on them changes. Default: everything.
        about : collection of str, optional
            The tasks that sources were asked about on these examples; silence on the others is no abstaining. Tasks
            that meet are counted together where sources were asked about all of them. Default: all.
        """
        check_gold_tasks(gold, votes.graph)
        counted = {task: in_own_letters(one) for task, one in votes.counted.items() if one.m}
        graph = votes.graph

        def asked(found: Votes, names: Sequence[str]) -> Votes:
            return found if about is None or set(names) <= set(about) else found.take(slice(0, 0))

        chosen = set(graph.names) if tasks is None else set(tasks)
        own = {
            task: PatternCounts.of(
                asked(over_classes(counted[task], graph.tasks[graph.names.index(task)].classes), (task,)),
                gold=(gold or {}).get(task) if about is None or task in about else None,
            )
            for task in counted
            if task in chosen
        }
        scopes = [
            tuple(part.names[t] for t in clique.scope)
            for part in graph.parts
            for clique in part.tree.cliques
            if len(clique.scope) > 1
        ]
        meetings = {
            scope: PatternCounts.of(asked(side_by_side(counted, scope), scope))
            for scope in scopes
            if chosen.intersection(scope) and any(task in counted for task in scope)
        }
        kin = {p: family_votes(counted, graph, p) for p in graph.names if chosen.intersection(_family(graph, p))}
        families = {p: PatternCounts.of(asked(v, _family(graph, p))) for p, v in kin.items() if v is not None}
        trees = {
            part.names: WholeRows.of(
                {task: asked(counted[task], part.names) for task in part.names if task in counted},
                part.names,
                most=_most_rows(part),
            )
            for part in graph.parts
            if chosen.intersection(part.names) and is_tree(part) and any(task in counted for task in part.names)
        }
        return cls(graph, own, meetings, families, trees)

    def updated(self, part: MultiTaskStats) -> MultiTaskStats:
        """Return these stats with what ``part`` (counted with ``tasks=``) counted anew."""
        return MultiTaskStats(
            self.graph,
            {**self.tasks, **part.tasks},
            {**self.meetings, **part.meetings},
            {**self.families, **part.families},
            {**self.trees, **part.trees},
        )

    def __add__(self, other: MultiTaskStats) -> MultiTaskStats:
        self._check_same(other)
        # Stats that were kept before whole rows were are summed without these.
        return MultiTaskStats(
            self.graph,
            {task: one + other.tasks[task] for task, one in self.tasks.items()},
            {scope: one + other.meetings[scope] for scope, one in self.meetings.items()},
            {parent: one + other.families[parent] for parent, one in self.families.items()},
            {names: one + other.trees[names] for names, one in self.trees.items() if names in other.trees},
        )

    def __sub__(self, other: MultiTaskStats) -> MultiTaskStats:
        self._check_same(other)
        return MultiTaskStats(
            self.graph,
            {task: one - other.tasks[task] for task, one in self.tasks.items()},
            {scope: one - other.meetings[scope] for scope, one in self.meetings.items()},
            {parent: one - other.families[parent] for parent, one in self.families.items()},
            {names: one - other.trees[names] for names, one in self.trees.items() if names in other.trees},
        )

    def without(self, bucket: int) -> MultiTaskStats:
        """Return the stats of all rows but those of one of the 32 sub-sums."""
        return MultiTaskStats(
            self.graph,
            {task: one.without(bucket) for task, one in self.tasks.items()},
            {scope: one.without(bucket) for scope, one in self.meetings.items()},
            {parent: one.without(bucket) for parent, one in self.families.items()},
            {names: one.without(bucket) for names, one in self.trees.items()},
        )

    def part(self, names: Sequence[str]) -> MultiTaskStats:
        """Return what is counted of some tasks: for a component, equal to the stats of ``votes.part(names)``.

        Examples
        --------
        >>> votes = TaskVotes(TaskGraph.multi_label(["dog", "cat"]), {"dog": [[1], [0]], "cat": [[0], [1]]})
        >>> MultiTaskStats.of(votes).part(["cat"]) == MultiTaskStats.of(votes.part(["cat"]))
        True
        """
        return self.within(self.graph.part(names))

    def within(self, graph: TaskGraph) -> MultiTaskStats:
        """Return what is counted of the tasks of ``graph``, a part of this one's, in its order."""
        return MultiTaskStats(
            graph,
            {task: self.tasks[task] for task in graph.names if task in self.tasks},
            {scope: one for scope, one in self.meetings.items() if set(graph.names).issuperset(scope)},
            {task: self.families[task] for task in graph.names if task in self.families},
            {names: one for names, one in self.trees.items() if set(graph.names).issuperset(names)},
        )

    @property
    def silent(self) -> bool:
        """Whether no source voted on anything."""
        return not any(one.counts.votes.any() for one in (*self.tasks.values(), *self.meetings.values()))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, MultiTaskStats):
            return NotImplemented
        mine, theirs = ([dict(s.tasks), dict(s.meetings), dict(s.families), dict(s.trees)] for s in (self, other))
        return mine == theirs

    def _check_same(self, other: MultiTaskStats) -> None:
        if self.tasks.keys() != other.tasks.keys() or self.meetings.keys() != other.meetings.keys():
            raise ModelError(
                f"these stats count votes on {sorted(self.tasks)}, the others on {sorted(other.tasks)}; only stats of "
                "the same tasks and sources can be merged. Summarise the votes of all sources again."
            )


def _most_rows(graph: TaskGraph) -> int:
    return min(_MOST_ROWS, max(1, _MOST_CELLS // len(graph.names)))


def _family(graph: TaskGraph, parent: str) -> tuple[str, ...]:
    return (parent, *(relation.child for relation in children_of(graph, parent)))


def check_gold_tasks(gold: Mapping[str, npt.ArrayLike] | None, graph: TaskGraph) -> None:
    """Refuse known classes of tasks that are not there."""
    if unknown := [task for task in gold or {} if task not in graph.names]:
        raise ModelError(f"known classes are given for a task {unknown[0]!r}. There are: {', '.join(graph.names)}.")
