"""End models in torch: the noise-aware loss, a data set of soft labels, and a training loop that can be resumed.

Needs the extra ``torch``; nothing else in Labelwright imports it.
"""

from labelwright.core.errors import MissingExtraError

try:
    from .checkpoints import read_checkpoint, write_checkpoint
    from .data import SoftLabelDataset
    from .devices import pick_device, seeded
    from .images import ImageClassifier
    from .loss import marginal_cross_entropy, soft_cross_entropy
    from .networks import resnet, small_cnn
    from .progress import Progress
    from .regularisation import TransformationRegularisation
    from .schedules import WeightAverage, make_schedule
    from .training import EpochLoss, TrainingResult, predict_proba, train
except ModuleNotFoundError as error:
    if error.name not in ("torch", "safetensors"):
        raise
    raise MissingExtraError("labelwright.endmodels.torch", "torch") from error

__all__ = [
    "EpochLoss",
    "ImageClassifier",
    "Progress",
    "SoftLabelDataset",
    "TrainingResult",
    "TransformationRegularisation",
    "WeightAverage",
    "make_schedule",
    "marginal_cross_entropy",
    "pick_device",
    "predict_proba",
    "read_checkpoint",
    "resnet",
    "seeded",
    "small_cnn",
    "soft_cross_entropy",
    "train",
    "write_checkpoint",
]
