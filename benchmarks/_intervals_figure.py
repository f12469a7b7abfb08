"""The figure of `intervals`: how often intervals hold the truth, parameter by parameter and pooled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from labelwright.analysis.charts import Spec
from labelwright.analysis.palette import BLUE, GRID, INK, MUTED, VERMILLION
from labelwright.analysis.svg import inline_svg

ALLOWED = (0.94, 0.96)
LEAST = 0.92
TITLE = "How often intervals of 95 % hold the truth"
CAPTION = (
    "Blue ticks are parameters (accuracies and P(Y)), the mark is all of them together. The band is what was asked of "
    "the mark, the line what was asked of each tick."
)


@dataclass(frozen=True)
class Line:
    """One model in one world: the share that held of each parameter, over so many sets."""

    model: str
    world: str
    sets: int
    shares: Sequence[float]

    @property
    def label(self) -> str:
        """What stands at the axis."""
        return f"{self.model}, {self.world} ({self.sets:,})"


def chart(lines: Sequence[Line]) -> Spec:
    """Draw a line of marks for each model and world."""
    order = [line.label for line in lines]
    each = [{"line": line.label, "share": float(share)} for line in lines for share in line.shares]
    pooled = [{"line": line.label, "share": float(sum(line.shares) / len(line.shares))} for line in lines]
    scale = {"domain": [0.9, 1.0], "clamp": True, "zero": False}
    # Marks at a value must ask for the same scale, or theirs widens it.
    at: Spec = {"type": "quantitative", "scale": scale}
    axis = {"title": "share that held", "format": ".0%", "gridColor": GRID}
    x: Spec = {"field": "share", "type": "quantitative", "scale": scale, "axis": axis}
    y: Spec = {"field": "line", "type": "nominal", "sort": order, "axis": {"title": None, "labelLimit": 280}}
    one = {"values": [{}]}
    band = {
        "data": one,
        "mark": {"type": "rect", "color": GRID, "opacity": 0.3},
        "encoding": {"x": {"datum": ALLOWED[0], **at}, "x2": {"datum": ALLOWED[1]}},
    }
    least = {
        "data": one,
        "mark": {"type": "rule", "color": MUTED, "strokeDash": [4, 3]},
        "encoding": {"x": {"datum": LEAST, **at}},
    }
    ticks: Spec = {
        "data": {"values": each},
        "mark": {"type": "tick", "color": BLUE, "thickness": 1.5},
        "encoding": {"x": x, "y": y},
    }
    mark = {"type": "point", "filled": True, "size": 90, "opacity": 1, "shape": "diamond", "color": VERMILLION}
    marks: Spec = {"data": {"values": pooled}, "mark": mark, "encoding": {"x": x, "y": y}}
    return {
        "width": 320,
        "height": {"step": 24},
        "background": None,
        # Names are as long as the reader's fonts make them.
        "padding": {"left": 24, "right": 8, "top": 8, "bottom": 8},
        "config": {"font": "system-ui, sans-serif", "axis": {"labelColor": MUTED, "titleColor": INK}},
        "layer": [band, least, ticks, marks],
    }


def write(lines: Sequence[Line], path: Path) -> None:
    """Write the figure as a file of its own."""
    drawn = inline_svg(chart(lines), name="intervals", title=TITLE, description=CAPTION)
    path.write_text(drawn.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1) + "\n", encoding="utf-8")
