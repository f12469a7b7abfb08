"""Slices in a report on several tasks: how models do on named subsets of the examples, task by task."""

from __future__ import annotations

from labelwright.analysis.markup import Markup, tag
from labelwright.analysis.sections.blocks import section
from labelwright.analysis.sections.slices import slice_views, slices_intro

from .content import TaskResult, TasksContent
from .drawing import in_order

__all__ = ["STYLE", "slices"]

STYLE = ".bucket>.grid{margin:.4rem 0 1rem}"

# Beyond so many tasks, all but the first are folded.
_OPEN = 2


def slices(content: TasksContent) -> Markup | None:
    """Return the section on slices; nothing where there are none."""
    by_name = {task.name: task for task in content.tasks}
    found = [by_name[name] for name in in_order(content.graph) if by_name[name].slices]
    if not found:
        return None
    return section(
        "slices",
        "Slices",
        tag("div", [_of_task(task, i, unfolded=len(found) <= _OPEN or i == 0) for i, task in enumerate(found)]),
        intro=slices_intro(found[0].slices[0])
        + " Votes conflict where those on the task disagree, or where one of them and one on a related task rule each "
        "other out. Accuracy is that of answers that keep every relation.",
    )


def _of_task(task: TaskResult, number: int, *, unfolded: bool) -> Markup:
    return tag(
        "details",
        tag("summary", tag("b", task.name), tag("span", _in_short(task), class_="count")),
        slice_views(task.slices, name=f"slice-accuracy-{number}", of=f", {task.name}"),
        class_="bucket",
        open=unfolded,
    )


def _in_short(task: TaskResult) -> str:
    """Say on which slice the task is least right, or that there is no gold."""
    scored = next((split for split in task.slices if split.scored), None)
    if scored is None:
        return "no gold"
    table = scored.tables.get("end model", scored.first)
    known = [row for row in table.rows if row.accuracy.known]
    if not known:
        return f"no slice has gold on {scored.split}"
    worst = min(known, key=lambda row: row.accuracy.value)
    return (
        f"lowest on {worst.name}: {worst.accuracy.value:.1%} of {worst.scored:,}; everything "
        f"{table.everything.accuracy.value:.1%}"
    )
