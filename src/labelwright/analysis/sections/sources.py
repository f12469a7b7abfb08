"""The sources: what each did, how right it is, whom it meets and contradicts."""

from __future__ import annotations

import math

import numpy as np

from labelwright.analysis.agreement import Agreement
from labelwright.analysis.charts import heatmap, sources_chart
from labelwright.analysis.content import Dependency, ReportContent
from labelwright.analysis.markup import Markup, tag
from labelwright.analysis.summary import SourceRow, Summary, summary_columns
from labelwright.analysis.tables import Column

from .blocks import figure, figures, percent, section, table, written

__all__ = ["sources"]

# More sources than these are shown by how much they vote; the rest stand in folded tables.
_TABLE, _CHART, _HEATMAP, _PAIRS = 20, 16, 15, 15


def sources(content: ReportContent) -> Markup:
    """Return the section on the sources."""
    summary = content.summary
    by_votes = sorted(summary.rows, key=lambda r: -r.votes)
    pairs = _pair_figures(content.agreement) if content.agreement and len(summary) > 1 else []
    return section(
        "sources",
        "Sources",
        _summary_table(summary, by_votes, content.summary_split),
        figures(_accuracy_figure(summary, by_votes), *pairs),
        _dependencies(content),
        _failures(summary),
        intro=f"Every labeling function, crowd worker or model that votes, on the {content.summary_split} split.",
    )


def _summary_table(summary: Summary, by_votes: list[SourceRow], split: str) -> Markup:
    columns = summary_columns(summary)
    if len(by_votes) <= _TABLE:
        return table(summary.rows, columns, caption=f"Votes of each source ({split})")
    shown = table(by_votes[:_TABLE], columns, caption=f"The {_TABLE} sources that vote most ({split})")
    rest = by_votes[_TABLE:]
    folded = tag(
        "details", tag("summary", f"{len(rest):,} more sources"), table(rest, columns, caption="Other sources")
    )
    return tag("div", shown, folded)


def _accuracy_figure(summary: Summary, by_votes: list[SourceRow]) -> Markup | None:
    known = {r.source for r in by_votes if r.accuracy.known or not math.isnan(r.learned_accuracy)}
    shown_names = [r.source for r in by_votes if r.source in known][:_CHART]
    if not shown_names:
        return None
    rows = [r for r in summary.rows if r.source in set(shown_names)]
    legend = [tag("span", "●", class_="dot-measured", aria_hidden="true"), " measured on gold, with its 95% interval; "]
    learned = [tag("span", "◇", class_="dot-learned", aria_hidden="true"), " learned by the label model without gold."]
    has_learned = any(not math.isnan(r.learned_accuracy) for r in rows)
    how = [*(legend if summary.has_gold else []), *(learned if has_learned else [])]
    if len(known) > _CHART:
        how.append(f" The {_CHART} sources that vote most, of {len(known):,}.")
    columns: list[Column[SourceRow]] = [
        Column("source", lambda r: r.source, numeric=False),
        Column("measured", lambda r: written("accuracy", r.accuracy)[0]),
        Column("95% interval", lambda r: written("accuracy", r.accuracy)[1]),
        Column("n", lambda r: f"{r.accuracy.n:,}"),
        Column("learned", lambda r: "—" if math.isnan(r.learned_accuracy) else f"{100 * r.learned_accuracy:.1f}%"),
    ]
    return figure(
        "accuracy",
        "Accuracy of the sources",
        how,
        sources_chart([(r.source, r.accuracy, r.learned_accuracy) for r in rows]),
        "; ".join(f"{r.source}: {written('accuracy', r.accuracy)[0]}" for r in rows),
        table(rows, columns, caption="Accuracy of the sources"),
    )


def _pair_figures(agreement: Agreement) -> list[Markup]:
    votes = np.diag(agreement.both)
    most = np.sort(np.argsort(-votes, kind="stable")[:_HEATMAP])
    names = [agreement.sources[i] for i in most]
    numbers = [int(i) + 1 for i in most]
    part = "" if len(most) == len(votes) else f" The {len(most)} sources that vote most, of {len(votes):,}."
    overlap, conflict = agreement.overlap, agreement.conflict
    np.fill_diagonal(overlap, 0)
    highest = float(np.nanmax(overlap, initial=0.0))
    worst = float(np.nanmax(conflict, initial=0.0))
    overlap[overlap == 0], conflict[conflict == 0] = np.nan, np.nan
    square = np.ix_(most, most)
    return [
        figure(
            "overlap",
            "Overlap",
            f"Share of all examples on which two sources both vote; the darkest square is {100 * highest:.1f}%. "
            f"Blank: never.{part}",
            heatmap(overlap[square], names, numbers),
            f"Overlap of {len(most)} sources; the largest is {100 * highest:.1f}% of examples.",
            _meetings_table(agreement),
        ),
        figure(
            "conflict",
            "Conflict",
            f"Share of all examples on which two sources contradict each other; the darkest square is "
            f"{100 * worst:.1f}%. Blank: never.{part}",
            heatmap(conflict[square], names, numbers),
            f"Conflict of {len(most)} sources; the largest is {100 * worst:.1f}% of examples.",
            _conflicts_table(agreement),
        ),
    ]


def _meetings_table(agreement: Agreement) -> Markup:
    meetings = np.triu(agreement.both, 1)
    order = np.argsort(-meetings, axis=None, kind="stable")[:_PAIRS]
    rows = [(int(i), int(j)) for i, j in zip(*np.unravel_index(order, meetings.shape), strict=True) if meetings[i, j]]
    columns: list[Column[tuple[int, int]]] = [
        Column("source", lambda p: agreement.sources[p[0]], numeric=False),
        Column("meets", lambda p: agreement.sources[p[1]], numeric=False),
        Column("examples", lambda p: f"{agreement.both[p]:,}"),
        Column("share of all", lambda p: percent(int(agreement.both[p]), agreement.n)),
    ]
    return table(rows, columns, caption=f"The {len(rows)} pairs that meet most")


def _conflicts_table(agreement: Agreement) -> Markup:
    rows = agreement.top_conflicts(_PAIRS)
    columns: list[Column[tuple[str, str, int, int]]] = [
        Column("source", lambda p: p[0], numeric=False),
        Column("contradicts", lambda p: p[1], numeric=False),
        Column("times", lambda p: f"{p[2]:,}"),
        Column("of meetings", lambda p: f"{p[3]:,}"),
        Column("share", lambda p: percent(p[2], p[3])),
    ]
    return table(rows, columns, caption=f"The {len(rows)} pairs that conflict most")


def _dependencies(content: ReportContent) -> Markup | None:
    if not content.dependencies:
        return None
    columns: list[Column[Dependency]] = [
        Column("source", lambda d: d.first, numeric=False),
        Column("depends on", lambda d: d.second, numeric=False),
        Column("strength", lambda d: f"{d.strength:.2f}"),
        Column("what was done", lambda d: d.note, numeric=False),
    ]
    return table(content.dependencies, columns, caption="Sources that agree beyond what the label model expects")


def _failures(summary: Summary) -> Markup | None:
    if not summary.failures:
        return None
    items = [
        tag(
            "li",
            tag("b", failure.source),
            f" raised on {failure.count:,} examples.",
            tag("ul", [tag("li", tag("code", f"{example}: {message[:300]}")) for example, message in failure.first]),
        )
        for failure in summary.failures
    ]
    return tag("div", tag("h3", "Failures"), tag("ul", items), class_="failures")
