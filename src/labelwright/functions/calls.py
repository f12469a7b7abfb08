"""Calling user code on examples: batched preprocessors first, and what to say of a call that raised."""

from __future__ import annotations

import sysconfig
import traceback
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from .one_pass import Run

__all__ = ["failed_on", "place", "prepared", "shown", "summary"]

_SHOWN_CHARACTERS = 200
_PREPARED_ROWS = 256
_FOREIGN = (
    str(Path(__file__).parents[1]),
    *(sysconfig.get_path(kind) for kind in ("stdlib", "platstdlib", "purelib", "platlib")),
)


def prepared(records: Iterator[Any], run: Run) -> Iterator[Any]:
    """Let batched preprocessors see some examples at once, ahead of the functions."""
    if not run.batched:
        yield from records
        return
    while chunk := list(islice(records, _PREPARED_ROWS)):
        run.prepare(chunk)
        yield from chunk


def summary(error: BaseException) -> str:
    """Return the kind of an error and the first line of what it says."""
    # The rest of a long message is in the cause.
    return f"{type(error).__name__}: {error}".strip().splitlines()[0]


def place(error: BaseException) -> str:
    """Say in which line of the user's own files an error was raised: not ours, nor those of libraries."""
    frames = reversed(traceback.extract_tb(error.__traceback__))
    own = (f for f in frames if not f.filename.startswith(("<", *_FOREIGN)))
    return next((f" It was raised at {f.filename}:{f.lineno}." for f in own), "")


def shown(fields: Mapping[str, Any]) -> str:
    """Return the values of fields as text for a message, cut where they are long."""
    parts = []
    for name, value in fields.items():
        text = repr(value)
        parts.append(f"{name}={text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + '...'}")
    return ", ".join(parts) or "no fields"


def failed_on(owner: str, said: str, example_id: Any, fields: Mapping[str, Any], error: BaseException) -> str:
    """Return the message of a function that failed on an example: what it said, what it saw, and where.

    Examples
    --------
    >>> failed_on("labeling function 'f'", "raised KeyError: 'a'", 7, {"text": "hi"}, KeyError("a"))
    "labeling function 'f' raised KeyError: 'a' on example 7; it saw text='hi'."
    """
    return f"{owner} {said} on example {example_id!r}; it saw {shown(fields)}.{place(error)}"
