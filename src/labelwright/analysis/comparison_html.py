"""A comparison of two runs as one HTML page that needs nothing else, and as a fragment for notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from .comparison import Comparison, FunctionChange, Mover, RunLabel, SettingChange
from .comparison_rows import (
    FLIPS,
    METRICS,
    SETTINGS,
    SLICES,
    data_sentence,
    label_name,
    parameter_columns,
    probability_move,
    told_parameters,
)
from .markup import EMPTY, Markup, tag
from .page import sectioned_page
from .sections.blocks import section, table
from .tables import Column, html_table

__all__ = [
    "STYLE",
    "comparison_fragment",
    "comparison_html",
    "diff_header",
    "functions_section",
    "movers_section",
    "settings_section",
]

R = TypeVar("R")

_PARAMETERS_SHOWN = 30

STYLE = """
.source{overflow-x:auto;font-size:.82rem;line-height:1.45;margin:0;
  font-family:ui-monospace,"SF Mono",Consolas,"DejaVu Sans Mono",monospace}
.source span{display:block;white-space:pre;padding:0 .5rem;border-left:3px solid transparent}
.source .plus{background:color-mix(in srgb,var(--blue) 12%,transparent);border-color:var(--blue)}
.source .minus{background:color-mix(in srgb,var(--vermillion) 12%,transparent);border-color:var(--vermillion)}
.source .place{color:var(--muted)}
.what{max-width:70ch}
.reasons{padding-left:1.1rem;font-size:.9rem}
.facts{margin-top:1.5rem}
.arrow{color:var(--muted);font-weight:400}
"""


def comparison_html(content: Comparison) -> str:
    """Lay out a comparison as one self-contained page: no script, nothing loaded from anywhere.

    Parameters
    ----------
    content : Comparison

    Returns
    -------
    str
        A whole HTML document in UTF-8. All data is escaped.

    Examples
    --------
    >>> from labelwright.analysis.comparison import Comparison, RunLabel
    >>> page = comparison_html(Comparison("spam <or> ham", RunLabel(1, "a" * 16), RunLabel(2, "b" * 16)))
    >>> "spam &lt;or&gt; ham" in page, "<script" in page
    (True, False)
    """
    body = {
        "labels": _labels(content),
        "functions": functions_section(content.functions),
        "scores": _scores(content),
        "learned": _learned(content),
        "movers": movers_section([("", one) for one in content.movers], content.moved),
        "settings": settings_section(content.settings),
    }
    return sectioned_page(
        f"{content.project}: {content.before} → {content.after}",
        _answer(content),
        body,
        {name: name.capitalize() for name in body},
        style=STYLE,
    )


def comparison_fragment(content: Comparison) -> str:
    """Return the main tables in the colours of the page that they stand in, for notebooks."""
    title = tag("p", tag("b", f"{content.before} → {content.after}"), f": {'; '.join(content.headline())}")
    parts = [html_table(content.splits, SLICES)]
    if content.metrics:
        parts.append(html_table(content.metrics, METRICS, caption="Scores on the same gold rows"))
    named = [f"{f.what} {f.name}" + (f" ({'; '.join(f.reasons)})" if f.reasons else "") for f in content.functions]
    functions = tag("ul", [tag("li", one) for one in named]) if named else EMPTY
    return tag("div", title, Markup("".join(parts)), functions)


def _answer(content: Comparison) -> Markup:
    stayed = sum(one.stayed for one in content.splits)
    share = 100 * content.flipped / stayed if stayed else 0.0
    facts = [
        ("labels flipped", f"{content.flipped:,}"),
        ("in both runs", f"{stayed:,}"),
        ("examples added", f"{sum(s.added for s in content.splits):,}"),
        ("examples removed", f"{sum(s.removed for s in content.splits):,}"),
        ("functions touched", f"{sum(f.what != 'rewritten' for f in content.functions):,}"),
    ]
    notes = tag("ul", [tag("li", note) for note in content.notes], class_="notes") if content.notes else None
    runs = (content.before, content.after)
    return diff_header(content.project, runs, share, content.headline()[1:], facts, notes)


def diff_header(
    project: str,
    runs: tuple[RunLabel, RunLabel],
    share: float,
    said: Sequence[str],
    facts: Sequence[tuple[str, str]],
    notes: Markup | None = None,
) -> Markup:
    """Return what stands at the top: between which runs, and how many labels of a hundred are other ones."""
    before, after = (tag("span", f"{one}, {one.when}" if one.when else str(one)) for one in runs)
    return tag(
        "header",
        tag("p", "Labelwright diff", before, tag("span", "→", class_="arrow"), after, class_="stamp"),
        tag("h1", project),
        tag("p", tag("strong", f"{share:.2g}%", class_="big"), class_="figure"),
        tag("p", "of the labels are other ones", f"; {'; '.join(said)}" if said else None, ".", class_="what"),
        tag("dl", [tag("div", tag("dt", name), tag("dd", value)) for name, value in facts], class_="facts"),
        notes,
        id="answer",
    )


def _labels(content: Comparison) -> Markup:
    flips = [(one.name, flip) for one in content.splits for flip in one.flips]
    return section(
        "labels",
        "Labels",
        table(content.splits, SLICES, caption="By split"),
        _table(flips, FLIPS, "Flips by class"),
        _table(content.groups, SLICES, f"Groups with most flips: {len(content.groups)} of {content.group_count:,}"),
        tag("p", data_sentence(content)) if content.data else None,
        intro="A label flips where an example has another class than before, a label for none, or none for a label.",
    )


def functions_section(functions: Sequence[FunctionChange]) -> Markup | None:
    """Return the section on functions that changed; nothing where none did."""
    return section("functions", "Functions", [_function(one) for one in functions]) if functions else None


def _function(function: FunctionChange) -> Markup:
    what = "written otherwise, does the same" if function.what == "rewritten" else function.what
    lines = [tag("span", line or " ", class_=_line_kind(line)) for line in function.source.splitlines()]
    return tag(
        "div",
        tag("h3", function.name, tag("span", f"  {what}", class_="count")),
        tag("ul", [tag("li", reason) for reason in function.reasons], class_="reasons") if function.reasons else None,
        tag("div", lines, class_="source", tabindex="0", role="region", aria_label=f"Source of {function.name}")
        if lines
        else None,
        class_="card",
    )


def _line_kind(line: str) -> str | None:
    if line.startswith(("+++", "---", "@@")):
        return "place"
    return {"+": "plus", "-": "minus"}.get(line[:1])


def _scores(content: Comparison) -> Markup | None:
    if not content.metrics:
        return None
    return section(
        "scores",
        "Scores",
        table(content.metrics, METRICS, caption="On the gold rows that both runs have"),
        intro="Differences are after minus before, with paired 95% intervals: both runs are scored on the same rows.",
    )


def _learned(content: Comparison) -> Markup | None:
    parameters, rest = told_parameters(content.parameters, _PARAMETERS_SHOWN)
    if not parameters and not content.class_balance:
        return None
    more = f" {rest} smaller moves are not shown." if rest and parameters else ""
    return section(
        "learned",
        "What the label model learned",
        _table(parameters, parameter_columns("function", parameters), "Accuracies of functions"),
        _table(content.class_balance, parameter_columns("class", content.class_balance), "Class balance"),
        intro=f"Intervals: {content.interval_method}.{more}",
    )


def movers_section(movers: Sequence[tuple[str, Mover]], moved: int) -> Markup | None:
    """Return the section on the labels that moved most, each with its task ("" for the only one), of ``moved``."""
    if not movers:
        return None
    return section(
        "movers",
        "Largest movers",
        tag("ul", [_mover(one, task) for task, one in movers], class_="cards"),
        intro=f"{len(movers)} of {moved:,} that moved: flips first, then the longest way.",
    )


def _mover(mover: Mover, task: str) -> Markup:
    label = tag("b", label_name(mover.before), tag("span", " → ", class_="arrow"), label_name(mover.after))
    return tag(
        "li",
        tag("p", mover.text, class_="text") if mover.text else None,
        tag(
            "div",
            label,
            probability_move(mover),
            tag("span", f"{task} {mover.split} {mover.example_id}".lstrip(), class_="id"),
            class_="label",
        ),
        class_="example",
    )


def settings_section(settings: Sequence[SettingChange]) -> Markup | None:
    """Return the section on settings that changed; nothing where none did."""
    if not settings:
        return None
    return section("settings", "Settings", table(settings, SETTINGS, caption="labelwright.toml"))


def _table(rows: Sequence[R], columns: Sequence[Column[R]], caption: str) -> Markup | None:
    return table(rows, columns, caption=caption) if rows else None
