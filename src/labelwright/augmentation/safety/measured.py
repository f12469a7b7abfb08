"""Figures with intervals, and tests of "more than is tolerated" for many comparisons at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

__all__ = ["NOT_MEASURED", "Measured", "Tested", "area_under_curve", "holm", "paired_share", "smallest_found"]

_Z = float(ndtri(0.975))

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure with its 95% interval.

    Parameters
    ----------
    value : float
        NaN where nothing could be measured.
    low, high : float
        Ends of the interval, for this figure alone.
    n : int
        How many examples it rests on.
    """

    value: float
    low: float
    high: float
    n: int

    def to_dict(self) -> dict[str, float | int | None]:
        """Return the figures for JSON; what was not measured is ``None``."""
        value, low, high = (None if math.isnan(x) else x for x in (self.value, self.low, self.high))
        return {"value": value, "low": low, "high": high, "n": self.n}


NOT_MEASURED = Measured(math.nan, math.nan, math.nan, 0)


@dataclass(frozen=True, slots=True)
class Tested:
    """A figure, and the chance of one so high if the truth were ``tolerance`` (one-sided; NaN = not tested)."""

    measured: Measured
    p_value: float


def paired_share(
    gained: npt.NDArray[np.bool_], lost: npt.NDArray[np.bool_], groups: npt.NDArray[np.int64], *, tolerance: float
) -> Tested:
    """Measure a difference of two shares on the same examples, and test whether it exceeds ``tolerance``.

    Parameters
    ----------
    gained, lost : array of bool, shape (n,)
        Whether an example counts after and not before, or before and not after.
    groups : array of int, shape (n,)
        Examples of one group are alike.
    tolerance : float

    Notes
    -----
    The adjusted Wald interval of Agresti & Min 2005 (half an example is added to each of the four outcomes), which
    keeps its level for few examples and does not shrink to a point at 0 or 1. With groups, its variance grows by the
    ratio of the cluster-robust variance to that of separate examples, if that ratio is above 1.

    Examples
    --------
    >>> import numpy as np
    >>> found = paired_share(np.arange(100) < 30, np.zeros(100, dtype=bool), np.arange(100), tolerance=0.1)
    >>> round(found.measured.value, 2), round(found.measured.low, 2), round(found.measured.high, 2)
    (0.3, 0.2, 0.38)
    """
    n = len(gained)
    if n == 0:
        return Tested(NOT_MEASURED, math.nan)
    difference = gained.astype(np.float64) - lost
    moved = float(gained.sum() + lost.sum())
    centre = float(difference.sum()) / (n + 2)
    variance = ((moved + 1) / (n + 2) - centre**2) / (n + 2) * max(1.0, _inflation(difference, groups))
    spread = math.sqrt(variance)
    measured = Measured(float(difference.mean()), max(-1.0, centre - _Z * spread), min(1.0, centre + _Z * spread), n)
    return Tested(measured, float(ndtr((tolerance - centre) / spread)))


def _inflation(values: Floats, groups: npt.NDArray[np.int64]) -> float:
    """Return how many times the variance of the mean is that of separate examples."""
    units = np.unique(groups, return_inverse=True)[1]
    count = int(units.max()) + 1
    if count == len(values):
        return 1.0
    away = values - values.mean()
    alone = float(away @ away)
    if alone == 0 or count < 2:
        # Examples that all came out alike say nothing about groups: count each group as one example.
        return len(values) / count
    sums = np.bincount(units, weights=away)
    return float(sums @ sums) / alone * count / (count - 1)


def area_under_curve(
    positive: Floats, negative: Floats, groups: npt.NDArray[np.int64], strata: npt.NDArray[np.int64]
) -> Measured:
    """Measure how often a transformed example scores above an original: the area under the ROC curve.

    Parameters
    ----------
    positive, negative : array of float, shape (n,)
        Scores of the transformed examples and of the originals that they come from, in one order.
    groups : array of int, shape (n,)
        Examples of one group are alike.
    strata : array of int, shape (n,)
        Only scores of one stratum are compared: each comes from a discriminator of its own.

    Notes
    -----
    The variance is that of DeLong, DeLong & Clarke-Pearson 1988, with the two placements of a pair added before they
    are squared, since pairs (and groups) are the independent units. The interval is Wilson's for as many examples as
    that variance is worth.
    """
    n = len(positive)
    if n < 2:
        return NOT_MEASURED
    placed, away = np.empty(n), np.empty(n)
    for stratum in np.unique(strata):
        here = strata == stratum
        high, low = positive[here], negative[here]
        placed[here] = (_below(np.sort(low), high) + _below(np.sort(-high), -low)) / 2
        away[here] = 2 * (placed[here] - placed[here].mean())
    area = float(placed.mean())
    units = np.unique(groups, return_inverse=True)[1]
    sums = np.bincount(units, weights=away)
    count = len(sums)
    variance = float(sums @ sums) / n**2 * count / max(count - 1, 1)
    worth = area * (1 - area) / variance if variance > 0 else count
    return Measured(area, *_wilson(area, max(worth, 1.0)), n)


def _below(ordered: Floats, values: Floats) -> Floats:
    """Return for each value the share of ``ordered`` below it; ties count one half."""
    low, high = np.searchsorted(ordered, values, "left"), np.searchsorted(ordered, values, "right")
    return (low + high) / (2 * len(ordered))


def _wilson(share: float, n: float) -> tuple[float, float]:
    centre = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * math.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    return max(0.0, centre - half), min(1.0, centre + half)


def holm(p_values: Sequence[float]) -> Floats:
    """Return p-values adjusted for how many there are (Holm 1979); NaN is no test and stays NaN.

    Rejecting those below ``a`` errs at all with probability at most ``a``, however the tests depend on each other.

    Examples
    --------
    >>> holm([0.01, float("nan"), 0.04]).tolist()
    [0.02, nan, 0.04]
    """
    raw = np.asarray(p_values, dtype=np.float64)
    out = np.full(len(raw), np.nan)
    tested = np.flatnonzero(~np.isnan(raw))
    order = tested[np.argsort(raw[tested], kind="stable")]
    steps = np.arange(len(order), 0, -1)
    out[order] = np.minimum(np.maximum.accumulate(raw[order] * steps), 1.0)
    return out


def smallest_found(n: int, tests: int, *, tolerance: float, level: float) -> float:
    """Return the share that one of ``tests`` comparisons on ``n`` examples exceeds ``tolerance`` with, 4 times of 5."""
    if n == 0 or tests == 0:
        return math.nan
    share = tolerance
    for _ in range(50):  # the spread depends on the share itself: a fixed point
        spread = math.sqrt(max(share * (1 - share), 1 / n) / n)
        share = min(1.0, tolerance + float(ndtri(1 - level / tests) + ndtri(0.8)) * spread)
    return share
