"""Counting pairs of votes by bits: the AND of two columns of bits has as many bits as rows have both."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from .sparse import SparseRows
from .vote_counts import BUCKETS
from .votes import Votes

__all__ = ["count_bits", "padding_words"]

Integers = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint64]

# Bits that are held at a time (16 MiB).
_BITS = 2**27
# Rows that are compared with the codes together: their 0/1 bytes stay in the cache.
_PACKED_ROWS = 16_384
# 64-bit words of one intermediate result (512 KiB): small enough for the cache, large enough that calls cost little.
_TILE_WORDS = 65_536
# Words of each of 64 rows that are transposed together.
_TRANSPOSED_WORDS = 1_024
# Cells of the dense tables that are added up at a time (32 MiB).
_TABLE_CELLS = 4_194_304

# Beyond two threads, memory is what is waited for.
_MOST_THREADS = 2

# Eight words at a time are counted, one in each byte of a word; three planes of them still fit their bytes (192).
_UNIT = 8
_PLANES = 3
# Fewer rows would mostly fill up planes.
_PLANE_ROWS = 262_144
# Two bytes of at most 192 make a lane of 16 bits, which holds 170 such sums.
_LANE_UNITS = 170
_LANES = np.uint64(0x00FF00FF00FF00FF)


def padding_words(n: int) -> float:
    """Return how many words of each column are filled up on average, of n rows."""
    return BUCKETS * _UNIT * _planes(n) / 2


def count_bits(votes: Votes, bucket: Bytes, sizes: Integers) -> tuple[Integers, ...]:
    """Count rows with a vote, with each vote, and with each two votes of different sources.

    Parameters
    ----------
    votes : Votes
    bucket : ndarray of uint8, shape (n,)
        The sub-sum of each row, 0..31.
    sizes : ndarray of int64, shape (m,)
        How many codes each source may use.

    Returns
    -------
    covered, votes, indptr, pairs, counts : ndarray of int64
        As in `labelwright.core.co_occurrence.Tally`.

    Notes
    -----
    The rows of a sub-sum are put together and transposed, so that each feature is a column of bits. Votes are read
    once; only where the table of all pairs in all sub-sums is large (more than 362 features), some sub-sums at a time.

    From 262,144 rows on, two threads share the work, unless ``OMP_NUM_THREADS`` asks for fewer, as for BLAS; parts that
    engines hand out are smaller. Sums of integers do not depend on who added first.

    Examples
    --------
    >>> votes = Votes([[0, 1], [0, -1]])
    >>> covered, singles, _, pairs, counts = count_bits(votes, np.array([0, 0], np.uint8), np.array([2, 2]))
    >>> int(covered[0]), singles[0].tolist(), pairs.tolist(), counts.tolist()
    (2, [2, 0, 0, 1], [3], [1])
    """
    f = int(sizes.sum())
    stop = np.repeat(np.cumsum(sizes), sizes)
    covered = np.zeros(BUCKETS, dtype=np.int64)
    singles = np.zeros((BUCKETS, f), dtype=np.int64)
    cells = []
    step = max(1, min(BUCKETS, _TABLE_CELLS // max(1, f * f)))
    for low in range(0, BUCKETS, step):
        table = np.zeros((min(step, BUCKETS - low), f, f), dtype=np.int64)
        for columns, feature, layout in _bit_columns(votes, bucket, sizes, low, low + len(table)):
            one = partial(_add_singles, covered, singles, columns, feature, layout)
            _share([one, *_pair_sums(table, low, columns, feature, stop[feature], layout)], rows=layout.place.size)
        flat = table.reshape(-1)
        cell = np.flatnonzero(flat)
        cells.append((cell + low * f * f, flat[cell]))
    cell, counts = (np.concatenate(part) for part in zip(*cells, strict=True))
    indptr = np.searchsorted(cell, np.arange(BUCKETS + 1) * f * f)
    return covered, singles, indptr, cell - np.repeat(np.arange(BUCKETS) * f * f, np.diff(indptr)), counts


@dataclass(frozen=True, slots=True, eq=False)
class _Layout:
    """Where rows stand in columns of bits, and how bits are counted in sub-sums.

    Parameters
    ----------
    place : ndarray of int64, shape (64, words)
        Which row stands at each bit of each word; one past the last row where there is none.
    planes : int
        Words are split into so many planes of equal length, whose counts are added up.
    buckets : ndarray of int64
        The sub-sums, in turn.
    starts : ndarray of int64
        Where runs of at most 170 units (8 words of each plane) begin, in units.
    firsts : ndarray of int64
        The first run of each sub-sum.
    """

    place: Integers
    planes: int
    buckets: Integers
    starts: Integers
    firsts: Integers

    @classmethod
    def of(cls, bucket: Bytes) -> _Layout:
        """Put the rows of each sub-sum together."""
        planes = _planes(len(bucket))
        per_bucket = np.bincount(bucket, minlength=BUCKETS)
        buckets = np.flatnonzero(per_bucket)
        units = -(-per_bucket[buckets] // (64 * _UNIT * planes))
        place = np.full((planes, 64 * _UNIT * int(units.sum())), len(bucket), dtype=np.int64)
        rows = np.split(np.argsort(bucket, kind="stable"), np.cumsum(per_bucket[buckets])[:-1])
        begin = np.cumsum(units) - units
        for at, length, own in zip((64 * _UNIT * begin).tolist(), (64 * _UNIT * units).tolist(), rows, strict=True):
            for plane in range(planes):
                part = own[plane * length : (plane + 1) * length]
                place[plane, at : at + len(part)] = part
        runs = [np.arange(at, at + count, _LANE_UNITS) for at, count in zip(begin, units, strict=True)]
        firsts = np.cumsum([0] + [len(run) for run in runs[:-1]])
        return cls(np.ascontiguousarray(place.reshape(-1, 64).T), planes, buckets, np.concatenate(runs), firsts)

    def counted(self, columns: Words) -> Bytes:
        """Count the bits of each word, planes added up, shape (c, words / planes)."""
        counts = np.bitwise_count(columns).reshape(len(columns), self.planes, columns.shape[1] // self.planes)
        return np.asarray(counts.sum(axis=1, dtype=np.uint8))

    def summed(self, counts: Bytes) -> Integers:
        """Sum counts of at most 192, shape (c, words / planes), over each sub-sum: as lanes of words, 8 at a time."""
        eight = counts.view(np.uint64)
        lanes = (eight >> np.uint64(8)) & _LANES
        lanes += eight & _LANES
        sums = np.add.reduceat(lanes, self.starts, axis=1)
        wide = sums.view(np.uint16).reshape(*sums.shape, 4).sum(axis=2, dtype=np.int64)
        return np.asarray(wide if len(self.firsts) == len(self.starts) else np.add.reduceat(wide, self.firsts, axis=1))


def _planes(n: int) -> int:
    return _PLANES if n >= _PLANE_ROWS else 1


def _add_singles(covered: Integers, singles: Integers, columns: Words, feature: Integers, layout: _Layout) -> None:
    """Add how many rows of each sub-sum have a vote to ``covered``, and how many have each feature to ``singles``."""
    either = np.bitwise_or.reduce(columns, axis=0, keepdims=True)
    covered[layout.buckets] += layout.summed(layout.counted(either))[0]
    singles[np.ix_(layout.buckets, feature)] += layout.summed(layout.counted(columns)).T


def _pair_sums(
    table: Integers, low: int, columns: Words, feature: Integers, stop: Integers, layout: _Layout
) -> list[Callable[[], None]]:
    """Return the work that adds to ``table`` how many rows have each two features of different sources.

    ``table`` has the sub-sums from ``low``, (s, f, f), and ``stop`` (c,) is the first feature of the next source.
    """
    c, words = columns.shape
    after = np.searchsorted(feature, stop)
    step = max(1, _TILE_WORDS // max(1, words))
    plane = words // layout.planes

    def add(firsts: range) -> None:
        both, bits = np.empty((step, words), dtype=np.uint64), np.empty((step, words), dtype=np.uint8)
        counts = np.empty((c, plane), dtype=np.uint8)
        for first in firsts:
            for start in range(int(after[first]), c, step):
                end = min(start + step, c)
                np.bitwise_and(columns[first], columns[start:end], out=both[: end - start])
                found = np.bitwise_count(both[: end - start], out=bits[: end - start])
                if layout.planes == 1:
                    counts[start:end] = found
                    continue
                np.add(found[:, :plane], found[:, plane : 2 * plane], out=counts[start:end])
                counts[start:end] += found[:, 2 * plane :]
            own = table[:, feature[first]]
            own[np.ix_(layout.buckets - low, feature[after[first] :])] += layout.summed(counts[after[first] :]).T

    last = int(np.searchsorted(after, c))
    # The first features have the most partners: each share has early and late ones.
    return [partial(add, range(start, last, 8)) for start in range(min(8, last))]


def _bit_columns(
    votes: Votes, bucket: Bytes, sizes: Integers, low: int, high: int
) -> Iterator[tuple[Words, Integers, _Layout]]:
    """Yield columns of bits (c, words) for the c features that occur, these features, and the layout of rows."""
    chosen = None if high - low == BUCKETS else np.flatnonzero((bucket >= low) & (bucket < high))
    n = votes.n if chosen is None else len(chosen)
    size = max(_PACKED_ROWS, _BITS // max(1, int(sizes.sum())))
    for start in range(0, n, size):
        rows = slice(start, min(start + size, n)) if chosen is None else chosen[start : start + size]
        words, layout = _packed(votes, rows, sizes, bucket[rows])
        columns, feature = _transposed(words, layout.place, _features_by_code(sizes))
        yield columns, feature, layout


def _features_by_code(sizes: Integers) -> Integers:
    """Return the features with code 0 first, then those with code 1, and so on: the order in which they are packed."""
    first = np.cumsum(sizes) - sizes
    return np.concatenate([(first + code)[sizes > code] for code in range(int(sizes.max(initial=0)))] or [first])


def _packed(votes: Votes, rows: slice | Integers, sizes: Integers, bucket: Bytes) -> tuple[Words, _Layout]:
    """Return which features each row has, as bits, shape (words for all features, number of rows + 1), and the layout.

    The last row is empty; it stands in where a sub-sum is filled up.
    """
    width = -(-int(sizes.sum()) // 64)
    n = rows.stop - rows.start if isinstance(rows, slice) else len(rows)
    out = np.zeros((width, n + 1), dtype=np.uint64)

    def pack(start: int) -> None:
        stop = min(start + _PACKED_ROWS, n)
        block = _block(votes, rows, start, stop)
        is_code = np.zeros((stop - start, 64 * width), dtype=bool)
        place = 0
        for code in range(int(sizes.max(initial=0))):
            several = sizes > code
            said = block if several.all() else block[:, several]
            np.equal(said, code, out=is_code[:, place : place + said.shape[1]])
            place += said.shape[1]
        bits = np.packbits(is_code.reshape(-1), bitorder="little")
        out[:, start:stop] = bits.view("<u8").reshape(stop - start, width).T

    layouts: list[_Layout] = []

    def sort() -> None:
        layouts.append(_Layout.of(bucket))

    # Sorting the rows by their sub-sums is one piece of the work, and the longest: it goes first.
    _share([sort, *(partial(pack, start) for start in range(0, n, _PACKED_ROWS))], rows=n)
    return out, layouts[0]


def _block(votes: Votes, rows: slice | Integers, start: int, stop: int) -> npt.NDArray[np.generic]:
    """Return the chosen rows ``start`` to ``stop`` of ``rows``, dense."""
    if isinstance(rows, slice):
        low, high = rows.start + start, rows.start + stop
        return votes.rows.dense(low, high) if isinstance(votes.rows, SparseRows) else votes.rows[low:high]
    part = rows[start:stop]
    return votes.rows.take(part).dense() if isinstance(votes.rows, SparseRows) else votes.rows[part]


def _transposed(words: Words, place: Integers, feature: Integers) -> tuple[Words, Integers]:
    """Return the bits of ``words`` (words of a row, rows) as columns of the features that occur, and these, rising.

    Blocks of 64 x 64 bits are transposed in place, half a block at a time (Warren 2012, section 7-3): bit p of row r
    becomes bit r of row p.
    """
    occurs = np.bitwise_or.reduce(words, axis=1)
    used = np.unpackbits(occurs.astype("<u8").view(np.uint8), bitorder="little")[: len(feature)] > 0
    found = np.sort(feature[used])
    columns = np.empty((len(found), place.shape[1]), dtype=np.uint64)

    def transpose(number: int, start: int) -> None:
        mine = np.flatnonzero(used[64 * number : 64 * (number + 1)])
        target = np.searchsorted(found, feature[64 * number + mine])
        block = words[number].take(place[:, start : start + _TRANSPOSED_WORDS])
        half, low = 32, np.uint64(0xFFFFFFFF)
        while half:
            pairs = block.reshape(32 // half, 2, half, -1)
            upper, lower = pairs[:, 0], pairs[:, 1]
            swap = upper >> np.uint64(half)
            swap ^= lower
            swap &= low
            lower ^= swap
            swap <<= np.uint64(half)
            upper ^= swap
            half //= 2
            low ^= low << np.uint64(half)
        columns[target, start : start + _TRANSPOSED_WORDS] = block[mine]

    starts = range(0, place.shape[1], _TRANSPOSED_WORDS)
    _share([partial(transpose, number, start) for number in range(len(words)) for start in starts], rows=place.size)
    return columns, found


def _share(work: Sequence[Callable[[], None]], *, rows: int) -> None:
    """Do all ``work``, in threads where there are many rows: numpy lets go of the interpreter."""
    limit = os.environ.get("OMP_NUM_THREADS", "")
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = min(_MOST_THREADS, usable, int(limit) if limit.isdigit() and int(limit) else usable)
    if threads == 1 or rows < _PLANE_ROWS:
        for piece in work:
            piece()
        return
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(piece) for piece in work]:
            done.result()
