"""The seam: a dataset is a schema and a stream of parts; a part can be loaded anywhere."""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from labelwright.core.errors import DataError

from .damage import separator_hint

__all__ = ["PART_ROWS", "Dataset", "Frame", "Load", "Part", "Source"]

PART_ROWS = 65_536

Load = Callable[[], pl.LazyFrame]


@dataclass(frozen=True, slots=True)
class Frame:
    """Loads rows that are already in memory; pickled as Arrow IPC bytes."""

    frame: pl.DataFrame

    def __call__(self) -> pl.LazyFrame:
        """Return the rows as a lazy frame."""
        return self.frame.lazy()


class Source(abc.ABC):
    """Where rows come from: one subclass per kind of input.

    Attributes
    ----------
    schema : polars.Schema
        Names and types of the columns.
    rows : int or None
        Number of rows, where that is known without reading them.
    """

    schema: pl.Schema
    rows: int | None = None

    @abc.abstractmethod
    def blocks(self, columns: Sequence[str], part_rows: int) -> Iterator[tuple[int, Load]]:
        """Yield ``(number of rows, load)`` in a stable order; at most ``part_rows`` rows each, none empty."""


@dataclass(frozen=True, slots=True)
class Part:
    """A slab of consecutive examples. It can be pickled: rows of a Parquet file travel as a path and an offset.

    Parameters
    ----------
    index : int
        Position among the parts.
    start : int
        Position of its first row in the whole dataset.
    rows : int
        Number of rows.
    load : callable
        Returns the rows as a lazy frame.
    id, group : str or None
        Columns with the example ids and groups.
    """

    index: int
    start: int
    rows: int
    load: Load
    id: str | None = None
    group: str | None = None

    def lazy(self) -> pl.LazyFrame:
        """Return the rows as a Polars lazy frame."""
        return self.load()

    def frame(self, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """Return the rows as a Polars frame, with the given columns (default: all that the part carries).

        Raises
        ------
        DataError
            If the rows cannot be read.
        """
        if isinstance(self.load, Frame):
            return self.load.frame if columns is None else self.load.frame.select(columns)
        return collect(self.lazy() if columns is None else self.lazy().select(columns))

    @property
    def example_ids(self) -> npt.NDArray[Any]:
        """The ids of the examples, shape (rows,): the id column, or else the positions in the whole dataset."""
        if self.id is None:
            return np.arange(self.start, self.start + self.rows)
        return id_array(self.frame([self.id]).get_column(self.id), what="id", start=self.start)

    def slice(self, offset: int, rows: int) -> Part:
        """Return ``rows`` rows from ``offset`` on as a part of their own, loaded into memory."""
        frame = self.frame().slice(offset, rows)
        return replace(self, start=self.start + offset, rows=frame.height, load=Frame(frame))


@dataclass(frozen=True, slots=True)
class Dataset:
    """Examples with named columns, read part by part. Made by `labelwright.data.read`.

    Parameters
    ----------
    source : Source
        Where the rows come from.
    id, group : str, optional
        Columns with the example ids and groups.
    part_rows : int
        Largest number of rows in a part.
    """

    source: Source
    id: str | None = None
    group: str | None = None
    part_rows: int = PART_ROWS

    def __post_init__(self) -> None:
        if isinstance(self.part_rows, bool) or not isinstance(self.part_rows, int) or self.part_rows < 1:
            raise DataError(f"part_rows is {self.part_rows!r}; it must be a number of rows, 1 or more.")
        for what, column in (("id", self.id), ("group", self.group)):
            if column is None:
                continue
            if column not in self.schema:
                raise DataError(f"the {what} column {column!r} is not in the data; {self._listed()}")
            kind = self.schema[column]
            if not (kind.is_integer() or kind in (pl.String, pl.Categorical, pl.Enum)):
                raise DataError(f"the {what} column {column!r} has type {kind}; ids must be integers or strings.")

    @property
    def schema(self) -> pl.Schema:
        """Names and types of the columns."""
        return self.source.schema

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return self.schema.names()

    @property
    def rows(self) -> int | None:
        """Number of examples, where it is known without reading them."""
        return self.source.rows

    def parts(self, columns: Iterable[str] | None = None) -> Iterator[Part]:
        """Yield the parts in order, with the given columns (default: all) and those of ids and groups."""
        wanted = set(self.columns if columns is None else columns) | {c for c in (self.id, self.group) if c}
        unknown = wanted - set(self.columns)
        if unknown:
            raise DataError(f"column {min(unknown)!r} is not in the data; {self._listed()}")
        start = 0
        chosen = [c for c in self.columns if c in wanted]
        for index, (rows, load) in enumerate(self.source.blocks(chosen, self.part_rows)):
            yield Part(index, start, rows, load, self.id, self.group)
            start += rows

    def frame(self, columns: Iterable[str] | None = None) -> pl.DataFrame:
        """Return all the rows at once, for data that is known to be small."""
        frames = [part.frame() for part in self.parts(columns)]
        wanted = self.columns if columns is None else list(columns)
        empty = pl.DataFrame(schema={c: self.schema[c] for c in wanted})
        return pl.concat([empty, *(f.select(wanted) for f in frames)], rechunk=True)

    def _listed(self) -> str:
        return f"columns: {', '.join(self.columns)}.{separator_hint(self.columns)}"

    def __repr__(self) -> str:
        rows = "unknown" if self.rows is None else f"{self.rows:,}"
        return f"Dataset(rows={rows}, columns={self.columns}, id={self.id!r})"


def collect(lazy: pl.LazyFrame) -> pl.DataFrame:
    """Run a lazy plan that only reads; a failure means that the data cannot be read."""
    try:
        return lazy.collect(engine="streaming")
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(f"a part of the data could not be read: {error}") from error


def id_array(values: pl.Series, *, what: str, start: int) -> npt.NDArray[Any]:
    """Turn a column of ids into an array of integers or strings; a missing id is an error."""
    if values.null_count():
        row = int(values.is_null().arg_max() or 0)
        raise DataError(f"the {what} column {values.name!r} is empty at row {start + row}; every example needs one.")
    if values.dtype.is_integer():
        return values.to_numpy()
    return np.asarray(values.cast(pl.String).to_list(), dtype=np.str_)
