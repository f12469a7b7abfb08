"""Writing a labelled training set for others to read, and the end model."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import get_args

import numpy as np
import numpy.typing as npt
import polars as pl

from labelwright.core import SoftLabels, Votes, atomic_folder
from labelwright.core.errors import DataError, ProjectError
from labelwright.data.base import PART_ROWS

from .guarding import refuse_other_ending, refuse_sources
from .kept.keep import KeptRun
from .kept.kept_data import KeptData
from .settings import Settings, read_settings
from .writing import ExportFormat, label_columns, write_frames

__all__ = ["check_export", "copy_model", "export_labels", "export_model", "label_table", "labelled_frames"]


def export_labels(run: KeptRun, settings: Settings, path: Path, to: ExportFormat, *, split: str = "train") -> int:
    """Write the examples of a split (or ``"all"``) with their soft labels and where those came from.

    Parameters
    ----------
    run : KeptRun
    settings : Settings
    path : Path
        A file with the ending of its format, or a folder for ``"hf"``. Written whole or not at all.
    to : {"parquet", "jsonl", "csv", "hf"}
        ``"hf"`` is a folder that ``datasets.load_from_disk`` reads. In CSV, a text that a spreadsheet would take for a
        formula gets a leading apostrophe.
    split : {"train", "valid", "test", "all"}

    Returns
    -------
    int
        Number of examples.

    Raises
    ------
    ProjectError
        If the run has no such split, or is older than runs keep their data.
    DataError
        If ``path`` is the project's settings, functions, store or data, or does not end as its format does.

    Notes
    -----
    The columns are those of the data, then ``example_id`` (where the data has no id column), ``split``, ``label``
    (empty where no function voted or classes tie), ``prob_<class>``, ``covered``, ``votes`` (how many functions voted),
    ``run_id``, ``label_model_id`` and ``functions_hash``. A column of the data that has one of these names is written
    as ``data_<name>``.
    """
    names = check_export(run, settings, path, to, split)
    refuse_other_ending(path, to)
    return write_frames(labelled_frames(run.kept_data, names, lambda name: _label_table(run, name)), path, to)


def export_model(run: KeptRun, folder: Path) -> None:
    """Copy the end model to ``folder``, which must not exist, be empty, or hold an end model already."""
    refuse_sources(folder, folder=run.folder, settings=read_settings(run.folder))
    copy_model(run.end_model_folder(), folder)


def copy_model(source: Path, folder: Path) -> None:
    """Copy an end model to ``folder``, whole or not at all."""
    with atomic_folder(folder, marker="model.json") as temporary:
        shutil.copytree(source, temporary, dirs_exist_ok=True)


def check_export(run: KeptRun, settings: Settings, path: Path, to: ExportFormat, split: str) -> list[str]:
    """Check what is asked for, and return the splits to write; see `export_labels`."""
    if to not in get_args(ExportFormat):
        raise DataError(f"export format is {to!r}; allowed: {', '.join(get_args(ExportFormat))}.")
    refuse_sources(path, folder=run.folder, settings=settings)
    splits = run.splits if split == "all" else [split]
    if not set(splits) <= set(run.splits):
        raise ProjectError(f"run {run.row.run_id} has no split {split!r}; allowed: {', '.join([*run.splits, 'all'])}.")
    return splits


def labelled_frames(
    kept: KeptData, splits: Sequence[str], labels_of: Callable[[str], pl.DataFrame]
) -> Iterator[pl.DataFrame]:
    """Yield examples as a run read them, with their labels: what changed since is another run's matter."""
    for split in splits:
        labels, data = labels_of(split), kept.frame(split)
        clash = {name: f"data_{name}" for name in data.columns if name in labels.columns}
        whole = pl.concat([data.rename(clash), labels], how="horizontal")
        yield from whole.iter_slices(PART_ROWS)


def label_table(
    run: KeptRun,
    split: str,
    soft: SoftLabels,
    votes: Votes,
    model: str,
    codes: npt.NDArray[np.int64] | None = None,
) -> pl.DataFrame:
    """Return the columns of labels: what identifies an example, its label, how many functions voted, and lineage.

    Parameters
    ----------
    run : KeptRun
    split : str
    soft : SoftLabels
    votes : Votes
    model : str
        What the run calls its label model.
    codes : ndarray of int, shape (n,), optional
        The label of each example. Default: its most probable class.
    """
    counts = np.concatenate([(block >= 0).sum(axis=1) for _, block in votes.blocks()])
    lineage = {
        "run_id": run.row.run_id,
        "label_model_id": run.artifact(model).digest,
        "functions_hash": run.artifact("functions").digest,
    }
    table = pl.DataFrame({**label_columns(soft, codes), "votes": counts})
    table = table.with_columns(*[pl.lit(value).alias(name) for name, value in lineage.items()])
    kind = pl.String if isinstance(soft.classes[0], str) else pl.Int64
    # Without an id column nothing else in the file says what to ask `labelwright explain` for.
    ids = [] if run.kept_data.record.id else [pl.Series("example_id", soft.example_ids.tolist())]
    if run.kept_data.record.sets:
        ids.insert(0, pl.Series("data_set", [example.partition(":")[0] for example in soft.example_ids.tolist()]))
    return table.select(*ids, pl.lit(split).alias("split"), pl.col("label").cast(kind), pl.exclude("label"))


def _label_table(run: KeptRun, split: str) -> pl.DataFrame:
    return label_table(run, split, run.soft_labels(split), run.votes(split), "label_model")
