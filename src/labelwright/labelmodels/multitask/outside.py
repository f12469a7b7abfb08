"""What all tasks but one, and those below it, say of whether it applies: exact messages on the tree of a hierarchy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from labelwright.core import PatternCounts, TaskGraph, Votes
from labelwright.core.tasks import Refines

from .columns import apart, heard_above, over_classes
from .expectation import Coupling
from .families import Sight
from .readers import Reader
from .recounting import pattern_votes
from .shares import shares_of_cliques
from .speaking import Speaking

__all__ = ["Outside", "is_tree"]

Floats = npt.NDArray[np.float64]

# What is thought impossible on a row, against the state that is most probable there, has this share.
_LEAST = 1e-300


def is_tree(graph: TaskGraph) -> bool:
    """Say whether at least three tasks are tied by refinement alone, each to one task above it.

    Of two tasks alone one is all that the other hears of.

    Examples
    --------
    >>> from labelwright.core.tasks import Task
    >>> tasks = [Task(name, ["x", "y"]) for name in "abc"]
    >>> chain = [Refines("b", "a", "x"), Refines("c", "b", "x")]
    >>> is_tree(TaskGraph(tasks, chain)), is_tree(TaskGraph(tasks[:2], chain[:1]))
    (True, False)
    """
    children = [relation.child for relation in graph.relations if isinstance(relation, Refines)]
    return len(graph.names) > 2 and len(graph.relations) == len(children) == len(set(children))


@dataclass(eq=False)
class Outside:
    """Rows of votes on all tasks of a tree, and what is seen on them from outside of a task.

    A task hears of itself through the one above it: what that one's own votes say, what comes from further up, and what
    votes on its siblings and all below these say. Votes on the task and on those below it are left out: they were cast
    by whoever takes it for granted that it applies.

    Parameters
    ----------
    graph : TaskGraph
        See `is_tree`.
    votes : mapping of str to Votes
        Over the classes of each task that has sources.
    speaking : mapping of str to Speaking
        Who speaks of each task that may not apply.
    weights : ndarray of float, shape (p,)
        Examples behind each row.
    """

    graph: TaskGraph
    votes: Mapping[str, Votes]
    speaking: Mapping[str, Speaking]
    weights: Floats
    _read: dict[str, tuple[Reader, Floats]] = field(default_factory=dict)

    @classmethod
    def of(cls, graph: TaskGraph, stats: PatternCounts) -> Outside:
        """Take the votes on each task out of rows that hold all of them side by side."""
        votes = apart(pattern_votes(stats), graph, graph.names)
        classes = {task.name: task.classes for task in graph.tasks}
        sources = {task: own.sources for task, own in votes.items()}
        speaking = {
            task: Speaking.of(own, len(classes[task]), above=heard_above(graph, task, sources))
            for task, own in votes.items()
            if own.k > len(classes[task])
        }
        own = {task: over_classes(one, classes[task]) for task, one in votes.items()}
        return cls(graph, own, speaking, stats.weights.astype(np.float64))

    def sights(self, found: Coupling) -> dict[str, Sight]:
        """Return what is seen of each task that may not apply, as far as is learned by now."""
        above = {r.child: r.parent for r in self.graph.relations if isinstance(r, Refines)}
        order = _from_the_root(self.graph, above)
        shares = shares_of_cliques(self.graph, found.weights)
        links = {child: self._link(shares, parent, child) for child, parent in above.items()}
        # Up: what each task and all below it say, first of itself and then of the one above it.
        told = {task: self._evidence(found, task) for task in order}
        message: dict[str, Floats] = {}
        for task in reversed(order):
            if task in above:
                message[task] = np.log(np.maximum(_scaled(told[task]) @ links[task].T, _LEAST))
                told[above[task]] = told[above[task]] + message[task]
        # Down: what the one above knows without what it was told from here.
        seen: dict[str, Floats] = {}
        for task in order:
            if task in above:
                rest = told[above[task]] - message[task] + np.log(np.maximum(seen[above[task]], _LEAST))
                given = _scaled(rest) @ links[task]
                seen[task] = given / given.sum(axis=1, keepdims=True)
            else:
                seen[task] = self._together(shares, task, task).sum(axis=0)[None, :]
        return {
            task: Sight(np.clip(1 - seen[task][:, -1], 0, 1), self.weights, one) for task, one in self.speaking.items()
        }

    def _evidence(self, found: Coupling, task: str) -> Floats:
        """Return the log-weight that votes on a task give to its states, shape (p, states)."""
        states = self.graph.sizes[self.graph.names.index(task)]
        if task not in self.votes:
            return np.zeros((len(self.weights), states))
        reader = found.readers[task]
        if task not in self._read or self._read[task][0] is not reader:
            self._read[task] = (reader, reader.log_evidence(self.votes[task]))
        read = self._read[task][1]
        if task not in self.speaking:
            return read
        gain = self.speaking[task].log_ratio(found.rates[task], reader.discounts)
        return np.column_stack([read + gain[:, None], np.zeros(len(read))])

    def _link(self, shares: Sequence[Floats], parent: str, child: str) -> Floats:
        """Return P(state of the child | state of the parent), shape (states of the parent, states of the child)."""
        table = self._together(shares, parent, child)
        return np.asarray(table / np.maximum(table.sum(axis=1, keepdims=True), _LEAST))

    def _together(self, shares: Sequence[Floats], first: str, second: str) -> Floats:
        """Return the probability before any vote of the states of two tasks that meet, shape (states, states)."""
        a, b = self.graph.names.index(first), self.graph.names.index(second)
        cliques = self.graph.tree.cliques
        c = next(c for c, clique in enumerate(cliques) if a in clique.scope and b in clique.scope)
        table = np.zeros((self.graph.sizes[a], self.graph.sizes[b]))
        codes = cliques[c].states[:, [cliques[c].scope.index(a), cliques[c].scope.index(b)]]
        np.add.at(table, (codes[:, 0], codes[:, 1]), shares[c])
        return table


def _from_the_root(graph: TaskGraph, above: Mapping[str, str]) -> list[str]:
    """Return the tasks, each after the one above it."""
    order = [task for task in graph.names if task not in above]
    for task in order:
        order.extend(child for child in graph.names if above.get(child) == task)
    return order


def _scaled(logs: Floats) -> Floats:
    return np.asarray(np.exp(logs - logs.max(axis=1, keepdims=True)))
