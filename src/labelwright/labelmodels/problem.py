"""What the default model solves: distinct vote rows with weights, silence removed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from labelwright.core import PatternCounts

from .features import Features

__all__ = ["Problem"]

Floats = npt.NDArray[np.float64]

# A source whose other votes are fewer than this share is not multipolar: a stray vote is no second pole.
_POLE = 0.05


@dataclass(frozen=True, eq=False)
class Problem:
    """Votes as EM needs them. Sources and (source, code) features without a vote are gone.

    Parameters
    ----------
    x : csr_array, shape (p, f)
        Distinct rows of votes with at least one vote, as 0/1 features.
    weights : ndarray of float, shape (p,)
        Examples behind each row.
    gold : ndarray of int64, shape (p,)
        Known class, or -1.
    source : ndarray of int64, shape (f,)
        Source of each feature, numbered 0..m-1 over the sources that vote.
    meaning : ndarray of bool, shape (f, k)
        Classes that each feature's vote means.
    names : tuple of str, length m
        Names of the sources that vote.
    kept : ndarray of int64, shape (f,)
        Place of each feature among all features of the frame.
    """

    x: sparse.csr_array[Any]
    weights: Floats
    gold: npt.NDArray[np.int64]
    source: npt.NDArray[np.int64]
    meaning: npt.NDArray[np.bool_]
    names: tuple[str, ...]
    kept: npt.NDArray[np.int64]

    @classmethod
    def of(cls, stats: PatternCounts) -> Problem:
        """Build the problem of ``stats``; rows in the stats' own order, which no partition or permutation changes."""
        features = Features.of(stats.frame)
        used = np.flatnonzero(stats.counts.votes.any(axis=0))
        place = np.full(len(features.source), -1, dtype=np.int64)
        place[used] = np.arange(len(used))
        voiced, source = np.unique(features.source[used], return_inverse=True)
        key = stats.cells[:, 0] * (stats.frame.k + 1) + stats.cells[:, 1]
        pairs, inverse = np.unique(key, return_inverse=True)
        weights = np.bincount(inverse, weights=stats.cell_counts, minlength=len(pairs)).astype(np.float64)
        pattern, gold = np.divmod(pairs, stats.frame.k + 1)
        voted = np.diff(stats.patterns.indptr)[pattern] > 0
        rows = stats.patterns.take(pattern[voted])
        columns = place[features.offsets[rows.columns] + rows.codes]
        x = sparse.csr_array((np.ones(len(columns)), columns, rows.indptr), shape=(len(rows.indptr) - 1, len(used)))
        names = tuple(stats.frame.sources[j] for j in voiced)
        return cls(x, weights[voted], gold[voted] - 1, source, features.meaning[used], names, used)

    @property
    def k(self) -> int:
        """Cardinality."""
        return int(self.meaning.shape[1])

    @property
    def m(self) -> int:
        """Number of sources that vote."""
        return len(self.names)

    @cached_property
    def xt(self) -> sparse.csr_array[Any]:
        """Transpose of ``x``, by rows."""
        return self.x.T.tocsr()

    @cached_property
    def member(self) -> sparse.csr_array[Any]:
        """Which source (row) each feature (column) belongs to, shape (m, f)."""
        f = len(self.source)
        return sparse.csr_array((np.ones(f), (self.source, np.arange(f))), shape=(self.m, f))

    @cached_property
    def totals(self) -> Floats:
        """Votes of each feature, shape (f,)."""
        return np.asarray(self.x.T @ self.weights)

    @cached_property
    def known(self) -> npt.NDArray[np.int64]:
        """The rows of known class."""
        return np.flatnonzero(self.gold >= 0)

    @cached_property
    def rows(self) -> float:
        """Number of examples with at least one vote."""
        return float(self.weights.sum())

    @cached_property
    def multipolar(self) -> npt.NDArray[np.bool_]:
        """Whether a source takes more than one side, shape (m,): no code has nearly all of its votes."""
        votes = self.member @ self.totals
        most = np.zeros(self.m)
        np.maximum.at(most, self.source, self.totals)
        # A source may have no vote in a sample of the rows.
        return np.asarray((votes - most >= _POLE * votes) & (votes > 0))

    @cached_property
    def share(self) -> Floats:
        """A vote's mass over the classes it means, shape (f, k)."""
        return np.asarray(self.meaning / self.meaning.sum(axis=1, keepdims=True))

    @cached_property
    def prior(self) -> Floats:
        """P(Y | one vote) before any data, shape (f, k): right as often as the mean of all better-than-chance sources.

        A vote for s of k classes is right by chance with probability s / k; accuracy uniform above that has the mean
        ``(1 + s / k) / 2``.
        """
        size = self.meaning.sum(axis=1, keepdims=True)
        right = (1 + size / self.k) / 2
        wrong = (1 - right) / np.maximum(self.k - size, 1)
        return np.asarray(np.where(self.meaning, right / size, wrong))

    def prior_under(self, balance: Floats) -> Floats:
        """P(Y | one vote) before any data where the class balance (k,) is known, shape (f, k).

        Chance is then how often the classes that a vote means occur: a vote for a class of 10 % is right in 55 of 100
        cases, one for the other class in 95. An accuracy of .75 would make the latter tell *against* its own class.
        """
        chance = (self.meaning @ balance)[:, None]
        right = (1 + chance) / 2
        wrong = (1 - right) / np.maximum(1 - chance, np.finfo(np.float64).tiny)
        return np.asarray(np.where(self.meaning, right / chance, wrong) * balance)

    def by_source(self, values: Floats) -> Floats:
        """Sum ``values`` (f, ...) over the features of each feature's source, shape as ``values``."""
        return np.asarray((self.member @ values)[self.source])

    def vote_shares(self, weights: Floats) -> Floats:
        """Return each row's vote shares when each feature counts ``weights`` (f,), shape (p, k)."""
        mass = self.x @ (self.share * weights[:, None])
        return self.clamp(mass / mass.sum(axis=1, keepdims=True))

    def clamp(self, q: Floats) -> Floats:
        """Return ``q`` (p, k) with the rows of known class set to it."""
        if len(self.known):
            q[self.known] = 0
            q[self.known, self.gold[self.known]] = 1
        return q
