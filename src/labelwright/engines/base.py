"""The seam: an engine maps a task over parts. That is all it does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

__all__ = ["Engine", "Outcome", "Task", "TaskKind", "combined", "part_id"]

TaskKind = Literal["threads", "processes", "inline"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one part: a value, or the exception that the task raised.

    Parameters
    ----------
    part_id : object
        The part's ``index``, or its position where it has none; ``None`` for a combined outcome.
    value : object
        What the task returned.
    error : Exception or None
        What the task raised; its notes hold the traceback where it was raised in another process.
    """

    part_id: Any
    value: Any = None
    error: Exception | None = None


@runtime_checkable
class Task(Protocol):
    """A pure function of one part, which can be pickled. Running it twice on a part gives the same value.

    Attributes
    ----------
    prefers : {"threads", "processes", "inline"}
        Where the work goes best: ``"threads"`` where it lets go of the interpreter's lock, ``"processes"`` where it
        holds it, ``"inline"`` where it must not be copied (a large model).
    main_thread : bool
        Whether it must run in the main thread of its process.
    """

    @property
    def prefers(self) -> TaskKind:
        """Where the work goes best."""
        ...

    @property
    def main_thread(self) -> bool:
        """Whether it must run in the main thread of its process."""
        ...

    def setup(self) -> None:
        """Prepare this copy of the task; called once per worker, before the first part."""
        ...

    def __call__(self, part: Any) -> Any:
        """Compute one part."""
        ...


@runtime_checkable
class Engine(Protocol):
    """Runs a task over parts, somewhere."""

    def map(
        self,
        task: Task,
        parts: Iterable[Any],
        *,
        combine: Callable[[Any, Any], Any] | None = None,
        resources: Mapping[str, Any] | None = None,
    ) -> Iterator[Outcome]:
        """Yield one outcome per part, in the order of the parts; with ``combine`` a single one.

        Parameters
        ----------
        task : Task
            What to compute.
        parts : iterable
            Read lazily: only as many parts are held as are at work.
        combine : callable, optional
            Associative and exact; joins two values into one.
        resources : mapping, optional
            What a worker needs (``{"gpus": 1}``), for engines that can choose.
        """
        ...

    def close(self) -> None:
        """Let go of the workers."""
        ...


def part_id(part: Any, position: int) -> Any:
    """Return what an outcome calls its part."""
    return getattr(part, "index", position) if not isinstance(part, (str, bytes, list, tuple)) else position


def combined(outcomes: Iterator[Outcome], combine: Callable[[Any, Any], Any]) -> Iterator[Outcome]:
    """Join the values of all parts in order; a failed part ends it with that part's outcome.

    Examples
    --------
    >>> [o.value for o in combined(iter([Outcome(0, 1), Outcome(1, 2)]), lambda a, b: a + b)]
    [3]
    """
    total: Any = None
    empty = True
    for outcome in outcomes:
        if outcome.error is not None:
            yield outcome
            return
        total = outcome.value if empty else combine(total, outcome.value)
        empty = False
    if not empty:
        yield Outcome(None, total)
