"""The figure of `quality`: what each method gains over majority vote, set by set and in the mean."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from labelwright.analysis.charts import Spec
from labelwright.analysis.palette import BLUE, GREY, INK, MUTED, VERMILLION
from labelwright.analysis.svg import inline_svg

PAGE = Path("build") / "quality.html"
KINDS = {"ours": (VERMILLION, "diamond"), "peer": (BLUE, "circle")}

Row = Mapping[str, Any]


def chart(lines: Sequence[Row], rows: Sequence[Row]) -> Spec:
    """Draw a line of marks for each method: grey ticks are sets, the filled mark is their mean."""
    order = [label(line) for line in lines]
    of = {line["method"]: label(line) for line in lines}
    vote = {row["set"]: row["f1"] for row in rows if row["method"] == "MajorityVote"}
    each = [{"method": of[row["method"]], "gain": row["f1"] - vote[row["set"]]} for row in rows if "error" not in row]
    mean = sum(vote.values()) / len(vote)
    means = [
        {"method": label(line), "gain": line["f1"] - mean, "whose": "ours" if line["ours"] else "peer"}
        for line in lines
    ]
    scale = {"domain": [-0.3, 0.25], "clamp": True}
    axis = {"title": "macro-F1 less that of majority vote", "format": "+.1f", "values": [-0.3, -0.2, -0.1, 0, 0.1, 0.2]}
    x: Spec = {"field": "gain", "type": "quantitative", "scale": scale, "axis": axis}
    y: Spec = {"field": "method", "type": "nominal", "sort": order, "axis": {"title": None, "labelLimit": 260}}
    key = {"field": "whose", "title": None, "legend": {"orient": "top"}}
    colour = key | {"scale": {"domain": list(KINDS), "range": [colour for colour, _ in KINDS.values()]}}
    shape = key | {"scale": {"domain": list(KINDS), "range": [shape for _, shape in KINDS.values()]}}
    mark = {"type": "point", "filled": True, "size": 110, "opacity": 1}
    zero = {"mark": {"type": "rule", "color": INK}, "encoding": {"x": {"datum": 0}}}
    return {
        "width": 420,
        "height": {"step": 22},
        "background": None,
        "config": {"font": "system-ui, sans-serif", "axis": {"labelColor": MUTED, "titleColor": INK}},
        "layer": [
            zero,
            {
                "data": {"values": each},
                "mark": {"type": "tick", "color": GREY, "thickness": 1.5},
                "encoding": {"x": x, "y": y},
            },
            {
                "data": {"values": means},
                "mark": mark,
                "encoding": {"x": x, "y": y, "color": colour, "shape": shape},
            },
        ],
    }


def label(line: Row) -> str:
    failed = f", {len(line['failed'])} failed" if line["failed"] else ""
    return f"{line['method']} ({line['f1']:.3f}{failed})"


def write(groups: Mapping[str, Sequence[Row]], rows: Sequence[Row], lines: Sequence[str]) -> Path:
    """Write the page: a chart for each group, and the tables."""
    parts = []
    for at, (group, methods) in enumerate(groups.items()):
        found = [row for row in rows if row["kind"] == "score" and row["group"] == group]
        count = sum({row["set"]: row["n"] for row in found if "error" not in row}.values())
        title = f"{group.capitalize()}: {methods[0]['sets']} sets, {count:,} examples scored"
        caption = (
            "Mean macro-F1 in brackets. Grey ticks are sets, the mark is their mean; what lies beyond the axis stands "
            "at its end. No gold is used in fitting."
        )
        drawn = inline_svg(chart(methods, found), name=f"quality{at}", title=title, description=caption)
        parts.append(f"<h2>{html.escape(title)}</h2>{drawn}<p>{caption}</p>")
    title = "Labels without gold, method by method"
    table = html.escape("\n".join(lines))
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><body style="max-width:60rem">'
        f"<h1>{title}</h1>{''.join(parts)}<pre>{table}</pre></body></html>",
        encoding="utf-8",
    )
    return PAGE
