"""Rows that an earlier run voted on: where they are, and what was said of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.core import ABSTAIN
from labelwright.pipeline.kept.kept_data import KeptData
from labelwright.pipeline.kept.kept_votes import Failures, KeptVotes
from labelwright.pipeline.settings import Settings

__all__ = ["BaseVotes", "Matches", "Reuse", "vote_parameters"]


def vote_parameters(version: str, settings: Settings) -> dict[str, Any]:
    """Return what, beside the part, decides the votes of a function."""
    parameters: dict[str, Any] = {"function": version, "classes": settings.task.classes}
    if settings.apply.timeout is not None:
        parameters["timeout"] = settings.apply.timeout
    return parameters


@dataclass(frozen=True)
class BaseVotes:
    """The votes of an earlier run, by what decides them.

    Parameters
    ----------
    votes : KeptVotes
    versions : mapping of str to str
        The version of each source.
    settings : Settings
    """

    votes: KeptVotes
    versions: Mapping[str, str]
    settings: Settings

    def source_of(self, parameters: Mapping[str, Any]) -> str | None:
        """Return the source whose votes are decided by ``parameters``, or ``None``."""
        for source, version in self.versions.items():
            if vote_parameters(version, self.settings) == parameters:
                return source
        return None


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
    """

    def __init__(self, base: BaseVotes, data: KeptData) -> None:
        self.base = base
        self.data = data
        now = {part.digest for part in data.parts}
        self.gone = [i for i, part in enumerate(base.votes.data.parts) if part.digest not in now]

    def failed(self) -> set[str]:
        """Return the sources that failed on rows of these parts."""
        return {name for part in self.gone for name in self.base.votes.part_record(part).failures}

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

    def columns(self, matches: Matches, sources: Mapping[str, str]) -> dict[str, npt.NDArray[Any]]:
        """Return the votes of functions on a part as far as the base holds them, abstains elsewhere.

        Parameters
        ----------
        matches : Matches
        sources : mapping of str to str
            What each function is called in the base.
        """
        votes = self.base.votes
        out = {name: np.full(len(matches.part), ABSTAIN, dtype=votes.dtype) for name in sources}
        for part in matches.parts:
            here = np.flatnonzero(matches.part == part)
            for name, column in out.items():
                column[here] = votes.column(part, sources[name])[matches.row[here]]
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
        return {part: self.base.votes.failures_of(part) for part in self.gone}

    @cached_property
    def _seen(self) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """The rows of these parts, sorted by the first half of their hash: hashes, parts, rows."""
        hashes = [self.base.votes.data.part_hashes(part) for part in self.gone]
        parts = np.repeat(np.array(self.gone, dtype=np.int64), [len(h) for h in hashes])
        rows = np.concatenate([np.arange(len(h)) for h in hashes])
        joined = np.concatenate(hashes)
        order = np.argsort(joined[:, 0], kind="stable")
        return joined[order], parts[order], rows[order]
