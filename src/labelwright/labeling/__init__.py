"""Labeling functions, and applying them to data."""

from .apply import apply
from .base import LabelingFunction, VectorisedFunction
from .batch import BatchFunction, batch_lf
from .column import column_lf
from .declarative import DeclarativeFunction
from .expression import ExpressionFunction, expression_lf
from .keyword import KeywordFunction, keyword_lf
from .lookup import LookupFunction, lookup_lf
from .nlp import nlp_labeling_function
from .python import PythonFunction, labeling_function
from .regex import RegexFunction, regex_lf
from .threshold import ThresholdFunction, threshold_lf

__all__ = [
    "BatchFunction",
    "DeclarativeFunction",
    "ExpressionFunction",
    "KeywordFunction",
    "LabelingFunction",
    "LookupFunction",
    "PythonFunction",
    "RegexFunction",
    "ThresholdFunction",
    "VectorisedFunction",
    "apply",
    "batch_lf",
    "column_lf",
    "expression_lf",
    "keyword_lf",
    "labeling_function",
    "lookup_lf",
    "nlp_labeling_function",
    "regex_lf",
    "threshold_lf",
]
