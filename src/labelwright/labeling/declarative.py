"""Declarative functions: what they look for is said in parameters, so they run as one Polars plan, without Python."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from labelwright.core.errors import FunctionError
from labelwright.data.damage import separator_hint
from labelwright.functions import reading
from labelwright.functions.versions import version_of

from .base import VectorisedFunction
from .task_answers import Answer

__all__ = ["DeclarativeFunction", "check_field", "read_field"]


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class DeclarativeFunction(VectorisedFunction):
    """A vectorised function that is nothing but its kind and parameters.

    It means the same on one example (``function(x)``) as on a column (`expression`).

    Parameters
    ----------
    name, label, fields, examples, tasks
        As for `VectorisedFunction`.
    """

    def __post_init__(self) -> None:
        over_tasks = self.tasks is not None or isinstance(self.label, Mapping)
        if not over_tasks and (isinstance(self.label, bool) or not isinstance(self.label, (str, int))):
            raise FunctionError(
                f"label of labeling function {self.name!r} is {self.label!r}; pass a class, a string or an integer (a "
                "list of classes of which one holds only with task=)."
            )
        if isinstance(self.label, int) and self.label < 0:
            raise FunctionError(
                f"label of labeling function {self.name!r} is {self.label}, but classes count from 0; a function that "
                "does not fire abstains by itself."
            )
        super().__post_init__()

    @abc.abstractmethod
    def parameters(self) -> Mapping[str, Any]:
        """Return what the function was made with, apart from its name and label: plain values, by name."""

    @abc.abstractmethod
    def fires(self, x: Any) -> bool:
        """Return whether the function votes on one example.

        Raises
        ------
        FunctionError
            If the example lacks a field, or has a value of a type that the function cannot read.
        """

    def __call__(self, x: Any) -> Answer:
        """Vote on one example: the label, or ``None`` to abstain."""
        return self.label if self.fires(x) else None

    def __version_parts__(self) -> dict[str, Any]:
        """What the version is made of."""
        return {"kind": type(self).__name__, "label": self.label, **self.parameters(), **self._task_parts()}

    def _version(self) -> str:
        return version_of(self)

    def __repr__(self) -> str:
        said = "".join(f", {name}={value!r}" for name, value in {**self._named_task(), **self.parameters()}.items())
        return f"{type(self).__name__}({self.name!r}, label={self.label!r}{said})"

    def _named_task(self) -> dict[str, str]:
        return {} if self.tasks is None or isinstance(self.label, Mapping) else {"task": self.tasks[0]}

    def _column(
        self, schema: pl.Schema, field: str, readable: Callable[[pl.DataType], bool], needs: str
    ) -> pl.DataType:
        """Return the type of a column; raise if it is missing or not readable."""
        reading.check_fields(f"labeling function {self.name!r}", (field,), schema, hint=separator_hint(tuple(schema)))
        kind = schema[field]
        if kind != pl.Null and not readable(kind):
            raise FunctionError(
                f"labeling function {self.name!r} reads field {field!r}, which is {kind}; it needs {needs}. Columns: "
                f"{', '.join(f'{name} ({dtype})' for name, dtype in schema.items())}."
            )
        return kind

    def _text(self, x: Any, field: str) -> str | None:
        """Return a text field of one example, ``None`` where it is missing."""
        value = read_field(x, field, self.name)
        if value is not None and not isinstance(value, str):
            raise FunctionError(
                f"labeling function {self.name!r} reads field {field!r}, which is {value!r} "
                f"({type(value).__name__}); it needs text."
            )
        return value


def check_field(field: object, name: object) -> str:
    """Return ``field`` if it names one column.

    Raises
    ------
    FunctionError
        If it is not a string, or an empty one.
    """
    if not isinstance(field, str) or not field:
        raise FunctionError(f"field of labeling function {name!r} is {field!r}; pass the name of one column.")
    return field


def read_field(x: Any, field: str, name: str) -> Any:
    """Return a field of one example for the labeling function ``name``; see `labelwright.functions.reading`."""
    return reading.read_field(x, field, f"labeling function {name!r}")
