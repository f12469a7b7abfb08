"""Models that learn from soft labels: a noise-aware loss for scikit-learn and for torch, recipes, calibration, files.

``labelwright.endmodels.torch`` needs the extra ``torch`` and is imported on its own.
"""

from .base import Classifier, Targets, Uncovered, targets
from .noise_aware import NoiseAwareClassifier
from .persistence import load, save
from .recipes import EndModel, fit_end_model, recipe, recipes, tabular_classifier, text_classifier

__all__ = [
    "Classifier",
    "EndModel",
    "NoiseAwareClassifier",
    "Targets",
    "Uncovered",
    "fit_end_model",
    "load",
    "recipe",
    "recipes",
    "save",
    "tabular_classifier",
    "targets",
    "text_classifier",
]
