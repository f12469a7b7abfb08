"""The votes of a run: what is kept is taken, rows that were seen before are copied, and the rest is computed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from labelwright.data import Part
from labelwright.data.base import Frame
from labelwright.engines import LocalEngine
from labelwright.labeling.task import PartVotes
from labelwright.pipeline.kept.database import Database
from labelwright.pipeline.kept.kept_data import KeptData
from labelwright.pipeline.kept.kept_votes import Failures, PartVotesRecord, VotesRecord
from labelwright.store import ArtifactId, Recipe
from labelwright.store.bit_planes import SUFFIX, encode

from .ballots import Ballot
from .reach import columns_read, reach_of
from .reuse import BaseVotes, Matches, Reuse

__all__ = ["Counts", "Voting"]

# The data can hardly have a column of this name; it says where a row stands, for messages.
_ROW = "\0row"

_FAILURES = "failures"
_SETS = "vote_sets"

# Votes that are not made yet.
_UNKNOWN = ArtifactId("votes", 64 * "0")

Failed = Mapping[str, Sequence[tuple[int, str]]]
# A part, a function, and a task that it votes on.
_Place = tuple[int, str, str]
# The votes of a function on a task over a part, and what codes beyond the states stand for.
_Column = tuple[npt.NDArray[Any], tuple[frozenset[int], ...]]


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
    ballot : Ballot
        The functions, and what they vote on.
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
        ballot: Ballot,
        base: BaseVotes | None,
        *,
        keep: Sequence[str] = (),
    ) -> None:
        self.database = database
        self.data = data
        self.ballot = ballot
        self.functions = ballot.functions
        self.settings = ballot.settings
        self.counts = Counts()
        sets = list(dict.fromkeys(map(data.data_set_of, data.numbers)))
        self._reuse = {} if base is None or database.full else {name: Reuse(base, data, name) for name in sets}
        self._keys: dict[_Place, ArtifactId] = {}
        # Of functions that said that one of several states holds.
        self._sets: dict[_Place, ArtifactId] = {}
        self._failures: dict[tuple[int, str], ArtifactId] = {}
        # Where functions failed in an earlier run, and are asked again.
        self._failed: set[tuple[int, str]] = set()
        self.sources = list(self.functions)
        self.reach = dict(reach_of(ballot, data, [*self.functions, *keep]))
        if keep and base is not None:
            self.sources = [s for s in base.parameters if s in keep or s in self.functions]
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
        together: dict[tuple[str, tuple[str, ...]], list[_Work]] = {}
        for work in self._works:
            if work.n:
                # Data sets have columns of their own.
                together.setdefault((self.data.data_set_of(work.part), work.functions), []).append(work)
            else:
                self._keep(work, None, 0.0)
        engine = LocalEngine(workers=self.settings.apply.workers)
        try:
            for (_, names), works in together.items():
                self._apply(engine, names, works, report)
        finally:
            engine.close()

    def records(self) -> dict[str, VotesRecord]:
        """Keep which artifacts hold the votes, part by part, and return the record of each task that has votes.

        Votes that were not made, as in a dry run, stand there as an artifact that there is not.
        """
        voting = {task: {n for (_, n), tasks in self.reach.items() if task in tasks} for task in self.ballot.states}
        voted = {task: [n for n in self.sources if n in names] for task, names in voting.items()}
        return {task: self._record(task, names) for task, names in voted.items() if names or task == ""}

    def _record(self, task: str, names: list[str]) -> VotesRecord:
        store, states = self.database.store, list(self.ballot.states[task])
        contents, seen = [], dict[str, set[tuple[int, ...]]]()
        for part in self.data.about(self.ballot.tied(task)).numbers:
            own = [name for name in names if task in self._on(part, name)]
            votes = [(name, str(self._keys.get((part, name, task), _UNKNOWN))) for name in own]
            failures = {n: str(self._failures[part, n]) for n in own if (part, n) in self._failures}
            sets = {n: self._sets[part, n, task] for n in own if (part, n, task) in self._sets}
            for name, key in sets.items():
                seen.setdefault(name, set()).update(map(tuple, store.get_json(key)))
            kept = {name: str(key) for name, key in sets.items()}
            contents.append(msgspec.to_builtins(PartVotesRecord(votes, failures, kept)))
        parts = [str(store.put_json("part_votes", content)) for content in contents]
        plain = [[code] for code in range(len(states))]
        # Sorted, so that codes do not hang on the order in which parts were voted on.
        alphabet = {name: plain + [list(one) for one in sorted(found)] for name, found in seen.items()}
        return VotesRecord(states, names, parts, alphabet)

    def _on(self, part: int, name: str) -> tuple[str, ...]:
        """Return the tasks that a function votes on, on a part: none where it does not run on its data set."""
        return self.reach.get((self.data.data_set_of(part), name), ())

    def _take(self, base: BaseVotes, keep: Sequence[str]) -> None:
        """Take votes of the base as they are."""
        for part, kept in enumerate(self.data.parts):
            data_set, taken = self.data.data_set_of(part), set[str]()
            for task, votes in base.by_task.items():
                record = votes.part_record(part)
                for name in (n for n, _ in record.votes if n in keep):
                    tasks = self.reach.get((data_set, name), ())
                    self.reach[data_set, name] = tasks if task in tasks else (*tasks, task)
                    taken.add(name)
                self._keys |= {(part, n, task): ArtifactId.parse(key) for n, key in record.votes if n in keep}
                self._sets |= {(part, n, task): ArtifactId.parse(k) for n, k in record.sets.items() if n in keep}
                failures = {n: ArtifactId.parse(key) for n, key in record.failures.items() if n in keep}
                self._failures |= {(part, name): key for name, key in failures.items()}
            self.counts.kept += kept.rows * len(taken)

    def _find(self) -> None:
        """Take the votes that are kept, of this run's base or any other."""
        pairs = [(part, n) for part in self.data.numbers for n in self.functions if self._on(part, n)]
        places = [(part, name, task) for part, name in pairs for task in self._on(part, name)]
        votes = {place: self._recipe("votes", *place) for place in places}
        # Sets of states are told only where there are several tasks.
        sets = {place: self._recipe(_SETS, *place) for place in places if place[2]}
        failures = {pair: self._recipe(_FAILURES, *pair) for pair in pairs}
        found = self.database.find([*votes.values(), *sets.values(), *failures.values()])
        for part, name in pairs:
            own = [(part, name, task) for task in self._on(part, name)]
            keys = [found.get(votes[place].digest) for place in own]
            failed = found.get(failures[part, name].digest)
            if failed is not None and failed.kind != _FAILURES:
                failed = None
            # Where failures were counted and now shall stop the run, the function is asked again.
            if None in keys or (failed is not None and self._raises):
                if failed is not None:
                    self._failed.add((part, name))
                continue
            self._keys |= {place: key for place, key in zip(own, keys, strict=True) if key is not None}
            told = {place: found.get(sets[place].digest) for place in own if place in sets}
            self._sets |= {place: key for place, key in told.items() if key is not None and key.kind == _SETS}
            self.counts.kept += self.data.parts[part].rows
            if failed is not None:
                self._failures[part, name] = failed

    def _plan(self) -> Iterator[_Work]:
        """Yield, for each part, the functions that must see all its rows, and those that need only see new ones."""
        for part, kept in enumerate(self.data.parts):
            missing = [n for n in self.functions if any((part, n, t) not in self._keys for t in self._on(part, n))]
            data_set = self.data.data_set_of(part)
            copied = [name for name in missing if name in self._copyable.get(data_set, ())]
            matches = self._reuse[data_set].match(part) if copied else None
            whole = missing if matches is None else [name for name in missing if name not in copied]
            if whole:
                yield _Work(part, tuple(whole), None, kept.rows)
            if matches is not None:
                yield _Work(part, tuple(copied), matches, len(matches.new))

    @property
    def _raises(self) -> bool:
        return self.settings.apply.on_error == "raise"

    @cached_property
    def _copyable(self) -> dict[str, dict[str, str]]:
        """By data set, the functions whose votes on it the base holds, and what they are called there."""
        out = {}
        for data_set, reuse in self._reuse.items():
            if reuse.gone:
                failed = reuse.failed() if self._raises else set()
                own = {
                    name: tasks for (at, name), tasks in self.reach.items() if at == data_set and name in self.functions
                }
                found = {name: reuse.source_of(self.ballot.parameters(name), tasks) for name, tasks in own.items()}
                out[data_set] = {name: s for name, s in found.items() if s is not None and s not in failed}
        return out

    def _recipe(self, what: str, part: int, name: str, task: str = "") -> Recipe:
        inputs = {"part": ArtifactId("part", self.data.parts[part].digest)}
        return Recipe(what, inputs, self.ballot.parameters(name) | ({"task": task} if task else {}))

    def _apply(
        self, engine: LocalEngine, names: tuple[str, ...], works: list[_Work], report: Callable[[int, int], None]
    ) -> None:
        schema = self.data.schema(works[0].part)
        total = sum(work.n for work in works)
        columns = columns_read([self.functions[name] for name in names], schema, self.data.id_of(works[0].part))
        stream = self.ballot.apply(
            names,
            (self._part(i, work, columns) for i, work in enumerate(works)),
            schema,
            engine,
            total,
            lambda done: report(done, total),
        )
        began = time.perf_counter()
        for work, made in zip(works, stream, strict=True):
            self._keep(work, made, time.perf_counter() - began)
            self.counts.applied += work.n * len(names)
            began = time.perf_counter()

    def _part(self, index: int, work: _Work, columns: list[str]) -> Part:
        """Return the rows that functions are applied to, with what messages call them: their id, or their place."""
        frame = self.data.part_frame(work.part, columns)
        name = self.data.id_of(work.part)
        if name is None:
            frame = frame.with_columns(pl.Series(_ROW, self.data.part_positions(work.part)))
        frame = frame if work.matches is None else frame[work.matches.new]
        return Part(index, 0, frame.height, Frame(frame), id=name or _ROW)

    def _keep(self, work: _Work, made: PartVotes | None, seconds: float) -> None:
        """Write the votes of some functions on a part, then record them: from here on they need not be made again."""
        columns, failures = self._completed(work, made)
        store = self.database.store
        keys = store.put_many("votes", (encode(codes) for codes, _ in columns.values()), SUFFIX)
        recorded = []
        for ((name, task), (_, sets)), key in zip(columns.items(), keys, strict=True):
            place = work.part, name, task
            self._keys[place] = key
            recorded.append((self._recipe("votes", *place), key))
            if sets:
                self._sets[place] = store.put_json(_SETS, [sorted(one) for one in sets])
            if sets or (task and self.database.full):
                # Without any the votes stand for that: no sets that were kept before are theirs.
                recorded.append((self._recipe(_SETS, *place), self._sets.get(place, key)))
        for name in work.functions:
            place_, recipe = (work.part, name), self._recipe(_FAILURES, work.part, name)
            if failures.get(name):
                content = msgspec.to_builtins(Failures.of(failures[name]))
                self._failures[place_] = store.put_json(_FAILURES, content)
                recorded.append((recipe, self._failures[place_]))
            elif place_ in self._failed or self.database.full:
                # It failed no more (a server is there again, say): votes alone are what this recipe gives now.
                recorded.append((recipe, self._keys[(*place_, self._on(*place_)[0])]))
        self.database.record(recorded, seconds=seconds, rows=work.n)

    def _completed(
        self, work: _Work, made: PartVotes | None
    ) -> tuple[dict[tuple[str, str], _Column], Mapping[str, Sequence[tuple[int, str]]]]:
        """Put computed votes among copied ones, where only new rows were computed."""
        wanted = [(name, task) for name in work.functions for task in self.ballot.tasks_of(name)]
        own = [(np.full(0, -1, dtype=np.int8), ())] * len(wanted) if made is None else _columns_made(made)
        failed: Failed = {} if made is None else made.failed
        matches = work.matches
        data_set = self.data.data_set_of(work.part)
        reuse = None if matches is None else self._reuse[data_set]
        new = np.arange(work.n) if matches is None else matches.new
        columns: dict[tuple[str, str], _Column] = {}
        for (name, task), column in zip(wanted, own, strict=True):
            if task not in self._on(work.part, name):
                continue
            before: _Column | None = None
            if reuse is not None and matches is not None:
                source = self._copyable[data_set][name]
                before = reuse.column(matches, source, task), reuse.base.sets(source, task)
            columns[name, task] = _joined(before, column, new, len(self.ballot.states[task]))
        if reuse is None or matches is None:
            return columns, failed
        failures: dict[str, list[tuple[int, str]]] = {}
        for name in work.functions:
            failures[name] = reuse.failures(matches, self._copyable[data_set][name])
            failures[name] += [(int(new[row]), said) for row, said in failed.get(name, ())]
        self.counts.copied += (len(matches.part) - len(new)) * len(work.functions)
        return columns, failures


def _columns_made(made: PartVotes) -> list[_Column]:
    sets = made.sets or ((),) * made.values.shape[1]
    return [(made.values[:, j], own) for j, own in enumerate(sets)]


def _joined(before: _Column | None, made: _Column, new: npt.NDArray[np.int64], size: int) -> _Column:
    """Put the votes on new rows among those of rows seen before, with the sets of states that occur among them."""
    pieces = [made] if before is None else [before, made]
    if any(sets for _, sets in pieces):
        occur = tuple(sorted({s for codes, sets in pieces for s in _used(codes, sets, size)}, key=sorted))
        pieces = [(_recoded(codes, sets, occur, size), occur) for codes, sets in pieces]
    *rest, (codes, sets) = pieces
    if not rest:
        return codes, sets
    whole = rest[0][0]
    whole[new] = codes
    return whole, sets


def _used(codes: npt.NDArray[Any], sets: Sequence[frozenset[int]], size: int) -> Iterator[frozenset[int]]:
    return (sets[code - size] for code in np.unique(codes[codes >= size]).tolist())


def _recoded(
    codes: npt.NDArray[Any], sets: Sequence[frozenset[int]], occur: Sequence[frozenset[int]], size: int
) -> npt.NDArray[Any]:
    # The last entry answers for -1, abstain; what does not occur is never looked up.
    table = [*range(size), *(size + occur.index(one) if one in occur else -1 for one in sets), -1]
    return np.asarray(np.array(table, dtype=np.int16)[codes])
