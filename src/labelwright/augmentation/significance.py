"""Shares with intervals, chances of counts as large as those seen, and which of many tests to believe."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import betainc, gammaln, ndtri

__all__ = ["Share", "benjamini_hochberg", "binomial_tail", "hypergeometric_tail", "share_of"]

_Z = float(ndtri(0.975))


@dataclass(frozen=True, slots=True)
class Share:
    """A share with its 95 % interval.

    Parameters
    ----------
    value : float
        NaN where there was nothing to count.
    low, high : float
        Wilson's interval (1927).
    count, of : int
        What was counted, and among how many.
    independent : float
        How many of these count on their own: the interval is as wide as for so many.
    """

    value: float
    low: float
    high: float
    count: int
    of: int
    independent: float

    def __str__(self) -> str:
        return f"{self.value:.0%} ({self.low:.0%} to {self.high:.0%})" if self.of else "none"


def share_of(hits: npt.NDArray[np.bool_], clusters: npt.NDArray[np.int64]) -> Share:
    """Return the share of hits, where examples of one cluster together count as one.

    That is the widest interval that copies of one example can ask for: as if all of them always agreed.

    Parameters
    ----------
    hits : numpy.ndarray of bool, shape (e,)
    clusters : numpy.ndarray of int, shape (e,)

    Examples
    --------
    >>> print(share_of(np.array([True] * 8 + [False] * 2), np.arange(10)))
    80% (49% to 94%)
    """
    if not len(hits):
        return Share(np.nan, np.nan, np.nan, 0, 0, 0.0)
    n = float(len(np.unique(clusters)))
    p = float(hits.mean())
    centre = (p + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * np.sqrt(p * (1 - p) / n + _Z**2 / (4 * n**2))
    # Rounding may leave p itself a hair outside where it is 0 or 1.
    low, high = max(0.0, min(p, centre - half)), min(1.0, max(p, centre + half))
    return Share(p, float(low), float(high), int(hits.sum()), len(hits), n)


def binomial_tail(share: Share, chance: float) -> float:
    """Return how likely a share at least as large is, if each example is hit with ``chance``.

    Examples
    --------
    >>> binomial_tail(share_of(np.array([True, True, False]), np.arange(3)), 0.5)
    0.5
    """
    x = share.value * share.independent
    return 1.0 if not share.of or x <= 0 else float(betainc(x, share.independent - x + 1, chance))


def hypergeometric_tail(share: Share, other: Share) -> float:
    """Return how likely a share at least as large is, if ``share`` and ``other`` were of one population (Fisher 1935).

    Examples
    --------
    >>> few, many = np.array([True, True]), np.array([False, False])
    >>> round(hypergeometric_tail(share_of(few, np.arange(2)), share_of(many, np.arange(2))), 4)
    0.1667
    """
    if not share.of or not other.of:
        return 1.0
    n, m = round(share.independent), round(other.independent)
    x = round(share.value * n)
    hits = x + round(other.value * m)
    counts = np.arange(x, min(n, hits) + 1)
    logs = _choose(hits, counts) + _choose(n + m - hits, n - counts) - _choose(n + m, np.array([n]))
    # Coefficients of counts that cannot be are infinite below.
    return float(min(1.0, np.exp(logs[np.isfinite(logs)]).sum()))


def benjamini_hochberg(p: npt.ArrayLike, rate: float) -> npt.NDArray[np.bool_]:
    """Return which p-values pass, so that about ``rate`` of those that do are false (Benjamini & Hochberg 1995).

    Examples
    --------
    >>> benjamini_hochberg([0.01, 0.2, 0.03], 0.1).tolist()
    [True, False, True]
    """
    p = np.asarray(p, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    passing = np.flatnonzero(p[order] <= rate * (np.arange(len(p)) + 1) / max(1, len(p)))
    out = np.zeros(len(p), dtype=bool)
    if len(passing):
        out[order[: passing[-1] + 1]] = True
    return out


def _choose(n: int, k: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    inside = (k >= 0) & (k <= n)
    within = np.where(inside, k, 0)
    return np.where(inside, gammaln(n + 1) - gammaln(within + 1) - gammaln(n - within + 1), -np.inf)
