"""From the figures of a function to what may stay of it, and why."""

from __future__ import annotations

import math
from collections.abc import Sequence

from labelwright.augmentation.base import TransformationFunction

from .report import HarmRow, SafetyRow, Verdict

__all__ = ["verdict_of"]


def verdict_of(function: TransformationFunction, rows: Sequence[SafetyRow], harm: Sequence[HarmRow]) -> Verdict:
    """Return what may stay: on each side, up to the largest magnitude below which every one tried was accepted.

    Parameters
    ----------
    function : TransformationFunction
    rows : sequence of SafetyRow
        All magnitudes of this function.
    harm : sequence of HarmRow
        Those of other functions are passed over.
    """
    name, magnitude = function.name, function.magnitude
    if not any(row.n for row in rows):
        return Verdict(name, "rejected", math.nan, math.nan, "it took effect on no example, so nothing can be said")
    bad = [row for row in rows if not row.accepted]
    why = "; ".join(_reasons(bad, [h for h in harm if h.function == name and h.harmful]))
    if magnitude is None:
        return Verdict(name, "rejected" if bad else "accepted", math.nan, math.nan, why)
    reached = [_reach([r for r in rows if r.strength * sign > 0]) for sign in (-1, 1)]
    # The bounds themselves where they were reached: a magnitude worked out from its strength may be off by rounding.
    low = magnitude.low if reached[0] == 1 else float(magnitude.at(-reached[0]))
    high = magnitude.high if reached[1] == 1 else float(magnitude.at(reached[1]))
    if not bad and (low, high) == (magnitude.low, magnitude.high):
        return Verdict(name, "accepted", low, high, why)
    if low == high:
        return Verdict(name, "rejected", math.nan, math.nan, why)
    return Verdict(name, "narrowed", low, high, why or f"tried between {low:.3g} and {high:.3g} only")


def _reach(rows: Sequence[SafetyRow]) -> float:
    """Return the strength on one side, 0 to 1, up to which every row is accepted."""
    reach = 0.0
    for row in sorted(rows, key=lambda r: abs(r.strength)):
        if not row.accepted:
            break
        reach = abs(row.strength)
    return reach


def _reasons(bad: Sequence[SafetyRow], harm: Sequence[HarmRow]) -> list[str]:
    """Say the first magnitude of each kind of trouble, the mildest first."""
    mildest = sorted(bad, key=lambda row: abs(row.strength))
    off = [f"moves {row.departure.value:.0%} off the data{_at(row)}" for row in mildest if row.departs]
    alike = [f"makes examples alike{_at(row)}" for row in mildest if row.collapses]
    turned = [
        f"makes {row.looks_other.value:.0%} of {row.label} look like others, mostly {row.becomes}{_at(row)}"
        for row in sorted(harm, key=lambda h: (abs(h.strength), -h.harm.value))
    ]
    return [*off[:1], *alike[:1], *turned[:1]]


def _at(row: SafetyRow | HarmRow) -> str:
    return "" if math.isnan(row.magnitude) else f" at {row.magnitude:.3g}"
