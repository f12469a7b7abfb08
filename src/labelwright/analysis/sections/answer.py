"""The answer in one screen: what came out, beside what, and what to beware of."""

from __future__ import annotations

from labelwright.analysis.base import Estimate
from labelwright.analysis.charts import estimates_chart
from labelwright.analysis.content import Difference, ModelResult, Note, ReportContent
from labelwright.analysis.markup import Markup, tag
from labelwright.analysis.tables import Column

from .blocks import (
    LOWER_IS_BETTER,
    METRIC_NAMES,
    SHARES,
    difference_in_words,
    figure,
    headline_model,
    notes_list,
    percent,
    table,
    written,
)
from .data import funnel_figure

__all__ = ["answer"]


def answer(content: ReportContent) -> Markup:
    """Return the top of the report: title, verdict, key figures, the chart of models, warnings."""
    model = headline_model(content)
    verdict = _verdict(content, model) if model else _verdict_without_gold(content)
    chart = (
        _models_figure(content) if model else funnel_figure(content.summary.funnel, content.summary_split, heading="h2")
    )
    stamp = " · ".join(x for x in (content.when, f"run {content.run_id}" if content.run_id else "") if x)
    title = tag(
        "div",
        tag("p", "Labelwright report", tag("span", stamp) if stamp else None, class_="stamp"),
        tag("h1", content.project),
        tag("p", content.description, class_="description") if content.description else None,
    )
    left = tag("div", tag("div", title, verdict), _facts(content), class_="verdict")
    return tag(
        "header",
        tag("div", left, chart, class_="hero"),
        _warnings(content),
        id="answer",
    )


def _verdict(content: ReportContent, model: ModelResult) -> Markup:
    metric = content.headline_metric
    estimate = getattr(model.scores, metric)
    value, interval = written(metric, estimate)
    name = METRIC_NAMES[metric]
    sentence = [tag("b", model.name), f": {name} on {model.scores.n:,} {content.score_split} examples with gold"]
    spread = tag("span", f"95% interval {interval}", class_="interval") if interval else None
    differences = [d for d in content.differences if d.first == model.name and d.estimate.known]
    compared = [tag("li", _compared(d)) for d in differences]
    return tag(
        "div",
        tag("p", tag("strong", value, class_="big"), spread, class_="figure"),
        tag("p", sentence, class_="what"),
        tag("ul", compared, class_="compared") if compared else None,
    )


def _compared(difference: Difference) -> list[Markup | str]:
    """Say a paired difference in words; an interval that holds 0 is no clear difference."""
    e, metric = difference.estimate, difference.metric
    size, ends = difference_in_words(difference)
    if not ends:
        return ["Beside ", tag("b", difference.second), f": {size}"]
    if e.low <= 0 <= e.high:
        return ["Not clearly different from ", tag("b", difference.second), f": {size} [{ends}]"]
    better = (e.value > 0) != (metric in LOWER_IS_BETTER)
    return [tag("b", size), f" [{ends}], {'better' if better else 'worse'} than ", tag("b", difference.second)]


def _verdict_without_gold(content: ReportContent) -> Markup:
    funnel = content.summary.funnel
    what = f"of {funnel.n:,} {content.summary_split} examples have at least one vote"
    note = "No gold labels were given, so nothing here says how often the labels are right."
    return tag(
        "div",
        tag("p", tag("strong", percent(funnel.covered, funnel.n), class_="big"), class_="figure"),
        tag("p", what, class_="what"),
        tag("p", note, class_="how"),
    )


def _facts(content: ReportContent) -> Markup:
    funnel = content.summary.funnel
    facts = [
        ("sources", f"{len(content.summary):,}"),
        (f"{content.summary_split} examples", f"{funnel.n:,}"),
        ("covered", percent(funnel.covered, funnel.n)),
        ("in conflict", percent(funnel.conflicting, funnel.n)),
    ]
    return tag("dl", [tag("div", tag("dt", name), tag("dd", value)) for name, value in facts], class_="facts")


def _models_figure(content: ReportContent) -> Markup:
    metric = content.headline_metric
    rows = [(m, getattr(m.scores, metric)) for m in content.models]
    spec = estimates_chart(
        [(m.name, m.role, e, " ".join(_bracketed(metric, e))) for m, e in rows if e.known],
        title=f"{METRIC_NAMES[metric]} on {content.score_split}",
        share=metric in SHARES,
    )
    description = "; ".join(f"{m.name}: {METRIC_NAMES[metric]} {e}" for m, e in rows)
    columns: list[Column[ModelResult]] = [
        Column("model", lambda m: m.name, numeric=False),
        Column(METRIC_NAMES[metric], lambda m: written(metric, getattr(m.scores, metric))[0]),
        Column("95% interval", lambda m: written(metric, getattr(m.scores, metric))[1]),
        Column("n", lambda m: f"{getattr(m.scores, metric).n:,}"),
    ]
    n = content.models[0].scores.n
    how = f"Dots are measured on {n:,} {content.score_split} examples with gold; bars are 95% intervals."
    return figure(
        "models-chart",
        "How the models compare",
        how,
        spec,
        description,
        table(content.models, columns, caption="Models"),
        heading="h2",
    )


def _bracketed(metric: str, estimate: Estimate) -> list[str]:
    value, interval = written(metric, estimate)
    return [value, f"[{interval}]"] if interval else [value]


def _warnings(content: ReportContent) -> Markup | None:
    failed = [
        f"{f.source} raised on {f.count:,} examples and abstained there."
        for f in content.summary.failures
        if not any(f.source in note.text for note in content.notes)
    ]
    return notes_list([*(Note(text, "warning") for text in failed), *content.notes])
