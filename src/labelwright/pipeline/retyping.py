"""New data with the types of the training data: a text column is one even where all its values look like numbers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl

from labelwright.data import Dataset
from labelwright.data.base import Load, Source

__all__ = ["as_text", "with_missing"]


def as_text(dataset: Dataset, columns: Collection[str]) -> Dataset:
    """Return the dataset with the given columns as text, where they were read as numbers, dates or Booleans.

    Parameters
    ----------
    dataset : Dataset
    columns : collection of str
        Those that were text in training; columns that the dataset does not have are passed over.

    Examples
    --------
    >>> from labelwright.data import read
    >>> as_text(read([{"body": 123, "size": 1}]), ["body"]).frame().rows()
    [('123', 1)]
    """
    schema = dataset.schema
    wrong = [c for c in columns if c in schema and _is_plain(schema[c])]
    return replace(dataset, source=_TextColumns(dataset.source, wrong)) if wrong else dataset


def _is_plain(kind: pl.DataType) -> bool:
    return kind.is_numeric() or kind.is_temporal() or kind in (pl.Boolean, pl.Null)


@dataclass(frozen=True, slots=True)
class _TextLoad:
    """Loads rows and turns columns into text; pickled with what it wraps, so that it works in other processes."""

    load: Load
    columns: tuple[str, ...]

    def __call__(self) -> pl.LazyFrame:
        return self.load().with_columns(pl.col(self.columns).cast(pl.String))


class _TextColumns(Source):
    def __init__(self, source: Source, columns: Sequence[str]) -> None:
        self.source, self.columns = source, frozenset(columns)
        self.schema = pl.Schema({c: pl.String() if c in self.columns else kind for c, kind in source.schema.items()})
        self.rows = source.rows

    def blocks(self, columns: Sequence[str], part_rows: int) -> Iterator[tuple[int, Load]]:
        for rows, load in self.source.blocks(columns, part_rows):
            mine = tuple(c for c in columns if c in self.columns)
            yield rows, _TextLoad(load, mine) if mine else load


def with_missing(dataset: Dataset, columns: Mapping[str, pl.DataType]) -> Dataset:
    """Return the dataset with those of some columns that it does not have, all of their values missing.

    Examples
    --------
    >>> from labelwright.data import read
    >>> with_missing(read([{"body": "hello"}]), {"body": pl.String(), "title": pl.String()}).frame().rows()
    [('hello', None)]
    """
    lacking = {name: kind for name, kind in columns.items() if name not in dataset.schema}
    return replace(dataset, source=_MissingColumns(dataset.source, lacking)) if lacking else dataset


@dataclass(frozen=True, slots=True)
class _MissingLoad:
    """Loads rows and adds columns without values; pickled with what it wraps, so that it works in other processes."""

    load: Load
    columns: Mapping[str, pl.DataType]

    def __call__(self) -> pl.LazyFrame:
        return self.load().with_columns(pl.lit(None, dtype=kind).alias(name) for name, kind in self.columns.items())


class _MissingColumns(Source):
    def __init__(self, source: Source, columns: Mapping[str, pl.DataType]) -> None:
        self.source, self.columns = source, columns
        self.schema = pl.Schema({**source.schema, **columns})
        self.rows = source.rows

    def blocks(self, columns: Sequence[str], part_rows: int) -> Iterator[tuple[int, Load]]:
        # Never none: rows without a column would be lost.
        there = [c for c in columns if c not in self.columns] or list(self.source.schema)[:1]
        mine = {c: kind for c, kind in self.columns.items() if c in columns}
        for rows, load in self.source.blocks(there, part_rows):
            yield rows, _MissingLoad(load, mine) if mine else load
