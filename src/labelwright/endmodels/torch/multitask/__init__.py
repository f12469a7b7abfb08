"""End models for many tasks at once: a shared trunk, a head for each task, composed along the hierarchy.

Needs the extra ``torch``.
"""

from labelwright.endmodels.composing import compose, decode

from .classifier import MultiTaskClassifier
from .data import MultiTaskDataset
from .loss import multitask_cross_entropy, multitask_marginal_cross_entropy
from .network import MultiTaskNetwork
from .predicting import predict_task_probs
from .schedulers import Mixed, Proportional, RoundRobin, Temperature, Turns
from .targets import TaskTargets, task_targets
from .training import train_multitask
from .weighting import GradNorm, UncertaintyWeights

__all__ = [
    "GradNorm",
    "Mixed",
    "MultiTaskClassifier",
    "MultiTaskDataset",
    "MultiTaskNetwork",
    "Proportional",
    "RoundRobin",
    "TaskTargets",
    "Temperature",
    "Turns",
    "UncertaintyWeights",
    "compose",
    "decode",
    "multitask_cross_entropy",
    "multitask_marginal_cross_entropy",
    "predict_task_probs",
    "task_targets",
    "train_multitask",
]
