"""``labelwright lf``: the labeling functions of a project."""

from __future__ import annotations

from pathlib import Path

import click

from .output import Answer, examples, one_line, project_option, table, verb, warn

__all__ = ["command"]


@click.group(
    "lf",
    short_help="List the labeling functions, or try them.",
    epilog=examples("labelwright lf list", "labelwright lf test has_link --limit 5"),
)
def command() -> None:
    """List the labeling functions of a project, or try them without running it."""


@command.command(
    "list",
    short_help="List them: labels, fields, version.",
    epilog=examples("labelwright lf list", "labelwright lf list --json"),
)
@project_option
@verb
def list_functions(project: Path) -> Answer:
    """List the labeling functions: name, what they may vote for, which fields they read, version."""
    from labelwright.pipeline import Project

    found = Project(project).describe_functions()

    def show() -> None:
        rows = [
            [f["name"], _listed(f["labels"], "any class"), _listed(f["fields"], "all fields"), f["version"][:12]]
            for f in found
        ]
        table(["function", "votes for", "reads", "version"], rows, text_columns=4)

    return Answer({"functions": found}, show)


@command.command(
    "test",
    short_help="Try them: coverage, examples, failures.",
    epilog=examples("labelwright lf test", "labelwright lf test has_link short --limit 10"),
)
@click.argument("names", metavar="[NAME]...", nargs=-1)
@project_option
@click.option("--limit", type=click.IntRange(min=0), default=3, show_default=True, help="Examples to show of each.")
@click.option(
    "--split", type=click.Choice(["train", "valid", "test"]), default="train", show_default=True, help="Where to try."
)
@verb
def test_functions(names: tuple[str, ...], project: Path, limit: int, split: str) -> Answer:
    """Try the functions: how often they vote, on what, and where they fail. Nothing is kept, no gold is needed."""
    from labelwright.pipeline import Project
    from labelwright.pipeline.judging.checks import vote_in_words

    opened = Project(project)
    tried = opened.try_functions(list(names) or None, split=split, limit=limit)
    # Without an id column these are places in the data.
    what = "" if opened.settings.data.id or "" not in opened.settings.sets else "row "
    for one in tried:
        if one.warning:
            warn(one.warning)

    def show() -> None:
        rows = [[t.name, f"{t.n:,}", f"{t.votes:,}", f"{t.coverage:.1%}", f"{t.failures:,}"] for t in tried]
        table(["function", "examples", "votes", "coverage", "failures"], rows, title=f"On {split}")
        for one in tried:
            if one.examples or one.first_failures[:limit]:
                click.echo(f"{one.name}:")
            for shown in one.examples:
                click.echo(f"  {vote_in_words(shown.vote)}  [{what}{shown.example_id}] {one_line(shown.text)}")
            for example_id, message in one.first_failures[:limit]:
                click.echo(f"  FAILED  [{what}{example_id}] {one_line(message)}")

    return Answer({"split": split, "functions": [t.to_dict() for t in tried]}, show)


def _listed(values: list[str] | None, otherwise: str) -> str:
    return otherwise if values is None else ", ".join(map(str, values))
