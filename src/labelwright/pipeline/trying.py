"""Trying labeling functions while they are being written: coverage, what they fire on, where they fail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from labelwright.core import Class, hash_ids
from labelwright.labeling import LabelingFunction

from .examples import Source, Split, example_texts
from .refreshing.noticing import FailedFunction
from .refreshing.run import apply_functions
from .settings import Settings

__all__ = ["FiredExample", "TriedFunction", "try_functions"]


@dataclass(frozen=True, slots=True)
class FiredExample:
    """An example on which a function voted: its id, the vote, and what it says."""

    example_id: Any
    vote: Class
    text: str


@dataclass(frozen=True, slots=True)
class TriedFunction:
    """What one function did on a split.

    Parameters
    ----------
    name : str
    n : int
        Examples in the split.
    votes : int
        Examples on which it voted.
    failures : int
        Examples of the whole dataset on which it raised.
    applied : int
        Examples of the whole dataset.
    first_failures : tuple of (example id, message)
    examples : tuple of FiredExample
        Some of the examples on which it voted, by a hash of their ids: not the first, which may all be alike.
    """

    name: str
    n: int
    votes: int
    failures: int
    applied: int
    first_failures: tuple[tuple[Any, str], ...]
    examples: tuple[FiredExample, ...]

    @property
    def coverage(self) -> float:
        """Share of the examples on which it voted."""
        return self.votes / self.n

    @property
    def warning(self) -> str | None:
        """That it failed, on how many examples and why, in a line; ``None`` where it did not."""
        message = self.first_failures[0][1] if self.first_failures else ""
        return str(FailedFunction(self.name, self.failures, self.applied, message)) if self.failures else None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {**asdict(self), "coverage": self.coverage}


def try_functions(
    functions: Sequence[LabelingFunction], source: Source, split: Split, settings: Settings, *, limit: int
) -> list[TriedFunction]:
    """Apply functions to a split; see `labelwright.pipeline.Project.try_functions`."""
    votes = apply_functions(functions, source.dataset, settings, on_error="abstain")
    failures, applied = {f.source: f for f in votes.failures}, votes.n
    votes = votes.take(split.rows)
    shuffled = np.argsort(hash_ids(votes.example_ids), kind="stable")
    out = []
    for column, function in enumerate(functions):
        text = example_texts(settings, source, split, fields=function.fields)
        codes = votes.values[:, column]
        fired = shuffled[codes[shuffled] >= 0]
        shown = tuple(
            FiredExample(votes.example_ids[row].item(), votes.classes[codes[row]], text(int(row)))
            for row in fired[:limit]
        )
        failed = failures.get(function.name)
        out.append(
            TriedFunction(
                name=function.name,
                n=votes.n,
                votes=len(fired),
                failures=failed.count if failed else 0,
                applied=applied,
                first_failures=failed.first[: max(limit, 1)] if failed else (),
                examples=shown,
            )
        )
    return out
