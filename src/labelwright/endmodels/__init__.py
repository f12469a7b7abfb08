"""Models that learn from soft labels: a noise-aware loss for scikit-learn and for torch, recipes, calibration, files.

``labelwright.endmodels.torch`` needs the extra ``torch`` and is imported when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .base import Classifier, Targets, Uncovered, targets
from .calibration import (
    Calibration,
    Threshold,
    apply_temperature,
    best_threshold,
    calibration_error,
    fit_temperature,
)
from .logistic import SoftLogisticRegression
from .noise_aware import NoiseAwareClassifier
from .persistence import load, save
from .recipes import EndModel, fit_end_model, recipe, recipes, tabular_classifier, text_classifier
from .text_features import TextFeatures

if TYPE_CHECKING:
    from . import torch as torch

__all__ = [
    "Calibration",
    "Classifier",
    "EndModel",
    "NoiseAwareClassifier",
    "SoftLogisticRegression",
    "Targets",
    "TextFeatures",
    "Threshold",
    "Uncovered",
    "apply_temperature",
    "best_threshold",
    "calibration_error",
    "fit_end_model",
    "fit_temperature",
    "load",
    "recipe",
    "recipes",
    "save",
    "tabular_classifier",
    "targets",
    "text_classifier",
]


def __getattr__(name: str) -> Any:
    # torch takes seconds to import and is an extra: only who asks for it shall wait for it, or need it.
    if name == "torch":
        return importlib.import_module(".torch", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
