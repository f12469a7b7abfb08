"""Models that learn from soft labels: a noise-aware loss for scikit-learn and for torch, recipes, calibration, files.

Names load on first use (PEP 562), so that who only looks at a run does not wait for scikit-learn;
``labelwright.endmodels.torch`` needs the extra ``torch``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labelwright.lazy_names import load_on_use

if TYPE_CHECKING:
    from . import end_model as end_model
    from . import persistence as persistence
    from . import torch as torch
    from .base import Classifier, Targets, Uncovered, targets
    from .calibration import (
        Calibration,
        Threshold,
        apply_temperature,
        best_threshold,
        calibration_error,
        fit_temperature,
    )
    from .end_model import EndModel, fit_end_model, recipe, recipes, tabular_classifier, text_classifier
    from .logistic import SoftLogisticRegression
    from .many_tasks import TaskAnswers, TaskEndModels, can_be_learned, fit_task_end_models
    from .noise_aware import NoiseAwareClassifier
    from .persistence import load, save
    from .text_features import TextFeatures

__all__ = [
    "Calibration",
    "Classifier",
    "EndModel",
    "NoiseAwareClassifier",
    "SoftLogisticRegression",
    "Targets",
    "TaskAnswers",
    "TaskEndModels",
    "TextFeatures",
    "Threshold",
    "Uncovered",
    "apply_temperature",
    "best_threshold",
    "calibration_error",
    "can_be_learned",
    "fit_end_model",
    "fit_task_end_models",
    "fit_temperature",
    "load",
    "recipe",
    "recipes",
    "save",
    "tabular_classifier",
    "targets",
    "text_classifier",
]

# Name -> the module it lives in; modules stand for themselves.
_HOMES = {
    "Calibration": "calibration",
    "Classifier": "base",
    "EndModel": "end_model",
    "NoiseAwareClassifier": "noise_aware",
    "SoftLogisticRegression": "logistic",
    "Targets": "base",
    "TaskAnswers": "many_tasks",
    "TaskEndModels": "many_tasks",
    "TextFeatures": "text_features",
    "Threshold": "calibration",
    "Uncovered": "base",
    "apply_temperature": "calibration",
    "best_threshold": "calibration",
    "calibration_error": "calibration",
    "can_be_learned": "many_tasks",
    "fit_end_model": "end_model",
    "fit_task_end_models": "many_tasks",
    "fit_temperature": "calibration",
    "load": "persistence",
    "recipe": "end_model",
    "recipes": "end_model",
    "save": "persistence",
    "tabular_classifier": "end_model",
    "targets": "base",
    "text_classifier": "end_model",
}
_MODULES = ("end_model", "persistence", "torch")

# scikit-learn takes a second to import, torch several, and is an extra: only who trains shall wait for them.
__getattr__ = load_on_use(__name__, _HOMES, _MODULES)
