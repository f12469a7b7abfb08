"""Writing the labelled examples of a run on several tasks for others to read, a file for each task, and end models."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from labelwright.core import atomic_folder, atomic_write
from labelwright.core.errors import ProjectError
from labelwright.pipeline.export import check_export, copy_model, label_table, labelled_frames
from labelwright.pipeline.guarding import refuse_other_ending, refuse_sources
from labelwright.pipeline.kept.keep import KeptRun
from labelwright.pipeline.kept.kept_task import KeptTask
from labelwright.pipeline.kept.kept_tasks import read_by_name
from labelwright.pipeline.settings import Settings
from labelwright.pipeline.writing import ExportFormat, write_frames

from .writing import MARKER, file_names

__all__ = ["export_task_model", "export_tasks"]


def export_tasks(
    run: KeptRun, settings: Settings, path: Path, to: ExportFormat, *, split: str = "train", task: str | None = None
) -> int:
    """Write the examples of a split (or ``"all"``) with their soft labels on each task, a file for each, or on one.

    Parameters
    ----------
    run : KeptRun
        A run on several tasks.
    settings : Settings
    path : Path
        A folder for all tasks, which is missing, empty, or was written so before; for one task a file with the ending
        of its format, or a folder for ``"hf"``. Written whole or not at all.
    to : {"parquet", "jsonl", "csv", "hf"}
    split : {"train", "valid", "test", "all"}
    task : str, optional
        Default: all.

    Returns
    -------
    int
        Number of examples.

    Raises
    ------
    ProjectError
        If the run has no such split or task.
    DataError
        If ``path`` is the project's settings, functions, store or data, or holds something else.

    Notes
    -----
    The columns are those of `labelwright.pipeline.export.export_labels`, with a ``prob_<state>`` for each state of the
    task. Of several data sets those that are about the task are written, with a column ``data_set``. ``label`` is the
    state in the most probable label vector that keeps every relation, so that the labels of an example agree over all
    files; it is empty where no vote says anything about the task. ``tasks.json`` names the file and the states of each
    task.
    """
    splits = check_export(run, settings, path, to, split)
    if task is not None:
        refuse_other_ending(path, to)
        if not _there(run, task, splits):
            raise ProjectError(
                f"no example of {split} is about {task}: the data sets that are about it have none there."
            )
        return write_frames(_frames(run, run.of_task(task), splits), path, to)
    told = [name for name in run.tasks if _there(run, name, splits)]
    names = file_names(told, ending="" if to == "hf" else f".{to}")
    rows = 0
    with atomic_folder(path, marker=MARKER) as temporary:
        for name, file in names.items():
            rows = max(rows, write_frames(_frames(run, run.of_task(name), splits), temporary / file, to))
        content = {name: {"file": file, "states": run.graph.states(name)} for name, file in names.items()}
        atomic_write(temporary / MARKER, json.dumps(content, indent=2))
    return rows


def export_task_model(run: KeptRun, settings: Settings, folder: Path, *, task: str | None) -> None:
    """Copy the end model of one task to ``folder``, which must not exist, be empty, or hold an end model already.

    One network for all tasks is copied whole, and no task is named.

    Raises
    ------
    ProjectError
        If each task has a model of its own and none is named, or the run has no end model for it.
    """
    refuse_sources(folder, folder=run.folder, settings=settings)
    if run.settings().end_model.shared is not None:
        _export_network(run, folder, task)
        return
    if task is None:
        raise ProjectError(f"each task has an end model of its own; name one: {', '.join(run.tasks)}.")
    run.of_task(task)
    models = read_by_name(run.store, run.artifact("task_end_models"))
    if task not in models:
        raise ProjectError(f"run {run.row.run_id} has no end model for task {task!r}: its labels teach nothing.")
    copy_model(run.store.get_folder(models[task]), folder)


def _export_network(run: KeptRun, folder: Path, task: str | None) -> None:
    if task is not None:
        raise ProjectError("one network answers all tasks; leave the task (--task) out.")
    models = read_by_name(run.store, run.artifact("task_end_models"))
    if not models:
        raise ProjectError(f"run {run.row.run_id} has no end model: the labels of its tasks teach nothing.")
    copy_model(run.store.get_folder(next(iter(models.values()))), folder)


def _there(run: KeptRun, task: str, splits: Sequence[str]) -> list[str]:
    """Return the splits that have examples which are about a task: of several data sets, not all need have one."""
    return [split for split in splits if split in run.of_task(task).data.splits]


def _frames(run: KeptRun, kept: KeptTask, splits: Sequence[str]) -> Iterator[pl.DataFrame]:
    """Yield examples as the run read them, with their labels on a task."""

    def labels(split: str) -> pl.DataFrame:
        return label_table(
            run, split, kept.soft_labels(split), kept.votes(split), "task_models", codes=kept.vector(split)
        )

    return labelled_frames(kept.data, _there(run, kept.name, splits), labels)
