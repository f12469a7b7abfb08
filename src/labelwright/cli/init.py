"""``labelwright init``."""

from __future__ import annotations

from pathlib import Path

import click

from .output import Answer, examples, project_flag, verb

__all__ = ["command"]


@click.command(
    "init",
    short_help="Start a project from a data file.",
    epilog=examples(
        "labelwright init --data my.csv --text body --labels a,b",
        "labelwright init spam --data x.csv --labels ham,spam --gold class",
    ),
)
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path())
@click.option("--data", type=click.Path(path_type=Path), required=True, help="CSV, JSON lines or Parquet.")
@click.option("--text", metavar="COLUMN", help="The column with the text; needed where there are several.")
@click.option("--labels", metavar="A,B,...", required=True, help="The classes, separated by commas.")
@click.option("--id", "id_column", metavar="COLUMN", help="A column with ids, all different.")
@click.option("--gold", metavar="COLUMN", help="A column with true classes; used for scoring only.")
@click.option("--force", is_flag=True, help="Replace labelwright.toml and supervision.py if they are there.")
@verb
def command(
    folder: Path, data: Path, text: str | None, labels: str, id_column: str | None, gold: str | None, force: bool
) -> Answer:
    """Start a project in FOLDER (default: this one) from a data file.

    Writes labelwright.toml and supervision.py, with three functions to start from, made of frequent words. No labels
    are needed. Nothing is overwritten without --force.
    """
    from labelwright.pipeline import start_project

    classes = [name.strip() for name in labels.split(",") if name.strip()]
    made = start_project(folder, data, text=text, classes=classes, id=id_column, gold=gold, force=force)

    def show() -> None:
        for path in made.files:
            click.echo(f"Wrote {path}")
        click.echo(f"Functions to start from: {', '.join(made.functions)}. Edit them: which class does each speak for?")
        where = project_flag(folder)
        click.echo(f"Next: labelwright lf test{where}, then labelwright run{where}")

    return Answer({"files": [str(p) for p in made.files], "functions": list(made.functions)}, show)
