"""What a run on several tasks learns: for each component of the graph a joint label model, and labels of its tasks."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.core.task_graph import TaskGraph
from labelwright.core.task_votes import TaskVotes
from labelwright.labelmodels import MultiTask
from labelwright.store import ArtifactId, Recipe

from .database import Database, library_versions
from .kept_tasks import ComponentVotes
from .learning import LabelsRecord, Learning
from .side_by_side import side_by_side

__all__ = ["ComponentLabelling", "ComponentLearning", "label_part"]


class ComponentLearning(Learning):
    """Stats of the training votes on the tasks of one component, and the joint label model that is solved from them.

    A component on which nothing votes has a model too: all that it knows is the graph.
    """

    votes: ComponentVotes

    def count(self, part: int, votes: TaskVotes) -> Any:
        """Return the stats of votes on a part, of the tasks that its data set is about."""
        return self.model.summarize(votes, about=self.votes.about(part))

    def solve(self, stats: Any) -> None:
        """Fit the joint label model to stats."""
        self.model.fit_stats(stats, allow_silence=True)


class ComponentLabelling:
    """Soft labels of the tasks of one component part by part, only where they are not kept.

    Parameters
    ----------
    database : Database
    votes : ComponentVotes
    model : ArtifactId
        The fitted joint label model.
    workers : int, optional
        Most threads to use; default as many as there are cores.
    """

    def __init__(
        self, database: Database, votes: ComponentVotes, model: ArtifactId, *, workers: int | None = None
    ) -> None:
        self.database = database
        self.votes = votes
        self.workers = workers
        self.graph: TaskGraph = votes.graph
        parts = votes.data.numbers
        self._recipes = {(part, task): self._recipe(model, part, task) for part in parts for task in self.graph.names}
        found = database.find(self._recipes.values())
        self._keys = {place: found[r.digest] for place, r in self._recipes.items() if r.digest in found}

    @property
    def missing(self) -> list[int]:
        """Parts that have to be labelled."""
        return sorted({part for part, task in self._recipes if (part, task) not in self._keys})

    def run(self, model: MultiTask) -> dict[str, LabelsRecord]:
        """Label the missing parts, and return the record of each task."""

        def label(part: int) -> tuple[int, dict[str, ArtifactId], float]:
            began = time.perf_counter()
            keys = self._label(model, part)
            return part, keys, time.perf_counter() - began

        for some in side_by_side(label, self.missing, workers=self.workers):
            made = []
            for part, keys, seconds in some:
                rows = self.votes.data.parts[part].rows
                for task, key in keys.items():
                    self._keys[part, task] = key
                    made.append((self._recipes[part, task], key, seconds / len(keys), rows))
            self.database.record_each(made)
        parts = self.votes.data.numbers
        keys_of = {task: [str(self._keys[part, task]) for part in parts] for task in self.graph.names}
        return {task: LabelsRecord(list(self.graph.states(task)), keys) for task, keys in keys_of.items()}

    def _label(self, model: MultiTask, part: int) -> dict[str, ArtifactId]:
        found = label_part(model, self.votes, part)
        return {task: self.database.put_arrays("soft_labels", arrays) for task, arrays in found.items()}

    def _recipe(self, model: ArtifactId, part: int, task: str) -> Recipe:
        inputs = {"label_model": model, **self.votes.inputs(part)}
        parameters = {
            "task": task,
            "rows": self.votes.data.parts[part].rows,
            "alphabet": self.votes.states["alphabet"],
            "versions": library_versions(),
        }
        if (about := self.votes.about(part)) is not None:
            parameters["about"] = about
        return Recipe("soft_labels", inputs, parameters)


def label_part(model: MultiTask, votes: ComponentVotes, part: int) -> dict[str, dict[str, npt.NDArray[Any]]]:
    """Return the soft labels of a part on each task of a component, as the arrays that are kept.

    Tasks that its data set is not about have no label: there nothing is covered, and the probabilities are what those
    that it is about leave open.
    """
    given, about = votes.of_part(part), votes.about(part)
    labels, vectors = model.soft_labels(given, about=about), model.predict(given, about=about)
    asked = [about is None or task in about for task in votes.graph.names]
    return {
        task: {
            "probs": np.asarray(labels.probs[task]),
            "covered": np.ascontiguousarray(labels.covered[:, column] & asked[column]),
            # Of the most probable label vector that keeps every relation.
            "vector": vectors[:, column].astype(np.int16),
        }
        for column, task in enumerate(votes.graph.names)
    }
