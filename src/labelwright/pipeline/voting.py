"""The votes of a run: what is kept is taken, rows that were seen before are copied, and the rest is computed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from labelwright.core import ABSTAIN
from labelwright.data import Part
from labelwright.data.base import Frame
from labelwright.engines import LocalEngine
from labelwright.labeling import LabelingFunction
from labelwright.labeling.by_part import apply_by_part
from labelwright.store import ArtifactId, Recipe
from labelwright.store.bit_planes import SUFFIX, encode

from .database import Database
from .kept_data import KeptData
from .kept_votes import Failures, KeptVotes, PartVotesRecord, VotesRecord
from .settings import Settings

__all__ = ["BaseVotes", "Voting", "vote_parameters"]

# The data can hardly have a column of this name; it says where a row stands, for messages.
_ROW = "\0row"


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
class _Work:
    """Functions to apply to rows of a part; ``rows`` is ``None`` for all of them."""

    part: int
    functions: tuple[str, ...]
    rows: npt.NDArray[np.int64] | None
    n: int


@dataclass
class _Task:
    """What is missing on a part: functions to compute on all rows, and functions to copy, and compute on new rows."""

    part: int
    whole: tuple[str, ...]
    copied: tuple[str, ...]
    matches: _Matches | None = None


@dataclass(frozen=True)
class _Matches:
    """For each row of a part, the part (-1 for none) and row of the base that hold the same."""

    part: npt.NDArray[np.int64]
    row: npt.NDArray[np.int64]

    @property
    def new(self) -> npt.NDArray[np.int64]:
        return np.flatnonzero(self.part < 0)


@dataclass
class Counts:
    """How many votes were computed, copied from rows seen before, and taken as they were kept."""

    applied: int = 0
    copied: int = 0
    kept: int = 0
    by_function: dict[str, int] = field(default_factory=dict)


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
        Where rows that were seen before are looked up.
    """

    def __init__(
        self,
        database: Database,
        data: KeptData,
        functions: Sequence[LabelingFunction],
        settings: Settings,
        base: BaseVotes | None,
    ) -> None:
        self.database = database
        self.data = data
        self.functions = {f.name: f for f in functions}
        self.settings = settings
        self.base = None if database.full else base
        self._keys: dict[tuple[int, str], ArtifactId] = {}
        self._failures: dict[tuple[int, str], ArtifactId] = {}
        self.counts = Counts()
        self.tasks = list(self._plan())

    @property
    def complete(self) -> bool:
        """Whether all votes are there."""
        return not self.tasks

    @cached_property
    def applications(self) -> dict[str, int]:
        """How many rows each function has to be applied to, for those that have any."""
        out: dict[str, int] = {}
        for work in self._works():
            for name in work.functions:
                out[name] = out.get(name, 0) + work.n
        return out

    def run(self, report: Callable[[int, int], None]) -> None:
        """Make what is missing; what a part needs is kept as soon as it is there.

        ``report`` is told how many rows are done, and how many there are.
        """
        for task in self.tasks:
            if task.copied and task.matches is not None and not len(task.matches.new):
                self._keep(task.part, task.copied, self._copies(task), {}, 0.0, 0)
        works: dict[tuple[str, ...], list[_Work]] = {}
        for work in self._works():
            works.setdefault(work.functions, []).append(work)
        engine = LocalEngine(workers=self.settings.apply.workers)
        try:
            for names, some in works.items():
                self._apply(engine, names, some, report)
        finally:
            engine.close()

    def record(self) -> VotesRecord:
        """Keep which artifacts hold the votes, part by part, and return the record of all."""
        store = self.database.store
        parts = []
        for part in range(len(self.data.parts)):
            votes = [(name, str(self._keys[part, name])) for name in self.functions]
            failures = {n: str(self._failures[part, n]) for n in self.functions if (part, n) in self._failures}
            parts.append(str(store.put_json("part_votes", _plain(PartVotesRecord(votes, failures)))))
        return VotesRecord(list(self.settings.task.classes), list(self.functions), parts)

    def _recipe(self, what: str, part: int, name: str) -> Recipe:
        inputs = {"part": ArtifactId("part", self.data.parts[part].digest)}
        return Recipe(what, inputs, vote_parameters(self.functions[name].version, self.settings))

    def _plan(self) -> Iterator[_Task]:
        raises = self.settings.apply.on_error == "raise"
        places = [(part, name) for part in range(len(self.data.parts)) for name in self.functions]
        votes = {place: self._recipe("votes", *place) for place in places}
        failures = {place: self._recipe("failures", *place) for place in places}
        found = self.database.find([*votes.values(), *failures.values()])
        for place in places:
            key, failed = found.get(votes[place].digest), found.get(failures[place].digest)
            # Where failures were counted and now shall stop the run, the function is asked again.
            if key is not None and not (raises and failed is not None):
                self._keys[place] = key
                self.counts.kept += self.data.parts[place[0]].rows
                if failed is not None:
                    self._failures[place] = failed
        copyable = self._copyable(raises)
        for part in range(len(self.data.parts)):
            missing = [name for name in self.functions if (part, name) not in self._keys]
            if missing:
                copied = tuple(name for name in missing if name in copyable)
                matches = self._match(part) if copied else None
                if matches is None or len(matches.new) == len(matches.part):
                    copied, matches = (), None
                yield _Task(part, tuple(n for n in missing if n not in copied), copied, matches)

    def _copyable(self, raises: bool) -> dict[str, str]:
        """Return the functions whose votes the base holds, and as which source."""
        if self.base is None or not self._gone:
            return {}
        out = {}
        failed = (
            {name for part in self._gone for name in self.base.votes.part_record(part).failures} if raises else set()
        )
        for name, function in self.functions.items():
            source = self.base.source_of(vote_parameters(function.version, self.settings))
            if source is not None and source not in failed:
                out[name] = source
        return out

    @cached_property
    def _gone(self) -> list[int]:
        """The parts of the base that are no more: a row that is in a new part now was in one of these, if anywhere."""
        if self.base is None:
            return []
        now = {part.digest for part in self.data.parts}
        return [i for i, part in enumerate(self.base.votes.data.parts) if part.digest not in now]

    @cached_property
    def _seen(self) -> tuple[npt.NDArray[Any], ...]:
        """The rows of these parts, sorted by the first half of their hash: hashes, parts, rows."""
        assert self.base is not None
        hashes = [self.base.votes.data.part_hashes(part) for part in self._gone]
        parts = np.repeat(self._gone, [len(h) for h in hashes])
        rows = np.concatenate([np.arange(len(h)) for h in hashes])
        joined = np.concatenate(hashes)
        order = np.argsort(joined[:, 0], kind="stable")
        return joined[order], parts[order], rows[order]

    def _match(self, part: int) -> _Matches:
        """Look up each row of a part among the rows seen before.

        Of rows that share the first half of their hash one is looked at; if it is another row, the row counts as new.
        """
        hashes, parts, rows = self._seen
        wanted = self.data.part_hashes(part)
        place = np.minimum(np.searchsorted(hashes[:, 0], wanted[:, 0]), len(hashes) - 1)
        same = (hashes[place] == wanted).all(axis=1)
        return _Matches(np.where(same, parts[place], -1), np.where(same, rows[place], -1))

    def _works(self) -> Iterator[_Work]:
        for task in self.tasks:
            rows = self.data.parts[task.part].rows
            if task.whole:
                yield _Work(task.part, task.whole, None, rows)
            if task.matches is not None and len(new := task.matches.new):
                yield _Work(task.part, task.copied, new, len(new))

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
            matrix: dict[str, npt.NDArray[Any]] = {name: made.values[:, j] for j, name in enumerate(names)}
            failed = {name: list(pairs) for name, pairs in made.failed.items()}
            if work.rows is not None:
                matrix, failed = self._completed(work, matrix, failed)
            seconds, began = time.perf_counter() - began, time.perf_counter()
            self.counts.applied += work.n * len(names)
            self._keep(work.part, names, matrix, failed, seconds, work.n)

    def _part(self, index: int, work: _Work, columns: list[str]) -> Part:
        """Return the rows that functions are applied to, with what messages call them: their id, or their place."""
        frame = self.data.part_frame(work.part, columns)
        name = self.data.record.id
        if name is None:
            frame = frame.with_columns(pl.Series(_ROW, self.data.part_positions(work.part)))
        frame = frame if work.rows is None else frame[work.rows]
        return Part(index, 0, frame.height, Frame(frame), id=name or _ROW)

    def _completed(
        self, work: _Work, matrix: Mapping[str, npt.NDArray[Any]], failed: Mapping[str, list[tuple[int, str]]]
    ) -> tuple[dict[str, npt.NDArray[Any]], dict[str, list[tuple[int, str]]]]:
        """Put computed votes on new rows among the copied ones."""
        assert work.rows is not None
        task = next(t for t in self.tasks if t.part == work.part)
        whole = self._copies(task)
        every: dict[str, list[tuple[int, str]]] = {}
        for name in work.functions:
            whole[name][work.rows] = matrix[name]
            every[name] = [(int(work.rows[row]), said) for row, said in failed.get(name, [])]
        return whole, every

    def _copies(self, task: _Task) -> dict[str, npt.NDArray[Any]]:
        """Return the votes of functions on a part as far as the base holds them, abstains elsewhere."""
        assert self.base is not None
        assert task.matches is not None
        copyable = self._copyable(raises=False)
        rows = len(task.matches.part)
        dtype = np.int8 if len(self.settings.task.classes) <= np.iinfo(np.int8).max else np.int16
        out = {name: np.full(rows, ABSTAIN, dtype=dtype) for name in task.copied}
        for part in np.unique(task.matches.part[task.matches.part >= 0]).tolist():
            here = np.flatnonzero(task.matches.part == part)
            for name, column in out.items():
                column[here] = self.base.votes.column(part, copyable[name])[task.matches.row[here]]
        self.counts.copied += (rows - len(task.matches.new)) * len(out)
        return out

    def _copied_failures(self, part: int, name: str) -> list[tuple[int, str]]:
        """Return the failures of a function on rows that were seen before."""
        task = next(t for t in self.tasks if t.part == part)
        if self.base is None or task.matches is None or name not in task.copied:
            return []
        source = self._copyable(raises=False)[name]
        out = []
        for old in np.unique(task.matches.part[task.matches.part >= 0]).tolist():
            failed = self.base.votes.failures_of(old).get(source)
            said = dict(failed.pairs()) if failed else {}
            here = np.flatnonzero(task.matches.part == old) if said else np.zeros(0, dtype=np.int64)
            pairs = zip(here.tolist(), task.matches.row[here].tolist(), strict=True)
            out += [(row, said[before]) for row, before in pairs if before in said]
        return out

    def _keep(
        self,
        part: int,
        names: Sequence[str],
        matrix: Mapping[str, npt.NDArray[Any]],
        failed: Mapping[str, list[tuple[int, str]]],
        seconds: float,
        rows: int,
    ) -> None:
        """Write the votes of some functions on a part, then record them: from here on they need not be made again."""
        store = self.database.store
        keys = store.put_many("votes", (encode(matrix[name]) for name in names), SUFFIX)
        made = [(self._recipe("votes", part, name), key) for name, key in zip(names, keys, strict=True)]
        for name, key in zip(names, keys, strict=True):
            self._keys[part, name] = key
            pairs = [*failed.get(name, []), *self._copied_failures(part, name)]
            if pairs:
                kept = store.put_json("failures", _plain(Failures.of(pairs)))
                self._failures[part, name] = kept
                made.append((self._recipe("failures", part, name), kept))
        self.database.record(made, seconds=seconds, rows=rows)


def _columns_read(functions: Sequence[LabelingFunction], schema: pl.Schema, name: str | None) -> list[str]:
    """Return the columns that functions read, in the order of the schema; never none, or rows would be lost."""
    wanted = {c for f in functions for c in _columns_of(f, schema)} | ({name} if name else set())
    return [c for c in schema if c in wanted] or list(schema)[:1]


def _columns_of(function: LabelingFunction, schema: pl.Schema) -> Sequence[str]:
    from labelwright.labeling import VectorisedFunction

    if isinstance(function, VectorisedFunction):
        return function.expression(schema).meta.root_names()
    return function.columns(schema)


def _plain(record: Any) -> Any:
    import msgspec

    return msgspec.to_builtins(record)
