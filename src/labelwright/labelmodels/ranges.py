"""Estimates between 0 and 1, each with its standard error and an interval, or the reason why it has none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from labelwright.core import Class

__all__ = ["Range", "without_interval"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Range:
    """Estimates with their standard errors and intervals, in one shape.

    Parameters
    ----------
    estimate, standard_error, low, high : ndarray of float, shape (m,) or (k,)
        All between 0 and 1; NaN where ``reasons`` says why.
    reasons : tuple of str
        For each entry why there is no interval, or "".

    Examples
    --------
    >>> Range(np.array([0.8]), np.array([0.02]), np.array([0.76]), np.array([0.84]), ("",))
    0.800 [0.760, 0.840]
    """

    estimate: Floats
    standard_error: Floats
    low: Floats
    high: Floats
    reasons: tuple[str, ...]

    def __repr__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> list[str]:
        """Return one line for each entry."""
        return [
            (reason if np.isnan(e) else f"{e:.3f} [no interval: {reason}]")
            if reason
            else f"{e:.3f} [{low:.3f}, {high:.3f}]"
            for e, low, high, reason in zip(self.estimate, self.low, self.high, self.reasons, strict=True)
        ]

    def reaching(self, errors: float) -> Range:
        """Return the same estimates with intervals of so many standard errors to either side, on the log-odds.

        Examples
        --------
        >>> Range(np.array([0.5]), np.array([0.05]), np.array([0.4]), np.array([0.6]), ("",)).reaching(2.5)
        0.500 [0.378, 0.622]
        """
        half = errors * self.standard_error / (self.estimate * (1 - self.estimate))
        known = np.isfinite(half)
        centre = logit(self.estimate, where=known, out=np.full(half.shape, np.nan))
        return replace(self, low=expit(centre - half), high=expit(centre + half))

    def named(self, names: Sequence[Class]) -> list[dict[str, Any]]:
        """Return plain values for JSON, one record for each name; None where nothing is known."""
        columns = (self.estimate, self.standard_error, self.low, self.high)
        values = [[None if np.isnan(v) else float(v) for v in row] for row in np.stack(columns, axis=1)]
        keys = ("estimate", "standard_error", "low", "high")
        return [
            {"name": name, **dict(zip(keys, row, strict=True)), "reason": reason}
            for name, row, reason in zip(names, values, self.reasons, strict=True)
        ]


def without_interval(estimate: Floats, why: str) -> Range:
    """Return estimates of which one reason says why none has an interval."""
    none = np.full(estimate.shape, np.nan)
    return Range(estimate, none, none, none, (why,) * len(estimate))
