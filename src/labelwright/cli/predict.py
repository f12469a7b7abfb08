"""``labelwright predict``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import click

from .output import Answer, PathType, examples, project_option, table, verb

__all__ = ["command"]

_SHOWN = 20


@click.command(
    "predict",
    short_help="Predict new examples with a finished run; nothing is refitted.",
    epilog=examples(
        "labelwright predict new.csv",
        "labelwright predict new.csv --output labels.parquet",
        "labelwright predict new.csv --model label --json",
        "labelwright predict new.csv --model-folder triage-model",
    ),
)
@click.argument("data", type=PathType())
@project_option
@click.option(
    "--model",
    type=click.Choice(["end", "label"]),
    default="end",
    show_default=True,
    help="The end model, or the functions with the label model.",
)
@click.option("--model-folder", type=PathType("folder"), help="An exported end model; needs no project.")
@click.option("--output", type=PathType(), help="Write .csv, .jsonl or .parquet; default: show them.")
@verb
def command(
    data: Path, project: Path, model: Literal["end", "label"], model_folder: Path | None, output: Path | None
) -> Answer:
    """Predict the examples in DATA (CSV, JSON lines or Parquet) with a finished run; nothing is refitted.

    A project with several tasks answers all of them, and the answers keep every relation.
    """
    if model_folder is not None and model == "label":
        raise click.UsageError("--model-folder holds an end model; --model label needs a project. Give one of them.")
    from labelwright.pipeline import predict_file

    answer = predict_file(data, project=project, model=model, model_folder=model_folder, output=output)
    if answer.rows is None:
        where, count = answer.output, answer.count
        return Answer(
            {"count": count, "output": str(where)}, lambda: click.echo(f"Wrote {count:,} predictions: {where}")
        )
    rows = answer.rows

    def show() -> None:
        columns = _columns(rows[0]) if rows else []
        table(columns, [[_cell(row, name) for name in columns] for row in rows[:_SHOWN]])
        if len(rows) > _SHOWN:
            click.echo(f"{len(rows) - _SHOWN:,} more; --output FILE writes all of them.")
        if rows:
            click.echo(f"Model: {rows[0]['model']}")

    return Answer({"count": answer.count, "predictions": rows}, show)


def _columns(row: Mapping[str, object]) -> list[str]:
    """Return what is shown of a prediction; of several tasks not each probability, for which no line is wide enough."""
    return [name for name in row if name != "model" and ("label" in row or not name.startswith("prob_"))]


def _cell(row: Mapping[str, object], name: str) -> str:
    value = row[name]
    probability = row.get(f"prob_{name}_{value}")
    if isinstance(probability, float):
        return f"{value} ({probability:.2f})"
    return "" if value is None else f"{value:.4f}" if isinstance(value, float) else str(value)
