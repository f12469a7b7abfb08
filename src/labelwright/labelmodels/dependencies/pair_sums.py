"""How often two sources say what together, in 32 sub-sums: what dependencies are learned from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from labelwright.core import PatternCounts
from labelwright.core.moments import MomentCounts
from labelwright.core.vote_counts import BUCKETS
from labelwright.labelmodels.features import Features
from labelwright.labelmodels.problem import Floats

__all__ = ["PairMoments", "PairSums"]

# Codes that a source gives in fewer of its votes do not make it several-sided: a stray vote is no second side.
_POLE = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class PairMoments:
    """Moments of pairs of signals, each over the rows that bear on the pair; see `PairSums`.

    Parameters
    ----------
    rows : ndarray of float, shape (..., f, f)
        Rows that bear on each pair of signals.
    alone : ndarray of float, shape (..., f, f)
        Share of those rows with the first signal, 0 to 1.
    covariance : ndarray of float, shape (..., f, f)
        Covariance of the two signals over those rows; 0 where there are none.
    """

    rows: Floats
    alone: Floats
    covariance: Floats


@dataclass(frozen=True, slots=True, eq=False)
class PairSums:
    """Counts of pairs of signals in each sub-sum.

    A source that takes one side is one signal: that it fires, among all rows. A source that takes several sides is one
    signal for each of its codes but the last: that it says so, among the rows on which it votes (they may be assigned
    to it, as in crowds, so that voting together says nothing).

    Parameters
    ----------
    names : tuple of str, length m
        Sources that vote.
    source : ndarray of int64, shape (f,)
        Source of each signal.
    several : ndarray of bool, shape (m,)
        Whether a source takes several sides.
    agreement : ndarray of float, shape (f, f)
        Weights with which covariances of signals sum to that of two sources' meaning the same; for two one-sided
        sources, of both firing.
    total : ndarray of float, shape (32,)
        Rows.
    signals : ndarray of float, shape (32, f, f)
        Rows with both signals.
    beside : ndarray of float, shape (32, f, m)
        Rows with a signal on which another source votes.
    voted : ndarray of float, shape (32, m, m)
        Rows on which both sources vote.
    same : ndarray of float, shape (m, m)
        Rows on which both sources mean the same classes.
    k : int
        Cardinality.

    Examples
    --------
    >>> from labelwright.core import Votes
    >>> sums = PairSums.of(PatternCounts.of(Votes([[0, 0], [1, 1], [1, 0], [0, -1]])))
    >>> moments = sums.moments(np.ones(32))
    >>> float(moments.rows[0, 1]), round(float(moments.covariance[0, 1]), 3)
    (3.0, 0.111)
    """

    names: tuple[str, ...]
    source: npt.NDArray[np.int64]
    several: npt.NDArray[np.bool_]
    agreement: Floats
    total: Floats
    signals: Floats
    beside: Floats
    voted: Floats
    same: Floats
    k: int

    @property
    def m(self) -> int:
        """Number of sources that vote."""
        return len(self.names)

    @classmethod
    def of(
        cls, stats: PatternCounts | MomentCounts, *, among: Sequence[str] | None = None, whole: bool = False
    ) -> PairSums:
        """Count the pairs of signals in ``stats``.

        Parameters
        ----------
        stats : MomentCounts or PatternCounts
            Exact counts of pairs, or of distinct rows (or a sample of them).
        among : sequence of str, optional
            The sources to count. Default: all that vote.
        whole : bool
            Keep one sum of all rows instead of the 32; what votes are few, and sources many, has room then.
        """
        features = _Features.of(stats, among)
        if isinstance(stats, MomentCounts):
            total, gram = stats.counts.rows.astype(np.float64), _from_moments(stats, features, whole)
        else:
            total, gram = _from_patterns(stats, features, whole)
        pick, source, last = _signals(features)
        both: sparse.csr_array[Any] = sparse.csr_array(sparse.hstack([pick, features.member.T]).T)
        f, kind = len(source), features.kind
        same = _folded(features.member, gram.sum(axis=0) * (kind[:, None] == kind))
        gram = np.stack([_folded(both, one) for one in gram])
        return cls(
            features.names,
            source,
            features.several,
            _agreement(features, pick, source, last),
            total.sum(keepdims=True) if whole else total,
            gram[:, :f, :f],
            gram[:, :f, f:],
            gram[:, f:, f:],
            same,
            stats.frame.k,
        )

    def moments(self, weights: Floats) -> PairMoments:
        """Return the moments over the sub-sums, each counted ``weights`` (..., 32) times."""
        signals = np.tensordot(weights, self.signals, 1)
        beside = np.tensordot(weights, self.beside, 1)[..., self.source]
        voted = np.tensordot(weights, self.voted, 1)
        base = self._bearing(voted, weights @ self.total)[..., self.source, :][..., self.source]
        single = np.einsum("...aa->...a", signals)[..., :, None]
        alone = np.where(self.several[self.source], beside, single) / np.maximum(base, 1)
        return PairMoments(base, alone, signals / np.maximum(base, 1) - alone * np.swapaxes(alone, -1, -2))

    @property
    def bearing(self) -> Floats:
        """Rows that bear on each pair of sources, shape (m, m)."""
        return self._bearing(self.voted.sum(axis=0), self.total.sum())

    def _bearing(self, voted: Floats, n: Floats) -> Floats:
        several = self.several
        own = np.broadcast_to(np.einsum("...ii->...i", voted)[..., :, None], voted.shape)
        one = np.where(several[:, None], own, np.swapaxes(own, -1, -2))
        base = np.where(several[:, None] & several[None, :], voted, one)
        return np.where(several[:, None] | several[None, :], base, np.asarray(n)[..., None, None])


@dataclass(frozen=True, slots=True, eq=False)
class _Features:
    """The (source, code) features that vote: which of all, their source, meaning (by number) and votes."""

    used: npt.NDArray[np.int64]
    source: npt.NDArray[np.int64]
    kind: npt.NDArray[np.int64]
    totals: Floats
    names: tuple[str, ...]

    @classmethod
    def of(cls, stats: PatternCounts | MomentCounts, among: Sequence[str] | None) -> _Features:
        features, totals = Features.of(stats.frame), stats.counts.votes.sum(axis=0)
        wanted = np.isin(stats.frame.sources, stats.frame.sources if among is None else among)
        used = np.flatnonzero((totals > 0) & wanted[features.source])
        voiced, source = np.unique(features.source[used], return_inverse=True)
        kind = np.unique(features.meaning[used], axis=0, return_inverse=True)[1].ravel()
        return cls(used, source, kind, totals[used].astype(np.float64), tuple(stats.frame.sources[j] for j in voiced))

    @property
    def member(self) -> sparse.csr_array[Any]:
        """Which source (row) each feature (column) belongs to, shape (m, f)."""
        f = len(self.source)
        return sparse.csr_array((np.ones(f), (self.source, np.arange(f))), shape=(len(self.names), f))

    @property
    def several(self) -> npt.NDArray[np.bool_]:
        """Whether a source takes more than one side, shape (m,)."""
        return np.asarray((self.member @ (self.totals >= _POLE * (self.member @ self.totals)[self.source])) > 1)


def _folded(rows: sparse.csr_array[Any], x: Floats) -> Floats:
    """Return ``rows @ x @ rows.T`` for symmetric ``x``."""
    return np.asarray(rows @ (rows @ x).T)


def _from_moments(stats: MomentCounts, features: _Features, whole: bool) -> Floats:
    """Return how often each two features occur together, shape (32 or 1, f, f)."""
    size = int(stats.frame.sizes.sum())
    place = np.full(size, -1, dtype=np.int64)
    place[features.used] = np.arange(len(features.used))
    part = np.zeros(len(stats.pairs), dtype=np.int64)
    if not whole:
        part = np.repeat(np.arange(BUCKETS), np.diff(stats.indptr))
    first, second = (place[end] for end in np.divmod(stats.pairs, max(1, size)))
    kept = (first >= 0) & (second >= 0)
    f = len(features.used)
    out = np.zeros((1 if whole else BUCKETS, f, f))
    np.add.at(out, (part[kept], first[kept], second[kept]), stats.pair_counts[kept])
    out += out.transpose(0, 2, 1)
    single = stats.counts.votes[:, features.used]
    out[:, np.arange(f), np.arange(f)] = single.sum(axis=0, keepdims=True) if whole else single
    return out


def _from_patterns(stats: PatternCounts, features: _Features, whole: bool) -> tuple[Floats, Floats]:
    """Return rows in each sub-sum (32,), and how often each two features occur together, shape (32 or 1, f, f)."""
    rows = np.zeros((BUCKETS, len(stats.keys)))
    np.add.at(rows, (stats.cells[:, 2], stats.cells[:, 0]), stats.cell_counts)
    total = rows.sum(axis=1)
    rows = rows.sum(axis=0, keepdims=True) if whole else rows
    x = Features.of(stats.frame).matrix(stats.patterns).tocsc()[:, features.used].tocsr().astype(np.float32)
    out = np.zeros((len(rows), x.shape[1], x.shape[1]))
    for b, weights in enumerate(rows):
        at = np.flatnonzero(weights)
        # Counts below 2^24 are exact in single precision, which is twice as fast.
        part = x[at]
        scaled = part.multiply(weights[at, None].astype(np.float32)).tocsr()
        crowded = part.nnz > 0.1 * part.shape[0] * part.shape[1]
        out[b] = part.toarray().T @ scaled.toarray() if crowded else (part.T @ scaled).toarray()
    return total, out


def _signals(features: _Features) -> tuple[sparse.csr_array[Any], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return how features add up to signals (features, f), each signal's source, and the last feature of each source.

    A one-sided source is one signal, whichever code a stray vote of it may hold.
    """
    source, place = features.source, np.arange(len(features.source))
    last = np.zeros(len(features.names), dtype=np.int64)
    last[source] = place
    several = features.several[source]
    own = several & (last[source] != place)
    starts = own | (~several & np.concatenate([[True], source[1:] != source[:-1]]))
    at = np.flatnonzero(own | ~several)
    entries = (np.ones(len(at)), (at, (np.cumsum(starts) - 1)[at]))
    return sparse.csr_array(entries, shape=(len(source), int(starts.sum()))), source[starts], last


def _agreement(
    features: _Features, pick: sparse.csr_array[Any], source: npt.NDArray[np.int64], last: npt.NDArray[np.int64]
) -> Floats:
    """Return the weights that make agreement of covariances: the last code is one less the sum of the others."""
    several, kind = features.several[source], features.kind
    main = np.zeros(len(features.names), dtype=np.int64)
    order = np.argsort(features.totals, kind="stable")
    main[features.source[order]] = order
    columns = pick.tocsc()
    said = kind[np.where(several, columns.indices[columns.indptr[:-1]], main[source])]
    # No meaning has the number -1 or -2: a one-sided source has no last code that could agree.
    left = np.where(several, kind[last[source]], -1)
    right = np.where(several, kind[last[source]], -2)
    out = (said[:, None] == said).astype(np.float64) - (left[:, None] == said) - (said[:, None] == left)
    out += left[:, None] == right
    firing = ~several[:, None] & ~several[None, :]
    return np.where(source[:, None] == source, 0.0, np.where(firing, 1.0, out))
