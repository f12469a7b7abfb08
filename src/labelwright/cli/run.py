"""``labelwright run`` and ``labelwright report``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .output import Answer, PathType, examples, progress_line, project_flag, project_option, table, verb, warn

if TYPE_CHECKING:
    from labelwright.analysis import Estimate
    from labelwright.analysis.slices import SliceRow, SliceTable, SplitSlices
    from labelwright.pipeline import FinishedRun, RunResult, TaskRunResult
    from labelwright.pipeline.refreshing.found_tasks import FoundTask, TaskScore

__all__ = ["command", "report", "show_run", "show_task_run", "show_task_scores"]

_SHOWN_SECONDS = 0.1
_SURE = 0.05


@click.command(
    "run",
    short_help="Apply, fit, label, train, score, and write the report.",
    epilog=examples(
        "labelwright run",
        "labelwright run --dry-run",
        "labelwright run --only has_link --only short",
        "labelwright run --json | jq .scores.test.models",
    ),
)
@project_option
@click.option("--dry-run", is_flag=True, help="Say what would be made again, why, and what it costs; write nothing.")
@click.option("--since", metavar="RUN", help="Compare with this run or snapshot; default: the last run.")
@click.option("--only", metavar="FUNCTION", multiple=True, help="Refresh this function's votes alone; may be repeated.")
@click.option("--full", is_flag=True, help="Make everything again, as if nothing had been kept.")
@click.option(
    "--diagnose", is_flag=True, help="Several tasks: report how far chance may have moved what is learned; takes long."
)
@verb
def command(
    project: Path, dry_run: bool, since: str | None, only: tuple[str, ...], full: bool, diagnose: bool
) -> Answer:
    """Apply the functions, fit the label model, label, train the end model, score, and write the report.

    Only what is stale is made: the votes of functions that changed, and of all functions on new rows; the outcome is
    that of a run from scratch. Gold labels, where the project has them, are used for the scores alone.

    Broken contracts and failed gates of labelwright.toml are warned of; with gates.enforce = true, the exit code is 1.
    """
    from labelwright.pipeline import Project, TaskRunResult

    if dry_run:
        plan = Project(project).plan(since=since, only=only, full=full)
        return Answer({"plan": plan.to_dict()}, lambda: click.echo(str(plan)))
    with progress_line() as step:
        result = Project(project).run(since=since, only=only, full=full, diagnose=diagnose, step=step)
    judged = Project(project).judge()
    for failure in judged.failures:
        warn(failure)

    def show() -> None:
        if isinstance(result, TaskRunResult):
            show_task_run(result)
        else:
            show_run(result)
        if judged.failures:
            click.echo(f"See contracts and gates: labelwright test{project_flag(project)}")
        if not isinstance(result, TaskRunResult):
            click.echo(f"Next: labelwright export --to parquet{project_flag(project)}")

    code = 1 if judged.enforced and not judged.passed else 0
    return Answer(result.to_dict() | judged.to_dict(), show, code=code)


@click.command(
    "report",
    short_help="Write the HTML report of the last run again.",
    epilog=examples("labelwright report", "labelwright report --output /tmp/report.html"),
)
@project_option
@click.option("--output", type=PathType(dir_okay=False), help="Default: report.html in the project.")
@verb
def report(project: Path, output: Path | None) -> Answer:
    """Write the HTML report of the last run again: one file, no network needed."""
    from labelwright.pipeline import Project

    path = Project(project).report(output)
    return Answer({"report": str(path)}, lambda: click.echo(f"Report: {path}"))


def show_run(result: RunResult) -> None:
    """Print a run: what was labelled, how good it is, and where the report is."""
    sizes = ", ".join(f"{n:,} {name}" for name, n in result.splits.items())
    covered = result.covered["train"]
    click.echo(f"{result.project}: {len(result.summary)} functions, {sizes}; {covered:.1%} of train covered")
    for board in result.scores:
        n = board.models[0].scores.n
        table(
            ["", "accuracy", "95% interval", "ROC AUC", "95% interval"],
            [[m.name, *_cells(m.scores.accuracy, "{:.1%}"), *_cells(m.scores.roc_auc, "{:.3f}")] for m in board.models],
            title=f"On {board.split} (n = {n:,})",
        )
        for difference in board.differences:
            if difference.second == "Plain end model" and difference.estimate.known:
                e = difference.estimate
                click.echo(
                    f"Augmentation changes accuracy on {board.split} by {100 * e.value:+.1f} points "
                    f"({100 * e.low:+.1f} to {100 * e.high:+.1f})"
                )
    show_slices(result.slices)
    if not result.scores:
        click.echo(
            "Nothing was scored: there are no gold labels outside train. Name their column as gold in [task], and a "
            "test split in [data.splits] of labelwright.toml."
        )
    for line in _made(result):
        click.echo(line)
    click.echo(f"Run {result.run_id} (number {result.number}) in {result.seconds:.1f} s")
    click.echo(f"Report: {result.report}")


def show_task_run(result: TaskRunResult) -> None:
    """Print a run of a project with several tasks."""
    sizes = ", ".join(f"{n:,} {name}" for name, n in result.splits.items())
    click.echo(f"{result.project}: {len(result.tasks)} tasks, {sizes}")
    for one in result.data_sets:
        click.echo(f"  {one}")
    rows = [[task.name, str(len(task.sources)), f"{task.covered:.1%}"] for task in result.tasks]
    table(["task", "functions", "train covered"], rows)
    show_task_scores(result.tasks)
    _table_of_scores("End models against gold", result.end_models)
    _table_of_scores("The same without augmented copies", result.plain_end_models)
    show_task_slices(result.slices)
    for part in result.graph.parts:
        outcome = result.outcomes.get(part.names[0])
        if outcome is not None and outcome.kind != "converged":
            click.echo(f"Label model of {', '.join(part.names)}: {outcome.sentence}")
    for line in _made(result):
        click.echo(line)
    click.echo(f"Run {result.run_id} (number {result.number}) in {result.seconds:.1f} s")
    click.echo(f"Report: {result.report}")


def show_task_scores(tasks: Sequence[FoundTask]) -> None:
    """Print how good the labels of each task are, where there is gold."""
    _table_of_scores("Against gold", {task.name: task.scores for task in tasks})


def _table_of_scores(title: str, scores: Mapping[str, Mapping[str, TaskScore]]) -> None:
    rows = [
        [task, split, *_cells(one.accuracy, "{:.1%}"), f"{one.macro_f1.value:.1%}", f"{one.n:,}"]
        for task, own in scores.items()
        for split, one in own.items()
    ]
    if rows:
        table(["task", "split", "accuracy", "95% interval", "macro F1", "n"], rows, title=title, text_columns=2)


def show_slices(splits: Sequence[SplitSlices]) -> None:
    """Print how the end model, or else the label model, does on each slice of test, or else of valid.

    Without gold votes alone are told of; without slices nothing.
    """
    if not splits:
        return
    first = splits[0]
    role = "end model" if "end model" in first.tables else "label model"
    found = first.tables[role]
    head, cells = _slice_cells(found, scored=first.scored)
    table(["", *head], cells, title=f"Slices of {first.split}" + (f", by the {role}" if first.scored else ""))
    _explain_mark([found])


def show_task_slices(slices: Mapping[str, Sequence[SplitSlices]]) -> None:
    """Print how each task does on each slice of test, or else of valid: its end model, or else its labels."""
    firsts = {task: own[0] for task, own in slices.items() if own}
    scored = any(one.scored for one in firsts.values())
    tables = {task: one.tables.get("end model", one.first) for task, one in firsts.items()}
    rows = []
    # Of several data sets one may have no test split; its tasks then say of what they are.
    split = next((name for name in ("test", "valid") if any(one.split == name for one in firsts.values())), "train")
    for task, found in tables.items():
        head, cells = _slice_cells(found, scored=scored)
        called = task if firsts[task].split == split else f"{task} ({firsts[task].split})"
        # The line of everything bears the task's name, and the slices stand below it.
        rows += [[called if i == 0 else f"  {name}", *cell] for i, (name, *cell) in enumerate(cells)]
    if rows:
        table(["task and slice", *head], rows, title=f"Slices of {split}")
        _explain_mark(list(tables.values()))


def _slice_cells(found: SliceTable, *, scored: bool) -> tuple[list[str], list[list[str]]]:
    """Return titles, without that of the name, and a line for everything and for each slice."""
    rows = (found.everything, *found.rows)
    head = ["n", "covered", "conflict"]
    cells = [[r.name, f"{r.n:,}", *(_cells(e, "{:.1%}")[0] for e in (r.coverage, r.conflicts))] for r in rows]
    if scored:
        head += ["accuracy (95%)", "vs the rest"]
        cells = [[*cell, *_accuracy(row)] for cell, row in zip(cells, rows, strict=True)]
    return head, cells


def _explain_mark(tables: Sequence[SliceTable]) -> None:
    if any(row.p_value is not None and row.p_value < _SURE for found in tables for row in found.rows):
        among = f", adjusted for {len(tables[0])} slices" if len(tables[0]) > 1 else ""
        click.echo(f"* differs from the rest beyond chance (p < {_SURE}{among})")


def _accuracy(row: SliceRow) -> tuple[str, str]:
    accuracy, difference = row.accuracy, row.difference
    if not accuracy.known:
        return "", ""
    ends = f"{100 * accuracy.low:.1f} to {100 * accuracy.high:.1f}"
    # One table has room for one more figure: the difference stands with a mark where chance does not explain it.
    sure = "*" if row.p_value is not None and row.p_value < _SURE else ""
    return f"{accuracy.value:.1%} ({ends})", f"{100 * difference.value:+.1f}{sure}" if difference.known else ""


def _made(result: FinishedRun) -> list[str]:
    """Say what was made and what was kept, and where the time went."""
    done = result.operations
    applied, kept = done.get("function_applications", 0), done.get("votes_kept", 0) + done.get("votes_copied", 0)
    lines = [f"Votes: {applied:,} made, {kept:,} kept; examples labelled: {done.get('rows_labelled', 0):,}"]
    if done.get("end_models_stale"):
        lines.append('The end model is stale: it was kept, as end_model.refresh = "keep" asks.')
    slow = {stage: seconds for stage, seconds in result.stages.items() if seconds >= _SHOWN_SECONDS}
    if slow:
        lines.append(
            "Time: " + ", ".join(f"{stage.replace('_', ' ')} {seconds:.1f} s" for stage, seconds in slow.items())
        )
    return lines


def _cells(estimate: Estimate, form: str) -> tuple[str, str]:
    if not estimate.known:
        return "", ""
    return form.format(estimate.value), f"{form.format(estimate.low)} to {form.format(estimate.high)}"
