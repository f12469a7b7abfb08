"""Charts of augmentation: what a policy uses, how it learned, and how far functions leave the data."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .augmentation_view import CurvePoint, HarmRow, SafetyRow
from .base import Estimate
from .charts import Spec, labels_by_position, names_axis, shade, short_name, specification
from .markup import clean
from .palette import BLUE, GRID, MUTED, VERMILLION

__all__ = ["curve_chart", "harm_chart", "safety_chart", "share_table_chart", "uses_chart"]

_PERCENT = ".0%"


def uses_chart(rows: Sequence[tuple[str, Estimate]], even: float) -> Spec:
    """Draw how often each function is used: a bar with its interval; the dashed line is an even choice.

    Parameters
    ----------
    rows : sequence of (name, Estimate)
    even : float
        What each would have if all were used alike.
    """
    values = [{"row": i, "value": e.value, "low": e.low, "high": e.high} for i, (_, e) in enumerate(rows)]
    highest = max([e.high for _, e in rows if e.known] + [even], default=1.0)
    scale = {"domain": [0, min(1.0, 1.05 * highest)], "nice": False}
    axis = {"title": "share of all steps", "format": _PERCENT, "tickCount": 5}
    x = {"field": "value", "type": "quantitative", "scale": scale, "axis": axis}
    y = {"field": "row", "type": "ordinal", "axis": {"title": None, "grid": False} | _names([n for n, _ in rows])}
    interval = {"x": x | {"field": "low"}, "x2": {"field": "high"}}
    layers: list[Spec] = [
        {"mark": {"type": "bar", "color": BLUE, "height": 9, "cornerRadiusEnd": 3}, "encoding": {"x": x}},
        {"mark": {"type": "rule", "color": MUTED, "strokeWidth": 1.5}, "encoding": interval},
        {
            "data": {"values": [{"even": even}]},
            "mark": {"type": "rule", "color": MUTED, "strokeDash": [4, 4]},
            "encoding": {"x": x | {"field": "even"}, "y": {"value": 0}, "y2": {"value": "height"}},
        },
    ]
    layers[0]["encoding"]["y"] = y
    layers[1]["encoding"]["y"] = y
    return specification(values, layers, height={"step": 19})


def _names(names: Sequence[str]) -> Spec:
    return names_axis([short_name(name) for name in names], 11)


def share_table_chart(
    shares: npt.NDArray[np.float64], names: Sequence[str], columns: Sequence[str], *, title: str
) -> Spec:
    """Draw a table of shares as shaded squares; NaN is left blank.

    Parameters
    ----------
    shares : array of float, shape (rows, columns)
    names, columns : sequence of str
    title : str
        Of the columns.
    """
    known = shares[~np.isnan(shares)]
    highest = float(known.max()) if known.size else 1.0
    values = [
        {"row": i, "column": j, "value": float(shares[i, j])}
        for i in range(len(names))
        for j in range(len(columns))
        if not math.isnan(shares[i, j])
    ]
    x = {
        "field": "column",
        "type": "ordinal",
        "scale": {"domain": list(range(len(columns)))},
        "axis": {"title": title, "grid": False, "labelAngle": 0, "orient": "top", "labelPadding": 3}
        | {"labelExpr": labels_by_position(columns)},
    }
    y = {
        "field": "row",
        "type": "ordinal",
        "scale": {"domain": list(range(len(names)))},
        "axis": {"title": None, "grid": False} | _names(names),
    }
    mark = {"type": "rect", "color": BLUE, "cornerRadius": 2}
    layer: Spec = {"mark": mark, "encoding": {"x": x, "y": y, "fillOpacity": shade("value", highest or 1.0)}}
    return specification(values, [layer], height={"step": 19})


def curve_chart(points: Sequence[CurvePoint], chosen: int | None) -> Spec:
    """Draw how real the discriminator finds originals (solid) and augmented examples (dashed), step by step."""
    lines = (("originals", BLUE, [1, 0]), ("augmented", VERMILLION, [6, 3]))
    values = [
        {"step": p.step, "value": getattr(p, name), "line": name}
        for name, _, _ in lines
        for p in points
        if math.isfinite(getattr(p, name))
    ]
    x = {"field": "step", "type": "quantitative", "scale": {"nice": False}}
    x["axis"] = {"title": "step of training", "grid": False, "format": "~s", "tickCount": 5}
    ticks = {"title": "P(real)", "values": [0, 0.25, 0.5, 0.75, 1], "format": ".2~f"}
    y = {"field": "value", "type": "quantitative", "scale": {"domain": [0, 1]}, "axis": ticks}
    names = [name for name, _, _ in lines]
    colour = {"field": "line", "legend": None, "scale": {"domain": names, "range": [c for _, c, _ in lines]}}
    dash = {"field": "line", "legend": None, "scale": {"domain": names, "range": [d for _, _, d in lines]}}
    even: Spec = {
        "data": {"values": [{"value": 0.5}]},
        "mark": {"type": "rule", "color": MUTED, "strokeDash": [2, 3]},
        "encoding": {"y": y},
    }
    line: Spec = {
        "mark": {"type": "line", "strokeWidth": 2},
        "encoding": {"x": x, "y": y, "color": colour, "strokeDash": dash},
    }
    layers = [even, line]
    if chosen is not None:
        mark = {"type": "rule", "color": MUTED}
        layers.append({"data": {"values": [{"step": chosen}]}, "mark": mark, "encoding": {"x": x}})
    return specification(values, layers, height=220)


def safety_chart(rows: Sequence[SafetyRow], *, threshold: float, neutral: float, unit: str) -> Spec:
    """Draw how far one function leaves the data at its magnitudes: dots accepted, crosses not.

    Parameters
    ----------
    rows : sequence of SafetyRow
        Of one function.
    threshold : float
        Departure that is accepted.
    neutral : float
        Magnitude at which nothing happens; NaN where there is none.
    unit : str
    """
    tried = not all(math.isnan(r.magnitude) for r in rows)
    values = [
        {
            "magnitude": r.magnitude if tried else 0,
            "value": r.departure.value,
            "low": r.departure.low,
            "high": r.departure.high,
            "accepted": "yes" if r.accepted else "no",
        }
        for r in rows
        if r.departure.known
    ]
    x: Spec = {"field": "magnitude", "type": "quantitative", "scale": {"nice": False, "zero": False, "padding": 10}}
    x["axis"] = {"title": clean(unit) or None, "grid": False, "tickCount": 4, "format": ".3~r"} if tried else None
    y: Spec = {"field": "value", "type": "quantitative", "scale": {"domain": [-0.1, 1], "nice": False}}
    y["axis"] = {"title": None, "values": [0, 0.5, 1], "format": _PERCENT}
    verdict = {"field": "accepted", "legend": None}
    colour = verdict | {"scale": {"domain": ["yes", "no"], "range": [BLUE, VERMILLION]}}
    shape = verdict | {"scale": {"domain": ["yes", "no"], "range": ["circle", _CROSS]}}
    point = {"type": "point", "filled": True, "size": 55, "opacity": 1}
    layers: list[Spec] = [
        {
            "data": {"values": [{"value": threshold}]},
            "mark": {"type": "rule", "color": MUTED, "strokeDash": [4, 4]},
            "encoding": {"y": y},
        },
        {
            "mark": {"type": "rule", "strokeWidth": 3, "opacity": 0.4},
            "encoding": {"x": x, "y": y | {"field": "low"}, "y2": {"field": "high"}, "color": colour},
        },
        {"mark": point, "encoding": {"x": x, "y": y, "color": colour, "shape": shape}},
    ]
    if tried and not math.isnan(neutral):
        mark = {"type": "rule", "color": GRID, "strokeWidth": 2}
        layers.insert(0, {"data": {"values": [{"magnitude": neutral}]}, "mark": mark, "encoding": {"x": x}})
    return specification(values, layers, height=110) | {"width": 220}


# A diagonal cross, as wide as a point.
_CROSS = "M-1,-.6L-.6,-1L0,-.4L.6,-1L1,-.6L.4,0L1,.6L.6,1L0,.4L-.6,1L-1,.6L-.4,0Z"


def harm_chart(rows: Sequence[tuple[str, Sequence[HarmRow | None]]], classes: Sequence[str]) -> Spec:
    """Draw the harm of functions to classes: shade and figure say how much, a frame that it is beyond chance.

    Parameters
    ----------
    rows : sequence of (name with magnitude, one HarmRow or None for each class)
    classes : sequence of str
    """
    values = [
        {
            "row": i,
            "column": j,
            "value": max(0.0, found.harm.value),
            "said": f"{100 * found.harm.value:.0f}".replace("-", "\N{MINUS SIGN}"),
            "harmful": found.harmful,
        }
        for i, (_, found_by_class) in enumerate(rows)
        for j, found in enumerate(found_by_class)
        if found is not None and found.harm.known
    ]
    angle = 0 if max((len(c) for c in classes), default=0) <= 3 else -90
    axis = {"title": "class of the originals", "orient": "top", "grid": False, "labelAngle": angle}
    labels = [short_name(c, 12) for c in classes]
    x = {"field": "column", "type": "ordinal", "axis": axis | {"labelExpr": labels_by_position(labels)}}
    y = {"field": "row", "type": "ordinal", "axis": {"title": None, "grid": False} | _names([n for n, _ in rows])}
    rect = {"type": "rect", "cornerRadius": 2}
    frame = {"mark": rect | {"filled": False, "stroke": VERMILLION, "strokeWidth": 2.5}, "encoding": {"x": x, "y": y}}
    layers: list[Spec] = [
        {"mark": rect | {"color": BLUE}, "encoding": {"x": x, "y": y, "fillOpacity": shade("value", 1.0, 0.6)}},
        frame | {"transform": [{"filter": "datum.harmful"}]},
        {
            "mark": {"type": "text", "fontSize": 10 if len(classes) <= 12 else 8},
            "encoding": {"x": x, "y": y, "text": {"field": "said", "type": "nominal"}},
        },
    ]
    return specification(values, layers, height={"step": 24})
