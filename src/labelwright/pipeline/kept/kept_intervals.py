"""How sure runs were of what they learned about several tasks: intervals by component, worked out once and kept."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from labelwright.labelmodels import MultiTask, from_dict
from labelwright.labelmodels.intervals import Intervals, Range
from labelwright.labelmodels.multitask import TaskIntervals
from labelwright.store import ArtifactId, Recipe

from .database import Database, library_versions
from .kept_tasks import read_by_name
from .learning import merged_stats

__all__ = ["ComponentIntervals"]

_COLUMNS = ("estimate", "standard_error", "low", "high")


class ComponentIntervals:
    """Intervals of what the joint label models of a run learned, only worked out where that was not done before.

    They follow from the stats and the label model of each component, which runs keep; no vote is read. To work them out
    each model is solved again without each part of its stats, which takes many times as long as solving it.

    Parameters
    ----------
    database : Database
    artifacts : mapping of str to ArtifactId
        What the run made, by role.

    Attributes
    ----------
    keys : dict of str to ArtifactId
        Where the intervals of components are kept, by the first task of each; of those that were worked out.
    """

    def __init__(self, database: Database, artifacts: Mapping[str, ArtifactId]) -> None:
        self.database = database
        stats, models = (read_by_name(database.store, artifacts[role]) for role in ("task_stats", "task_models"))
        parameters = {"versions": library_versions()}
        self._recipes = {
            name: Recipe("task_intervals", {"stats": stats[name], "label_model": model}, parameters)
            for name, model in models.items()
        }
        found = database.find(self._recipes.values())
        self.keys = {name: found[r.digest] for name, r in self._recipes.items() if r.digest in found}

    @property
    def missing(self) -> list[str]:
        """Components whose intervals were not worked out, by their first task."""
        return [name for name in self._recipes if name not in self.keys]

    def work_out(self, names: Collection[str] | None = None) -> None:
        """Work out what is missing of some components (default: all), and keep it."""
        for name in self.missing if names is None else [one for one in self.missing if one in names]:
            began = time.perf_counter()
            content = self.model(name).intervals().to_dict()
            self.keys[name] = self.database.store.put_json("task_intervals", content)
            made = [(self._recipes[name], self.keys[name])]
            self.database.record(made, seconds=time.perf_counter() - began, rows=1)

    def model(self, name: str) -> MultiTask:
        """Return the label model of a component, with the stats that it was solved from."""
        store, inputs = self.database.store, self._recipes[name].inputs
        model: MultiTask = from_dict(store.get_json(inputs["label_model"]))
        model.stats_ = merged_stats(store, inputs["stats"])
        return model

    def of(self, name: str) -> TaskIntervals:
        """Return the intervals of a component, which were worked out."""
        return _restored(self.database.store.get_json(self.keys[name]))

    def known(self) -> TaskIntervals:
        """Return all that were worked out, as one."""
        found = [self.of(name) for name in self.keys]
        return TaskIntervals(
            {task: own for one in found for task, own in one.by_task.items()},
            {task: own for one in found for task, own in one.speaking.items()},
        )


def _restored(content: Mapping[str, Any]) -> TaskIntervals:
    """Undo `TaskIntervals.to_dict`."""
    by_task = {
        task: Intervals(
            own["level"],
            tuple(row["name"] for row in own["accuracies"]),
            tuple(row["name"] for row in own["class_balance"]),
            _range(own["accuracies"]),
            _range(own["class_balance"]),
            own["method"],
            own["buckets"],
        )
        for task, own in content.items()
    }
    speaking = {
        task: (_range(own["speaks"]), _range(own["speaks_elsewhere"]))
        for task, own in content.items()
        if "speaks" in own
    }
    return TaskIntervals(by_task, speaking)


def _range(rows: Sequence[Mapping[str, Any]]) -> Range:
    # NumPy reads None as NaN.
    estimate, error, low, high = (np.array([row[key] for row in rows], dtype=float) for key in _COLUMNS)
    return Range(estimate, error, low, high, tuple(row["reason"] for row in rows))
