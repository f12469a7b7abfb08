"""The seam of this room: every measured figure is an `Estimate`, a value with its interval and its n."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["NO_ESTIMATE", "Estimate"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measured figure with its 95% interval.

    Parameters
    ----------
    value : float
        NaN where nothing could be measured; never 0 for that.
    low, high : float
        Ends of the interval; NaN where there is none.
    n : int
        How many examples it rests on.

    Examples
    --------
    >>> print(Estimate(0.912, 0.871, 0.941, 250))
    0.912 [0.871, 0.941] (n = 250)
    >>> print(Estimate(float("nan"), float("nan"), float("nan"), 0))
    not measured
    """

    value: float
    low: float
    high: float
    n: int

    @property
    def known(self) -> bool:
        """Whether anything was measured."""
        return not math.isnan(self.value)

    def to_dict(self) -> dict[str, float | int | None]:
        """Return the figures for JSON; what was not measured is ``None``, since JSON has no NaN."""
        low, high = (None if math.isnan(x) else x for x in (self.low, self.high))
        return {"value": self.value if self.known else None, "low": low, "high": high, "n": self.n}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Estimate:
        """Undo `to_dict`."""
        value, low, high = (math.nan if content[x] is None else float(content[x]) for x in ("value", "low", "high"))
        return cls(value, low, high, content["n"])

    def __str__(self) -> str:
        if not self.known:
            return "not measured"
        if math.isnan(self.low):
            return f"{self.value:.3f} (n = {self.n:,})"
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}] (n = {self.n:,})"


NO_ESTIMATE = Estimate(math.nan, math.nan, math.nan, 0)
