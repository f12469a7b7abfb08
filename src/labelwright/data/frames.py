"""Sources that hold their rows in memory, or that a library streams from its own storage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import polars as pl
import pyarrow as pa

from labelwright.core.errors import DataError

from .base import Frame, Load, Source

__all__ = [
    "ArrowDatasetSource",
    "FrameSource",
    "HuggingFaceSource",
    "LazySource",
    "from_arrow",
    "from_dicts",
    "from_pandas",
    "rechunk",
]


class FrameSource(Source):
    """Rows of a frame in memory."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self.frame = frame
        self.schema = frame.schema
        self.rows = frame.height
        _refuse_objects(self.schema)

    def blocks(self, columns: Sequence[str], part_rows: int) -> Iterator[tuple[int, Load]]:
        """Yield zero-copy slices."""
        # A frame without columns has no rows for Polars, and a function may well read none.
        chosen = self.frame.select(columns) if columns else self.frame
        for start in range(0, self.frame.height, part_rows):
            piece = chosen.slice(start, part_rows)
            yield piece.height, Frame(piece)


class LazySource(Source):
    """Rows of a Polars lazy frame, computed as a stream."""

    def __init__(self, lazy: pl.LazyFrame) -> None:
        self.lazy = lazy
        try:
            self.schema = lazy.collect_schema()
        except (pl.exceptions.PolarsError, OSError) as error:
            raise DataError(f"the lazy frame cannot be read: {error}") from error

    def blocks(self, columns: Sequence[str], part_rows: int) -> Iterator[tuple[int, Load]]:
        """Yield frames as the plan produces them."""
        chosen = self.lazy.select(columns) if columns else self.lazy
        try:
            for frame in rechunk(stream(chosen, part_rows), part_rows):
                yield frame.height, Frame(frame)
        except (pl.exceptions.PolarsError, OSError) as error:
            raise DataError(f"the lazy frame cannot be read: {error}") from error


class ArrowDatasetSource(Source):
    """Rows of a ``pyarrow.dataset.Dataset``."""

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset
        self.schema = from_arrow(dataset.schema.empty_table()).schema

    def blocks(self, columns: Sequence[str], part_rows: int) -> Iterator[tuple[int, Load]]:
        """Yield record batches, cut to size."""
        batches = self.dataset.to_batches(columns=list(columns) or None, batch_size=part_rows)
        try:
            for frame in rechunk((from_arrow(pa.Table.from_batches([b])) for b in batches), part_rows):
                yield frame.height, Frame(frame)
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"the Arrow dataset cannot be read: {error}") from error


class HuggingFaceSource(Source):
    """Rows of a ``datasets.Dataset``, in its own order (after ``select`` and ``shuffle``)."""

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset.with_format("arrow")
        self.rows = len(dataset)
        self.schema = from_arrow(self.dataset[:0]).schema

    def blocks(self, columns: Sequence[str], part_rows: int) -> Iterator[tuple[int, Load]]:
        """Yield slices through the library's Arrow format, which follows its indices."""
        chosen = self.dataset.select_columns(list(columns)) if columns else self.dataset
        for start in range(0, len(chosen), part_rows):
            frame = from_arrow(chosen[start : start + part_rows])
            yield frame.height, Frame(frame)


def stream(lazy: pl.LazyFrame, part_rows: int) -> Iterator[pl.DataFrame]:
    """Run a plan in Polars' streaming engine and hand over its rows in order."""
    yield from lazy.collect_batches(chunk_size=part_rows, maintain_order=True, engine="streaming")


def rechunk(frames: Iterable[pl.DataFrame], part_rows: int) -> Iterator[pl.DataFrame]:
    """Cut a stream of frames of any size into frames of exactly ``part_rows`` rows; the last may be smaller."""
    waiting: list[pl.DataFrame] = []
    held = 0
    for frame in frames:
        waiting.append(frame)
        held += frame.height
        if held < part_rows:
            continue
        joined = pl.concat(waiting) if len(waiting) > 1 else frame
        whole = held - held % part_rows
        for start in range(0, whole, part_rows):
            yield joined.slice(start, part_rows)
        waiting, held = [joined.slice(whole)], held - whole
    if held:
        yield pl.concat(waiting)


def from_arrow(table: Any) -> pl.DataFrame:
    """Convert an Arrow table, or anything that exports an Arrow stream, without copying where that can be."""
    try:
        frame = pl.from_arrow(table) if isinstance(table, (pa.Table, pa.RecordBatch)) else pl.DataFrame(table)
    except (pl.exceptions.PolarsError, pa.ArrowException, ValueError, TypeError) as error:
        raise DataError(f"the table cannot be read: {error}") from error
    assert isinstance(frame, pl.DataFrame)
    return frame


def from_dicts(examples: Sequence[Any]) -> pl.DataFrame:
    """Convert a list of dictionaries; a key that an example lacks is null."""
    wrong = next((i for i, x in enumerate(examples) if not isinstance(x, dict)), None)
    if wrong is not None:
        raise DataError(
            f"a list of examples must hold dictionaries, but item {wrong} is a {type(examples[wrong]).__name__}."
        )
    names = dict.fromkeys(key for example in examples for key in example)
    return pl.DataFrame([_column(str(name), [example.get(name) for example in examples]) for name in names])


def _column(name: str, values: list[Any]) -> pl.Series:
    if any(isinstance(v, str) for v in values):
        # pandas marks a missing text with NaN in its records too.
        values = [None if isinstance(v, float) and v != v else v for v in values]
    kinds = {type(v) for v in values} - {type(None)}
    try:
        # Polars would turn numbers among texts into texts without a word; whole numbers among decimals are harmless.
        return pl.Series(
            name, values, dtype=pl.Float64 if kinds == {int, float} else None, strict=kinds != {int, float}
        )
    except (pl.exceptions.PolarsError, TypeError, ValueError, OverflowError) as error:
        named = ", ".join(sorted(kind.__name__ for kind in kinds))
        within = " whose insides differ in type" if len(kinds) == 1 else ""
        raise DataError(
            f"key {name!r} of the examples needs values of one type, but holds {named}{within}; make them "
            "all text, all numbers or None."
        ) from error


def from_pandas(frame: Any) -> pl.DataFrame:
    """Convert a pandas frame without its index. NaN in a text column is null; NaN in a number column stays NaN."""
    names = [str(c) for c in frame.columns]
    repeated = sorted({c for c in names if names.count(c) > 1})
    if repeated:
        raise DataError(f"the pandas frame has more than one column called {repeated[0]!r}.")
    columns = []
    for position, name in enumerate(names):
        series = frame.iloc[:, position]
        try:
            if series.dtype == object:
                # pandas marks a missing text with NaN, which Arrow takes for a number unless told otherwise.
                columns.append(pl.Series(name, pa.array(series.to_numpy(), from_pandas=True)))
            else:
                columns.append(pl.from_pandas(series, nan_to_null=False).alias(name))
        except (pl.exceptions.PolarsError, pa.ArrowException, TypeError, ValueError, OverflowError) as error:
            raise DataError(
                f"column {name!r} of the pandas frame cannot be read: its values must be of one type, such as text, "
                f"numbers, dates, lists or dictionaries ({error})."
            ) from error
    return pl.DataFrame(columns)


def _refuse_objects(schema: pl.Schema) -> None:
    for name, kind in schema.items():
        if kind == pl.Object:
            raise DataError(
                f"column {name!r} holds Python objects; columns are text, numbers, dates, lists or structs."
            )
