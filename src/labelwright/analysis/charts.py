"""Charts as Vega-Lite specifications, kept as plain dicts.

All are drawn 320 wide, so that their text is legible on a phone, and grow with the page. Backgrounds are transparent.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from .base import Estimate
from .histograms import Calibration, Histogram
from .markup import clean
from .palette import BLUE, GRID, INK, MUTED, ROLES, VERMILLION

__all__ = [
    "bars",
    "calibration_chart",
    "confusion_chart",
    "estimates_chart",
    "heatmap",
    "histogram_chart",
    "labels_by_position",
    "names_axis",
    "shade",
    "short_name",
    "sources_chart",
    "specification",
]

Spec: TypeAlias = dict[str, Any]

WIDTH = 320
_PERCENT = ".0%"


def specification(rows: Sequence[Mapping[str, Any]], layers: list[Spec], **fields: Any) -> Spec:
    """Return a chart of these rows and layers with the look that all charts share."""
    axis = {
        "domain": False,
        "ticks": False,
        "gridColor": GRID,
        "labelColor": MUTED,
        "titleColor": MUTED,
        "labelFontSize": 11,
        "titleFontSize": 11,
        "titleFontWeight": "normal",
        "labelPadding": 6,
    }
    config = {
        "font": "system-ui, sans-serif",
        "aria": False,
        "view": {"stroke": None},
        "axis": axis,
        "text": {"color": INK, "fontSize": 12},
    }
    return {
        "width": WIDTH,
        "background": None,
        "padding": 2,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "config": config,
        "data": {"values": [dict(r) for r in rows]},
        "layer": layers,
        **fields,
    }


def _text(field: str, **mark: Any) -> Spec:
    place = {"x": {"value": 0 if mark.get("align") == "left" else "width"}}
    return {"mark": {"type": "text", **mark}, "encoding": {"text": {"field": field, "type": "nominal"}, **place}}


def estimates_chart(rows: Sequence[tuple[str, str, Estimate, str]], *, title: str, share: bool = True) -> Spec:
    """Draw one estimate per row: a dot, its interval, its name above on the left and its figure on the right.

    Parameters
    ----------
    rows : sequence of (name, role, Estimate, figure as text)
    title : str
        Of the axis.
    share : bool
        Whether values are shares, shown in percent.
    """
    known = [x for _, _, e, _ in rows for x in (e.value, e.low, e.high) if not math.isnan(x)]
    low, high = min(known, default=0.0), max(known, default=1.0)
    margin = max(0.02, 0.08 * (high - low))
    domain = [max(0.0, low - margin) if low >= 0 else low - margin, min(1.0, high + margin) if share else high + margin]
    values = [
        {"row": i, "name": clean(name), "value": e.value, "low": e.low, "high": e.high, "figure": figure, "role": role}
        | {"left": domain[0], "right": domain[1]}
        for i, (name, role, e, figure) in enumerate(rows)
        if e.known
    ]
    x = {
        "field": "value",
        "type": "quantitative",
        "scale": {"domain": domain, "zero": False, "nice": False},
        "axis": {"title": title, "format": _PERCENT if share else ".2f", "tickCount": 5, "grid": False, "ticks": True},
    }
    # Only where it is there: a report without augmentation is drawn as it was before there was any.
    roles = [role for role in ROLES if role != "plain end model" or any(value["role"] == role for value in values)]
    colour = {"field": "role", "legend": None, "scale": {"domain": roles, "range": [ROLES[r][0] for r in roles]}}
    shape = {"field": "role", "legend": None, "scale": {"domain": roles, "range": [ROLES[r][1] for r in roles]}}
    interval = {"x": x | {"field": "low"}, "x2": {"field": "high"}, "color": colour}
    point = {"x": x, "color": colour, "shape": shape}
    track = {"x": x | {"field": "left"}, "x2": {"field": "right"}}
    layers: list[Spec] = [
        {"mark": {"type": "rule", "color": GRID}, "encoding": track},
        {"mark": {"type": "rule", "strokeWidth": 4, "opacity": 0.45, "strokeCap": "round"}, "encoding": interval},
        {"mark": {"type": "point", "filled": True, "size": 130, "opacity": 1}, "encoding": point},
        _text("name", align="left", dy=-17, limit=200),
        _text("figure", align="right", dy=-17, fontWeight="bold"),
    ]
    return specification(values, layers, height=48 * len(rows), encoding=_rows_of(len(rows)))


def _rows_of(count: int) -> Spec:
    """Place rows one below the other, with room above the first for its name."""
    scale = {"domain": [-0.65, count - 0.65], "reverse": True, "nice": False}
    return {"y": {"field": "row", "type": "quantitative", "axis": None, "scale": scale}}


def bars(rows: Sequence[tuple[str, int, str]]) -> Spec:
    """Draw one bar per row, its name above on the left and its figure on the right; the first row is the whole."""
    whole = max([count for _, count, _ in rows], default=1) or 1
    values = [
        {"row": i, "name": clean(n), "share": c / whole, "whole": 1, "figure": f} for i, (n, c, f) in enumerate(rows)
    ]
    x = {"field": "share", "type": "quantitative", "scale": {"domain": [0, 1]}, "axis": None}
    track = {"type": "bar", "orient": "horizontal", "height": 10, "cornerRadius": 5}
    layers: list[Spec] = [
        {"mark": track | {"color": GRID}, "encoding": {"x": x | {"field": "whole"}}},
        {"mark": track | {"color": BLUE}, "encoding": {"x": x}},
        _text("name", align="left", dy=-15),
        _text("figure", align="right", dy=-15),
    ]
    return specification(values, layers, height=44 * len(rows), encoding=_rows_of(len(rows)))


def columns_chart(labels: Sequence[str], counts: Sequence[int], *, title: str) -> Spec:
    """Draw one upright bar per label, its count above."""
    values = [
        {"label": label, "count": c, "figure": f"{c:,}" if c else ""} for label, c in zip(labels, counts, strict=True)
    ]
    x = {"field": "label", "type": "ordinal", "sort": None, "axis": {"title": title, "labelAngle": 0, "grid": False}}
    y = {"field": "count", "type": "quantitative", "axis": None}
    layers: list[Spec] = [
        {"mark": {"type": "bar", "color": BLUE, "cornerRadiusEnd": 3}, "encoding": {"x": x, "y": y}},
        {
            "mark": {"type": "text", "dy": -7, "fontSize": 10, "color": MUTED},
            "encoding": {"x": x, "y": y, "text": {"field": "figure", "type": "nominal"}},
        },
    ]
    return specification(values, layers, height=170)


def histogram_chart(histogram: Histogram) -> Spec:
    """Draw the distribution of soft labels."""
    edges = histogram.edges
    gap = 0.06 * (edges[1] - edges[0])
    values = [
        {"low": a + gap, "high": b - gap, "count": c, "zero": 0}
        for a, b, c in zip(edges[:-1], edges[1:], histogram.counts, strict=True)
    ]
    x = {
        "field": "low",
        "type": "quantitative",
        "scale": {"domain": [edges[0], edges[-1]]},
        "axis": {"title": clean(histogram.of), "grid": False, "values": [0, 0.25, 0.5, 0.75, 1], "format": ".2~f"},
    }
    y = {"field": "count", "type": "quantitative", "axis": {"title": "examples", "tickCount": 4, "format": "~s"}}
    box = {"x": x, "x2": {"field": "high"}, "y": y, "y2": {"field": "zero"}}
    layer: Spec = {"mark": {"type": "rect", "color": BLUE}, "encoding": box}
    return specification(values, [layer], height=190)


def calibration_chart(calibration: Calibration, role: str) -> Spec:
    """Draw how often probabilities come true, with intervals; on the dashed line they always do."""
    values = [
        {"mean": b.mean, "value": b.observed.value, "low": b.observed.low, "high": b.observed.high, "n": b.observed.n}
        for b in calibration.bins
    ]
    colour, shape = ROLES.get(role, ROLES["end model"])
    scale = {"domain": [0, 1]}
    ticks = {"values": [0, 0.25, 0.5, 0.75, 1], "format": ".2~f"}
    x = {"field": "mean", "type": "quantitative", "scale": scale, "axis": ticks | {"title": clean(calibration.of)}}
    y = {"field": "value", "type": "quantitative", "scale": scale, "axis": ticks | {"title": "share that came true"}}
    size = {"field": "n", "type": "quantitative", "legend": None, "scale": {"type": "sqrt", "range": [30, 260]}}
    diagonal = {"values": [{"mean": 0, "value": 0}, {"mean": 1, "value": 1}]}
    layers: list[Spec] = [
        {
            "data": diagonal,
            "mark": {"type": "line", "color": MUTED, "strokeDash": [4, 4], "strokeWidth": 1},
            "encoding": {"x": x, "y": y},
        },
        {
            "mark": {"type": "rule", "color": colour, "strokeWidth": 2, "opacity": 0.5},
            "encoding": {"x": x, "y": y | {"field": "low"}, "y2": {"field": "high"}},
        },
        {
            "mark": {"type": "point", "filled": True, "color": colour, "shape": shape, "opacity": 1},
            "encoding": {"x": x, "y": y, "size": size},
        },
    ]
    return specification(values, layers, height=260)


def confusion_chart(table: npt.NDArray[np.int64], names: Sequence[str]) -> Spec:
    """Draw a confusion matrix: counts in the cells, shade by share of the gold class."""
    whole = np.maximum(table.sum(axis=1, keepdims=True), 1)
    values = [
        {"gold": i, "predicted": j, "count": f"{int(table[i, j]):,}", "share": float(table[i, j] / whole[i, 0])}
        for i in range(len(table))
        for j in range(len(table))
    ]
    labels = [short_name(n, 12) for n in names]
    x_axis = {"title": "predicted", "orient": "top", "grid": False, "labelAngle": 0 if len(names) <= 4 else -45}
    x = {"field": "predicted", "type": "ordinal", "axis": x_axis | {"labelExpr": labels_by_position(labels)}}
    y = {"field": "gold", "type": "ordinal", "axis": {"title": "gold", "grid": False} | names_axis(labels, 11)}
    layers: list[Spec] = [
        {
            "mark": {"type": "rect", "color": BLUE, "cornerRadius": 3},
            "encoding": {"x": x, "y": y, "fillOpacity": shade("share", 1.0, 0.5)},
        },
        {
            "mark": {"type": "text", "fontSize": 13 if len(names) <= 6 else 9},
            "encoding": {"x": x, "y": y, "text": {"field": "count", "type": "nominal"}},
        },
    ]
    return specification(values, layers, height=max(120, min(280, 56 * len(names))))


def heatmap(table: npt.NDArray[np.float64], names: Sequence[str], numbers: Sequence[int]) -> Spec:
    """Draw one square per pair of sources; NaN is left blank. Columns carry numbers, rows numbers and names."""
    known = table[~np.isnan(table)]
    highest = float(known.max()) if known.size else 1.0
    m = len(names)
    values = [
        {"row": i, "column": j, "value": float(table[i, j])}
        for i in range(m)
        for j in range(m)
        if not math.isnan(table[i, j])
    ]
    order = list(range(m))
    size, angle = (11, 0) if m <= 12 else (9, -90)
    axis = {"title": None, "grid": False, "labelFontSize": size, "labelPadding": 3}
    row_labels = [f"{short_name(name)}  {number}" for name, number in zip(names, numbers, strict=True)]
    column_labels = [str(number) for number in numbers]
    x = {
        "field": "column",
        "type": "ordinal",
        "scale": {"domain": order},
        "axis": axis | {"orient": "top", "labelAngle": angle, "labelExpr": labels_by_position(column_labels)},
    }
    y = {
        "field": "row",
        "type": "ordinal",
        "scale": {"domain": order},
        "axis": axis | names_axis(row_labels, size),
    }
    mark = {"type": "rect", "color": BLUE, "cornerRadius": 1.5}
    layer: Spec = {"mark": mark, "encoding": {"x": x, "y": y, "fillOpacity": shade("value", highest or 1.0)}}
    return specification(values, [layer], height=max(90, min(230, 20 * m)))


def shade(field: str, highest: float, darkest: float = 0.9) -> Spec:
    """Return an encoding of a field as opacity: from nearly nothing at 0 to ``darkest`` at ``highest``."""
    scale = {"domain": [0, highest], "range": [0.05, darkest]}
    return {"field": field, "type": "quantitative", "legend": None, "scale": scale}


def short_name(name: str, longest: int = 18) -> str:
    """Return a name cut to so many characters."""
    text = clean(name)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def names_axis(labels: Sequence[str], size: int) -> Spec:
    """Reserve room by counting characters: the reader's font may be wider than the one measured while drawing."""
    room = math.ceil(0.55 * size * max((len(label) for label in labels), default=0)) + 6
    return {"labelLimit": 0, "minExtent": room, "maxExtent": room, "labelExpr": labels_by_position(labels)}


def labels_by_position(labels: Sequence[str]) -> str:
    """Return a Vega expression that looks a label up: two sources with one cut-off name must stay two rows."""
    quoted = ",".join("'" + "".join(_escaped(c) for c in label) + "'" for label in labels)
    return f"[{quoted}][datum.value]"


def _escaped(c: str) -> str:
    # Names come from users' code and data: nothing but letters, digits and spaces enters the expression as it is.
    return c if c.isascii() and (c.isalnum() or c == " ") else "".join(f"\\u{unit:04x}" for unit in _utf16(c))


def _utf16(c: str) -> list[int]:
    raw = c.encode("utf-16-be")
    return [int.from_bytes(raw[i : i + 2], "big") for i in range(0, len(raw), 2)]


def sources_chart(rows: Sequence[tuple[str, Estimate, float]]) -> Spec:
    """Draw each source's accuracy on gold with its interval, and beside it what the label model learned."""
    values = [
        {
            "row": i,
            "value": e.value if e.known else None,
            "low": e.low if e.known else None,
            "high": e.high if e.known else None,
            "learned": None if math.isnan(learned) else learned,
        }
        for i, (_, e, learned) in enumerate(rows)
    ]
    names = [short_name(name) for name, _, _ in rows]
    y = {
        "field": "row",
        "type": "ordinal",
        "axis": {"title": None, "grid": False} | names_axis(names, 11),
    }
    lowest = min([x for _, e, learned in rows for x in (e.low, learned) if not math.isnan(x)], default=0.0)
    domain = [max(0.0, math.floor(10 * lowest - 0.5) / 10), 1]
    axis = {"title": "accuracy", "format": _PERCENT, "tickCount": 5}
    x = {"type": "quantitative", "scale": {"domain": domain}, "axis": axis}
    measured = {"type": "point", "filled": True, "color": BLUE, "size": 55, "opacity": 1}
    learned = {
        "type": "point",
        "filled": False,
        "shape": "diamond",
        "color": VERMILLION,
        "size": 60,
        "strokeWidth": 1.6,
    }
    layers: list[Spec] = [
        {
            "mark": {"type": "rule", "color": BLUE, "strokeWidth": 3, "opacity": 0.4, "strokeCap": "round"},
            "encoding": {"x": x | {"field": "low"}, "x2": {"field": "high"}},
        },
        {"mark": measured, "encoding": {"x": x | {"field": "value"}}},
        {"mark": learned, "encoding": {"x": x | {"field": "learned"}}},
    ]
    for layer in layers:
        layer["transform"] = [{"filter": f"isValid(datum.{layer['encoding']['x']['field']})"}]
    return specification(values, layers, height={"step": 19}, encoding={"y": y})
