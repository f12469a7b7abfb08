"""``labelwright snapshot``, ``labelwright log`` and ``labelwright diff``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .output import Answer, PathType, examples, one_line, project_flag, project_option, table, verb

if TYPE_CHECKING:
    from labelwright.analysis.comparison import Comparison
    from labelwright.pipeline.versions.diff import Diff
    from labelwright.pipeline.versions.snapshots import LogEntry
    from labelwright.pipeline.versions.task_diff import TasksDiff

__all__ = ["diff", "log", "snapshot"]


@click.command(
    "snapshot",
    short_help="Name the last run, so that it is kept.",
    epilog=examples(
        "labelwright snapshot v1",
        "labelwright snapshot audit --run 12 --note sent-to-the-auditors",
        "labelwright snapshot --remove v1",
    ),
)
@click.argument("name")
@click.option(
    "--run", metavar="RUN", default="latest", show_default=True, help="The run: number, start of its id, latest~1, ..."
)
@click.option("--note", default="", help="What to remember about it.")
@click.option("--force", is_flag=True, help="Move a name that another run has.")
@click.option("--remove", is_flag=True, help="Take the name away instead; the run stays until gc.")
@project_option
@verb
def snapshot(name: str, run: str, note: str, force: bool, remove: bool, project: Path) -> Answer:
    """Give the last run (or another) a name, under which everything that it made is kept.

    Runs without a name are kept until `labelwright gc`. A name has 1 to 64 letters, digits, dots, hyphens and
    underscores.
    """
    if remove and (note or force or run != "latest"):
        raise click.UsageError("--remove takes a name and nothing else.")
    from labelwright.pipeline import read_settings
    from labelwright.pipeline.versions.snapshots import add_snapshot, remove_snapshot

    read_settings(project, several_tasks=None)
    if remove:
        gone = remove_snapshot(project, name)
        return Answer(
            {"removed": gone.name, "number": gone.number},
            lambda: click.echo(f"Removed the name {gone.name}; run {gone.number} stays until labelwright gc."),
        )
    made = add_snapshot(project, name, run=run, note=note, force=force)

    def show() -> None:
        click.echo(f"Run {made.number} is {made.name}.")
        click.echo(f"Next: labelwright diff {made.name} latest{project_flag(project)}, once there is another run")

    return Answer({"name": made.name, "number": made.number, "made": made.made.isoformat(), "note": made.note}, show)


@click.command(
    "log",
    short_help="List runs and snapshots, newest first.",
    epilog=examples(
        "labelwright log", "labelwright log --snapshots --limit 100", "labelwright log --json | jq '.runs[0]'"
    ),
)
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="The most to list.")
@click.option("--snapshots", "named", is_flag=True, help="Only runs that have a name.")
@project_option
@verb
def log(limit: int, named: bool, project: Path) -> Answer:
    """List the runs of a project, newest first: when, what changed, how good, and what they are called."""
    from labelwright.pipeline import read_settings
    from labelwright.pipeline.versions.snapshots import read_log

    read_settings(project, several_tasks=None)
    entries, total = read_log(project, limit=limit, snapshots_only=named)

    def show() -> None:
        if not entries:
            click.echo("There are no snapshots." if named else "There are no runs yet: labelwright run.")
            return
        table(
            ["run", "when (UTC)", "id", "snapshot", "changed", "score"], [_log_row(e) for e in entries], text_columns=6
        )
        if total > len(entries):
            click.echo(f"{len(entries)} of {total:,}; --limit {total} shows all.")
        for entry in entries:
            for one in entry.snapshots:
                if one.note:
                    click.echo(f"{one.name}: {one_line(one.note)}")

    return Answer({"runs": [e.to_dict() for e in entries], "total": total}, show)


@click.command(
    "diff",
    short_help="Compare two runs: labels, functions, scores.",
    epilog=examples(
        "labelwright diff",
        "labelwright diff v1 latest --intervals",
        "labelwright diff main latest --markdown comment.md",
        "labelwright diff 3 7 --html diff.html",
    ),
)
@click.argument("before", default="latest~1")
@click.argument("after", default="latest")
@click.option("--limit", type=click.IntRange(min=0), default=10, show_default=True, help="The most movers to show.")
@click.option("--intervals", is_flag=True, help="Fit the earlier label model again, to say which moves pass chance.")
@click.option("--markdown", type=PathType(allow_dash=True), help="Write Markdown; - for stdout.")
@click.option("--html", type=PathType(dir_okay=False), help="Write an HTML page.")
@project_option
@verb
def diff(
    before: str,
    after: str,
    limit: int,
    intervals: bool,
    markdown: Path | None,
    html: Path | None,
    project: Path,
) -> Answer:
    """Compare two runs: which labels flipped, which functions changed and why, what that did to the scores.

    A run is named by a snapshot, its number, the start of its id, latest, or latest~1 (the one before the last).
    Without names, the last run is compared with the one before it.

    In a project with several tasks, labels and scores are compared task by task, and the movers are over all tasks.
    """
    from labelwright.pipeline import Project

    opened = Project(project)
    found: Diff | TasksDiff
    if opened.settings.has_tasks:
        found = opened.diff_tasks(before, after, limit=limit, intervals=intervals)
        payload, as_text = found.to_dict(), found.to_text
    else:
        found = opened.diff(before, after, limit=limit, intervals=intervals)
        assert found.comparison is not None
        payload, as_text = found.comparison.to_dict(), partial(_comparison_text, found.comparison)
    to_stdout = markdown is not None and str(markdown) == "-"
    written = opened.write_diff(found, markdown=None if to_stdout else markdown, html=html)
    payload["written"] = [str(path) for path in written]

    def show() -> None:
        if to_stdout:
            from labelwright.pipeline.versions.comparing import as_markdown

            assert found.comparison is not None
            click.echo(as_markdown(found.comparison), nl=False)
            return
        for path in written:
            click.echo(f"Wrote {path}")
        if not written:
            click.echo(as_text())

    return Answer(payload, show)


def _comparison_text(comparison: Comparison) -> str:
    from labelwright.analysis.comparison_text import comparison_text

    return comparison_text(comparison)


def _log_row(entry: LogEntry) -> list[str]:
    flags = f" [{', '.join(entry.flags)}]" if entry.flags else ""
    names = ", ".join(one.name for one in entry.snapshots)
    when = f"{entry.finished:%Y-%m-%d %H:%M}"
    return [str(entry.number), when, entry.run_id[:8], names, entry.changed + flags, entry.headline]
