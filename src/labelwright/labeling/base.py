"""The seam: what every labeling function has, whatever it is made of."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from labelwright.core import ABSTAIN, Class
from labelwright.core.errors import FunctionError
from labelwright.data.damage import separator_hint

from .examples import Example, checked_examples

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
        any class.
    fields : sequence of str, optional
        The columns it reads. Default ``None``: every column.
    examples : sequence of (value or mapping of fields, vote), optional
        What it must vote, for ``labelwright test``; a bare value goes to its one field, ``None`` and -1 = it abstains.
        They are no part of the version.

    Raises
    ------
    FunctionError
        If the name is empty, or if ``labels``, ``fields`` or ``examples`` are not sequences of the right kind.
    """

    name: str
    labels: tuple[Class, ...] | None = None
    fields: tuple[str, ...] | None = None
    examples: tuple[Example, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise FunctionError(f"a labeling function needs a name, a string that is not empty; got {self.name!r}.")
        for what, allowed in (("labels", (str, int)), ("fields", (str,))):
            value = getattr(self, what)
            if value is None:
                continue
            if isinstance(value, str) or not hasattr(value, "__iter__"):
                raise FunctionError(
                    f"{what} of labeling function {self.name!r} is {value!r}; pass a list, such as [{value!r}]."
                )
            kept = tuple(v for v in value if isinstance(v, bool) or v != ABSTAIN)
            wrong = [v for v in kept if isinstance(v, bool) or not isinstance(v, allowed)]
            if wrong or (what == "labels" and not kept):
                kinds = " or ".join(kind.__name__ for kind in allowed)
                raise FunctionError(
                    f"{what} of labeling function {self.name!r} must be a list of {kinds}, got {list(value)!r}."
                )
            object.__setattr__(self, what, kept)
        object.__setattr__(self, "examples", checked_examples(self.examples, self.name))

    @cached_property
    def version(self) -> str:
        """64 hex digits that change when what the function does changes; worked out on first use."""
        return self._version()

    @abc.abstractmethod
    def _version(self) -> str:
        """Work out the version (see `labelwright.functions.versions`)."""

    @abc.abstractmethod
    def __call__(self, x: Any) -> Class | None:
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
        missing = [field for field in self.fields if field not in schema]
        if missing:
            raise FunctionError(
                f"labeling function {self.name!r} reads field {missing[0]!r}, which the data does not have; columns: "
                f"{', '.join(schema)}.{separator_hint(tuple(schema))}"
            )
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
        The class it votes for where the expression holds.
    name, labels, fields, examples
        As for `LabelingFunction`; ``labels`` is always ``(label,)``.
    """

    label: Class

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", (self.label,))
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
