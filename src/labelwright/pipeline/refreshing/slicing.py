"""The stage of a refresh that finds slices: who belongs to which, part by part, and how models do on each."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import polars as pl

from labelwright.analysis.slices import SplitSlices, slice_table
from labelwright.data import Part
from labelwright.data.base import Frame
from labelwright.engines import LocalEngine
from labelwright.pipeline.kept.kept_data import KeptData
from labelwright.pipeline.kept.kept_slices import FAILED, MEMBERS, KeptSlices, SlicesRecord, keep_members, slice_recipe
from labelwright.pipeline.supervision import record
from labelwright.slicing import SlicingFunction
from labelwright.slicing.by_part import slices_by_part
from labelwright.store import ArtifactId

from .scoring import LabelledSplit
from .stage import Stage

__all__ = ["SliceStage", "slice_tables"]

# The data can hardly have a column of this name; it says where a row stands, for messages.
_ROW = "\0row"

# What is not made yet.
_UNKNOWN = ArtifactId(MEMBERS, 64 * "0")

# Models whose answers are looked at slice by slice, as far as a run has them.
_ROLES = ("label model", "end model")


@dataclass
class SliceStage(Stage):
    """Applies slicing functions to all examples; what was made of a part by the same version is taken as it was kept.

    Parameters
    ----------
    folder, settings, database, notes, tell, artifacts, operations, dry
        As for `Stage`.
    """

    functions: list[SlicingFunction] = field(default_factory=list)
    records: list[dict[str, Any]] = field(default_factory=list)

    def read(self, found: list[SlicingFunction]) -> None:
        """Take the slicing functions of the project."""
        self.functions = found
        # Now, while the files hold what was imported.
        self.records = [record(f, self.folder) for f in found]

    def run(self, data: KeptData) -> KeptSlices | None:
        """Make what is missing; ``None`` without slicing functions. A dry run notes what is missing, and makes nothing.

        Raises
        ------
        SlicingError
            If a function raises, unless failures are to be counted.
        """
        if not self.functions:
            return None
        store, kept = self.database.store, self._kept(data)
        asked = self._asked(data)
        missing = [tuple(f for f in own if (part, f.name) not in kept) for part, own in enumerate(asked)]
        work = {f.name: sum(data.parts[i].rows for i, fs in enumerate(missing) if f in fs) for f in self.functions}
        self.notes.slices({name: rows for name, rows in work.items() if rows}, self.records)
        if not self.dry:
            self.operations["slice_applications"] = sum(work.values())
            kept |= self._made(data, missing)
        parts = [
            [str(kept.get((part, f.name), _UNKNOWN)) if f in own else "" for f in self.functions]
            for part, own in enumerate(asked)
        ]
        found = SlicesRecord([f.name for f in self.functions], parts)
        self.artifacts["slicing_functions"] = store.put_json("slicing_functions", self.records)
        self.artifacts["slices"] = store.put_json("slices", msgspec.to_builtins(found))
        return KeptSlices(store, found, data)

    def _asked(self, data: KeptData) -> list[list[SlicingFunction]]:
        """Return the functions that are applied to each part: of several data sets, to those that have their fields."""
        if not data.record.sets:
            return [self.functions] * len(data.parts)
        sets = {name: data.schema(data.of_data_set(name).numbers[0]) for name in data.record.sets}
        reads = {name: [f for f in self.functions if set(f.fields or ()) <= set(there)] for name, there in sets.items()}
        for f in self.functions:
            if not any(f in own for own in reads.values()):
                f.columns(next(iter(sets.values())))  # says which field there is not
        return [reads[data.data_set_of(part)] for part in data.numbers]

    def _kept(self, data: KeptData) -> dict[tuple[int, str], ArtifactId]:
        """Return what was made before, by this run's base or any other."""
        recipes = {
            (i, f.name): slice_recipe(part.digest, f.version)
            for i, part in enumerate(data.parts)
            for f in self.functions
        }
        found = self.database.find(recipes.values())
        made = {place: found[recipe.digest] for place, recipe in recipes.items() if recipe.digest in found}
        # Where failures were counted and now shall stop the run, the function is asked again.
        return {place: key for place, key in made.items() if key.kind != FAILED or self._on_error == "outside"}

    @property
    def _on_error(self) -> Any:
        return "raise" if self.settings.apply.on_error == "raise" else "outside"

    def _made(
        self, data: KeptData, missing: Sequence[tuple[SlicingFunction, ...]]
    ) -> Iterator[tuple[tuple[int, str], ArtifactId]]:
        """Yield what is made of each part, by part and function, once it is kept."""
        together: dict[tuple[str, tuple[SlicingFunction, ...]], list[int]] = {}
        for part, functions in enumerate(missing):
            if functions:
                # Data sets have columns of their own.
                together.setdefault((data.data_set_of(part), functions), []).append(part)
        engine = LocalEngine(workers=self.settings.apply.workers)
        try:
            for (_, functions), parts in together.items():
                yield from self._applied(engine, data, functions, parts)
        finally:
            engine.close()

    def _applied(
        self, engine: LocalEngine, data: KeptData, functions: Sequence[SlicingFunction], parts: Sequence[int]
    ) -> Iterator[tuple[tuple[int, str], ArtifactId]]:
        schema, total = data.schema(parts[0]), sum(data.parts[part].rows for part in parts)
        wanted = {column for f in functions for column in f.columns(schema)} | {data.id_of(parts[0])}
        columns = [column for column in schema if column in wanted] or list(schema)[:1]
        stream = slices_by_part(
            functions,
            (_part(data, part, columns, index) for index, part in enumerate(parts)),
            schema,
            engine=engine,
            on_error=self._on_error,
            rows=total,
            report=lambda done: self.tell(f"finding {len(functions)} slices: {done:,} of {total:,} examples"),
        )
        began = time.perf_counter()
        for part, made in zip(parts, stream, strict=True):
            keys = [
                keep_members(self.database.store, made.member[:, j], made.failed.get(f.name, ()))
                for j, f in enumerate(functions)
            ]
            recipes = (slice_recipe(data.parts[part].digest, f.version) for f in functions)
            seconds = time.perf_counter() - began
            self.database.record(zip(recipes, keys, strict=True), seconds=seconds, rows=data.parts[part].rows)
            yield from (((part, f.name), key) for f, key in zip(functions, keys, strict=True))
            began = time.perf_counter()


def _part(data: KeptData, part: int, columns: list[str], index: int) -> Part:
    """Return a part, with what messages call its rows: their id, or their place."""
    frame, name = data.part_frame(part, columns), data.id_of(part)
    if name is None:
        frame = frame.with_columns(pl.Series(_ROW, data.part_positions(part)))
    return Part(index, 0, frame.height, Frame(frame), id=name or _ROW)


def slice_tables(parts: Sequence[LabelledSplit], slices: KeptSlices | None) -> tuple[SplitSlices, ...]:
    """Measure what the models of a run say, slice by slice: test first, train last and without its gold."""
    if slices is None:
        return ()
    order = ("test", "valid", "train")
    out = []
    for part in sorted(parts, key=lambda p: order.index(p.split.name)):
        split, member = part.split, slices.of(part.split.name)
        gold = None if split.name == "train" else split.gold
        tables = {
            role: slice_table(part.predictions[role], member, gold, votes=part.votes, groups=split.groups)
            for role in _ROLES
            if role in part.predictions
        }
        out.append(SplitSlices(split.name, tables))
    return tuple(out)
