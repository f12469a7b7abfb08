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

from labelwright import endmodels
from labelwright.core.errors import MissingExtraError
from labelwright.core.task_labels import TaskLabels
from labelwright.pipeline.augmenting.stage import learning_folder
from labelwright.pipeline.end_model_settings import EndModelSettings
from labelwright.pipeline.examples import field_values
from labelwright.pipeline.kept.database import Database
from labelwright.pipeline.kept.kept_data import KeptData
from labelwright.pipeline.settings import Settings
from labelwright.store import ArtifactId, Recipe

from .finished_run import Tell
from .noting import Notes
from .task_end_model import ROLE, SHARED, TaskEndModelStage, rows_of

__all__ = ["SharedEndModelStage", "check_end_model", "end_model_stage", "train_shared_end_model"]


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
    folder: Path, settings: Settings, database: Database, data: KeptData, notes: Notes, tell: Tell
) -> TaskEndModelStage:
    """Return the stage that trains on the labels of several tasks: a model for each, or one for all."""
    chosen, graph = settings.end_model, settings.graph
    if chosen.shared is None:
        return TaskEndModelStage(chosen, database, data, notes, graph)
    return SharedEndModelStage(chosen, database, data, notes, graph, folder=folder, tell=tell)


def train_shared_end_model(
    chosen: EndModelSettings,
    columns: Mapping[str, Any],
    train: TaskLabels,
    *,
    checkpoint: Path | None = None,
    progress: Callable[[Any], None] | None = None,
) -> Any:
    """Train the network that the settings ask for; see `labelwright.endmodels.torch.multitask.end_model`."""
    network = chosen.shared
    assert network is not None
    room = importlib.import_module("labelwright.endmodels.torch.multitask.end_model")
    return room.fit_shared_end_model(
        chosen.kind,
        chosen.fields,
        columns,
        train,
        size=None if network.size is None else tuple(network.size),
        trunk=network.trunk,
        epochs=network.epochs,
        batch_size=network.batch_size,
        device=network.device,
        random_state=chosen.random_state,
        checkpoint=checkpoint,
        progress=progress,
    )


@dataclass(slots=True, kw_only=True)
class SharedEndModelStage(TaskEndModelStage):
    """The stage of a refresh that trains one network on the labels of all tasks.

    Parameters
    ----------
    chosen, database, data, notes, graph
        As for `TaskEndModelStage`.
    folder : Path
        The project's.
    tell : callable of str
        Told how training goes.
    """

    folder: Path
    tell: Tell

    def plan(self, labels: Mapping[str, ArtifactId | None]) -> None:
        """Note what a dry run would train; see `TaskEndModelStage.plan`."""
        known = {task: key for task, key in labels.items() if key is not None}
        if len(known) == len(labels):
            # With just these labels nothing could be learned, and nothing is missing.
            idle = known == self._of_base("task_labels") and not self._of_base(ROLE)
            if idle or self.database.found(self._shared_recipe(known)) is not None:
                return
        self.notes.end_model(kept=bool(self._older()))

    def run(self, train: TaskLabels, labels: Mapping[str, ArtifactId]) -> dict[str, ArtifactId]:
        """Return the network, by each task that it learned; it is trained where it is missing."""
        wanted = [task for task in self.graph.names if endmodels.can_be_learned(train, task)]
        if not wanted:
            return {}
        recipe = self._shared_recipe({task: labels[task] for task in self.graph.names})
        key = self.database.found(recipe)
        if key is None and (kept := self._older()):
            self.stale = 1
            self.notes.end_model(kept=True)
            return kept
        if key is None:
            self.notes.end_model(kept=False)
            key = self._train_shared(recipe, train)
            self.trained = 1
        return dict.fromkeys(wanted, key)

    def _train_shared(self, recipe: Recipe, train: TaskLabels) -> ArtifactId:
        began, fields = time.perf_counter(), self.chosen.fields
        columns = field_values(self.data.frame("train", fields), fields)
        place = learning_folder(self.folder) / recipe.digest
        model = train_shared_end_model(
            self.chosen,
            columns,
            train,
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
            "rows": rows_of(self.data),
            "versions": {name: version(name) for name in ("labelwright", "numpy", "scikit-learn", "torch")},
        }
        return Recipe(SHARED, {f"labels of {task}": key for task, key in labels.items()}, parameters)

    def _older(self) -> dict[str, ArtifactId]:
        """Return the network of the base, by task, where the policy is to keep it and all else is as it was."""
        base, now, found = self.notes.base, self.chosen, self._of_base(ROLE)
        if now.refresh != "keep" or base is None or not found:
            return {}
        settings = base.settings()
        before = settings.end_model
        same = (before.kind, before.fields, before.shared) == (now.kind, now.fields, now.shared)
        if not same or before.random_state != now.random_state or not set(found) <= set(self.graph.names):
            return {}
        return found if all(settings.graph.states(task) == self.graph.states(task) for task in found) else {}
