"""``labelwright explain``."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .output import Answer, PathType, examples, progress_line, project_option, verb

if TYPE_CHECKING:
    from labelwright.analysis.decided import DecidedLabels
    from labelwright.analysis.explanation import LabelExplanation
    from labelwright.analysis.tasks.explanation import TaskExplanation

__all__ = ["command"]


@click.command(
    "explain",
    short_help="Say why an example has its label, or what a function decides.",
    epilog=examples(
        "labelwright explain c07",
        "labelwright explain 1234 --snapshot v1 --html why.html",
        "labelwright explain c07 --refit --interval --check",
        "labelwright explain --function has_link",
        "labelwright explain c07 --task urgent --html why.html",
    ),
)
@click.argument("example_id", metavar="[ID]", required=False)
@project_option
@click.option("--function", metavar="NAME", help="Say which labels this function decides, instead of one example's.")
@click.option(
    "--snapshot",
    metavar="NAME",
    default="latest",
    show_default=True,
    help="The run: a snapshot, number, start of its id, latest~1, ...",
)
@click.option("--task", metavar="NAME", help="Of a project with several tasks: the one whose label is explained.")
@click.option("--refit", is_flag=True, help="Also fit the label model again without each function that voted.")
@click.option("--interval", is_flag=True, help="Also say how far the label could be off by chance; takes 32 fits once.")
@click.option("--check", is_flag=True, help="Also work the label out again from the example and compare.")
@click.option("--limit", type=click.IntRange(min=0), default=10, show_default=True, help="Examples of --function.")
@click.option("--html", type=PathType(), help="Write a page to this file.")
@verb
def command(
    example_id: str | None,
    project: Path,
    function: str | None,
    snapshot: str,
    task: str | None,
    refit: bool,
    interval: bool,
    check: bool,
    limit: int,
    html: Path | None,
) -> Answer:
    """Say why an example has its label: what each vote adds, and what the label would be without it.

    The report, diffs and exports show the ids of examples; they are those of data.id, or made from the content. Without
    data.id an example is called by its row in the data too, from 0: labelwright explain 17.

    With --function the other way round: how many labels flip without a function, and where it does most.

    In a project with several tasks, --task says which label: votes on related tasks move it too. There, --function,
    --refit, --interval and --check are not to be had.
    """
    if (example_id is None) == (function is None):
        raise click.UsageError("name one example (labelwright explain ID) or one function (--function NAME).")
    from labelwright.pipeline import Project

    opened = Project(project)
    if task is not None and (function is not None or refit or interval or check):
        raise click.UsageError(
            "--task explains one label: --function, --refit, --interval and --check are of projects with one task."
        )
    if task is None and function is None and opened.settings.has_tasks:
        raise click.UsageError(f"say which label, --task NAME: {', '.join(opened.settings.graph.names)}.")
    with progress_line() as step:
        found: TaskExplanation | LabelExplanation | DecidedLabels
        if task is not None:
            found = opened.explain_on_task(str(example_id), task, snapshot=snapshot)
        elif function is not None:
            found = opened.contributed(function, snapshot=snapshot, limit=limit)
        else:
            asked = {"refit": refit, "interval": interval, "check": check}
            found = opened.explain(str(example_id), snapshot=snapshot, **asked, step=step)
    if html is not None:
        from labelwright.pipeline.refreshing.showing import write_page

        write_page(found.to_page(), html, folder=project)
    payload = found.to_dict() | ({} if html is None else {"html": str(html)})

    def show() -> None:
        click.echo(found.to_text(width=shutil.get_terminal_size().columns, plain=not _has_blocks()))
        if html is not None:
            click.echo(f"\nWrote {html}")

    return Answer(payload, show)


def _has_blocks() -> bool:
    """Whether standard output can show bars."""
    try:
        "█▒…".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
