"""What ``labelwright.toml`` may say of data: where the examples are, how they are divided, and of several data sets."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from labelwright.core.task_graph import TaskGraph

from .judging_settings import SettingsTable

__all__ = [
    "SPLITS",
    "DataSetSettings",
    "DataSettings",
    "SplitSettings",
    "chosen_functions",
    "data_set_faults",
    "split_faults",
]

SPLITS = ("train", "valid", "test")

SplitName = Literal["train", "valid", "test"]
SplitValue = str | int | float | list[str | int]

# No colon: an example is called NAME:ID.
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")

_FRACTION = re.compile(r"[01](\.\d*)?")


class SplitSettings(SettingsTable, frozen=True):
    """``[data.splits]``: which examples are for training and which for scoring.

    Three ways, told apart by what is written: with ``column`` the three hold values of that column; without it, strings
    are paths (one data file per split) and numbers are fractions, drawn by a hash of the group or example id, so that
    an example stays in its split whatever is added around it.
    """

    column: str | None = None
    train: SplitValue | None = None
    valid: SplitValue | None = None
    test: SplitValue | None = None

    @property
    def given(self) -> dict[str, SplitValue]:
        """The splits that are written down, in the order train, valid, test."""
        return {name: value for name in SPLITS if (value := getattr(self, name)) is not None}

    @property
    def kind(self) -> Literal["none", "column", "paths", "fractions"]:
        """How examples are divided; ``"none"`` puts all of them into train."""
        if self.column is not None:
            return "column"
        values = list(self.given.values())
        if not values:
            return "none"
        return "fractions" if all(isinstance(v, (int, float)) for v in values) else "paths"


class DataSettings(SettingsTable, frozen=True):
    """``[data]``: where the examples are. Relative paths start at the project's folder."""

    path: str | list[str] | None = None
    id: str | None = None
    group: str | None = None
    splits: SplitSettings = SplitSettings()


class DataSetSettings(DataSettings, frozen=True):
    """``[data_sets.NAME]``: one of several data sets, as ``[data]``, and what its examples are about.

    ``tasks`` are those that its examples are about (default: all); on others they get neither votes nor labels.
    ``functions`` are the labeling functions that read it, by name or pattern (``"title_*"``); default: all that vote on
    a task of it.
    """

    tasks: list[str] | None = None
    functions: list[str] | None = None


def chosen_functions(patterns: Sequence[str] | None, names: Iterable[str]) -> list[str]:
    """Return which of ``names`` are meant by names and patterns, in which ``*`` stands for any text.

    Examples
    --------
    >>> chosen_functions(["title_*", "link"], ["link", "title_shoe", "subtitle_shoe"])
    ['link', 'title_shoe']
    """
    if patterns is None:
        return list(names)
    forms = [re.compile(".*".join(map(re.escape, pattern.split("*")))) for pattern in patterns]
    return [name for name in names if any(form.fullmatch(name) for form in forms)]


def split_faults(data: DataSettings, where: str = "data") -> Iterator[str]:
    """Yield what is wrong with paths and splits; ``where`` is the table's name."""
    splits = data.splits
    kind, given = splits.kind, splits.given
    if kind == "paths":
        wrong = [n for n, v in given.items() if not isinstance(v, str) and not _is_list_of_text(v)]
        quoted = [n for n, v in given.items() if isinstance(v, str) and _FRACTION.fullmatch(v)]
        if quoted and (wrong or data.path is not None):
            yield (
                f"{where}.splits.{quoted[0]} is a text, {given[quoted[0]]!r}; write a fraction as a number, without "
                f"quotes: {quoted[0]} = {given[quoted[0]]}."
            )
        elif wrong:
            yield (
                f"{where}.splits.{wrong[0]} is {given[wrong[0]]!r}; give a path for every split, or a number for "
                "every split, or name a column."
            )
        if data.path is not None:
            yield f"{where}.path and a path for each split are both given; keep one of them."
    elif data.path is None or data.path == []:
        yield f'[{where}] needs path = "...", or paths per split in [{where}.splits].'
    if kind == "column" and not given:
        yield f'{where}.splits.column is given; say which values are which, such as train = "train".'
    if kind == "fractions":
        total = sum(float(v) for v in given.values() if isinstance(v, (int, float)))
        if min(float(v) for v in given.values() if isinstance(v, (int, float))) <= 0 or total > 1 + 1e-9:
            yield f"{where}.splits: fractions must be positive and add up to at most 1, got {given}."
    if kind != "none" and "train" not in given:
        yield f"{where}.splits has no train; the label model and the end model are fitted on it."


def data_set_faults(settings: Any) -> Iterator[str]:
    """Yield what is wrong with data sets, and what a project with several of them cannot have.

    Parameters
    ----------
    settings : labelwright.pipeline.settings.Settings
        Its tasks are known to be in order.
    """
    sets: Mapping[str, DataSetSettings] = settings.data_sets
    if settings.data != DataSettings():
        yield "there are both [data] and [data_sets.NAME]; write the one as a [data_sets.NAME] table too."
    if not settings.has_tasks:
        yield (
            "[data_sets.NAME] are of projects with several tasks; write the one [task] as a [tasks.NAME] table, or put "
            "all files into the path of one [data] table, as a list."
        )
        return
    if not sets:
        yield "[data_sets] has no data set in it; write one as [data_sets.NAME], with its path."
    for name, one in sets.items():
        if not _NAME.fullmatch(name):
            yield (
                f"{name!r} cannot name a data set; a name has letters (a to z), digits, dots, hyphens and underscores, "
                "and begins with a letter or digit. Its examples are called NAME:ID."
            )
        yield from split_faults(one, f"data_sets.{name}")
        yield from _scope_faults(name, one, settings.graph.names)
    yield from _meeting_faults({name: settings.tasks_about(name) for name in sets}, settings.graph)


def _scope_faults(name: str, one: DataSetSettings, tasks: Sequence[str]) -> Iterator[str]:
    """Yield what is wrong with the tasks and functions of a data set."""
    for key, what in (("tasks", "the tasks that its examples are about"), ("functions", "the functions that read it")):
        if getattr(one, key) == []:
            yield f"data_sets.{name}.{key} is empty; name {what}, or take the line out: then it is all of them."
    for task in one.tasks or ():
        if task not in tasks:
            close = difflib.get_close_matches(task, tasks, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            yield f"data_sets.{name}.tasks names {task!r}, which is no task.{hint} The tasks are: {', '.join(tasks)}."


def _meeting_faults(about: Mapping[str, Sequence[str]], graph: TaskGraph) -> Iterator[str]:
    """Yield tasks that no data set is about, and tasks that relations tie and no data set is about together."""
    for task in graph.names:
        if not any(task in own for own in about.values()):
            yield f"no data set is about the task {task!r}; add it to the tasks of one, or take it out of [tasks]."
    for part in graph.parts:
        for clique in part.tree.cliques:
            names = [part.names[t] for t in clique.scope]
            if len(names) > 1 and not any(set(names) <= set(own) for own in about.values()):
                yield (
                    f"relations tie the tasks {' and '.join(names)}, but no data set is about all of them, so nothing "
                    "would tell how they go together; add them to the tasks of one data set, or take the relation out."
                )


def _is_list_of_text(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, str) for v in value)
