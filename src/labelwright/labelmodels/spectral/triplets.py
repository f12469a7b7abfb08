"""Triplets: closed-form accuracies from covariances of three sources at a time (FlyingSquid, ICML 2020), centred."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
from scipy import sparse
from threadpoolctl import threadpool_limits

from labelwright.core import SoftLabels, Votes
from labelwright.core.errors import ModelError
from labelwright.core.moments import MomentCounts
from labelwright.labelmodels.base import BaseLabelModel, Outcome, Params, check_cardinality, check_class_balance
from labelwright.labelmodels.features import Features
from labelwright.labelmodels.majority_vote import check_some_votes, gold_balance
from labelwright.labelmodels.scoring import posterior_from_scores

from .triplet_equations import Average, class_correlations, loadings

__all__ = ["Triplets", "TripletsParams"]

Floats = npt.NDArray[np.float64]

# Entries of tables that are worked out at a time.
_BLOCK_VALUES = 1_048_576

# A variance below this is rounding: the value is constant and says nothing.
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class TripletsParams(Params):
    """What `Triplets` learns.

    Parameters
    ----------
    tables : ndarray of float, shape (f, k)
        P(vote | Y) of each (source, code) pair, 0 to 1; what a source's rows lack to 1 are its abstains. NaN where
        unknown.
    scores : ndarray of float, shape (f, k)
        What a vote adds to the log-probability of each class.
    """

    tables: Floats
    scores: Floats

    def own_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shapes of ``tables`` and ``scores``."""
        shape = (int(self.frame.sizes.sum()), len(self.classes))
        return {"tables": shape, "scores": shape}


class Triplets(BaseLabelModel[MomentCounts, TripletsParams]):
    """Solve for each source from its covariances with two others, without iterating and without gold.

    Parameters
    ----------
    cardinality : int, optional
        Number of classes k of votes that come as plain arrays. Default: as many as the codes need, at least 2.
    class_balance : array_like of float, shape (k,), optional
        P(Y). Default: the shares in ``y`` where it is given. Without either, pairs of votes do not tell it: even
        shares, or for two classes the nearest to them that leaves all tables possible.
    average : {"median", "mean"}
        How a source's triplets are brought together: by least absolute deviations, which a few dependent pairs do not
        move, or by least squares, which is more precise where there are none.

    Notes
    -----
    For sources independent given a class of two sides, the *covariance* of any function of one source's vote with any
    of another's is the product of theirs with the class. Three sources so give each one's covariance with the class,
    and this each table P(vote | Y), abstains, one-sided and better-on-one-class sources included, once P(Y) is known.
    The uncentred triplet of the paper, ``E[x_i x_j] = E[x_i Y] E[x_j Y]``, holds only where P(Y) is even or sources are
    symmetric; for sources that keep to one class it is far off with any number of rows. See
    ``docs/explanation/moments.md``.

    For two classes the answer is exact in the limit. More are taken one against the rest: there the two sides are not
    quite independent given the side, as the rest is a mixture, and errors are taken to be even among other classes. A
    source that keeps to one class is taken to be no worse than random: what makes it look so is more often that it
    excludes another one. Where examples were assigned to sources, as in crowds, abstaining is no vote, and this is the
    wrong model; `DawidSkene` is for these.

    Votes count as in naive Bayes; what abstaining says is left out. A table counts as if learned from so many examples
    as the other sources' correlation with the class is worth.

    References
    ----------
    Fu, Chen, Sala, Hooper, Fatahalian & Ré, "Fast and three-rious", ICML 2020, algorithm 1.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.integers(2, size=20_000)
    >>> right = rng.random((20_000, 4)) < [0.9, 0.8, 0.7, 0.6]
    >>> Triplets().fit(np.where(right, truth[:, None], 1 - truth[:, None])).accuracies_.round(1).tolist()
    [0.9, 0.8, 0.7, 0.6]
    """

    params_type = TripletsParams

    def __init__(
        self,
        cardinality: int | None = None,
        class_balance: npt.ArrayLike | None = None,
        average: Average = "median",
    ) -> None:
        self.cardinality = cardinality
        self.class_balance = class_balance
        self.average = average

    def summarize(self, votes: Votes | npt.ArrayLike, *, gold: npt.ArrayLike | None = None) -> MomentCounts:
        """Return counts of votes and of pairs of them; see `labelwright.core.moments.MomentCounts`."""
        check_cardinality(self.cardinality)
        return MomentCounts.of(self._votes(votes), gold=gold)

    def solve(self, stats: MomentCounts) -> TripletsParams:
        """Return the tables that the pairs of votes give."""
        if self.average not in get_args(Average):
            raise ModelError(f"average is {self.average!r}; allowed: 'median', 'mean'.")
        check_some_votes(stats.counts)
        frame, features = stats.frame, Features.of(stats.frame)
        given = check_class_balance(self.class_balance, frame.k)
        moments = _Moments.of(stats, features)
        with threadpool_limits(limits=1, user_api="blas"):
            loading, worth = moments.loadings(self.average)
        balance, how = _balance(stats, given, moments, loading, worth)
        tables, scores, right = _read_off(moments, loading, worth, balance)
        outcome = _outcome(moments, loading, frame.k, self.average, how)
        accuracies = _accuracies(right, features, frame.m)
        return TripletsParams(
            frame.classes, frame.sources, frame.alphabet, balance, accuracies, outcome, tables=tables, scores=scores
        )

    def posterior(self, params: TripletsParams, votes: Votes | npt.ArrayLike) -> SoftLabels:
        """Return P(Y | votes), taking each vote for itself; the class balance where nobody voted."""
        return posterior_from_scores(self._votes_like(params, votes), params.scores, params.class_balance)


@dataclass(frozen=True, slots=True, eq=False)
class _Moments:
    """Rates of features and how often two occur together, with sources in the order of their names.

    That order makes sums the same to the last bit however the sources are ordered.
    """

    rows: int
    rate: Floats
    pairs: sparse.csr_array[Any]
    source: npt.NDArray[np.int64]
    meaning: npt.NDArray[np.bool_]
    size: Floats

    @classmethod
    def of(cls, stats: MomentCounts, features: Features) -> _Moments:
        rank = np.argsort(np.argsort(np.array(stats.frame.sources)))
        first, second, count = stats.together()
        f = len(features.source)
        half = sparse.csr_array((count.astype(np.float64), (first, second)), shape=(f, f))
        rate = stats.counts.votes.sum(axis=0) / stats.rows
        size = features.meaning.sum(axis=1).astype(np.float64)
        return cls(stats.rows, rate, (half + half.T).tocsr(), rank[features.source], features.meaning, size)

    def loadings(self, average: Average) -> tuple[Floats, Floats]:
        """Return the covariance of each vote with each class it bears on, and how much of these the others know.

        The covariance, shape (f, k), is in units of the deviation of 1{Y = class}, NaN where unknown; the others'
        knowledge, shape (f,), is the sum of their squared correlations with the class.
        """
        f, k = self.meaning.shape
        loading, worth = np.full((f, k), np.nan), np.zeros(f)
        if k == 2:
            used = np.flatnonzero(self.rate > 0)
            side = (self.meaning[:, 1].astype(np.float64) - self.meaning[:, 0]) / self.size
            loading[used, 1], worth[used] = self._side(used, side, average)
            loading[:, 0] = -loading[:, 1]
            return loading, worth
        for c in range(k):
            used = np.flatnonzero((self.rate > 0) & self.meaning[:, c])
            loading[used, c], known = self._side(used, self.meaning[:, c] / self.size, average)
            worth[used] += known / self.size[used]
        return loading, worth

    def _side(self, used: npt.NDArray[np.int64], values: Floats, average: Average) -> tuple[Floats, Floats]:
        """Return loading and information of the features ``used``, when votes count ``values`` (f,) for a side."""
        # Sources in order of their names, their features in that of the codes.
        order = np.argsort(self.source[used], kind="stable")
        feature = used[order]
        names, source = np.unique(self.source[feature], return_inverse=True)
        value, rate = values[feature], self.rate[feature]
        mean = np.bincount(source, weights=value * rate, minlength=len(names))
        variance = np.bincount(source, weights=value**2 * rate, minlength=len(names)) - mean**2
        varied = variance > _ROUNDING
        column = np.where(varied, np.cumsum(varied) - 1, -1)[source]
        mean, deviation = mean[varied], np.sqrt(variance[varied])
        loading, information = np.full(len(used), np.nan), np.zeros(len(used))
        if len(mean) >= 3:
            speaking = np.flatnonzero(column >= 0)
            shape = (len(feature), len(mean))
            onto = sparse.csr_array((value[speaking], (speaking, column[speaking])), shape=shape)
            together = (self.pairs[feature][:, feature] @ onto).toarray() / self.rows
            cross = (together - np.outer(rate, mean)) / deviation
            correlation = np.asarray(onto.T @ cross) / deviation[:, None]
            sides = np.bincount(column[speaking], weights=value[speaking] != 0)
            u = class_correlations(correlation, self.rows, average, one_sided=sides == 1)
            if u.any():
                found, known = loadings(cross, column, u, average)
                single = (column >= 0) & (value != 0)
                single[single] = sides[column[single]] == 1
                loading[order] = np.where(single, self._not_worse(found, value, rate, known), found)
                information[order] = known
        return loading, information

    def _not_worse(self, loading: Floats, value: Floats, rate: Floats, information: Floats) -> Floats:
        """Return the loadings of one-sided sources, which are not worse than random; NaN where the votes say so."""
        error = np.sqrt(rate * (1 - rate) / (self.rows * np.clip(information, _ROUNDING, 1)))
        upright = loading * np.sign(value)
        return np.asarray(np.where(upright < -2 * error, np.nan, np.maximum(upright, 0) * np.sign(value)))


def _balance(
    stats: MomentCounts, given: Floats | None, moments: _Moments, loading: Floats, worth: Floats
) -> tuple[Floats, str]:
    """Return P(Y) and where it is from."""
    if given is not None:
        return given, "class balance as given"
    known = int(stats.counts.gold.sum())
    if known:
        return gold_balance(stats.counts), f"class balance from {known:,} known classes"
    even = np.full(stats.frame.k, 1 / stats.frame.k)
    if stats.frame.k > 2 or np.isnan(loading).all():
        return even, "classes taken to be even, as pairs of votes do not tell"
    odds = _possible_odds(moments, loading[:, 1], worth)
    if odds == 1:
        return even, "classes taken to be even, which pairs of votes allow but do not tell"
    return np.array([1, odds]) / (1 + odds), "class balance the nearest to even that pairs of votes allow"


def _possible_odds(moments: _Moments, loading: Floats, information: Floats) -> float:
    """Return the odds of class 1, nearest to 1, at which no table leaves 0..1 by more than two standard errors.

    With ``p`` a vote's rate and ``d`` its loading, P(vote | 1) is ``p + d / sqrt(odds)`` and P(vote | 0) is
    ``p - d sqrt(odds)``. Abstaining is one more vote of each source.
    """
    used = np.flatnonzero(np.isfinite(loading) & (information > 0))
    source = moments.source[used]
    voted = np.unique(source)
    rate = np.concatenate([moments.rate[used], 1 - np.bincount(source, weights=moments.rate[used])[voted]])
    both = np.concatenate([loading[used], -np.bincount(source, weights=loading[used])[voted]])
    worth = np.concatenate([information[used], [information[used][source == s].min() for s in voted]])
    rate = np.clip(rate, 0, 1)
    sure = np.abs(both) - 2 * np.sqrt(rate * (1 - rate) / (moments.rows * np.minimum(worth, 1)))
    rate, both, sure = (a[sure > _ROUNDING] for a in (rate, both, sure))
    room, rest = np.where(both > 0, rate, 1 - rate), np.where(both > 0, 1 - rate, rate)
    low = float(np.max(sure / np.maximum(rest, _ROUNDING), initial=0))
    high = float(np.min(room / sure, initial=np.inf))
    return float(np.sqrt(low * high) if low > high else np.clip(1, low, high)) ** 2


def _read_off(moments: _Moments, loading: Floats, worth: Floats, balance: Floats) -> tuple[Floats, Floats, Floats]:
    """Return tables and scores, shape (f, k), and how often votes are given and right, shape (f, 2).

    In blocks of features: with 1,500 classes a single array of that shape may take a gigabyte.
    """
    f, k = loading.shape
    tables, scores, right = np.empty((f, k)), np.empty((f, k)), np.empty((f, 2))
    for start in range(0, f, max(1, _BLOCK_VALUES // k)):
        at = slice(start, start + max(1, _BLOCK_VALUES // k))
        rate, meaning = moments.rate[at], moments.meaning[at]
        tables[at] = _tables(rate, loading[at], balance, meaning)
        scores[at] = _scores(rate, tables[at], moments.rows * np.minimum(worth[at], 1), balance, meaning)
        joint = tables[at] * balance
        right[at] = np.stack([joint.sum(axis=1), (joint * meaning).sum(axis=1)], axis=1)
    return tables, scores, right


def _tables(rate: Floats, loading: Floats, balance: Floats, meaning: npt.NDArray[np.bool_]) -> Floats:
    """Return P(vote | Y), shape (f, k): of the classes that a vote does not bear on, the same for all."""
    # A vote that is never given has no loading, and the table 0.
    hit = rate[:, None] + np.where(rate[:, None] > 0, loading, 0) * np.sqrt((1 - balance) / balance)
    if len(balance) == 2:
        return np.asarray(np.clip(hit, 0, 1))
    inside = np.where(meaning, balance, 0)
    outside = 1 - inside.sum(axis=1)
    mass = rate - (np.where(meaning, np.clip(hit, 0, 1), 0) * inside).sum(axis=1)
    rest = np.divide(mass, outside, out=np.zeros(len(rate)), where=outside > _ROUNDING)
    return np.asarray(np.clip(np.where(meaning, hit, rest[:, None]), 0, 1))


def _scores(rate: Floats, tables: Floats, examples: Floats, balance: Floats, meaning: npt.NDArray[np.bool_]) -> Floats:
    """Return the log-likelihood of each vote given each class, up to a constant; finite.

    A table known from so many ``examples`` (f,) is drawn to the vote's rate by one more of each class (Laplace's rule):
    the number of rows times what the other sources know of the class. Votes of which nothing is known are right as
    often as the mean of all better-than-chance sources.
    """
    k = len(balance)
    size = meaning.sum(axis=1, keepdims=True)
    right = (1 + size / k) / 2
    prior = np.where(meaning, right / size, (1 - right) / np.maximum(k - size, 1))
    of_class = examples[:, None] * balance
    lift = tables / np.maximum(rate, _ROUNDING)[:, None]
    scores = np.log((of_class * lift + 1) / (of_class + 1))
    unknown = np.isnan(tables).any(axis=1) | (rate == 0)
    return np.asarray(np.where(unknown[:, None], np.log(prior * k), scores))


def _accuracies(right: Floats, features: Features, m: int) -> Floats:
    """Return how often each source's votes hold the true class, shape (m,); NaN where a vote's table is unknown."""
    given, held = (np.bincount(features.source, weights=column, minlength=m) for column in right.T)
    return np.asarray(np.divide(held, given, out=np.full(m, np.nan), where=given > 0))


def _outcome(moments: _Moments, loading: Floats, k: int, average: Average, how: str) -> Outcome:
    used = moments.rate > 0
    known = np.isfinite(loading).any(axis=1) & used
    if not known.any():
        return Outcome(
            "fell_back",
            "No three sources agree or disagree more than by chance, so that triplets say nothing about them: each "
            f"vote counts the same, as in majority vote; {how}.",
        )
    sources = len(np.unique(moments.source[known]))
    sentence = f"Solved in closed form: the {average} of triplets of {sources:,} sources; {how}."
    if k > 2:
        sentence += (
            f" Each of {k:,} classes was taken against the rest, which pairs of votes do not identify exactly; errors "
            "count as even among the other classes."
        )
    if known.sum() < used.sum():
        sentence += (
            f" {int(used.sum() - known.sum()):,} kinds of votes have no triplet, or one that contradicts what they "
            "mean; they count as a fair guess."
        )
    return Outcome("closed_form", sentence)
