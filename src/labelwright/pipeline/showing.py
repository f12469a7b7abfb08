"""A run as HTML for notebooks."""

from __future__ import annotations

import html
from typing import Any

from labelwright.analysis import Estimate, ModelResult
from labelwright.analysis.tables import Column, html_table

__all__ = ["run_html"]


def run_html(result: Any) -> str:
    """Return what a run made: its splits, the scores of each model, and what each function did.

    Parameters
    ----------
    result : RunResult
    """
    splits = ", ".join(f"{name} {n:,} ({result.covered[name]:.1%} covered)" for name, n in result.splits.items())
    head = f"<strong>{html.escape(result.project)}, run {result.number}</strong>: {html.escape(splits)}"
    boards = [html_table(board.models, _COLUMNS, caption=f"Scores on {board.split}") for board in result.scores]
    notes = "".join(f"<li>{html.escape(text)}</li>" for text in result.warnings)
    return "".join(
        [
            f"<p>{head}; {result.seconds:.1f} s. {html.escape(str(result.outcome))}</p>",
            f"<ul>{notes}</ul>" if notes else "",
            *boards,
            result.summary._repr_html_(),
            f"<p>Report: <code>{html.escape(str(result.report))}</code></p>",
        ]
    )


def _percent(estimate: Estimate) -> str:
    if not estimate.known:
        return "—"
    return f"{estimate.value:.1%} [{100 * estimate.low:.1f} to {100 * estimate.high:.1f}]"


_COLUMNS: list[Column[ModelResult]] = [
    Column("model", lambda model: model.name, numeric=False),
    Column("accuracy [95%]", lambda model: _percent(model.scores.accuracy)),
    Column("macro F1 [95%]", lambda model: _percent(model.scores.macro_f1)),
    Column("n", lambda model: f"{model.scores.n:,}"),
]
