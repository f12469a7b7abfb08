"""Counts of distinct vote rows, within a bound that keeps them mergeable."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from .errors import ModelError
from .seeds import hash_ids
from .sparse import SparseRows
from .vote_counts import BUCKETS, VoteCounts, VoteFrame, check_gold
from .votes import Votes

__all__ = ["MAX_PATTERNS", "PatternCounts", "depths", "pattern_keys"]

# Above this many distinct rows, sampling moves an estimated rate by less than 0.3 points, and EM stays under a second.
MAX_PATTERNS = 65_536

_DEEPEST = 32


@dataclass(frozen=True, slots=True, eq=False)
class PatternCounts:
    """How often each distinct row of votes (a pattern) occurs, and the exact counts of every single vote.

    Parameters
    ----------
    counts : VoteCounts
        Of all rows, always exact.
    level : int
        0: every row is counted. Otherwise the patterns are those of the rows whose id hash begins with ``level`` zero
        bits: a uniform sample of one row in ``2 ** level``, the largest of at most ``limit`` distinct patterns.
    patterns : SparseRows, shape (p, m)
        The distinct rows, in the order of their hash.
    keys : ndarray of uint64, shape (p,)
        Hash of each pattern. It does not change when sources are reordered or a silent one is added.
    cells : ndarray of int64, shape (c, 4)
        Rows of ``(pattern, gold + 1, bucket, depth)``, each once and sorted; depth counts the leading zero bits of
        the id hash.
    cell_counts : ndarray of int64, shape (c,)
        Number of examples in each cell.
    limit : int
        Most distinct patterns that are kept.

    Notes
    -----
    The level is the smallest at which at most ``limit`` distinct patterns remain, which is a function of the *set* of
    rows. A subset of the rows never needs a deeper level than the whole, so that merging loses nothing that a rebuild
    would have kept: any partition, in any order, gives the same stats bit for bit (after the adaptive sampling of
    M. Wegman, described by Flajolet 1990). A *uniform sample of rows* keeps heavy patterns heavy, which a
    sample of distinct patterns does not. At level 0 stats subtract; deeper ones must be merged again from their parts.

    Patterns are told apart by 64-bit keys: among 65,536 patterns two coincide with probability 1e-10.

    Examples
    --------
    >>> votes = Votes([[0, 1], [0, -1], [0, 1]])
    >>> stats = PatternCounts.of(votes)
    >>> stats.weights.tolist(), int(stats.counts.rows.sum())
    ([2, 1], 3)
    >>> stats == PatternCounts.of(votes.take([2, 1])) + PatternCounts.of(votes.take([0]))
    True
    """

    counts: VoteCounts
    level: int
    patterns: SparseRows
    keys: npt.NDArray[np.uint64]
    cells: npt.NDArray[np.int64]
    cell_counts: npt.NDArray[np.int64]
    limit: int = MAX_PATTERNS

    @classmethod
    def of(cls, votes: Votes, *, gold: npt.ArrayLike | None = None, limit: int = MAX_PATTERNS) -> PatternCounts:
        """Count ``votes``; ``gold`` (n,) holds class codes or names, unknown where -1 or None."""
        known = check_gold(gold, votes)
        keys, depth = pattern_keys(votes), depths(votes)
        key, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
        level, kept = _level(inverse, depth, len(key), limit), np.arange(votes.n)
        if level:
            kept = np.flatnonzero(depth >= level)
            key, first, inverse = np.unique(keys[kept], return_index=True, return_inverse=True)
        span = (votes.k + 1) * BUCKETS * (_DEEPEST + 1)
        bucket = votes.bucket[kept].astype(np.int64)
        code = ((known[kept] + 1) * BUCKETS + bucket) * (_DEEPEST + 1) + depth[kept]
        cell, count = np.unique(inverse.astype(np.int64) * span + code, return_counts=True)
        rest, deep = np.divmod(cell, _DEEPEST + 1)
        rest, sub = np.divmod(rest, BUCKETS)
        pattern, label = np.divmod(rest, votes.k + 1)
        cells = np.stack([pattern, label, sub, deep], axis=1)
        return cls(
            VoteCounts.of(votes, gold=known),
            level,
            _as_sparse(votes, kept[first]),
            key,
            cells,
            count.astype(np.int64),
            limit,
        )

    @property
    def frame(self) -> VoteFrame:
        """Classes, sources and alphabet."""
        return self.counts.frame

    @property
    def weights(self) -> npt.NDArray[np.int64]:
        """Number of counted rows of each pattern, shape (p,); times ``2 ** level`` for an estimate over all rows."""
        out = np.zeros(len(self.keys), dtype=np.int64)
        np.add.at(out, self.cells[:, 0], self.cell_counts)
        return out

    def __add__(self, other: PatternCounts) -> PatternCounts:
        if self.limit != other.limit:
            raise ModelError(f"stats were kept with different limits of patterns: {self.limit} and {other.limit}.")
        counts = self.counts + other.counts
        self, other = (one._in_codes_of(counts.frame) for one in (self, other))
        keys = np.concatenate([self.keys, other.keys])
        key, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
        shift = np.array([[len(self.keys), 0, 0, 0]])
        cells = np.concatenate([self.cells, other.cells + shift])
        cells[:, 0] = inverse[cells[:, 0]]
        rows = SparseRows.concat([self.patterns, other.patterns]).take(first)
        return _regroup(
            counts,
            max(self.level, other.level),
            rows,
            key,
            cells,
            np.concatenate([self.cell_counts, other.cell_counts]),
            self.limit,
        )

    def __sub__(self, other: PatternCounts) -> PatternCounts:
        if self.level or other.level:
            raise ModelError(
                f"stats of more than {self.limit:,} distinct vote rows hold a sample; rows cannot be taken away; "
                "merge the stats of the parts that stay."
            )
        counts = self.counts - other.counts
        place = np.searchsorted(self.keys, other.keys)
        missing = ModelError("these stats do not contain the rows to be taken away; subtract only what was added.")
        if (place >= len(self.keys)).any() or (self.keys[place] != other.keys).any():
            raise missing
        taken = other.cells.copy()
        taken[:, 0] = place[taken[:, 0]]
        out = _regroup(
            counts,
            0,
            self.patterns,
            self.keys,
            np.concatenate([self.cells, taken]),
            np.concatenate([self.cell_counts, -other.cell_counts]),
            self.limit,
        )
        if (out.cell_counts < 0).any():
            raise missing
        return out

    def without(self, bucket: int) -> PatternCounts:
        """Return the stats of every row outside sub-sum ``bucket``, 0 to 31.

        At level 0 they equal stats of those rows made anew. Deeper ones keep their level, although fewer rows might do
        with a larger sample: what is left is still a uniform sample.

        Examples
        --------
        >>> votes = Votes([[0, 1], [0, -1], [1, 1]])
        >>> stats, gone = PatternCounts.of(votes), int(votes.bucket[0])
        >>> stats.without(gone) == PatternCounts.of(votes.take(votes.bucket != gone))
        True
        """
        counts = self.counts.without(bucket)
        kept = self.cells[:, 2] != bucket
        alive, place = np.unique(self.cells[kept, 0], return_inverse=True)
        cells = np.concatenate([place.reshape(-1, 1), self.cells[kept, 1:]], axis=1)
        rows = self.patterns.take(alive)
        return PatternCounts(counts, self.level, rows, self.keys[alive], cells, self.cell_counts[kept], self.limit)

    def within(self, limit: int) -> PatternCounts:
        """Return the stats as if at most ``limit`` distinct patterns had been kept: of a smaller uniform sample.

        Parameters
        ----------
        limit : int
            At least 1.

        Examples
        --------
        >>> votes = Votes([[0, 1], [0, -1], [1, 1]])
        >>> PatternCounts.of(votes).within(2) == PatternCounts.of(votes, limit=2)
        True
        """
        kept = min(limit, self.limit)
        return _regroup(self.counts, self.level, self.patterns, self.keys, self.cells, self.cell_counts, kept)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PatternCounts):
            return NotImplemented
        mine, theirs = self._arrays(), other._arrays()
        same = all(np.array_equal(a, b) for a, b in zip(mine, theirs, strict=True))
        return same and self.counts == other.counts and (self.level, self.limit) == (other.level, other.limit)

    def _in_codes_of(self, frame: VoteFrame) -> PatternCounts:
        """Return the patterns in the codes of ``frame``; their order and the counts stay, so this is half a step."""
        if frame == self.frame:
            return self
        own = self.frame
        votes = Votes(self.patterns, classes=own.classes, sources=own.sources, alphabet=dict(own.alphabet))
        other = votes.in_alphabet(dict(frame.alphabet))
        return replace(self, patterns=_as_sparse(other, np.arange(other.n)), keys=pattern_keys(other))

    def _arrays(self) -> tuple[npt.NDArray[np.generic], ...]:
        rows = self.patterns
        return self.keys, self.cells, self.cell_counts, rows.indptr, rows.columns, rows.codes


def _regroup(
    counts: VoteCounts,
    level: int,
    patterns: SparseRows,
    keys: npt.NDArray[np.uint64],
    cells: npt.NDArray[np.int64],
    cell_counts: npt.NDArray[np.int64],
    limit: int,
) -> PatternCounts:
    """Sum equal cells, drop what falls below the level or to zero, and the patterns that have no cell left."""
    level = max(level, _level(cells[:, 0], cells[:, 3], len(keys), limit))
    kept = cells[:, 3] >= level
    cells, cell_counts = cells[kept], cell_counts[kept]
    order = np.lexsort(cells.T[::-1])
    cells, cell_counts = cells[order], cell_counts[order]
    starts = np.flatnonzero(np.concatenate([[True], (cells[1:] != cells[:-1]).any(axis=1)])[: len(cells)])
    cells, summed = cells[starts], np.add.reduceat(cell_counts, starts) if len(starts) else cell_counts
    cells, summed = cells[summed != 0], summed[summed != 0]
    alive, place = np.unique(cells[:, 0], return_inverse=True)
    cells = np.concatenate([place[:, None], cells[:, 1:]], axis=1)
    return PatternCounts(counts, level, patterns.take(alive), keys[alive], cells, summed, limit)


def pattern_keys(votes: Votes) -> npt.NDArray[np.uint64]:
    """Hash each row: the wrapping sum over its votes of a hash of source name and code (Zobrist 1970)."""
    sizes = VoteFrame.of(votes).sizes
    width = int(sizes.max(initial=0)) + 1
    names = np.array(votes.sources, dtype=np.str_)
    table = np.zeros((votes.m, width), dtype=np.uint64)
    for code in range(width - 1):
        table[:, code + 1] = hash_ids(names, salt=1 + code) if votes.m else 0
    out = np.zeros(votes.n, dtype=np.uint64)
    if isinstance(votes.rows, SparseRows):
        np.add.at(out, votes.rows.entry_rows, table[votes.rows.columns, votes.rows.codes + 1])
        return out
    for start, block in votes.blocks():
        part = out[start : start + len(block)]
        for column in range(votes.m):
            part += table[column].take(block[:, column].astype(np.int64) + 1)
    return out


def depths(votes: Votes) -> npt.NDArray[np.int64]:
    """Count the leading zero bits of each row's id hash, at most 32, shape (n,)."""
    high = (hash_ids(votes.example_ids) >> np.uint64(32)).astype(np.float64)
    return _DEEPEST - np.frexp(high)[1].astype(np.int64)


def _level(pattern: npt.NDArray[np.int64], depth: npt.NDArray[np.int64], p: int, limit: int) -> int:
    """Return the smallest level at which at most ``limit`` distinct patterns remain; they are numbered below p."""
    if p <= limit:
        return 0
    # Of numbers that nothing has, nothing is left at any level.
    deepest = np.full(p, -1, dtype=np.int64)
    np.maximum.at(deepest, pattern, depth)
    left = np.cumsum(np.bincount(deepest + 1, minlength=_DEEPEST + 2)[::-1])[::-1][1:]
    # Past the deepest level nothing is left, which is within any limit.
    return int(np.argmax(np.append(left, 0) <= limit))


def _as_sparse(votes: Votes, index: npt.NDArray[np.int64]) -> SparseRows:
    if isinstance(votes.rows, SparseRows):
        return votes.rows.take(index)
    rows = votes.rows[index]
    row, column = np.nonzero(rows >= 0)
    indptr = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=len(rows)))]).astype(np.int64)
    return SparseRows(indptr, column.astype(np.int32), rows[row, column].astype(np.int16), (len(rows), votes.m))
