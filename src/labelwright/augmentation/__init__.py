"""Learned augmentation: transformation functions, and policies that tune and compose them."""

from __future__ import annotations

from labelwright.lazy_names import load_on_use

from .applying import Augmented, apply_sequences
from .base import Magnitude, TransformationFunction
from .checks import Finding, check_functions, refuse_findings
from .policies import ApplyAll, ApplyEach, ApplyOne, MeanField, RandAugment, Random, TrivialAugment
from .policy import Policy
from .python import transformation_function
from .sequences import Sequences

__all__ = [
    "ApplyAll",
    "ApplyEach",
    "ApplyOne",
    "Augmented",
    "Finding",
    "LearnedPolicy",
    "Magnitude",
    "MeanField",
    "Policy",
    "RandAugment",
    "Random",
    "Sequences",
    "TransformationFunction",
    "TrivialAugment",
    "apply_sequences",
    "check_functions",
    "refuse_findings",
    "transformation_function",
]


_ROOMS = ("adapters", "consistency", "images", "learned", "safety", "series", "tables", "text")

# Images and learned policies need torch.
__getattr__ = load_on_use(__name__, {"LearnedPolicy": "learned"}, _ROOMS)


def __dir__() -> list[str]:
    return sorted([*__all__, *_ROOMS])
