"""Scores of tasks as a chart: one row for each task, a mark with its interval for each model."""

from __future__ import annotations

from collections.abc import Sequence

from labelwright.analysis.charts import Spec, names_axis, short_name, specification
from labelwright.analysis.palette import ROLES

from .content import TaskModel

__all__ = ["task_scores_chart"]


def task_scores_chart(rows: Sequence[tuple[str, Sequence[TaskModel]]]) -> Spec:
    """Draw the accuracy of each model on each task with its interval.

    Parameters
    ----------
    rows : sequence of (task, models)
    """
    values = [
        {"row": i, "role": m.role, "value": e.value, "low": e.low, "high": e.high}
        for i, (_, models) in enumerate(rows)
        for m in models
        if (e := m.score.accuracy).known
    ]
    roles = [role for role in ROLES if any(value["role"] == role for value in values)]
    names = [short_name(name) for name, _ in rows]
    y = {"field": "row", "type": "ordinal", "axis": {"title": None, "grid": False} | names_axis(names, 11)}
    offset = {"field": "role", "scale": {"domain": roles[::-1] if len(roles) < 2 else roles}}
    axis = {"title": "accuracy", "format": ".0%", "tickCount": 4}
    x = {"type": "quantitative", "scale": {"zero": False, "nice": True}, "axis": axis}
    colour = {"field": "role", "legend": None, "scale": {"domain": roles, "range": [ROLES[r][0] for r in roles]}}
    shape = {"field": "role", "legend": None, "scale": {"domain": roles, "range": [ROLES[r][1] for r in roles]}}
    place = {"y": y, "yOffset": offset, "color": colour}
    layers: list[Spec] = [
        {
            "mark": {"type": "rule", "strokeWidth": 3, "opacity": 0.4, "strokeCap": "round"},
            "encoding": place | {"x": x | {"field": "low"}, "x2": {"field": "high"}},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 60, "opacity": 1},
            "encoding": place | {"x": x | {"field": "value"}, "shape": shape},
        },
    ]
    return specification(values, layers, height={"step": 11 * len(roles) + 8, "for": "position"})
