"""What the votes and the models amount to: summaries, scores with intervals, and the report.

It takes core types and gives frozen results; it reads no files and writes none.
"""

from .agreement import Agreement, pairwise_agreement
from .base import Estimate
from .buckets import label_buckets
from .content import (
    Artifact,
    Dependency,
    Difference,
    ExampleBucket,
    ModelResult,
    Note,
    ReportContent,
    ShownExample,
    Split,
)
from .examples import pick_examples
from .histograms import Calibration, Histogram, calibration, histogram
from .report import render_report
from .scores import Scores, paired_difference, score
from .summary import Funnel, Summary, lf_summary

__all__ = [
    "Agreement",
    "Artifact",
    "Calibration",
    "Dependency",
    "Difference",
    "Estimate",
    "ExampleBucket",
    "Funnel",
    "Histogram",
    "ModelResult",
    "Note",
    "ReportContent",
    "Scores",
    "ShownExample",
    "Split",
    "Summary",
    "calibration",
    "histogram",
    "label_buckets",
    "lf_summary",
    "paired_difference",
    "pairwise_agreement",
    "pick_examples",
    "render_report",
    "score",
]
