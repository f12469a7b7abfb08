"""Counts per source and vote: the smallest statistic of a label matrix."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from .alphabets import lookup, united
from .classes import Class
from .errors import ModelError, VoteError
from .sparse import SparseRows
from .votes import Votes

__all__ = ["BUCKETS", "VoteCounts", "VoteFrame", "check_bucket", "check_gold"]

BUCKETS = 32


@dataclass(frozen=True, slots=True)
class VoteFrame:
    """What votes are about, without the votes: only stats of equal frames may be merged.

    Parameters
    ----------
    classes : tuple of (str or int)
        The classes in the order of their codes.
    sources : tuple of str
        The sources in the order of their columns.
    alphabet : tuple of (str, tuple of frozenset of int)
        Sources whose codes mean sets of classes, as in `labelwright.core.Votes`, sorted by name.

    Examples
    --------
    >>> VoteFrame.of(Votes([[0, 1]], sources=["a", "b"])).sizes.tolist()
    [2, 2]
    """

    classes: tuple[Class, ...]
    sources: tuple[str, ...]
    alphabet: tuple[tuple[str, tuple[frozenset[int], ...]], ...] = ()

    @classmethod
    def of(cls, votes: Votes) -> VoteFrame:
        """Return the frame of ``votes``."""
        return cls(votes.classes, votes.sources, tuple(sorted(votes.alphabet.items())))

    @property
    def k(self) -> int:
        """Cardinality."""
        return len(self.classes)

    @property
    def m(self) -> int:
        """Number of sources."""
        return len(self.sources)

    @property
    def sizes(self) -> npt.NDArray[np.int64]:
        """How many codes each source may use, shape (m,)."""
        own = dict(self.alphabet)
        return np.array([len(own.get(s, self.classes)) for s in self.sources], dtype=np.int64)

    def united(self, other: VoteFrame) -> VoteFrame:
        """Return the frame of both together: alphabets are united, and all else must be equal.

        Raises
        ------
        ModelError
            If classes or sources differ.
        """
        if self == other:
            return self
        alphabet = united([dict(self.alphabet), dict(other.alphabet)], self.k)
        both = tuple(sorted(alphabet.items()))
        replace(self, alphabet=both).check_same(replace(other, alphabet=both))
        return replace(self, alphabet=both)

    def lookup(self, other: VoteFrame) -> npt.NDArray[np.int16]:
        """Return the code in ``other`` of each code here; see `labelwright.core.alphabets.lookup`."""
        return lookup(self.sources, dict(self.alphabet), dict(other.alphabet), self.k)

    def check_same(self, other: VoteFrame) -> None:
        """Raise ModelError, naming what differs, unless ``other`` is equal."""
        for what in ("classes", "sources", "alphabet"):
            if getattr(self, what) != getattr(other, what):
                raise ModelError(
                    f"stats differ in their {what} ({getattr(self, what)} and {getattr(other, what)}); only stats of "
                    "the same sources and classes can be merged. Summarise the votes of all sources again."
                )


@dataclass(frozen=True, slots=True, eq=False)
class VoteCounts:
    """How many rows there are and how often each source gave each vote: exact, mergeable, subtractable.

    Parameters
    ----------
    frame : VoteFrame
    rows, covered : ndarray of int64, shape (32,)
        Rows, and rows with at least one vote, in each sub-sum (`labelwright.core.Votes.bucket`).
    votes : ndarray of int64, shape (32, number of (source, code) pairs)
        Votes in each sub-sum; the codes of the first source come first.
    gold : ndarray of int64, shape (32, k)
        Rows with a known class.

    Examples
    --------
    >>> votes = Votes([[0, 1], [0, -1], [1, 1]], sources=["a", "b"])
    >>> counts = VoteCounts.of(votes)
    >>> counts.by_source("a").tolist(), int(counts.covered.sum())
    ([2, 1], 3)
    >>> counts == VoteCounts.of(votes.take([2])) + VoteCounts.of(votes.take([0, 1]))
    True
    """

    frame: VoteFrame
    rows: npt.NDArray[np.int64]
    covered: npt.NDArray[np.int64]
    votes: npt.NDArray[np.int64]
    gold: npt.NDArray[np.int64]

    @classmethod
    def of(cls, votes: Votes, *, gold: npt.ArrayLike | None = None) -> VoteCounts:
        """Count ``votes``; ``gold`` (n,) holds class codes, -1 where unknown."""
        frame = VoteFrame.of(votes)
        offsets = np.concatenate([[0], np.cumsum(frame.sizes)])
        bucket = votes.bucket.astype(np.int64)
        counts = _count(votes, bucket, offsets)
        known = check_gold(gold, votes)
        cell = bucket[known >= 0] * votes.k + known[known >= 0]
        return cls(
            frame,
            np.bincount(bucket, minlength=BUCKETS),
            np.bincount(bucket[votes.covered], minlength=BUCKETS),
            counts,
            np.bincount(cell, minlength=BUCKETS * votes.k).reshape(BUCKETS, votes.k),
        )

    def by_source(self, source: str) -> npt.NDArray[np.int64]:
        """Return how often ``source`` gave each of its codes."""
        at = self.frame.sources.index(source)
        stop = np.cumsum(self.frame.sizes)
        return np.asarray(self.votes.sum(axis=0)[stop[at] - self.frame.sizes[at] : stop[at]])

    def __add__(self, other: VoteCounts) -> VoteCounts:
        frame = self.frame.united(other.frame)
        mine, theirs = self.within(frame), other.within(frame)
        return VoteCounts(frame, *(a + b for a, b in zip(mine._arrays(), theirs._arrays(), strict=True)))

    def __sub__(self, other: VoteCounts) -> VoteCounts:
        self.frame.check_same(other.frame)
        left = [a - b for a, b in zip(self._arrays(), other._arrays(), strict=True)]
        if any((a < 0).any() for a in left):
            raise ModelError("these stats do not contain the rows to be taken away; subtract only what was added.")
        return VoteCounts(self.frame, *left)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, VoteCounts):
            return NotImplemented
        pairs = zip(self._arrays(), other._arrays(), strict=True)
        return self.frame == other.frame and all(np.array_equal(a, b) for a, b in pairs)

    def within(self, frame: VoteFrame) -> VoteCounts:
        """Return the same counts by the codes of ``frame``, whose alphabet holds all letters of this one's."""
        if frame == self.frame:
            return self
        table = self.frame.lookup(frame)
        starts = np.cumsum(frame.sizes) - frame.sizes
        place = np.concatenate([starts[j] + table[j, :size] for j, size in enumerate(self.frame.sizes)])
        votes = np.zeros((BUCKETS, int(frame.sizes.sum())), dtype=np.int64)
        np.add.at(votes.T, place, self.votes.T)
        return VoteCounts(frame, self.rows, self.covered, votes, self.gold)

    def without(self, bucket: int) -> VoteCounts:
        """Return the counts of every row outside sub-sum ``bucket``, 0 to 31; exact, and the frame stays.

        Examples
        --------
        >>> votes = Votes([[0, 1], [0, -1], [1, 1]])
        >>> counts, gone = VoteCounts.of(votes), int(votes.bucket[0])
        >>> counts.without(gone) == VoteCounts.of(votes.take(votes.bucket != gone))
        True
        """
        check_bucket(bucket)
        kept = (np.arange(BUCKETS) != bucket).astype(np.int64)
        return VoteCounts(self.frame, *(np.asarray((a.T * kept).T) for a in self._arrays()))

    def _arrays(self) -> tuple[npt.NDArray[np.int64], ...]:
        return self.rows, self.covered, self.votes, self.gold


def check_bucket(bucket: int) -> None:
    """Raise ModelError unless ``bucket`` is the number of a sub-sum."""
    if not 0 <= bucket < BUCKETS:
        raise ModelError(f"there is no sub-sum {bucket}; stats are kept in {BUCKETS}, numbered 0 to {BUCKETS - 1}.")


def _count(votes: Votes, bucket: npt.NDArray[np.int64], offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return votes in each bucket and (source, code), shape (32, f)."""
    if isinstance(votes.rows, SparseRows):
        cell = bucket[votes.rows.entry_rows] * offsets[-1] + offsets[votes.rows.columns] + votes.rows.codes
        return np.bincount(cell, minlength=BUCKETS * int(offsets[-1])).reshape(BUCKETS, -1)
    out = np.zeros((BUCKETS, int(offsets[-1])), dtype=np.int64)
    for start, block in votes.blocks():
        part = bucket[start : start + len(block)]
        for column in range(votes.m):
            size = int(offsets[column + 1] - offsets[column]) + 1
            # Wide before the 1 is added: code 127 plus 1 does not fit its int8.
            code = block[:, column].astype(np.int64) + 1
            cells = np.bincount(part * size + code, minlength=BUCKETS * size).reshape(BUCKETS, size)
            out[:, offsets[column] : offsets[column + 1]] += cells[:, 1:]
    return out


def check_gold(gold: npt.ArrayLike | None, votes: Votes) -> npt.NDArray[np.int64]:
    """Return gold as class codes, shape (n,), -1 where unknown.

    Parameters
    ----------
    gold : array_like of (int or str), shape (n,), or None
        Codes, or classes by name.
    votes : Votes

    Raises
    ------
    VoteError
        If the shape does not fit the votes, or a label is not among the classes.

    Examples
    --------
    >>> check_gold(["spam", None], Votes([[0], [1]], classes=["ham", "spam"])).tolist()
    [1, -1]
    """
    if gold is None:
        return np.full(votes.n, -1, dtype=np.int64)
    array: npt.NDArray[Any] = np.asarray(gold)
    if array.shape != (votes.n,):
        raise VoteError(f"gold has shape {array.shape}, but there are {votes.n} examples; -1 marks an unknown class.")
    if array.dtype.kind not in "iu":
        return votes.codes(array.tolist())
    codes = array.astype(np.int64)
    if codes.size and (codes.min() < -1 or codes.max() >= votes.k):
        worst = int(codes.max() if codes.max() >= votes.k else codes.min())
        raise VoteError(f"gold holds {worst}; allowed: -1 (unknown) to {votes.k - 1}.")
    return codes
