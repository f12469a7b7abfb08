"""A chart of slices: for each slice a bar for each model, with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .base import Estimate
from .charts import Spec, short_name, specification
from .palette import GRID, INK, MUTED, ROLES

__all__ = ["slices_chart"]

# Pixels: a name and the bars below it; where bars end and figures stand.
_NAME, _BAR, _GAP, _BARS_END, _CHART_END = 20, 15, 12, 262, 320


def slices_chart(rows: Sequence[tuple[str, Sequence[tuple[str, Estimate]]]]) -> Spec:
    """Draw shares as bars from 0 to 100%, some for each slice, each with its interval and the mark of its model.

    Parameters
    ----------
    rows : sequence of (name, sequence of (role, Estimate))
        Everything first. Estimates that are not known are left out.
    """
    names, bars, height = _placed(rows)
    roles = list(dict.fromkeys(bar["role"] for bar in bars))
    colour = {"field": "role", "legend": None, "scale": {"domain": roles, "range": [ROLES[r][0] for r in roles]}}
    shape = {"field": "role", "legend": None, "scale": {"domain": roles, "range": [ROLES[r][1] for r in roles]}}
    x: Spec = {"field": "value", "type": "quantitative", "axis": None}
    x["scale"] = {"domain": [0, 1], "range": [0, _BARS_END], "nice": False}
    y: Spec = {"field": "place", "type": "quantitative", "axis": None}
    y["scale"] = {"domain": [0, height], "range": [0, height], "nice": False}
    thin = {"type": "bar", "orient": "horizontal", "height": 5, "cornerRadius": 2.5}
    end = {"type": "tick", "orient": "vertical", "size": 9, "thickness": 1.4, "color": INK}
    layers: list[Spec] = [
        {"mark": thin | {"color": GRID}, "encoding": {"x": x | {"field": "one"}, "x2": {"field": "zero"}, "y": y}},
        {"mark": thin, "encoding": {"x": x, "x2": {"field": "zero"}, "y": y, "color": colour}},
        {
            "mark": {"type": "rule", "color": INK, "strokeWidth": 1.4},
            "encoding": {"x": x | {"field": "low"}, "x2": {"field": "high"}, "y": y},
        },
        {"mark": end, "encoding": {"x": x | {"field": "low"}, "y": y}},
        {"mark": end, "encoding": {"x": x | {"field": "high"}, "y": y}},
        {
            "mark": {"type": "point", "filled": True, "size": 80, "opacity": 1},
            "encoding": {"x": x, "y": y, "color": colour, "shape": shape},
        },
        _words("figure", y, align="right", fontSize=11),
        _words("missing", y, align="right", fontSize=11, color=MUTED) | {"data": {"values": names}},
        _words("name", y, align="left", limit=_CHART_END) | {"data": {"values": names}},
    ]
    # Everything is no slice.
    layers[-1]["encoding"]["color"] = {"condition": {"test": "datum.whole", "value": MUTED}, "value": INK}
    return specification(bars, layers, height=height)


def _placed(
    rows: Sequence[tuple[str, Sequence[tuple[str, Estimate]]]],
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], int]:
    """Place names and bars one below the other; return them, and how much room they take, in pixels."""
    names: list[dict[str, Any]] = []
    bars: list[dict[str, Any]] = []
    down = 0
    for i, (name, estimates) in enumerate(rows):
        known = [(role, e) for role, e in estimates if e.known]
        shown = {"name": short_name(name, 44), "missing": "" if known else "no gold"}
        names.append({"place": down + _NAME / 2, "whole": i == 0} | shown)
        down += _NAME
        for role, e in known:
            bars.append(
                {"place": down + _BAR / 2, "role": role, "value": e.value, "low": e.low, "high": e.high}
                | {"figure": f"{100 * e.value:.1f}%", "zero": 0, "one": 1}
            )
            down += _BAR
        down += _GAP
    return names, bars, max(down - _GAP, 1) + 4


def _words(field: str, y: Spec, **mark: Any) -> Spec:
    """Return a layer of text, at the end of the row or at its beginning."""
    place = {"value": _CHART_END if mark["align"] == "right" else 0}
    return {
        "mark": {"type": "text", **mark},
        "encoding": {"x": place, "y": y, "text": {"field": field, "type": "nominal"}},
    }
