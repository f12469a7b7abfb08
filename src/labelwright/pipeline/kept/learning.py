"""What a run learns from votes: stats per part, the label model that their sum gives, and soft labels per part."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import Any, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from labelwright.core import SoftLabels
from labelwright.core.errors import FallbackWarning
from labelwright.core.stats_arrays import arrays_of_stats, stats_of_arrays
from labelwright.labelmodels import BaseLabelModel, from_dict, to_dict
from labelwright.store import ArtifactId, Recipe, Store

from .database import Database, library_versions
from .kept_data import KeptData
from .kept_votes import KeptVotes
from .side_by_side import side_by_side

__all__ = ["KeptLabels", "Labelling", "LabelsRecord", "Learning", "StatsRecord", "VotesByPart", "merged_stats"]

Model = BaseLabelModel[Any, Any]


class VotesByPart(Protocol):
    """Votes that are summarised part by part: those on one task, or on the tasks of a component together."""

    data: KeptData

    @property
    def states(self) -> dict[str, Any]:
        """What decides, beside the votes of a part, what their codes stand for."""

    def inputs(self, part: int) -> dict[str, ArtifactId]:
        """Return which artifacts hold the votes on a part, as recipes name them."""

    def scope(self, part: int) -> dict[str, Any]:
        """Return what decides, beside the content of a part, how its votes are counted."""

    def of_part(self, part: int, index: npt.NDArray[np.int64] | None = None) -> Any:
        """Return the votes on some rows of a part (default: all)."""


class StatsRecord(msgspec.Struct, frozen=True):
    """The stats of a run's training votes, one artifact for each part that has any of them."""

    parts: list[str]


class LabelsRecord(msgspec.Struct, frozen=True):
    """The soft labels of a run: classes, and one artifact for each part of the data."""

    classes: list[str | int]
    parts: list[str]


class Learning:
    """Stats of the training votes and the label model that is solved from them; both only where they are not kept.

    Parameters
    ----------
    database : Database
    votes : VotesByPart
    model : BaseLabelModel or MultiTask
        Not fitted.
    workers : int, optional
        Most threads to use; default as many as there are cores.
    """

    def __init__(self, database: Database, votes: VotesByPart, model: Any, *, workers: int | None = None) -> None:
        self.database = database
        self.votes = votes
        self.model = model
        self.workers = workers
        self.spec = _spec(model)
        data = votes.data
        self._rows = {p: rows for p in data.numbers if len(rows := data.part_rows(p, "train"))}
        self._recipes = {part: self._stats_recipe(part) for part in self._rows}
        found = database.find(self._recipes.values())
        self._keys = {p: found[r.digest] for p, r in self._recipes.items() if r.digest in found}
        self._stats: dict[int, Any] = {}
        self._unkept = False
        self.summarised = 0

    @property
    def missing(self) -> list[int]:
        """Parts whose votes have to be summarised."""
        return [part for part in self._rows if part not in self._keys]

    @property
    def missing_rows(self) -> int:
        """Number of examples whose votes have to be summarised."""
        return sum(len(self._rows[part]) for part in self.missing)

    def summarise(self) -> ArtifactId | None:
        """Summarise the votes of the missing parts; return the record of all stats, ``None`` if they cannot be kept."""
        for some in side_by_side(self._summarise, self.missing, workers=self.workers):
            made = []
            for part, stats, key, seconds in some:
                self._stats[part] = stats
                self.summarised += len(self._rows[part])
                if key is None:
                    self._unkept = True
                    continue
                self._keys[part] = key
                made.append((self._recipes[part], key, seconds, len(self._rows[part])))
            self.database.record_each(made)
        return None if self._unkept else self.database.store.put_json("stats", {"parts": self._listed()})

    def _summarise(self, part: int) -> tuple[int, Any, ArtifactId | None, float]:
        """Return the part, its stats, where they are kept if they can be, and the seconds it took."""
        began = time.perf_counter()
        stats = self.count(part, self.votes.of_part(part, self._rows[part]))
        arrays = arrays_of_stats(stats)
        key = None if arrays is None else self.database.put_arrays("stats", arrays)
        return part, stats, key, time.perf_counter() - began

    def count(self, part: int, votes: Any) -> Any:
        """Return the stats of votes on a part."""
        del part
        return self.model.summarize(votes)

    def fit(self, stats: ArtifactId | None, votes: ArtifactId, data: ArtifactId) -> tuple[Any, ArtifactId, bool]:
        """Solve the label model, or take the one that these stats gave before.

        Returns
        -------
        (BaseLabelModel or MultiTask, ArtifactId, bool)
            The fitted model, where it is kept, and whether it was solved now.
        """
        key = self.solved(stats, votes, data)
        if key is not None:
            model = from_dict(self.database.store.get_json(key))
            if model.outcome_.kind == "fell_back":
                warnings.warn(FallbackWarning(model.outcome_.sentence), stacklevel=4)
            return model, key, False
        began = time.perf_counter()
        self.solve(self.merged())
        key = self.database.store.put_json("label_model", to_dict(self.model))
        made = [(self._recipe(stats, votes, data), key)]
        self.database.record(made, seconds=time.perf_counter() - began, rows=1)
        return self.model, key, True

    def solve(self, stats: Any) -> None:
        """Fit the label model to stats."""
        self.model.fit_stats(stats)

    def solved(self, stats: ArtifactId | None, votes: ArtifactId, data: ArtifactId) -> ArtifactId | None:
        """Return the label model that these stats gave before, or ``None``."""
        return self.database.found(self._recipe(stats, votes, data))

    def _recipe(self, stats: ArtifactId | None, votes: ArtifactId, data: ArtifactId) -> Recipe:
        # Stats that cannot be kept are of these votes, and nothing else.
        inputs = {"votes": votes, "data": data} if stats is None else {"stats": stats}
        return Recipe("label_model", inputs, {**self.spec, "versions": library_versions()})

    def merged(self) -> Any:
        """Return the stats of all training votes: those of the parts, added up in the order of the data."""
        store = self.database.store
        return reduce(add, (self._stats[p] if p in self._stats else _read(store, self._keys[p]) for p in self._rows))

    def _listed(self) -> list[str]:
        return [str(self._keys[part]) for part in self._rows]

    def _stats_recipe(self, part: int) -> Recipe:
        data, kept = self.votes.data, self.votes.data.parts[part]
        inputs = {"rows": kept.hashes, "splits": kept.splits}
        if data.group_of(part) is not None or data.id_of(part) is not None:
            inputs["data"] = kept.data
        parameters = {
            **self.spec,
            **self.votes.states,
            **self.votes.scope(part),
            "id": data.id_of(part),
            "group": data.group_of(part),
            "versions": library_versions(),
        }
        of_data = {name: ArtifactId.parse(key) for name, key in inputs.items()}
        return Recipe("stats", {**self.votes.inputs(part), **of_data}, parameters)


def merged_stats(store: Store, key: ArtifactId) -> Any:
    """Return the stats of all training votes of a run, from the record that it kept."""
    record = msgspec.convert(store.get_json(key), StatsRecord)
    return reduce(add, (_read(store, ArtifactId.parse(part)) for part in record.parts))


def _read(store: Store, key: ArtifactId) -> Any:
    return stats_of_arrays(store.get_arrays(key))


def _spec(model: Any) -> dict[str, Any]:
    """Return what a label model is before it is fitted, as JSON."""
    options = {name: _json(value) for name, value in model.get_params().items()}
    return {"method": type(model).__name__, "module": type(model).__module__, "options": options}


def _json(value: Any) -> Any:
    return value if value is None or isinstance(value, (bool, int, float, str)) else msgspec.to_builtins(value)


class Labelling:
    """Soft labels part by part, only where they are not kept.

    Parameters
    ----------
    database : Database
    votes : KeptVotes
    model : ArtifactId
        The fitted label model.
    workers : int, optional
        Most threads to use; default as many as there are cores.
    """

    def __init__(self, database: Database, votes: KeptVotes, model: ArtifactId, *, workers: int | None = None) -> None:
        self.database = database
        self.votes = votes
        self.workers = workers
        versions = library_versions()
        self._recipes = [
            Recipe("soft_labels", {"label_model": model, "votes": ArtifactId.parse(part)}, {"versions": versions})
            for part in votes.record.parts
        ]
        found = database.find(self._recipes)
        self._keys = {i: found[r.digest] for i, r in enumerate(self._recipes) if r.digest in found}
        self.labelled = 0

    @property
    def missing(self) -> list[int]:
        """Parts that have to be labelled."""
        return [part for part in range(len(self._recipes)) if part not in self._keys]

    def run(self, model: Model, old: Sequence[ArtifactId | None], tolerance: float) -> LabelsRecord:
        """Label the missing parts.

        Parameters
        ----------
        model : BaseLabelModel
            The fitted label model.
        old : sequence of (ArtifactId or None)
            The labels that each part had in an earlier run, for the same votes.
        tolerance : float
            These are kept where no probability moves by more than this.
        """

        def label(part: int) -> tuple[int, ArtifactId, float]:
            began = time.perf_counter()
            key = self._label(model, part, old[part] if tolerance > 0 else None, tolerance)
            return part, key, time.perf_counter() - began

        for some in side_by_side(label, self.missing, workers=self.workers):
            made = []
            for part, key, seconds in some:
                self._keys[part] = key
                # What the tolerance kept is not recorded as what the recipe makes: that would outlive the tolerance.
                if tolerance == 0 or key != old[part]:
                    rows = self.votes.data.parts[part].rows
                    self.labelled += rows
                    made.append((self._recipes[part], key, seconds, rows))
            self.database.record_each(made)
        keys = [str(self._keys[part]) for part in range(len(self._recipes))]
        return LabelsRecord(self.votes.record.classes, keys)

    def _label(self, model: Model, part: int, before: ArtifactId | None, tolerance: float) -> ArtifactId:
        """Label a part; return where its labels are kept, or ``before`` where no label moved by more."""
        soft, store = model.soft_labels(self.votes.of_part(part)), self.database.store
        arrays = {"probs": soft.probs, "covered": soft.covered}
        # Compared with what is exact now, so that small steps never add up to more than the tolerance.
        if before is not None and _moved(arrays, store.get_arrays(before)) <= tolerance:
            return before
        return store.put_arrays("soft_labels", arrays)


def _moved(new: dict[str, npt.NDArray[Any]], old: dict[str, npt.NDArray[Any]]) -> float:
    """Return the largest difference of two probabilities; infinite where other examples have votes."""
    if new["probs"].shape != old["probs"].shape or not np.array_equal(new["covered"], old["covered"]):
        return float("inf")
    return float(np.abs(new["probs"] - old["probs"]).max(initial=0.0))


class KeptLabels:
    """Reads soft labels from the parts that a run kept."""

    def __init__(self, store: Store, record: LabelsRecord, data: KeptData) -> None:
        self.store = store
        self.record = record
        self.data = data
        self._place = {part: i for i, part in enumerate(data.numbers)}

    def part(self, part: int) -> dict[str, npt.NDArray[Any]]:
        """Return ``probs`` (rows, k) and ``covered`` (rows,) of a part."""
        return self.store.get_arrays(ArtifactId.parse(self.record.parts[self._place[part]]))

    def column(self, split: str, name: str, over: KeptData | None = None) -> npt.NDArray[Any]:
        """Return one array of a split's examples, such as ``"probs"``, shape (n, ...); ``over`` some of its data."""
        return (over or self.data).take(split, lambda part: self.part(part)[name])

    def of(self, split: str, over: KeptData | None = None) -> SoftLabels:
        """Return the soft labels of a split; ``over`` some of its data."""
        return SoftLabels(
            self.column(split, "probs", over),
            self.column(split, "covered", over),
            classes=self.record.classes,
            example_ids=(over or self.data).ids(split),
        )
