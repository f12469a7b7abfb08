"""Records, preprocessors, and versions of user code."""

from .nlp import SpacyPreprocessor
from .one_pass import Run
from .preprocessors import Preprocessor, apply_preprocessors, preprocessor
from .records import Record, record_type, rows
from .shared_primitives import shared_primitives
from .versions import Explanation, explain, version_of

__all__ = [
    "Explanation",
    "Preprocessor",
    "Record",
    "Run",
    "SpacyPreprocessor",
    "apply_preprocessors",
    "explain",
    "preprocessor",
    "record_type",
    "rows",
    "shared_primitives",
    "version_of",
]
