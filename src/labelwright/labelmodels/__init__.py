"""Label models: from a sum of votes to parameters, from parameters to soft labels."""

from .base import BaseLabelModel, Outcome, Params
from .label_model import LabelModel, LabelModelParams
from .majority_vote import MajorityVote
from .saving import from_dict, to_dict

__all__ = [
    "BaseLabelModel",
    "LabelModel",
    "LabelModelParams",
    "MajorityVote",
    "Outcome",
    "Params",
    "from_dict",
    "to_dict",
]
