"""What is judged of a project with several tasks: votes and labels of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from labelwright.core import SoftLabels
from labelwright.core.errors import ProjectError
from labelwright.labelmodels.intervals import Intervals
from labelwright.pipeline.kept.database import Database
from labelwright.pipeline.kept.keep import KeptRun
from labelwright.pipeline.kept.kept_data import KeptData
from labelwright.pipeline.kept.kept_intervals import ComponentIntervals
from labelwright.pipeline.kept.kept_task import KeptTask
from labelwright.pipeline.refreshing.refresh import label_tasks_project
from labelwright.pipeline.refreshing.scope import database_of
from labelwright.pipeline.settings import Settings
from labelwright.store import ArtifactId

from .state import LabelledState, StateSplit, fields_read, kept_state, present_state, rows_of_split, split_files

__all__ = ["States", "kept_states", "present_states"]

# By task; the one task of a project is called "".
States: TypeAlias = Mapping[str, LabelledState]

# Gives the file of each example, where there are several.
Files: TypeAlias = Callable[[], npt.NDArray[Any] | None]


def kept_states(run: KeptRun, name: str, *, several: bool) -> States:
    """Return what a run left, task by task.

    Raises
    ------
    ProjectError
        If the run is on one task and the project now has several (``several``), or the reverse.
    """
    if bool(run.tasks) is not several:
        kinds = ("several tasks", "one task") if run.tasks else ("one task", "several tasks")
        raise ProjectError(
            f"run {run.row.number} is on {kinds[0]}, and the project now has {kinds[1]}; they do not compare. Name "
            "another run with --against, or in gates.against."
        )
    if not several:
        return {"": kept_state(run, name)}
    records = run.function_records()
    kept = {task: run.of_task(task) for task in run.tasks}
    intervals = partial(_intervals, database_of(run.folder), run.row.artifacts)
    return _states(name, kept, run.functions(), fields_read([f["fields"] for f in records]), intervals)


def present_states(folder: Path, settings: Settings, *, step: Callable[[str], None]) -> States:
    """Bring votes and labels up to date, as a run does, and return them task by task; no run is kept of it.

    Parameters
    ----------
    folder : Path
    settings : Settings
    step : callable of str
        Told what is being done.
    """
    if not settings.has_tasks:
        return {"": present_state(folder, settings, step=step)}
    labelled = label_tasks_project(folder, settings, step=step)
    store, records = labelled.database.store, labelled.made.functions
    kept = {task: KeptTask(task, store, labelled.votes, labelled.labels, {}) for task in labelled.graph.names}
    versions = {f["name"]: f["version"] for f in records}

    asked: dict[tuple[tuple[int, ...], str], Files] = {}

    def files(data: KeptData, split: str) -> Files:
        # Tasks of the same examples share the answer.
        ask = cache(partial(split_files, settings, folder, data, split))
        return asked.setdefault((tuple(data.numbers), split), ask)

    fields = fields_read([f["fields"] for f in records])
    intervals = partial(_intervals, labelled.database, labelled.made.artifacts)
    return _states("the files as they are", kept, versions, fields, intervals, files=files)


def _states(
    name: str,
    kept: Mapping[str, KeptTask],
    versions: Mapping[str, str],
    fields: tuple[str, ...] | None,
    intervals: Callable[[KeptTask, float], Intervals],
    *,
    files: Callable[[KeptData, str], Files] = lambda _data, _split: lambda: None,
) -> States:
    return {
        task: LabelledState(
            name, versions, {s: _split(one, s, files) for s in one.data.splits}, partial(intervals, one), fields
        )
        for task, one in kept.items()
    }


def _split(kept: KeptTask, split: str, files: Callable[[KeptData, str], Files]) -> StateSplit:
    """Return a split of the examples that are about a task, with labels as they are written."""
    soft = kept.soft_labels(split)
    certain = np.eye(len(kept.states))[kept.vector(split)]
    labels = SoftLabels(certain, soft.covered, classes=kept.states, example_ids=soft.example_ids)
    return rows_of_split(kept.data, split, kept.votes(split), labels, files(kept.data, split), task=kept.name)


def _intervals(database: Database, artifacts: Mapping[str, ArtifactId], kept: KeptTask, level: float) -> Intervals:
    """Return the intervals of a task; those of its component are worked out once, and kept."""
    known, name = ComponentIntervals(database, artifacts), kept.component.names[0]
    known.work_out([name])
    return known.of(name)[kept.name].at(level)
