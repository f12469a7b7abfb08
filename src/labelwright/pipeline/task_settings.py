"""What ``labelwright.toml`` may say of several tasks, and of what holds between them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from labelwright.core import Class
from labelwright.core.errors import TaskError
from labelwright.core.task_graph import TaskGraph
from labelwright.core.tasks import NOT_APPLICABLE, Equal, Excludes, Feasible, Implies, Refines, Relation, Task

from .judging_settings import SettingsTable

__all__ = [
    "FeasibleTable",
    "ImpliesTable",
    "OneOfTasks",
    "RefinesTable",
    "RelationTable",
    "graph_of_tables",
    "task_faults",
]


class RefinesTable(SettingsTable, frozen=True):
    """``refines = { task = "finding", classes = ["abnormal"] }``: the classes of another task at which one applies."""

    task: str
    classes: list[Class]


class OneOfTasks(SettingsTable, frozen=True):
    """``[tasks.NAME]``: its classes in the order of their codes, its column of gold (for scoring only), its parent.

    Where ``refines`` is given, the task has a further state, "N/A": it does not apply.
    """

    classes: list[Class]
    gold: str | None = None
    refines: RefinesTable | None = None


class ImpliesTable(SettingsTable, frozen=True):
    """``{ when = { person = "yes" }, then = { entity = "yes" } }``: the one makes the other certain."""

    when: dict[str, Class]
    then: dict[str, Class]


class FeasibleTable(SettingsTable, frozen=True):
    """``{ tasks = ["organ", "side"], rows = [["lung", "left"], ...] }``: these combinations occur, and no others."""

    tasks: list[str]
    rows: list[list[Class]]


class RelationTable(SettingsTable, frozen=True):
    """One ``[[relations]]``: exactly one of the four.

    ``implies``: see `ImpliesTable`. ``excludes = { cat = "yes", dog = "yes" }``: at most one of these holds.
    ``equal = ["site", "place"]``: two tasks always have the same class. ``feasible``: see `FeasibleTable`.
    """

    implies: ImpliesTable | None = None
    excludes: dict[str, Class] | None = None
    equal: list[str] | None = None
    feasible: FeasibleTable | None = None

    @property
    def given(self) -> list[str]:
        """Which of the four are written down."""
        return [name for name in self.__struct_fields__ if getattr(self, name) is not None]


def graph_of_tables(tasks: Mapping[str, OneOfTasks], relations: Sequence[RelationTable]) -> TaskGraph:
    """Return the task graph that the tables describe.

    Raises
    ------
    TaskError
        If they contradict each other, or name a task or class that there is not.

    Examples
    --------
    >>> tasks = {
    ...     "finding": OneOfTasks(classes=["normal", "abnormal"]),
    ...     "kind": OneOfTasks(
    ...         classes=["mass", "nodule"], refines=RefinesTable(task="finding", classes=["abnormal"])
    ...     ),
    ... }
    >>> graph_of_tables(tasks, []).states("kind")
    ('mass', 'nodule', 'N/A')
    """
    there = [relation for _, relation in _placed(tasks, relations)]
    return TaskGraph([Task(name, one.classes) for name, one in tasks.items()], there)


def task_faults(settings: Any) -> Iterator[str]:
    """Yield what is wrong with tasks and relations, and what a project with several tasks cannot have.

    Parameters
    ----------
    settings : labelwright.pipeline.settings.Settings
    """
    tasks = settings.tasks
    if isinstance(tasks, msgspec.UnsetType):
        if not isinstance(settings.relations, msgspec.UnsetType):
            yield "[[relations]] hold between several tasks; write these as [tasks.NAME] tables, in place of [task]."
        return
    if settings.task.classes:
        yield "there are both [task] and [tasks.NAME]; write the one task as a [tasks.NAME] table too."
    if not tasks:
        yield "[tasks] has no task in it; write one as [tasks.NAME], with its classes."
        return
    yield from _refused(settings)
    for name, one in tasks.items():
        if one.refines is not None and one.classes and isinstance(one.classes[0], int):
            yield f'tasks.{name} does not always apply, and then is "N/A": give its classes names too, not numbers.'
    placed: list[tuple[str, Relation]] = []
    try:
        placed = _placed(tasks, [] if isinstance(settings.relations, msgspec.UnsetType) else settings.relations)
        unknown = next(_unknown(tasks, placed), None)
        if unknown is not None:
            yield unknown
            return
        graph = settings.graph
        _ = graph.tree
    except TaskError as error:
        message = str(error)
        # The graph writes relations as Python does; here they are places in a file.
        for place, relation in placed:
            message = message.replace(str(relation), place)
        yield message


def _placed(tasks: Mapping[str, OneOfTasks], relations: Sequence[RelationTable]) -> list[tuple[str, Relation]]:
    """Return the relations that tables describe, each with where it is written."""
    hierarchy: list[tuple[str, Relation]] = [
        (f"[tasks.{name}] refines", Refines(name, one.refines.task, one.refines.classes))
        for name, one in tasks.items()
        if one.refines is not None
    ]
    rest = [
        (f"[[relations]] number {number} ({', '.join(table.given)})", _relation(table, number))
        for number, table in enumerate(relations, 1)
    ]
    return [*hierarchy, *rest]


def _unknown(tasks: Mapping[str, OneOfTasks], placed: Iterable[tuple[str, Relation]]) -> Iterator[str]:
    """Yield relations that name a task or a class that there is not, with the closest that there is."""
    for place, relation in placed:
        for name, state in relation.mentions():
            if name not in tasks:
                yield f"{place} names a task {name!r}.{_close(name, tasks)} There are: {', '.join(tasks)}."
                continue
            states = [*tasks[name].classes, *([] if tasks[name].refines is None else [NOT_APPLICABLE])]
            if state is not None and state not in states:
                yield (
                    f"{place} names {state!r}, which task {name!r} does not have.{_close(state, states)} It has: "
                    f"{', '.join(map(str, states))}."
                )


def _close(meant: Class, there: Iterable[Class]) -> str:
    by_text = {str(one): one for one in there}
    close = difflib.get_close_matches(str(meant), by_text, n=1)
    return f" Did you mean {by_text[close[0]]!r}?" if close else ""


def _relation(table: RelationTable, number: int) -> Relation:
    place = f"[[relations]] number {number}"
    if len(table.given) != 1:
        said = f"has {' and '.join(table.given)}" if table.given else "is empty"
        raise TaskError(f"{place} {said}; give each relation one of implies, excludes, equal and feasible.")
    if table.implies is not None:
        return Implies(_one(table.implies.when, f"{place}: when"), _one(table.implies.then, f"{place}: then"))
    if table.excludes is not None:
        if len(table.excludes) < 2:
            raise TaskError(f"{place}: excludes needs two or more tasks, each with a class, as {{ a = 1, b = 1 }}.")
        return Excludes(*table.excludes.items())
    if table.equal is not None:
        if len(set(table.equal)) != 2 or len(table.equal) != 2:
            raise TaskError(f"{place}: equal needs two different tasks, got {table.equal}.")
        return Equal(*table.equal)
    assert table.feasible is not None
    return Feasible(table.feasible.tasks, table.feasible.rows)


def _one(pair: Mapping[str, Class], place: str) -> tuple[str, Class]:
    if len(pair) != 1:
        raise TaskError(f'{place} needs one task and one of its classes, as {{ person = "yes" }}, got {dict(pair)}.')
    return next(iter(pair.items()))


def _refused(settings: Any) -> Iterator[str]:
    """Yield what is written down and is of projects with one task."""
    model = settings.label_model
    if model.method != "label_model":
        yield (
            f'label_model.method is "{model.method}"; several tasks are modelled together, by "label_model" alone. '
            "Take the line out."
        )
    for key in ("class_balance", "dependencies"):
        if getattr(model, key) is not None:
            yield f"label_model.{key} is of projects with one task; take it out."
    augmentation = settings.augmentation
    if not isinstance(augmentation, msgspec.UnsetType):
        if augmentation.valid:
            yield "augmentation.valid is of projects with one task; take it out: a policy learns without labels here."
        if settings.end_model.kind == "image":
            yield (
                '[augmentation] makes copies of texts and numbers, and end_model.kind is "image"; take the table out.'
            )
    if settings.score.supervised:
        yield "score.supervised is of projects with one task; take it out."
    if settings.refresh.tolerance:
        yield "refresh.tolerance is of projects with one task; take it out."
