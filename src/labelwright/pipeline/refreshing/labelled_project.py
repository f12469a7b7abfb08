"""A project with several tasks whose votes and labels are up to date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from labelwright.core.task_graph import TaskGraph
from labelwright.core.task_labels import TaskLabels
from labelwright.core.task_votes import TaskVotes
from labelwright.labelmodels import MultiTask
from labelwright.pipeline.kept.database import Database
from labelwright.pipeline.kept.kept_data import KeptData
from labelwright.pipeline.kept.kept_slices import KeptSlices
from labelwright.pipeline.kept.kept_tasks import KeptTaskLabels, KeptTaskVotes
from labelwright.pipeline.settings import Settings

from .finding_tasks import find_task
from .finished_run import MadeSoFar
from .found_tasks import FoundDataSet, FoundTask, TaskScore
from .noting import Notes
from .task_scores import score_tasks

__all__ = ["LabelledProject"]


@dataclass(frozen=True)
class LabelledProject:
    """A project with several tasks whose votes and labels are up to date: what end model and report are made of.

    Parameters
    ----------
    folder : Path
    settings : Settings
    database : Database
    notes : Notes
        Why things are made again.
    made : MadeSoFar
        Records of functions, artifacts by role, operations; what is made of the labels is added here.
    votes : KeptTaskVotes
    labels : KeptTaskLabels
    models : mapping of str to MultiTask
        The fitted joint label model of each component, by its first task.
    warnings : tuple of str
    slices : KeptSlices, optional
        Who belongs to which slice; ``None`` where that was not asked, or the project has no slicing functions.
    """

    folder: Path
    settings: Settings
    database: Database
    notes: Notes
    made: MadeSoFar
    votes: KeptTaskVotes
    labels: KeptTaskLabels
    models: Mapping[str, MultiTask]
    warnings: tuple[str, ...]
    slices: KeptSlices | None = None

    @property
    def graph(self) -> TaskGraph:
        """The task graph."""
        return self.votes.graph

    @property
    def data(self) -> KeptData:
        """The data."""
        return self.votes.data

    @property
    def name(self) -> str:
        """What the project is called."""
        return self.settings.project.name or self.folder.resolve().name

    @cached_property
    def model(self) -> MultiTask:
        """The joint label model of all components."""
        return MultiTask.joined(self.graph, self.models.values())

    @cached_property
    def votes_by_split(self) -> Mapping[str, TaskVotes]:
        """The votes on each split."""
        return {split: self.votes.of(split) for split in self.data.splits}

    @cached_property
    def labels_by_split(self) -> Mapping[str, TaskLabels]:
        """The soft labels of each split."""
        return {split: self.labels.of(split) for split in self.data.splits}

    @cached_property
    def vectors(self) -> Mapping[str, npt.NDArray[np.int64]]:
        """The most probable label vectors of each split, shape (n, tasks)."""
        return {split: self.labels.vectors(split) for split in self.data.splits}

    @cached_property
    def scores(self) -> dict[str, dict[str, TaskScore]]:
        """How good the labels are on valid and test, by task and split; gold of train is not looked at."""
        where = (self.database, self.data, self.made.artifacts)
        return score_tasks(*where, lambda split: self.labels_by_split[split], lambda split: self.vectors[split])

    @cached_property
    def tasks(self) -> tuple[FoundTask, ...]:
        """What is found of each task."""
        train, accuracies = self.votes_by_split["train"], self.model.accuracies_
        return tuple(
            find_task(task, train if (rows := self.rows("train", task)) is None else train.take(rows), accuracies, own)
            for task, own in ((task, self.scores[task]) for task in self.graph.names)
        )

    @property
    def data_sets(self) -> tuple[FoundDataSet, ...]:
        """The data sets, where there are several."""
        sets = self.data.record.sets
        return tuple(FoundDataSet(n, self.data.of_data_set(n).n, tuple(one.tasks)) for n, one in sets.items())

    def rows(self, split: str, task: str) -> npt.NDArray[np.bool_] | None:
        """Say which examples of a split are about a task, shape (n,); ``None`` where they all are."""
        return self.data.within(split, [task])
