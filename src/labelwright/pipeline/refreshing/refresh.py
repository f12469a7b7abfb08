"""A refresh: works out what is stale, makes that and no more, and records a run. ``labelwright run`` is this."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from labelwright.core.errors import ArtifactError
from labelwright.labeling import LabelingFunction
from labelwright.labelmodels import BaseLabelModel
from labelwright.pipeline.augmenting.showing import LabelsShown
from labelwright.pipeline.kept.keep import open_store
from labelwright.pipeline.kept.kept_data import KeptData
from labelwright.pipeline.kept.kept_votes import KeptVotes
from labelwright.pipeline.kept.learning import KeptLabels, Labelling, Learning
from labelwright.pipeline.kept.unwritten import Unwritten
from labelwright.pipeline.settings import Settings
from labelwright.store import ArtifactId, hold_lease

from .augment import AugmentResult
from .augmentation import require_augmentation
from .ballots import OneTask
from .base_refresh import Reading
from .end_model import EndModelStage
from .finished_run import Tell
from .labelled_project import LabelledProject
from .noticing import FailedFunction, RunWarning, failed_slices, failed_transformations, unvoted_classes
from .plan import Plan
from .predictions import KeptCeiling
from .run import RunResult, finish_run, make_label_model
from .scope import Scope, check_write_access
from .several_tasks import SeveralTasksRefresh
from .slicing import slice_tables
from .task_run import TaskRunResult
from .training import has_gold, label_splits, predict_splits, score_splits

__all__ = [
    "Scope",
    "augment_project",
    "label_project",
    "label_tasks_of",
    "label_tasks_project",
    "plan_augmentation",
    "plan_refresh",
    "refresh_project",
]

_Result = TypeVar("_Result")


def refresh_project(
    folder: Path, settings: Settings, *, step: Tell, scope: Scope | None = None
) -> RunResult | TaskRunResult:
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
        kind = _kind(settings)
        return _mending(scope or Scope(), lambda seen: kind(folder, settings, store, catalog, step, seen).run(started))


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
    require_augmentation(settings)
    check_write_access(folder)
    store, catalog = open_store(folder)
    with hold_lease(catalog, "augment"):
        kind = _kind(settings)
        return _mending(
            Scope(full=full), lambda seen: kind(folder, settings, store, catalog, step, seen).augment(started)
        )


def plan_augmentation(folder: Path, settings: Settings, *, step: Tell, full: bool = False) -> Plan:
    """Say what `augment_project` would do, and why; nothing is written."""
    require_augmentation(settings)
    store, catalog = open_store(folder)
    scope = Scope(full=full)
    return _kind(settings)(folder, settings, Unwritten(store), catalog, step, scope, dry=True).plan_augmentation()


def label_tasks_project(folder: Path, settings: Settings, *, step: Tell) -> LabelledProject:
    """Bring votes and labels on several tasks up to date, but keep no run: see `label_project`."""
    check_write_access(folder)
    store, catalog = open_store(folder)
    with hold_lease(catalog, "run"):
        return _mending(Scope(), lambda seen: SeveralTasksRefresh(folder, settings, store, catalog, step, seen).label())


def label_tasks_of(folder: Path, settings: Settings, *, step: Tell) -> LabelledProject:
    """Return votes and labels of a project with several tasks as they are now; nothing is written.

    What the last run, or any other, kept is taken; what is stale since is made, and held in memory alone.
    """
    store, catalog = open_store(folder)
    return _mending(
        Scope(), lambda seen: SeveralTasksRefresh(folder, settings, Unwritten(store), catalog, step, seen).label()
    )


def _kind(settings: Settings) -> type[_Refresh] | type[SeveralTasksRefresh]:
    return SeveralTasksRefresh if settings.has_tasks else _Refresh


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
    return _kind(settings)(folder, settings, Unwritten(store), catalog, step, scope or Scope(), dry=True).plan()


class _Refresh(Reading):
    """One refresh, stage by stage; a dry one stops where the next stage would need what is not there."""

    def plan(self) -> Plan:
        """Return the steps of a dry refresh."""
        functions, data = self._read()
        votes = self._vote(functions, data)
        self._sliced(data)
        learned = self._learn(votes, data)
        known = self.augmentation.plan(data) and learned is not None
        self._end_model(data).plan(known=known)
        return self.notes.plan

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
        slices = self._sliced(data)
        learned = self._learn(votes, data)
        assert learned is not None
        labels, model = learned
        with self._stage("gathering", "gathering votes and labels"):
            parts = label_splits(votes, labels, model)
        train = next(p for p in parts if p.split.name == "train")
        failed = [FailedFunction(f.source, f.count, data.n, f.first[0][1]) for f in votes.failures()]
        outside = [] if slices is None else failed_slices(slices.failures(), data.n)
        warned = (*map(str, failed), *outside, *unvoted_classes(train.votes))
        # At once, and not with the result: what follows may fail because of just this.
        for text in warned:
            warnings.warn(text, RunWarning, stacklevel=4)
        with self._stage("augmentation", "augmenting") if self.augmentation.wanted else nullcontext():
            copies = self.augmentation.run(data, functions, train.votes)
        failures = [] if copies is None else failed_transformations(copies.failures())
        for text in failures:
            warnings.warn(text, RunWarning, stacklevel=4)
        with self._stage("end_model", "training the end model"):
            stage = self._end_model(data)
            end = stage.run(train, copies)
            plain = stage.plain(train) if copies is not None and has_gold(parts) else None
        with self._stage("scores", "scoring"):
            made = (self.database, data, self.made.artifacts)
            ceiling = KeptCeiling(*made, "ceiling", self.settings, train) if self.settings.score.supervised else None
            parts = predict_splits(parts, {"end model": end, "plain end model": plain, "supervised": ceiling})
            scores, sliced = score_splits(parts), slice_tables(parts, slices)
        self.tell("writing the run and its report")
        shown = LabelsShown.of_one_task(train.predictions["label model"])
        view = None if copies is None else self.augmentation.view(copies, data, shown)
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
            sliced,
        )

    def _end_model(self, data: KeptData) -> EndModelStage:
        made = self.made
        return EndModelStage(self.settings, self.database, data, self.notes, made.artifacts, made.operations)

    def _vote(self, functions: Sequence[LabelingFunction], data: KeptData) -> KeptVotes:
        """Make the votes that are missing."""
        with self._stage("votes", "looking for votes"):
            found = self._voted(OneTask(functions, self.settings), data)[""]
            self.made.artifacts["votes"] = self.database.store.put_json("votes", msgspec.to_builtins(found))
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
