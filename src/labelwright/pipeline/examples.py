"""A project's examples: the data of its settings, divided into splits, with gold kept apart."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from labelwright.core import check_classes, class_codes, hash_ids
from labelwright.core.errors import DataError, DataWarning, VoteError
from labelwright.data import Dataset, read

from .settings import FILE_NAME, Settings, SplitSettings

__all__ = ["SHOWN_FIELDS", "Source", "Split", "data_files", "example_texts", "field_values", "open_sources"]

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


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """One dataset and the splits that come from it: functions are applied to each dataset once."""

    dataset: Dataset
    splits: tuple[Split, ...]

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
    if data.splits.kind == "paths":
        named = {name: _open(settings, _paths(folder, value)) for name, value in data.splits.given.items()}
    else:
        named = {"": _open(settings, _paths(folder, data.path))}
    sources = [Source(dataset, _divide(dataset, settings, name)) for name, dataset in named.items()]
    splits = [split for source in sources for split in source.splits]
    if data.id is not None:
        _check_apart(splits)
    empty = [split.name for split in splits if not split.n]
    if empty:
        raise DataError(f"the split {empty[0]!r} has no examples; look at [data.splits] in {folder / FILE_NAME}.")
    return sources


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
    settings: Settings, source: Source, split: Split, *, fields: Sequence[str] | None = None
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


def _shown_columns(settings: Settings, source: Source) -> list[str]:
    data = settings.data
    hidden = {data.id, data.group, settings.task.gold, data.splits.column}
    schema = source.dataset.schema
    candidates = [*settings.end_model.fields, *(name for name in schema if name not in hidden)]
    texts = [name for name in candidates if schema[name] == pl.String]
    return texts[:1] or list(dict.fromkeys(candidates))[:SHOWN_FIELDS]


def _paths(folder: Path, value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [str(folder / str(v)) for v in values]


def _open(settings: Settings, paths: list[str]) -> Dataset:
    dataset = read(paths, id=settings.data.id, group=settings.data.group)
    asked = {
        "task.gold": settings.task.gold,
        "data.splits.column": settings.data.splits.column,
        **{f"end_model.fields[{i}]": name for i, name in enumerate(settings.end_model.fields)},
    }
    for key, column in asked.items():
        if column is not None and column not in dataset.schema:
            raise DataError(
                f"{FILE_NAME}: {key} is {column!r}, which is not a column of {', '.join(paths)}; columns: "
                f"{', '.join(dataset.columns)}."
            )
    return dataset


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
    gold = None if settings.task.gold is None else _gold(table[settings.task.gold], settings)
    member = _membership(settings.data.splits, name, table, example_ids if groups is None else groups)
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


def _membership(
    splits: SplitSettings, name: str, table: pl.DataFrame, units: npt.NDArray[Any]
) -> dict[str, npt.NDArray[np.bool_]]:
    """Say for each split which examples are in it; ``units`` (groups, or else ids) are never cut."""
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


def _gold(column: pl.Series, settings: Settings) -> npt.NDArray[np.int64]:
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


def _check_apart(splits: Sequence[Split]) -> None:
    for i, one in enumerate(splits):
        for other in splits[i + 1 :]:
            both = np.intersect1d(one.example_ids, other.example_ids)
            if len(both):
                raise DataError(
                    f"{len(both)} examples are in {one.name} and in {other.name}, such as {both[0]!s}; scores would be "
                    "measured on examples that were trained on."
                )


def _inside(rows: npt.NDArray[np.int64], start: int, count: int) -> npt.NDArray[np.int64]:
    first, last = np.searchsorted(rows, [start, start + count])
    return rows[first:last] - start
