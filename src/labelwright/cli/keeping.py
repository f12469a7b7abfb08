"""``labelwright verify``, ``labelwright checkout`` and ``labelwright gc``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .output import Answer, examples, one_line, progress_line, project_flag, project_option, table, verb

if TYPE_CHECKING:
    from labelwright.pipeline.versions.collecting import Collection

__all__ = ["checkout", "gc", "verify"]

_RUNS_SHOWN = 10


@click.command(
    "verify",
    short_help="Make a run again from what it kept, and compare.",
    epilog=examples("labelwright verify", "labelwright verify v1", "labelwright verify latest --json | jq .good"),
)
@click.argument("name", default="latest")
@project_option
@verb
def verify(name: str, project: Path) -> Answer:
    """Check that everything a run kept is whole, and that following its lineage again gives the same.

    Every artifact is read and hashed; then votes, stats, parameters, soft labels, end model and scores are made again,
    each from what was kept of the one before it, and compared bit for bit. Another processor or another version of a
    library may differ in the last digits: up to 1e-9 that is no fault, and is said. Exit code 1: something is not what
    it was.
    """
    from labelwright.pipeline import Project

    opened = Project(project)
    with progress_line() as step:
        found = opened.verify(name, step=step)

    def show() -> None:
        click.echo(f"Run {found.number} ({found.run_id}):")
        for check in found.checks:
            click.echo(f"  {check.what + ':':<14} {check.status}")
            click.echo(f"    {one_line(check.detail, 2000)}")
        if found.good:
            left = [check.what for check in found.checks if check.status == "not checked"]
            click.echo(f"Verified{f', but for {chr(44).join(left)}' if left else ''}.")
        else:
            click.echo("NOT verified: " + ", ".join(check.what for check in found.checks if not check.good) + ".")

    return Answer(found.to_dict(), show, 0 if found.good else 1)


@click.command(
    "checkout",
    short_help="Put settings and functions of a run back.",
    epilog=examples("labelwright checkout v1", "labelwright checkout latest~1 --force"),
)
@click.argument("name")
@click.option("--force", is_flag=True, help="Also replace files that were edited since the last run.")
@project_option
@verb
def checkout(name: str, force: bool, project: Path) -> Answer:
    """Make a run the current one again: its labelwright.toml and supervision come back, and it is the latest run.

    What is replaced is saved first, in .labelwright/replaced. Files that were edited since the last run are only
    replaced with --force. Data is left alone: predict and export use the run as it is, and the next run reads the data
    that is there then.
    """
    from labelwright.pipeline import Project

    done = Project(project).checkout(name, force=force)

    def show() -> None:
        for path in done.written:
            click.echo(f"  put back  {path}")
        for path in done.removed:
            click.echo(f"  removed   {path}")
        if done.replaced is not None:
            click.echo(f"What these replaced is in {done.replaced}")
        for said in done.different:
            click.echo(f"Not as it was: {one_line(said, 500)}")
        as_row = "" if done.number == done.of else f", as run {done.number}"
        click.echo(f"Run {done.of} ({done.run_id}) is the latest again{as_row}.")
        click.echo(f"Next: labelwright report{project_flag(project)}")

    return Answer(done.to_dict(), show)


@click.command(
    "gc",
    short_help="Remove what no kept run needs.",
    epilog=examples("labelwright gc --dry-run", "labelwright gc --yes", "labelwright gc --dry-run --json"),
)
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--older", type=click.FloatRange(min=0), default=1.0, show_default=True, help="Hours; younger stays.")
@project_option
@verb
def gc(dry_run: bool, yes: bool, older: float, project: Path) -> Answer:
    """Remove what neither a snapshot nor the last run needs, after saying what that is.

    Rows of the log stay: a run that was collected can be told about, and no longer read, compared or checked out.
    """
    from datetime import timedelta

    from labelwright.pipeline import read_settings
    from labelwright.pipeline.versions.collecting import collect_now, plan_project_collection

    read_settings(project, several_tasks=None)
    planned = plan_project_collection(project, grace=timedelta(hours=older))
    payload = {**planned.to_dict(), "removed": False}
    if dry_run or not planned.plan.doomed:
        return Answer(payload, lambda: _show_plan(planned))
    if not yes:
        _show_plan(planned)
        if not _confirmed():
            return Answer(payload, lambda: click.echo("Nothing was removed."), 1)
    done = collect_now(project, planned)
    payload["removed"] = True

    def show() -> None:
        if yes:
            _show_plan(planned)
        click.echo(f"Removed {done.artifacts:,} artifacts, {_size(done.size)}.")

    return Answer(payload, show)


def _confirmed() -> bool:
    """Ask; no answer (a pipe, or Ctrl-C) is no."""
    try:
        return click.confirm("Remove these?", err=True)
    except click.Abort:
        return False


def _show_plan(planned: Collection) -> None:
    kept = sum(count for count, _ in planned.plan.kept.values())
    if planned.plan.in_progress:
        click.echo(f"Nothing is removed while there is work in progress: {'; '.join(planned.plan.in_progress)}.")
        return
    if not planned.plan.doomed:
        click.echo(f"Nothing to remove: all {kept:,} artifacts are needed, or too young.")
        return
    rows = [[kind, f"{count:,}", _size(size)] for kind, (count, size) in planned.kinds.items()]
    rows.append(["in all", f"{len(planned.plan.doomed):,}", _size(planned.plan.size)])
    table(["to remove", "artifacts", "size"], rows)
    kinds = [[why, f"{count:,}", _size(size)] for why, (count, size) in planned.plan.kept.items()]
    table(["kept for", "artifacts", "size"], kinds)
    lost = planned.unreadable
    if lost:
        shown = ", ".join(str(row.number) for row in lost[:_RUNS_SHOWN])
        rest = f" and {len(lost) - _RUNS_SHOWN} more" if len(lost) > _RUNS_SHOWN else ""
        click.echo(
            f"Runs that can no longer be read then: {shown}{rest}. To keep one, name it: labelwright snapshot NAME "
            "--run NUMBER"
        )


def _size(size: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            return f"{size:,.0f} {unit}" if unit == "B" else f"{size:,.1f} {unit}"
        size /= 1000
    raise AssertionError
