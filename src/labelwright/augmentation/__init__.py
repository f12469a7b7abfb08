"""Learned augmentation: transformation functions, and policies that tune and compose them."""

from __future__ import annotations

from .applying import Augmented, apply_sequences
from .base import Magnitude, TransformationFunction
from .policies import Random
from .policy import Policy
from .python import transformation_function
from .sequences import Sequences

__all__ = [
    "Augmented",
    "Magnitude",
    "Policy",
    "Random",
    "Sequences",
    "TransformationFunction",
    "apply_sequences",
    "transformation_function",
]
