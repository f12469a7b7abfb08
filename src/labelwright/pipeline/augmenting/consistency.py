"""Votes of the labeling functions before and after each transformation function, on a sample of train."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from labelwright.augmentation import ApplyEach, Sequences, TransformationFunction
from labelwright.augmentation.batches import take
from labelwright.augmentation.consistency import ConsistencyReport, vote_consistency
from labelwright.core import Votes, generator, hash_ids
from labelwright.data import read
from labelwright.engines import LocalEngine
from labelwright.labeling import LabelingFunction, apply
from labelwright.pipeline.kept.database import Database, library_versions
from labelwright.pipeline.kept.kept_data import KeptData
from labelwright.pipeline.settings import Settings
from labelwright.store import ArtifactId, Recipe

from .fields import as_examples, as_frame

__all__ = ["ChangedSample", "as_plain", "check_consistency", "sampled"]

# Examples that are augmented by each function, and voted on again.
_SAMPLE = 200


def sampled(ids: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Return the positions of the examples that are looked at, ascending: drawn by a hash of their ids."""
    return np.sort(np.argsort(hash_ids(ids), kind="stable")[:_SAMPLE])


def check_consistency(
    database: Database,
    settings: Settings,
    data: KeptData,
    functions: Sequence[LabelingFunction],
    transformations: Sequence[TransformationFunction],
    votes: Votes,
) -> ArtifactId:
    """Return what became of votes, as it was found before for the same functions and votes, or as it is now.

    Parameters
    ----------
    database : Database
    settings : Settings
    data : KeptData
    functions : sequence of LabelingFunction
    transformations : sequence of TransformationFunction
        Those that the policy uses.
    votes : Votes
        Of the functions on train.
    """
    rows = sampled(votes.example_ids)
    before, frame = votes.take(rows), data.rows("train", rows)
    recipe = _recipe(database, settings, functions, transformations, before, frame)
    key = database.found(recipe)
    if key is None:
        found = _compare(settings, functions, transformations, before, frame)
        key = database.store.put_json("consistency", found)
        database.record([(recipe, key)])
    return key


def _recipe(
    database: Database,
    settings: Settings,
    functions: Sequence[LabelingFunction],
    transformations: Sequence[TransformationFunction],
    before: Votes,
    frame: pl.DataFrame,
) -> Recipe:
    chosen = settings.augmentation
    assert not isinstance(chosen, msgspec.UnsetType)
    parameters = {
        "functions": [[f.name, f.version] for f in functions],
        "transformations": [[f.name, f.version] for f in transformations],
        "votes": before.values.tolist(),
        "kind": settings.end_model.kind,
        "random_state": chosen.random_state,
        "versions": library_versions(),
    }
    # What gold says moves no vote, and is not to look as if it did.
    inputs = frame.drop(settings.task.gold) if settings.task.gold in frame.columns else frame
    return Recipe("consistency", {"examples": database.store.put_table("sample", inputs.to_arrow())}, parameters)


def _compare(
    settings: Settings,
    functions: Sequence[LabelingFunction],
    transformations: Sequence[TransformationFunction],
    before: Votes,
    frame: pl.DataFrame,
) -> dict[str, Any]:
    changed = ChangedSample.of(settings, transformations, frame)
    if changed is None:
        return as_plain([])
    after = _votes(settings, functions, changed.frame, before)
    return as_plain([changed.compare(before, after)])


@dataclass(frozen=True, slots=True, eq=False)
class ChangedSample:
    """What each transformation function, alone, made of some examples.

    Parameters
    ----------
    frame : polars.DataFrame, s rows
        With all columns of the examples.
    sequences : Sequences
        What was done; s rows, origins among the examples.
    applied : ndarray of bool, shape (s, 1)
    transformations : sequence of TransformationFunction
    """

    frame: pl.DataFrame
    sequences: Sequences
    applied: npt.NDArray[np.bool_]
    transformations: Sequence[TransformationFunction]

    @classmethod
    def of(
        cls, settings: Settings, transformations: Sequence[TransformationFunction], frame: pl.DataFrame
    ) -> ChangedSample | None:
        """Apply the functions to the fields of the end model that there are; ``None`` where nothing changes."""
        chosen, end_model = settings.augmentation, settings.end_model
        assert not isinstance(chosen, msgspec.UnsetType)
        fields = frame.select([name for name in end_model.fields if name in frame.columns])
        examples = as_examples(fields, end_model.kind, transformations)
        made = ApplyEach(transformations).apply(examples, generator(chosen.random_state), on_error="skip")
        done = np.flatnonzero(made.applied.any(axis=1))
        if not len(done):
            return None
        changed = as_frame(take(made.examples, done), fields, end_model.kind)
        augmented = frame[made.origins[done]].with_columns(changed.get_columns())
        return cls(augmented, made.sequences.take(done), made.applied[done], transformations)

    def compare(self, before: Votes, after: Votes) -> ConsistencyReport:
        """Compare votes on the examples with those on what was made of them."""
        return vote_consistency(before, after, self.sequences, self.transformations, applied=self.applied)


def as_plain(reports: Sequence[ConsistencyReport], *, counted: int | None = None) -> dict[str, Any]:
    """Return reports together, as a run keeps them.

    Parameters
    ----------
    reports : sequence of ConsistencyReport
    counted : int, optional
        Augmented examples that they are about; default: those of all reports.
    """
    findings = sorted((f for one in reports for f in one.findings), key=lambda finding: finding.p_value)
    return {
        "rows": [_plain(asdict(row)) for one in reports for row in one.rows],
        "findings": [_plain(asdict(finding)) for finding in findings],
        "counted": sum(one.counted for one in reports) if counted is None else counted,
    }


def _votes(settings: Settings, functions: Sequence[LabelingFunction], frame: pl.DataFrame, before: Votes) -> Votes:
    """Return the votes on augmented examples, by the sources of ``before`` in their order."""
    ids = pl.Series("@row", np.arange(frame.height))
    known = {f.name: f for f in functions}
    engine = LocalEngine(workers=settings.apply.workers)
    try:
        return apply(
            [known[name] for name in before.sources],
            read(frame.with_columns(ids), id="@row"),
            engine=engine,
            on_error="abstain",
            classes=settings.task.classes,
            timeout=settings.apply.timeout,
        )
    finally:
        engine.close()


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values that JSON has: nothing for what was not measured."""
    return {
        key: _plain(value)
        if isinstance(value, Mapping)
        else None
        if isinstance(value, float) and math.isnan(value)
        else value
        for key, value in values.items()
    }
