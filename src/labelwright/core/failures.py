"""Sources that raised, under the policy that counts failures instead of stopping."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

__all__ = ["KEPT_FAILURES", "Failure", "merge_failures"]

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
