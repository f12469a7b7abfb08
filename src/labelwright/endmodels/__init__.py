"""Models that learn from soft labels: a noise-aware loss for scikit-learn and for torch, recipes, calibration, files.

``labelwright.endmodels.torch`` needs the extra ``torch`` and is imported on its own.
"""

from .base import Classifier, Targets, Uncovered, targets
from .calibration import (
    Calibration,
    Threshold,
    apply_temperature,
    best_threshold,
    calibration_error,
    fit_temperature,
)
from .noise_aware import NoiseAwareClassifier
from .persistence import load, save
from .recipes import EndModel, fit_end_model, recipe, recipes, tabular_classifier, text_classifier
from .text_features import TextFeatures

__all__ = [
    "Calibration",
    "Classifier",
    "EndModel",
    "NoiseAwareClassifier",
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
