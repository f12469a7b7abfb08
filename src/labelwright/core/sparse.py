"""Sparse rows of votes, for crowds: thousands of sources, of which few speak on one example."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import VoteError

__all__ = ["SparseRows", "first_outside", "positions"]


@dataclass(frozen=True, slots=True, eq=False)
class SparseRows:
    """Votes by row: row i holds ``codes[indptr[i]:indptr[i + 1]]`` of the sources in ``columns`` at the same places.

    Parameters
    ----------
    indptr : ndarray of int64, shape (n + 1,)
        Where each row begins.
    columns : ndarray of int32, shape (number of votes,)
        Source of each vote, rising within a row.
    codes : ndarray of int16, shape (number of votes,)
        Code of each vote, 0 or more; an abstain is not stored.
    shape : tuple of int
        ``(n, m)``.

    Examples
    --------
    >>> SparseRows.from_entries([1], [0], [2], shape=(2, 2)).dense().tolist()
    [[-1, -1], [2, -1]]
    """

    indptr: npt.NDArray[np.int64]
    columns: npt.NDArray[np.int32]
    codes: npt.NDArray[np.int16]
    shape: tuple[int, int]

    def __post_init__(self) -> None:
        for array in (self.indptr, self.columns, self.codes):
            array.flags.writeable = False

    @classmethod
    def from_entries(
        cls, rows: npt.ArrayLike, columns: npt.ArrayLike, codes: npt.ArrayLike, *, shape: tuple[int, int]
    ) -> SparseRows:
        """Sort entries into rows; refuse entries outside ``shape`` and two votes of one source on one example.

        Raises
        ------
        VoteError
            If entries differ in length, fall outside, repeat, or hold a negative code other than -1.
        """
        r, c, v = (_integers(a) for a in (rows, columns, codes))
        if not r.shape == c.shape == v.shape or r.ndim != 1:
            raise VoteError(f"rows, columns and codes differ in shape: {r.shape}, {c.shape}, {v.shape}.")
        for what, values, limit in (("row", r, shape[0]), ("column", c, shape[1])):
            if values.size and (values.min() < 0 or values.max() >= limit):
                raise VoteError(
                    f"an entry has {what} {values.max() if values.max() >= limit else values.min()}, "
                    f"outside 0..{limit - 1}."
                )
        if v.size and (v.min() < -1 or v.max() > np.iinfo(np.int16).max):
            raise VoteError(
                f"a vote of {v.min() if v.min() < -1 else v.max()} is outside -1..{np.iinfo(np.int16).max}."
            )
        kept = v >= 0
        r, c, v = r[kept], c[kept], v[kept]
        order = np.lexsort((c, r))
        r, c, v = r[order], c[order], v[order]
        twice = (r[1:] == r[:-1]) & (c[1:] == c[:-1])
        if twice.any():
            at = int(np.flatnonzero(twice)[0])
            raise VoteError(
                f"source {c[at]} voted twice on example {r[at]}; keep one vote of each source on each example."
            )
        indptr = np.concatenate([[0], np.cumsum(np.bincount(r, minlength=shape[0]))]).astype(np.int64)
        return cls(indptr, c.astype(np.int32), v.astype(np.int16), shape)

    def dense(self, start: int = 0, stop: int | None = None) -> npt.NDArray[np.int16]:
        """Return rows ``start`` to ``stop`` as a dense, read-only array with -1 for abstain."""
        stop = self.shape[0] if stop is None else stop
        out = np.full((stop - start, self.shape[1]), -1, dtype=np.int16)
        low, high = self.indptr[start], self.indptr[stop]
        row = np.repeat(np.arange(stop - start), np.diff(self.indptr[start : stop + 1]))
        out[row, self.columns[low:high]] = self.codes[low:high]
        out.flags.writeable = False
        return out

    @property
    def entry_rows(self) -> npt.NDArray[np.int64]:
        """Row of each vote, shape (number of votes,)."""
        return np.repeat(np.arange(self.shape[0]), np.diff(self.indptr))

    def take(self, index: npt.NDArray[Any]) -> SparseRows:
        """Return the rows at the positions ``index``."""
        starts = self.indptr[:-1][index]
        lengths = self.indptr[1:][index] - starts
        indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        where = np.arange(indptr[-1]) + np.repeat(starts - indptr[:-1], lengths)
        return SparseRows(indptr, self.columns[where], self.codes[where], (len(index), self.shape[1]))

    def select(self, columns: npt.NDArray[Any]) -> SparseRows:
        """Return the columns at the positions ``columns``, in that order."""
        place = np.full(self.shape[1], -1, dtype=np.int64)
        place[columns] = np.arange(len(columns))
        kept = place[self.columns] >= 0
        return SparseRows.from_entries(
            self.entry_rows[kept], place[self.columns[kept]], self.codes[kept], shape=(self.shape[0], len(columns))
        )

    @staticmethod
    def concat(parts: Sequence[SparseRows]) -> SparseRows:
        """Stack the rows of ``parts``."""
        offsets = np.cumsum([0] + [p.indptr[-1] for p in parts])
        indptr = np.concatenate([[0]] + [p.indptr[1:] + o for p, o in zip(parts, offsets, strict=False)])
        return SparseRows(
            indptr.astype(np.int64),
            np.concatenate([p.columns for p in parts]),
            np.concatenate([p.codes for p in parts]),
            (sum(p.shape[0] for p in parts), parts[0].shape[1]),
        )


def _integers(values: npt.ArrayLike) -> npt.NDArray[np.int64]:
    array = np.asarray(values)
    whole = array.astype(np.int64) if array.dtype.kind in "iuf" or not array.size else None
    if whole is None or not np.array_equal(whole, array):
        raise VoteError(f"entries hold {array.dtype} values that are not all integers; rows, columns and codes are.")
    return whole


def first_outside(
    rows: npt.NDArray[Any] | SparseRows, allowed: npt.NDArray[np.int64], *, block: int = 65_536
) -> tuple[int, int, int] | None:
    """Return (row, column, code) of the first code below -1, or not below ``allowed`` (m,) of its source, or None.

    Sparse rows are not made dense for it: a block of a crowd would be as wide as there are workers.

    Examples
    --------
    >>> first_outside(np.array([[0, 1], [2, -1]]), np.array([2, 2]))
    (1, 0, 2)
    """
    if isinstance(rows, SparseRows):
        wrong = np.flatnonzero(rows.codes >= allowed[rows.columns])[:1]
        if not len(wrong):
            return None
        row = np.searchsorted(rows.indptr, wrong[0], side="right") - 1
        return int(row), int(rows.columns[wrong[0]]), int(rows.codes[wrong[0]])
    for start in range(0, len(rows), block):
        part = rows[start : start + block]
        # Extremes are quick to find, and nearly always enough.
        if part.min(initial=0) >= -1 and part.max(initial=-1) < allowed.min(initial=np.iinfo(np.int64).max):
            continue
        bad = (part < -1) | (part >= allowed)
        if bad.any():
            row, column = np.argwhere(bad)[0]
            return int(start + row), int(column), int(part[row, column])
    return None


def positions(index: npt.ArrayLike | slice, n: int) -> npt.NDArray[np.intp]:
    """Return what ``index`` (positions, a slice or a boolean mask) picks of ``n`` rows, as positions.

    Examples
    --------
    >>> positions([False, True], 2).tolist(), positions([], 2).tolist(), positions([-1], 2).tolist()
    ([1], [], [1])
    """
    if isinstance(index, slice):
        return np.arange(n, dtype=np.intp)[index]
    picked = np.asarray(index)
    # An empty list becomes an array of floats, which picks nothing anyway.
    return np.asarray(np.arange(n, dtype=np.intp)[picked if picked.size else picked.astype(np.intp)])
