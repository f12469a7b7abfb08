"""Cutting parts to pieces that take about as long as they should, and stopping an engine's work on leaving."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

from .base import Outcome

__all__ = ["Pieces", "closing"]

# Parts of slow Python functions are cut so that one takes about this long: work spreads, and progress shows.
_PART_SECONDS = 0.5
_FIRST_ROWS = 16
_GROWTH = 8


class Cuttable(Protocol):
    """A part that can be cut: a dataclass with an ``index``, such as `labelwright.data.Part`."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def rows(self) -> int:
        """Number of examples."""
        ...

    def slice(self, start: int, rows: int, /) -> Self:
        """Return the part of it that begins at row ``start`` and has at most so many rows."""
        ...


CutPart = TypeVar("CutPart", bound=Cuttable)


class Pieces(Iterator[CutPart], Generic[CutPart]):
    """Cut parts to pieces that each take about as long as they should, learned from the pieces that are done.

    Its length hint lets an engine judge whether what is left is worth starting workers for.
    """

    def __init__(self, parts: Iterable[CutPart], rows: int | None) -> None:
        self.size = _FIRST_ROWS
        self._left = rows
        # Pieces are numbered afresh.
        self._pieces = enumerate(self._cut(parts))

    def learn(self, rows: int, seconds: float) -> None:
        """Note that a piece of so many rows took so long."""
        fitting = int(rows * _PART_SECONDS / max(seconds, 1e-9))
        self.size = max(_FIRST_ROWS, min(fitting, self.size * _GROWTH))

    def _cut(self, parts: Iterable[CutPart]) -> Iterator[CutPart]:
        for part in parts:
            if self.size >= part.rows:
                yield part
                continue
            held, start = part.slice(0, part.rows), 0
            while start < held.rows:
                piece = held.slice(start, self.size)
                start += piece.rows
                yield piece

    def __next__(self) -> CutPart:
        index, piece = next(self._pieces)
        if self._left is not None:
            self._left -= piece.rows
        return replace(piece, index=index)

    def __length_hint__(self) -> int:
        return NotImplemented if self._left is None else -(-self._left // self.size)


@contextmanager
def closing(outcomes: Iterator[Outcome]) -> Iterator[None]:
    """Stop the engine's work on leaving; an engine may also return an iterator that has nothing to stop."""
    try:
        yield
    finally:
        close = getattr(outcomes, "close", None)
        if close is not None:
            close()
