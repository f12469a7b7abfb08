"""Labeling functions, and applying them to data."""

from .apply import apply
from .base import LabelingFunction, VectorisedFunction
from .batch import BatchFunction, batch_lf
from .nlp import nlp_labeling_function
from .python import PythonFunction, labeling_function

__all__ = [
    "BatchFunction",
    "LabelingFunction",
    "PythonFunction",
    "VectorisedFunction",
    "apply",
    "batch_lf",
    "labeling_function",
    "nlp_labeling_function",
]
