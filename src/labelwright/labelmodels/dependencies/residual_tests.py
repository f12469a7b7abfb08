"""Tests of which pairs of sources go together beyond what the hidden class explains, on pairwise sums alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special
from scipy.sparse import csgraph, csr_array

from labelwright.core.vote_counts import BUCKETS
from labelwright.labelmodels.problem import Floats

from .latent_factor import first_loadings, fit_loadings
from .pair_sums import PairMoments, PairSums

__all__ = ["HiddenClass", "PairTests", "copied", "hidden_classes", "pair_tests", "standing_out"]

Bools = npt.NDArray[np.bool_]

# Two sources are one source twice where less than this is missing to a correlation of 1. Y alone makes two sources
# agree so much only if both are right in 199 of 200 votes; then one of them is enough.
_MISSING = 0.02

# With 95 % confidence a rate is below (what was seen + 3) / trials, where little was seen (the rule of three).
_RULE_OF_THREE = 3

# A covariance over fewer rows is not looked at.
_FEWEST_ROWS = 8

# Below the classical five expected in each sub-sum, a standard error over sub-sums is not to be relied on.
_FEWEST_EACH = 5

# The spread of fewer pairs than this says nothing.
_ENOUGH_PAIRS = 10

_ROUNDS = 50

# Each round starts where the last one ended.
_STEPS_BETWEEN = 30

# A sub-sum moves loadings by little; after ten steps, standard errors are within a hundredth of where they end.
_STEPS_LEFT_OUT = 10


@dataclass(frozen=True, slots=True, eq=False)
class PairTests:
    """Conditional dependence of each pair of sources, given a hidden class of k values.

    Parameters
    ----------
    strength : ndarray of float, shape (m, m)
        Correlation of agreeing (of firing, for two one-sided sources) given Y, -1 to 1; symmetric, 0 on the diagonal.
    p_value : ndarray of float, shape (m, m)
        Two-sided, 0 to 1; 1 where there are too few rows, or nothing can be told.
    copies : ndarray of bool, shape (m, m)
        Pairs that are one source twice, closed to cliques.
    spread : float
        Standard deviation of the deviates of most pairs, at least 1: more than 1 where the model of independent sources
        fits no pair quite. p-values are in its units.
    identified : bool
        Whether there are enough distinct sources to tell dependence from Y.
    """

    strength: Floats
    p_value: Floats
    copies: Bools
    spread: float
    identified: bool


def pair_tests(sums: PairSums) -> PairTests:
    """Test every pair.

    Notes
    -----
    Given Y, covariances of independent sources have rank k - 1 (`labelwright.labelmodels.dependencies.latent_factor`),
    abstains, one-sided sources and any class balance included. The low-rank part is fitted robustly to all pairs, then
    again and again without the pairs that stand out most, beyond the largest of so many normal deviates (the universal
    threshold of Donoho & Johnstone 1994), until none does. What is left of a pair's agreement, in units of its standard
    error (block jackknife over the 32 sub-sums, the fit included; but not less than that of independent sources with
    the fitted variances), is compared with Student's t of 31 degrees of freedom. Where fewer than five agreements are
    expected in each sub-sum, the binomial tail of their count is a lower bound of the p-value.

    Where the deviates of most pairs are wider than t, the model is a little wrong for all of them; their own spread is
    then the yardstick (the empirical null of Efron 2004).
    """
    moments = sums.moments(np.ones(BUCKETS))
    copies = copied(sums, moments)
    fits = hidden_classes(sums, moments, copies)
    if not fits:
        return PairTests(copies.astype(np.float64), np.ones(copies.shape), copies, 1.0, False)
    tested = (sums.bearing >= _FEWEST_ROWS) & ~np.eye(sums.m, dtype=bool)
    # Where two forms of the model are in question, a pair has to stand out from both.
    each = [_p_values(sums, fit, tested) for fit in fits]
    p = np.where(tested, np.max([one for one, _ in each], axis=0), 1.0)
    strength = np.where(tested, np.clip(fits[0].strength, -1, 1), 0)
    return PairTests(strength, p, copies, each[0][1], True)


def _p_values(sums: PairSums, fit: HiddenClass, tested: Bools) -> tuple[Floats, float]:
    """Return the p-value of each pair (m, m), and the spread of the deviates."""
    error = _jackknife(sums, fit)
    jackknifed = np.divide(fit.left, error, out=np.zeros_like(error), where=error > 1e-12)
    # The smaller of two: where a few rows decide, what pulls an estimate down also makes its jackknife error small.
    deviate = np.where(np.abs(fit.standing) < np.abs(jackknifed), fit.standing, jackknifed)
    spread = _spread(deviate[np.triu(tested, 1)])
    p = 2 * special.stdtr(BUCKETS - 1, -np.abs(deviate) / spread)
    return np.maximum(p, _binomial(sums, fit.left)), spread


def copied(sums: PairSums, moments: PairMoments) -> Bools:
    """Return which pairs are one source twice, shape (m, m), closed to cliques."""
    signal, alone = _Signals(sums), moments.alone
    own = np.where(sums.several[sums.source][:, None], alone**2, 0)
    # Variance of what the first source says, over the rows that bear on the pair.
    rest = np.where(sums.several[:, None], 1 - signal.over(alone), 0)
    total = np.where(sums.several[:, None], 1 - signal.over(own) - rest**2, signal.over(alone * (1 - alone)))
    variance = signal.over(total.T).T / np.maximum(np.bincount(sums.source, minlength=sums.m), 1)
    found = signal.over(signal.over(sums.agreement * moments.covariance).T).T
    scale = np.sqrt(variance * variance.T)
    missing = scale - found + _RULE_OF_THREE / np.maximum(sums.bearing, 1)
    alike = sums.several[:, None] == sums.several[None, :]
    same = alike & (missing <= _MISSING * scale) & ~np.eye(sums.m, dtype=bool)
    group = csgraph.connected_components(csr_array(same), directed=False)[1]
    return np.asarray((group[:, None] == group[None, :]) & ~np.eye(sums.m, dtype=bool))


class _Signals:
    """Units of signals, and sums of them over pairs of sources."""

    def __init__(self, sums: PairSums) -> None:
        self.sums = sums
        self.member = (sums.source[:, None] == np.arange(sums.m)).astype(np.float64)
        # With one signal for each source, there is nothing to sum over.
        self.single = len(sums.source) == sums.m
        several = sums.several[sums.source]
        seen = np.einsum("baa->a", sums.signals)
        voted = np.einsum("bii->i", sums.voted)[sums.source]
        self.rate = seen / np.maximum(np.where(several, voted, sums.total.sum()), 1)
        self.scale = np.sqrt(np.maximum(self.rate * (1 - self.rate), 1e-12))
        self.units = np.outer(self.scale, self.scale)

    def left(self, correlation: Floats, u: Floats) -> Floats:
        """Return the covariance of agreeing, shape (..., m, m), that loadings (..., f, r) leave over."""
        covariance = self.units * (correlation - u @ np.swapaxes(u, -1, -2))
        each = self.sums.agreement * covariance
        return each if self.single else np.asarray(self.member.T @ each @ self.member)

    def over(self, x: Floats) -> Floats:
        """Sum the rows of ``x`` (f, ...) over the signals of each source, shape (m, ...)."""
        return x if self.single else np.asarray(self.member.T @ x)

    def base(self, moments: PairMoments) -> Floats:
        """Return the rows that bear on each pair of sources, shape (m, m)."""
        first = self.member.argmax(axis=0)
        return moments.rows[np.ix_(first, first)]

    def spread(self, u: Floats) -> Floats:
        """Return the standard deviations of two sources given Y, multiplied, shape (m, m)."""
        several = self.sums.several
        explained = self.scale[:, None] * u
        rest = (1 - self.member.T @ self.rate) ** 2
        total = np.where(several, 1 - self.member.T @ self.rate**2 - rest, self.member.T @ self.scale**2)
        lost = self.member.T @ (explained**2).sum(axis=1)
        dropped = np.where(several, ((self.member.T @ explained) ** 2).sum(axis=1), 0)
        own = np.sqrt(np.maximum(total - lost - dropped, 0.01 * total))
        # Beside a one-sided source, a several-sided one has one code that could agree; that is half its variance.
        half = np.where(several, own / np.sqrt(2), own)
        return np.asarray(np.where(several[:, None] & several, np.outer(own, own), np.outer(half, half)))

    def weights(self, moments: PairMoments, copies: Bools) -> Floats:
        """Return what each covariance counts in the fit, shape (f, f): as its rows; copies together as one source."""
        source = self.sums.source
        size = (copies.sum(axis=1) + 1)[source]
        usable = (source[:, None] != source) & ~copies[np.ix_(source, source)] & (moments.rows >= _FEWEST_ROWS)
        most = max(float(moments.rows.max(initial=0)), 1.0)
        return np.where(usable, moments.rows / most / np.outer(size, size), 0)

    def among(self, pairs: Bools) -> Bools:
        """Spread pairs of sources (m, m) over their signals, shape (f, f)."""
        return np.asarray(pairs[np.ix_(self.sums.source, self.sums.source)])


@dataclass(frozen=True, slots=True, eq=False)
class HiddenClass:
    """What a hidden class explains, and what it leaves over.

    Parameters
    ----------
    u : ndarray of float, shape (f, k - 1)
        Loadings of the signals; ``u @ u.T`` are the correlations that Y explains.
    kept : ndarray of float, shape (f, f)
        What each correlation counted in the fit; 0 for pairs that stood out.
    lift : ndarray of float, shape (f, f)
        What covariances are multiplied by to have low rank.
    left : ndarray of float, shape (m, m)
        Agreement (firing together) of each pair that is left over, as a covariance.
    strength : ndarray of float, shape (m, m)
        The same as a correlation given Y.
    standing : ndarray of float, shape (m, m)
        The same in standard deviations of a correlation of nothing.
    """

    u: Floats
    kept: Floats
    lift: Floats
    left: Floats
    strength: Floats
    standing: Floats


def hidden_classes(sums: PairSums, moments: PairMoments, copies: Bools) -> list[HiddenClass]:
    """Fit what Y explains of ``moments``, in each form that may hold, the better fitting first.

    Returns
    -------
    list of HiddenClass
        Empty where too few distinct sources vote to tell Y from dependence.
    """
    signal = _Signals(sums)
    weights = signal.weights(moments, copies)
    if not _identified(signal, weights, copies):
        return []
    tested = np.triu(signal.base(moments) >= _FEWEST_ROWS, 1)
    fits = [_search(signal, moments, weights, copies, lift) for lift in _lifts(sums)]
    return sorted(fits, key=lambda fit: float(np.median(np.abs(fit.standing[tested]))))


def standing_out(sums: PairSums, copies: Bools) -> Floats:
    """Return how far each pair stands out from one robust fit to all, in standard deviations, shape (m, m)."""
    signal, moments = _Signals(sums), sums.moments(np.ones(len(sums.total)))
    correlation = moments.covariance / signal.units
    weights, precision = signal.weights(moments, copies), np.sqrt(moments.rows)
    u = first_loadings(correlation, weights, sums.k - 1)
    u = fit_loadings(correlation, weights, u, precision=precision, steps=_STEPS_BETWEEN)
    base = signal.base(moments)
    strength = np.minimum(np.abs(signal.left(correlation, u) / signal.spread(u)), 1)
    return np.where(base >= _FEWEST_ROWS, strength * np.sqrt(base), 0)


def _identified(signal: _Signals, weights: Floats, copies: Bools) -> bool:
    """Whether more covariances than loadings are known: by two at least, or each pair would be explained by its own."""
    rank, later = signal.sums.k - 1, np.asarray(np.triu(copies, 1).any(axis=0))
    distinct = ~later[signal.sums.source]
    known = int((np.triu(weights, 1)[np.ix_(distinct, distinct)] > 0).sum())
    return known >= int(distinct.sum()) * rank - rank * (rank - 1) // 2 + 2


def _lifts(sums: PairSums) -> list[Floats]:
    """Return what covariances may have to be multiplied by to have low rank, each of shape (f, f).

    Over the rows on which both sources vote, P(Y) is not that of all rows where votes fall on one class more than on
    another. For two classes and sources that fire independently given Y, the determinant of the shares of (said, said),
    (said, voted), (voted, said) and (voted, voted) is of rank one exactly (Cauchy-Binet): the covariance times the
    square of how much more often both vote than by chance. Where examples are assigned, it is the covariance itself.
    """
    one = np.ones((len(sums.source),) * 2)
    voted = sums.voted.sum(axis=0)
    own = np.maximum(np.diag(voted), 1)
    lift = (voted * sums.total.sum() / np.outer(own, own)) ** 2
    several = sums.several[:, None] & sums.several
    lift = np.where(several & ~np.eye(sums.m, dtype=bool), lift, 1)
    if sums.k > 2 or np.allclose(lift, 1):
        return [one]
    return [one, lift[np.ix_(sums.source, sums.source)]]


def _search(signal: _Signals, moments: PairMoments, weights: Floats, copies: Bools, lift: Floats) -> HiddenClass:
    """Fit loadings to the pairs that do not stand out."""
    rank, base = signal.sums.k - 1, signal.base(moments)
    correlation = lift * moments.covariance / signal.units
    pairs = np.triu((base >= _FEWEST_ROWS) & ~copies, 1)
    threshold = np.sqrt(2 * np.log(max(2, int(pairs.sum()))))
    out = np.zeros_like(copies)
    u, kept = first_loadings(correlation, weights, rank), weights
    for _ in range(_ROUNDS):
        u = fit_loadings(correlation, kept, u, precision=np.sqrt(moments.rows), steps=_STEPS_BETWEEN)
        z = np.abs(signal.left(correlation, u) / signal.spread(u)) * np.sqrt(base)
        z = np.where(pairs & ~out, z / _spread(z[pairs]), 0)
        hits = _leave_out(np.where(z >= max(threshold, z.max(initial=0) / 2), z, 0), out | copies, rank)
        if not hits.any():
            break
        out |= hits
        kept = weights * ~signal.among(out)
    u = fit_loadings(correlation, kept, u)
    left = signal.left(correlation, u)
    strength = left / signal.spread(u)
    return HiddenClass(u, kept, lift, left, strength, strength * np.sqrt(base))


def _leave_out(z: Floats, out: Bools, rank: int) -> Bools:
    """Return the pairs with z > 0 (m, m), largest first, as long as both sources keep enough others to be known by."""
    left = (~out).sum(axis=1) - 1
    hits = np.zeros_like(out)
    for i, j in zip(*np.unravel_index(np.argsort(-z, axis=None, kind="stable"), z.shape), strict=True):
        if z[i, j] <= 0:
            break
        if left[i] > rank + 1 and left[j] > rank + 1:
            hits[i, j] = hits[j, i] = True
            left[[i, j]] -= 1
    return hits


def _jackknife(sums: PairSums, fit: HiddenClass) -> Floats:
    """Return standard errors of the agreement that is left over, shape (m, m), leaving out one sub-sum at a time."""
    signal = _Signals(sums)
    correlation = fit.lift * sums.moments(1 - np.eye(BUCKETS)).covariance / signal.units
    start = np.broadcast_to(fit.u, (BUCKETS, *fit.u.shape))
    each = fit_loadings(correlation, np.broadcast_to(fit.kept, correlation.shape), start, steps=_STEPS_LEFT_OUT)
    left = signal.left(correlation, each)
    return np.asarray(np.sqrt((BUCKETS - 1) / BUCKETS * ((left - left.mean(axis=0)) ** 2).sum(axis=0)))


def _spread(deviates: Floats) -> float:
    """Return the standard deviation of most of ``deviates``, as far as it is surely more than 1."""
    if len(deviates) < _ENOUGH_PAIRS:
        return 1.0
    # Two standard errors of a median of absolute deviates off.
    middle = float(np.median(np.abs(deviates)))
    return max(1.0, 1.4826 * middle / (1 + 2 * 1.167 / float(np.sqrt(len(deviates)))))


def _binomial(sums: PairSums, left: Floats) -> Floats:
    """Return the two-sided tail of each count of agreement, given the rate expected of it, shape (m, m)."""
    one_sided = ~sums.several[:, None] & ~sums.several[None, :]
    seen = np.where(one_sided, sums.voted.sum(axis=0), sums.same)
    n = np.maximum(sums.bearing, 1)
    seen = np.minimum(seen, n)
    rate = np.clip(seen / n - left, 1e-12, 1 - 1e-12)
    above = np.where(seen > 0, special.betainc(np.maximum(seen, 1), n - np.maximum(seen, 1) + 1, rate), 1.0)
    below = np.where(seen < n, special.betainc(np.maximum(n - seen, 1), seen + 1, 1 - rate), 1.0)
    tail = np.minimum(1.0, 2 * np.minimum(above, below))
    return np.where(n * np.minimum(rate, 1 - rate) < BUCKETS * _FEWEST_EACH, tail, 0.0)
