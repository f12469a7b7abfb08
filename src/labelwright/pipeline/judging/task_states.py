"""What is judged of a project with several tasks: votes and labels of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from labelwright.core.errors import ModelError, ProjectError
from labelwright.pipeline.kept.keep import KeptRun
from labelwright.pipeline.kept.kept_data import KeptData
from labelwright.pipeline.kept.kept_task import KeptTask
from labelwright.pipeline.refreshing.finding_tasks import as_answered
from labelwright.pipeline.refreshing.refresh import label_tasks_project
from labelwright.pipeline.settings import Settings

from .state import LabelledState, fields_read, kept_state, present_state, rows_of_split, split_files

__all__ = ["States", "kept_states", "present_states"]

# By task; the one task of a project is called "".
States = Mapping[str, LabelledState]


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
    states = (run.functions(), fields_read([f["fields"] for f in records]))
    return _states(name, kept, run.kept_data, *states)


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
    store, data, records = labelled.database.store, labelled.data, labelled.made.functions
    kept = {task: KeptTask(task, store, labelled.votes, labelled.labels, {}) for task in labelled.graph.names}
    versions = {f["name"]: f["version"] for f in records}

    def files(split: str) -> Callable[[], Any]:
        return partial(split_files, settings, folder, data, split)

    fields = fields_read([f["fields"] for f in records])
    return _states("the files as they are", kept, data, versions, fields, files=files)


def _states(
    name: str,
    kept: Mapping[str, KeptTask],
    data: KeptData,
    versions: Mapping[str, str],
    fields: tuple[str, ...] | None,
    *,
    files: Callable[[str], Callable[[], Any]] = lambda _: lambda: None,
) -> States:
    labels = {split: next(iter(kept.values())).kept_labels.of(split) for split in data.splits}
    vectors = {split: next(iter(kept.values())).kept_labels.vectors(split) for split in data.splits}
    out = {}
    for task, one in kept.items():
        splits = {}
        for split in data.splits:
            soft = as_answered(task, labels[split], vectors[split])
            splits[split] = rows_of_split(data, split, one.votes(split), soft, files(split), task=task)
        out[task] = LabelledState(name, versions, splits, _no_intervals, fields)
    return out


def _no_intervals() -> NoReturn:
    raise ModelError("the joint label model of several tasks tells no intervals")
