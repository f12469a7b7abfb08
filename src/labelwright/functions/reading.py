"""How a function gets at its example: the kinds of examples, the fields that are read, and those that are missing."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from labelwright.core.errors import FunctionError

from .fields import Access, field_access
from .layers import Layer
from .nlp import SpacyPreprocessor
from .preprocessors import Preprocessor
from .records import record_type

__all__ = ["as_example", "check_fields", "fields_of", "read_field", "unknown_field"]


def as_example(x: Any) -> Any:
    """Return an example of any kind (a record, mapping, namespace or pandas row) as functions expect it.

    Examples
    --------
    >>> as_example({"text": "hello"}).text
    'hello'
    """
    if isinstance(x, Mapping):
        return record_type(tuple(x))(*x.values())
    return x if hasattr(x, "__getitem__") else Layer(x)


def fields_of(
    function: Callable[..., Any], pre: Sequence[Preprocessor]
) -> tuple[tuple[str, ...] | None, frozenset[str]]:
    """Work out the columns that a function and its preprocessors read, and those that they only ask for.

    Parameters
    ----------
    function : callable
        Its first parameter is the example, after the preprocessors.
    pre : sequence of Preprocessor

    Returns
    -------
    reads : tuple of str or None
        ``None`` where it cannot be told, so that every column is handed over.
    asks : frozenset of str
        Columns read by ``x.get("field")``, which need not be there.
    """
    written: set[str] = set()
    reads: dict[str, None] = {}
    asks: set[str] = set()
    for step in _chain(pre):
        access = _preprocessor_access(step)
        if access is None:
            return None, frozenset()
        reads |= dict.fromkeys(sorted(access.reads - written))
        asks |= access.asks - written
        written |= access.writes
    access = field_access(function)
    if access is None:
        return None, frozenset()
    reads |= dict.fromkeys(sorted(access.reads - written))
    return tuple(reads), frozenset((asks | access.asks) - written - set(reads))


def _preprocessor_access(step: Preprocessor) -> Access | None:
    if isinstance(step, SpacyPreprocessor):
        return Access(frozenset({step.text_field}), frozenset(), frozenset({step.doc_field}))
    access = field_access(step.function, preprocessor=True)
    if access is None or step.fields is None:
        return access
    return Access(frozenset(step.fields), frozenset(), access.writes)


def _chain(pre: Sequence[Preprocessor]) -> list[Preprocessor]:
    steps: dict[Preprocessor, None] = {}
    for step in pre:
        steps |= dict.fromkeys([*_chain(step.pre), step])
    return list(steps)


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


def check_fields(owner: str, fields: Iterable[str], known: Collection[str], *, hint: str = "") -> None:
    """Check that data has the fields that a function reads.

    Parameters
    ----------
    owner : str
        Who reads them, for the message.
    fields : iterable of str
    known : collection of str
        The columns of the data.
    hint : str, default ""
        What more to say where one is missing.

    Raises
    ------
    FunctionError
        If the data lacks one of them.

    Examples
    --------
    >>> check_fields("labeling function 'f'", ["txt"], ["text", "author"])
    Traceback (most recent call last):
    labelwright.core.errors.FunctionError: labeling function 'f' reads field 'txt', which the data does not have; did
    you mean 'text'? Columns: text, author.
    """
    missing = next((field for field in fields if field not in known), None)
    if missing is not None:
        raise FunctionError(
            f"{owner} reads field {missing!r}, which the data does not have; {unknown_field(missing, known)}{hint}"
        )


def read_field(x: Any, field: str, owner: str) -> Any:
    """Return a field of one example, ``None`` where the value is missing (``None``, NaN or ``pandas.NA``).

    Parameters
    ----------
    x : object
        A record, mapping, pandas row, or an object with attributes.
    field : str
        The field.
    owner : str
        Who reads it, for the message.

    Raises
    ------
    FunctionError
        If the example has no such field.

    Examples
    --------
    >>> read_field({"text": "hello"}, "text", "labeling function 'greets'")
    'hello'
    """
    try:
        # A named tuple has items too, but by position.
        by_name = hasattr(type(x), "__getitem__") and not isinstance(x, tuple)
        value = x[field] if by_name else getattr(x, field)
    except (KeyError, AttributeError, IndexError, TypeError) as error:
        has = x.keys() if hasattr(x, "keys") else getattr(x, "_fields", None) or getattr(x, "__dict__", {})
        raise FunctionError(
            f"{owner} reads field {field!r}, which the example does not have; "
            f"{unknown_field(field, has).replace('Columns', 'Fields')}"
        ) from error
    value = value.item() if hasattr(value, "item") and getattr(value, "ndim", None) == 0 else value
    # pandas.NA answers every comparison with itself; it is told by its name, without pandas.
    return None if value is None or type(value).__name__ in ("NAType", "NaTType") or value != value else value
