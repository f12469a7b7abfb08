"""A project's examples: the data of its settings, divided into splits, with gold kept apart."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

from labelwright.core import check_classes, class_codes, hash_ids
from labelwright.core.errors import DataError, DataWarning, VoteError
from labelwright.data import Dataset, read

from .settings import FILE_NAME, Settings, SplitSettings

__all__ = [
    "SHOWN_FIELDS",
    "Examples",
    "Source",
    "Split",
    "check_apart",
    "check_columns",
    "data_files",
    "example_texts",
    "field_values",
    "gold_codes",
    "membership",
    "open_dataset",
    "open_sources",
    "source_paths",
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
        If files or columns are missing or unreadable, ids repeat within or across splits, gold is not among the
        classes, or train is empty.
    """
    data = settings.data
    named = {name: open_dataset(settings, paths) for name, paths in source_paths(settings, folder).items()}
    sources = [Source(dataset, _divide(dataset, settings, name)) for name, dataset in named.items()]
    splits = [split for source in sources for split in source.splits]
    if data.id is not None:
        check_apart({split.name: split.example_ids for split in splits})
    empty = [split.name for split in splits if not split.n]
    if empty:
        raise DataError(f"the split {empty[0]!r} has no examples; look at [data.splits] in {folder / FILE_NAME}.")
    return sources


def source_paths(settings: Settings, folder: Path) -> dict[str, list[str]]:
    """Return the paths of each source: by the split whose examples it holds, or under ``""`` where it holds all."""
    splits = settings.data.splits
    if splits.kind == "paths":
        return {name: _paths(folder, value) for name, value in splits.given.items()}
    return {"": _paths(folder, settings.data.path)}


def data_files(settings: Settings, folder: Path) -> list[Path]:
    """Return the paths that the settings name, as they are written: files, globs or folders."""
    splits = settings.data.splits
    values = list(splits.given.values()) if splits.kind == "paths" else [settings.data.path]
    return [Path(path) for value in values for path in _paths(folder, value)]


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
    hidden = {data.id, data.group, settings.task.gold, data.splits.column}
    schema = source.schema
    candidates = [*settings.end_model.fields, *(name for name in schema if name not in hidden)]
    texts = [name for name in candidates if schema[name] == pl.String]
    return texts[:1] or list(dict.fromkeys(candidates))[:SHOWN_FIELDS]


def _paths(folder: Path, value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [str(folder / str(v)) for v in values]


def open_dataset(settings: Settings, paths: list[str]) -> Dataset:
    """Open the files of one source.

    Raises
    ------
    DataError
        If they cannot be read, or lack a column that the settings name.
    """
    dataset = read(paths, id=settings.data.id, group=settings.data.group)
    check_columns(settings, dataset.columns, paths)
    return dataset


def check_columns(settings: Settings, columns: Sequence[str], paths: Sequence[str]) -> None:
    """Check that the data has the columns that the settings name.

    Raises
    ------
    DataError
        That names the setting, the column, and the columns that there are.
    """
    asked = {
        "task.gold": settings.task.gold,
        "data.splits.column": settings.data.splits.column,
        **{f"end_model.fields[{i}]": name for i, name in enumerate(settings.end_model.fields)},
    }
    for key, column in asked.items():
        if column is not None and column not in columns:
            raise DataError(
                f"{FILE_NAME}: {key} is {column!r}, which is not a column of {', '.join(paths)}; columns: "
                f"{', '.join(columns)}."
            )


def _divide(dataset: Dataset, settings: Settings, name: str) -> tuple[Split, ...]:
    """Read what is needed to divide the dataset; ``name`` is given where the whole of it is one split."""
    columns = (settings.data.group, settings.task.gold, settings.data.splits.column)
    keep = [c for c in dict.fromkeys(columns) if c is not None]
    ids, frames = [], []
    for part in dataset.parts(keep):
        ids.append(part.example_ids)
        frames.append(part.frame(keep))
    if not ids:
        raise DataError("the data has no examples.")
    table, example_ids = pl.concat(frames), np.concatenate(ids)
    _check_unique(example_ids, settings.data.id)
    groups = None if settings.data.group is None else _array(table[settings.data.group])
    gold = None if settings.task.gold is None else gold_codes(table[settings.task.gold], settings)
    member = membership(settings.data.splits, name, table, example_ids if groups is None else groups)
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


def gold_codes(column: pl.Series, settings: Settings) -> npt.NDArray[np.int64]:
    """Return gold labels as class codes, shape (n,), -1 where unknown.

    Raises
    ------
    DataError
        If a label is not among the classes.
    """
    classes = check_classes(settings.task.classes)
    try:
        return class_codes(column.to_list(), classes)
    except VoteError as error:
        raise DataError(f"the gold column {column.name!r}: {error} Look at task.classes in {FILE_NAME}.") from error


def _array(column: pl.Series) -> npt.NDArray[Any]:
    return column.to_numpy() if column.dtype.is_integer() else np.array(column.cast(pl.String).to_list(), dtype=np.str_)


def _check_unique(ids: npt.NDArray[Any], column: str | None) -> None:
    values, counts = np.unique(ids, return_counts=True)
    if (counts > 1).any():
        repeats = int((counts - 1).sum())
        raise DataError(
            f"the id column {column!r} repeats: {values[counts > 1][0]!s} stands {int(counts.max())} times ({repeats} "
            "repeats in all). Ids must differ; without data.id the position is the id."
        )


def check_apart(ids: Mapping[str, npt.NDArray[Any]]) -> None:
    """Check that no example is in two splits; ``ids`` are by the name of the split.

    Raises
    ------
    DataError
        That names two splits and an example.
    """
    names = list(ids)
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            both = np.intersect1d(ids[one], ids[other])
            if len(both):
                raise DataError(
                    f"{len(both)} examples are in {one} and in {other}, such as {both[0]!s}; scores would be "
                    "measured on examples that were trained on."
                )


def _inside(rows: npt.NDArray[np.int64], start: int, count: int) -> npt.NDArray[np.int64]:
    first, last = np.searchsorted(rows, [start, start + count])
    return rows[first:last] - start
