"""``labelwright augment``: the policy that augments training examples."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .output import Answer, examples, one_line, progress_line, project_flag, project_option, table, verb

if TYPE_CHECKING:
    from labelwright.pipeline.augmenting.previewing import TriedTransformation
    from labelwright.pipeline.refreshing.augment import AugmentResult, UsedFunction

__all__ = ["command"]


@click.command(
    "augment",
    short_help="Learn how to augment training examples, or try it.",
    epilog=examples(
        "labelwright augment --show",
        "labelwright augment --show typos --limit 5",
        "labelwright augment --dry-run",
        "labelwright augment",
    ),
)
@click.argument("names", metavar="[NAME]...", nargs=-1)
@project_option
@click.option("--show", is_flag=True, help="List the transformation functions, and what they do to some examples.")
@click.option("--limit", type=click.IntRange(min=0), default=3, show_default=True, help="Examples to show of each.")
@click.option(
    "--split", type=click.Choice(["train", "valid", "test"]), default="train", show_default=True, help="Where to try."
)
@click.option("--dry-run", is_flag=True, help="Say what would be made, why, and what it costs; write nothing.")
@click.option("--full", is_flag=True, help="Make it again, as if nothing had been kept.")
@verb
def command(
    names: tuple[str, ...], project: Path, show: bool, limit: int, split: str, dry_run: bool, full: bool
) -> Answer:
    """Settle how training examples are augmented: which transformation functions, in which order, how strongly.

    With policy = "learned" in [augmentation] of labelwright.toml, this is learned from unlabelled examples; other
    policies need no learning. With safety = true, functions that leave the data are left out. `labelwright run` uses
    what is settled here, and settles it where it is not. Stopped with Ctrl-C, learning goes on from where it was.

    With --show nothing is learned or kept: each function (or those of the NAMEs) is tried alone.
    """
    from labelwright.pipeline import Project

    opened = Project(project)
    if names and not show:
        raise click.UsageError("names of functions go with --show: labelwright augment --show " + " ".join(names))
    if show:
        tried = opened.try_transformations(list(names) or None, split=split, limit=limit)
        payload = {"split": split, "functions": [one.to_dict() for one in tried]}
        return Answer(payload, lambda: _show_tried(tried, split, "" if opened.settings.data.id else "row "))
    if dry_run:
        plan = opened.plan_augmentation(full=full)
        return Answer({"plan": plan.to_dict()}, lambda: click.echo(str(plan)))
    with progress_line() as step:
        result = opened.augment(full=full, step=step)
    return Answer(result.to_dict(), lambda: _show_result(result, project))


def _show_tried(tried: list[TriedTransformation], split: str, what: str) -> None:
    if not tried:
        click.echo("supervision.py holds no transformation function.")
        return
    rows = [[t.name, t.field or "all", _magnitude(t.magnitude), f"{t.changed:,}", f"{t.failures:,}"] for t in tried]
    title = f"On {tried[0].n:,} examples of {split}, one step at a magnitude at random"
    table(["function", "field", "magnitude", "changed", "failures"], rows, title=title, text_columns=3)
    for one in tried:
        if one.examples or one.first_failures:
            click.echo(f"{one.name}:")
        for shown in one.examples:
            click.echo(f"  [{what}{shown.example_id}] {one_line(shown.before, 110)}")
            click.echo(f"    {shown.steps}: {one_line(shown.after, 110)}")
        for message in one.first_failures:
            click.echo(f"  FAILED  {one_line(message)}")


def _magnitude(bounds: tuple[float, float, float, str] | None) -> str:
    if bounds is None:
        return "none"
    low, high, neutral, unit = bounds
    at = "" if neutral == low else f", nothing at {neutral:g}"
    return f"{low:g} to {high:g}{at} {unit}".rstrip()


def _show_result(result: AugmentResult, project: Path) -> None:
    what = "learned now" if result.learned else "as it was" if not result.steps else "settled"
    of = f", from {result.examples:,} examples of train" if result.examples else ""
    click.echo(f"Policy: {result.policy}, {what}{of} ({result.seconds:.1f} s)")
    if result.outcome:
        click.echo(result.outcome)
    columns = ["function", "magnitudes", "safety", "share of steps"]
    rows = [[f.name, _bounds(f), f.verdict or "not judged", _share(f.probability)] for f in result.functions]
    if result.nothing is not None:
        rows.append(["(nothing)", "", "", _share(result.nothing)])
    table(columns, rows, text_columns=3)
    for one in result.functions:
        if one.verdict in ("narrowed", "rejected"):
            click.echo(f"{one.name}: {one.why}")
    click.echo(f"Next: labelwright run{project_flag(project)}")


def _bounds(function: UsedFunction) -> str:
    return "" if function.bounds is None else f"{function.bounds[0]:g} to {function.bounds[1]:g}"


def _share(probability: float | None) -> str:
    return "" if probability is None else f"{probability:.1%}"
