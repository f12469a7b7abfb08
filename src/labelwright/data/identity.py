"""What an example is: a hash of its names and values, and an id from its content where it has none of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from labelwright.core.errors import DataError

from .mixing import Lanes, hash_bytes, hash_lists, hash_words, key_of, settle

__all__ = ["Repeats", "content_ids", "row_hashes", "value_hashes"]

_TICKS = {"ms": 10**3, "us": 10**6, "ns": 10**9}


def row_hashes(frame: pl.DataFrame) -> npt.NDArray[np.uint64]:
    """Hash every row of a frame to 128 bits: the names and values of its fields.

    Two rows have the same hash where a function would be handed the same Python values under the same names. So the
    order of the columns does not count, nor the width of a number, nor whether a text is stored as a category; 1, 1.0,
    ``"1"`` and ``True`` differ, as do ``""``, 0 and null, and 0.0 and -0.0; all NaN are one. A null counts as a field
    that is not there: a log that gains an optional key keeps the hashes of its older rows.

    Parameters
    ----------
    frame : polars.DataFrame, shape (n, number of columns)

    Returns
    -------
    ndarray of uint64, shape (n, 2)
        The same in every process, on every platform, with every version of Polars, and however the data is cut.

    Raises
    ------
    DataError
        If a column holds Python objects.

    Examples
    --------
    >>> frame = pl.DataFrame({"text": ["check this out", "nice", "nice"], "n": [1, 2, 2]})
    >>> hashes = row_hashes(frame)
    >>> hashes.shape, bool((hashes[1] == hashes[2]).all()), bool((hashes[0] == hashes[1]).any())
    ((3, 2), True, False)
    """
    return np.ascontiguousarray(_fields(frame.get_columns(), frame.height, ()).T)


def value_hashes(values: pl.Series) -> npt.NDArray[np.uint64]:
    """Hash the values of one column to 128 bits, whatever its name: shape (n, 2)."""
    return np.ascontiguousarray(settle(_hashed(values, ())).T)


def content_ids(hashes: npt.NDArray[np.uint64], earlier: npt.NDArray[np.int64] | None = None) -> npt.NDArray[np.str_]:
    """Return ids from the content of rows: 32 hexadecimal digits, and ``-2``, ``-3`` ... for repeats, in order.

    Parameters
    ----------
    hashes : ndarray of uint64, shape (n, 2)
        From `row_hashes`.
    earlier : ndarray of int, shape (n,), optional
        How often each row came before, from `Repeats`. Default: counted within ``hashes``.

    Returns
    -------
    ndarray of str, shape (n,)

    Examples
    --------
    >>> content_ids(np.array([[1, 2], [1, 3], [1, 2]], dtype=np.uint64)).tolist()  # doctest: +ELLIPSIS
    ['00000000000000010000000000000002', '...3', '00000000000000010000000000000002-2']
    """
    if earlier is None:
        earlier = Repeats().count(hashes)
    digits = np.frombuffer(hashes.astype(">u8").tobytes().hex().encode(), dtype=np.uint8)
    # Texts of numpy are code points; widening the bytes is ten times as fast as decoding them.
    ids = digits.astype(np.uint32).view("<U32" if sys.byteorder == "little" else ">U32")
    again = np.flatnonzero(earlier)
    if len(again):
        ids = ids.astype(f"<U{33 + len(str(earlier.max() + 1))}")
        ids[again] = [f"{ids[row]}-{earlier[row] + 1}" for row in again]
    return ids


class Repeats:
    """Counts how often each row came before, over a stream of hashes; 24 bytes of memory a distinct row.

    Examples
    --------
    >>> repeats = Repeats()
    >>> repeats.count(np.array([[1, 2], [1, 3], [1, 2]], dtype=np.uint64)).tolist()
    [0, 0, 1]
    >>> repeats.count(np.array([[1, 2], [4, 4]], dtype=np.uint64)).tolist()
    [2, 0]
    """

    def __init__(self) -> None:
        # Each at least twice as long as the next, as in a log-structured merge.
        self._runs: list[_Run] = []

    def count(self, hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
        """Return how often each row came before, shape (n,), earlier rows of ``hashes`` included; and remember them."""
        order, new = _sorted(hashes[:, 0], hashes[:, 1])
        first = np.flatnonzero(new)
        rows = order[first]
        run = _Run(hashes[rows, 0], hashes[rows, 1], np.diff(first, append=len(order)))
        before = np.zeros(len(first), dtype=np.int64)
        for known in self._runs:
            before += known.counts_of(run)
        self._remember(run)
        earlier = np.empty(len(order), dtype=np.int64)
        # The sort is stable, so equal rows stand in their own order.
        earlier[order] = np.arange(len(order)) + np.repeat(before - first, run.counts)
        return earlier

    def _remember(self, run: _Run) -> None:
        self._runs.append(run)
        while len(self._runs) > 1 and len(self._runs[-2].high) < 2 * len(self._runs[-1].high):
            last = self._runs.pop()
            self._runs.append(self._runs.pop().merged(last))


class _Run(NamedTuple):
    """Distinct rows, sorted, as two lanes; and how often each of them came."""

    high: npt.NDArray[np.uint64]
    low: npt.NDArray[np.uint64]
    counts: npt.NDArray[np.int64]

    def counts_of(self, other: _Run) -> npt.NDArray[np.int64]:
        """Return how often each row of another run is in this one."""
        out = np.zeros(len(other.high), dtype=np.int64)
        place = np.searchsorted(self.high, other.high)
        left = np.flatnonzero(place < len(self.high))
        left = left[self.high[place[left]] == other.high[left]]
        while len(left):
            same = self.low[place[left]] == other.low[left]
            out[left[same]] = self.counts[place[left[same]]]
            # Rows that differ may share one lane: theirs may stand next.
            left = left[~same]
            place[left] += 1
            left = left[place[left] < len(self.high)]
            left = left[self.high[place[left]] == other.high[left]]
        return out

    def merged(self, other: _Run) -> _Run:
        """Return both as one."""
        high, low, counts = (np.concatenate(pair) for pair in zip(self, other, strict=True))
        order, new = _sorted(high, low)
        first = np.flatnonzero(new)
        return _Run(high[order[first]], low[order[first]], np.add.reduceat(counts[order], first))


def _sorted(
    high: npt.NDArray[np.uint64], low: npt.NDArray[np.uint64]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    """Return a stable order of rows in which equal ones stand together, and where another row begins in it."""
    order = np.argsort(high, kind="stable")
    new = np.ones(len(order), dtype=bool)
    new[1:] = high[order[1:]] != high[order[:-1]]
    twins = np.flatnonzero(~new)
    if (low[order[twins]] != low[order[twins - 1]]).any():
        # Rows that differ share 64 bits, which hardly ever happens; then their equals need not stand together.
        order = np.lexsort((low, high))
        new[1:] = (high[order[1:]] != high[order[:-1]]) | (low[order[1:]] != low[order[:-1]])
    return order, new


def _fields(columns: list[pl.Series], n: int, path: tuple[str, ...]) -> Lanes:
    """Hash records: the sum over their fields, which no order of columns changes."""
    total = np.zeros((2, n), dtype=np.uint64)
    for column in columns:
        total += _hashed(column, (*path, column.name))
    return settle(total)


def _hashed(values: pl.Series, path: tuple[str, ...]) -> Lanes:
    """Hash the values of a column, shape (2, n): 0 where they are null."""
    if values.dtype == pl.Null:
        return np.zeros((2, len(values)), dtype=np.uint64)
    hasher = next((hasher for fits, hasher in _KINDS if fits(values.dtype)), None)
    if hasher is None:
        raise DataError(
            f"column {values.name!r} holds {values.dtype}; columns are text, numbers, dates, lists or structs."
        )
    lanes = hasher(values, path)
    if values.null_count():
        lanes[:, values.is_null().to_numpy()] = 0
    return lanes


def _integers(values: pl.Series, path: tuple[str, ...]) -> Lanes:
    small = values.cast(pl.Int64, strict=False)
    lanes = hash_words(_words(small), key_of(*path, "integer"))
    if small.null_count() > values.null_count():
        beyond = (small.is_null() & values.is_not_null()).to_numpy()
        lanes[:, beyond] = _bytes(values.cast(pl.String), (*path, "large integer"))[:, beyond]
    return lanes


def _floats(values: pl.Series, path: tuple[str, ...]) -> Lanes:
    numbers = np.array(values.cast(pl.Float64).to_numpy(), dtype=np.float64)
    numbers[np.isnan(numbers)] = np.nan
    return hash_words(numbers.view(np.uint64), key_of(*path, "float"))


def _instants(values: pl.Series, path: tuple[str, ...]) -> Lanes:
    kind = values.dtype
    assert isinstance(kind, (pl.Datetime, pl.Duration))
    zone = kind.time_zone or "" if isinstance(kind, pl.Datetime) else ""
    ticks = _TICKS[kind.time_unit]
    seconds, rest = np.divmod(_words(values.to_physical()).view(np.int64), ticks)
    words = np.stack([seconds, rest * (10**9 // ticks)], axis=1).view(np.uint64)
    return hash_words(words, key_of(*path, type(kind).__name__.lower(), zone))


def _days_and_times(values: pl.Series, path: tuple[str, ...]) -> Lanes:
    return hash_words(_words(values.to_physical()), key_of(*path, type(values.dtype).__name__.lower()))


def _booleans(values: pl.Series, path: tuple[str, ...]) -> Lanes:
    return hash_words(_words(values), key_of(*path, "boolean"))


def _texts(values: pl.Series, path: tuple[str, ...]) -> Lanes:
    return _bytes(values.cast(pl.String), (*path, "text"))


def _decimals(values: pl.Series, path: tuple[str, ...]) -> Lanes:
    return _bytes(values.cast(pl.String), (*path, "decimal"))


def _binaries(values: pl.Series, path: tuple[str, ...]) -> Lanes:
    return _bytes(values, (*path, "binary"))


def _bytes(values: pl.Series, path: tuple[str, ...]) -> Lanes:
    array = values.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    _, offsets, data = array.buffers()
    bounds = np.frombuffer(offsets, dtype=np.int64)[array.offset : array.offset + len(array) + 1]
    content = np.frombuffer(data, dtype=np.uint8) if data is not None else np.zeros(0, dtype=np.uint8)
    return hash_bytes(content, bounds, key_of(*path))


def _lists(values: pl.Series, path: tuple[str, ...]) -> Lanes:
    if isinstance(values.dtype, pl.Array):
        values = values.arr.to_list()
    array = values.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    items = pl.Series(values.name, array.values)
    return hash_lists(_hashed(items, (*path, "item")), array.offsets.to_numpy(), key_of(*path, "list"))


def _structs(values: pl.Series, path: tuple[str, ...]) -> Lanes:
    fields = [values.struct.field(name) for name in values.struct.fields]
    total = _fields(fields, len(values), (*path, "struct"))
    return hash_words(total.T, key_of(*path, "struct"))


def _words(values: pl.Series) -> npt.NDArray[np.uint64]:
    """Return numbers of up to 64 bits as words, 0 for null."""
    filled = values.cast(pl.Int64).fill_null(0)
    return filled.to_numpy().view(np.uint64)


_KINDS: tuple[tuple[Callable[[pl.DataType], bool], Callable[[pl.Series, tuple[str, ...]], Lanes]], ...] = (
    (lambda kind: kind in (pl.String, pl.Categorical, pl.Enum), _texts),
    (lambda kind: kind.is_integer(), _integers),
    (lambda kind: kind.is_float(), _floats),
    (lambda kind: kind == pl.Boolean, _booleans),
    (lambda kind: isinstance(kind, (pl.Datetime, pl.Duration)), _instants),
    (lambda kind: kind in (pl.Date, pl.Time), _days_and_times),
    (lambda kind: kind.is_decimal(), _decimals),
    (lambda kind: kind == pl.Binary, _binaries),
    (lambda kind: isinstance(kind, (pl.List, pl.Array)), _lists),
    (lambda kind: isinstance(kind, pl.Struct), _structs),
)
