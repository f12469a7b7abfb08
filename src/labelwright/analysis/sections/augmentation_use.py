"""What a policy uses: functions by step and magnitude, its most frequent sequences, and how it learned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from labelwright.analysis.augmentation_charts import curve_chart, share_table_chart, uses_chart
from labelwright.analysis.augmentation_view import AugmentationView, CurvePoint, TunableFunction
from labelwright.analysis.base import Estimate
from labelwright.analysis.intervals import wilson
from labelwright.analysis.markup import Child, Markup, tag
from labelwright.analysis.tables import Column

from .blocks import drawn, figure, table

__all__ = ["by_magnitude_figure", "by_step_figure", "curve_figure", "sequences_figure", "uses_figure"]

Ints = npt.NDArray[np.int64]

# Rows that a chart can hold and still be read; the table has all.
_MOST_ROWS, _MOST_SEQUENCES, _MOST_STEPS = 30, 8, 10
# A sequence that turns up fewer times than this in what was drawn is an accident; then pairs are shown.
_OFTEN = 5
_LEVELS = np.linspace(-1, 1, 9)


def _codes(view: AugmentationView) -> Ints:
    return np.empty((0, 0), dtype=np.int64) if view.drawn is None else np.asarray(view.drawn.functions)


def uses_figure(view: AugmentationView) -> Markup | None:
    """Return how often each function is used, beside an even choice."""
    codes = _codes(view)
    if not codes.size:
        return None
    counts = np.bincount(codes[codes >= 0], minlength=len(view.functions))
    rows = [(f.name, wilson(int(c), codes.size)) for f, c in zip(view.functions, counts, strict=True)]
    shown = sorted(rows, key=lambda r: -r[1].value)[:_MOST_ROWS]
    usable = sum(f.verdict != "rejected" for f in view.functions)
    even = 1 / max(1, usable)
    idle = 1 - counts.sum() / codes.size
    columns: list[Column[tuple[str, Estimate]]] = [
        Column("function", lambda r: r[0], numeric=False),
        Column("share of steps", lambda r: f"{r[1].value:.1%}"),
        Column("95% interval", lambda r: f"{100 * r[1].low:.1f}–{100 * r[1].high:.1f}"),
        Column("steps", lambda r: f"{round(r[1].value * r[1].n):,} of {r[1].n:,}"),
    ]
    nothing = f" At {idle:.1%} of the steps nothing is done." if idle > 0.0005 else ""
    return figure(
        "aug-uses",
        "How often each function is used",
        f"In {len(codes):,} drawn sequences of {codes.shape[1]} steps; lines are 95% intervals. On the dashed line, "
        f"all {usable} functions that may be used would be used alike.{nothing}",
        uses_chart(shown, even),
        "; ".join(f"{name}: {e}" for name, e in shown),
        table(rows, columns, caption="Uses of functions"),
    )


def by_step_figure(view: AugmentationView) -> Markup | None:
    """Return which functions are used at which step; nothing where there is one step."""
    codes = _codes(view)
    if not codes.size or codes.shape[1] < 2:
        return None
    steps = min(codes.shape[1], _MOST_STEPS)
    counts = np.array([np.bincount(codes[:, s] + 1, minlength=len(view.functions) + 1) for s in range(steps)])
    names = [f.name for f in view.functions]
    return _shares_figure(
        "aug-steps",
        "What is done when",
        f"Share of {len(codes):,} drawn sequences that use a function at a step; darker = more often.",
        (counts[:, 1:] / len(codes)).T,
        names,
        [str(s + 1) for s in range(steps)],
        "step",
    )


def by_magnitude_figure(view: AugmentationView) -> Markup | None:
    """Return at which strengths functions are used; nothing where none has a magnitude."""
    codes = _codes(view)
    if view.drawn is None or not codes.size:
        return None
    magnitudes = np.asarray(view.drawn.magnitudes, dtype=np.float64)
    rows, names = [], []
    for code, function in enumerate(view.functions):
        mine = magnitudes[codes == code]
        mine = mine[np.isfinite(mine)]
        if np.isnan(function.low) or not len(mine):
            continue
        place = np.clip(np.digitize(_strengths(function, mine), _LEVELS) - 1, 0, len(_LEVELS) - 2)
        counted = np.bincount(place, minlength=len(_LEVELS) - 1) / len(mine)
        sides = (_LEVELS[:-1] < 0) & (function.low < function.neutral)
        rows.append(np.where(sides | ((_LEVELS[:-1] >= 0) & (function.high > function.neutral)), counted, np.nan))
        names.append(f"{function.name} ({function.low:.3g} to {function.high:.3g} {function.unit}".rstrip() + ")")
    if not rows:
        return None
    columns = [f"{100 * a:+.0f} to {100 * b:+.0f}%".replace("-", "\N{MINUS SIGN}") for a, b in pairwise(_LEVELS)]
    return _shares_figure(
        "aug-levels",
        "How strongly it is done",
        "Of the uses of a function, the share at each strength: in the middle it does nothing, at the right its "
        "magnitude is the highest allowed, at the left the lowest. Blank = it has no such side.",
        np.array(rows),
        names,
        columns,
        "magnitude",
        chart_columns=["low", "", "", "", "", "", "", "high"],
    )


def _strengths(function: TunableFunction, magnitudes: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    away = magnitudes - function.neutral
    room = np.where(away >= 0, function.high - function.neutral, function.neutral - function.low)
    return np.asarray(away / np.where(room > 0, room, 1))


def _shares_figure(
    name: str,
    title: str,
    how: str,
    shares: npt.NDArray[np.float64],
    names: Sequence[str],
    columns: Sequence[str],
    of: str,
    chart_columns: Sequence[str] | None = None,
) -> Markup:
    shown = np.sort(np.argsort(-np.nansum(shares, axis=1), kind="stable")[:_MOST_ROWS])
    cells: list[Column[int]] = [Column("function", lambda i: names[i], numeric=False)]
    cells += [Column(c if of != "step" else f"step {c}", partial(_share, shares, j)) for j, c in enumerate(columns)]
    return figure(
        name,
        title,
        how,
        share_table_chart(
            shares[shown], [names[i].split(" (")[0] for i in shown], chart_columns or list(columns), title=of
        ),
        "; ".join(f"{names[i]}: most at {columns[int(np.nanargmax(shares[i]))]}" for i in shown),
        table(range(len(names)), cells, caption=title),
    )


def _share(shares: npt.NDArray[np.float64], column: int, row: int) -> str:
    value = shares[row, column]
    return "" if np.isnan(value) else f"{value:.1%}"


def sequences_figure(view: AugmentationView) -> Markup | None:
    """Return the most frequent sequences as chains of functions, or where none recurs, the most frequent pairs."""
    codes = _codes(view)
    if not codes.size:
        return None
    whole = Counter(tuple(c for c in row if c >= 0) for row in codes.tolist())
    often = [one for one in whole.most_common(_MOST_SEQUENCES) if one[1] >= _OFTEN]
    if often or codes.shape[1] == 1:
        title, total = "Most frequent sequences", len(codes)
        how = f"Of {len(codes):,} drawn, {len(whole):,} are different; functions from left to right."
    else:
        pairs = Counter(p for row in codes.tolist() for p in pairwise([c for c in row if c >= 0]))
        often, total = pairs.most_common(_MOST_SEQUENCES), max(1, sum(pairs.values()))
        title = "Most frequent pairs"
        how = f"No sequence of {codes.shape[1]} steps recurs often; these follow each other most, of {total:,} pairs."
    shown = often or whole.most_common(_MOST_SEQUENCES)
    names = [f.name for f in view.functions]
    columns: list[Column[tuple[tuple[int, ...], int]]] = [
        Column("sequence", lambda r: " > ".join(names[c] for c in r[0]) or "nothing", numeric=False),
        Column("drawn", lambda r: f"{r[1]:,}"),
        Column("share", lambda r: f"{r[1] / total:.1%}"),
    ]
    top = shown[0][1] or 1
    chains = [tag("li", _chain(steps, names), _meter(n, top, total)) for steps, n in shown]
    return drawn(title, how, tag("ol", chains, class_="chains"), table(shown, columns, caption=title))


def _chain(steps: Sequence[int], names: Sequence[str]) -> Markup:
    inside: list[Child] = []
    for place, code in enumerate(steps):
        inside += [tag("span", "→", class_="arrow", aria_hidden="true")] if place else []
        inside.append(tag("b", names[code]))
    return tag("span", inside or tag("i", "nothing"), class_="chain")


def _meter(n: int, top: int, total: int) -> Markup:
    bar = tag("span", class_="meter", style=f"--share:{100 * n / top:.0f}%", aria_hidden="true")
    return tag("span", bar, f"{n:,} · {n / total:.1%}", class_="label")


def curve_figure(view: AugmentationView) -> Markup | None:
    """Return how the discriminator and the policy fared while they learned."""
    points = list(view.curve)
    if len(points) < 2:
        return None
    if len(points) > 200:  # more than a screen has room for
        points = [points[i] for i in np.unique(np.linspace(0, len(points) - 1, 200).astype(int))]
    columns: list[Column[CurvePoint]] = [
        Column("step", lambda p: f"{p.step:,}"),
        Column("originals", lambda p: f"{p.originals:.3f}"),
        Column("augmented", lambda p: f"{p.augmented:.3f}"),
    ]
    chosen = "" if view.chosen_step is None else f" The policy of step {view.chosen_step:,} is used (upright line)."
    last = points[-1]
    return figure(
        "aug-curve",
        "What the discriminator thinks",
        [
            "Mean P(real) of ",
            tag("span", "━", class_="dot-measured", aria_hidden="true"),
            " originals and ",
            tag("span", "╍", class_="dot-learned", aria_hidden="true"),
            f" augmented examples. Where both are near one half, it cannot tell them apart.{chosen}",
        ],
        curve_chart(points, view.chosen_step),
        f"At the end, originals {last.originals:.2f}, augmented {last.augmented:.2f}.",
        table(points[:: max(1, len(points) // 25)], columns, caption="P(real), step by step"),
    )
