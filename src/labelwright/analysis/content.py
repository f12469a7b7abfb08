"""What a report says, as plain results: the pipeline gathers these, `render_report` lays them out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from labelwright.core import Class

from .agreement import Agreement
from .augmentation_view import AugmentationView
from .base import Estimate
from .histograms import Calibration, Histogram
from .scores import Metric, Scores
from .slices import SplitSlices
from .summary import Summary

__all__ = [
    "Artifact",
    "Dependency",
    "Difference",
    "ExampleBucket",
    "ModelResult",
    "Note",
    "ReportContent",
    "ShownExample",
    "Split",
]

Role: TypeAlias = Literal["majority vote", "label model", "end model", "plain end model", "supervised"]


@dataclass(frozen=True, slots=True)
class Split:
    """One split of the data: its name, its size, how many examples have gold, and what it is for."""

    name: str
    n: int
    n_gold: int = 0
    purpose: str = ""


@dataclass(frozen=True, slots=True)
class ModelResult:
    """Scores of one model on the test split.

    Parameters
    ----------
    name : str
        As shown: "Majority vote", "LabelModel", "End model (logistic regression)".
    role : {"majority vote", "label model", "end model", "plain end model", "supervised"}
        What it is (a plain end model saw no augmented examples); gives colour and shape. The headline names the end
        model, or else the label model.
    scores : Scores
    note : str
        One sentence: trained on what, say.
    """

    name: str
    role: Role
    scores: Scores
    note: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """A paired difference ``first - second`` in one metric; ``first`` and ``second`` are names of models."""

    first: str
    second: str
    metric: Metric
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class Dependency:
    """Two sources that agree beyond what the model expects, and what the model did about it."""

    first: str
    second: str
    strength: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class ShownExample:
    """One example in the report.

    Parameters
    ----------
    example_id : object
    text : str
        What the example says: a field, or several joined. Cut by the report where it is long.
    votes : sequence of (source, class)
        Votes cast, in the order of the sources.
    probs : sequence of float, shape (k,)
        Its soft label.
    gold : str, int or None
    """

    example_id: Any
    text: str
    votes: Sequence[tuple[str, Class]] = ()
    probs: Sequence[float] = ()
    gold: Class | None = None


@dataclass(frozen=True, slots=True)
class ExampleBucket:
    """Examples that share a fate ("confidently wrong", "no vote"); ``n`` counts all, ``examples`` shows some."""

    title: str
    description: str
    n: int
    examples: Sequence[ShownExample] = ()


@dataclass(frozen=True, slots=True)
class Note:
    """Something the reader must know. A warning stands at the top of the report."""

    text: str
    level: Literal["info", "warning"] = "info"


@dataclass(frozen=True, slots=True)
class Artifact:
    """One line of the lineage: what was made, its content address or version, and what it was made from."""

    name: str
    address: str
    made_from: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReportContent:
    """Everything a report shows. Only ``project`` and ``summary`` are needed; a section without content is left out.

    Parameters
    ----------
    project : str
        Name of the project.
    summary : Summary
        Of the sources' votes, from `lf_summary` (with gold or without).
    summary_split : str
        Name of the split those votes are on.
    when : str
        When the run ended, as shown ("2026-11-22 21:40 UTC").
    run_id : str
        Name of the run.
    description : str
        One sentence on the task.
    splits : sequence of Split
        In the order of the pipeline: train, dev, test.
    models : sequence of ModelResult
        In the order to show: majority vote, label model, end model, supervised. Empty without gold.
    score_split : str
        Name of the split the models are scored on.
    headline_metric : str
        Metric in the headline and the chart; default accuracy.
    differences : sequence of Difference
        Paired differences, most important first.
    agreement : Agreement, optional
        From `pairwise_agreement`, on the same votes as the summary.
    soft_labels : Histogram, optional
        From `histogram`, of the soft labels the end model is trained on.
    soft_split : str
        Name of the split those soft labels are of.
    calibration : sequence of Calibration
        From `calibration`, one per model that gives probabilities.
    slices : sequence of SplitSlices
        How models do on slices, split by split; those with gold are drawn and scored.
    examples : sequence of ExampleBucket
        From `pick_examples`, or your own.
    examples_split : str
        Name of the split those examples are of.
    dependencies : sequence of Dependency
    augmentation : AugmentationView, optional
        What the augmentation policy does to the training data.
    notes : sequence of Note
    lineage : sequence of Artifact
    next_steps : sequence of (command, what it does)
    """

    project: str
    summary: Summary
    summary_split: str = "train"
    when: str = ""
    run_id: str = ""
    description: str = ""
    splits: Sequence[Split] = ()
    models: Sequence[ModelResult] = ()
    score_split: str = "test"
    headline_metric: Metric = "accuracy"
    differences: Sequence[Difference] = ()
    agreement: Agreement | None = None
    soft_labels: Histogram | None = None
    soft_split: str = "train"
    calibration: Sequence[Calibration] = ()
    slices: Sequence[SplitSlices] = ()
    examples: Sequence[ExampleBucket] = ()
    examples_split: str = ""
    dependencies: Sequence[Dependency] = ()
    augmentation: AugmentationView | None = None
    notes: Sequence[Note] = ()
    lineage: Sequence[Artifact] = ()
    next_steps: Sequence[tuple[str, str]] = field(default=())
