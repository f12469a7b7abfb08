"""Cutting parts to pieces that take about as long as they should, and putting what is made of them together again."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

from labelwright.core.errors import DataError

from .base import Engine, Task

__all__ = ["Pieces", "closing", "run_by_part", "run_pieces"]

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
def closing(outcomes: Iterator[Any]) -> Iterator[None]:
    """Stop the engine's work on leaving; an engine may also return an iterator that has nothing to stop."""
    try:
        yield
    finally:
        close = getattr(outcomes, "close", None)
        if close is not None:
            close()


def run_pieces(engine: Engine, task: Task, parts: Iterable[CutPart], rows: int | None, *, cut: bool) -> Iterator[Any]:
    """Yield what an engine makes of parts, in their order, piece by piece; raise the first error.

    Parameters
    ----------
    engine : Engine
    task : Task
        Of examples one by one: what it makes of two pieces is what it makes of both together. That says how many
        ``rows`` it is of, and how many ``seconds`` it took.
    parts : iterable of Part
    rows : int or None
        How many examples there are, where that is known.
    cut : bool
        Whether to cut parts that take long; else each part is one piece.
    """
    pieces = Pieces(parts, rows)
    outcomes = engine.map(task, pieces if cut else parts)
    with closing(outcomes):
        for outcome in outcomes:
            if outcome.error is not None:
                raise outcome.error
            pieces.learn(outcome.value.rows, outcome.value.seconds)
            yield outcome.value


def run_by_part(
    engine: Engine,
    task: Task,
    parts: Iterable[CutPart],
    rows: int | None,
    *,
    cut: bool,
    report: Callable[[int], None] | None = None,
) -> Iterator[list[Any]]:
    """Yield of each part the pieces that an engine made of it, as soon as all are there.

    Parameters
    ----------
    engine, task, parts, rows, cut
        As for `run_pieces`.
    report : callable, optional
        Told how many rows are done.

    Raises
    ------
    DataError
        If a part had another number of rows when it was read.
    """
    sizes: deque[int] = deque()
    held: list[Any] = []
    done = 0
    values = run_pieces(engine, task, _noted(parts, sizes), rows, cut=cut)
    with closing(values):
        for value in values:
            held.append(value)
            done += value.rows
            if report is not None:
                report(done)
            if sum(one.rows for one in held) == sizes[0]:
                sizes.popleft()
                yield held
                held = []
    if held:
        raise DataError("the data changed while functions were applied to it; run again.")


def _noted(parts: Iterable[CutPart], sizes: deque[int]) -> Iterator[CutPart]:
    """Pass parts on, and note their sizes: an engine reads ahead of what it hands over."""
    for part in parts:
        sizes.append(part.rows)
        yield part
