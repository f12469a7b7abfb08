"""Gathering what a report shows: ``analysis`` lays it out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import labelwright
from labelwright.analysis import (
    Artifact,
    ExampleBucket,
    Note,
    ReportContent,
    Summary,
    histogram,
    lf_summary,
    pairwise_agreement,
    pick_examples,
)
from labelwright.analysis import Split as ReportSplit
from labelwright.analysis.augmentation_view import AugmentationView
from labelwright.analysis.slices import SplitSlices
from labelwright.labelmodels import BaseLabelModel
from labelwright.pipeline.examples import SHOWN_FIELDS, example_texts
from labelwright.pipeline.settings import Settings
from labelwright.store import ArtifactId

from .scoring import LabelledSplit, Scoreboard

__all__ = ["PURPOSE", "gather_report", "summarise", "timestamp"]

PURPOSE = {
    "train": "models are fitted on its votes; its gold is not looked at",
    "valid": "for choosing between functions; nothing is fitted on it",
    "test": "for the final scores; nothing is fitted on it",
}


def timestamp() -> str:
    """Return the present minute, as a report shows it."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")


def summarise(parts: Sequence[LabelledSplit], model: BaseLabelModel[Any, Any], versions: Mapping[str, str]) -> Summary:
    """Return what each function did on the split where that can be judged best: see `_judged`."""
    part = _judged(parts)
    gold = None if part.split.name == "train" else part.split.gold
    learned = dict(zip(model.params_.sources, model.accuracies_.tolist(), strict=True))
    return lf_summary(part.votes, gold, accuracies=learned, versions=versions)


def gather_report(
    project: str,
    run_id: str,
    settings: Settings,
    parts: Sequence[LabelledSplit],
    summary: Summary,
    model: BaseLabelModel[Any, Any],
    scores: Sequence[Scoreboard],
    warned: Sequence[str],
    made: Mapping[str, ArtifactId],
    augmentation: AugmentationView | None = None,
    slices: Sequence[SplitSlices] = (),
) -> ReportContent:
    """Gather the report of a run."""
    judged, train = _judged(parts), next(p for p in parts if p.split.name == "train")
    shown = _shown(parts)
    board = scores[0] if scores else None
    return ReportContent(
        project=project,
        summary=summary,
        summary_split=judged.split.name,
        when=timestamp(),
        run_id=run_id,
        description=_description(settings, train),
        splits=[_split(p, settings) for p in parts],
        models=board.models if board else (),
        score_split=board.split if board else "",
        differences=board.differences if board else (),
        agreement=pairwise_agreement(judged.votes),
        soft_labels=histogram(train.predictions["label model"]),
        calibration=board.calibration if board else (),
        slices=slices,
        examples=_examples(settings, shown),
        examples_split=shown.split.name,
        augmentation=augmentation,
        notes=_notes(model, board, warned),
        lineage=_lineage(made),
        next_steps=[
            ("labelwright lf test", "try the functions, and see what they fire on"),
            ("labelwright run", "run again after an edit"),
            ("labelwright export --to parquet", "write the labelled training set"),
        ],
    )


def _judged(parts: Sequence[LabelledSplit]) -> LabelledSplit:
    """Return the split that functions are judged on: valid or test, where it has gold; else train without its gold."""
    by_name = {p.split.name: p for p in parts}
    for name in ("valid", "test"):
        part = by_name.get(name)
        if part is not None and part.split.gold is not None and (part.split.gold >= 0).any():
            return part
    return by_name["train"]


def _description(settings: Settings, train: LabelledSplit) -> str:
    classes = " or ".join(str(c) for c in train.votes.classes)
    end = settings.end_model
    if end.kind == "none":
        return f"{classes}: {train.votes.m} labeling functions label the training set."
    rest = len(end.fields) - SHOWN_FIELDS
    fields = ", ".join(end.fields[:SHOWN_FIELDS]) + (f" and {rest} more" if rest > 0 else "")
    return f"{classes}: {train.votes.m} labeling functions teach a {end.kind} model that reads {fields}."


def _split(part: LabelledSplit, settings: Settings) -> ReportSplit:
    split = part.split
    purpose = PURPOSE[split.name]
    if split.name == "train" and settings.score.supervised:
        purpose = "models are fitted on its votes; its gold trains the ceiling alone"
    # Gold of train would be a figure that nobody needs, and that looks as if it were needed.
    n_gold = 0 if split.gold is None or split.name == "train" else int((split.gold >= 0).sum())
    return ReportSplit(split.name, split.n, n_gold, purpose)


def _shown(parts: Sequence[LabelledSplit]) -> LabelledSplit:
    """Return the split to show examples of: valid, or else train; reading test would bend functions to it."""
    by_name = {p.split.name: p for p in parts}
    return by_name.get("valid", by_name["train"])


def _examples(settings: Settings, part: LabelledSplit) -> list[ExampleBucket]:
    """Pick examples of valid with its gold, or of train without."""
    gold = part.split.gold if part.split.name == "valid" else None
    text = example_texts(settings, part.source, part.split)
    return pick_examples(part.votes, part.predictions["label model"], text, gold)


def _notes(model: BaseLabelModel[Any, Any], board: Scoreboard | None, warned: Sequence[str]) -> list[Note]:
    outcome = model.outcome_
    notes = [Note(f"Label model: {outcome}", "warning" if outcome.kind == "fell_back" else "info")]
    notes += [Note(text, "warning") for text in warned]
    if board is None:
        advice = "Name them as task.gold, and a test split in data.splits, to see scores."
        notes.append(Note(f"No gold labels outside train, so nothing was scored. {advice}"))
    return notes


def _lineage(made: Mapping[str, ArtifactId]) -> list[Artifact]:
    parents = {
        "votes": "functions, data",
        "slices": "slicing_functions, data",
        "stats": "votes of train",
        "label_model": "stats" if "stats" in made else "votes of train",
        "soft_labels": "label_model, votes",
        "unlabelled": "data",
        "labelled": "data",
        "safety": "transformations, unlabelled",
        "policy": ", ".join(["transformations", *(role for role in ("unlabelled", "labelled") if role in made)]),
        "augmentation": "policy, data",
        "consistency": "transformations, functions, votes",
        "end_model": f"soft_labels of train, {'augmentation, ' if 'augmentation' in made else ''}data",
        "end_model_plain": "soft_labels of train, data",
        "metrics": "every split but train",
        "slice_metrics": "slices, votes, soft_labels, end_model"
        if "end_model" in made
        else "slices, votes, soft_labels",
    }
    lines = [Artifact("labelwright", labelwright.__version__)]
    lines += [Artifact(role, key.digest, parents.get(role, "")) for role, key in made.items()]
    return lines
