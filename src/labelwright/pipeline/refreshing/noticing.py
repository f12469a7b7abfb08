"""What a run must tell its reader: functions that failed, and classes that nothing votes for."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from labelwright.core import Failure, Votes
from labelwright.core.errors import LabelwrightWarning

__all__ = [
    "FailedFunction",
    "RunWarning",
    "failed_slices",
    "failed_transformations",
    "idle_functions",
    "unused_transformations",
    "unvoted_classes",
    "unvoted_tasks",
]


class RunWarning(LabelwrightWarning):
    """Something about a run that its reader must know: a function failed, or nothing votes for a class."""


@dataclass(frozen=True, slots=True)
class FailedFunction:
    """A function that raised on ``count`` of the ``of`` examples that it was applied to, and what it raised first.

    Examples
    --------
    >>> str(FailedFunction("boom", 2, 3, "KeyError: 'size'"))
    "boom failed on 2 of 3 examples (KeyError: 'size')"
    """

    name: str
    count: int
    of: int
    message: str = ""

    def __str__(self) -> str:
        reason = f" ({self.message.removeprefix('raised ')})" if self.message else ""
        return f"{self.name} failed on {self.count:,} of {self.of:,} examples{reason}"


def unvoted_classes(votes: Votes) -> list[str]:
    """Return a warning for each class that no function votes for.

    Examples
    --------
    >>> unvoted_classes(Votes([[0, -1], [0, 0]], classes=["ham", "spam"]))[0][:29]
    "no function votes for 'spam':"
    """
    counts = np.zeros(len(votes.classes), dtype=np.int64)
    for _, block in votes.blocks():
        counts += np.bincount(block[block >= 0].astype(np.int64), minlength=len(counts))
    missing: Sequence[int] = np.flatnonzero(counts == 0).tolist()
    return [
        f"no function votes for {votes.classes[c]!r}: what the label model says of it is only the class balance. Add a "
        "function that votes for it."
        for c in missing
    ]


def unvoted_tasks(tasks: Iterable[str], voted: Container[str]) -> list[str]:
    """Return a warning for each of several tasks that no function votes on.

    Examples
    --------
    >>> unvoted_tasks(["finding", "kind"], {"finding"})[0][:35]
    "no function votes on task 'kind': i"
    """
    return [
        f"no function votes on task {task!r}: its labels are only what related tasks say of it. Add a function with "
        f"task={task!r}."
        for task in tasks
        if task not in voted
    ]


def idle_functions(names: Sequence[str]) -> list[str]:
    """Return a warning of functions that run on none of several data sets.

    Examples
    --------
    >>> idle_functions(["short"])[0][:35]
    'labeling function short runs on no '
    """
    return [
        f"labeling function {name} runs on no data set: none that is about a task of it has it among its functions."
        for name in names
    ]


def failed_slices(failures: Iterable[Failure], n: int) -> list[str]:
    """Return a warning for each slicing function that failed, ``n``: on how many examples it was asked.

    Examples
    --------
    >>> failed_slices([Failure("short", 2, (("3", "raised KeyError: 'x'"),))], 5)
    ["slice short failed on 2 of 5 examples (KeyError: 'x'); they count as outside of it"]
    """
    return [
        f"slice {FailedFunction(f.source, f.count, n, f.first[0][1])}; they count as outside of it" for f in failures
    ]


def failed_transformations(failures: Iterable[Failure]) -> list[str]:
    """Return a warning for each transformation function that failed.

    Examples
    --------
    >>> failed_transformations([Failure("typos", 2, (("3", "raised KeyError: 'x'"),))])
    ["typos failed on 2 augmented copies (KeyError: 'x'); they went on without it"]
    """
    return [
        f"{f.source} failed on {f.count:,} augmented cop{'y' if f.count == 1 else 'ies'} "
        f"({f.first[0][1].removeprefix('raised ')}); they went on without it"
        for f in failures
    ]


def unused_transformations(names: Sequence[str]) -> str:
    """Return the warning that transformation functions are there, and settings that use them are not.

    Examples
    --------
    >>> unused_transformations(["typos"])[:50]
    'supervision.py holds transformation functions (typ'
    """
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return (
        f"supervision.py holds transformation functions ({shown}), and labelwright.toml has no [augmentation], so "
        'nothing is augmented. Add the table, if only as [augmentation] and policy = "random", or take them out.'
    )
