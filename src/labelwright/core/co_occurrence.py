"""How often votes occur together, in each sub-sum: by bits where votes are many, by sorting where they are few."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .bit_counts import count_bits, padding_words
from .sparse import SparseRows
from .vote_counts import BUCKETS, VoteFrame
from .votes import Votes

__all__ = ["Tally", "summed_by_key", "tally"]

Integers = npt.NDArray[np.int64]

# The most features of which pairs are counted by bits: a table of all pairs of more would not fit in memory.
_MOST_DENSE = 4_096

# Rows of dense votes that are read at a time, and pairs of votes that are sorted at a time.
_READ_ROWS = 16_384
_SORTED_PAIRS = 4_194_304

# What sorting one pair of votes costs, in 64-bit words that are intersected and counted (1 ns each, measured).
_WORDS_PER_PAIR = 20


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
    return Tally(*(count_bits(votes, bucket, sizes) if dense else _by_sorting(votes, bucket, offsets)))


def _bits_are_cheaper(votes: Votes, f: int) -> bool:
    """Compare what both ways cost; a sample of rows tells how many pairs of votes a row has."""
    if f > _MOST_DENSE or not votes.n:
        return False
    if isinstance(votes.rows, SparseRows):
        lengths = np.diff(votes.rows.indptr)
    else:
        lengths = (votes.rows[:: max(1, votes.n // 1024)] >= 0).sum(axis=1)
    pairs = (lengths * (lengths - 1.0)).mean() / 2 * votes.n
    words = f * f / 2 * (votes.n / 64 + padding_words(votes.n))
    return bool(words <= _WORDS_PER_PAIR * pairs)


def _by_sorting(votes: Votes, bucket: npt.NDArray[np.uint8], offsets: Integers) -> tuple[Integers, ...]:
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
    return covered, singles, indptr, np.concatenate(pairs), np.concatenate(counts)


def _entries(votes: Votes, rows: Integers, offsets: Integers) -> Iterator[tuple[Integers, Integers]]:
    """Yield (votes of each row, features of all votes, row by row), so many rows at a time as their pairs allow."""
    if isinstance(votes.rows, SparseRows):
        lengths = np.diff(votes.rows.indptr)[rows].astype(np.int64)
    else:
        lengths = np.concatenate(
            [(votes.rows[rows[s : s + _READ_ROWS]] >= 0).sum(axis=1) for s in range(0, len(rows), _READ_ROWS)] or [rows]
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
