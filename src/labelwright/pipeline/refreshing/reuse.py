"""Rows that an earlier run voted on: where they are, and what was said of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.core import ABSTAIN
from labelwright.pipeline.kept.kept_data import KeptData
from labelwright.pipeline.kept.kept_votes import Failures, KeptVotes

__all__ = ["BaseVotes", "Matches", "Reuse"]


@dataclass(frozen=True)
class BaseVotes:
    """The votes of an earlier run, by what decides them.

    Parameters
    ----------
    by_task : mapping of str to KeptVotes
        The votes on each task; the one task of a project is called ``""``.
    parameters : mapping of str to mapping
        What, beside the part, decides the votes of each source, in the order of the sources.
    data : KeptData
        What was voted on.
    """

    by_task: Mapping[str, KeptVotes]
    parameters: Mapping[str, Mapping[str, Any]]
    data: KeptData

    def source_of(self, parameters: Mapping[str, Any]) -> str | None:
        """Return the source whose votes are decided by ``parameters``, or ``None``."""
        return next((source for source, own in self.parameters.items() if own == parameters), None)

    def tasks_of(self, source: str) -> tuple[str, ...]:
        """Return the tasks that a source voted on."""
        return tuple(task for task, votes in self.by_task.items() if source in votes.sources)

    def asked(self, part: int, source: str) -> tuple[str, ...]:
        """Return the tasks that a source voted on, on a part."""
        return tuple(task for task, votes in self.by_task.items() if source in dict(votes.part_record(part).votes))

    def failed(self, part: int) -> set[str]:
        """Return the sources that failed on a part."""
        return {name for votes in self.by_task.values() for name in votes.part_record(part).failures}

    def failures_of(self, part: int) -> dict[str, Failures]:
        """Return what failed on a part, by source."""
        return {name: one for votes in self.by_task.values() for name, one in votes.failures_of(part).items()}

    def column(self, part: int, source: str, task: str) -> npt.NDArray[Any]:
        """Return the votes of a source on a task over a part, shape (rows,)."""
        return self.by_task[task].column(part, source)

    def sets(self, source: str, task: str) -> tuple[frozenset[int], ...]:
        """Return what the codes of a source beyond the states of a task stand for."""
        votes = self.by_task[task]
        return tuple(map(frozenset, votes.record.alphabet.get(source, ())[len(votes.classes) :]))


@dataclass(frozen=True)
class Matches:
    """For each row of a part, the part (-1 for none) and row of the base that hold the same.

    Parameters
    ----------
    part, row : ndarray of int64, shape (rows,)
    """

    part: npt.NDArray[np.int64]
    row: npt.NDArray[np.int64]

    @cached_property
    def new(self) -> npt.NDArray[np.int64]:
        """The rows that the base does not hold."""
        return np.flatnonzero(self.part < 0)

    @cached_property
    def parts(self) -> list[int]:
        """The parts of the base that rows come from."""
        found: list[int] = np.unique(self.part[self.part >= 0]).tolist()
        return found


class Reuse:
    """Looks rows of new parts up among those of an earlier run's parts that are no more.

    A row that stands in a new part now stood in one of these, if anywhere: what is in a part that stayed, stayed.

    Parameters
    ----------
    base : BaseVotes
    data : KeptData
        The data as it is now.
    data_set : str
        Rows of this data set alone are looked up among those that it had; it may be the only one, ``""``.
    """

    def __init__(self, base: BaseVotes, data: KeptData, data_set: str = "") -> None:
        self.base = base
        self.data = data
        now = {data.parts[part].digest for part in data.of_data_set(data_set).numbers}
        before = base.data.of_data_set(data_set).numbers
        self.gone = [part for part in before if base.data.parts[part].digest not in now]

    def source_of(self, parameters: Mapping[str, Any], tasks: Sequence[str]) -> str | None:
        """Return the source whose votes ``parameters`` decide, if it voted on all these tasks on all of these parts."""
        found = self.base.source_of(parameters)
        if found is not None and self.base.data.record.sets:
            asked = [set(self.base.asked(part, found)) for part in self.gone]
            return found if all(own.issuperset(tasks) for own in asked) else None
        return found

    def failed(self) -> set[str]:
        """Return the sources that failed on rows of these parts."""
        return {name for part in self.gone for name in self.base.failed(part)}

    def match(self, part: int) -> Matches | None:
        """Look up each row of a part; ``None`` where all are new.

        Of rows that share the first half of their hash one is looked at; if it is another row, the row counts as new.
        """
        if not self.gone:
            return None
        hashes, parts, rows = self._seen
        wanted = self.data.part_hashes(part)
        place = np.minimum(np.searchsorted(hashes[:, 0], wanted[:, 0]), len(hashes) - 1)
        same = (hashes[place] == wanted).all(axis=1)
        return Matches(np.where(same, parts[place], -1), np.where(same, rows[place], -1)) if same.any() else None

    def column(self, matches: Matches, source: str, task: str) -> npt.NDArray[Any]:
        """Return the votes of a source of the base on a part as far as the base holds them, abstains elsewhere."""
        out = np.full(len(matches.part), ABSTAIN, dtype=self.base.by_task[task].dtype)
        for part in matches.parts:
            here = np.flatnonzero(matches.part == part)
            out[here] = self.base.column(part, source, task)[matches.row[here]]
        return out

    def failures(self, matches: Matches, source: str) -> list[tuple[int, str]]:
        """Return ``(row, message)`` of every row on which a source of the base failed."""
        out: list[tuple[int, str]] = []
        for part in matches.parts:
            failed = self._failures[part].get(source)
            if failed is None:
                continue
            said = dict(failed.pairs())
            here = np.flatnonzero(matches.part == part)
            pairs = zip(here.tolist(), matches.row[here].tolist(), strict=True)
            out += [(row, said[before]) for row, before in pairs if before in said]
        return out

    @cached_property
    def _failures(self) -> dict[int, dict[str, Failures]]:
        return {part: self.base.failures_of(part) for part in self.gone}

    @cached_property
    def _seen(self) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """The rows of these parts, sorted by the first half of their hash: hashes, parts, rows."""
        hashes = [self.base.data.part_hashes(part) for part in self.gone]
        parts = np.repeat(np.array(self.gone, dtype=np.int64), [len(h) for h in hashes])
        rows = np.concatenate([np.arange(len(h)) for h in hashes])
        joined = np.concatenate(hashes)
        order = np.argsort(joined[:, 0], kind="stable")
        return joined[order], parts[order], rows[order]
