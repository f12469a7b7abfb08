"""The seam: what every labeling function has, whatever it is made of."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from labelwright.core import ABSTAIN, Class
from labelwright.core.errors import FunctionError
from labelwright.data.damage import separator_hint
from labelwright.functions.reading import check_fields

from .examples import Example, checked_examples
from .task_answers import Answer, as_labels, by_task, checked_tasks, choices, fixed_answer

if TYPE_CHECKING:
    import polars as pl

__all__ = ["LabelingFunction", "VectorisedFunction"]


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class LabelingFunction(abc.ABC):
    """A small, noisy, named source of votes: it reads some fields of an example and votes for a class or abstains.

    Parameters
    ----------
    name : str
        Name of the source; no two functions that are applied together share one.
    labels : sequence of (str or int), optional
        The classes it may vote for; -1 (abstain) may stand among them and is left out. Default ``None``: not declared,
        any class. A mapping of task to classes where it votes on several tasks: it is kept as ``task_labels``.
    fields : sequence of str, optional
        The columns it reads. Default ``None``: every column.
    examples : sequence of (value or mapping of fields, vote), optional
        What it must vote, for ``labelwright test``; a bare value goes to its one field, ``None`` and -1 = it abstains.
        They are no part of the version.
    tasks : sequence of str, optional
        The tasks it votes on, where there are several (see `labelwright.core.task_graph.TaskGraph`). Of several tasks
        it returns a mapping of task to class; a task that is missing there is abstained on. A list or set of classes
        says that one of them holds.
    task_labels : mapping of str to sequence of (str or int), optional
        The classes it may vote for on each task.

    Raises
    ------
    FunctionError
        If the name is empty, or if ``labels``, ``fields`` or ``examples`` are not sequences of the right kind.
    """

    name: str
    labels: tuple[Class, ...] | None = None
    fields: tuple[str, ...] | None = None
    examples: tuple[Example, ...] = ()
    tasks: tuple[str, ...] | None = None
    task_labels: Mapping[str, tuple[Class, ...]] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise FunctionError(f"a labeling function needs a name, a string that is not empty; got {self.name!r}.")
        set_ = object.__setattr__
        if self.tasks is not None:
            set_(self, "tasks", checked_tasks(self.tasks, self.name))
        labels, several = as_labels(self.labels, self.tasks, self.name)
        several = self.task_labels if several is None else several
        set_(self, "labels", self._listed("labels", labels, (str, int)))
        set_(self, "fields", self._listed("fields", self.fields, (str,)))
        if several is not None:
            checked = {task: self._listed(f"labels[{task!r}]", several[task], (str, int)) for task in several}
            set_(self, "task_labels", {task: given for task, given in checked.items() if given is not None})
        set_(self, "examples", checked_examples(self.examples, self.name, self.tasks))

    def _listed(self, what: str, value: Any, allowed: tuple[type, ...]) -> tuple[Any, ...] | None:
        if value is None:
            return None
        if isinstance(value, str) or not hasattr(value, "__iter__"):
            raise FunctionError(
                f"{what} of labeling function {self.name!r} is {value!r}; pass a list, such as [{value!r}]."
            )
        kept = tuple(v for v in value if isinstance(v, bool) or v != ABSTAIN)
        wrong = [v for v in kept if isinstance(v, bool) or not isinstance(v, allowed)]
        if wrong or (what != "fields" and not kept):
            kinds = " or ".join(kind.__name__ for kind in allowed)
            raise FunctionError(
                f"{what} of labeling function {self.name!r} must be a list of {kinds}, got {list(value)!r}."
            )
        return kept

    def labels_of(self, task: str) -> tuple[Class, ...] | None:
        """Return the classes of a task that it may vote for, ``None`` where they are not declared."""
        return self.labels if self.task_labels is None else self.task_labels.get(task)

    def _task_parts(self) -> dict[str, Any]:
        """What tasks add to the parts of a version: nothing where none is named."""
        named = {} if self.tasks is None else {"tasks": self.tasks}
        return named if self.task_labels is None else {**named, "task_labels": dict(self.task_labels)}

    @cached_property
    def version(self) -> str:
        """64 hex digits that change when what the function does changes; worked out on first use."""
        return self._version()

    @abc.abstractmethod
    def _version(self) -> str:
        """Work out the version (see `labelwright.functions.versions`)."""

    @abc.abstractmethod
    def __call__(self, x: Any) -> Answer:
        """Vote on one example: a class, or ``None`` to abstain (Python functions may also say -1).

        Parameters
        ----------
        x : object
            A record, mapping, ``SimpleNamespace`` or pandas row with the fields that the function reads.
        """

    def columns(self, schema: pl.Schema) -> tuple[str, ...]:
        """Return the columns of the data that it reads, in a stable order.

        Parameters
        ----------
        schema : polars.Schema
            Names and types of the columns that the data has.

        Raises
        ------
        FunctionError
            If the data lacks a field that the function reads.
        """
        if self.fields is None:
            return tuple(schema)
        check_fields(f"labeling function {self.name!r}", self.fields, schema, hint=separator_hint(tuple(schema)))
        return self.fields

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class VectorisedFunction(LabelingFunction):
    """A function that votes for one class, where one Polars expression holds; it never sees single rows.

    All the vectorised functions that are applied together run as one lazy Polars plan per part.

    Parameters
    ----------
    label : str or int
        The class it votes for where the expression holds. Over tasks also a list of classes of which one holds, or a
        mapping of task to either, which names the tasks too.
    name, labels, fields, examples, tasks
        As for `LabelingFunction`; ``labels`` is always ``(label,)``, or the classes that the label names.
    """

    label: Answer

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        if isinstance(self.label, Mapping) and self.tasks is None:
            set_(self, "tasks", tuple(self.label))
        tasks = self.tasks
        if tasks is None:
            set_(self, "labels", (self.label,))
        else:
            set_(self, "tasks", checked_tasks(tasks, self.name))
            set_(self, "label", fixed_answer(self.label, tasks, self.name))
            set_(self, "labels", {task: choices(value) for task, value in by_task(self.label, tasks).items()})
        super().__post_init__()

    @abc.abstractmethod
    def expression(self, schema: pl.Schema) -> pl.Expr:
        """Return a Boolean expression, one value per row: true votes, false and null abstain.

        An expression must be elementwise (the value on a row depends on that row alone), so that votes are the same
        for every partition. Slow paths belong in it too, through ``Expr.map_batches(..., is_elementwise=True)``.

        Parameters
        ----------
        schema : polars.Schema
            Names and types of the columns that the data has.

        Raises
        ------
        FunctionError
            If a column is missing or has a type that the function cannot read.
        """

    def slow_path(self, schema: pl.Schema) -> str | None:
        """Return why this function cannot run in Polars' own engine, or ``None`` where it can."""
        del schema
        return None
