"""Applying slicing functions part by part: membership in a part is handed over as soon as it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import polars as pl

from labelwright.core.failures import failed_rows, merge_failures
from labelwright.data import Part
from labelwright.engines import Engine, LocalEngine
from labelwright.engines.pieces import run_by_part

from .apply import check_slices
from .base import SlicingFunction
from .task import OnError, PartSlices, SliceTask

__all__ = ["slices_by_part"]


def slices_by_part(
    functions: Iterable[SlicingFunction],
    parts: Iterable[Part],
    schema: pl.Schema,
    *,
    engine: Engine | None = None,
    on_error: OnError = "raise",
    rows: int | None = None,
    report: Callable[[int], None] | None = None,
) -> Iterator[PartSlices]:
    """Yield membership in each part, in the order of the parts, as soon as it is there.

    Parameters
    ----------
    functions : iterable of SlicingFunction
        At least one, with different names; they become the columns, in this order.
    parts : iterable of Part
        Read lazily: only as many are held as are at work.
    schema : polars.Schema
        Names and types of the columns that functions may read; parts may carry more.
    engine, on_error
        As for `labelwright.slicing.apply`.
    rows : int, optional
        Number of rows in all, by which an engine judges whether starting workers is worth it.
    report : callable, optional
        Told how many rows are done.

    Raises
    ------
    FunctionError, DataError, SlicingError
        As `labelwright.slicing.apply`.

    Examples
    --------
    >>> from labelwright.data import read
    >>> from labelwright.slicing import expression_slice
    >>> data = read([{"text": "why?"}, {"text": "because"}])
    >>> short = expression_slice("short", "len(text) < 5")
    >>> [part.member.tolist() for part in slices_by_part([short], data.parts(), data.schema)]
    [[[True], [False]]]
    """
    task = SliceTask(check_slices(functions), schema, on_error=on_error)
    done = run_by_part(engine or LocalEngine(), task, parts, rows, cut=bool(task.python), report=report)
    for pieces in done:
        yield _whole(pieces)


def _whole(pieces: list[PartSlices]) -> PartSlices:
    """Put the pieces of one part together; rows are counted from the beginning of the part."""
    return PartSlices(
        np.concatenate([piece.member for piece in pieces]),
        np.concatenate([piece.ids for piece in pieces]),
        tuple(merge_failures(failure for piece in pieces for failure in piece.failures).values()),
        sum(piece.seconds for piece in pieces),
        failed_rows((piece.rows, piece.failed) for piece in pieces),
    )
