"""Light records: how a row of a table reaches a Python function.

A generated class with ``__slots__`` is several times faster to build than a dictionary, a namespace or a pandas row,
and only the columns that are read are built at all.
"""

from __future__ import annotations

import keyword
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from types import MemberDescriptorType
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Record", "record_type", "rows"]


class Record:
    """One example with named fields, read as attributes (``x.text``) or items (``x["text"]``).

    Records are made by `record_type`. They are read-only by convention: functions share them, so a preprocessor
    that adds a field works on a copy.

    Examples
    --------
    >>> x = record_type(("text", "n words"))("check this out", 3)
    >>> x.text, x["n words"], x.get("author"), "text" in x
    ('check this out', 3, None, True)
    """

    __slots__ = ()

    _fields: ClassVar[tuple[str, ...]] = ()
    _slots: ClassVar[Mapping[str, MemberDescriptorType]] = {}

    def __getitem__(self, name: str) -> Any:
        slot = self._slots.get(name)
        if slot is None:
            raise KeyError(_unknown(name, self._fields))
        return slot.__get__(self)

    def __getattr__(self, name: str) -> Any:
        # Python asks here only when there is no such slot: a column whose name cannot be one, or a misspelt field.
        slot = type(self)._slots.get(name)
        if slot is None:
            raise AttributeError(_unknown(name, type(self)._fields), name=name, obj=self)
        return slot.__get__(self)

    def __contains__(self, name: object) -> bool:
        return name in self._slots

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        return f"Record({', '.join(f'{name}={self[name]!r}' for name in self._fields)})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Record):
            return NotImplemented
        return self._fields == other._fields and all(self[name] == other[name] for name in self._fields)

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self._fields, tuple(self[name] for name in self._fields))

    def get(self, name: str, default: Any = None) -> Any:
        """Return field ``name``, or ``default`` where there is none."""
        slot = self._slots.get(name)
        return default if slot is None else slot.__get__(self)

    def keys(self) -> tuple[str, ...]:
        """Return the names of the fields, so that ``dict(x)`` works."""
        return self._fields


@lru_cache(maxsize=256)
def record_type(fields: tuple[str, ...]) -> type[Record]:
    """Return the class of records with these fields, built by position: ``record_type(("a", "b"))(1, 2)``.

    Parameters
    ----------
    fields : tuple of str
        Names of the columns. A name that is no Python identifier is read as an item only.

    Examples
    --------
    >>> record_type(("a", "b"))(1, 2)
    Record(a=1, b=2)
    """
    slots = [name if _is_attribute(name) else f"_column_{position}" for position, name in enumerate(fields)]
    arguments = [f"_{position}" for position in range(len(fields))]
    body = "".join(f"\n    self.{slot} = {argument}" for slot, argument in zip(slots, arguments, strict=True))
    source = f"def __init__({', '.join(['self', *arguments])}):{body or ' pass'}\n"
    namespace: dict[str, Any] = {}
    # Unrolled assignments are what makes these records fast; only identifiers that were checked reach the source.
    exec(source, namespace)
    made = type("Record", (Record,), {"__slots__": tuple(slots), "__init__": namespace["__init__"], "_fields": fields})
    # The class variables of a generated type are set once, here; there is no other way to name its own descriptors.
    made._slots = {name: vars(made)[slot] for name, slot in zip(fields, slots, strict=True)}  # type: ignore[attr-defined]  # set on the class made here
    return made


def rows(frame: pl.DataFrame, fields: Sequence[str] | None = None) -> Iterator[Record]:
    """Yield one record per row, with the columns ``fields`` (default: all).

    Parameters
    ----------
    frame : polars.DataFrame, shape (n, number of columns)
        The table. Nulls become ``None``; NaN in a column of numbers stays NaN.
    fields : sequence of str, optional
        The columns to build.

    Examples
    --------
    >>> import polars as pl
    >>> [x.text for x in rows(pl.DataFrame({"text": ["a", None], "n": [1, 2]}), ["text"])]
    ['a', None]
    """
    names = tuple(frame.columns if fields is None else fields)
    make = record_type(names)
    if not names:
        return (make() for _ in range(frame.height))
    return map(make, *(frame.get_column(name).to_list() for name in names))


def _is_attribute(name: str) -> bool:
    # Names with two leading underscores are mangled in slots, and some (__class__) mean something to Python.
    # Names of one leading underscore are Record's own. Both stay items, and attributes by way of __getattr__.
    return name.isidentifier() and name.isascii() and not keyword.iskeyword(name) and not name.startswith("_")


def _rebuild(fields: tuple[str, ...], values: tuple[Any, ...]) -> Record:
    return record_type(fields)(*values)


def _unknown(name: str, fields: Sequence[str]) -> str:
    return f"this example has no field {name!r}; it has {', '.join(fields) or 'none'}."
