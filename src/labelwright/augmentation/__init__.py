"""Learned augmentation: transformation functions, and policies that tune and compose them."""

from __future__ import annotations

from .applying import Augmented, apply_sequences
from .base import Magnitude, TransformationFunction
from .policies import ApplyAll, ApplyEach, ApplyOne, MeanField, RandAugment, Random, TrivialAugment
from .policy import Policy
from .python import transformation_function
from .sequences import Sequences

__all__ = [
    "ApplyAll",
    "ApplyEach",
    "ApplyOne",
    "Augmented",
    "Magnitude",
    "MeanField",
    "Policy",
    "RandAugment",
    "Random",
    "Sequences",
    "TransformationFunction",
    "TrivialAugment",
    "apply_sequences",
    "transformation_function",
]
