"""Predicting new examples on several tasks with end models or the joint label model of a run; nothing is fitted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from labelwright import endmodels
from labelwright.core.errors import DataError, ProjectError
from labelwright.core.task_labels import TaskLabels
from labelwright.core.task_votes import TaskVotes
from labelwright.data import Dataset
from labelwright.data.base import PART_ROWS
from labelwright.labeling import LabelingFunction
from labelwright.store import ArtifactId, hash_folder

from .examples import field_values
from .kept.keep import KeptRun
from .kept.kept_tasks import read_by_name
from .refreshing.run import apply_by_task
from .refreshing.task_end_model import ROLE, SHARED, read_end_models, read_network
from .retyping import as_text, with_missing
from .settings import Settings

__all__ = ["label_on_tasks", "predict_on_tasks", "predict_with_network"]


def predict_on_tasks(run: KeptRun, dataset: Dataset) -> Iterator[pl.DataFrame]:
    """Yield what the end models of a run on several tasks say of ``dataset``, part by part.

    Columns: the id (or ``row``), and for each task that has an end model ``TASK``, its label in the label vector that
    keeps every relation, and ``prob_TASK_STATE``; then ``covered``, whether any field has a value, and ``model``, the
    record of the end models.

    Raises
    ------
    ProjectError
        If the run made no end models.
    DataError
        If the data lacks a field that they read; of a project with several data sets, if it lacks all of them.
    """
    keys = read_by_name(run.store, run.artifact(ROLE)) if ROLE in run.row.artifacts else {}
    if not keys:
        raise ProjectError(
            f"run {run.row.run_id} made no end models; set end_model.kind in labelwright.toml and run again, or ask "
            'the label model: model = "label" (--model label).'
        )
    models, chosen = read_end_models(run.store, run.graph, keys), run.settings().end_model
    if run.kept_data.record.sets and any(field in dataset.schema for field in chosen.fields):
        # As the end models learned: a field that a data set lacks is missing there.
        texts = run.text_columns()
        kinds: dict[str, pl.DataType] = {f: pl.String() if f in texts else pl.Float64() for f in chosen.fields}
        dataset = with_missing(dataset, kinds)
    yield from _answers(models, chosen.kind, chosen.fields, run.artifact(ROLE), dataset)


def label_on_tasks(
    run: KeptRun, functions: Sequence[LabelingFunction], dataset: Dataset, settings: Settings
) -> Iterator[pl.DataFrame]:
    """Yield the soft labels that the joint label model of a run gives ``dataset``, part by part.

    Columns: those of `predict_on_tasks` over all tasks. ``TASK`` is empty where no vote says anything about the task,
    and ``covered`` says whether one does about any.

    Raises
    ------
    ProjectError
        If the tasks changed since the run, or the project has several data sets.
    """
    if run.kept_data.record.sets:
        raise ProjectError(
            "functions of a project with several data sets run on those that they are meant for, and new examples do "
            "not say of which they are; ask the end models (--model end), or add the examples to a data set and run "
            "again."
        )
    now, graph = settings.graph, run.graph
    if (now.tasks, now.relations) != (graph.tasks, graph.relations):
        raise ProjectError(
            f"tasks or relations changed since run {run.row.run_id}, so what the label model learned is not about them "
            "as they are. Run the project again: labelwright run."
        )
    model, key = run.task_model(), run.artifact("task_models")
    votes = TaskVotes(graph, apply_by_task(functions, dataset, settings))
    for start in range(0, votes.n, PART_ROWS):
        some = votes.take(slice(start, start + PART_ROWS))
        labels, vectors = model.soft_labels(some), model.predict(some)
        columns = _columns(labels, np.where(labels.covered, vectors, -1), graph.names)
        yield _frame(dataset, some.example_ids, columns, np.any(labels.covered, axis=1), key)


def predict_with_network(folder: Path, dataset: Dataset) -> Iterator[pl.DataFrame]:
    """Yield what an exported network says of ``dataset`` on all of its tasks, part by part; no project is needed.

    Columns, and errors, are those of `predict_on_tasks`.
    """
    network: Any = read_network(folder)
    reader = network.reader
    yield from _answers(network, reader.kind, list(reader.fields), ArtifactId(SHARED, hash_folder(folder)), dataset)


def _answers(
    models: endmodels.TaskAnswers, kind: str, fields: list[str], name: ArtifactId, dataset: Dataset
) -> Iterator[pl.DataFrame]:
    missing = [field for field in fields if field not in dataset.schema]
    if missing:
        raise DataError(
            f"the end models read the column {missing[0]!r}, which the data does not have; they read "
            f"{', '.join(fields)}, and the data has {', '.join(dataset.columns)}."
        )
    data = as_text(dataset, fields) if kind == "text" else dataset
    for part in data.parts(fields):
        frame = part.frame(fields)
        covered = ~np.all([frame[field].is_null().to_numpy() for field in fields], axis=0)
        columns = _columns(*models.answers(field_values(frame, fields)), models.tasks)
        yield _frame(data, part.example_ids, columns, covered, name)


def _columns(labels: TaskLabels, vectors: npt.NDArray[np.int64], tasks: Sequence[str]) -> dict[str, Any]:
    """Return for each task its label, of label vectors in which -1 is none, and its probabilities."""
    out: dict[str, Any] = {}
    for task in tasks:
        states = labels.graph.states(task)
        codes = vectors[:, labels.graph.names.index(task)]
        kind = pl.String if isinstance(states[0], str) else pl.Int64
        out[task] = pl.Series([None if code < 0 else states[code] for code in codes.tolist()], dtype=kind)
        out |= {f"prob_{task}_{state}": labels.probs[task][:, c] for c, state in enumerate(states)}
    return out


def _frame(
    dataset: Dataset, ids: npt.NDArray[Any], columns: dict[str, Any], covered: Any, name: ArtifactId
) -> pl.DataFrame:
    frame = pl.DataFrame({dataset.id or "row": ids, **columns, "covered": covered})
    return frame.with_columns(pl.lit(f"{name.kind}:{name.short}").alias("model"))
