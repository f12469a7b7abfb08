"""The end model of a run, what it predicts, and how good everything is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from labelwright import endmodels
from labelwright.core import SoftLabels, check_classes
from labelwright.core.errors import ProjectError
from labelwright.labelmodels import BaseLabelModel, MajorityVote
from labelwright.pipeline.augmenting.copies import KeptCopies, with_copies
from labelwright.pipeline.examples import Split, field_values
from labelwright.pipeline.kept.kept_data import KeptData
from labelwright.pipeline.kept.kept_votes import KeptVotes
from labelwright.pipeline.kept.learning import KeptLabels
from labelwright.pipeline.settings import Settings

from .scoring import LabelledSplit, Scoreboard, score_split

__all__ = [
    "KeptExamples",
    "Predictor",
    "has_gold",
    "label_splits",
    "predict_splits",
    "predicted",
    "score_splits",
    "train_ceiling",
    "train_end_model",
]

# Says what an end model says of a split.
Predictor = Callable[[LabelledSplit], SoftLabels]


class KeptExamples:
    """The examples of splits as a run kept them (see `labelwright.pipeline.examples.Examples`)."""

    def __init__(self, data: KeptData, schema: pl.Schema) -> None:
        self.data = data
        self.schema = schema

    def frame(self, split: Split, columns: Sequence[str]) -> pl.DataFrame:
        """Return the split's rows with the given columns."""
        return self.data.frame(split.name, columns)


def label_splits(votes: KeptVotes, labels: KeptLabels, model: BaseLabelModel[Any, Any]) -> list[LabelledSplit]:
    """Return every split with its votes and soft labels; those that are scored get the majority vote's beside them."""
    data = votes.data
    out = []
    baseline = None
    for name in data.splits:
        examples = KeptExamples(data, data.schema_of(name))
        mine = votes.of(name)
        split = Split(name, data.take(name, data.part_positions), mine.example_ids, mine.groups, data.gold(name))
        predictions = {"label model": labels.of(name)}
        if baseline is None:
            # The baseline answers examples without votes with the same class balance, so it differs by what it makes of
            # votes; one example with a vote is all that it needs to be fitted.
            some = mine.take(np.flatnonzero(mine.covered)[:1])
            baseline = MajorityVote(class_balance=model.class_balance_).fit(some)
        if name != "train":
            predictions["majority vote"] = baseline.soft_labels(mine)
        out.append(LabelledSplit(examples, split, mine, predictions))
    return out


def train_end_model(
    settings: Settings, train: LabelledSplit, labels: SoftLabels | None = None, *, copies: KeptCopies | None = None
) -> endmodels.EndModel:
    """Train the end model's recipe on train.

    Parameters
    ----------
    settings : Settings
    train : LabelledSplit
    labels : SoftLabels, optional
        Default: those of the label model.
    copies : KeptCopies, optional
        Augmented copies, which have the labels of their originals. An example counts as one with all of its copies.
    """
    chosen = settings.end_model
    soft = train.predictions["label model"] if labels is None else labels
    frame = train.source.frame(train.split, chosen.fields)
    weight = None
    if copies is not None:
        taught = with_copies(frame, copies.all(), soft.covered, chosen.kind)
        frame, weight = taught.frame, taught.weights
        soft = SoftLabels(soft.probs[taught.rows], soft.covered[taught.rows], classes=soft.classes)
    columns = field_values(frame, chosen.fields)
    return endmodels.fit_end_model(
        chosen.kind, chosen.fields, columns, soft, sample_weight=weight, random_state=chosen.random_state
    )


def has_gold(parts: Sequence[LabelledSplit]) -> bool:
    """Say whether a split other than train has gold, so that anything can be scored."""
    return any(p.split.gold is not None and bool((p.split.gold >= 0).any()) for p in parts if p.split.name != "train")


def predict_splits(parts: Sequence[LabelledSplit], predictors: Mapping[str, Predictor | None]) -> list[LabelledSplit]:
    """Add what models predict of the splits that are scored, by role; what is ``None`` is passed over."""
    out = list(parts)
    for role, says in predictors.items():
        out = [part if says is None else _predict(part, says, role) for part in out]
    return out


def train_ceiling(settings: Settings, train: LabelledSplit) -> endmodels.EndModel:
    """Train the end model's recipe on the gold of train, as the ceiling to compare with."""
    return train_end_model(settings, train, _gold_labels(settings, train))


def predicted(end: endmodels.EndModel, part: LabelledSplit) -> SoftLabels:
    """Return what an end model says of a split."""
    return end.soft_labels(_columns(part, end.fields), example_ids=part.split.example_ids)


def score_splits(parts: Sequence[LabelledSplit]) -> tuple[Scoreboard, ...]:
    """Score the splits with gold, test first; gold of train is not looked at."""
    order = {"test": 0, "valid": 1}
    scored = sorted((p for p in parts if p.split.name in order), key=lambda p: order[p.split.name])
    boards = [score_split(p.split, p.predictions) for p in scored]
    return tuple(board for board in boards if board is not None)


def _columns(part: LabelledSplit, fields: Sequence[str]) -> dict[str, Any]:
    return field_values(part.source.frame(part.split, fields), fields)


def _predict(part: LabelledSplit, end: Predictor, role: str) -> LabelledSplit:
    if part.split.name == "train" or part.split.gold is None:
        return part
    return LabelledSplit(part.source, part.split, part.votes, {**part.predictions, role: end(part)})


def _gold_labels(settings: Settings, train: LabelledSplit) -> SoftLabels:
    """Return the gold of train as labels, for comparison only: no other step sees it, and it is not kept."""
    gold = train.split.gold
    if gold is None or not (gold >= 0).any():
        raise ProjectError("score.supervised = true needs gold labels in train; there are none. Take the line out.")
    classes = check_classes(settings.task.classes)
    hard = [[float(code == c) if code >= 0 else 1 / len(classes) for c in range(len(classes))] for code in gold]
    return SoftLabels(hard, gold >= 0, classes=classes, example_ids=train.split.example_ids)
