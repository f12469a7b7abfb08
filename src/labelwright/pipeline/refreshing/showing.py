"""What a project does as HTML for notebooks; pages written beside a project, never over it."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from labelwright.analysis import Estimate, ModelResult
from labelwright.analysis.tables import Column, html_table
from labelwright.core import atomic_write
from labelwright.core.errors import ProjectError
from labelwright.pipeline.guarding import refuse_sources
from labelwright.pipeline.settings import read_settings

__all__ = ["log_html", "plan_html", "run_html", "supervision_html", "write_page"]


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


def plan_html(plan: Any) -> str:
    """Return what a refresh would do, step by step.

    Parameters
    ----------
    plan : Plan
    """
    if not plan.steps:
        return f"<p>{html.escape(str(plan))}</p>"
    since = f"To do since {plan.compared_with}" if plan.compared_with else "To do"
    return html_table(plan.steps, _STEPS, caption=since)


def log_html(project: str, entries: Sequence[Any]) -> str:
    """Return the last runs of a project.

    Parameters
    ----------
    project : str
    entries : sequence of LogEntry
    """
    head = f"<p><strong>{html.escape(project)}</strong></p>"
    return head + (html_table(entries, _RUNS, caption="Last runs") if entries else "<p>It has not been run.</p>")


def supervision_html(report: Any) -> str:
    """Return what `Project.test` found.

    Parameters
    ----------
    report : SupervisionReport
    """
    judged = report.judgement
    wrong = [str(example) for example in report.examples if not example.passed]
    verdict = "Passed" if report.passed else "Failed"
    return "".join(
        [
            f"<p><strong>{verdict}</strong>: {len(report.examples) - len(wrong)} of {len(report.examples)} examples"
            f" as expected; project tests: {html.escape(str(report.tests))}</p>",
            "".join(f"<p>{html.escape(text)}</p>" for text in wrong),
            html_table(judged.contracts, _CONTRACTS, caption="Contracts") if judged.contracts else "",
            html_table(judged.gates, _GATES, caption=f"Gates against {judged.reference}") if judged.gates else "",
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
    refuse_sources(target, folder=folder, settings=read_settings(folder, several_tasks=None))
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

_STEPS: list[Column[Any]] = [
    Column("what", lambda step: step.what, numeric=False),
    Column("why", lambda step: step.reason, numeric=False),
    Column("operations", lambda step: f"{step.operations:,}" if step.operations else ""),
    Column("seconds, about", lambda step: "" if step.seconds is None else f"{step.seconds:.1f}"),
]
_RUNS: list[Column[Any]] = [
    Column("run", lambda entry: str(entry.number)),
    Column("when (UTC)", lambda entry: f"{entry.finished:%Y-%m-%d %H:%M}", numeric=False),
    Column("snapshot", lambda entry: ", ".join(s.name for s in entry.snapshots), numeric=False),
    Column("changed", lambda entry: entry.changed, numeric=False),
    Column("score", lambda entry: entry.headline, numeric=False),
    Column("note", lambda entry: ", ".join(entry.flags), numeric=False),
]
_CONTRACTS: list[Column[Any]] = [
    Column("function", lambda one: one.who, numeric=False),
    Column("asked", lambda one: one.asked, numeric=False),
    Column("status", lambda one: one.status, numeric=False),
    Column("found", lambda one: "" if one.value is None else f"{one.value:.3g}"),
    Column("judged on", lambda one: one.basis, numeric=False),
]
_GATES: list[Column[Any]] = [
    Column("gate", lambda one: f"{one.gate}, {one.where}", numeric=False),
    Column("status", lambda one: one.status, numeric=False),
    Column("figures", lambda one: one.sentence, numeric=False),
]
