"""``labelwright run`` and ``labelwright report``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .output import Answer, examples, progress_line, project_flag, project_option, table, verb

if TYPE_CHECKING:
    from labelwright.analysis import Estimate
    from labelwright.pipeline import RunResult

__all__ = ["command", "report", "show_run"]


@click.command(
    "run",
    short_help="Apply, fit, label, train, score, and write the report.",
    epilog=examples(
        "labelwright run", "labelwright run --project spam", "labelwright run --json | jq .scores.test.models"
    ),
)
@project_option
@verb
def command(project: Path) -> Answer:
    """Apply the functions, fit the label model, label, train the end model, score, and write the report.

    Gold labels, where the project has them, are used for the scores alone.
    """
    from labelwright.pipeline import Project

    with progress_line() as step:
        result = Project(project).run(step=step)

    def show() -> None:
        show_run(result)
        click.echo(f"Next: labelwright export --to parquet{project_flag(project)}")

    return Answer(result.to_dict(), show)


@click.command(
    "report",
    short_help="Write the HTML report of the last run again.",
    epilog=examples("labelwright report", "labelwright report --output /tmp/report.html"),
)
@project_option
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Default: report.html in the project.")
@verb
def report(project: Path, output: Path | None) -> Answer:
    """Write the HTML report of the last run again: one file, no network needed."""
    from labelwright.pipeline import Project

    path = Project(project).report(output)
    return Answer({"report": str(path)}, lambda: click.echo(f"Report: {path}"))


def show_run(result: RunResult) -> None:
    """Print a run: what was labelled, how good it is, and where the report is."""
    sizes = ", ".join(f"{n:,} {name}" for name, n in result.splits.items())
    covered = result.covered["train"]
    click.echo(f"{result.project}: {len(result.summary)} functions, {sizes}; {covered:.1%} of train covered")
    for board in result.scores:
        n = board.models[0].scores.n
        table(
            ["", "accuracy", "95% interval", "ROC AUC", "95% interval"],
            [[m.name, *_cells(m.scores.accuracy, "{:.1%}"), *_cells(m.scores.roc_auc, "{:.3f}")] for m in board.models],
            title=f"On {board.split} (n = {n:,})",
        )
    if not result.scores:
        click.echo(
            "Nothing was scored: there are no gold labels outside train. Name their column as gold in [task], and a "
            "test split in [data.splits] of labelwright.toml."
        )
    click.echo(f"Run {result.run_id} (number {result.number}) in {result.seconds:.1f} s")
    click.echo(f"Report: {result.report}")


def _cells(estimate: Estimate, form: str) -> tuple[str, str]:
    if not estimate.known:
        return "", ""
    return form.format(estimate.value), f"{form.format(estimate.low)} to {form.format(estimate.high)}"
