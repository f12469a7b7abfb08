"""Slicing functions: which examples deserve a look of their own, and finding them."""

from labelwright.core.slices import Slices

from .apply import apply
from .base import SlicingFunction
from .expression import ExpressionSlice, expression_slice
from .python import PythonSlice, slicing_function

__all__ = [
    "ExpressionSlice",
    "PythonSlice",
    "Slices",
    "SlicingFunction",
    "apply",
    "expression_slice",
    "slicing_function",
]
