"""The end model of a run: trained, or taken from where it was trained on just this; by policy, an older one."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from labelwright import endmodels
from labelwright.pipeline.augmenting.copies import KeptCopies
from labelwright.pipeline.kept.database import Database
from labelwright.pipeline.kept.kept_data import KeptData
from labelwright.pipeline.settings import Settings
from labelwright.store import ArtifactId, Recipe

from .noting import Notes
from .predictions import KeptEndModel, end_model_versions, rows_of
from .scoring import LabelledSplit
from .training import train_end_model

__all__ = ["EndModelStage"]


@dataclass(frozen=True, slots=True)
class EndModelStage:
    """The stage of a refresh that trains.

    Parameters
    ----------
    settings : Settings
    database : Database
    data : KeptData
    notes : Notes
    artifacts : dict of str to ArtifactId
        What the run made so far, by role; what is made here is added.
    operations : dict of str to int
        Likewise.
    """

    settings: Settings
    database: Database
    data: KeptData
    notes: Notes
    artifacts: dict[str, ArtifactId]
    operations: dict[str, int]

    def plan(self, *, known: bool) -> None:
        """Note what a dry run would do; ``known``: whether it knows everything that the end model is trained on."""
        if self.settings.end_model.kind == "none":
            return
        if not known or self.database.found(self._recipe()) is None:
            self.notes.end_model(kept=self._older() is not None)

    def run(self, train: LabelledSplit, copies: KeptCopies | None) -> KeptEndModel | None:
        """Return the end model, trained on the labels of train, and on its augmented copies where there are any."""
        if self.settings.end_model.kind == "none":
            return None
        recipe = self._recipe()
        key = self.database.found(recipe)
        if key is None and (key := self._older()) is not None:
            self.operations["end_models_stale"] = 1
            self.notes.end_model(kept=True)
        if key is None:
            key = self._train(recipe, lambda: train_end_model(self.settings, train, copies=copies))
            self.notes.end_model(kept=False)
        self.artifacts["end_model"] = key
        return KeptEndModel(self.database, self.data, self.artifacts, "end_model")

    def plain(self, train: LabelledSplit) -> KeptEndModel:
        """Return the end model without augmentation, to compare with: it is what it was before there was any."""
        recipe = self._recipe(augmented=False)
        key = self.database.found(recipe)
        if key is None:
            key = self._train(recipe, lambda: train_end_model(self.settings, train))
        self.artifacts["end_model_plain"] = key
        return KeptEndModel(self.database, self.data, self.artifacts, "end_model_plain")

    def _train(self, recipe: Recipe, train: Callable[[], endmodels.EndModel]) -> ArtifactId:
        began, store = time.perf_counter(), self.database.store
        end = train()
        with tempfile.TemporaryDirectory() as temporary:
            endmodels.save(end, Path(temporary) / "end_model")
            key = store.put_folder("end_model", Path(temporary) / "end_model")
        self.database.record([(recipe, key)], seconds=time.perf_counter() - began, rows=1)
        self.operations["end_models_trained"] = self.operations.get("end_models_trained", 0) + 1
        return key

    def _recipe(self, *, augmented: bool = True) -> Recipe:
        chosen = self.settings.end_model
        parameters = {"kind": chosen.kind, "fields": chosen.fields, "random_state": chosen.random_state}
        inputs = {"soft_labels": self.artifacts["soft_labels"]}
        if augmented and "augmentation" in self.artifacts:
            inputs["augmentation"] = self.artifacts["augmentation"]
        return Recipe("end_model", inputs, {**parameters, "rows": rows_of(self.data), "versions": end_model_versions()})

    def _older(self) -> ArtifactId | None:
        """Return the end model of the base where the policy is to keep it, for the same kind, fields and classes."""
        base, now = self.notes.base, self.settings.end_model
        if now.refresh != "keep" or base is None or "end_model" not in base.row.artifacts:
            return None
        settings = base.settings()
        before = settings.end_model
        same = (before.kind, before.fields, before.random_state) == (now.kind, now.fields, now.random_state)
        return base.artifact("end_model") if same and settings.task.classes == self.settings.task.classes else None
