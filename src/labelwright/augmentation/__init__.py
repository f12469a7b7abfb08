"""Learned augmentation: transformation functions, and policies that tune and compose them."""

from __future__ import annotations

import importlib
from typing import Any

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


def __getattr__(name: str) -> Any:
    # On first use: images and learned policies need torch.
    if name in _ROOMS:
        return importlib.import_module(f"{__name__}.{name}")
    if name == "LearnedPolicy":
        return importlib.import_module(f"{__name__}.learned").LearnedPolicy
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, *_ROOMS])
