"""Hand-made states of a project, to judge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from labelwright.core import SoftLabels, Votes
from labelwright.labelmodels import MajorityVote
from labelwright.pipeline.judging.state import LabelledState, StateSplit

CLASSES = ("ham", "spam")


def split(
    votes: Any,
    *,
    labels: Any = None,
    gold: Any = None,
    groups: Any = None,
    ids: Any = None,
    frame: Mapping[str, Any] | None = None,
    files: Any = None,
    parts: Any = None,
    sources: list[str] | None = None,
) -> StateSplit:
    """Make a split of votes; ``labels`` are class codes, by default the first vote of each row."""
    values = np.asarray(votes, dtype=np.int8)
    names = np.arange(len(values)) if ids is None else np.asarray(ids)
    cast = Votes(values, classes=CLASSES, sources=sources, example_ids=names)
    said = values.max(axis=1) if labels is None else np.asarray(labels)
    probs = np.where(said[:, None] < 0, 0.5, np.where(said[:, None] == [0, 1], 0.9, 0.1))
    soft = SoftLabels(probs, said >= 0, classes=CLASSES, example_ids=names)
    table = pl.DataFrame(dict(frame or {"text": [""] * len(values)}))
    return StateSplit(
        cast,
        soft,
        None if gold is None else np.asarray(gold),
        None if groups is None else np.asarray(groups),
        lambda columns: table if columns is None else table.select(columns),
        files=lambda: None if files is None else np.asarray(files),
        parts=lambda: None if parts is None else np.asarray(parts),
    )


def state(name: str = "now", *, versions: Mapping[str, str] | None = None, **splits: StateSplit) -> LabelledState:
    """Make a state of splits."""
    train = next(iter(splits.values())).votes
    known = dict.fromkeys(train.sources, "1") | dict(versions or {})
    return LabelledState(name, known, splits, lambda level: MajorityVote().fit(train).intervals(level))
