"""The votes and soft labels of a run on several tasks: a label matrix and soft labels for each task, read together."""

from __future__ import annotations

from collections.abc import Mapping
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
from .kept_votes import KeptVotes, VotesRecord
from .learning import KeptLabels, LabelsRecord

__all__ = ["ComponentVotes", "KeptTaskLabels", "KeptTaskVotes", "put_by_name", "read_by_name"]


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
            task: KeptVotes(store, msgspec.convert(store.get_json(key), VotesRecord), data)
            for task, key in keys.items()
        }

    @cached_property
    def components(self) -> dict[str, ComponentVotes]:
        """The votes on the tasks of each component of the graph, by its first task."""
        return {part.names[0]: ComponentVotes(self, part) for part in self.graph.parts}

    def of(self, split: str) -> TaskVotes:
        """Return the votes on a split."""
        return TaskVotes(self.graph, {task: votes.of(split) for task, votes in self.by_task.items()})

    def of_row(self, part: int, row: int) -> TaskVotes:
        """Return the votes on one example, n = 1."""
        return TaskVotes(self.graph, {task: votes.of_row(part, row) for task, votes in self.by_task.items()})

    def failures(self) -> list[Failure]:
        """Return what failed: what fails, fails on all of its tasks, and is counted once."""
        return list({f.source: f for votes in self.by_task.values() for f in votes.failures()}.values())


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
        self.data = votes.data
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
        found = {task: ArtifactId.parse(votes.record.parts[part]) for task, votes in self.by_task.items()}
        return {f"votes.{task}": key for task, key in found.items()}

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
            task: KeptLabels(store, msgspec.convert(store.get_json(key), LabelsRecord), data)
            for task, key in keys.items()
        }

    def of(self, split: str) -> TaskLabels:
        """Return the soft labels of all tasks over a split, as one value that satisfies every relation."""
        return self._read(self.data.ids(split), lambda labels, name: labels.column(split, name))

    def of_row(self, part: int, row: int) -> TaskLabels:
        """Return the soft labels of one example, n = 1."""
        ids = np.array([self.data.id_at(part, row)])
        return self._read(ids, lambda labels, name: np.asarray(labels.part(part)[name][[row]]))

    def vectors(self, split: str) -> npt.NDArray[np.int64]:
        """Return the most probable label vector of each example that keeps every relation, shape (n, tasks)."""
        return np.column_stack(
            [self.by_task[task].column(split, "vector").astype(np.int64) for task in self.graph.names]
        )

    def _read(self, ids: npt.NDArray[Any], column: Any) -> TaskLabels:
        covered = np.column_stack([column(self.by_task[task], "covered") for task in self.graph.names])
        probs = {task: column(labels, "probs") for task, labels in self.by_task.items()}
        return TaskLabels(self.graph, probs, covered, example_ids=ids)
