"""Declarative functions: what they look for is said in parameters, so they run as one Polars plan, without Python."""

from __future__ import annotations

import abc
import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from labelwright.core import Class
from labelwright.core.errors import FunctionError
from labelwright.functions.versions import version_of

from .base import VectorisedFunction

__all__ = ["DeclarativeFunction", "check_field", "read_field", "unknown_field"]


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class DeclarativeFunction(VectorisedFunction):
    """A vectorised function that is nothing but its kind and parameters.

    It means the same on one example (``function(x)``) as on a column (`expression`).

    Parameters
    ----------
    name, label, fields, examples
        As for `VectorisedFunction`.
    """

    def __post_init__(self) -> None:
        if isinstance(self.label, bool) or not isinstance(self.label, (str, int)):
            raise FunctionError(
                f"label of labeling function {self.name!r} is {self.label!r}; pass a class, a string or an integer."
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

    def __call__(self, x: Any) -> Class | None:
        """Vote on one example: the label, or ``None`` to abstain."""
        return self.label if self.fires(x) else None

    def __version_parts__(self) -> dict[str, Any]:
        """What the version is made of."""
        return {"kind": type(self).__name__, "label": self.label, **self.parameters()}

    def _version(self) -> str:
        return version_of(self)

    def __repr__(self) -> str:
        said = "".join(f", {name}={value!r}" for name, value in self.parameters().items())
        return f"{type(self).__name__}({self.name!r}, label={self.label!r}{said})"

    def _column(
        self, schema: pl.Schema, field: str, readable: Callable[[pl.DataType], bool], needs: str
    ) -> pl.DataType:
        """Return the type of a column; raise if it is missing or not readable."""
        if field not in schema:
            raise FunctionError(
                f"labeling function {self.name!r} reads field {field!r}, which the data does not have; "
                f"{unknown_field(field, schema)}"
            )
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


def unknown_field(field: str, known: Iterable[str]) -> str:
    """Say which columns there are, and which may have been meant.

    Examples
    --------
    >>> unknown_field("txt", ["text", "author"])
    "did you mean 'text'? Columns: text, author."
    """
    names = list(map(str, known))
    close = difflib.get_close_matches(field, names, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"{hint}Columns: {', '.join(names) or 'none'}."


def read_field(x: Any, field: str, name: str) -> Any:
    """Return a field of one example, ``None`` where the value is missing (``None``, NaN or ``pandas.NA``).

    Parameters
    ----------
    x : object
        A record, mapping, pandas row, or an object with attributes.
    field : str
        The field.
    name : str
        Which function reads it, for the message.

    Raises
    ------
    FunctionError
        If the example has no such field.

    Examples
    --------
    >>> read_field({"text": "hello"}, "text", "greets")
    'hello'
    """
    try:
        # A named tuple has items too, but by position.
        by_name = hasattr(type(x), "__getitem__") and not isinstance(x, tuple)
        value = x[field] if by_name else getattr(x, field)
    except (KeyError, AttributeError, IndexError, TypeError) as error:
        has = x.keys() if hasattr(x, "keys") else getattr(x, "_fields", None) or getattr(x, "__dict__", {})
        raise FunctionError(
            f"labeling function {name!r} reads field {field!r}, which the example does not have; "
            f"{unknown_field(field, has).replace('Columns', 'Fields')}"
        ) from error
    value = value.item() if hasattr(value, "item") and getattr(value, "ndim", None) == 0 else value
    # pandas.NA answers every comparison with itself; it is told by its name, without pandas.
    return None if value is None or type(value).__name__ in ("NAType", "NaTType") or value != value else value
