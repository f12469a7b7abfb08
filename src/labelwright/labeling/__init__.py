"""Labeling functions, and applying them to data."""

from .base import LabelingFunction, VectorisedFunction

__all__ = ["LabelingFunction", "VectorisedFunction"]
