"""Scores of the labels of several tasks: a task whose labels and data are as they were is not scored again."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.analysis import Estimate
from labelwright.core.task_labels import TaskLabels
from labelwright.pipeline.kept.database import Database, library_versions
from labelwright.pipeline.kept.kept_data import KeptData
from labelwright.pipeline.kept.kept_tasks import read_by_name
from labelwright.store import ArtifactId, Recipe

from .finding_tasks import score_task
from .found_tasks import TaskScore

__all__ = ["restored_score", "score_tasks"]

_KIND = "task_scores"


def score_tasks(
    database: Database,
    data: KeptData,
    artifacts: Mapping[str, ArtifactId],
    labels: Callable[[str], TaskLabels],
    vectors: Callable[[str], npt.NDArray[np.int64]],
) -> dict[str, dict[str, TaskScore]]:
    """Return how good the labels are on every split but train, by task and split; gold of train is not looked at.

    Parameters
    ----------
    database : Database
    data : KeptData
    artifacts : mapping of str to ArtifactId
        What the run made so far: its data, and the record of the labels of each task.
    labels, vectors : callable
        The soft labels of a split, and the most probable label vectors; asked for where a task has to be scored.
    """
    keys = read_by_name(database.store, artifacts["task_labels"])
    versions = library_versions()
    recipes = {
        task: Recipe(_KIND, {"labels": key, "data": artifacts["data"]}, {"task": task, "versions": versions})
        for task, key in keys.items()
    }
    known = database.find(recipes.values())
    out: dict[str, dict[str, TaskScore]] = {}
    for task, recipe in recipes.items():
        if recipe.digest in known:
            kept = database.store.get_json(known[recipe.digest])
            out[task] = {split: restored_score(one) for split, one in kept.items()}
            continue
        began = time.perf_counter()
        out[task] = _scored(task, data, labels, vectors)
        made = database.store.put_json(_KIND, {split: one.to_dict() for split, one in out[task].items()})
        database.record([(recipe, made)], seconds=time.perf_counter() - began, rows=1)
    return out


def _scored(
    task: str,
    data: KeptData,
    labels: Callable[[str], TaskLabels],
    vectors: Callable[[str], npt.NDArray[np.int64]],
) -> dict[str, TaskScore]:
    found = {}
    for split in (split for split in data.splits if split != "train"):
        gold = data.gold(split, task)
        if gold is not None and (gold >= 0).any():
            one = score_task(task, labels(split), vectors(split), gold, data.groups(split))
            if one is not None:
                found[split] = one
    return found


def restored_score(kept: Mapping[str, Any]) -> TaskScore:
    """Undo `TaskScore.to_dict`."""
    return TaskScore(kept["n"], Estimate.from_dict(kept["accuracy"]), Estimate.from_dict(kept["macro_f1"]))
