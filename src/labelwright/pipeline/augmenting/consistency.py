"""Votes of the labeling functions before and after each transformation function, on a sample of train."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import msgspec
import numpy as np
import polars as pl

from labelwright.augmentation import ApplyEach, TransformationFunction
from labelwright.augmentation.batches import take
from labelwright.augmentation.consistency import vote_consistency
from labelwright.core import Votes, generator, hash_ids
from labelwright.data import read
from labelwright.engines import LocalEngine
from labelwright.labeling import LabelingFunction, apply
from labelwright.pipeline.kept.database import Database, library_versions
from labelwright.pipeline.kept.kept_data import KeptData
from labelwright.pipeline.settings import Settings
from labelwright.store import ArtifactId, Recipe

from .fields import as_examples, as_frame

__all__ = ["check_consistency"]

# Examples that are augmented by each function, and voted on again.
_SAMPLE = 200


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
    rows = np.sort(np.argsort(hash_ids(votes.example_ids), kind="stable")[:_SAMPLE])
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
    chosen, end_model = settings.augmentation, settings.end_model
    assert not isinstance(chosen, msgspec.UnsetType)
    fields = frame.select(end_model.fields)
    examples = as_examples(fields, end_model.kind, transformations)
    made = ApplyEach(transformations).apply(examples, generator(chosen.random_state), on_error="skip")
    done = np.flatnonzero(made.applied.any(axis=1))
    if not len(done):
        return {"rows": [], "findings": [], "counted": 0}
    changed = as_frame(take(made.examples, done), fields, end_model.kind)
    augmented = frame[made.origins[done]].with_columns(changed.get_columns())
    after = _votes(settings, functions, augmented, before)
    report = vote_consistency(before, after, made.sequences.take(done), transformations, applied=made.applied[done])
    return {
        "rows": [_plain(asdict(row)) for row in report.rows],
        "findings": [_plain(asdict(finding)) for finding in report.findings],
        "counted": report.counted,
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
