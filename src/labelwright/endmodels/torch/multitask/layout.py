"""Where the scores of each task lie: side by side in one row, tasks with as many classes next to each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby

import torch

from labelwright.endmodels.composing import Parent

__all__ = ["Group", "Layout", "lay_out"]


@dataclass(frozen=True, slots=True)
class Group:
    """Neighbouring tasks of one level with as many classes each, so that one reshape separates them.

    Parameters
    ----------
    level : int
        0 for tasks that need no other's answer.
    first : int
        Slot of the first of them.
    tasks, width : int
        How many tasks, and classes of each.
    start : int
        Column of their first class.
    """

    level: int
    first: int
    tasks: int
    width: int
    start: int

    @property
    def slots(self) -> slice:
        """Their places among the tasks."""
        return slice(self.first, self.first + self.tasks)

    @property
    def columns(self) -> slice:
        """Their columns among the scores."""
        return slice(self.start, self.start + self.tasks * self.width)

    def of(self, rows: torch.Tensor) -> torch.Tensor:
        """Return their part of rows of scores, (b, columns) -> (b, tasks, width)."""
        return rows[:, self.columns].reshape(len(rows), self.tasks, self.width)


@dataclass(frozen=True, slots=True)
class Layout:
    """The order of tasks (slots) and of their classes (columns).

    Parameters
    ----------
    names : tuple of str
        Tasks in the order of their slots.
    widths : tuple of int
        Classes of each, without N/A.
    groups : tuple of Group
    """

    names: tuple[str, ...]
    widths: tuple[int, ...]
    groups: tuple[Group, ...]

    @property
    def columns(self) -> int:
        """How many scores there are for each example."""
        return sum(self.widths)

    @property
    def starts(self) -> tuple[int, ...]:
        """First column of each task, by slot."""
        return tuple(sum(self.widths[:slot]) for slot in range(len(self.widths)))

    def split(self, rows: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the columns of each task, (b, columns) -> a view of (b, width) for each."""
        return dict(zip(self.names, torch.split(rows, list(self.widths), dim=1), strict=True))


def lay_out(widths: Mapping[str, int], parents: Mapping[str, Parent], *, chained: bool) -> Layout:
    """Order tasks so that those of one level and width are neighbours.

    Parameters
    ----------
    widths : mapping of str to int
        Classes of each task.
    parents : mapping of str to Parent
    chained : bool
        Whether heads read what their parents say: then parents come before children, level by level; otherwise all
        tasks are of one level.

    Examples
    --------
    >>> layout = lay_out({"a": 2, "b": 3, "c": 2}, {}, chained=False)
    >>> layout.names, [group.columns for group in layout.groups]
    (('a', 'c', 'b'), [slice(0, 4, None), slice(4, 7, None)])
    """

    def level(name: str) -> int:
        return 1 + level(parents[name].task) if chained and name in parents else 0

    ordered = sorted(widths, key=lambda name: (level(name), widths[name]))  # stable: otherwise as they were given
    groups: list[Group] = []
    first = start = 0
    for (depth, width), members in groupby(ordered, key=lambda name: (level(name), widths[name])):
        groups.append(Group(depth, first, len(list(members)), width, start))
        first, start = first + groups[-1].tasks, start + groups[-1].tasks * width
    return Layout(tuple(ordered), tuple(widths[name] for name in ordered), tuple(groups))
