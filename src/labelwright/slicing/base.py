"""The seam: what every slicing function has, whatever it is made of."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from labelwright.core.errors import FunctionError
from labelwright.data.damage import separator_hint
from labelwright.functions.reading import check_fields
from labelwright.functions.versions import version_of

if TYPE_CHECKING:
    import polars as pl

__all__ = ["SlicingFunction"]


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class SlicingFunction(abc.ABC):
    """Says which examples belong to a slice: a subset that deserves a look, and perhaps a model, of its own.

    Parameters
    ----------
    name : str
        Name of the slice; no two that are applied together share one.
    fields : sequence of str, optional
        The columns it reads. Default ``None``: every column.

    Raises
    ------
    FunctionError
        If the name is empty, or ``fields`` is no sequence of strings.
    """

    name: str
    fields: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise FunctionError(f"a slicing function needs a name, a string that is not empty; got {self.name!r}.")
        if self.fields is None:
            return
        given: Any = self.fields
        if isinstance(given, str) or not all(isinstance(field, str) for field in given):
            raise FunctionError(f"fields of slicing function {self.name!r} is {given!r}; pass a list of columns.")
        object.__setattr__(self, "fields", tuple(given))

    @cached_property
    def version(self) -> str:
        """64 hex digits that change when what the function does changes; worked out on first use."""
        return version_of(self)

    @abc.abstractmethod
    def __version_parts__(self) -> dict[str, Any]:
        """What the version is made of (see `labelwright.functions.versions`)."""

    @abc.abstractmethod
    def __call__(self, x: Any) -> bool:
        """Return whether one example (a record, mapping, namespace or pandas row) belongs to the slice."""

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
        check_fields(f"slicing function {self.name!r}", self.fields, schema, hint=separator_hint(tuple(schema)))
        return self.fields

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"
