"""What is judged: the votes and labels of a project as its files are now, or as a run left them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from labelwright.core import SoftLabels, Votes
from labelwright.data import read
from labelwright.data.files import find_files
from labelwright.labelmodels.intervals import Intervals
from labelwright.pipeline.examples import source_paths
from labelwright.pipeline.kept.keep import KeptRun
from labelwright.pipeline.kept.kept_data import KeptData
from labelwright.pipeline.refreshing.refresh import label_project
from labelwright.pipeline.refreshing.run import make_label_model
from labelwright.pipeline.settings import Settings

__all__ = [
    "LabelledState",
    "StateSplit",
    "fields_read",
    "kept_state",
    "present_state",
    "rows_of_split",
    "split_files",
]

# Of the digest of a part, to call it by.
_DIGITS = 8

ReadColumns = Callable[[Sequence[str] | None], pl.DataFrame]


@dataclass(frozen=True, slots=True, eq=False)
class StateSplit:
    """A split with its votes and labels.

    Parameters
    ----------
    votes : Votes, shape (n, m)
    soft : SoftLabels, shape (n, k)
    gold : ndarray of int, shape (n,), or None
        Class codes, -1 where unknown.
    groups : ndarray, shape (n,), or None
    read : callable
        Gives columns (``None`` = all) of its examples, in the order of the votes.
    hashes : callable
        Gives a hash of all that each example holds, shape (n, 2), or ``None`` where it is not known.
    files : callable
        Gives the names of the files that the examples come from, shape (n,), or ``None`` where there is one file.
    parts : callable
        Gives the beginning of the digest of the data part of each example, shape (n,), or ``None`` where there is one.
    data_sets : callable
        Gives the name of the data set of each example, shape (n,), or ``None`` where there is one.
    """

    votes: Votes
    soft: SoftLabels
    gold: npt.NDArray[np.int64] | None
    groups: npt.NDArray[Any] | None
    read: ReadColumns
    hashes: Callable[[], npt.NDArray[np.uint64] | None] = lambda: None
    files: Callable[[], npt.NDArray[Any] | None] = lambda: None
    parts: Callable[[], npt.NDArray[Any] | None] = lambda: None
    data_sets: Callable[[], npt.NDArray[Any] | None] = lambda: None


@dataclass(frozen=True, slots=True, eq=False)
class LabelledState:
    """Votes and labels of a project at one moment.

    Parameters
    ----------
    name : str
        What to call it: ``"run 3"``, ``"snapshot main"``, ``"the files as they are"``.
    versions : mapping of str to str
        Version of each function.
    splits : mapping of str to StateSplit
    intervals : callable
        Gives the intervals of what the label model learned from the votes on train, at a level.
    fields : tuple of str or None
        The columns that the functions read; ``None`` = all.
    """

    name: str
    versions: Mapping[str, str]
    splits: Mapping[str, StateSplit]
    intervals: Callable[[float], Intervals]
    fields: tuple[str, ...] | None = None


def kept_state(run: KeptRun, name: str) -> LabelledState:
    """Return what a run left."""
    records = run.function_records()
    if "data" not in run.row.artifacts:  # of a first version, which kept no data: its labels can still be compared
        splits = {s: StateSplit(run.votes(s), run.soft_labels(s), None, None, _unread) for s in run.splits}
    else:
        splits = {s: rows_of_split(run.kept_data, s, run.votes(s), run.soft_labels(s)) for s in run.splits}
    intervals = partial(_intervals, run.settings(), splits["train"].votes)
    return LabelledState(name, run.functions(), splits, intervals, fields_read([f["fields"] for f in records]))


def present_state(folder: Path, settings: Settings, *, step: Callable[[str], None]) -> LabelledState:
    """Bring votes and labels up to date, as a run does, and return them; no run is kept of it.

    Parameters
    ----------
    folder : Path
    settings : Settings
    step : callable of str
        Told what is being done.
    """
    functions, data, votes, labels, _ = label_project(folder, settings, step=step)
    splits = {}
    for name in data.splits:
        splits[name] = rows_of_split(
            data, name, votes.of(name), labels.of(name), partial(split_files, settings, folder, data, name)
        )
    versions = {f.name: f.version for f in functions}
    intervals = partial(_intervals, settings, splits["train"].votes)
    return LabelledState(
        "the files as they are", versions, splits, intervals, fields_read([f.fields for f in functions])
    )


def rows_of_split(
    data: KeptData,
    name: str,
    votes: Votes,
    soft: SoftLabels,
    files: Callable[[], npt.NDArray[Any] | None] = lambda: None,
    *,
    task: str = "",
) -> StateSplit:
    """Return a split of the data with votes and labels on a task (the one task of a project: ``""``)."""
    return StateSplit(
        votes,
        soft,
        data.gold(name, task),
        data.groups(name),
        lambda columns: data.frame(name, columns),
        lambda: data.take(name, data.part_hashes),
        files,
        lambda: _parts(data, name),
        lambda: _data_sets(data, name),
    )


def _intervals(settings: Settings, train: Votes, level: float) -> Intervals:
    """Fit anew: what a run keeps of its model can label, but has no stats to work out intervals from."""
    return make_label_model(settings).fit(train).intervals(level)


def fields_read(fields: Sequence[Sequence[str] | None]) -> tuple[str, ...] | None:
    """Return the columns that functions read together; ``None`` = all."""
    known = [one for one in fields if one is not None]
    return tuple(dict.fromkeys(name for one in known for name in one)) if len(known) == len(fields) else None


def _unread(columns: Sequence[str] | None) -> pl.DataFrame:
    del columns
    return pl.DataFrame()


def split_files(settings: Settings, folder: Path, data: KeptData, name: str) -> npt.NDArray[Any] | None:
    """Return the file of each example, where the rows of its source come from several."""
    sets = {data.data_set_of(part) for part in data.numbers}
    if len(sets) > 1:
        return None
    sources = source_paths(settings, folder, sets.pop())
    paths = find_files(sources.get(name) or sources[""])[0]
    if len(paths) < 2:
        return None
    ends = np.cumsum([_rows(path) for path in paths])
    names = [str(path.relative_to(folder)) if path.is_relative_to(folder) else path.name for path in paths]
    places = data.take(name, data.part_positions)
    return np.array(names)[np.searchsorted(ends, places, side="right")]


def _parts(data: KeptData, name: str) -> npt.NDArray[Any] | None:
    if len(data.parts) < 2:
        return None
    return data.take(name, lambda part: np.full(data.parts[part].rows, data.parts[part].digest[:_DIGITS]))


def _data_sets(data: KeptData, name: str) -> npt.NDArray[Any] | None:
    if not data.record.sets:
        return None
    return data.take(name, lambda part: np.full(data.parts[part].rows, data.data_set_of(part)))


def _rows(path: Path) -> int:
    dataset = read(path)
    return dataset.rows or sum(part.rows for part in dataset.parts(dataset.columns[:1]))
