"""How good the labels and the models are, where gold exists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from labelwright.analysis import Calibration, Difference, ModelResult, calibration, paired_difference, score
from labelwright.analysis.content import Role
from labelwright.core import SoftLabels, Votes
from labelwright.pipeline.examples import Examples, Split

__all__ = ["LabelledSplit", "Scoreboard", "score_split"]

# Role -> (name, what it learned from). The order is the order of the story.
_MODELS: dict[Role, tuple[str, str]] = {
    "majority vote": ("Majority vote", "share of the votes"),
    "label model": ("Label model", "fitted to the votes on train, no gold"),
    "end model": ("End model", "trained on the soft labels of train, no gold"),
    "plain end model": ("Plain end model", "the same, without augmented copies of its training examples"),
    "supervised": ("Fully supervised", "trained on the gold labels of train: the ceiling"),
}
_PAIRS: tuple[tuple[Role, Role], ...] = (
    ("end model", "majority vote"),
    ("label model", "majority vote"),
    ("end model", "label model"),
    ("end model", "plain end model"),
)
_CALIBRATED: tuple[Role, ...] = ("label model", "end model")


@dataclass(frozen=True, slots=True, eq=False)
class LabelledSplit:
    """A split with its votes, and what each model says of it, by role (``"label model"``, ``"end model"``, ...)."""

    source: Examples
    split: Split
    votes: Votes
    predictions: Mapping[str, SoftLabels]


@dataclass(frozen=True, slots=True)
class Scoreboard:
    """Scores of the models on one split, with the paired differences that matter."""

    split: str
    models: Sequence[ModelResult]
    differences: Sequence[Difference]
    calibration: Sequence[Calibration]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "models": {m.role: {"name": m.name, "note": m.note, **m.scores.to_dict()} for m in self.models},
            "differences": [
                {"first": d.first, "second": d.second, "metric": d.metric, **d.estimate.to_dict()}
                for d in self.differences
            ],
        }


def score_split(split: Split, predictions: Mapping[str, SoftLabels]) -> Scoreboard | None:
    """Score predictions (by role) on a split; ``None`` where it has no gold."""
    if split.gold is None or not (split.gold >= 0).any():
        return None
    gold = split.gold
    models = [
        ModelResult(name, role, score(predictions[role], gold, groups=split.groups), note)
        for role, (name, note) in _MODELS.items()
        if role in predictions
    ]
    differences = [
        Difference(
            _MODELS[first][0],
            _MODELS[second][0],
            "accuracy",
            paired_difference(predictions[first], predictions[second], gold, groups=split.groups),
        )
        for first, second in _PAIRS
        if first in predictions and second in predictions
    ]
    sure = [
        calibration(predictions[role], gold, model=_MODELS[role][0], groups=split.groups)
        for role in _CALIBRATED
        if role in predictions and (predictions[role].covered & np.asarray(gold >= 0)).any()
    ]
    return Scoreboard(split.name, models, differences, sure)
