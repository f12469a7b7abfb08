"""What differs between two runs on several tasks, for readers: one Markdown text for a pull request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from labelwright.analysis.base import Estimate
from labelwright.analysis.comparison import (
    FunctionChange,
    Mover,
    ParameterMove,
    RunLabel,
    SettingChange,
    named_functions,
)
from labelwright.analysis.comparison_markdown import escape, folded, function_block, markdown_table, movers_table
from labelwright.analysis.comparison_rows import MOVERS as MOVERS_ON_ONE
from labelwright.analysis.comparison_rows import SETTINGS, parameter_columns, signed, told_parameters
from labelwright.analysis.tables import Column

__all__ = [
    "FLIPS",
    "FLIPS_SHOWN",
    "MOVERS",
    "PARAMETERS_SHOWN",
    "SPLITS",
    "FlipRow",
    "MoverRow",
    "SplitChanges",
    "SplitRow",
    "TaskChange",
    "TasksComparison",
    "flip_rows",
    "tasks_comparison_markdown",
]

PARAMETERS_SHOWN = 20
FLIPS_SHOWN = 30


@dataclass(frozen=True, slots=True)
class SplitChanges:
    """What became of the labels of one task on one split.

    Parameters
    ----------
    split : str
    stayed, added, removed : int
        Examples in both runs, in the later alone, in the earlier alone.
    moved : int
        Examples in both of which some probability differs.
    flips : tuple of (str, str, int)
        From which label to which, on how many examples, most first; "no label" where nothing is known of an example.
    accuracy : Estimate or None
        Paired difference in accuracy of the labels, later minus earlier, on the gold of the later run over examples in
        both; ``None`` without gold, and on train.
    """

    split: str
    stayed: int
    added: int
    removed: int
    moved: int
    flips: tuple[tuple[str, str, int], ...]
    accuracy: Estimate | None

    @property
    def flipped(self) -> int:
        """Examples in both whose label is another one."""
        return sum(n for _, _, n in self.flips)

    @property
    def empty(self) -> bool:
        """Whether neither run has an example that is about the task: a data set need not have every split."""
        return not (self.stayed or self.added or self.removed)

    @property
    def unchanged(self) -> bool:
        """Whether its labels are the same."""
        return not (self.moved or self.flips or self.added or self.removed)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "stayed": self.stayed,
            "added": self.added,
            "removed": self.removed,
            "moved": self.moved,
            "flips": [{"from": a, "to": b, "examples": n} for a, b, n in self.flips],
            "accuracy": None if self.accuracy is None else self.accuracy.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class TaskChange:
    """What became of one task that both runs have.

    Parameters
    ----------
    task : str
    splits : sequence of SplitChanges
    accuracies : sequence of ParameterMove
        What the label model learned of each function.
    interval_method : str
        How their intervals were worked out, or why they were not.
    """

    task: str
    splits: Sequence[SplitChanges]
    accuracies: Sequence[ParameterMove] = ()
    interval_method: str = ""

    @property
    def unchanged(self) -> bool:
        """Whether its labels are the same."""
        return all(one.unchanged for one in self.splits)


@dataclass(frozen=True, slots=True)
class TasksComparison:
    """Everything that a reader is told of two runs on several tasks; empty parts are left out.

    Parameters
    ----------
    project : str
    before, after : RunLabel
    tasks : sequence of TaskChange
        Those that both runs have.
    added, removed : sequence of str
        Tasks that one run alone has.
    movers : sequence of (str, Mover)
        The labels that moved most over all tasks, each with its task.
    functions : sequence of FunctionChange
    settings : sequence of SettingChange
    """

    project: str
    before: RunLabel
    after: RunLabel
    tasks: Sequence[TaskChange]
    added: Sequence[str] = ()
    removed: Sequence[str] = ()
    movers: Sequence[tuple[str, Mover]] = ()
    functions: Sequence[FunctionChange] = ()
    settings: Sequence[SettingChange] = ()

    @property
    def moved(self) -> int:
        """How many labels moved, over all tasks."""
        return sum(split.moved for one in self.tasks for split in one.splits)

    def headline(self) -> list[str]:
        """Say in a few short phrases what changed: how many labels over all tasks, most on which."""
        flipped = {one.task: sum(split.flipped for split in one.splits) for one in self.tasks}
        stayed = sum(split.stayed for one in self.tasks for split in one.splits)
        total = sum(flipped.values())
        share = f" ({100 * total / stayed:.2g}%)" if total else ""
        said = [f"{total:,} of {stayed:,} labels flipped{share}, of all tasks together"]
        most = sorted((task for task in flipped if flipped[task]), key=lambda task: -flipped[task])
        said += [f"{flipped[task]:,} on {task}" for task in most[:3]]
        for what, names in (("added", self.added), ("removed", self.removed)):
            said += [f"task{'s' * (len(names) != 1)} {what}: {', '.join(names)}"] if names else []
        return said + named_functions(self.functions)

    def moves(self, task: str) -> dict[str, ParameterMove]:
        """Return what the label model learned of functions on a task, by function."""
        return {move.name: move for one in self.tasks if one.task == task for move in one.accuracies}


# A row of a table of splits: the task's name and what became of the split.
SplitRow = tuple[str, SplitChanges]

SPLITS: list[Column[SplitRow]] = [
    Column("task", lambda row: row[0], numeric=False),
    Column("split", lambda row: row[1].split, numeric=False),
    Column("in both", lambda row: f"{row[1].stayed:,}"),
    Column("flipped", lambda row: f"{row[1].flipped:,}"),
    Column("share", lambda row: f"{100 * row[1].flipped / row[1].stayed:.1f}%" if row[1].stayed else "—"),
    Column("moved", lambda row: f"{row[1].moved:,}"),
    Column("added", lambda row: f"{row[1].added:,}"),
    Column("removed", lambda row: f"{row[1].removed:,}"),
    Column("accuracy, paired", lambda row: signed("accuracy", row[1].accuracy)),
]
# A row of a table of flips: the split, from which label, to which, on how many examples.
FlipRow = tuple[str, str, str, int]

FLIPS: list[Column[FlipRow]] = [
    Column("split", lambda row: row[0], numeric=False),
    Column("from", lambda row: row[1], numeric=False),
    Column("to", lambda row: row[2], numeric=False),
    Column("labels", lambda row: f"{row[3]:,}"),
]
# A row of a table of movers: the task's name and the example.
MoverRow = tuple[str, Mover]


def _of_mover(column: Column[Mover]) -> Column[MoverRow]:
    return Column(column.title, lambda row: column.cell(row[1]), numeric=column.numeric)


MOVERS: list[Column[MoverRow]] = [
    Column("task", lambda row: row[0], numeric=False),
    *(_of_mover(column) for column in MOVERS_ON_ONE),
]


def tasks_comparison_markdown(content: TasksComparison) -> str:
    """Lay out a comparison on several tasks as Markdown, as forges read it (tables, ``<details>``, ``diff`` blocks).

    Parameters
    ----------
    content : TasksComparison

    Returns
    -------
    str
        Ends with a newline; names and settings are escaped.

    Examples
    --------
    >>> split = SplitChanges("train", 60, 0, 0, 9, (("normal", "abnormal", 3),), None)
    >>> runs = RunLabel(1, "a" * 16), RunLabel(2, "b" * 16)
    >>> page = tasks_comparison_markdown(TasksComparison("notes", *runs, [TaskChange("finding", [split])]))
    >>> print(page.splitlines()[2])
    **3 of 60 labels flipped (5%), of all tasks together** · 3 on finding
    """
    head, *rest = content.headline()
    changed = [one for one in content.tasks if not one.unchanged]
    same = [one.task for one in content.tasks if one.unchanged]
    rows = [(one.task, split) for one in changed for split in one.splits if not split.empty]
    blocks = [
        f"### Training set of {escape(content.project)}: {escape(str(content.before))} → {escape(str(content.after))}",
        " · ".join([f"**{escape(head)}**", *map(escape, rest)]),
        markdown_table(rows, SPLITS),
        escape(f"Labels are the same on {', '.join(same)}.") if same else "",
        *map(_flips, changed),
        folded(f"Functions ({len(content.functions)})", *map(function_block, content.functions)),
        *map(_learned, changed),
        folded(f"Settings ({len(content.settings)})", markdown_table(content.settings, SETTINGS)),
        folded(f"Largest movers ({len(content.movers)} of {content.moved:,})", movers_table(content.movers, MOVERS)),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def flip_rows(one: TaskChange) -> list[FlipRow]:
    """Return the flips of a task over all splits, most first."""
    return sorted(((split.split, *flip) for split in one.splits for flip in split.flips), key=lambda row: -row[3])


def _flips(one: TaskChange) -> str:
    rows = flip_rows(one)
    left_out = f"{len(rows) - FLIPS_SHOWN} rarer flips are not shown." if len(rows) > FLIPS_SHOWN else ""
    count = sum(split.flipped for split in one.splits)
    return folded(f"Flips of {escape(one.task)} ({count:,})", markdown_table(rows[:FLIPS_SHOWN], FLIPS), left_out)


def _learned(one: TaskChange) -> str:
    shown, left_out = told_parameters(one.accuracies, PARAMETERS_SHOWN)
    if not shown:
        return ""
    more = f"{left_out} smaller moves are not shown." if left_out else ""
    table = markdown_table(shown, parameter_columns("function", shown))
    return folded(f"Learned accuracies on {escape(one.task)} ({len(one.accuracies)})", table, more)
