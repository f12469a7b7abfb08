"""How far the sources reach: splits, the coverage funnel, votes per example, and how sure the soft labels are."""

from __future__ import annotations

from collections.abc import Sequence

from labelwright.analysis.charts import bars, columns_chart, histogram_chart
from labelwright.analysis.content import ReportContent, Split
from labelwright.analysis.histograms import Histogram
from labelwright.analysis.markup import Markup
from labelwright.analysis.summary import Funnel
from labelwright.analysis.tables import Column

from .blocks import figure, figures, percent, section, table

__all__ = ["data", "funnel_figure", "splits_table"]

# Votes per example beyond this many are drawn together.
_MOST_VOTES = 8


def data(content: ReportContent) -> Markup:
    """Return the section on the data and the labels made for it."""
    split = content.summary_split
    funnel = content.summary.funnel
    return section(
        "data",
        "Data and labels",
        figures(
            funnel_figure(funnel, split) if content.models else None,
            _votes_figure(funnel, split),
            _soft_figure(content.soft_labels, content.soft_split) if content.soft_labels else None,
        ),
        splits_table(content.splits) if content.splits else None,
    )


def funnel_figure(funnel: Funnel, split: str, *, heading: str = "h3") -> Markup:
    """Return the coverage funnel; it stands at the top of the report where no model was scored."""
    steps = [
        (name, count, f"{count:,}" if i == 0 else f"{count:,} · {percent(count, funnel.n)}")
        for i, (name, count) in enumerate(funnel.steps)
    ]
    columns: list[Column[tuple[str, int, str]]] = [
        Column("step", lambda s: s[0], numeric=False),
        Column("examples", lambda s: f"{s[1]:,}"),
        Column("share", lambda s: percent(s[1], funnel.n)),
    ]
    return figure(
        "funnel",
        "Coverage",
        f"How many {split} examples the sources reach, meet on, and disagree on.",
        bars(steps),
        "; ".join(f"{name}: {figure_}" for name, _, figure_ in steps),
        table(steps, columns, caption="Coverage"),
        heading=heading,
    )


def _votes_figure(funnel: Funnel, split: str) -> Markup | None:
    counts = list(funnel.votes_per_example)
    if not counts:
        return None
    labels = [str(v) for v in range(len(counts))]
    if len(counts) > _MOST_VOTES + 1:
        labels = [*labels[:_MOST_VOTES], f"{_MOST_VOTES}+"]
        counts = [*counts[:_MOST_VOTES], sum(counts[_MOST_VOTES:])]
    rows = list(zip(labels, counts, strict=True))
    columns: list[Column[tuple[str, int]]] = [
        Column("votes", lambda r: r[0], numeric=False),
        Column("examples", lambda r: f"{r[1]:,}"),
    ]
    return figure(
        "votes",
        "Votes per example",
        f"How many sources spoke on each {split} example (n = {funnel.n:,}).",
        columns_chart(labels, counts, title="votes"),
        "; ".join(f"{label} votes: {count:,} examples" for label, count in rows),
        table(rows, columns, caption="Votes per example"),
    )


def _soft_figure(histogram: Histogram, split: str) -> Markup:
    rows = list(zip(histogram.edges[:-1], histogram.edges[1:], histogram.counts, strict=True))
    columns: list[Column[tuple[float, float, int]]] = [
        Column(histogram.of, lambda r: f"{r[0]:.2f}–{r[1]:.2f}", numeric=False),
        Column("examples", lambda r: f"{r[2]:,}"),
    ]
    n = sum(histogram.counts)
    left = (
        f" {histogram.uncovered:,} examples without a vote hold the class balance and are not drawn."
        if histogram.uncovered
        else ""
    )
    return figure(
        "soft",
        "How sure the soft labels are",
        f"{histogram.of[:1].upper()}{histogram.of[1:]}, over {n:,} covered {split} examples.{left}",
        histogram_chart(histogram),
        "; ".join(f"{low:.2f} to {high:.2f}: {count:,}" for low, high, count in rows if count),
        table(rows, columns, caption="Soft labels"),
    )


def splits_table(splits: Sequence[Split]) -> Markup:
    """Return the splits as a table."""
    columns: list[Column[Split]] = [
        Column("split", lambda s: s.name, numeric=False),
        Column("examples", lambda s: f"{s.n:,}"),
        Column("with gold", lambda s: f"{s.n_gold:,}" if s.n_gold else "—"),
        Column("used for", lambda s: s.purpose, numeric=False),
    ]
    return table(splits, columns, caption="Splits")
