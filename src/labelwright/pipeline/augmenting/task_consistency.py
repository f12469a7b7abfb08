"""Votes on several tasks before and after each transformation function, on a sample of each data set's train."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np
import polars as pl

from labelwright.augmentation import TransformationFunction
from labelwright.augmentation.consistency import ConsistencyReport
from labelwright.core import Votes
from labelwright.core.task_votes import TaskVotes
from labelwright.data import read
from labelwright.engines import LocalEngine
from labelwright.labeling import LabelingFunction, apply
from labelwright.pipeline.kept.database import Database, library_versions
from labelwright.pipeline.kept.kept_data import KeptData
from labelwright.pipeline.kept.kept_tasks import KeptTaskVotes
from labelwright.pipeline.settings import Settings
from labelwright.store import ArtifactId, Recipe

from .consistency import ChangedSample, as_plain, sampled

__all__ = ["check_task_consistency"]

# Columns beside those of the data.
_ROW, _GROUP = "@row", "@group"


def check_task_consistency(
    database: Database,
    settings: Settings,
    functions: Sequence[LabelingFunction],
    transformations: Sequence[TransformationFunction],
    votes: KeptTaskVotes,
) -> ArtifactId:
    """Return what became of votes on each task, as it was found before for the same functions, or as it is now.

    Functions vote on the originals of the sample too, so that codes mean the same on both sides. Findings are cut task
    by task.

    Parameters
    ----------
    database : Database
    settings : Settings
    functions : sequence of LabelingFunction
    transformations : sequence of TransformationFunction
        Those that the policy uses.
    votes : KeptTaskVotes
        Of the functions; they say who votes on which data set.
    """
    chosen = settings.augmentation
    assert not isinstance(chosen, msgspec.UnsetType)
    readable = votes.data.having(settings.end_model.fields)
    sets = [readable.of_data_set(name) for name in dict.fromkeys(map(readable.data_set_of, readable.numbers))]
    samples = [(data, _sample(data, settings)) for data in sets if "train" in data.splits]
    asked = [_asked(votes, data, functions) for data, _ in samples]
    store = database.store
    recipe = Recipe(
        "consistency",
        {f"examples {i}": store.put_table("sample", frame.to_arrow()) for i, (_, frame) in enumerate(samples)},
        {
            "functions": [[[f.name, f.version] for f in own] for own in asked],
            "transformations": [[f.name, f.version] for f in transformations],
            "states": {task: list(votes.graph.states(task)) for task in votes.graph.names},
            "relations": sorted(map(repr, votes.graph.relations)),
            "kind": settings.end_model.kind,
            "random_state": chosen.random_state,
            "versions": library_versions(),
        },
    )
    key = database.found(recipe)
    if key is None:
        reports, counted = list[ConsistencyReport](), 0
        for (data, frame), own in zip(samples, asked, strict=True):
            changed = ChangedSample.of(settings, _on(transformations, frame), frame) if own else None
            if changed is not None:
                name = data.data_set_of(data.numbers[0])
                reports += _compare(settings, changed, frame, own, votes, f" ({name})" if name else "")
                counted += changed.frame.height
        key = store.put_json("consistency", as_plain(reports, counted=counted))
        database.record([(recipe, key)])
    return key


def _sample(data: KeptData, settings: Settings) -> pl.DataFrame:
    """Return some of the examples, without gold: what it says moves no vote."""
    ids, groups = data.ids("train"), data.groups("train")
    rows = sampled(ids)
    frame = data.rows("train", rows).drop(settings.gold_columns.values(), strict=False)
    names = ids if groups is None else groups
    return frame.with_columns(pl.Series(_GROUP, names[rows].astype(np.str_)))


def _asked(votes: KeptTaskVotes, data: KeptData, functions: Sequence[LabelingFunction]) -> list[LabelingFunction]:
    """Return the functions that vote on a data set."""
    part = data.numbers[0]
    there = [one for one in votes.by_task.values() if part in one.data.numbers]
    names = {name for one in there for name in dict(one.part_record(part).votes)}
    return [f for f in functions if f.name in names]


def _on(transformations: Sequence[TransformationFunction], frame: pl.DataFrame) -> list[TransformationFunction]:
    """Return what can be done to the examples of a data set: other fields may be missing there."""
    return [f for f in transformations if f.field is None or f.field in frame.columns]


def _compare(
    settings: Settings,
    changed: ChangedSample,
    frame: pl.DataFrame,
    functions: Sequence[LabelingFunction],
    votes: KeptTaskVotes,
    where: str,
) -> Iterator[ConsistencyReport]:
    """Yield what became of the votes on each task."""
    both = pl.concat([frame, changed.frame], how="vertical_relaxed")
    both = both.with_columns(pl.Series(_ROW, np.arange(both.height)))
    engine = LocalEngine(workers=settings.apply.workers)
    try:
        found: TaskVotes = apply(
            functions,
            read(both, id=_ROW, group=_GROUP),
            tasks=votes.graph,
            engine=engine,
            on_error="abstain",
            timeout=settings.apply.timeout,
        )
    finally:
        engine.close()
    said = Counter(source for one in found.by_task.values() for source in one.sources)
    for task, one in found.by_task.items():
        called = [f"{source} on {task}{where}" if said[source] > 1 else f"{source}{where}" for source in one.sources]
        own = _renamed(one, called)
        yield changed.compare(own.take(np.arange(frame.height)), own.take(np.arange(frame.height, both.height)))


def _renamed(votes: Votes, names: Sequence[str]) -> Votes:
    new: dict[str, Any] = dict(zip(votes.sources, names, strict=True))
    return Votes(
        votes.values,
        classes=votes.classes,
        sources=names,
        alphabet={new[source]: sets for source, sets in votes.alphabet.items()},
        example_ids=votes.example_ids,
        groups=votes.groups,
    )
