"""How often votes occur together, in each sub-sum: by bits where votes are dense, by sorting where they are sparse."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .sparse import SparseRows
from .vote_counts import BUCKETS, VoteFrame
from .votes import Votes

__all__ = ["Tally", "summed_by_key", "tally"]

Integers = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]

# Rows whose bits are counted together. A sub-sum is added up in lanes of 16 bits, which hold 511 times 8 words.
_BIT_ROWS = 511 * 8 * 64
# Rows that are compared with the codes together: their 0/1 bytes stay in the cache.
_PACKED_ROWS = 16_384
# 64-bit words of one intermediate result: small enough for the cache, large enough that calls cost little.
_TILE_WORDS = 16_384
# Cells of the dense tables that are added up at a time (32 MiB), and the most features that such a table may have.
_TABLE_CELLS = 4_194_304
_MOST_DENSE = 4_096
# Pairs of votes that are sorted at a time.
_SORTED_PAIRS = 4_194_304
# What sorting one pair of votes costs, in 64-bit words that are intersected and counted (1 ns each, measured).
_WORDS_PER_PAIR = 20

_LANES = np.uint64(0x00FF00FF00FF00FF)


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """What one pass over votes counts, each in 32 sub-sums.

    Parameters
    ----------
    covered : ndarray of int64, shape (32,)
        Rows with a vote.
    votes : ndarray of int64, shape (32, f)
        Rows with each (source, code) feature; the codes of the first source come first.
    indptr : ndarray of int64, shape (33,)
        Where the cells of each sub-sum begin.
    pairs : ndarray of int64, shape (c,)
        ``first * f + second`` of two features of different sources that occur together, rising within a sub-sum.
    counts : ndarray of int64, shape (c,)
        Rows with both, at least 1.
    """

    covered: Integers
    votes: Integers
    indptr: Integers
    pairs: Integers
    counts: Integers


def tally(votes: Votes, bucket: npt.NDArray[np.uint8], *, dense: bool | None = None) -> Tally:
    """Count ``votes`` and pairs of them in one pass, in blocks.

    Parameters
    ----------
    votes : Votes
    bucket : ndarray of uint8, shape (n,)
        The sub-sum of each row, ``votes.bucket``.
    dense : bool, optional
        Count by bits (True) or by sorting (False). Default: what costs less; the answer is the same.

    Notes
    -----
    *By bits.* The rows of a sub-sum are put together, each feature becomes a column of bits, and two features occur
    together as often as the AND of their columns has bits: 64 rows in a handful of instructions, five times faster
    here than a matrix product in single precision, and exact. *By sorting.* Every pair of votes of a row becomes a
    number, and equal numbers are counted; nothing of size f x f is made.

    Examples
    --------
    >>> votes = Votes([[0, 1], [0, 1], [0, -1]])
    >>> found = tally(votes, votes.bucket)
    >>> found.votes.sum(axis=0).tolist(), set(found.pairs.tolist()), int(found.counts.sum())
    ([3, 0, 0, 2], {3}, 2)
    """
    sizes = VoteFrame.of(votes).sizes
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    if dense is None:
        dense = _bits_are_cheaper(votes, int(offsets[-1]))
    return _by_bits(votes, bucket, sizes, offsets) if dense else _by_sorting(votes, bucket, offsets)


def _bits_are_cheaper(votes: Votes, f: int) -> bool:
    """Compare what both ways cost; a sample of rows tells how many pairs of votes a row has."""
    if f > _MOST_DENSE or not votes.n:
        return False
    if isinstance(votes.rows, SparseRows):
        lengths = np.diff(votes.rows.indptr)
    else:
        lengths = (votes.rows[:: max(1, votes.n // 1024)] >= 0).sum(axis=1)
    pairs = (lengths * (lengths - 1.0)).mean() / 2 * votes.n
    words = f * f / 2 * (votes.n / 64 + 4 * BUCKETS)
    return bool(words <= _WORDS_PER_PAIR * pairs)


def _by_bits(votes: Votes, bucket: npt.NDArray[np.uint8], sizes: Integers, offsets: Integers) -> Tally:
    f = int(offsets[-1])
    covered = np.zeros(BUCKETS, dtype=np.int64)
    singles = np.zeros((BUCKETS, f), dtype=np.int64)
    cells = []
    step = max(1, min(BUCKETS, _TABLE_CELLS // max(1, f * f)))
    for low in range(0, BUCKETS, step):
        table = np.zeros((f, f, min(step, BUCKETS - low)), dtype=np.int64)
        for columns, feature, buckets, starts in _bit_columns(votes, bucket, sizes, low, low + table.shape[2]):
            covered[buckets] += _bits_in(np.bitwise_or.reduce(columns, axis=0)[None], starts)[0]
            singles[np.ix_(buckets, feature)] += _bits_in(columns, starts).T
            after = np.searchsorted(feature, offsets[np.searchsorted(offsets, feature, side="right")])
            table[np.ix_(feature, feature, buckets - low)] += _bits_of_pairs(columns, after, starts)
        place, first, second = np.nonzero(table.transpose(2, 0, 1))
        cells.append((place + low, first * f + second, table[first, second, place]))
    where, pairs, counts = (np.concatenate(part) for part in zip(*cells, strict=True))
    return Tally(covered, singles, np.searchsorted(where, np.arange(BUCKETS + 1)), pairs, counts)


def _bit_columns(
    votes: Votes, bucket: npt.NDArray[np.uint8], sizes: Integers, low: int, high: int
) -> Iterator[tuple[Words, Integers, Integers, Integers]]:
    """Yield the features of some rows as columns of bits, rows of one sub-sum together.

    Yields the columns (features that occur, words), their features, the sub-sums in turn, and where each begins, in
    units of 8 words (what a sub-sum lacks to whole units is zero).
    """
    chosen = None if high - low == BUCKETS else np.flatnonzero((bucket >= low) & (bucket < high))
    n = votes.n if chosen is None else len(chosen)
    feature = _features_by_code(sizes)
    for start in range(0, n, _BIT_ROWS):
        rows = slice(start, min(start + _BIT_ROWS, n)) if chosen is None else chosen[start : start + _BIT_ROWS]
        words = _packed(votes, rows, sizes)
        place, buckets, starts = _by_bucket(bucket[rows])
        columns = np.concatenate([_transposed(word.take(place)) for word in words])[: len(feature)]
        used = np.flatnonzero(columns.any(axis=1))
        order = used[np.argsort(feature[used])]
        yield columns[order], feature[order], buckets, starts


def _features_by_code(sizes: Integers) -> Integers:
    """Return the features with code 0 first, then those with code 1, and so on: the order in which they are packed."""
    first = np.cumsum(sizes) - sizes
    return np.concatenate([(first + code)[sizes > code] for code in range(int(sizes.max(initial=0)))] or [first])


def _packed(votes: Votes, rows: slice | Integers, sizes: Integers) -> Words:
    """Return which features each row has, as bits, shape (words for all features, number of rows + 1).

    The last row is empty; it stands in where a sub-sum is filled up.
    """
    width = -(-int(sizes.sum()) // 64)
    index = np.arange(*rows.indices(votes.n)) if isinstance(rows, slice) and votes.is_sparse else rows
    n = rows.stop - rows.start if isinstance(rows, slice) else len(rows)
    out = np.zeros((width, n + 1), dtype=np.uint64)
    is_code = np.zeros((min(n, _PACKED_ROWS), 64 * width), dtype=bool)
    for start in range(0, n, _PACKED_ROWS):
        stop = min(start + _PACKED_ROWS, n)
        block = _block(votes, index, start, stop)
        place = 0
        for code in range(int(sizes.max(initial=0))):
            several = sizes > code
            said = block if several.all() else block[:, several]
            np.equal(said, code, out=is_code[: stop - start, place : place + said.shape[1]])
            place += said.shape[1]
        bits = np.packbits(is_code[: stop - start].reshape(-1), bitorder="little")
        out[:, start:stop] = bits.view("<u8").reshape(stop - start, width).T
    return out


def _block(votes: Votes, rows: slice | Integers, start: int, stop: int) -> npt.NDArray[np.generic]:
    """Return the chosen rows ``start`` to ``stop`` of ``rows``, dense."""
    if isinstance(votes.rows, SparseRows):
        return votes.rows.take(np.asarray(rows[start:stop])).dense()
    return (
        votes.rows[rows.start + start : rows.start + stop] if isinstance(rows, slice) else votes.rows[rows[start:stop]]
    )


def _by_bucket(bucket: npt.NDArray[np.uint8]) -> tuple[Integers, Integers, Integers]:
    """Return which row stands at each bit of each word, shape (64, words), the sub-sums, and where each begins."""
    per_bucket = np.bincount(bucket, minlength=BUCKETS)
    buckets = np.flatnonzero(per_bucket)
    units = -(-per_bucket[buckets] // 512)
    starts = np.cumsum(units) - units
    place = np.full(512 * int(units.sum()), len(bucket), dtype=np.int64)
    rank = np.arange(len(bucket)) - np.repeat(np.cumsum(per_bucket[buckets]) - per_bucket[buckets], per_bucket[buckets])
    place[np.repeat(512 * starts, per_bucket[buckets]) + rank] = np.argsort(bucket, kind="stable")
    return np.ascontiguousarray(place.reshape(-1, 64).T), buckets, starts


def _transposed(rows: Words) -> Words:
    """Transpose blocks of 64 x 64 bits: bit p of ``rows[r, w]`` becomes bit r of ``[p, w]``.

    In place, half a block at a time (Warren 2012, section 7-3).
    """
    half = 32
    low = np.uint64(0xFFFFFFFF)
    while half:
        pairs = rows.reshape(32 // half, 2, half, -1)
        upper, lower = pairs[:, 0], pairs[:, 1]
        swap = upper >> np.uint64(half)
        swap ^= lower
        swap &= low
        lower ^= swap
        swap <<= np.uint64(half)
        upper ^= swap
        half //= 2
        low ^= low << np.uint64(half)
    return rows


def _bits_in(columns: Words, starts: Integers) -> Integers:
    """Count the bits of each row of ``columns`` (c, words) in each sub-sum, shape (c, number of sub-sums)."""
    return _summed(np.bitwise_count(columns), starts)


def _summed(counts: npt.NDArray[np.uint8], starts: Integers) -> Integers:
    """Sum counts of at most 64, shape (c, words), over each sub-sum: first as lanes of words, which is 8 at a time."""
    eight = counts.view(np.uint64)
    lanes = (eight >> np.uint64(8)) & _LANES
    lanes += eight & _LANES
    sums = np.add.reduceat(lanes, starts, axis=1)
    return np.asarray(sums.view(np.uint16).reshape(*sums.shape, 4).sum(axis=2, dtype=np.int64))


def _bits_of_pairs(columns: Words, after: Integers, starts: Integers) -> Integers:
    """Count rows with two features, shape (c, c, number of sub-sums), for the second at ``after[first]`` and later."""
    c, words = columns.shape
    out = np.zeros((c, c, len(starts)), dtype=np.int64)
    step = max(1, _TILE_WORDS // max(1, words))
    both = np.empty((step, words), dtype=np.uint64)
    counts = np.empty((c, words), dtype=np.uint8)
    for first in range(c):
        for start in range(int(after[first]), c, step):
            stop = min(start + step, c)
            np.bitwise_and(columns[first], columns[start:stop], out=both[: stop - start])
            np.bitwise_count(both[: stop - start], out=counts[start:stop])
        if after[first] < c:
            out[first, after[first] :] = _summed(counts[after[first] :], starts)
    return out


def _by_sorting(votes: Votes, bucket: npt.NDArray[np.uint8], offsets: Integers) -> Tally:
    f = int(offsets[-1])
    covered = np.bincount(bucket[votes.covered], minlength=BUCKETS)
    singles = np.zeros((BUCKETS, f), dtype=np.int64)
    pairs, counts = [], []
    for place in range(BUCKETS):
        rows = np.flatnonzero(bucket == place)
        found: list[tuple[Integers, Integers]] = [(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))]
        for lengths, feature in _entries(votes, rows, offsets):
            singles[place] += np.bincount(feature, minlength=f)
            found.append(summed_by_key(_pairs_of(lengths, feature, f)))
        key, count = (
            found[-1] if len(found) < 3 else summed_by_key(*(np.concatenate(p) for p in zip(*found, strict=True)))
        )
        pairs.append(key)
        counts.append(count)
    indptr = np.concatenate([[0], np.cumsum([len(p) for p in pairs])])
    return Tally(covered, singles, indptr, np.concatenate(pairs), np.concatenate(counts))


def _entries(votes: Votes, rows: Integers, offsets: Integers) -> Iterator[tuple[Integers, Integers]]:
    """Yield (votes of each row, features of all votes, row by row), so many rows at a time as their pairs allow."""
    if isinstance(votes.rows, SparseRows):
        lengths = np.diff(votes.rows.indptr)[rows].astype(np.int64)
    else:
        lengths = np.concatenate(
            [(votes.rows[rows[s : s + _PACKED_ROWS]] >= 0).sum(axis=1) for s in range(0, len(rows), _PACKED_ROWS)]
            or [rows]
        )
    load = np.cumsum(lengths * lengths)
    cuts = np.searchsorted(load, np.arange(_SORTED_PAIRS, load[-1] if len(load) else 0, _SORTED_PAIRS))
    for part, length in zip(np.split(rows, cuts), np.split(lengths, cuts), strict=True):
        taken = votes.rows.take(part) if isinstance(votes.rows, SparseRows) else _sparse(votes.rows[part])
        yield length, offsets[taken.columns] + taken.codes


def _sparse(block: npt.NDArray[np.int8] | npt.NDArray[np.int16]) -> SparseRows:
    row, column = np.nonzero(block >= 0)
    return SparseRows.from_entries(row, column, block[row, column], shape=(len(block), block.shape[1]))


def _pairs_of(lengths: Integers, feature: Integers, f: int) -> Integers:
    """Return ``first * f + second`` of every two votes of one row."""
    end = np.repeat(np.cumsum(lengths), lengths)
    later = end - np.arange(len(feature)) - 1
    first = np.repeat(np.arange(len(feature)), later)
    second = np.arange(len(first)) - np.repeat(np.cumsum(later) - later, later) + first + 1
    return np.asarray(feature[first] * f + feature[second])


def summed_by_key(keys: Integers, counts: Integers | None = None) -> tuple[Integers, Integers]:
    """Return the different ``keys``, rising, and the sum of the ``counts`` (default: 1) of each; sums of 0 are dropped.

    Examples
    --------
    >>> [a.tolist() for a in summed_by_key(np.array([5, 2, 5]))]
    [[2, 5], [1, 2]]
    """
    if counts is None:
        ordered = np.sort(keys)
    else:
        order = np.argsort(keys, kind="stable")
        ordered, counts = keys[order], counts[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])[: len(ordered)])
    if counts is None:
        sums = np.diff(np.append(starts, len(ordered)))
    else:
        sums = np.add.reduceat(counts, starts) if len(starts) else counts
    kept = sums != 0
    return ordered[starts][kept], sums[kept]
