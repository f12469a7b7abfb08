"""Trying labeling functions while they are being written: coverage, what they fire on, where they fail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from labelwright.core import Class, Votes, hash_ids
from labelwright.core.errors import ProjectError
from labelwright.labeling import LabelingFunction

from .examples import Source, Split, example_texts, open_sources
from .explaining.wording import said
from .refreshing.noticing import FailedFunction
from .refreshing.run import apply_by_task
from .settings import Settings

__all__ = ["FiredExample", "TriedFunction", "find_split", "try_functions"]


@dataclass(frozen=True, slots=True)
class FiredExample:
    """An example on which a function voted: its id, the vote (by task, where there are several), and what it says."""

    example_id: Any
    vote: Class | Mapping[str, Class]
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


def find_split(
    folder: Path, settings: Settings, name: str, *, instead: str = "labelwright tasks shows what functions do"
) -> tuple[Source, Split]:
    """Open the split of a project that has one data set, with the data that it is in.

    Parameters
    ----------
    folder : Path
    settings : Settings
    name : str
    instead : str
        What is said to who has several data sets.

    Raises
    ------
    ProjectError
        If there is no split of that name, or the project has several data sets.
    """
    if not set(settings.sets) <= {""}:
        raise ProjectError(f"this works on a project with one [data] table; {instead}.")
    sources = open_sources(settings, folder)
    names = [split.name for source in sources for split in source.splits]
    for source in sources:
        for split in source.splits:
            if split.name == name:
                return source, split
    raise ProjectError(f"the project has no split {name!r}; it has {', '.join(names)}.")


def try_functions(
    functions: Sequence[LabelingFunction], source: Source, split: Split, settings: Settings, *, limit: int
) -> list[TriedFunction]:
    """Apply functions to a split; see `labelwright.pipeline.Project.try_functions`."""
    whole = apply_by_task(functions, source.dataset, settings, on_error="abstain")
    failures = {f.source: f for votes in whole.values() for f in votes.failures}
    applied = next(iter(whole.values())).n
    by_task = {task: votes.take(split.rows) for task, votes in whole.items()}
    ids = next(iter(by_task.values())).example_ids
    shuffled = np.argsort(hash_ids(ids), kind="stable")
    out = []
    for function in functions:
        text = example_texts(settings, source, split, fields=function.fields)
        own = {task: votes.select([function.name]) for task, votes in by_task.items() if function.name in votes.sources}
        voted = np.any([votes.covered for votes in own.values()], axis=0)
        fired = shuffled[voted[shuffled]]
        shown = tuple(FiredExample(ids[row].item(), _vote(own, int(row)), text(int(row))) for row in fired[:limit])
        failed = failures.get(function.name)
        out.append(
            TriedFunction(
                name=function.name,
                n=len(ids),
                votes=len(fired),
                failures=failed.count if failed else 0,
                applied=applied,
                first_failures=failed.first[: max(limit, 1)] if failed else (),
                examples=shown,
            )
        )
    return out


def _vote(own: Mapping[str, Votes], row: int) -> Class | Mapping[str, Class]:
    """Return what a function said of an example; where there are several tasks, by task."""
    given = {task: int(votes.values[row, 0]) for task, votes in own.items()}
    if "" in own:
        return own[""].classes[given[""]]
    return {task: said(own[task], own[task].sources[0], code) for task, code in given.items() if code >= 0}
