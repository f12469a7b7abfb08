"""Trying labeling functions while they are being written: coverage, what they fire on, where they fail."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from labelwright.core import Class, Votes, hash_ids
from labelwright.core.errors import ProjectError
from labelwright.data import read
from labelwright.labeling import LabelingFunction

from .data_settings import DataSettings
from .examples import Source, Split, example_texts, gold_of, open_sources, source_paths
from .explaining.wording import said
from .refreshing.ballots import SeveralTasks
from .refreshing.noticing import FailedFunction
from .refreshing.reach import Reach, reach_among
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
        Examples in the split; of several data sets, of those that it reads.
    votes : int
        Examples on which it voted.
    failures : int
        Examples of the whole dataset on which it raised.
    applied : int
        Examples of the whole dataset.
    first_failures : tuple of (example id, message)
        Examples of several data sets are called by the name of theirs too.
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
        """Share of the examples on which it voted; 0 where it runs on none."""
        return self.votes / self.n if self.n else 0.0

    @property
    def warning(self) -> str | None:
        """That it failed, on how many examples and why, in a line; ``None`` where it did not."""
        message = self.first_failures[0][1] if self.first_failures else ""
        return str(FailedFunction(self.name, self.failures, self.applied, message)) if self.failures else None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {**asdict(self), "coverage": self.coverage}


def find_split(
    folder: Path, settings: Settings, name: str, *, instead: str = "labelwright lf test tries functions on several"
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
    return _split_of({"": open_sources(settings, folder)}, name)[""]


def _split_of(opened: Mapping[str, Sequence[Source]], name: str) -> dict[str, tuple[Source, Split]]:
    """Return the split of that name of each data set that has it.

    Raises
    ------
    ProjectError
        If none has it.
    """
    pairs = [(data_set, source, split) for data_set, own in opened.items() for source in own for split in source.splits]
    found = {data_set: (source, split) for data_set, source, split in pairs if split.name == name}
    if not found:
        names = dict.fromkeys(split.name for _, _, split in pairs)
        raise ProjectError(f"the project has no split {name!r}; it has {', '.join(names)}.")
    return found


def try_functions(
    functions: Sequence[LabelingFunction],
    folder: Path,
    settings: Settings,
    *,
    split: str,
    limit: int,
    known: Collection[str],
) -> list[TriedFunction]:
    """Apply functions to a split; see `labelwright.pipeline.Project.try_functions`.

    Of several data sets, each function is tried on those that a run applies it to.

    Parameters
    ----------
    functions : sequence of LabelingFunction
    folder : Path
    settings : Settings
    split : str
    limit : int
        Examples to show of each.
    known : collection of str
        The names of all functions of the project.
    """
    alone = {name: _alone(settings, folder, name) if name else settings for name in settings.sets}
    opened = {name: open_sources(one, folder) for name, one in alone.items()}
    reach: Reach = {("", f.name): () for f in functions}
    if "" not in opened:
        schemas = {name: sources[0].schema for name, sources in opened.items()}
        reach = reach_among(SeveralTasks(functions, settings, settings.graph), schemas, known)
    tried: dict[str, list[TriedFunction]] = {f.name: [] for f in functions}
    for name, (source, part) in _split_of(opened, split).items():
        own = [f for f in functions if (name, f.name) in reach]
        about = settings.tasks_about(name) if name else None
        for one in _try_on(own, source, part, alone[name], about=about, limit=limit) if own else []:
            tried[one.name].append(_called(one, name) if name else one)
    return [_together(name, some, limit) for name, some in tried.items()]


def _alone(settings: Settings, folder: Path, data_set: str) -> Settings:
    """Return what the settings say of one of several data sets, as of the data of a project by itself."""
    one = settings.sets[data_set]
    data = DataSettings(one.path, one.id, one.group, one.splits)
    columns = {c for paths in source_paths(settings, folder, data_set).values() for c in read(paths).columns}
    golds, tasks = gold_of(settings, columns, data_set), settings.tasks
    assert not isinstance(tasks, msgspec.UnsetType)
    own = {name: msgspec.structs.replace(table, gold=golds.get(name)) for name, table in tasks.items()}
    return msgspec.structs.replace(settings, data=data, data_sets=msgspec.UNSET, tasks=own)


def _called(one: TriedFunction, data_set: str) -> TriedFunction:
    """Return what a function did on a data set, its examples called by the name of that."""
    failures = tuple((f"{data_set}:{example_id}", message) for example_id, message in one.first_failures)
    examples = tuple(replace(shown, example_id=f"{data_set}:{shown.example_id}") for shown in one.examples)
    return replace(one, first_failures=failures, examples=examples)


def _together(name: str, some: Sequence[TriedFunction], limit: int) -> TriedFunction:
    """Return what a function did on all data sets that it reads."""
    if len(some) == 1:
        return some[0]
    shown = [example for one in some for example in one.examples]
    order = np.argsort(hash_ids(np.array([example.example_id for example in shown], dtype=np.str_)), kind="stable")
    return TriedFunction(
        name=name,
        n=sum(one.n for one in some),
        votes=sum(one.votes for one in some),
        failures=sum(one.failures for one in some),
        applied=sum(one.applied for one in some),
        first_failures=tuple(failure for one in some for failure in one.first_failures)[: max(limit, 1)],
        examples=tuple(shown[place] for place in order[:limit].tolist()),
    )


def _try_on(
    functions: Sequence[LabelingFunction],
    source: Source,
    split: Split,
    settings: Settings,
    *,
    about: Collection[str] | None,
    limit: int,
) -> list[TriedFunction]:
    """Apply functions to a split of one data set; votes on tasks that it is not ``about`` are dropped."""
    whole = apply_by_task(functions, source.dataset, settings, on_error="abstain")
    failures = {f.source: f for votes in whole.values() for f in votes.failures}
    applied = next(iter(whole.values())).n
    by_task = {task: votes.take(split.rows) for task, votes in whole.items() if about is None or task in about}
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
