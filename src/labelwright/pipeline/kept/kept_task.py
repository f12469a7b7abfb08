"""What a run on several tasks kept of one of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.core import Class, SoftLabels, Votes
from labelwright.core.task_graph import TaskGraph
from labelwright.labelmodels import MultiTask, from_dict
from labelwright.store import ArtifactId, Store

from .kept_data import KeptData
from .kept_tasks import KeptTaskLabels, KeptTaskVotes, read_by_name

__all__ = ["KeptTask", "joint_model"]


@dataclass(frozen=True)
class KeptTask:
    """One task of a run on several, read from its store.

    Parameters
    ----------
    name : str
    store : Store
    kept_votes : KeptTaskVotes
    kept_labels : KeptTaskLabels
    models : mapping of str to ArtifactId
        The fitted joint label model of each component, by its first task.
    """

    name: str
    store: Store
    kept_votes: KeptTaskVotes
    kept_labels: KeptTaskLabels
    models: Mapping[str, ArtifactId]

    @cached_property
    def data(self) -> KeptData:
        """The examples that it is about: of several data sets, those whose tasks it is among."""
        return self.kept_votes.data.about([self.name])

    @property
    def states(self) -> tuple[Class, ...]:
        """Its classes, then "N/A" where it may not apply: what codes stand for."""
        return self.kept_votes.graph.states(self.name)

    @property
    def component(self) -> TaskGraph:
        """The graph of the tasks that relations tie to this one, itself among them."""
        return next(part for part in self.kept_votes.graph.parts if self.name in part.names)

    @property
    def sources(self) -> tuple[str, ...]:
        """The functions that vote on it, which may be none."""
        own = self.kept_votes.by_task.get(self.name)
        return () if own is None else own.sources

    def votes(self, split: str) -> Votes:
        """Return the votes on it over a split, in codes of its states; no columns where no function votes on it."""
        own = self.kept_votes.by_task.get(self.name)
        if own is not None:
            return own.of(split, self.data)
        ids = self.data.ids(split)
        nothing = np.empty((len(ids), 0), dtype=np.int8)
        return Votes(nothing, classes=self.states, example_ids=ids, groups=self.data.groups(split))

    def soft_labels(self, split: str) -> SoftLabels:
        """Return its soft labels over a split, a probability for each state."""
        return self.kept_labels.by_task[self.name].of(split, self.data)

    def vector(self, split: str) -> npt.NDArray[np.int64]:
        """Return its state in the most probable label vector of each example that keeps every relation, shape (n,).

        Over all tasks these agree; the most probable states of the tasks, each by itself, need not.
        """
        return self.kept_labels.by_task[self.name].column(split, "vector", self.data).astype(np.int64)

    def gold(self, split: str) -> npt.NDArray[np.int64] | None:
        """Return the gold state of each example, shape (n,), -1 where unknown; ``None`` without a gold column."""
        return self.data.gold(split, self.name)

    def label_model(self) -> MultiTask:
        """Return the fitted joint label model of its component."""
        key = self.models[self.component.names[0]]
        model: MultiTask = from_dict(self.store.get_json(key))
        return model

    def accuracies(self) -> dict[str, float]:
        """Return the learned share of each function's votes that are right where it applies; NaN where unknown."""
        if not self.sources:
            return {}
        found: Any = self.label_model().accuracies_[self.name]
        return dict(zip(self.sources, found.tolist(), strict=True))


def joint_model(store: Store, key: ArtifactId, graph: TaskGraph) -> MultiTask:
    """Return the joint label model of a whole graph, from the record of those of its components."""
    models: list[MultiTask] = [from_dict(store.get_json(one)) for one in read_by_name(store, key).values()]
    return MultiTask.joined(graph, models)
