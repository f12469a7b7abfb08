"""A project's examples: the data of its settings, divided into splits, with gold kept apart."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

from labelwright.core import check_classes, class_codes, hash_ids
from labelwright.core.errors import DataError, DataWarning, VoteError
from labelwright.data import Dataset, read, row_hashes
from labelwright.data.partition import check_unique

from .data_checks import check_apart, check_columns, check_groups_whole
from .settings import FILE_NAME, Settings, SplitSettings

__all__ = [
    "SHOWN_FIELDS",
    "Examples",
    "Source",
    "Split",
    "data_files",
    "example_texts",
    "field_values",
    "gold_codes",
    "gold_of",
    "membership",
    "open_dataset",
    "open_sources",
    "source_paths",
    "units_of_content",
]

# Another salt than that of stats: membership of a split must not be tied to membership of a sub-sum.
_SPLIT_SALT = 0x5B117

# Fields to show of an example that has no text.
SHOWN_FIELDS = 6


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Examples of one split: positions in their source, ascending, with ids, groups and gold in the same order.

    Parameters
    ----------
    name : str
        ``"train"``, ``"valid"`` or ``"test"``.
    rows : ndarray of int, shape (n,)
    example_ids : ndarray, shape (n,)
    groups : ndarray, shape (n,), or None
    gold : ndarray of int, shape (n,), or None
        Class codes, -1 where unknown; ``None`` without a gold column.
    """

    name: str
    rows: npt.NDArray[np.int64]
    example_ids: npt.NDArray[Any]
    groups: npt.NDArray[Any] | None
    gold: npt.NDArray[np.int64] | None

    @property
    def n(self) -> int:
        """Number of examples."""
        return len(self.rows)


class Examples(Protocol):
    """Where the fields of a split's examples can be read: files, or what a run kept of them."""

    @property
    def schema(self) -> pl.Schema:
        """Names and types of the columns."""
        ...

    def frame(self, split: Split, columns: Sequence[str]) -> pl.DataFrame:
        """Return the split's rows with the given columns."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """One dataset as it is in its files, and the splits that come from it."""

    dataset: Dataset
    splits: tuple[Split, ...]

    @property
    def schema(self) -> pl.Schema:
        """Names and types of the columns."""
        return self.dataset.schema

    def frame(self, split: Split, columns: Sequence[str]) -> pl.DataFrame:
        """Return the split's rows with the given columns; only these are read."""
        frames = [
            part.frame(columns)[_inside(split.rows, part.start, part.rows)] for part in self.dataset.parts(columns)
        ]
        empty = pl.DataFrame(schema={c: self.dataset.schema[c] for c in columns})
        return pl.concat([empty, *frames])


def open_sources(settings: Settings, folder: Path) -> list[Source]:
    """Open the data of a project and divide it; reads ids, groups, splits and gold, and no other column.

    Raises
    ------
    DataError
        If files or columns are missing or unreadable, ids repeat within or across splits, a group is in two splits,
        gold is not among the classes, or train is empty.
    """
    data = settings.data
    named = {name: open_dataset(settings, paths) for name, paths in source_paths(settings, folder).items()}
    sources = [Source(dataset, _divide(dataset, settings, name)) for name, dataset in named.items()]
    splits = [split for source in sources for split in source.splits]
    if data.id is not None:
        check_apart({split.name: split.example_ids for split in splits})
    check_groups_whole({split.name: split.groups for split in splits if split.groups is not None}, data)
    empty = [split.name for split in splits if not split.n]
    if empty:
        raise DataError(f"the split {empty[0]!r} has no examples; look at [data.splits] in {folder / FILE_NAME}.")
    return sources


def source_paths(settings: Settings, folder: Path, data_set: str = "") -> dict[str, list[str]]:
    """Return the paths of each source: by the split whose examples it holds, or under ``""`` where it holds all."""
    data = settings.sets[data_set]
    if data.splits.kind == "paths":
        return {name: _paths(folder, value) for name, value in data.splits.given.items()}
    return {"": _paths(folder, data.path)}


def data_files(settings: Settings, folder: Path) -> list[Path]:
    """Return the paths that the settings name, as they are written: files, globs or folders."""
    named = [paths for data_set in settings.sets for paths in source_paths(settings, folder, data_set).values()]
    return [Path(path) for paths in named for path in paths]


def field_values(frame: pl.DataFrame, fields: Sequence[str]) -> dict[str, Any]:
    """Return columns as end models read them: numbers as arrays (NaN where missing), all else as lists."""
    return {
        name: frame[name].to_numpy() if frame[name].dtype.is_numeric() else frame[name].to_list() for name in fields
    }


def example_texts(
    settings: Settings, source: Examples, split: Split, *, fields: Sequence[str] | None = None
) -> Callable[[int], str]:
    """Return a function that gives what an example of the split says, by its position in the split.

    That is ``fields``, where there are any; else the first text field of the end model, or the first text column that
    is neither id, group, split nor gold. Data without texts shows its first fields. Other values come with their names.
    """
    # A function that reads no field (one that always abstains, say) still has examples to show.
    columns = list(fields)[:SHOWN_FIELDS] if fields else _shown_columns(settings, source)
    frame = source.frame(split, columns)

    def text(row: int) -> str:
        values = frame.row(row)
        if len(columns) == 1 and isinstance(values[0], str):
            return values[0]
        return ", ".join(f"{name} = {value}" for name, value in zip(columns, values, strict=True))

    return text


def _shown_columns(settings: Settings, source: Examples) -> list[str]:
    data = settings.data
    hidden = {data.id, data.group, *settings.gold_columns.values(), data.splits.column}
    schema = source.schema
    candidates = [*settings.end_model.fields, *(name for name in schema if name not in hidden)]
    texts = [name for name in candidates if schema[name] == pl.String]
    return texts[:1] or list(dict.fromkeys(candidates))[:SHOWN_FIELDS]


def _paths(folder: Path, value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [str(folder / str(v)) for v in values]


def open_dataset(settings: Settings, paths: list[str], data_set: str = "") -> Dataset:
    """Open the files of one source, of one of several data sets where there are.

    Raises
    ------
    DataError
        If they cannot be read, or lack a column that the settings name.
    """
    data = settings.sets[data_set]
    dataset = read(paths)
    check_columns(settings, dataset.columns, paths, data_set)
    return replace(dataset, id=data.id, group=data.group)


def gold_of(settings: Settings, columns: Collection[str], data_set: str = "") -> dict[str, str]:
    """Return the column of gold of each task that a data set is about; of several data sets, where it has that."""
    if not data_set:
        return settings.gold_columns
    about = settings.tasks_about(data_set)
    return {task: name for task, name in settings.gold_columns.items() if task in about and name in columns}


def _divide(dataset: Dataset, settings: Settings, name: str) -> tuple[Split, ...]:
    """Read what is needed to divide the dataset; ``name`` is given where the whole of it is one split."""
    golds = set(settings.gold_columns.values())
    columns = (settings.data.group, *golds, settings.data.splits.column)
    keep = [c for c in dict.fromkeys(columns) if c is not None]
    # Without ids or groups, the content says which split an example is in, and so has to be read.
    by_content = not name and settings.data.splits.kind == "fractions" and not (dataset.id or dataset.group)
    ids, frames, units = [], [], []
    for part in dataset.parts(None if by_content else keep):
        ids.append(part.example_ids)
        frames.append(part.frame(keep))
        if by_content:
            units.append(units_of_content(row_hashes(part.frame().drop(golds))))
    if not ids:
        raise DataError("the data has no examples.")
    table, example_ids = pl.concat(frames), np.concatenate(ids)
    if settings.data.id is not None:
        check_unique(example_ids, settings.data.id)
    groups = None if settings.data.group is None else _array(table[settings.data.group])
    gold = None if settings.task.gold is None else gold_codes(table[settings.task.gold], settings)
    unit = np.concatenate(units) if by_content else example_ids if groups is None else groups
    member = membership(settings.data.splits, name, table, unit)
    return tuple(
        Split(
            split,
            rows := np.flatnonzero(inside),
            example_ids[rows],
            None if groups is None else groups[rows],
            None if gold is None else gold[rows],
        )
        for split, inside in member.items()
    )


def units_of_content(hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """Return units for `membership` from hashes of rows without gold: equal rows go to one split, or test holds train.

    Gold is left out, since an example must not change its split when it gets its label.
    """
    return hashes[:, 0].view(np.int64)


def membership(
    splits: SplitSettings, name: str, table: pl.DataFrame, units: npt.NDArray[Any]
) -> dict[str, npt.NDArray[np.bool_]]:
    """Say for each split which examples are in it.

    Parameters
    ----------
    splits : SplitSettings
    name : str
        Given where the whole source is one split.
    table : polars.DataFrame, shape (n, ...)
        With the column of splits, where the settings name one.
    units : ndarray, shape (n,)
        Groups, or else ids: examples of one unit are never parted.
    """
    if name or splits.kind == "none":
        return {name or "train": np.ones(len(units), dtype=bool)}
    if splits.column is not None:
        return _by_column(splits, table[splits.column].cast(pl.String))
    # The hash of an id is uniform on [0, 1), so a share of the line is a share of the examples.
    place = hash_ids(units, salt=_SPLIT_SALT).astype(np.float64) / 2.0**64
    member, start = {}, 0.0
    for split, share in splits.given.items():
        assert isinstance(share, (int, float))
        end = start + float(share)
        member[split] = (place >= start) & (place < (end if end < 1 - 1e-9 else 2))
        start = end
    return member


def _by_column(splits: SplitSettings, column: pl.Series) -> dict[str, npt.NDArray[np.bool_]]:
    member, named = {}, []
    for split, value in splits.given.items():
        values = [str(v) for v in value] if isinstance(value, list) else [str(value)]
        member[split] = column.is_in(values).fill_null(value=False).to_numpy()
        named += values
    rest = column.filter(~column.is_in(named).fill_null(value=False))
    if len(rest):
        others = ", ".join(repr(v) for v in rest.unique().sort().to_list()[:5])
        warnings.warn(
            f"{len(rest):,} examples are in no split: their {column.name!r} is {others}; {FILE_NAME} names {named}.",
            DataWarning,
            stacklevel=2,
        )
    return member


def gold_codes(column: pl.Series, settings: Settings, task: str = "") -> npt.NDArray[np.int64]:
    """Return gold labels as class codes, shape (n,), -1 where unknown; of one of several tasks, codes of its states.

    Raises
    ------
    DataError
        If a label is not among the classes.
    """
    classes = settings.graph.states(task) if task else check_classes(settings.task.classes)
    try:
        return class_codes(column.to_list(), classes)
    except VoteError as error:
        where = f"tasks.{task}.classes" if task else "task.classes"
        raise DataError(f"the gold column {column.name!r}: {error} Look at {where} in {FILE_NAME}.") from error


def _array(column: pl.Series) -> npt.NDArray[Any]:
    return column.to_numpy() if column.dtype.is_integer() else np.array(column.cast(pl.String).to_list(), dtype=np.str_)


def _inside(rows: npt.NDArray[np.int64], start: int, count: int) -> npt.NDArray[np.int64]:
    first, last = np.searchsorted(rows, [start, start + count])
    return rows[first:last] - start
