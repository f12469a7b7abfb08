"""``labelwright demo``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

from .output import Answer, PathType, examples, progress_line, project_flag, verb
from .run import show_run

__all__ = ["command"]


@click.command(
    "demo",
    short_help="Run the whole pipeline on real data that is built in.",
    epilog=examples("labelwright demo", "labelwright demo --folder biopsies --json"),
)
@click.option(
    "--folder",
    type=PathType("folder", file_okay=False),
    default=Path("labelwright-demo"),
    show_default=True,
    help="Where to write the project.",
)
@click.option("--force", is_flag=True, help="Replace files of the project that are there already.")
@verb
def command(folder: Path, force: bool) -> Answer:
    """Run the whole pipeline on real data that is built in.

    Biopsy triage: labeling functions read the most abnormal nuclei of a slide, and teach a model that reads the means
    over all nuclei. No diagnosis is used, except to score. Writes a project that you can edit and run again.
    """
    from labelwright.pipeline import run_demo

    with progress_line() as step:
        files, result = run_demo(folder, force=force, step=step)
    payload: dict[str, Any] = {**result.to_dict(), "project_folder": str(files.folder), "kept": list(files.kept)}

    def show() -> None:
        click.echo("Wisconsin breast-cancer data, 569 aspirates. Diagnoses only score, and train the ceiling.")
        show_run(result)
        click.echo(
            "Functions read the worst nuclei, the end model only the means: it answers where those were not measured."
        )
        if files.kept:
            click.echo(f"Kept as they were: {', '.join(files.kept)} (--force replaces them).")
        click.echo(f"Next: edit {shlex.quote(str(files.folder / 'supervision.py'))}, then")
        click.echo(f"      labelwright run{project_flag(files.folder)}")

    return Answer(payload, show)
