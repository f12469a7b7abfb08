"""A refresh: works out what is stale, makes that and no more, and records a run. ``labelwright run`` is this."""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

from labelwright.core.errors import ProjectError
from labelwright.endmodels import EndModel, load, save
from labelwright.labeling import LabelingFunction
from labelwright.labelmodels import BaseLabelModel
from labelwright.store import ArtifactId, Catalog, Recipe, Store, hold_lease

from .data_record import DataRecord
from .database import Database
from .keep import STORE_FOLDER, KeptRun, open_store
from .kept_data import KeptData
from .kept_votes import KeptVotes
from .learning import KeptLabels, Labelling, Learning
from .noticing import FailedFunction, RunWarning, unvoted_classes
from .plan import Plan, Step, function_changes, setting_changes
from .reading import Fingerprints, data_changes, read_data
from .run import RunResult, finish_run, make_label_model
from .settings import Settings
from .supervision import load_functions, record
from .training import label_splits, predict_splits, score_splits, train_end_model
from .unwritten import Unwritten
from .voting import BaseVotes, Voting

__all__ = ["plan_refresh", "refresh_project"]

Tell = Callable[[str], None]


def refresh_project(
    folder: Path, settings: Settings, *, step: Tell, since: str | None = None, full: bool = False
) -> RunResult:
    """Make what is stale, and keep a run of all of it.

    Parameters
    ----------
    folder : Path
    settings : Settings
    step : callable of str
        Told what is being done.
    since : str, optional
        The run or snapshot to compare with; default the last run.
    full : bool
        Make everything again, as if nothing had been kept.

    Raises
    ------
    LabelwrightError
        Whatever the rooms refuse. Votes of parts that were done are kept then, and the next run goes on from there;
        artifacts come first, each whole, and one line in the catalog at the end makes a run of them.
    """
    started = time.perf_counter()
    _check_write_access(folder)
    store, catalog = open_store(folder)
    with hold_lease(catalog, "run"):
        refresh = _Refresh(folder, settings, store, catalog, step, since=since, full=full)
        return refresh.run(started)


def plan_refresh(folder: Path, settings: Settings, *, step: Tell, since: str | None = None, full: bool = False) -> Plan:
    """Say what `refresh_project` would do, and why; nothing is written.

    What hangs on something that is to be made again counts as stale: that it may come out as it was is not known yet.
    """
    store, catalog = open_store(folder)
    return _Refresh(folder, settings, Unwritten(store), catalog, step, since=since, full=full, dry=True).plan()


@dataclass
class _Made:
    """What is there of a run so far."""

    functions: list[dict[str, Any]] = field(default_factory=list)
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
        *,
        since: str | None,
        full: bool,
        dry: bool = False,
    ) -> None:
        self.folder = folder
        self.settings = settings
        self.database = Database(store, catalog, full=full)
        self.tell = step
        self.dry = dry
        self.base = _base(folder, store, catalog, since)
        self.made = _Made()
        self.whole: KeptRun | None = self.base if self.base and "data" in self.base.row.artifacts else None

    def plan(self) -> Plan:
        """Return the steps of a dry refresh."""
        with self._stage("data"):
            functions, data = self._read()
        voting = self._vote(functions, data)
        if voting is not None:
            self._learn(voting, data)
        return Plan(tuple(self.made.steps), self._called())

    def run(self, started: float) -> RunResult:
        """Do all of it."""
        with self._stage("data"):
            functions, data = self._read()
        votes = self._vote(functions, data)
        assert votes is not None
        learned = self._learn(votes, data)
        assert learned is not None
        labels, model = learned
        failed = [FailedFunction(f.source, f.count, data.n, _first(f.first)) for f in votes.failures()]
        self.tell("gathering votes and labels")
        with self._stage("gathering"):
            parts = label_splits(votes, labels, model)
        train = next(p for p in parts if p.split.name == "train")
        warned = (*map(str, failed), *unvoted_classes(train.votes))
        # At once, and not with the result: what follows may fail because of just this.
        for text in warned:
            warnings.warn(text, RunWarning, stacklevel=4)
        self.tell("training the end model")
        with self._stage("end_model"):
            end = self._end_model(lambda: train_end_model(self.settings, train, train.predictions["label model"]))
        self.tell("scoring")
        with self._stage("scores"):
            parts = predict_splits(self.settings, parts, end)
            scores = score_splits(parts)
        self.tell("writing the run and its report")
        return finish_run(self.folder, self.settings, self.database, self.made, parts, model, scores, warned, started)

    def _read(self) -> tuple[list[LabelingFunction], KeptData]:
        """Read functions and data; only what changed of these."""
        self.tell("reading functions and data")
        functions = load_functions(self.folder)
        # Now, while the files hold what was imported.
        self.made.functions = [record(f, self.folder) for f in functions]
        before = None if self.whole is None else self.whole.kept_data.record
        prints = Fingerprints(self.folder / STORE_FOLDER)
        found = read_data(self.folder, self.settings, self.database, prints, None if self.database.full else before)
        if not self.dry:
            prints.remember()
        self._note_data(before, found)
        store, data = self.database.store, KeptData(self.database.store, found)
        schema = {name: str(kind) for name, kind in data.schema_of("train").items()}
        self.made.artifacts |= {
            "settings": store.put_json("settings", msgspec.to_builtins(self.settings)),
            "functions": store.put_json("functions", self.made.functions),
            "data": store.put_json("data", msgspec.to_builtins(found)),
            "schema": store.put_json("schema", schema),
        }
        return functions, data

    def _note_data(self, before: DataRecord | None, after: DataRecord) -> None:
        rows = sum(part.rows for _, part in after.parts())
        if before is None:
            self._note("data", "data", "first run", rows)
            self.data_reason = "first run"
            return
        changes = data_changes(self.database.store, before, after)
        self.data_reason = "" if changes is None else str(changes)
        if changes is not None:
            known = {part.digest for _, part in before.parts()}
            self._note("data", "data", str(changes), sum(p.rows for _, p in after.parts() if p.digest not in known))

    def _vote(self, functions: Sequence[LabelingFunction], data: KeptData) -> KeptVotes | None:
        """Make the votes that are missing; ``None`` in a dry run where there are any."""
        with self._stage("votes"):
            voting = Voting(self.database, data, functions, self.settings, self._base_votes())
            self._note_votes(voting)
            if self.dry and not voting.complete:
                self._note_rest("votes change")
                return None

            def report(done: int, total: int) -> None:
                self.tell(f"applying {len(functions)} functions: {done:,} of {total:,} examples")

            voting.run(report)
            found = voting.record()
            key = self.database.store.put_json("votes", msgspec.to_builtins(found))
        self.made.artifacts["votes"] = key
        counts = voting.counts
        self.made.operations |= {
            "function_applications": counts.applied,
            "votes_copied": counts.copied,
            "votes_kept": counts.kept,
        }
        return KeptVotes(self.database.store, found, data)

    def _base_votes(self) -> BaseVotes | None:
        if self.whole is None:
            return None
        return BaseVotes(self.whole.kept_votes, self.whole.functions(), self.whole.settings())

    def _note_votes(self, voting: Voting) -> None:
        before = None if self.base is None else self.base.function_records()
        changes = function_changes(before, self.made.functions)
        work = voting.applications
        for name in [n for n in work if n in changes]:
            self._note("votes", f"votes of {name}", changes[name], work[name], self._vote_seconds(name, work[name]))
        rest = [n for n in work if n not in changes]
        if rest:
            known = [s for n in rest if (s := self._vote_seconds(n, work[n])) is not None]
            what = f"votes of {rest[0]}" if len(rest) == 1 else f"votes of {len(rest)} functions on new rows"
            reason = self.data_reason or self._settings_reason("task.classes", "apply.") or "they were not kept"
            self._note("votes", what, reason, sum(work[n] for n in rest), sum(known) if known else None)
        for name in [n for n, why in changes.items() if why == "removed"]:
            self._note("votes", f"votes of {name}", "removed")

    def _vote_seconds(self, name: str, rows: int) -> float | None:
        if self.whole is None or name not in self.whole.kept_votes.sources:
            return None
        key = dict(self.whole.kept_votes.part_record(0).votes)[name]
        cost = self.database.seconds_per_row(ArtifactId.parse(key))
        return None if cost is None else cost * rows

    def _learn(self, votes: KeptVotes, data: KeptData) -> tuple[KeptLabels, BaseLabelModel[Any, Any]] | None:
        """Summarise, solve and label what is missing; ``None`` in a dry run where something is."""
        made, store = self.made.artifacts, self.database.store
        why = self._settings_reason("label_model.") or self.data_reason or "votes changed"
        with self._stage("stats"):
            self.tell("fitting the label model")
            learning = Learning(self.database, votes, make_label_model(self.settings))
            rows = learning.missing_rows
            if rows:
                self._note("stats", "sums of votes", why, rows, self._seconds("stats", rows))
            if self.dry and rows:
                self._note_rest(why, "label_model")
                return None
            stats = learning.summarise()
        with self._stage("label_model"):
            if self.dry and learning.solved(stats, made["votes"], made["data"]) is None:
                self._note_rest(why, "label_model")
                return None
            model, key, solved = learning.fit(stats, made["votes"], made["data"])
            if solved:
                self._note("label_model", "label model", why, 1)
        with self._stage("soft_labels"):
            self.tell("labelling")
            labelling = Labelling(self.database, votes, key)
            rows = sum(data.parts[part].rows for part in labelling.missing)
            if rows:
                reason = "parameters of the label model changed" if solved else why
                self._note("soft_labels", "soft labels", reason, rows, self._seconds("soft_labels", rows))
            if self.dry:
                if rows:
                    self._note_end_model("soft labels change")
                return None
            labels = labelling.run(model, self._old_labels(votes), self.settings.refresh.tolerance)
        made |= {"label_model": key, "soft_labels": store.put_json("soft_labels", msgspec.to_builtins(labels))}
        if stats is not None:
            made["stats"] = stats
        counted = {"rows_summarised": learning.summarised, "models_solved": int(solved), "rows_labelled": rows}
        self.made.operations |= counted
        return KeptLabels(store, labels, data), model

    def _old_labels(self, votes: KeptVotes) -> list[ArtifactId | None]:
        """Return the labels that each part had in the base, where its votes are the same."""
        if self.whole is None or self.settings.refresh.tolerance == 0:
            return [None] * len(votes.record.parts)
        base = zip(self.whole.kept_votes.record.parts, self.whole.kept_labels.record.parts, strict=True)
        known = {part: ArtifactId.parse(label) for part, label in base}
        return [known.get(part) for part in votes.record.parts]

    def _end_model(self, train: Callable[[], EndModel]) -> EndModel | None:
        """Train the end model, or take the one that was trained on just this; by policy, an older one."""
        chosen = self.settings.end_model
        if chosen.kind == "none":
            return None
        store, made = self.database.store, self.made.artifacts
        recipe = self._end_model_recipe()
        key = self.database.found(recipe)
        if key is None and chosen.refresh == "keep" and (key := self._old_end_model()) is not None:
            self.made.operations["end_models_stale"] = 1
            self._note("end_model", "end model", 'kept as it was, though it is stale: end_model.refresh = "keep"')
        if key is None:
            began = time.perf_counter()
            end = train()
            with tempfile.TemporaryDirectory() as temporary:
                save(end, Path(temporary) / "end_model")
                key = store.put_folder("end_model", Path(temporary) / "end_model")
            self.database.record([(recipe, key)], seconds=time.perf_counter() - began, rows=1)
            self._note("end_model", "end model", "its training labels changed" if self.whole else "first run", 1)
            self.made.operations["end_models_trained"] = 1
        made["end_model"] = key
        return load(store.get_folder(key))

    def _end_model_recipe(self) -> Recipe:
        chosen, made = self.settings.end_model, self.made.artifacts
        parameters = {"kind": chosen.kind, "fields": chosen.fields, "random_state": chosen.random_state}
        versions = {name: version(name) for name in ("labelwright", "numpy", "scikit-learn")}
        inputs = {"soft_labels": made["soft_labels"], "data": made["data"]}
        return Recipe("end_model", inputs, {**parameters, "versions": versions})

    def _old_end_model(self) -> ArtifactId | None:
        """Return the end model of the base, if it is of the same kind and reads the same fields."""
        if self.base is None or "end_model" not in self.base.row.artifacts:
            return None
        before, now = self.base.settings().end_model, self.settings.end_model
        same = (before.kind, before.fields, before.random_state) == (now.kind, now.fields, now.random_state)
        return self.base.artifact("end_model") if same else None

    def _settings_reason(self, *keys: str) -> str:
        """Return which settings that begin so changed since the base, for people; empty where none did."""
        if self.base is None:
            return ""
        before = self.database.store.get_json(self.base.artifact("settings"))
        changed = setting_changes(before, msgspec.to_builtins(self.settings))
        found = [key for key in changed if key.startswith(keys)]
        return f"settings: {', '.join(found)} changed" if found else ""

    def _seconds(self, role: str, rows: int) -> float | None:
        """Return what rows cost in the base, times ``rows``."""
        if self.whole is None or role not in self.whole.row.artifacts:
            return None
        first = self.database.store.get_json(self.whole.artifact(role))["parts"][0]
        cost = self.database.seconds_per_row(ArtifactId.parse(first))
        return None if cost is None else cost * rows

    def _note(self, stage: Any, what: str, reason: str, operations: int = 0, seconds: float | None = None) -> None:
        self.made.steps.append(Step(stage, what, reason, operations, seconds))

    def _note_rest(self, reason: str, first: str = "stats") -> None:
        """Note everything that hangs on what is not made in a dry run."""
        sizes = self._sizes()
        rows = sum(sizes.values())
        if first == "stats":
            train = sizes.get("train", 0)
            self._note("stats", "sums of votes", reason, train, self._seconds("stats", train))
        self._note("label_model", "label model", reason, 1)
        self._note("soft_labels", "soft labels", reason, rows, self._seconds("soft_labels", rows))
        self._note_end_model("soft labels change")

    def _note_end_model(self, reason: str) -> None:
        chosen = self.settings.end_model
        if chosen.kind == "none":
            return
        if chosen.refresh == "keep" and self._old_end_model() is not None:
            self._note("end_model", "end model", 'kept as it was, though it is stale: end_model.refresh = "keep"')
        else:
            self._note("end_model", "end model", reason, 1)

    def _sizes(self) -> Mapping[str, int]:
        found: Mapping[str, int] = self.database.store.get_json(self.made.artifacts["data"])["splits"]
        return found

    def _called(self) -> str:
        return "" if self.base is None else f"run {self.base.row.number} ({self.base.row.run_id})"

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.made.seconds[name] = time.perf_counter() - began


def _base(folder: Path, store: Store, catalog: Catalog, since: str | None) -> KeptRun | None:
    """Return the run to compare with: the one that is named, or else the last, or none."""
    if since is not None:
        return KeptRun.named(folder, since)
    row = catalog.latest()
    return None if row is None else KeptRun(folder, store, row)


def _first(failures: Sequence[tuple[Any, str]]) -> str:
    return failures[0][1] if failures else ""


def _check_write_access(folder: Path) -> None:
    """Fail before the work is done, not after it."""
    for place in (folder, folder / STORE_FOLDER):
        try:
            if place.exists():
                tempfile.TemporaryFile(dir=place).close()
        except OSError as error:
            raise ProjectError(
                f"no write access to {place} ({error.strerror}); a run keeps what it makes there. Copy the project "
                "to a folder of your own, or change the folder's permissions."
            ) from None
