"""What every refresh does, on one task or several: it reads functions and data, and votes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from labelwright.core.errors import ProjectError
from labelwright.labeling import LabelingFunction
from labelwright.pipeline.kept.data_record import DataRecord
from labelwright.pipeline.kept.database import Database
from labelwright.pipeline.kept.keep import STORE_FOLDER, KeptRun
from labelwright.pipeline.kept.kept_data import KeptData
from labelwright.pipeline.kept.kept_slices import KeptSlices
from labelwright.pipeline.kept.kept_votes import VotesRecord
from labelwright.pipeline.settings import Settings
from labelwright.pipeline.source_files import keep_source
from labelwright.pipeline.supervision import load_supervision, pick_functions, record
from labelwright.store import ArtifactId, Catalog, Store

from .augment import AugmentResult, result_of
from .augmentation import AugmentationStage
from .ballots import Ballot, base_votes
from .finished_run import Tell
from .noting import Notes
from .plan import Plan, Step
from .reading import Fingerprints, read_data
from .scope import Scope, base_of
from .slicing import SliceStage
from .voting import Voting

__all__ = ["Made", "Reading"]

# The head that points at the policy that was settled last: no collection removes it before a run uses it.
_POLICY = "policy"


@dataclass
class Made:
    """What is there of a run so far."""

    functions: list[dict[str, Any]] = field(default_factory=list)
    transformations: list[dict[str, Any]] = field(default_factory=list)
    slicing: list[dict[str, Any]] = field(default_factory=list)
    artifacts: dict[str, ArtifactId] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    operations: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


class Reading:
    """A refresh as far as its votes; a dry one stops where the next stage would need what is not there."""

    def __init__(
        self,
        folder: Path,
        settings: Settings,
        store: Store,
        catalog: Catalog,
        step: Tell,
        scope: Scope,
        *,
        dry: bool = False,
    ) -> None:
        self.folder = folder
        self.settings = settings
        self.database = Database(store, catalog, full=scope.full, mend=scope.mend, dry=dry)
        self.tell = step
        self.scope = scope
        self.dry = dry
        self.notes = Notes(self.database, settings, _alike(base_of(folder, store, catalog, scope), settings))
        self.base = self.notes.whole
        self.made = Made(steps=self.notes.steps)
        # Functions that run on none of several data sets.
        self.idle: list[str] = []
        made = self.made
        shared = (folder, settings, self.database, self.notes, step, made.artifacts, made.operations, dry)
        self.augmentation = AugmentationStage(*shared, base=self.base)
        self.slicing = SliceStage(*shared)

    def plan_augmentation(self) -> Plan:
        """Return the steps of a dry run of augmentation alone."""
        self.augmentation.steps(self._read()[1]).settle()
        return Plan(
            tuple(s for s in self.notes.steps if s.stage in ("safety", "policy")), self.notes.plan.compared_with
        )

    def augment(self, started: float) -> AugmentResult:
        """Settle the policy, and keep it: a head holds it until a run does."""
        augmenting = self.augmentation.steps(self._read()[1])
        augmenting.settle()
        catalog = self.database.catalog
        catalog.swap_head(_POLICY, catalog.head(_POLICY), str(augmenting.artifacts["policy"]))
        steps = [step for step in self.notes.steps if step.stage != "data"]
        return result_of(augmenting, steps, time.perf_counter() - started)

    def _read(self) -> tuple[list[LabelingFunction], KeptData]:
        """Read functions and data; only what changed of these."""
        with self._stage("data", "reading functions and data"):
            supervision = load_supervision(self.folder)
            functions = supervision.functions
            # Now, while the files hold what was imported.
            records = [record(f, self.folder) for f in functions]
            if self.scope.only:
                functions, records, found = self._narrowed(functions, records)
            else:
                found = self._read_data()
            self.made.functions = records
            self.notes.data(found)
            store, data = self.database.store, KeptData(self.database.store, found)
            schema = {name: str(kind) for name, kind in data.schema_of("train").items()}
            self.made.artifacts |= {
                "settings": store.put_json("settings", msgspec.to_builtins(self.settings)),
                "functions": store.put_json("functions", records),
                "data": store.put_json("data", msgspec.to_builtins(found)),
                "schema": store.put_json("schema", schema),
                "source": keep_source(store, self.folder),
            }
            self.made.transformations = self.augmentation.read(supervision.transformations, list(schema))
            self.slicing.read(supervision.slices)
        return functions, data

    def _read_data(self) -> DataRecord:
        prints = Fingerprints(self.folder / STORE_FOLDER)
        before = None if self.base is None or self.scope.full else self.base.kept_data.record
        if before is not None:
            self.database.require(key for _, part in before.parts() for key in part.artifacts)
        found = read_data(self.folder, self.settings, self.database, prints, before)
        if not self.database.dry:
            prints.remember()
        return found

    def _narrowed(
        self, functions: list[LabelingFunction], records: list[dict[str, Any]]
    ) -> tuple[list[LabelingFunction], list[dict[str, Any]], DataRecord]:
        """Return the functions to refresh, the records of all, and the data: all else is as the base had it."""
        chosen = pick_functions(functions, self.scope.only)
        if self.base is None:
            raise ProjectError("--only refreshes functions of an earlier run, and there is none; run without it first.")
        if _tasks(self.base.settings()) != _tasks(self.settings):
            changed = "tasks, relations or data sets" if self.settings.has_tasks else "task.classes"
            raise ProjectError(f"{changed} changed since the run that --only starts from; run without it.")
        fresh = {r["name"]: r for r in records if r["name"] in self.scope.only}
        whole = [fresh.pop(r["name"], r) for r in self.base.function_records()]
        return chosen, [*whole, *fresh.values()], self.base.kept_data.record

    def _voted(self, ballot: Ballot, data: KeptData) -> dict[str, VotesRecord]:
        """Make the votes that are missing, and return the record of each task.

        In a dry run these stay unknown, and so does what hangs on them.
        """

        def report(done: int, total: int) -> None:
            self.tell(f"applying {len(ballot.functions)} functions: {done:,} of {total:,} examples")

        keep = [r["name"] for r in self.made.functions if r["name"] not in ballot.functions]
        voting = Voting(self.database, data, ballot, base_votes(self.base), keep=keep)
        self.notes.votes(voting.applications, self.made.functions)
        if not self.dry:
            voting.run(report)
        counts = voting.counts
        self.made.operations |= {
            "function_applications": counts.applied,
            "votes_copied": counts.copied,
            "votes_kept": counts.kept,
        }
        self.idle = [name for name in ballot.functions if not any(name == run for _, run in voting.reach)]
        return voting.records()

    def _sliced(self, data: KeptData) -> KeptSlices | None:
        """Find who belongs to which slice; ``None`` where the project has no slicing functions."""
        if not self.slicing.functions:
            return None
        with self._stage("slices", "looking for slices"):
            self.made.slicing = self.slicing.records
            return self.slicing.run(data)

    @contextmanager
    def _stage(self, name: str, said: str) -> Iterator[None]:
        self.tell(said)
        began = time.perf_counter()
        yield
        self.made.seconds[name] = time.perf_counter() - began


def _alike(base: KeptRun | None, settings: Settings) -> KeptRun | None:
    """Return the run to compare with, unless it is of one task and the project now of several, or the reverse."""
    return base if base is None or bool(base.tasks) == settings.has_tasks else None


def _tasks(settings: Settings) -> Any:
    """Return what decides votes and labels of what the settings say about tasks and data sets: gold does not."""
    if not settings.has_tasks:
        return settings.task.classes
    about = {name: (settings.tasks_about(name), getattr(one, "functions", None)) for name, one in settings.sets.items()}
    return settings.graph.tasks, settings.graph.relations, about
