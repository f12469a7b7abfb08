"""A refresh: works out what is stale, makes that and no more, and records a run. ``labelwright run`` is this."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from labelwright.core.errors import ArtifactError, ProjectError
from labelwright.labeling import LabelingFunction
from labelwright.labelmodels import BaseLabelModel
from labelwright.pipeline.kept.data_record import DataRecord
from labelwright.pipeline.kept.database import Database
from labelwright.pipeline.kept.keep import STORE_FOLDER, open_store
from labelwright.pipeline.kept.kept_data import KeptData
from labelwright.pipeline.kept.kept_votes import KeptVotes
from labelwright.pipeline.kept.learning import KeptLabels, Labelling, Learning
from labelwright.pipeline.kept.unwritten import Unwritten
from labelwright.pipeline.settings import Settings
from labelwright.pipeline.source_files import keep_source
from labelwright.pipeline.supervision import load_supervision, pick_functions, record
from labelwright.store import ArtifactId, Catalog, Store, hold_lease

from .augment import AugmentResult, result_of
from .augmentation import AugmentationStage
from .end_model import EndModelStage
from .noticing import FailedFunction, RunWarning, failed_transformations, unvoted_classes
from .noting import Notes
from .plan import Plan, Step
from .reading import Fingerprints, read_data
from .reuse import BaseVotes
from .run import RunResult, finish_run, make_label_model
from .scope import Scope, base_of, check_write_access
from .training import has_gold, label_splits, predict_splits, score_splits
from .voting import Voting

__all__ = ["Scope", "augment_project", "label_project", "plan_augmentation", "plan_refresh", "refresh_project"]

# The head that points at the policy that was settled last: no collection removes it before a run uses it.
_POLICY = "policy"

Tell = Callable[[str], None]
_Result = TypeVar("_Result")


def refresh_project(folder: Path, settings: Settings, *, step: Tell, scope: Scope | None = None) -> RunResult:
    """Make what is stale, and keep a run of all of it.

    Parameters
    ----------
    folder : Path
    settings : Settings
    step : callable of str
        Told what is being done.
    scope : Scope, optional

    Raises
    ------
    LabelwrightError
        Whatever the rooms refuse. Votes of parts that were done are kept then, and the next run goes on from there;
        artifacts come first, each whole, and one line in the catalog at the end makes a run of them.
    """
    started = time.perf_counter()
    check_write_access(folder)
    store, catalog = open_store(folder)
    with hold_lease(catalog, "run"):
        return _mending(
            scope or Scope(), lambda seen: _Refresh(folder, settings, store, catalog, step, seen).run(started)
        )


def label_project(
    folder: Path, settings: Settings, *, step: Tell
) -> tuple[list[LabelingFunction], KeptData, KeptVotes, KeptLabels, BaseLabelModel[Any, Any]]:
    """Bring votes and labels up to date as `refresh_project` does, but keep no run: the next one finds them made.

    Returns
    -------
    tuple
        The functions, the data, its votes, its soft labels, and the label model.
    """
    check_write_access(folder)
    store, catalog = open_store(folder)
    with hold_lease(catalog, "run"):
        return _mending(Scope(), lambda seen: _Refresh(folder, settings, store, catalog, step, seen).label())


def augment_project(folder: Path, settings: Settings, *, step: Tell, full: bool = False) -> AugmentResult:
    """Settle the policy of augmentation, learning it where it has to be; keeps no run: the next one finds it made.

    Raises
    ------
    LabelwrightError
        If anything is wrong with settings, functions or data. What a policy learned until it was stopped is kept, and
        the next call goes on from there.
    """
    started = time.perf_counter()
    check_write_access(folder)
    store, catalog = open_store(folder)
    with hold_lease(catalog, "augment"):
        return _mending(
            Scope(full=full), lambda seen: _Refresh(folder, settings, store, catalog, step, seen).augment(started)
        )


def plan_augmentation(folder: Path, settings: Settings, *, step: Tell, full: bool = False) -> Plan:
    """Say what `augment_project` would do, and why; nothing is written."""
    store, catalog = open_store(folder)
    scope = Scope(full=full)
    return _Refresh(folder, settings, Unwritten(store), catalog, step, scope, dry=True).plan_augmentation()


def _mending(scope: Scope, work: Callable[[Scope], _Result]) -> _Result:
    """Work; where something that was kept is lost or damaged, work again without relying on it."""
    try:
        return work(scope)
    except ArtifactError as error:
        if scope.full or scope.since is not None or scope.only:
            raise
        warnings.warn(f"{error} This run makes again whatever cannot be read.", RunWarning, stacklevel=4)
        return work(replace(scope, mend=True))


def plan_refresh(folder: Path, settings: Settings, *, step: Tell, scope: Scope | None = None) -> Plan:
    """Say what `refresh_project` would do, and why; nothing is written.

    What hangs on something that is to be made again counts as stale: that it may come out as it was is not known yet.
    """
    store, catalog = open_store(folder)
    return _Refresh(folder, settings, Unwritten(store), catalog, step, scope or Scope(), dry=True).plan()


@dataclass
class _Made:
    """What is there of a run so far."""

    functions: list[dict[str, Any]] = field(default_factory=list)
    transformations: list[dict[str, Any]] = field(default_factory=list)
    artifacts: dict[str, ArtifactId] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    operations: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


class _Refresh:
    """One refresh, stage by stage; a dry one stops where the next stage would need what is not there."""

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
        self.notes = Notes(self.database, settings, base_of(folder, store, catalog, scope))
        self.base = self.notes.whole
        self.made = _Made(steps=self.notes.steps)
        made = self.made
        self.augmentation = AugmentationStage(
            folder, settings, self.database, self.notes, step, made.artifacts, made.operations, self.base, dry
        )

    def plan(self) -> Plan:
        """Return the steps of a dry refresh."""
        functions, data = self._read()
        learned = self._learn(self._vote(functions, data), data)
        known = self.augmentation.plan(data) and learned is not None
        self._end_model(data).plan(known=known)
        return self.notes.plan

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

    def label(self) -> tuple[list[LabelingFunction], KeptData, KeptVotes, KeptLabels, BaseLabelModel[Any, Any]]:
        """Do what is needed for labels, and no more."""
        functions, data = self._read()
        votes = self._vote(functions, data)
        learned = self._learn(votes, data)
        assert learned is not None
        return functions, data, votes, *learned

    def run(self, started: float) -> RunResult:
        """Do all of it."""
        functions, data = self._read()
        votes = self._vote(functions, data)
        learned = self._learn(votes, data)
        assert learned is not None
        labels, model = learned
        with self._stage("gathering", "gathering votes and labels"):
            parts = label_splits(votes, labels, model)
        train = next(p for p in parts if p.split.name == "train")
        failed = [FailedFunction(f.source, f.count, data.n, f.first[0][1]) for f in votes.failures()]
        warned = (*map(str, failed), *unvoted_classes(train.votes))
        # At once, and not with the result: what follows may fail because of just this.
        for text in warned:
            warnings.warn(text, RunWarning, stacklevel=4)
        with self._stage("augmentation", "augmenting") if self.augmentation.wanted else nullcontext():
            copies = self.augmentation.run(data, functions, train)
        failures = [] if copies is None else failed_transformations(copies.failures())
        for text in failures:
            warnings.warn(text, RunWarning, stacklevel=4)
        with self._stage("end_model", "training the end model"):
            stage = self._end_model(data)
            end = stage.run(train, copies)
            plain = stage.plain(train) if copies is not None and has_gold(parts) else None
        with self._stage("scores", "scoring"):
            parts = predict_splits(self.settings, parts, end, plain)
            scores = score_splits(parts)
        self.tell("writing the run and its report")
        view = None if copies is None else self.augmentation.view(copies, data, train)
        return finish_run(
            self.folder,
            self.settings,
            self.database,
            self.made,
            parts,
            model,
            scores,
            (*warned, *failures),
            started,
            view,
        )

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
        return functions, data

    def _end_model(self, data: KeptData) -> EndModelStage:
        made = self.made
        return EndModelStage(self.settings, self.database, data, self.notes, made.artifacts, made.operations)

    def _read_data(self) -> DataRecord:
        prints = Fingerprints(self.folder / STORE_FOLDER)
        before = None if self.base is None or self.scope.full else self.base.kept_data.record
        if before is not None:
            self.database.require(key for _, part in before.parts() for key in part.artifacts)
        found = read_data(self.folder, self.settings, self.database, prints, before)
        if not self.dry:
            prints.remember()
        return found

    def _narrowed(
        self, functions: list[LabelingFunction], records: list[dict[str, Any]]
    ) -> tuple[list[LabelingFunction], list[dict[str, Any]], DataRecord]:
        """Return the functions to refresh, the records of all, and the data: all else is as the base had it."""
        chosen = pick_functions(functions, self.scope.only)
        if self.base is None:
            raise ProjectError("--only refreshes functions of an earlier run, and there is none; run without it first.")
        if self.base.settings().task.classes != self.settings.task.classes:
            raise ProjectError("task.classes changed since the run that --only starts from; run without it.")
        fresh = {r["name"]: r for r in records if r["name"] in self.scope.only}
        whole = [fresh.pop(r["name"], r) for r in self.base.function_records()]
        return chosen, [*whole, *fresh.values()], self.base.kept_data.record

    def _vote(self, functions: Sequence[LabelingFunction], data: KeptData) -> KeptVotes:
        """Make the votes that are missing; in a dry run these stay unknown, and so does what hangs on them."""

        def report(done: int, total: int) -> None:
            self.tell(f"applying {len(functions)} functions: {done:,} of {total:,} examples")

        with self._stage("votes", "looking for votes"):
            base = self.base
            earlier = None if base is None else BaseVotes(base.kept_votes, base.functions(), base.settings())
            keep = [r["name"] for r in self.made.functions if r["name"] not in {f.name for f in functions}]
            voting = Voting(self.database, data, functions, self.settings, earlier, keep=keep)
            self.notes.votes(voting.applications, self.made.functions)
            if not self.dry:
                voting.run(report)
            found = voting.record()
            self.made.artifacts["votes"] = self.database.store.put_json("votes", msgspec.to_builtins(found))
        counts = voting.counts
        self.made.operations |= {
            "function_applications": counts.applied,
            "votes_copied": counts.copied,
            "votes_kept": counts.kept,
        }
        return KeptVotes(self.database.store, found, data)

    def _learn(self, votes: KeptVotes, data: KeptData) -> tuple[KeptLabels, BaseLabelModel[Any, Any]] | None:
        """Summarise, solve and label what is missing; ``None`` in a dry run."""
        made, store = self.made.artifacts, self.database.store
        with self._stage("stats", "summarising votes"):
            workers = self.settings.apply.workers
            learning = Learning(self.database, votes, make_label_model(self.settings), workers=workers)
            if learning.missing:
                self.notes.stats(learning.missing_rows)
            if self.dry and learning.missing:
                self._note_rest(data)
                return None
            stats = learning.summarise()
            if stats is not None:
                made["stats"] = stats
        with self._stage("label_model", "fitting the label model"):
            if self.dry and learning.solved(stats, made["votes"], made["data"]) is None:
                self._note_rest(data)
                return None
            model, made["label_model"], solved = learning.fit(stats, made["votes"], made["data"])
            if solved:
                self.notes.label_model()
        with self._stage("soft_labels", "labelling"):
            labelling = Labelling(self.database, votes, made["label_model"], workers=workers)
            rows = sum(data.parts[part].rows for part in labelling.missing)
            self.notes.soft_labels(rows)
            if self.dry and rows:
                return None
            labels = labelling.run(model, self._old_labels(votes), self.settings.refresh.tolerance)
            made["soft_labels"] = store.put_json("soft_labels", msgspec.to_builtins(labels))
        counted = {"rows_summarised": learning.summarised, "models_solved": int(solved)}
        self.made.operations |= {**counted, "rows_labelled": labelling.labelled}
        return KeptLabels(store, labels, data), model

    def _old_labels(self, votes: KeptVotes) -> list[ArtifactId | None]:
        """Return the labels that each part had in the base, where its votes are the same."""
        if self.base is None or self.settings.refresh.tolerance == 0:
            return [None] * len(votes.record.parts)
        before = zip(self.base.kept_votes.record.parts, self.base.kept_labels.record.parts, strict=True)
        known = {part: ArtifactId.parse(label) for part, label in before}
        return [known.get(part) for part in votes.record.parts]

    def _note_rest(self, data: KeptData) -> None:
        """Note the labels that hang on a label model that a dry run does not solve."""
        self.notes.label_model()
        self.notes.soft_labels(data.n)

    @contextmanager
    def _stage(self, name: str, said: str) -> Iterator[None]:
        self.tell(said)
        began = time.perf_counter()
        yield
        self.made.seconds[name] = time.perf_counter() - began
