"""How far functions leave the data, what they do to classes, and to votes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from labelwright.analysis.augmentation_charts import harm_chart, safety_chart
from labelwright.analysis.augmentation_view import AugmentationView, ConsistencyRow, HarmRow, SafetyRow, TunableFunction
from labelwright.analysis.base import Estimate
from labelwright.analysis.markup import Markup, tag
from labelwright.analysis.svg import inline_svg
from labelwright.analysis.tables import Column

from .blocks import drawn, figure, table

__all__ = ["consistency_table", "harm_figure", "safety_figure", "verdicts_table"]

# Drawn: functions, rows of the matrix, its columns. Tables have all.
_PLOTS, _HARM_ROWS, _HARM_CLASSES, _CONSISTENCY = 12, 14, 14, 20
_MARKS = {
    "accepted": "●\N{NO-BREAK SPACE}accepted",
    "narrowed": "◐\N{NO-BREAK SPACE}narrowed",
    "rejected": "✕\N{NO-BREAK SPACE}rejected",
    "": "not checked",
}


def verdicts_table(view: AugmentationView) -> Markup | None:
    """Return what may stay of each function; nothing where no function was checked."""
    if not any(f.verdict for f in view.functions):
        return None
    order = {"rejected": 0, "narrowed": 1, "accepted": 2, "": 3}
    rows = sorted(view.functions, key=lambda f: order[f.verdict])
    columns: list[Column[TunableFunction]] = [
        Column("function", lambda f: f.name, numeric=False),
        Column("verdict", lambda f: _MARKS[f.verdict].replace(" ", "\N{NO-BREAK SPACE}", 1), numeric=False),
        Column("magnitudes that may be used", _bounds, numeric=False),
        Column("why", lambda f: f.why, numeric=False),
    ]
    return table(rows, columns, caption="What may be used")


def _bounds(function: TunableFunction) -> str:
    if function.verdict == "rejected":
        return "none"
    if math.isnan(function.low):
        return "has none"
    return f"{function.low:.3g} to {function.high:.3g} {function.unit}".strip()


def safety_figure(view: AugmentationView) -> Markup | None:
    """Return how far each function leaves the data at each magnitude: one small chart per function."""
    rows = [r for r in view.safety if r.departure.known]
    if not rows:
        return None
    names = list(dict.fromkeys(r.function for r in rows))
    known = {f.name: f for f in view.functions}
    # Those with trouble first; then in the order of the policy.
    drawn_names = sorted(names, key=lambda n: all(r.accepted for r in rows if r.function == n))[:_PLOTS]
    plots = [
        _plot(i, name, [r for r in rows if r.function == name], known.get(name), view.threshold)
        for i, name in enumerate(drawn_names)
    ]
    columns: list[Column[SafetyRow]] = [
        Column("function", lambda r: r.function, numeric=False),
        Column("magnitude", lambda r: _number(r.magnitude)),
        Column("departure", lambda r: f"{r.departure.value:.1%}"),
        Column("95% interval", lambda r: f"{100 * r.departure.low:.1f} to {100 * r.departure.high:.1f}"),
        Column("AUC", lambda r: _interval(r.auc)),
        Column("n", lambda r: f"{r.departure.n:,}"),
        Column("verdict", lambda r: "accepted" if r.accepted else f"not accepted\n{r.why}".strip(), numeric=False),
    ]
    rest = f" {len(drawn_names)} of {len(names)} functions are drawn." if len(names) > len(drawn_names) else ""
    how = [
        "Departure: of a hundred augmented examples, how many more than usual lie farther from the data than 95% of "
        "held-out originals do. ",
        tag("span", "●", class_="dot-measured", aria_hidden="true"),
        " accepted, ",
        tag("span", "✕", class_="dot-learned", aria_hidden="true"),
        " not; bars are 95% intervals, the dashed line is what is tolerated, the upright line does nothing. A cross "
        f"under the dashed line has another reason, which the table gives.{rest}",
    ]
    note = tag("p", view.safety_note, class_="how") if view.safety_note else None
    return drawn(
        "How far each function leaves the data",
        how,
        [tag("div", plots, class_="plots"), note],
        table(rows, columns, caption="Departure from the data"),
        wide=True,
    )


def _plot(
    number: int, name: str, rows: Sequence[SafetyRow], function: TunableFunction | None, threshold: float
) -> Markup:
    neutral, unit = (math.nan, "") if function is None else (function.neutral, function.unit)
    spec = safety_chart(rows, threshold=threshold, neutral=neutral, unit=unit)
    said = "; ".join(f"{_number(r.magnitude)}: {r.departure}, {'' if r.accepted else 'not '}accepted" for r in rows)
    drawing = inline_svg(spec, name=f"aug-safety-{number}", title=name, description=said)
    return tag("div", tag("p", name, class_="plot-name"), tag("div", drawing, class_="chart"), class_="plot")


def _number(value: float) -> str:
    return "—" if math.isnan(value) else f"{value:.3g}"


def _interval(estimate: Estimate) -> str:
    if not estimate.known:
        return "—"
    return f"{estimate.value:.2f} [{estimate.low:.2f}, {estimate.high:.2f}]"


def harm_figure(view: AugmentationView) -> Markup | None:
    """Return which classes which functions harm, as a matrix; nothing without labels."""
    rows = [r for r in view.harm if r.harm.known]
    if not rows:
        return None
    classes = list(dict.fromkeys(r.label for r in rows))
    keys = list(dict.fromkeys((r.function, _number(r.magnitude)) for r in rows))
    cells = {((r.function, _number(r.magnitude)), r.label): r for r in rows}
    worst = sorted(keys, key=lambda k: -max(r.harm.value for (key, _), r in cells.items() if key == k))[:_HARM_ROWS]
    shown = classes[:_HARM_CLASSES]
    matrix = [
        (key[0] if key[1] == "—" else f"{key[0]} {key[1]}", [cells.get((key, label)) for label in shown])
        for key in worst
    ]
    columns: list[Column[HarmRow]] = [
        Column("function", lambda r: r.function, numeric=False),
        Column("magnitude", lambda r: _number(r.magnitude)),
        Column("class", lambda r: str(r.label), numeric=False),
        Column("harm", lambda r: f"{r.harm.value:.1%}"),
        Column("95% interval", lambda r: f"{100 * r.harm.low:.1f} to {100 * r.harm.high:.1f}"),
        Column("look like another class", lambda r: f"{r.looks_other.value:.1%}" if r.looks_other.known else "—"),
        Column("mostly", lambda r: "—" if r.becomes is None else str(r.becomes), numeric=False),
        Column("n", lambda r: f"{r.harm.n:,}"),
        Column("verdict", lambda r: "harmful" if r.harmful else "", numeric=False),
    ]
    left = "" if len(keys) <= len(worst) else f" The {len(worst)} worst of {len(keys)} functions and magnitudes."
    harmful = [r for r in rows if r.harmful]
    return figure(
        "aug-harm",
        "What happens to each class",
        "Of a hundred examples of a class, how many lose it or come to lie where another class is; framed = beyond "
        f"what is tolerated and beyond chance.{left} {view.harm_note}".rstrip(),
        harm_chart(matrix, [str(c) for c in shown]),
        "; ".join(f"{r.function} {_number(r.magnitude)}, class {r.label}: {r.harm}" for r in harmful[:40])
        or "No function harms a class beyond chance.",
        table(sorted(rows, key=lambda r: (not r.harmful, -r.harm.value)), columns, caption="Harm by class"),
    )


def consistency_table(view: AugmentationView) -> Markup | None:
    """Return whether labeling functions vote on augmented examples as on originals."""
    if not view.consistency:
        return None
    rows = sorted(view.consistency, key=lambda r: (not r.suspicious, r.kept.value if r.kept.known else 2))
    columns: list[Column[ConsistencyRow]] = [
        Column("transformation", lambda r: r.function, numeric=False),
        Column("labeling function", lambda r: r.source, numeric=False),
        Column(
            "votes kept", lambda r: "—" if not r.kept.known else f"{r.kept.value:.1%}", share=lambda r: r.kept.value
        ),
        Column("95% interval", lambda r: f"{100 * r.kept.low:.0f}–{100 * r.kept.high:.0f}" if r.kept.known else ""),
        Column("n", lambda r: f"{r.kept.n:,}"),
        Column("changed", lambda r: f"{r.flipped:,}"),
        Column("lost", lambda r: f"{r.lost:,}"),
        Column("gained", lambda r: f"{r.gained:,}"),
        Column("look at it", lambda r: f"▲ {r.why or 'yes'}" if r.suspicious else "", numeric=False),
    ]
    shown = table(rows[:_CONSISTENCY], columns, caption="Votes before and after a transformation")
    note = tag("p", view.consistency_note, class_="how") if view.consistency_note else None
    if len(rows) <= _CONSISTENCY:
        return tag("div", shown, note)
    rest = table(rows[_CONSISTENCY:], columns, caption="Other pairs")
    return tag("div", shown, note, tag("details", tag("summary", f"{len(rows) - _CONSISTENCY:,} more pairs"), rest))
