"""Distant supervision: vote where an example is known to a knowledge base."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from labelwright.core.errors import FunctionError

from .declarative import DeclarativeFunction, check_field, read_field
from .examples import Example
from .task_answers import Label, as_tasks

__all__ = ["LookupFunction", "lookup_lf"]


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class LookupFunction(DeclarativeFunction):
    """Votes where the fields of an example are an entry of a knowledge base; made by `lookup_lf`.

    Parameters
    ----------
    known : frozenset of tuple
        The entries, one value per field.
    name, label, fields, examples, tasks
        As for `DeclarativeFunction`.
    """

    known: frozenset[tuple[Any, ...]]

    def parameters(self) -> Mapping[str, Any]:
        """Return the fields and the entries."""
        return {"fields": self.fields, "known": self.known}

    def __repr__(self) -> str:
        named = "".join(f"{name}={value!r}, " for name, value in self._named_task().items())
        said = f"label={self.label!r}, {named}fields={self.fields!r}, {len(self.known)} known"
        return f"{type(self).__name__}({self.name!r}, {said})"

    def fires(self, x: Any) -> bool:
        """Return whether the fields of one example are known."""
        return tuple(read_field(x, field, self.name) for field in self.fields or ()) in self.known

    def expression(self, schema: pl.Schema) -> pl.Expr:
        """Return where the fields are known; see `VectorisedFunction`."""
        fields = self.fields or ()
        for field in fields:
            self._column(schema, field, lambda kind: not kind.is_nested(), "plain values")
        return pl.map_batches(
            [pl.col(field) for field in fields], self._known, return_dtype=pl.Boolean, is_elementwise=True
        )

    def _known(self, columns: Sequence[pl.Series]) -> pl.Series:
        entries = zip(*(column.to_list() for column in columns), strict=True)
        return pl.Series([entry in self.known for entry in entries], dtype=pl.Boolean)


def lookup_lf(
    name: str,
    fields: str | Sequence[str],
    known: Iterable[Any],
    label: Label,
    *,
    task: str | None = None,
    examples: Iterable[Example] = (),
) -> LookupFunction:
    """Make a labeling function that votes where an example is an entry of a knowledge base.

    Parameters
    ----------
    name : str
        Name of the source.
    fields : str or sequence of str
        The column, or the columns that form an entry together.
    known : iterable
        The knowledge base: values, or tuples with one value per field. Values are compared as Python compares them,
        case included. A missing field is never known.
    label : str or int
        The class to vote for. Over tasks also a list of classes of which one holds, or a mapping of task to either.
    task : str, optional
        The task it votes on, where there are several (`labelwright.core.task_graph.TaskGraph`).
    examples : sequence of (value or mapping of fields, vote), optional
        What it must vote, for ``labelwright test``: see `LabelingFunction`.

    Returns
    -------
    LookupFunction

    Raises
    ------
    FunctionError
        If the knowledge base is empty or its entries do not fit the fields.

    Examples
    --------
    >>> couples = {("Ann", "Bo"), ("Cy", "Di")}
    >>> spouses = lookup_lf("spouses", ["person1", "person2"], couples, "married")
    >>> spouses({"person1": "Ann", "person2": "Bo"})
    'married'
    >>> spouses({"person1": "Ann", "person2": "Di"}) is None
    True
    """
    names = (fields,) if isinstance(fields, str) else tuple(fields)
    for field in names:
        check_field(field, name)
    if isinstance(known, (str, bytes)) or not isinstance(known, Iterable):
        raise FunctionError(f"known of labeling function {name!r} is {known!r}; pass a set or list of entries.")
    entries = {(entry,) if isinstance(fields, str) else _entry(entry, names, name) for entry in known}
    entries = {entry for entry in entries if not any(value is None or value != value for value in entry)}
    if not entries:
        raise FunctionError(f"labeling function {name!r} knows no entry; it would never fire.")
    return LookupFunction(
        name=name,
        label=label,
        fields=names,
        known=frozenset(entries),
        tasks=as_tasks(task, None, name),
        examples=examples,  # type: ignore[arg-type]  # made a tuple
    )


def _entry(entry: Any, names: tuple[str, ...], name: object) -> tuple[Any, ...]:
    if isinstance(entry, str) or not isinstance(entry, Sequence) or len(entry) != len(names):
        raise FunctionError(
            f"labeling function {name!r} looks up {', '.join(names)}; an entry is {len(names)} values, got {entry!r}."
        )
    return tuple(entry)
