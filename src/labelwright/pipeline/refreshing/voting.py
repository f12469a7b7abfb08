"""The votes of a run: what is kept is taken, rows that were seen before are copied, and the rest is computed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec
import numpy.typing as npt
import polars as pl

from labelwright.data import Part
from labelwright.data.base import Frame
from labelwright.engines import LocalEngine
from labelwright.labeling import LabelingFunction, VectorisedFunction
from labelwright.labeling.by_part import apply_by_part
from labelwright.pipeline.kept.database import Database
from labelwright.pipeline.kept.kept_data import KeptData
from labelwright.pipeline.kept.kept_votes import Failures, PartVotesRecord, VotesRecord
from labelwright.pipeline.settings import Settings
from labelwright.store import ArtifactId, Recipe
from labelwright.store.bit_planes import SUFFIX, encode

from .reuse import BaseVotes, Matches, Reuse, vote_parameters

__all__ = ["Counts", "Voting"]

# The data can hardly have a column of this name; it says where a row stands, for messages.
_ROW = "\0row"

_FAILURES = "failures"

# Votes that are not made yet.
_UNKNOWN = ArtifactId("votes", 64 * "0")

Failed = Mapping[str, Sequence[tuple[int, str]]]


@dataclass
class Counts:
    """How many votes were computed, copied from rows seen before, and taken as they were kept."""

    applied: int = 0
    copied: int = 0
    kept: int = 0


@dataclass(frozen=True)
class _Work:
    """Functions to apply to rows of a part: to all of them, or to those that ``matches`` does not find."""

    part: int
    functions: tuple[str, ...]
    matches: Matches | None
    n: int


class Voting:
    """Works out which votes are missing, and makes them.

    Parameters
    ----------
    database : Database
    data : KeptData
        The data as it is.
    functions : sequence of LabelingFunction
    settings : Settings
    base : BaseVotes or None
        An earlier run, where rows that were seen before are looked up.
    keep : sequence of str
        Sources of the base whose votes are taken as they are, on data that is the base's own; they may be of versions
        that are no more.
    """

    def __init__(
        self,
        database: Database,
        data: KeptData,
        functions: Sequence[LabelingFunction],
        settings: Settings,
        base: BaseVotes | None,
        *,
        keep: Sequence[str] = (),
    ) -> None:
        self.database = database
        self.data = data
        self.functions = {f.name: f for f in functions}
        self.settings = settings
        self.counts = Counts()
        self._reuse = None if base is None or database.full else Reuse(base, data)
        self._keys: dict[tuple[int, str], ArtifactId] = {}
        self._failures: dict[tuple[int, str], ArtifactId] = {}
        # Where functions failed in an earlier run, and are asked again.
        self._failed: set[tuple[int, str]] = set()
        self.sources = list(self.functions)
        if keep and base is not None:
            self.sources = [s for s in base.votes.sources if s in keep or s in self.functions]
            self.sources += [name for name in self.functions if name not in self.sources]
            self._take(base, keep)
        self._find()
        self._works = list(self._plan())

    @property
    def applications(self) -> dict[str, int]:
        """How many rows each function has to be applied to; 0 where its votes are only copied."""
        out: dict[str, int] = {}
        for work in self._works:
            for name in work.functions:
                out[name] = out.get(name, 0) + work.n
        return out

    def run(self, report: Callable[[int, int], None]) -> None:
        """Make what is missing; what a part needs is kept as soon as it is there.

        ``report`` is told how many rows are done, and how many there are.
        """
        together: dict[tuple[str, ...], list[_Work]] = {}
        for work in self._works:
            if work.n:
                together.setdefault(work.functions, []).append(work)
            else:
                self._keep(work, {}, {}, 0.0)
        engine = LocalEngine(workers=self.settings.apply.workers)
        try:
            for names, works in together.items():
                self._apply(engine, names, works, report)
        finally:
            engine.close()

    def record(self) -> VotesRecord:
        """Keep which artifacts hold the votes, part by part, and return the record of all.

        Votes that were not made, as in a dry run, stand there as an artifact that there is not.
        """
        contents = []
        for part in range(len(self.data.parts)):
            votes = [(name, str(self._keys.get((part, name), _UNKNOWN))) for name in self.sources]
            failures = {n: str(self._failures[part, n]) for n in self.sources if (part, n) in self._failures}
            contents.append(msgspec.to_builtins(PartVotesRecord(votes, failures)))
        parts = [str(self.database.store.put_json("part_votes", content)) for content in contents]
        return VotesRecord(list(self.settings.task.classes), self.sources, parts)

    def _take(self, base: BaseVotes, keep: Sequence[str]) -> None:
        """Take votes of the base as they are."""
        for part, kept in enumerate(self.data.parts):
            record = base.votes.part_record(part)
            for name, key in record.votes:
                if name in keep:
                    self._keys[part, name] = ArtifactId.parse(key)
                    self.counts.kept += kept.rows
            failures = {n: ArtifactId.parse(key) for n, key in record.failures.items() if n in keep}
            self._failures |= {(part, name): key for name, key in failures.items()}

    def _find(self) -> None:
        """Take the votes that are kept, of this run's base or any other."""
        places = [(part, name) for part in range(len(self.data.parts)) for name in self.functions]
        votes = {place: self._recipe("votes", *place) for place in places}
        failures = {place: self._recipe(_FAILURES, *place) for place in places}
        found = self.database.find([*votes.values(), *failures.values()])
        for place in places:
            key, failed = found.get(votes[place].digest), found.get(failures[place].digest)
            if failed is not None and failed.kind != _FAILURES:
                failed = None
            # Where failures were counted and now shall stop the run, the function is asked again.
            if key is None or (failed is not None and self._raises):
                if failed is not None:
                    self._failed.add(place)
                continue
            self._keys[place] = key
            self.counts.kept += self.data.parts[place[0]].rows
            if failed is not None:
                self._failures[place] = failed

    def _plan(self) -> Iterator[_Work]:
        """Yield, for each part, the functions that must see all its rows, and those that need only see new ones."""
        for part, kept in enumerate(self.data.parts):
            missing = [name for name in self.functions if (part, name) not in self._keys]
            copied = [name for name in missing if name in self._copyable]
            matches = self._reuse.match(part) if copied and self._reuse is not None else None
            whole = missing if matches is None else [name for name in missing if name not in copied]
            if whole:
                yield _Work(part, tuple(whole), None, kept.rows)
            if matches is not None:
                yield _Work(part, tuple(copied), matches, len(matches.new))

    @property
    def _raises(self) -> bool:
        return self.settings.apply.on_error == "raise"

    @cached_property
    def _copyable(self) -> dict[str, str]:
        """The functions whose votes the base holds, and what they are called there."""
        if self._reuse is None or not self._reuse.gone:
            return {}
        failed = self._reuse.failed() if self._raises else set()
        found = {
            name: self._reuse.base.source_of(vote_parameters(function.version, self.settings))
            for name, function in self.functions.items()
        }
        return {name: source for name, source in found.items() if source is not None and source not in failed}

    def _recipe(self, what: str, part: int, name: str) -> Recipe:
        inputs = {"part": ArtifactId("part", self.data.parts[part].digest)}
        return Recipe(what, inputs, vote_parameters(self.functions[name].version, self.settings))

    def _apply(
        self, engine: LocalEngine, names: tuple[str, ...], works: list[_Work], report: Callable[[int, int], None]
    ) -> None:
        functions = [self.functions[name] for name in names]
        schema = self.data.schema(works[0].part)
        total = sum(work.n for work in works)
        columns = _columns_read(functions, schema, self.data.record.id)
        stream = apply_by_part(
            functions,
            (self._part(i, work, columns) for i, work in enumerate(works)),
            schema,
            classes=self.settings.task.classes,
            engine=engine,
            on_error=self.settings.apply.on_error,
            timeout=self.settings.apply.timeout,
            rows=total,
            report=lambda done: report(done, total),
        )
        began = time.perf_counter()
        for work, made in zip(works, stream, strict=True):
            columns_made = {name: made.values[:, j] for j, name in enumerate(names)}
            self._keep(work, columns_made, made.failed, time.perf_counter() - began)
            self.counts.applied += work.n * len(names)
            began = time.perf_counter()

    def _part(self, index: int, work: _Work, columns: list[str]) -> Part:
        """Return the rows that functions are applied to, with what messages call them: their id, or their place."""
        frame = self.data.part_frame(work.part, columns)
        name = self.data.record.id
        if name is None:
            frame = frame.with_columns(pl.Series(_ROW, self.data.part_positions(work.part)))
        frame = frame if work.matches is None else frame[work.matches.new]
        return Part(index, 0, frame.height, Frame(frame), id=name or _ROW)

    def _keep(self, work: _Work, made: Mapping[str, npt.NDArray[Any]], failed: Failed, seconds: float) -> None:
        """Write the votes of some functions on a part, then record them: from here on they need not be made again."""
        columns, failures = self._completed(work, made, failed)
        keys = self.database.store.put_many("votes", (encode(columns[name]) for name in work.functions), SUFFIX)
        recorded = []
        for name, key in zip(work.functions, keys, strict=True):
            place = work.part, name
            self._keys[place] = key
            recorded.append((self._recipe("votes", *place), key))
            if failures.get(name):
                content = msgspec.to_builtins(Failures.of(failures[name]))
                self._failures[place] = self.database.store.put_json(_FAILURES, content)
                recorded.append((self._recipe(_FAILURES, *place), self._failures[place]))
            elif place in self._failed or self.database.full:
                # It failed no more (a server is there again, say): votes alone are what this recipe gives now.
                recorded.append((self._recipe(_FAILURES, *place), key))
        self.database.record(recorded, seconds=seconds, rows=work.n)

    def _completed(
        self, work: _Work, made: Mapping[str, npt.NDArray[Any]], failed: Failed
    ) -> tuple[Mapping[str, npt.NDArray[Any]], Failed]:
        """Put computed votes among copied ones, where only new rows were computed."""
        if work.matches is None or self._reuse is None:
            return made, failed
        new = work.matches.new
        sources = {name: self._copyable[name] for name in work.functions}
        columns = self._reuse.columns(work.matches, sources)
        failures: dict[str, list[tuple[int, str]]] = {}
        for name, column in columns.items():
            if name in made:
                column[new] = made[name]
            failures[name] = self._reuse.failures(work.matches, sources[name])
            failures[name] += [(int(new[row]), said) for row, said in failed.get(name, ())]
        self.counts.copied += (len(work.matches.part) - len(new)) * len(sources)
        return columns, failures


def _columns_read(functions: Sequence[LabelingFunction], schema: pl.Schema, name: str | None) -> list[str]:
    """Return the columns that functions read, in the order of the schema; never none, or rows would be lost."""
    wanted = {column for function in functions for column in _columns_of(function, schema)}
    wanted |= {name} if name else set()
    return [column for column in schema if column in wanted] or list(schema)[:1]


def _columns_of(function: LabelingFunction, schema: pl.Schema) -> Sequence[str]:
    if isinstance(function, VectorisedFunction):
        return function.expression(schema).meta.root_names()
    return function.columns(schema)
