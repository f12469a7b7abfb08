"""The tables of a comparison: which columns each has, for every way of laying it out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .base import Estimate
from .comparison import Comparison, LabelFlip, MetricMove, Mover, ParameterMove, SettingChange, SliceChange
from .sections.blocks import METRIC_NAMES, SHARES, written
from .tables import Column

__all__ = [
    "FLIPS",
    "METRICS",
    "MOVERS",
    "SETTINGS",
    "SLICES",
    "data_sentence",
    "label_name",
    "parameter_columns",
    "probability_move",
    "signed",
    "told_parameters",
]


def label_name(label: Any) -> str:
    """Return a class as text; no label is "no label"."""
    return "no label" if label is None else str(label)


def probability_move(mover: Mover) -> str:
    """Return how P of the class that is shown moved."""
    return f"P({mover.class_shown}) {mover.probability_before:.2f} → {mover.probability_after:.2f}"


def data_sentence(content: Comparison) -> str:
    """Say which parts of the data came and went; "" where none did."""
    data = content.data
    if data is None:
        return ""
    return (
        f"{data.parts_added:,} parts of the data came ({data.rows_added:,} rows), {data.parts_removed:,} went "
        f"({data.rows_removed:,} rows)."
    )


def told_parameters(parameters: Sequence[ParameterMove], limit: int) -> tuple[list[ParameterMove], int]:
    """Return the moves that are worth a line, and how many are left out: those that no reader would see are."""
    seen = [p for p in parameters if p.verdict in ("beyond", "new", "gone") or p.distance >= 0.0005]
    return seen[:limit], len(parameters) - len(seen[:limit])


def signed(metric: str, estimate: Estimate | None) -> str:
    """Return a difference with its sign and interval, shares in points; a dash where it is not known."""
    if estimate is None or not estimate.known:
        return "—"
    if estimate.low == estimate.value == estimate.high == 0:
        return "0"
    scale, digits = (100, 1) if metric in SHARES else (1, 3)
    value, low, high = (
        f"{scale * x:+.{digits}f}".replace("-", "\N{MINUS SIGN}") for x in (estimate.value, estimate.low, estimate.high)
    )
    return f"{value} [{low}, {high}]"


def _share(value: float | None) -> str:
    return "—" if value is None else f"{100 * value:.1f}%"


def _interval(move: ParameterMove) -> str:
    return "" if move.low is None or move.high is None else f"{100 * move.low:.1f}–{100 * move.high:.1f}"


def parameter_columns(title: str, moves: Sequence[ParameterMove]) -> list[Column[ParameterMove]]:
    """Return the columns of learned figures; those on intervals only where some were computed."""
    computed = any(p.low is not None or p.verdict == "no interval" for p in moves)
    interval = [Column("interval before", _interval)] if computed else []
    return [
        Column(title, lambda p: p.name, numeric=False),
        Column("before", lambda p: _share(p.before)),
        Column("after", lambda p: _share(p.after)),
        *interval,
        # What holds for all of them is said once, beside the table.
        Column("", lambda p: "" if p.verdict == "not computed" else p.verdict, numeric=False),
    ]


def _count(name: str) -> Callable[[SliceChange], str]:
    return lambda one: f"{getattr(one, name):,}"


SLICES: list[Column[SliceChange]] = [
    Column("slice", lambda s: s.name, numeric=False),
    Column("in both", _count("stayed")),
    Column("flipped", _count("flipped")),
    Column("share", lambda s: f"{100 * s.share:.1f}%" if s.stayed else "—"),
    Column("added", _count("added")),
    Column("removed", _count("removed")),
]
FLIPS: list[Column[tuple[str, LabelFlip]]] = [
    Column("slice", lambda row: row[0], numeric=False),
    Column("from", lambda row: label_name(row[1].before), numeric=False),
    Column("to", lambda row: label_name(row[1].after), numeric=False),
    Column("labels", lambda row: f"{row[1].count:,}"),
]
MOVERS: list[Column[Mover]] = [
    Column("example", lambda m: m.example_id, numeric=False),
    Column("split", lambda m: m.split, numeric=False),
    Column("label", lambda m: f"{label_name(m.before)} → {label_name(m.after)}", numeric=False),
    Column("probability", probability_move, numeric=False),
    Column("text", lambda m: m.text, numeric=False),
]
METRICS: list[Column[MetricMove]] = [
    Column("model", lambda m: f"{m.model}, {m.split}", numeric=False),
    Column("metric", lambda m: METRIC_NAMES[m.metric], numeric=False),
    Column("before", lambda m: written(m.metric, m.before)[0]),
    Column("after", lambda m: written(m.metric, m.after)[0]),
    Column("paired difference", lambda m: signed(m.metric, m.difference)),
    Column("verdict", lambda m: m.verdict, numeric=False),
]
SETTINGS: list[Column[SettingChange]] = [
    Column("setting", lambda s: s.key, numeric=False),
    Column("before", lambda s: s.before or "not set", numeric=False),
    Column("after", lambda s: s.after or "not set", numeric=False),
]
