"""How good the models are: every metric with its interval, confusion matrices, calibration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from labelwright.analysis.charts import calibration_chart, confusion_chart
from labelwright.analysis.content import Difference, ModelResult, ReportContent
from labelwright.analysis.histograms import Calibration, CalibrationBin
from labelwright.analysis.markup import Markup, tag
from labelwright.analysis.scores import ClassScores, Scores
from labelwright.analysis.tables import Column

from .blocks import METRIC_NAMES, difference_in_words, figure, figures, headline_model, section, table, written

__all__ = ["models"]

# A confusion matrix of more classes than these cannot be read; its table still can.
_MOST_CLASSES = 12


def models(content: ReportContent) -> Markup | None:
    """Return the section on the models; nothing without scores and calibration."""
    if not content.models and not content.calibration:
        return None
    roles = {m.name: m.role for m in content.models}
    drawn = [_confusion(m, i) for i, m in enumerate(content.models) if m.role != "supervised"]
    fitted = [_calibration(c, roles.get(c.model, "end model"), i) for i, c in enumerate(content.calibration) if c.bins]
    head = headline_model(content)
    intro = (
        f"On {content.models[0].scores.n:,} {content.score_split} examples with gold. Under each value: its 95% "
        "interval. Uncovered examples are scored as the class balance."
        if content.models
        else None
    )
    return section(
        "models",
        "Models",
        _scores_table(content.models) if content.models else None,
        _covered_table(content.models),
        _differences_table(content.differences) if content.differences else None,
        figures(*[d for d in drawn if d], *fitted),
        _classes_table(head) if head and len(head.scores.classes) > 2 else None,
        intro=intro,
    )


def _scores_table(
    rows: Sequence[ModelResult], *, caption: str = "Scores of the models", covered: bool = False
) -> Markup:
    def of(model: ModelResult) -> Scores:
        return (model.scores.on_covered or model.scores) if covered else model.scores

    columns: list[Column[ModelResult]] = [
        Column("model", lambda m: f"{m.name}\n{m.note}" if m.note else m.name, numeric=False)
    ]
    for metric, name in METRIC_NAMES.items():
        if not any(getattr(of(m), metric).known for m in rows) or (covered and metric == "coverage"):
            continue
        columns.append(Column(name, partial(_cell, of, metric)))
    if covered:
        columns.append(Column("n", lambda m: f"{of(m).n:,}"))
    return table(rows, columns, caption=caption)


def _cell(of: Callable[[ModelResult], Scores], metric: str, model: ModelResult) -> str:
    return "\n".join(written(metric, getattr(of(model), metric)))


def _class_cell(kind: str, scores: ClassScores) -> str:
    return "\n".join(written(kind, getattr(scores, kind)))


def _covered_table(rows: Sequence[ModelResult]) -> Markup | None:
    some = [m for m in rows if m.scores.on_covered is not None]
    if not some:
        return None
    shown = _scores_table(some, caption="Scores on covered examples alone", covered=True)
    return tag("details", tag("summary", "Scores on covered examples alone"), shown)


def _differences_table(rows: Sequence[Difference]) -> Markup:
    columns: list[Column[Difference]] = [
        Column("model", lambda d: d.first, numeric=False),
        Column("against", lambda d: d.second, numeric=False),
        Column("in", lambda d: METRIC_NAMES[d.metric], numeric=False),
        Column("difference", lambda d: difference_in_words(d)[0]),
        Column("95% interval", lambda d: difference_in_words(d)[1]),
        Column("n", lambda d: f"{d.estimate.n:,}"),
    ]
    return table(rows, columns, caption="Paired differences, on the same examples")


def _confusion(model: ModelResult, number: int) -> Markup | None:
    scores = model.scores
    names = [str(c) for c in scores.classes]
    if len(names) > _MOST_CLASSES or not scores.n:
        return None
    columns: list[Column[int]] = [Column("gold", lambda i: names[i], numeric=False)]
    columns += [Column(f"predicted {n}", partial(_count, scores, j)) for j, n in enumerate(names)]
    wrong = int(scores.confusion.sum() - scores.confusion.trace())
    return figure(
        f"confusion-{number}",
        f"Confusion: {model.name}",
        f"{wrong:,} of {scores.n:,} examples off the diagonal. Shade: share of the gold class.",
        confusion_chart(scores.confusion, names),
        "; ".join(
            f"gold {names[i]}, predicted {names[j]}: {int(scores.confusion[i, j]):,}"
            for i in range(len(names))
            for j in range(len(names))
        ),
        table(range(len(names)), columns, caption=f"Confusion of {model.name}"),
    )


def _count(scores: Scores, predicted: int, gold: int) -> str:
    return f"{int(scores.confusion[gold, predicted]):,}"


def _calibration(found: Calibration, role: str, number: int) -> Markup:
    columns: list[Column[CalibrationBin]] = [
        Column(found.of, lambda b: f"{b.low:.1f}–{b.high:.1f}", numeric=False),
        Column("mean", lambda b: f"{b.mean:.3f}"),
        Column("came true", lambda b: f"{b.observed.value:.3f}"),
        Column("95% interval", lambda b: f"{b.observed.low:.3f}–{b.observed.high:.3f}"),
        Column("n", lambda b: f"{b.observed.n:,}"),
    ]
    return figure(
        f"calibration-{number}",
        f"Calibration: {found.model}",
        f"On the dashed line, probabilities come true as often as they say. Mean distance from it: {found.error:.3f} "
        f"(n = {found.n:,} covered). Larger dots stand for more examples.",
        calibration_chart(found, role),
        "; ".join(f"said {b.mean:.2f}, came true {b.observed}" for b in found.bins),
        table(found.bins, columns, caption=f"Calibration of {found.model}"),
    )


def _classes_table(model: ModelResult) -> Markup:
    columns: list[Column[ClassScores]] = [Column("class", lambda c: str(c.name), numeric=False)]
    columns += [
        Column(METRIC_NAMES.get(kind, kind), partial(_class_cell, kind)) for kind in ("precision", "recall", "f1")
    ]
    columns.append(Column("gold examples", lambda c: f"{c.support:,}"))
    return table(model.scores.per_class, columns, caption=f"Classes, by {model.name}")
