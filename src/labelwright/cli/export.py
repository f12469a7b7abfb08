"""``labelwright export``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any, Literal

import click

from .output import Answer, PathType, examples, project_option, verb

__all__ = ["command"]


@click.command(
    "export",
    short_help="Write the labelled training set, or the trained model.",
    epilog=examples(
        "labelwright export --to parquet",
        "labelwright export --to hf --output labelled --split all",
        "labelwright export --snapshot v1 --to csv",
        "labelwright export --model triage-model",
        "labelwright export --to parquet --task urgent",
    ),
)
@click.option("--to", type=click.Choice(["parquet", "jsonl", "csv", "hf"]), help="Format of the training set.")
@click.option("--output", type=PathType("path"), help="File or folder. Default: labels.<format>, or labels.")
@click.option(
    "--split",
    type=click.Choice(["train", "valid", "test", "all"]),
    default="train",
    show_default=True,
    help="Which examples.",
)
@click.option("--model", type=PathType("folder", file_okay=False), help="Write the end model to this folder.")
@click.option(
    "--snapshot", metavar="NAME", default="latest", show_default=True, help="The run: a snapshot, number, latest~1, ..."
)
@click.option("--task", metavar="NAME", help="Of a project with several tasks: this one. Default: a file for each.")
@project_option
@verb
def command(
    to: Literal["parquet", "jsonl", "csv", "hf"] | None,
    output: Path | None,
    split: str,
    model: Path | None,
    snapshot: str,
    task: str | None,
    project: Path,
) -> Answer:
    """Write the labelled training set of the last run (or another), or its end model.

    Examples are written as that run read them, also where the data has changed since.
    Every row has its probabilities (prob_<class>), its label (empty where no function voted or classes tie), how many
    functions voted, and where the label came from: run_id, label_model_id, functions_hash; and example_id where the
    data has no id column. In CSV, texts that a spreadsheet would take for a formula (they begin with = + - @) get a
    leading apostrophe.

    A project with several tasks gives a folder with one file for each, and tasks.json, which names them; with --task,
    the file of that task. Its end models are written one at a time, --model FOLDER --task NAME; one network for all
    tasks is written whole, without --task.
    """
    if to is None and model is None:
        raise click.UsageError("say what to export: --to parquet|jsonl|csv|hf, or --model FOLDER.")
    from labelwright.pipeline import Project

    opened = Project(project)
    payload: dict[str, Any] = {}
    if to is not None:
        folder = to == "hf" or (opened.settings.has_tasks and task is None)
        target = output or Path("labels" if folder else f"labels.{to}")
        count = opened.export(target, to, split=split, snapshot=snapshot, task=task)
        payload |= {"count": count, "output": str(target)}
    if model is not None:
        opened.export_model(model, snapshot=snapshot, task=task)
        payload["model"] = str(model)

    def show() -> None:
        if "output" in payload:
            click.echo(f"Wrote {payload['count']:,} examples: {payload['output']}")
        if model is not None:
            click.echo(f"Wrote the end model: {model}")
            click.echo(f"Next: labelwright predict DATA --model-folder {shlex.quote(str(model))}")

    return Answer(payload, show)
