"""A run as HTML for notebooks; pages written beside a project, never over it."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

from labelwright.analysis import Estimate, ModelResult
from labelwright.analysis.tables import Column, html_table
from labelwright.core import atomic_write
from labelwright.core.errors import ProjectError
from labelwright.pipeline.guarding import refuse_sources
from labelwright.pipeline.settings import read_settings

__all__ = ["run_html", "write_page"]


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


def write_page(page: str, target: Path, *, folder: Path) -> None:
    """Write a page, but not over what the project in ``folder`` is made of.

    Raises
    ------
    DataError
        If ``target`` is the project's settings, functions, store or data.
    ProjectError
        If there is no write access.
    """
    refuse_sources(target, folder=folder, settings=read_settings(folder))
    try:
        atomic_write(target, page)
    except PermissionError as error:
        raise ProjectError(f"no write access to {target.parent}; name another place with --html.") from error


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
