"""Scores of two runs on the same gold rows, with paired intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.analysis import Estimate, paired_difference
from labelwright.analysis.comparison import MetricMove
from labelwright.analysis.scores import Metric
from labelwright.core import SoftLabels, hash_ids
from labelwright.core.errors import LabelwrightError
from labelwright.pipeline.examples import field_values
from labelwright.pipeline.kept.both_labels import LabelsBySplit
from labelwright.pipeline.kept.keep import KeptRun

from .aligning import align

__all__ = ["paired_metrics"]

# Rows of one split that are scored in pairs: the ends of an interval move by less than a tenth of a point beyond this.
_MOST_ROWS = 20_000
_SALT = 0xD1FF
_METRICS: tuple[Metric, ...] = ("accuracy", "macro_f1")


@dataclass(frozen=True, slots=True, eq=False)
class _GoldRows:
    """The rows of a split that both runs have with the same gold: positions in each, gold and groups."""

    before: npt.NDArray[np.int64]
    after: npt.NDArray[np.int64]
    gold: npt.NDArray[np.int64]
    groups: npt.NDArray[Any] | None
    sampled: bool


def paired_metrics(
    before: KeptRun, after: KeptRun, labels: tuple[LabelsBySplit, LabelsBySplit]
) -> tuple[list[MetricMove], list[str]]:
    """Score the label model and the end model of both runs on the gold rows that both have, test first.

    Gold of train is not looked at. Beyond 20,000 rows a sample by the hash of ids is scored, and the notes say so.

    Returns
    -------
    list of MetricMove
    list of str
        What a reader must know: what could not be paired, and why.
    """
    moves: list[MetricMove] = []
    notes: list[str] = []
    for run in (before, after):
        if "data" not in run.row.artifacts:
            old = f"run {run.row.number} is older than runs keep their examples"
            return [], [f"scores were not paired: {old}."]
    for split in ("test", "valid"):
        if split not in before.splits or split not in after.splits:
            continue
        soft = labels[0][split], labels[1][split]
        if soft[0].classes != soft[1].classes:
            notes.append(f"{split}: the classes differ, so scores cannot be paired.")
            continue
        rows = _gold_rows(before, after, split, soft)
        if rows is None:
            continue
        if rows.sampled:
            notes.append(f"{split}: scores are of {_MOST_ROWS:,} of the gold rows, drawn by the hash of their ids.")
        moves += _scored(split, "label model", soft[0].take(rows.before), soft[1].take(rows.after), rows, before, after)
        try:
            ends = [
                _end_model(run, split, where, found.example_ids[where])
                for run, where, found in ((before, rows.before, soft[0]), (after, rows.after, soft[1]))
            ]
        except LabelwrightError as error:
            notes.append(f"{split}: the end models could not be scored again: {error}")
            continue
        if ends[0] is not None and ends[1] is not None:
            moves += _scored(split, "end model", ends[0], ends[1], rows, before, after)
    return moves, notes


def _gold_rows(before: KeptRun, after: KeptRun, split: str, soft: tuple[SoftLabels, SoftLabels]) -> _GoldRows | None:
    old, new = before.gold(split), after.gold(split)
    if old is None or new is None:
        return None
    one, two = align(soft[0].example_ids, soft[1].example_ids)
    known = (old[one] >= 0) & (old[one] == new[two])
    one, two = one[known], two[known]
    if not len(one):
        return None
    sampled = len(one) > _MOST_ROWS
    if sampled:
        chosen = np.sort(np.argsort(hash_ids(soft[1].example_ids[two], salt=_SALT), kind="stable")[:_MOST_ROWS])
        one, two = one[chosen], two[chosen]
    groups = after.groups(split)
    return _GoldRows(one, two, new[two], None if groups is None else groups[two], sampled)


def _end_model(run: KeptRun, split: str, rows: npt.NDArray[np.int64], ids: npt.NDArray[Any]) -> SoftLabels | None:
    if "end_model" not in run.row.artifacts:
        return None
    model = run.end_model()
    frame = run.frame(split, model.fields)[rows]
    return model.soft_labels(field_values(frame, model.fields), example_ids=ids)


def _scored(
    split: str,
    role: str,
    first: SoftLabels,
    second: SoftLabels,
    rows: _GoldRows,
    before: KeptRun,
    after: KeptRun,
) -> list[MetricMove]:
    known = [run.metrics().get(split, {}).get("models", {}).get(role, {}) for run in (before, after)]
    # The same ids on both sides: ties are settled by a hash of the id.
    return [
        MetricMove(
            split,
            role,
            metric,
            _estimate(known[0].get(metric)),
            _estimate(known[1].get(metric)),
            paired_difference(second, first, rows.gold, metric=metric, groups=rows.groups),
        )
        for metric in _METRICS
    ]


def _estimate(saved: dict[str, Any] | None) -> Estimate:
    values = saved or {"value": None, "low": None, "high": None, "n": 0}
    value, low, high = (math.nan if values[key] is None else values[key] for key in ("value", "low", "high"))
    return Estimate(value, low, high, values["n"])
