"""``labelwright tasks``: projects with several related tasks."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .output import Answer, PathType, examples, progress_line, project_option, table, verb, warn
from .run import show_task_scores

if TYPE_CHECKING:
    from labelwright.analysis.tasks.contradictions import Contradictions
    from labelwright.pipeline.tasks.found import LabelledTasks

__all__ = ["command"]

_PAIRS_SHOWN = 10


@click.command(
    "tasks",
    short_help="Show several related tasks: labels, contradictions, what is stale.",
    epilog=examples(
        "labelwright tasks",
        "labelwright tasks --diagnose",
        "labelwright tasks --write labels",
        "labelwright tasks --json | jq .tasks.kind.scores.test.accuracy",
    ),
)
@project_option
@click.option(
    "--write",
    type=PathType("folder"),
    help="Write the soft labels there, one Parquet file for each task.",
)
@click.option(
    "--diagnose",
    is_flag=True,
    help="Say how sure accuracies are, and what makes labels worse than they need to be: some dozens of solves.",
)
@verb
def command(project: Path, write: Path | None, diagnose: bool) -> Answer:
    """Label the examples of a project with several tasks, [tasks.NAME], together.

    Shows the tasks and what holds between them; for each task which functions vote on it, how often, and how far they
    can be trusted; where votes on different tasks contradict each other, and whom the labels follow there; what is
    stale since the last run; and, where there is gold, how good the labels are on valid and test. Gold is used for that
    alone. What runs kept is read; nothing is written but what --write asks for.
    """
    from labelwright.pipeline.tasks.labelling import label_tasks

    with progress_line() as step:
        found = label_tasks(project, write=write, diagnose=diagnose, step=step)
    for text in found.warnings:
        warn(text)
    return Answer(found.to_dict(), lambda: _show(found))


def _show(found: LabelledTasks) -> None:
    sizes = ", ".join(f"{n:,} {name}" for name, n in found.splits.items())
    sets = "".join(f"\n  {one}" for one in found.data_sets)
    click.echo(f"{found.project}: {len(found.tasks)} tasks, {sizes}{sets}\n\n{found.tree}\n")
    for task in found.tasks:
        ranges = _ranges(found, task.name)
        rows = [
            [s.name, f"{s.votes:,}", f"{s.coverage:.1%}", _percent(s.accuracy) + ranges.get(s.name, "")]
            for s in task.sources
        ]
        title = f"{task.name}: {task.covered:.1%} of train covered"
        if rows:
            table(["function", "votes", "coverage", "accuracy (learned)"], rows, title=title)
        else:
            click.echo(f"{title}; no function votes on it\n")
    show_task_scores(found.tasks)
    _show_contradictions(found.contradictions)
    _show_findings(found)
    click.echo(f"Labels keep every relation on {found.feasible:,} of {sum(found.splits.values()):,} examples.")
    click.echo(f"Label model: {found.outcome.sentence}")
    _show_stale(found)
    for path in found.files.values():
        click.echo(f"Written: {path}")


def _ranges(found: LabelledTasks, task: str) -> dict[str, str]:
    """Return the interval of each function's accuracy on a task, or what stands for it."""
    if found.intervals is None:
        return {}
    ranges = found.intervals[task]
    told = ranges.accuracies
    cells = zip(ranges.sources, told.low, told.high, told.reasons, strict=True)
    return {name: "  no interval" if why else f"  {low:.1%} to {high:.1%}" for name, low, high, why in cells}


def _show_findings(found: LabelledTasks) -> None:
    if found.findings is not None:
        click.echo(f"{found.findings}\n")


def _show_contradictions(found: Contradictions) -> None:
    said = f"Votes rule each other out on {found.examples:,} of {found.n:,} examples of train"
    click.echo(
        f"{said}{'.' if not found.examples else f'; the labels keep every relation on {found.repaired:,} of these.'}"
    )
    rows = [
        [" / ".join(pair.tasks), *pair.sources]
        + [f"{n:,}" for n in (pair.examples, pair.first_kept, pair.second_kept, pair.neither_kept)]
        for pair in found.pairs[:_PAIRS_SHOWN]
    ]
    if rows:
        title = "Functions that rule each other out, and whose votes the labels keep"
        columns = ["tasks", "first", "second", "examples", "first kept", "second kept", "neither"]
        table(columns, rows, title=title, text_columns=3)
    if len(found.pairs) > len(rows):
        click.echo(f"and {len(found.pairs) - len(rows):,} more pairs: --json has all of them\n")


def _show_stale(found: LabelledTasks) -> None:
    if not found.compared_with:
        click.echo("There is no run yet: labelwright run keeps votes, models and labels.")
        return
    if not any(one.stale for one in found.components):
        click.echo(f"All labels are those of {found.compared_with}.")
        return
    click.echo(f"Stale since {found.compared_with}; labelwright run keeps what is new:")
    for one in found.components:
        click.echo(f"  {', '.join(one.tasks)}: {'; '.join(one.reasons) or 'up to date'}")


def _percent(share: float) -> str:
    return "unknown" if math.isnan(share) else f"{share:.1%}"
