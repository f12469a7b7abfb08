"""Building blocks of the report: sections, figures, tables, and how figures are written."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

from labelwright.analysis.base import Estimate
from labelwright.analysis.charts import Spec
from labelwright.analysis.content import Difference, ModelResult, Note, ReportContent
from labelwright.analysis.markup import Child, Markup, tag
from labelwright.analysis.svg import inline_svg
from labelwright.analysis.tables import Column

__all__ = [
    "METRIC_NAMES",
    "difference_in_words",
    "drawn",
    "figure",
    "figures",
    "headline_model",
    "notes_list",
    "section",
    "table",
    "written",
]

R = TypeVar("R")

METRIC_NAMES = {
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "f1": "F1",
    "roc_auc": "ROC AUC",
    "average_precision": "average precision",
    "log_loss": "log loss",
    "brier": "Brier score",
    "coverage": "coverage",
}
SHARES = frozenset({"accuracy", "coverage"})
LOWER_IS_BETTER = frozenset({"log_loss", "brier"})


def written(metric: str, estimate: Estimate) -> tuple[str, str]:
    """Return an estimate as ``(value, interval)`` in the digits its metric deserves."""
    if not estimate.known:
        return "—", ""
    share = metric in SHARES
    value = f"{100 * estimate.value:.1f}%" if share else f"{estimate.value:.3f}"
    if math.isnan(estimate.low):
        return value, ""
    ends = (f"{100 * x:.1f}" if share else f"{x:.3f}" for x in (estimate.low, estimate.high))
    return value, "–".join(ends)


def difference_in_words(difference: Difference) -> tuple[str, str]:
    """Return a paired difference as ``(difference, interval)``: shares in points, all with their signs."""
    e, metric = difference.estimate, difference.metric
    scale, digits, unit = (100, 1, " points") if metric in SHARES else (1, 3, f" {METRIC_NAMES[metric]}")
    if not e.known:
        return "—", ""
    value, low, high = (f"{scale * x:+.{digits}f}".replace("-", "\N{MINUS SIGN}") for x in (e.value, e.low, e.high))
    return f"{value}{unit}", "" if math.isnan(e.low) else f"{low} to {high}"


def percent(part: int, whole: int) -> str:
    """Return a share of a count; a dash where there is nothing to share."""
    return f"{100 * part / whole:.1f}%" if whole else "—"


def headline_model(content: ReportContent) -> ModelResult | None:
    """Return the model the report is about: the end model, or else the label model, or else the first."""
    for role in ("end model", "label model"):
        for model in content.models:
            if model.role == role:
                return model
    return content.models[0] if content.models else None


def notes_list(notes: Sequence[Note]) -> Markup | None:
    """Return what the reader must know, warnings first; nothing where there is nothing."""
    items = [
        tag("li", tag("b", "Warning: " if note.level == "warning" else "Note: "), note.text, class_=note.level)
        for note in sorted(notes, key=lambda note: note.level != "warning")
    ]
    return tag("ul", items, class_="notes", aria_label="Warnings and notes") if items else None


def section(name: str, title: str, *children: Child, intro: Child = None) -> Markup:
    """Return a section with its heading and, where given, a sentence under it."""
    lead = tag("p", intro, class_="intro") if intro else None
    return tag("section", tag("h2", title, id=f"{name}-h"), lead, children, id=name, aria_labelledby=f"{name}-h")


def figure(
    name: str, title: str, how: Child, spec: Spec, description: str, as_table: Markup, *, heading: str = "h3"
) -> Markup:
    """Return a chart with its title, how to read it, and the same figures as a table."""
    drawing = inline_svg(spec, name=name, title=title, description=description)
    return drawn(title, how, tag("div", drawing, class_="chart"), as_table, heading=heading)


def drawn(
    title: str, how: Child, drawing: Child, as_table: Markup, *, heading: str = "h3", wide: bool = False
) -> Markup:
    """Return a drawing of any kind with its title, how to read it, and the same figures as a table.

    Parameters
    ----------
    title : str
    how : str or Markup
    drawing : Markup
        It says for those who do not see it what it shows.
    as_table : Markup
    heading : str
    wide : bool
        Whether it takes the whole width of the page.
    """
    caption = tag("figcaption", tag(heading, title), tag("p", how, class_="how"))
    rest = tag("details", tag("summary", "Show as a table"), as_table)
    return tag("figure", caption, drawing, rest, class_="card wide" if wide else "card")


def figures(*children: Markup | None) -> Markup | None:
    """Return figures side by side where there is room; nothing where there are none."""
    found = [c for c in children if c]
    return tag("div", found, class_="grid") if found else None


def table(rows: Sequence[R], columns: Sequence[Column[R]], *, caption: str) -> Markup:
    """Return a table in a region that scrolls sideways, by keyboard too, where it is wider than the page."""
    head = tag("tr", [tag("th", c.title, scope="col", class_="num" if c.numeric else None) for c in columns])
    body = [tag("tr", [_cell(c, row, first=i == 0) for i, c in enumerate(columns)]) for row in rows]
    inner = tag("table", tag("caption", tag("span", caption)), tag("thead", head), tag("tbody", body))
    return tag("div", inner, class_="scroll", tabindex="0", role="region", aria_label=caption)


def _breakable(name: str) -> list[Child]:
    """Let a long name wrap after an underscore, where a reader expects it, before it has to break anywhere."""
    head, *rest = name.split("_")
    return [head, *([Markup("_<wbr>"), piece] for piece in rest)]


def _cell(column: Column[R], row: R, *, first: bool) -> Markup:
    share = column.share(row) if column.share else math.nan
    bar = None if math.isnan(share) else f"--share:{100 * min(max(share, 0.0), 1.0):.1f}%"
    kinds = " ".join(k for k in ("num" if column.numeric else "", "bar" if bar else "") if k)
    text, _, small = column.cell(row).partition("\n")
    inside: list[Child] = [_breakable(text) if first else text, tag("small", small) if small else None]
    scope = {"scope": "row"} if first else {}
    return tag("th" if first else "td", inside, class_=kinds or None, style=bar, **scope)
