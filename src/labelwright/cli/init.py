"""``labelwright init``."""

from __future__ import annotations

from pathlib import Path

import click

from .output import Answer, PathType, examples, project_flag, verb

__all__ = ["command"]


@click.command(
    "init",
    short_help="Start a project from a data file.",
    epilog=examples(
        "labelwright init --data my.csv --text body --labels a,b",
        "labelwright init spam --data x.csv --labels ham,spam --gold class",
        "labelwright init spam --ci github",
    ),
)
@click.argument("folder", type=PathType("folder", file_okay=False), default=Path())
@click.option("--data", type=PathType(), help="CSV, JSON lines or Parquet.")
@click.option("--text", metavar="COLUMN", help="The column with the text; needed where there are several.")
@click.option("--labels", metavar="A,B,...", help="The classes, separated by commas.")
@click.option("--id", "id_column", metavar="COLUMN", help="A column with ids, all different.")
@click.option("--gold", metavar="COLUMN", help="A column with true classes; used for scoring only.")
@click.option("--ci", type=click.Choice(["github"]), help="Also write a workflow that tests and compares each change.")
@click.option("--force", is_flag=True, help="Replace files if they are there.")
@verb
def command(
    folder: Path,
    data: Path | None,
    text: str | None,
    labels: str | None,
    id_column: str | None,
    gold: str | None,
    ci: str | None,
    force: bool,
) -> Answer:
    """Start a project in FOLDER (default: this one) from a data file.

    Writes labelwright.toml and supervision.py, with up to three functions to start from, made of frequent words. No
    labels are needed. Nothing is overwritten without --force. With --ci and without --data, a project that is there
    gets the workflow alone.
    """
    if (data is None or labels is None) and (ci is None or data is not None or labels is not None):
        raise click.UsageError("say --data and --labels; only --ci, for a project that is there, needs neither.")
    from labelwright.pipeline import start_project
    from labelwright.pipeline.judging.ci import write_ci

    files: list[Path] = []
    functions: list[str] = []
    if data is not None and labels is not None:
        classes = [name.strip() for name in labels.split(",") if name.strip()]
        made = start_project(folder, data, text=text, classes=classes, id=id_column, gold=gold, force=force)
        files, functions = list(made.files), list(made.functions)
    if ci is not None:
        files.append(write_ci(folder, ci, force=force))

    def show() -> None:
        for path in files:
            click.echo(f"Wrote {path}")
        if data is None:
            return
        where = project_flag(folder)
        if functions:
            click.echo(f"Functions to start from: {', '.join(functions)}. Edit them: which class does each speak for?")
            click.echo(f"Next: labelwright lf test{where}, then labelwright run{where}")
        else:
            click.echo("No word is frequent enough to make functions of, so there is none yet.")
            click.echo(
                f"Next: write functions in {folder / 'supervision.py'}, which shows how; then labelwright lf "
                f"test{where}, then labelwright run{where}"
            )

    return Answer({"files": [str(p) for p in files], "functions": functions}, show)
