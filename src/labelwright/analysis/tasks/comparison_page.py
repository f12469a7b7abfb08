"""A comparison of two runs on several tasks as one HTML page that needs nothing else."""

from __future__ import annotations

from labelwright.analysis.comparison_html import (
    STYLE,
    diff_header,
    functions_section,
    movers_section,
    settings_section,
)
from labelwright.analysis.comparison_rows import parameter_columns, told_parameters
from labelwright.analysis.markup import Markup, tag
from labelwright.analysis.page import sectioned_page
from labelwright.analysis.sections.blocks import section, table

from .comparison import FLIPS, FLIPS_SHOWN, PARAMETERS_SHOWN, SPLITS, TaskChange, TasksComparison, flip_rows

__all__ = ["tasks_comparison_html"]

# With more tasks than these, what became of each is folded.
_OPEN = 4


def tasks_comparison_html(content: TasksComparison) -> str:
    """Lay out a comparison on several tasks as one self-contained page: no script, nothing loaded from anywhere.

    Parameters
    ----------
    content : TasksComparison

    Returns
    -------
    str
        A whole HTML document in UTF-8. All data is escaped.

    Examples
    --------
    >>> from labelwright.analysis.comparison import RunLabel
    >>> page = tasks_comparison_html(TasksComparison("notes <1>", RunLabel(1, "a" * 16), RunLabel(2, "b" * 16), []))
    >>> "notes &lt;1&gt;" in page, "<script" in page
    (True, False)
    """
    body = {
        "labels": _labels(content),
        "flips": _flips(content),
        "functions": functions_section(content.functions),
        "learned": _learned(content),
        "movers": movers_section(content.movers, content.moved),
        "settings": settings_section(content.settings),
    }
    titles = {name: name.capitalize() for name in body}
    return sectioned_page(
        f"{content.project}: {content.before} → {content.after}", _answer(content), body, titles, style=STYLE
    )


def _answer(content: TasksComparison) -> Markup:
    splits = [split for one in content.tasks for split in one.splits]
    flipped, stayed = sum(one.flipped for one in splits), sum(one.stayed for one in splits)
    facts = [
        ("labels flipped", f"{flipped:,}"),
        ("in both runs", f"{stayed:,}"),
        ("labels added", f"{sum(one.added for one in splits):,}"),
        ("labels removed", f"{sum(one.removed for one in splits):,}"),
        ("tasks in both", f"{len(content.tasks):,}"),
        ("functions touched", f"{sum(one.what != 'rewritten' for one in content.functions):,}"),
    ]
    share = 100 * flipped / stayed if stayed else 0.0
    return diff_header(content.project, (content.before, content.after), share, content.headline()[1:], facts)


def _labels(content: TasksComparison) -> Markup:
    changed = [one for one in content.tasks if not one.unchanged]
    same = [one.task for one in content.tasks if one.unchanged]
    rows = [(one.task, split) for one in changed for split in one.splits if not split.empty]
    return section(
        "labels",
        "Labels",
        table(rows, SPLITS, caption="By task and split") if rows else None,
        tag("p", f"Labels are the same on {', '.join(same)}.") if same else None,
        intro="Each example has a label on every task that it is about. Accuracy is after minus before, with a paired "
        "95% interval: both runs are scored on the same gold.",
    )


def _flips(content: TasksComparison) -> Markup | None:
    found = [one for one in content.tasks if any(split.flips for split in one.splits)]
    if not found:
        return None
    return section("flips", "Flips", tag("div", [_flips_of(one, unfolded=len(found) <= _OPEN) for one in found]))


def _flips_of(one: TaskChange, *, unfolded: bool) -> Markup:
    rows = flip_rows(one)
    count = sum(row[3] for row in rows)
    rest = len(rows) - FLIPS_SHOWN
    small = f"{count:,} labels" + (f"; {rest:,} rarer flips are not shown" if rest > 0 else "")
    head = tag("summary", tag("b", one.task), tag("span", small, class_="count"))
    inner = table(rows[:FLIPS_SHOWN], FLIPS, caption=f"Flips of {one.task}")
    return tag("details", head, inner, class_="bucket", open=unfolded)


def _learned(content: TasksComparison) -> Markup | None:
    told = {one.task: told_parameters(one.accuracies, PARAMETERS_SHOWN) for one in content.tasks}
    found = [one for one in content.tasks if told[one.task][0]]
    if not found:
        return None
    tables = []
    for one in found:
        shown, left_out = told[one.task]
        more = f"; {left_out:,} smaller moves are not shown" if left_out else ""
        tables.append(table(shown, parameter_columns("function", shown), caption=f"Accuracies on {one.task}{more}"))
    methods = list(dict.fromkeys(one.interval_method for one in found if one.interval_method))
    intro = f"Intervals: {'; '.join(methods)}." if methods else None
    return section("learned", "What the label model learned", *tables, intro=intro)
