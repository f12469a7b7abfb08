"""Sources that raised, under the policy that counts failures instead of stopping."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

__all__ = ["KEPT_FAILURES", "FailedRows", "Failure", "failed_rows", "failures_of", "merge_failures"]

# For each source that raised, every row on which it did, and what it said.
FailedRows: TypeAlias = Mapping[str, Sequence[tuple[int, str]]]

# How many of a source's failures are kept to be shown; all are counted.
KEPT_FAILURES = 5


@dataclass(frozen=True, slots=True)
class Failure:
    """How often one source raised, under the policy that counts failures instead of stopping.

    Parameters
    ----------
    source : str
        Name of the source.
    count : int
        Number of examples on which it raised; there its vote is an abstain.
    first : tuple of (example id, message)
        The first failures, kept to be shown.
    """

    source: str
    count: int
    first: tuple[tuple[Any, str], ...] = ()


def merge_failures(failures: Iterable[Failure], *, keep: int = KEPT_FAILURES) -> dict[str, Failure]:
    """Add failures up by source, keeping the first few of each.

    Examples
    --------
    >>> merge_failures([Failure("a", 2, ((0, "boom"),)), Failure("a", 1, ((9, "bang"),))])["a"].count
    3
    """
    merged: dict[str, Failure] = {}
    for failure in failures:
        old = merged.get(failure.source, Failure(failure.source, 0))
        merged[failure.source] = Failure(failure.source, old.count + failure.count, (old.first + failure.first)[:keep])
    return merged


def failures_of(failed: FailedRows, example_id: Callable[[int], Any]) -> tuple[Failure, ...]:
    """Count the rows on which sources raised, and keep the first few of each.

    Parameters
    ----------
    failed : mapping of str to sequence of (int, str)
    example_id : callable of int
        The id of the example in a row.

    Examples
    --------
    >>> failures_of({"a": [(0, "boom"), (2, "bang")]}, lambda row: f"x{row}")
    (Failure(source='a', count=2, first=(('x0', 'boom'), ('x2', 'bang'))),)
    """
    return tuple(
        Failure(name, len(found), tuple((example_id(row), said) for row, said in found[:KEPT_FAILURES]))
        for name, found in failed.items()
    )


def failed_rows(pieces: Iterable[tuple[int, FailedRows]]) -> dict[str, tuple[tuple[int, str], ...]]:
    """Put together what failed on the pieces of one part; rows are counted from the beginning of the part.

    Parameters
    ----------
    pieces : iterable of (int, mapping)
        How many rows a piece has, and which of them failed.

    Examples
    --------
    >>> failed_rows([(10, {"a": [(3, "boom")]}), (10, {"a": [(0, "bang")]})])
    {'a': ((3, 'boom'), (10, 'bang'))}
    """
    whole: dict[str, list[tuple[int, str]]] = {}
    start = 0
    for rows, failed in pieces:
        for name, found in failed.items():
            whole.setdefault(name, []).extend((start + row, said) for row, said in found)
        start += rows
    return {name: tuple(found) for name, found in whole.items()}
