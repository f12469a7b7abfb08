"""Predicting new examples with what a run made; nothing is fitted."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl

from labelwright import endmodels
from labelwright.core import SoftLabels
from labelwright.core.errors import DataError, ProjectError
from labelwright.data import Dataset, read
from labelwright.data.base import PART_ROWS
from labelwright.labeling import LabelingFunction
from labelwright.store import ArtifactId, hash_folder

from .examples import field_values
from .guarding import refuse_sources
from .kept.keep import KeptRun
from .predict_tasks import label_on_tasks, predict_on_tasks, predict_with_network
from .refreshing.run import apply_functions
from .retyping import as_text
from .settings import Settings, read_settings
from .supervision import load_functions
from .writing import ExportFormat, label_columns, write_frames

__all__ = [
    "ModelKind",
    "label_columns",
    "predict_with_end_model",
    "predict_with_label_model",
    "predict_with_model_folder",
]

ModelKind = Literal["end", "label"]


def predict_with_end_model(run: KeptRun, data: Any) -> Iterator[pl.DataFrame]:
    """Yield the end model's predictions of ``data``, part by part; no labeling function is read.

    Of a run on several tasks, those of all of them: see `labelwright.pipeline.predict_tasks.predict_on_tasks`.
    """
    settings = read_settings(run.folder, several_tasks=bool(run.tasks))
    if run.tasks:
        return predict_on_tasks(run, read(data, id=_id(settings, data)))
    return _end_model_parts(run.end_model(), run.artifact("end_model"), read(data, id=_id(settings, data)))


def predict_with_model_folder(folder: Path, data: Any, *, id: str | None = None) -> Iterator[pl.DataFrame]:
    """Yield the predictions of an exported end model, part by part; no project is needed."""
    if not folder.is_dir():
        raise DataError(f"there is no folder {folder}; name one that `labelwright export --model FOLDER` wrote.")
    if endmodels.persistence.kind_of_saved(folder) == "shared":
        return predict_with_network(folder, read(data, id=id))
    model = endmodels.load(folder)
    return _end_model_parts(model, ArtifactId("end_model", hash_folder(folder)), read(data, id=id))


def predict_with_label_model(run: KeptRun, data: Any) -> Iterator[pl.DataFrame]:
    """Yield the label model's soft labels of ``data``, part by part.

    Of a run on several tasks, those of all of them: see `labelwright.pipeline.predict_tasks.label_on_tasks`.

    Raises
    ------
    ProjectError
        If functions were added, removed or changed since the run: its parameters are not about them.
    """
    settings = read_settings(run.folder, several_tasks=bool(run.tasks))
    functions = load_functions(run.folder)
    _check_versions(run, {f.name: f.version for f in functions})
    dataset = as_text(read(data, id=_id(settings, data)), run.text_columns())
    if run.tasks:
        return label_on_tasks(run, functions, dataset, settings)
    return _label_model_parts(run, functions, dataset, settings)


def _label_model_parts(
    run: KeptRun, functions: Sequence[LabelingFunction], dataset: Dataset, settings: Settings
) -> Iterator[pl.DataFrame]:
    model, key = run.label_model(), run.artifact("label_model")
    votes = apply_functions(functions, dataset, settings)
    for start in range(0, max(votes.n, 1), PART_ROWS):
        some = votes.take(slice(start, start + PART_ROWS))
        yield _frame(dataset, some.example_ids, model.soft_labels(some), key)


@dataclass(frozen=True, slots=True)
class Predictions:
    """Predictions of a file: ``rows`` as plain values, or ``None`` where they were written to ``output``."""

    count: int
    rows: list[dict[str, Any]] | None
    output: Path | None


def predict_file(
    data: str | Path,
    *,
    project: Path,
    model: ModelKind = "end",
    model_folder: Path | None = None,
    output: Path | None = None,
) -> Predictions:
    """Predict a file with a project's last run or an exported end model, and write the predictions where asked.

    Raises
    ------
    DataError
        If the data cannot be read, has no examples, lacks a field, the format of ``output`` is not known by its ending,
        or ``output`` is the data, or part of the project or the exported model.
    ProjectError
        If the project has not been run, made no end model, or its functions changed since.
    """
    to = None if output is None else _format_of(output)
    if output is not None:
        _guard(output, data, project, model_folder)
    if model_folder is not None:
        frames = predict_with_model_folder(model_folder, data)
    else:
        # A folder that is no project says so, rather than that it has no run.
        read_settings(project, several_tasks=None)
        run = KeptRun.latest(project)
        frames = predict_with_end_model(run, data) if model == "end" else predict_with_label_model(run, data)
    frames = _some(frames, data)
    if output is None or to is None:
        rows = [row for frame in frames for row in frame.iter_rows(named=True)]
        return Predictions(len(rows), rows, None)
    return Predictions(write_frames(frames, output, to), None, output)


def _guard(output: Path, data: str | Path, project: Path, model_folder: Path | None) -> None:
    inputs = [data] if model_folder is None else [data, model_folder]
    settings = None
    # With an exported model no project is needed; one that happens to be here is spared all the same.
    with contextlib.nullcontext() if model_folder is None else contextlib.suppress(ProjectError):
        settings = read_settings(project, several_tasks=None)
    refuse_sources(output, folder=project, settings=settings, inputs=inputs)


def _some(frames: Iterator[pl.DataFrame], data: str | Path) -> Iterator[pl.DataFrame]:
    """Pass frames on, and refuse a file without examples: most likely it is not the file that was meant."""
    for frame in frames:
        if not frame.height:
            raise DataError(f"{data} has no examples: there is nothing below its column names.")
        yield frame


def _format_of(output: Path) -> ExportFormat:
    known: dict[str, ExportFormat] = {".csv": "csv", ".jsonl": "jsonl", ".parquet": "parquet"}
    if output.suffix.lower() not in known:
        raise DataError(f"{output} must end in {', '.join(known)}, to say how predictions are written.")
    return known[output.suffix.lower()]


def _end_model_parts(model: endmodels.EndModel, key: ArtifactId, dataset: Dataset) -> Iterator[pl.DataFrame]:
    missing = [name for name in model.fields if name not in dataset.schema]
    if missing:
        raise DataError(
            f"the end model reads the column {missing[0]!r}, which the data does not have; it reads "
            f"{', '.join(model.fields)}, and the data has {', '.join(dataset.columns)}."
        )
    if model.kind == "text":
        dataset = as_text(dataset, model.fields)
    rows = 0
    for part in dataset.parts(model.fields):
        frame = part.frame(model.fields)
        found = model.soft_labels(field_values(frame, model.fields), example_ids=part.example_ids)
        # An example whose fields are all missing gets an answer too, but one that nothing in it speaks for.
        present = ~np.all([frame[name].is_null().to_numpy() for name in model.fields], axis=0)
        soft = SoftLabels(found.probs, present, classes=found.classes, example_ids=part.example_ids)
        yield _frame(dataset, part.example_ids, soft, key)
        rows += part.rows
    if not rows:
        nothing = SoftLabels(np.empty((0, len(model.classes))), classes=model.classes)
        yield _frame(dataset, nothing.example_ids, nothing, key)


def _frame(dataset: Dataset, example_ids: Any, soft: SoftLabels, key: ArtifactId) -> pl.DataFrame:
    kind = pl.String if isinstance(soft.classes[0], str) else pl.Int64
    frame = pl.DataFrame({dataset.id or "row": example_ids, **label_columns(soft)}).cast({"label": kind})
    return frame.with_columns(pl.lit(f"{key.kind}:{key.short}").alias("model"))


def _id(settings: Settings, data: Any) -> str | None:
    """Use the project's id column where the new data has it; new examples need not have ids."""
    columns = [one.id for one in settings.sets.values() if one.id is not None]
    there = read(data).schema if columns else ()
    return next((column for column in columns if column in there), None)


def _check_versions(run: KeptRun, now: dict[str, str]) -> None:
    then = run.functions()
    changed = sorted(name for name in now.keys() & then.keys() if now[name] != then[name])
    gone, new = sorted(then.keys() - now.keys()), sorted(now.keys() - then.keys())
    for names, what in ((changed, "changed"), (gone, "was removed"), (new, "is new")):
        if names:
            raise ProjectError(
                f"function {names[0]!r} {what} since run {run.row.run_id}, so what the label model learned is not "
                "about the functions as they are. Run the project again: labelwright run."
            )
