"""Second moments of votes: how often each two of them occur together. Exact, mergeable, subtractable."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .co_occurrence import summed_by_key, tally
from .errors import ModelError
from .vote_counts import BUCKETS, VoteCounts, VoteFrame, check_gold
from .votes import Votes

__all__ = ["MomentCounts"]

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class MomentCounts:
    """How often each (source, code) occurs, and each two of different sources on one row: in 32 sub-sums.

    Parameters
    ----------
    counts : VoteCounts
        Rows, covered rows, single votes and gold.
    indptr : ndarray of int64, shape (33,)
        Where the cells of each sub-sum (`labelwright.core.Votes.bucket`) begin.
    pairs : ndarray of int64, shape (c,)
        ``first * f + second``: two of the f (source, code) features, numbered with the codes of the first source
        first; the first of a pair belongs to the earlier source. Rising within a sub-sum.
    pair_counts : ndarray of int64, shape (c,)
        Rows on which both votes were given, at least 1.

    Notes
    -----
    Only pairs that occur take room: 16 bytes for each in each sub-sum, so never more than the votes themselves can
    fill, and never more than ``256 f^2`` bytes. A dense f x f table for each sub-sum would hold the same numbers, but
    for 2,000 sources or 1,500 classes it would not fit in memory; one form for all keeps equality bit for bit. What
    abstains do follows: a source abstains with a feature as often as the feature occurs, less its votes with it.

    Examples
    --------
    >>> votes = Votes([[0, 1], [0, 1], [1, -1]], sources=["a", "b"])
    >>> stats = MomentCounts.of(votes)
    >>> stats.table("a", "b").tolist()  # rows: a abstains, 0, 1; columns: b abstains, 0, 1
    [[0, 0, 0], [0, 0, 2], [1, 0, 0]]
    >>> stats - MomentCounts.of(votes.take([0])) == MomentCounts.of(votes.take([2, 1]))
    True
    """

    counts: VoteCounts
    indptr: Integers
    pairs: Integers
    pair_counts: Integers

    @classmethod
    def of(cls, votes: Votes, *, gold: npt.ArrayLike | None = None) -> MomentCounts:
        """Count ``votes``; ``gold`` (n,) holds class codes or names, unknown where -1 or None."""
        known = check_gold(gold, votes)
        bucket = votes.bucket
        found = tally(votes, bucket)
        seen = np.flatnonzero(known >= 0) if gold is not None else np.empty(0, dtype=np.int64)
        cell = bucket[seen].astype(np.int64) * votes.k + known[seen]
        counts = VoteCounts(
            VoteFrame.of(votes),
            np.bincount(bucket, minlength=BUCKETS),
            found.covered,
            found.votes,
            np.bincount(cell, minlength=BUCKETS * votes.k).reshape(BUCKETS, votes.k),
        )
        return cls(counts, found.indptr, found.pairs, found.counts)

    @property
    def frame(self) -> VoteFrame:
        """Classes, sources and alphabet."""
        return self.counts.frame

    @property
    def rows(self) -> int:
        """Number of rows."""
        return int(self.counts.rows.sum())

    def together(self) -> tuple[Integers, Integers, Integers]:
        """Return ``(first, second, count)`` of every two features that occur together, over all rows."""
        f = int(self.frame.sizes.sum())
        pair, count = summed_by_key(self.pairs, self.pair_counts)
        return (*np.divmod(pair, max(1, f)), count)

    def second_moments(self, values: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return the sum over rows of ``x_i x_j`` for every two sources, shape (m, m), symmetric.

        Parameters
        ----------
        values : array_like of float, shape (f,) or (f, c)
            What each vote counts; an abstain counts 0, so that ``x_i`` is the value of the vote of source i. With c
            columns the products are summed over them.

        Examples
        --------
        >>> MomentCounts.of(Votes([[0, 1], [1, 1], [1, -1]])).second_moments([-1, 1, -1, 1]).tolist()
        [[3.0, 0.0], [0.0, 2.0]]
        """
        sizes, m = self.frame.sizes, self.frame.m
        x = np.asarray(values, dtype=np.float64).reshape(int(sizes.sum()), -1)
        source = np.repeat(np.arange(m), sizes)
        first, second, count = self.together()
        product = np.einsum("ic,ic->i", x[first], x[second]) * count
        half = np.bincount(source[first] * m + source[second], weights=product, minlength=m * m).reshape(m, m)
        out = np.asarray(half + half.T, dtype=np.float64)
        out[np.arange(m), np.arange(m)] = np.bincount(
            source, weights=(x**2).sum(axis=1) * self.counts.votes.sum(axis=0), minlength=m
        )
        return out

    def table(self, first: str, second: str) -> Integers:
        """Return rows by the votes of two different sources, abstains first, shape (codes + 1, codes + 1)."""
        names = self.frame.sources
        a, b = names.index(first), names.index(second)
        if a == b:
            raise ModelError(f"a table of votes needs two different sources, not {first!r} twice.")
        stop = np.cumsum(self.frame.sizes)
        start = stop - self.frame.sizes
        x, y, count = self.together()
        early, late = min(a, b), max(a, b)
        mine = (x >= start[early]) & (x < stop[early]) & (y >= start[late]) & (y < stop[late])
        both = np.zeros((self.frame.sizes[early], self.frame.sizes[late]), dtype=np.int64)
        both[x[mine] - start[early], y[mine] - start[late]] = count[mine]
        both = both if a == early else both.T
        out = np.zeros((both.shape[0] + 1, both.shape[1] + 1), dtype=np.int64)
        out[1:, 1:] = both
        out[1:, 0] = self.counts.by_source(first) - both.sum(axis=1)
        out[0, 1:] = self.counts.by_source(second) - both.sum(axis=0)
        out[0, 0] = self.rows - out.sum()
        return out

    def without(self, bucket: int) -> MomentCounts:
        """Return the stats of all rows but those of one of the 32 sub-sums."""
        counts = self.counts
        left = [a.copy() for a in (counts.rows, counts.covered, counts.votes, counts.gold)]
        for array in left:
            array[bucket] = 0
        start, stop = self.indptr[bucket], self.indptr[bucket + 1]
        indptr = self.indptr - np.where(np.arange(BUCKETS + 1) > bucket, stop - start, 0)
        kept = np.r_[0:start, stop : len(self.pairs)]
        return MomentCounts(VoteCounts(counts.frame, *left), indptr, self.pairs[kept], self.pair_counts[kept])

    def __add__(self, other: MomentCounts) -> MomentCounts:
        return self._combined(self.counts + other.counts, other, 1)

    def __sub__(self, other: MomentCounts) -> MomentCounts:
        out = self._combined(self.counts - other.counts, other, -1)
        if (out.pair_counts < 0).any():
            raise ModelError("these stats do not contain the rows to be taken away; subtract only what was added.")
        return out

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, MomentCounts):
            return NotImplemented
        pairs = zip(self._arrays(), other._arrays(), strict=True)
        return self.counts == other.counts and all(np.array_equal(a, b) for a, b in pairs)

    def _arrays(self) -> tuple[Integers, ...]:
        return self.indptr, self.pairs, self.pair_counts

    def _combined(self, counts: VoteCounts, other: MomentCounts, sign: int) -> MomentCounts:
        """Add ``sign`` times the cells of ``other``."""
        span = int(self.frame.sizes.sum()) ** 2
        keys = np.concatenate(
            [one.pairs + span * np.repeat(np.arange(BUCKETS), np.diff(one.indptr)) for one in (self, other)]
        )
        key, count = summed_by_key(keys, np.concatenate([self.pair_counts, sign * other.pair_counts]))
        place, pair = np.divmod(key, max(1, span))
        return MomentCounts(counts, np.searchsorted(place, np.arange(BUCKETS + 1)), pair, count)
