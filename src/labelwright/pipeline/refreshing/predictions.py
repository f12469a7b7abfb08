"""What an end model says of the splits that are scored; an unchanged one does not read unchanged rows again."""

from __future__ import annotations

import hashlib
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from typing import Any

import msgspec

from labelwright import endmodels
from labelwright.core import SoftLabels
from labelwright.pipeline.kept.database import Database
from labelwright.pipeline.kept.kept_data import KeptData
from labelwright.pipeline.settings import Settings
from labelwright.store import ArtifactId, Recipe

from .scoring import LabelledSplit
from .training import predicted, train_ceiling

__all__ = ["KeptCeiling", "KeptEndModel", "end_model_versions", "rows_of"]

_KIND = "predictions"


@dataclass(frozen=True)
class _Kept(ABC):
    """Predictions by what decides them; the model behind them is there only where it says something that is not kept.

    Parameters
    ----------
    database : Database
    data : KeptData
    artifacts : dict of str to ArtifactId
        What the run made so far, by role; what the model says of a split is added.
    role : str
        What the run calls the model.
    """

    database: Database
    data: KeptData
    artifacts: dict[str, ArtifactId]
    role: str

    @property
    @abstractmethod
    def _made_of(self) -> tuple[dict[str, ArtifactId], dict[str, Any]]:
        """What, beside the rows, decides what the model says, as recipes have it: inputs and parameters."""

    @property
    @abstractmethod
    def _model(self) -> endmodels.EndModel:
        """The model. It brings scikit-learn, which takes seconds to import."""

    def __call__(self, part: LabelledSplit) -> SoftLabels:
        """Return what the model says of a split of the data."""
        inputs, parameters = self._made_of
        rows = {"split": part.split.name, "rows": rows_of(self.data), "versions": end_model_versions()}
        recipe = Recipe(_KIND, inputs, {**parameters, **rows})
        kept = self.database.found(recipe)
        if kept is None:
            began = time.perf_counter()
            found = predicted(self._model, part)
            kept = self.database.put_arrays(_KIND, {"probs": found.probs, "covered": found.covered})
            self.database.record([(recipe, kept)], seconds=time.perf_counter() - began, rows=found.n)
        else:
            arrays, ids = self.database.store.get_arrays(kept), part.split.example_ids
            found = SoftLabels(arrays["probs"], arrays["covered"], classes=part.votes.classes, example_ids=ids)
        # So that it is collected with the run, and not before.
        self.artifacts[f"{_KIND}.{self.role}.{part.split.name}"] = kept
        return found


@dataclass(frozen=True)
class KeptEndModel(_Kept):
    """An end model that a run kept under ``role``; parameters are those of `_Kept`."""

    @property
    def _made_of(self) -> tuple[dict[str, ArtifactId], dict[str, Any]]:
        return {"end_model": self.artifacts[self.role]}, {}

    @cached_property
    def _model(self) -> endmodels.EndModel:
        return endmodels.load(self.database.store.get_folder(self.artifacts[self.role]))


@dataclass(frozen=True)
class KeptCeiling(_Kept):
    """The end model's recipe taught by gold, the ceiling to compare with: what it says is kept, and not the model.

    Parameters
    ----------
    database, data, artifacts, role
        As for `_Kept`.
    settings : Settings
    train : LabelledSplit
    """

    settings: Settings
    train: LabelledSplit

    @property
    def _made_of(self) -> tuple[dict[str, ArtifactId], dict[str, Any]]:
        chosen = self.settings.end_model
        gold = hashlib.sha256(msgspec.json.encode([part.gold for part in self.data.parts])).hexdigest()
        named = {"kind": chosen.kind, "fields": chosen.fields, "random_state": chosen.random_state}
        return {}, {"taught_by": "gold", "gold": gold, "classes": self.settings.task.classes, **named}

    @cached_property
    def _model(self) -> endmodels.EndModel:
        return train_ceiling(self.settings, self.train)


def rows_of(data: KeptData) -> str:
    """Return a hash of which rows there are, in which order, whatever their gold and their files."""
    parts = [data.parts[number] for number in data.numbers]
    rows = [(part.data, part.hashes, part.splits, part.positions) for part in parts]
    return hashlib.sha256(msgspec.json.encode(rows)).hexdigest()


def end_model_versions() -> dict[str, str]:
    """Return the versions of the libraries that decide what an end model learns and says."""
    return {name: version(name) for name in ("labelwright", "numpy", "scikit-learn")}
