"""Stats: what a label model keeps of the votes. A sum, so order and partition cannot matter."""

from __future__ import annotations

from typing import Protocol, TypeVar, runtime_checkable

__all__ = ["Stats"]

S = TypeVar("S", bound="Stats")


@runtime_checkable
class Stats(Protocol):
    """An exact, order-free summary of votes.

    ``+`` merges the summaries of two sets of rows; ``-`` takes rows away that were added before, and refuses rows that
    were not. Both are exact: counts are integers, so that an update equals a rebuild bit for bit.
    """

    def __add__(self: S, other: S, /) -> S:
        """Merge."""
        ...

    def __sub__(self: S, other: S, /) -> S:
        """Take away."""
        ...
