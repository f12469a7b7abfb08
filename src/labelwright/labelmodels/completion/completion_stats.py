"""What matrix completion keeps of votes: pairs, a third moment for each vote, and cells of declared cliques."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from labelwright.core import PatternCounts, SparseRows, VoteCounts, VoteFrame, Votes
from labelwright.core.errors import ModelError
from labelwright.core.moments import MomentCounts
from labelwright.core.vote_counts import BUCKETS, check_bucket, check_gold
from labelwright.labelmodels.dependencies.cliques import CliqueCells
from labelwright.labelmodels.features import Features

__all__ = ["CompletionStats", "RowSums", "side_of"]

Integers = npt.NDArray[np.int64]

_BLOCK = 65_536

# Doubles in a block of dense votes: half a MiB stays in the cache of one core.
_BLOCK_VALUES = 131_072

# A dense block is read once for each code; with more codes than this, gathering only the votes cast is faster.
_MOST_PASSES = 8


@dataclass(frozen=True, slots=True, eq=False)
class RowSums:
    """Sums over rows that take the votes of a row together, in 32 sub-sums; of two classes.

    Parameters
    ----------
    rows : ndarray of int64, shape (32,)
        Rows that were summed.
    third : ndarray of int64, shape (32, f)
        For each vote indicator x, the sum over rows of x times the sides that other groups take, two at a time:
        ``x sum_{d<e} b_d b_e``, with b a group's votes for class 1 less those for class 0. So it holds the products of
        all triples of groups, and is no longer than a list of the votes.
    cells : ndarray of int64, shape (32, cells, f + 1)
        How often each cell of each clique goes with each vote, and at last how often it occurs.
    known : ndarray of int64, shape (32, 2, f)
        Votes on examples of known class.
    """

    rows: Integers
    third: Integers
    cells: Integers
    known: Integers

    def arrays(self) -> list[Integers]:
        """Return the sums in the order of the fields."""
        return [self.rows, self.third, self.cells, self.known]

    @classmethod
    def of_votes(cls, votes: Votes, gold: Integers, cliques: tuple[CliqueCells, ...]) -> RowSums:
        """Sum the rows of ``votes``; ``gold`` (n,) holds class codes, -1 where unknown."""
        ones = np.ones(votes.n, dtype=np.int64)
        return cls._of(VoteFrame.of(votes), votes, votes.bucket.astype(np.int64), ones, gold, cliques)

    @classmethod
    def of_patterns(cls, stats: PatternCounts, cliques: tuple[CliqueCells, ...]) -> RowSums:
        """Sum the distinct rows in ``stats``, each as often as it occurs."""
        pattern, gold, bucket, _ = stats.cells.T
        return cls._of(stats.frame, stats.patterns.take(pattern), bucket, stats.cell_counts, gold - 1, cliques)

    @classmethod
    def _of(
        cls,
        frame: VoteFrame,
        votes: Votes | SparseRows,
        bucket: Integers,
        count: Integers,
        gold: Integers,
        cliques: tuple[CliqueCells, ...],
    ) -> RowSums:
        features = Features.of(frame)
        f, total = len(features.source), sum(c.count for c in cliques)
        rows = votes.rows if isinstance(votes, Votes) else votes
        # Without cliques every row of dense votes can go into a matrix product; none of them counts twice.
        quick = isinstance(rows, np.ndarray) and not cliques and frame.sizes.max(initial=0) <= _MOST_PASSES
        third = np.zeros(BUCKETS * f)
        cells = np.zeros((BUCKETS * total, f + 1))
        for start, stop, x in () if quick else _matrices(features, votes):
            where, times = bucket[start:stop], count[start:stop]
            row = np.repeat(np.arange(stop - start), np.diff(x.indptr))
            pairs = _pairs_of_others(x, row, side_of(features), features, cliques)
            third += np.bincount(where[row] * f + x.indices, times[row] * pairs, BUCKETS * f)
            if cliques:
                block = rows.dense(start, stop) if isinstance(rows, SparseRows) else rows[start:stop]
                cells += _cells(x, row, block, where * total, times, cliques, len(cells))
        if isinstance(rows, np.ndarray) and quick:
            third = _dense_third(rows, bucket, features)
        return cls(
            np.rint(np.bincount(bucket, count, BUCKETS)).astype(np.int64),
            np.rint(third).astype(np.int64).reshape(BUCKETS, f),
            np.rint(cells).astype(np.int64).reshape(BUCKETS, total, f + 1),
            _known(features, rows, bucket, count, gold),
        )


@dataclass(frozen=True, slots=True, eq=False)
class CompletionStats:
    """The stats of `MatrixCompletion`: exact, mergeable, subtractable. Which of them there are is up to its options.

    Parameters
    ----------
    moments : MomentCounts or None
        How often two votes go together; for two classes.
    sums : RowSums or None
        For two classes and dependencies that are known beforehand.
    patterns : PatternCounts or None
        Distinct rows, for more than two classes or dependencies to be learned.
    """

    moments: MomentCounts | None
    sums: RowSums | None
    patterns: PatternCounts | None

    @classmethod
    def of(
        cls, votes: Votes, *, gold: npt.ArrayLike | None, cliques: tuple[CliqueCells, ...], patterns: bool
    ) -> CompletionStats:
        """Sum ``votes``, and keep distinct rows if ``patterns`` or more than two classes ask for it."""
        known = check_gold(gold, votes)
        two, keep = votes.k == 2, patterns or votes.k > 2
        return cls(
            MomentCounts.of(votes, gold=known) if two else None,
            None if keep else RowSums.of_votes(votes, known, cliques),
            PatternCounts.of(votes, gold=known) if keep else None,
        )

    @property
    def counts(self) -> VoteCounts:
        """Counts of single votes."""
        found = self.patterns if self.moments is None else self.moments
        assert found is not None
        return found.counts

    @property
    def frame(self) -> VoteFrame:
        """Classes, sources and alphabet."""
        return self.counts.frame

    def without(self, bucket: int) -> CompletionStats:
        """Return the stats of every row outside sub-sum ``bucket``, 0 to 31."""
        check_bucket(bucket)
        kept = (np.arange(BUCKETS) != bucket).astype(np.int64)
        return CompletionStats(
            None if self.moments is None else self.moments.without(bucket),
            None if self.sums is None else RowSums(*(np.asarray((a.T * kept).T) for a in self.sums.arrays())),
            None if self.patterns is None else self.patterns.without(bucket),
        )

    def __add__(self, other: CompletionStats) -> CompletionStats:
        return self._combined(other, operator.add)

    def __sub__(self, other: CompletionStats) -> CompletionStats:
        return self._combined(other, operator.sub)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CompletionStats):
            return NotImplemented
        if (self.sums is None) != (other.sums is None):
            return False
        mine, theirs = ([] if one.sums is None else one.sums.arrays() for one in (self, other))
        same = all(np.array_equal(a, b) for a, b in zip(mine, theirs, strict=True))
        return same and self.moments == other.moments and self.patterns == other.patterns

    def _combined(self, other: CompletionStats, how: Callable[[Any, Any], Any]) -> CompletionStats:
        self.frame.check_same(other.frame)
        if self._kind() != other._kind():
            raise ModelError("these stats were made with different dependencies; summarise all votes with the same.")
        mine, theirs = ([] if one.sums is None else one.sums.arrays() for one in (self, other))
        sums = [how(a, b) for a, b in zip(mine, theirs, strict=True)]
        return CompletionStats(
            None if self.moments is None else how(self.moments, other.moments),
            None if self.sums is None else RowSums(*sums),
            None if self.patterns is None else how(self.patterns, other.patterns),
        )

    def _kind(self) -> tuple[bool, bool, tuple[int, ...]]:
        """Return what two stats must share to be combined."""
        return self.moments is None, self.patterns is None, () if self.sums is None else self.sums.cells.shape


def side_of(features: Features) -> Integers:
    """Return which side each vote takes, shape (f,): 1 for class 1, -1 for class 0, 0 for both."""
    return features.meaning[:, 1].astype(np.int64) - features.meaning[:, 0]


def _matrices(features: Features, votes: Votes | SparseRows) -> Iterator[tuple[int, int, sparse.csr_array[Any]]]:
    n = votes.n if isinstance(votes, Votes) else votes.shape[0]
    for start in range(0, n, _BLOCK):
        stop = min(start + _BLOCK, n)
        yield start, stop, features.matrix(votes, start, stop)


def _known(
    features: Features,
    rows: SparseRows | npt.NDArray[Any],
    bucket: Integers,
    count: Integers,
    gold: Integers,
) -> Integers:
    """Count votes on examples of known class, shape (32, 2, f)."""
    f, seen = len(features.source), np.flatnonzero(gold >= 0)
    if not len(seen):
        return np.zeros((BUCKETS, 2, f), dtype=np.int64)
    block = rows.take(seen).dense() if isinstance(rows, SparseRows) else rows[seen]
    at, column = np.nonzero(block >= 0)
    key = (bucket[seen] * 2 + gold[seen])[at] * f + features.offsets[column] + block[at, column]
    return np.rint(np.bincount(key, count[seen][at], BUCKETS * 2 * f)).astype(np.int64).reshape(BUCKETS, 2, f)


def _dense_third(rows: npt.NDArray[Any], bucket: Integers, features: Features) -> npt.NDArray[np.float64]:
    """Return `RowSums.third` of dense votes, shape (32 f,), where every source is a group of its own.

    The others' pairs are ``(T - s)^2 - (Q - s^2)`` over 2, with T and Q the sums of the sides s and their squares, so
    that ``x (T^2 - Q) / 2``, ``x T`` and ``x`` are all that a vote x of side s needs, and they are matrix products.
    """
    sizes, m = np.diff(features.offsets), len(features.offsets) - 1
    step = max(64, _BLOCK_VALUES // max(1, m))
    # Every partial sum is an integer below 2^24, which single precision holds exactly; or else double does.
    kind = np.float32 if m**2 * step < 2**24 else np.float64
    side = side_of(features).astype(kind)
    sides = np.zeros((int(sizes.max(initial=0)), m), dtype=kind)
    for code, row in enumerate(sides):
        row[sizes > code] = side[(features.offsets[:-1] + code)[sizes > code]]
    order = np.argsort(bucket.astype(np.uint8), kind="stable")
    stops = np.cumsum(np.bincount(bucket, minlength=BUCKETS)).tolist()
    fired = np.empty((len(sides), step, m), dtype=kind)
    out = np.zeros((BUCKETS, len(sides), m))
    for one, stop in enumerate(stops):
        for start in range(stops[one - 1] if one else 0, stop, step):
            block = rows[order[start : min(start + step, stop)]]
            said = fired[:, : len(block)]
            for code, x in enumerate(said):
                x[...] = block == code
            total = sum(x @ s for x, s in zip(said, sides, strict=True))
            squares = sum(x @ s**2 for x, s in zip(said, sides, strict=True))
            pairs, ones = (total**2 - squares) / 2, np.ones(len(block), dtype=kind)
            for code, (x, s) in enumerate(zip(said, sides, strict=True)):
                out[one, code] += (pairs @ x).astype(float) - s * (total @ x) + s**2 * (ones @ x)
    places = features.offsets[features.source]
    return out[:, np.arange(len(places)) - places, features.source].ravel()


def _pairs_of_others(
    x: sparse.csr_array[Any], row: Integers, side: Integers, features: Features, cliques: tuple[CliqueCells, ...]
) -> npt.NDArray[np.float64]:
    """Return, for each vote in ``x``, the sum over pairs of other groups of the products of the sides they take."""
    votes = side[x.indices].astype(np.float64)
    n = x.shape[0]
    total = np.bincount(row, votes, n)
    own, squares = votes, np.bincount(row, votes**2, n)
    for clique in cliques:
        member = np.isin(features.source, clique.members)[x.indices]
        net = np.bincount(row[member], votes[member], n)
        squares += net**2 - np.bincount(row[member], votes[member] ** 2, n)
        own = np.where(member, net[row], own)
    # (sum of the others)^2 less their squares counts every pair twice.
    return np.asarray(((total[row] - own) ** 2 - (squares[row] - own**2)) / 2)


def _cells(
    x: sparse.csr_array[Any],
    row: Integers,
    block: npt.NDArray[Any],
    place: Integers,
    times: Integers,
    cliques: tuple[CliqueCells, ...],
    size: int,
) -> npt.NDArray[np.float64]:
    """Count how often each cell, in the sub-sum that begins at ``place``, goes with each vote, and occurs."""
    width, offset = x.shape[1] + 1, 0
    out = np.zeros(size * width)
    for clique in cliques:
        cell = (place + offset + clique.code(block)) * width
        out += np.bincount(cell[row] + x.indices, times[row], len(out))
        out += np.bincount(cell + width - 1, times, len(out))
        offset += clique.count
    return out.reshape(size, width)
