"""Intervals: Wilson's for a proportion, and a bootstrap over examples or groups for everything else.

A metric is handed to the bootstrap as a `Statistic`: a function of example weights. Weights of one give the
metric itself, the multiplicities of a resample give one draw. So groups, missing rows and paired differences need no
code of their own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri, stdtrit
from threadpoolctl import threadpool_limits

from labelwright.core import Seed, generator

from .base import NO_ESTIMATE, Estimate

__all__ = ["Statistic", "bootstrap", "grouped_share", "transformed", "wilson", "wilson_bounds"]

Floats: TypeAlias = npt.NDArray[np.float64]
# Example weights, shape (draws, n) -> the metric for each draw, shape (draws,).
Statistic: TypeAlias = Callable[[Floats], Floats]

_LEVEL = 0.95
_Z = float(ndtri(0.5 + _LEVEL / 2))
# Draws: 1,000, but fewer where n is so large that the ends no longer move in the digits shown.
_DRAWS, _FEWEST_DRAWS, _WORK = 1000, 200, 5_000_000
# Weights held at once, in numbers.
_CHUNK = 4_000_000


def wilson_bounds(successes: npt.ArrayLike, trials: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Return the ends of Wilson's 95% interval, elementwise; NaN where there are no trials.

    Parameters
    ----------
    successes, trials : array_like of float, any one shape
        Counts. They need not be whole (an effective sample size is not).

    References
    ----------
    Wilson 1927, "Probable inference, the law of succession, and statistical inference". It keeps its level for small n
    and near 0 and 1, where value ± 1.96 standard errors does not (Brown, Cai & DasGupta 2001).

    Examples
    --------
    >>> low, high = wilson_bounds([8, 0], [10, 0])
    >>> low.round(3).tolist(), high.round(3).tolist()
    ([0.49, nan], [0.943, nan])
    """
    s, n = np.broadcast_arrays(np.asarray(successes, dtype=np.float64), np.asarray(trials, dtype=np.float64))
    known = n > 0
    n = np.where(known, n, 1.0)
    p = s / n
    centre = (p + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * np.sqrt(p * (1 - p) / n + _Z**2 / (4 * n**2))
    low = np.where(s <= 0, 0.0, np.maximum(centre - half, 0.0))
    high = np.where(s >= n, 1.0, np.minimum(centre + half, 1.0))
    return np.where(known, low, np.nan), np.where(known, high, np.nan)


def wilson(successes: float, trials: float) -> Estimate:
    """Return a proportion with Wilson's 95% interval.

    Examples
    --------
    >>> print(wilson(90, 100))
    0.900 [0.826, 0.945] (n = 100)
    """
    if trials <= 0:
        return NO_ESTIMATE
    low, high = wilson_bounds(successes, trials)
    return Estimate(successes / trials, float(low), float(high), int(trials))


def grouped_share(hits: npt.ArrayLike, groups: npt.ArrayLike | None) -> Estimate:
    """Return the share of hits with its 95% interval: Wilson's, or by groups where there are any.

    Parameters
    ----------
    hits : array_like of bool, shape (n,)
    groups : array_like of int or str, shape (n,), or None
        Examples of one group are alike; they count for as many facts as their likeness leaves (Korn & Graubard 1998).

    Examples
    --------
    >>> hits = [True] * 40 + [False] * 10
    >>> print(grouped_share(hits, None))
    0.800 [0.670, 0.888] (n = 50)
    >>> print(grouped_share(hits, [i // 10 for i in range(50)]))
    0.800 [0.117, 1.000] (n = 50)
    """
    found = np.asarray(hits, dtype=bool)
    if groups is None or not len(found):
        return wilson(int(found.sum()), len(found))
    # scipy.stats takes its time to load, which only data with groups needs.
    from .shares import Tally, exact_bounds

    return Estimate(
        float(found.mean()), *exact_bounds(Tally.of(found, groups=np.asarray(groups)), chance=0.025), len(found)
    )


def transformed(estimate: Estimate, function: Callable[[float], float]) -> Estimate:
    """Pass an estimate through a rising function; an interval passes through with its level intact.

    Examples
    --------
    >>> print(transformed(wilson(3, 6), lambda share: 2 * share / (1 + share)))
    0.667 [0.316, 0.896] (n = 6)
    """
    if not estimate.known:
        return estimate
    return Estimate(function(estimate.value), function(estimate.low), function(estimate.high), estimate.n)


def bootstrap(
    statistics: Sequence[Statistic],
    n: int,
    *,
    groups: npt.ArrayLike | None = None,
    random_state: Seed = 0,
) -> list[Estimate]:
    """Return each statistic with a 95% bootstrap interval; all of them see the same resamples.

    Parameters
    ----------
    statistics : sequence of Statistic
        Functions of example weights.
    n : int
        Number of examples.
    groups : array_like of int or str, shape (n,), optional
        Resample whole groups, since examples of one group are alike and are not n separate facts.
    random_state : int, Generator or None

    Returns
    -------
    list of Estimate
        NaN ends where fewer than two units (examples or groups) exist, or where no draw was defined.

    Notes
    -----
    The expanded percentile interval (Hesterberg 2015, "What teachers should know about the bootstrap", section 3.3):
    percentiles are moved outward so that the interval of a mean of few units is as wide as Student's.

    Examples
    --------
    >>> values = np.arange(100.0)
    >>> mean = lambda weights: weights @ values / weights.sum(axis=1)
    >>> [print(e) for e in bootstrap([mean], 100)]
    49.500 [..., ...] (n = 100)
    [None]
    """
    if n == 0:
        return [NO_ESTIMATE] * len(statistics)
    unit = np.arange(n) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    units = int(unit.max()) + 1
    # One thread: how many share a sum decides its last digits, and the same inputs give the same bytes everywhere.
    with threadpool_limits(limits=1, user_api="blas"), np.errstate(divide="ignore", invalid="ignore"):
        values = [float(s(np.ones((1, n)))[0]) for s in statistics]
        chunks = [[s(w) for s in statistics] for w in _resamples(unit, units, random_state)] if units > 1 else []
    tail = _expanded_tail(units)
    out = []
    for position, value in enumerate(values):
        draws = np.concatenate([c[position] for c in chunks]) if chunks else np.empty(0)
        draws = draws[np.isfinite(draws)]
        low, high = np.quantile(draws, [tail, 1 - tail]) if len(draws) else (math.nan, math.nan)
        out.append(Estimate(value, float(low), float(high), n))
    return out


def _expanded_tail(units: int) -> float:
    if units < 2:
        return (1 - _LEVEL) / 2
    quantile = math.sqrt(units / (units - 1)) * float(stdtrit(units - 1, 0.5 + _LEVEL / 2))
    return float(ndtr(-quantile))


def _resamples(unit: npt.NDArray[Any], units: int, random_state: Seed) -> Iterator[Floats]:
    """Yield weights of resamples, shape (at most a chunk of draws, n)."""
    rng = generator(random_state)
    n = len(unit)
    left = max(_FEWEST_DRAWS, min(_DRAWS, _WORK // n))
    while left:
        size = min(left, max(1, _CHUNK // n))
        picked = rng.integers(units, size=(size, units)) + np.arange(size)[:, None] * units
        weights = np.bincount(picked.ravel(), minlength=size * units).reshape(size, units)
        yield weights[:, unit].astype(np.float64)
        left -= size
