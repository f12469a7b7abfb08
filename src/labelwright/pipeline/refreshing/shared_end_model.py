"""The end model of a run on several tasks that is one network: trained again where labels of any task changed."""

from __future__ import annotations

import importlib
import importlib.util
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from labelwright import endmodels
from labelwright.core.errors import MissingExtraError
from labelwright.core.task_labels import TaskLabels
from labelwright.pipeline.augmenting.copies import Copies
from labelwright.pipeline.augmenting.stage import learning_folder
from labelwright.pipeline.end_model_settings import EndModelSettings
from labelwright.pipeline.examples import field_values
from labelwright.pipeline.kept.database import Database
from labelwright.pipeline.kept.kept_data import KeptData
from labelwright.pipeline.settings import Settings
from labelwright.store import ArtifactId, Recipe

from .finished_run import Tell
from .noting import Notes
from .predictions import rows_of
from .task_end_model import ROLE, SHARED, TaskEndModelStage, augmented

__all__ = ["SharedEndModelStage", "check_end_model", "end_model_stage", "readable", "train_shared_end_model"]


def check_end_model(chosen: EndModelSettings) -> None:
    """Check that what an end model needs is installed, before anything is made.

    Raises
    ------
    MissingExtraError
        If it is not.
    """
    # Looked for and not imported: a run in which nothing changed has no use for it.
    if chosen.shared is not None and importlib.util.find_spec("torch") is None:
        raise MissingExtraError("one network for all tasks, [end_model.network],", "torch")
    if chosen.kind == "image" and importlib.util.find_spec("PIL") is None:
        raise MissingExtraError('end_model.kind = "image"', "images")


def end_model_stage(
    folder: Path,
    settings: Settings,
    database: Database,
    data: KeptData,
    notes: Notes,
    tell: Tell,
    *,
    augmentation: ArtifactId | None = None,
    compared: bool = False,
) -> TaskEndModelStage:
    """Return the stage that trains on the labels of several tasks: a model for each, or one for all."""
    chosen = settings.end_model
    made_with = (chosen, database, data, notes, settings.graph, augmentation, compared)
    if chosen.shared is None:
        return TaskEndModelStage(*made_with)
    return SharedEndModelStage(*made_with, folder=folder, tell=tell)


def train_shared_end_model(
    chosen: EndModelSettings,
    data: KeptData,
    train: TaskLabels,
    copies: Copies | None,
    *,
    checkpoint: Path | None = None,
    progress: Callable[[Any], None] | None = None,
) -> Any:
    """Train the network that the settings ask for; see `labelwright.endmodels.torch.multitask.end_model`.

    Parameters
    ----------
    chosen : EndModelSettings
    data : KeptData
    train : TaskLabels
        The labels of all of its train.
    copies : Copies or None
        Augmented copies of what it reads of train.
    checkpoint : Path, optional
        Folder from which a stopped training goes on.
    progress : callable, optional
    """
    network, weights = chosen.shared, None
    assert network is not None
    read, train = readable(chosen, data, train)
    frame = read.frame("train", chosen.fields)
    if copies is not None:
        frame, train, weights = augmented(frame, train, copies, chosen.kind)
    room = importlib.import_module("labelwright.endmodels.torch.multitask.end_model")
    return room.fit_shared_end_model(
        chosen.kind,
        chosen.fields,
        field_values(frame, chosen.fields),
        train,
        weights=weights,
        size=None if network.size is None else tuple(network.size),
        trunk=network.trunk,
        loss=network.loss or "expected",
        epochs=network.epochs,
        batch_size=network.batch_size,
        device=network.device,
        random_state=chosen.random_state,
        checkpoint=checkpoint,
        progress=progress,
    )


def readable(chosen: EndModelSettings, data: KeptData, train: TaskLabels) -> tuple[KeptData, TaskLabels]:
    """Return the data sets that the end model can read, and the labels of their train.

    Nothing is known there on tasks that the data set of an example is not about.

    Parameters
    ----------
    chosen : EndModelSettings
    data : KeptData
    train : TaskLabels
        The labels of all of its train.
    """
    if not data.record.sets:
        return data, train
    every = np.ones(train.n, dtype=bool)
    about = [data.within("train", [task]) for task in train.graph.names]
    known = train.covered & np.column_stack([every if rows is None else rows for rows in about])
    found = TaskLabels(train.graph, train.probs, known, example_ids=train.example_ids)
    read = data.having(chosen.fields)
    rows = data.inside("train", read)
    return read, found if rows is None else found.take(rows)


@dataclass(slots=True, kw_only=True)
class SharedEndModelStage(TaskEndModelStage):
    """The stage of a refresh that trains one network on the labels of all tasks.

    Parameters
    ----------
    chosen, database, data, notes, graph, augmentation, compared
        As for `TaskEndModelStage`.
    folder : Path
        The project's.
    tell : callable of str
        Told how training goes.
    """

    folder: Path
    tell: Tell

    def plan(self, labels: Mapping[str, ArtifactId | None], *, known: bool = True) -> None:
        """Note what a dry run would train; see `TaskEndModelStage.plan`."""
        made = {task: key for task, key in labels.items() if key is not None and known}
        if len(made) == len(labels):
            # With just these labels nothing could be learned, and nothing is missing.
            idle = made == self._of_base("task_labels") and not self._of_base(ROLE)
            if idle or self.database.found(self._shared_recipe(made)) is not None:
                return
        self.notes.end_model(kept=bool(self._older()))

    def run(self, train: TaskLabels, labels: Mapping[str, ArtifactId]) -> dict[str, ArtifactId]:
        """Return the network, by each task that it learned; it is trained where it is missing."""
        _, taught = readable(self.chosen, self.data, train)
        wanted = [task for task in self.graph.names if endmodels.can_be_learned(taught, task)]
        if not wanted:
            return {}
        recipe = self._shared_recipe({task: labels[task] for task in self.graph.names})
        key = self.database.found(recipe)
        if key is None and (kept := self._older()):
            self.stale = 1
            self.notes.end_model(kept=True)
            return kept
        if key is None:
            if not self.compared:
                self.notes.end_model(kept=False)
            key = self._train_shared(recipe, train)
            self.trained = 1
        return dict.fromkeys(wanted, key)

    def _train_shared(self, recipe: Recipe, train: TaskLabels) -> ArtifactId:
        began = time.perf_counter()
        place = learning_folder(self.folder) / recipe.digest
        model = train_shared_end_model(
            self.chosen,
            self.data,
            train,
            self.copies(),
            checkpoint=None if self.database.dry else place,
            progress=lambda said: self.tell(f"training the network: {said}"),
        )
        with tempfile.TemporaryDirectory() as temporary:
            model.save(Path(temporary) / "end_model")
            key = self.database.store.put_folder(SHARED, Path(temporary) / "end_model")
        self.database.record([(recipe, key)], seconds=time.perf_counter() - began, rows=1)
        # Only now: whoever is stopped before goes on from what lies there.
        shutil.rmtree(place, ignore_errors=True)
        return key

    def _shared_recipe(self, labels: Mapping[str, ArtifactId]) -> Recipe:
        chosen = self.chosen
        assert chosen.shared is not None
        parameters = {
            "kind": chosen.kind,
            "fields": chosen.fields,
            "random_state": chosen.random_state,
            "network": msgspec.to_builtins(chosen.shared),
            "states": {task: list(self.graph.states(task)) for task in self.graph.names},
            "relations": sorted(map(repr, self.graph.relations)),
            "rows": rows_of(self.data.having(chosen.fields)),
            "versions": {name: version(name) for name in ("labelwright", "numpy", "scikit-learn", "torch")},
        }
        inputs = {f"labels of {task}": key for task, key in labels.items()}
        return Recipe(SHARED, {**inputs, **self._augmented()}, parameters)

    def _older(self) -> dict[str, ArtifactId]:
        """Return the network of the base, by task, where the policy is to keep it and all else is as it was."""
        base, now, found = self.notes.base, self.chosen, self._of_base(ROLE)
        if now.refresh != "keep" or base is None or self.compared or not found:
            return {}
        settings = base.settings()
        before = settings.end_model
        same = (before.kind, before.fields, before.shared) == (now.kind, now.fields, now.shared)
        if not same or before.random_state != now.random_state or not set(found) <= set(self.graph.names):
            return {}
        return found if all(settings.graph.states(task) == self.graph.states(task) for task in found) else {}
