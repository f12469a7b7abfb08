"""New data with the types of the training data: a text column is one even where all its values look like numbers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import polars as pl

from labelwright.data import Dataset
from labelwright.data.base import Load, Source

__all__ = ["as_text"]


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
