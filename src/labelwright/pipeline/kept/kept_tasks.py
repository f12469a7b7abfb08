"""The votes and soft labels of a run on several tasks: a label matrix and soft labels for each task, read together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from labelwright.core import Failure, Votes
from labelwright.core.task_graph import TaskGraph
from labelwright.core.task_labels import TaskLabels
from labelwright.core.task_votes import TaskVotes
from labelwright.store import ArtifactId, Store

from .kept_data import KeptData
from .kept_votes import KeptVotes, VotesRecord, count_failures
from .learning import KeptLabels, LabelsRecord

__all__ = ["ComponentVotes", "KeptTaskLabels", "KeptTaskVotes", "put_by_name", "read_by_name", "tied"]


def put_by_name(store: Store, kind: str, keys: Mapping[str, ArtifactId]) -> ArtifactId:
    """Keep which artifact holds something of which task, or of which component (called by its first task)."""
    return store.put_json(kind, {name: str(key) for name, key in keys.items()})


def read_by_name(store: Store, key: ArtifactId) -> dict[str, ArtifactId]:
    """Return what `put_by_name` kept."""
    return {name: ArtifactId.parse(one) for name, one in store.get_json(key).items()}


class KeptTaskVotes:
    """Reads the votes on several tasks.

    Parameters
    ----------
    store : Store
    keys : mapping of str to ArtifactId
        The record of the votes on each task that has sources.
    data : KeptData
    graph : TaskGraph
    """

    def __init__(self, store: Store, keys: Mapping[str, ArtifactId], data: KeptData, graph: TaskGraph) -> None:
        self.data = data
        self.graph = graph
        self.by_task = {
            task: KeptVotes(store, msgspec.convert(store.get_json(key), VotesRecord), tied(data, graph, task))
            for task, key in keys.items()
        }

    @cached_property
    def components(self) -> dict[str, ComponentVotes]:
        """The votes on the tasks of each component of the graph, by its first task."""
        return {part.names[0]: ComponentVotes(self, part) for part in self.graph.parts}

    def of(self, split: str) -> TaskVotes:
        """Return the votes on a split; none on tasks that a data set is not about."""
        return TaskVotes(self.graph, {task: votes.of(split, self.data) for task, votes in self.by_task.items()})

    def of_row(self, part: int, row: int) -> TaskVotes:
        """Return the votes on one example, n = 1."""
        return TaskVotes(self.graph, {task: votes.of_row(part, row) for task, votes in self.by_task.items()})

    def failures(self) -> list[Failure]:
        """Return what failed: what fails, fails on all of its tasks, and is counted once."""
        names = dict.fromkeys(source for votes in self.by_task.values() for source in votes.sources)
        kept = ((part, [votes.failures_of(part) for votes in self.by_task.values()]) for part in self.data.numbers)
        merged = ((part, {name: f for one in found for name, f in one.items()}) for part, found in kept)
        return count_failures(self.data, names, merged)

    def asked(self, source: str) -> int:
        """Return the number of examples that a function was applied to."""
        if not self.data.record.sets:
            return self.data.n
        own = [votes for votes in self.by_task.values() if source in votes.sources]
        on = [p for p in self.data.numbers if any(source in dict(one.part_record(p).votes) for one in own)]
        return sum(self.data.parts[part].rows for part in on)


class ComponentVotes:
    """The votes on the tasks of one component of the graph, which no relation ties to the others.

    Parameters
    ----------
    votes : KeptTaskVotes
    graph : TaskGraph
        These tasks alone.
    """

    def __init__(self, votes: KeptTaskVotes, graph: TaskGraph) -> None:
        self.graph = graph
        self.data = votes.data.about(graph.names)
        self.by_task = {task: votes.by_task[task] for task in graph.names if task in votes.by_task}

    @property
    def states(self) -> dict[str, Any]:
        """What decides, beside the votes of a part, what their codes stand for, and what is learned of them."""
        return {
            "tasks": {name: list(self.graph.states(name)) for name in self.graph.names},
            "relations": sorted(map(repr, self.graph.relations)),
            "sources": {task: votes.record.sources for task, votes in self.by_task.items()},
            "alphabet": {task: v.record.alphabet for task, v in self.by_task.items() if v.record.alphabet},
        }

    def inputs(self, part: int) -> dict[str, ArtifactId]:
        """Return which artifacts hold the votes on a part, as recipes name them."""
        return {f"votes.{task}": votes.inputs(part)["votes"] for task, votes in self.by_task.items()}

    def about(self, part: int) -> list[str] | None:
        """Return which of these tasks the examples of a part are about; ``None`` for all."""
        found = self.data.tasks_of(part)
        return (
            None
            if found is None or set(self.graph.names) <= set(found)
            else [t for t in self.graph.names if t in found]
        )

    def scope(self, part: int) -> dict[str, Any]:
        """Return what decides, beside the content of a part, how its votes are counted."""
        about = self.about(part)
        return {**self.data.scope(part), **({} if about is None else {"about": about})}

    def of_part(self, part: int, index: npt.NDArray[np.int64] | None = None) -> TaskVotes:
        """Return the votes on some rows of a part (default: all)."""
        if self.by_task:
            return TaskVotes(self.graph, {task: votes.of_part(part, index) for task, votes in self.by_task.items()})
        ids, groups, name = self.data.part_ids(part), self.data.part_groups(part), self.graph.names[0]
        rows = np.arange(len(ids)) if index is None else index
        nothing = Votes(
            np.empty((len(rows), 0), dtype=np.int8),
            classes=self.graph.states(name),
            example_ids=ids[rows],
            groups=None if groups is None else groups[rows],
        )
        return TaskVotes(self.graph, {name: nothing})


class KeptTaskLabels:
    """Reads the soft labels of several tasks.

    Parameters
    ----------
    store : Store
    keys : mapping of str to ArtifactId
        The record of the soft labels of each task.
    data : KeptData
    graph : TaskGraph
    """

    def __init__(self, store: Store, keys: Mapping[str, ArtifactId], data: KeptData, graph: TaskGraph) -> None:
        self.graph = graph
        self.data = data
        self.by_task = {
            task: KeptLabels(store, msgspec.convert(store.get_json(key), LabelsRecord), tied(data, graph, task))
            for task, key in keys.items()
        }

    def of(self, split: str) -> TaskLabels:
        """Return the soft labels of all tasks over a split, as one value that satisfies every relation."""

        def column(task: str, name: str) -> npt.NDArray[Any]:
            return self.data.take(split, lambda part: self.part(task, part)[name])

        return self._read(self.data.ids(split), column)

    def of_row(self, part: int, row: int) -> TaskLabels:
        """Return the soft labels of one example, n = 1."""
        ids = np.array([self.data.id_at(part, row)])
        return self._read(ids, lambda task, name: np.asarray(self.part(task, part)[name][[row]]))

    def vectors(self, split: str) -> npt.NDArray[np.int64]:
        """Return the most probable label vector of each example that keeps every relation, shape (n, tasks)."""

        def column(task: str) -> npt.NDArray[Any]:
            return self.data.take(split, lambda part: self.part(task, part)["vector"]).astype(np.int64)

        return np.column_stack([column(task) for task in self.graph.names])

    def part(self, task: str, part: int) -> dict[str, npt.NDArray[Any]]:
        """Return ``probs``, ``covered`` and ``vector`` of a part.

        Where its data set is about no task that relations tie to this one, nothing is covered, and all label vectors
        that keep the relations are as probable.
        """
        if part in self.by_task[task].data.numbers:
            return self.by_task[task].part(part)
        return {name: np.repeat(row, self.data.parts[part].rows, axis=0) for name, row in self._nothing[task].items()}

    @cached_property
    def _nothing(self) -> dict[str, dict[str, npt.NDArray[Any]]]:
        """What is said of one example of which nothing is known, by task."""
        found = {}
        for graph in self.graph.parts:
            evidence: list[Any] = [None] * len(graph.names)
            evidence[0], weights = np.zeros((1, graph.sizes[0])), [np.zeros(len(c.states)) for c in graph.tree.cliques]
            beliefs, _ = graph.tree.propagate(evidence, weights)
            vector = graph.tree.most_probable(evidence, weights)
            for t, (task, probs) in enumerate(zip(graph.names, graph.tree.marginals(beliefs), strict=True)):
                found[task] = {
                    "probs": probs / probs.sum(axis=1, keepdims=True),
                    "covered": np.zeros(1, dtype=bool),
                    "vector": vector[:, t].astype(np.int16),
                }
        return found

    def _read(self, ids: npt.NDArray[Any], column: Callable[[str, str], npt.NDArray[Any]]) -> TaskLabels:
        covered = np.column_stack([column(task, "covered") for task in self.graph.names])
        return TaskLabels(self.graph, {t: column(t, "probs") for t in self.by_task}, covered, example_ids=ids)


def tied(data: KeptData, graph: TaskGraph, task: str) -> KeptData:
    """Return the data sets that are about a task or one that relations tie to it: its component is learned on them."""
    return data.about(next(part.names for part in graph.parts if task in part.names)) if data.record.sets else data
