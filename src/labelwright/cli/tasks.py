"""``labelwright tasks``: projects with several related tasks."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .output import Answer, examples, progress_line, project_option, table, verb, warn
from .run import show_task_scores

if TYPE_CHECKING:
    from labelwright.pipeline.tasks.found import LabelledTasks

__all__ = ["command"]


@click.command(
    "tasks",
    short_help="Label several related tasks together.",
    epilog=examples(
        "labelwright tasks",
        "labelwright tasks --write labels",
        "labelwright tasks --json | jq .tasks.kind.scores.test.accuracy",
    ),
)
@project_option
@click.option(
    "--write",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Write the soft labels there, one Parquet file for each task.",
)
@verb
def command(project: Path, write: Path | None) -> Answer:
    """Label the examples of a project with several tasks, [tasks.NAME], together.

    Shows the tasks and what holds between them; for each task which functions vote on it, how often, and how far they
    can be trusted; where votes on different tasks contradict each other; and, where there is gold, how good the labels
    are on valid and test. Gold is used for that alone.
    """
    from labelwright.pipeline.tasks.labelling import label_tasks

    with progress_line() as step:
        found = label_tasks(project, write=write, step=step)
    for text in found.warnings:
        warn(text)
    return Answer(found.to_dict(), lambda: _show(found))


def _show(found: LabelledTasks) -> None:
    sizes = ", ".join(f"{n:,} {name}" for name, n in found.splits.items())
    click.echo(f"{found.project}: {len(found.tasks)} tasks, {sizes}\n\n{found.tree}\n")
    for task in found.tasks:
        rows = [[s.name, f"{s.votes:,}", f"{s.coverage:.1%}", _percent(s.accuracy)] for s in task.sources]
        title = f"{task.name}: {task.covered:.1%} of train covered"
        if rows:
            table(["function", "votes", "coverage", "accuracy (learned)"], rows, title=title)
        else:
            click.echo(f"{title}; no function votes on it\n")
    show_task_scores(found.tasks)
    click.echo(f"Votes rule each other out on {found.contradictions:,} of {found.splits['train']:,} examples of train.")
    for (first, second), n in found.contradicting.items():
        click.echo(f"  {first} and {second}: {n:,}")
    click.echo(f"Labels keep every relation on {found.feasible:,} of {sum(found.splits.values()):,} examples.")
    click.echo(f"Label model: {found.outcome.sentence}")
    for path in found.files.values():
        click.echo(f"Written: {path}")


def _percent(share: float) -> str:
    return "unknown" if math.isnan(share) else f"{share:.1%}"
