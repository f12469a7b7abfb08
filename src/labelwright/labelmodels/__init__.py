"""Label models: from a sum of votes to parameters, from parameters to soft labels."""

from .base import BaseLabelModel, Outcome, Params
from .counterfactuals import drop_one
from .data_programming import DataProgramming
from .dawid_skene import DawidSkene
from .dependency import Dependencies
from .diagnose import diagnose
from .enhanced_bcc import EnhancedBCC
from .fit_test import fit_test
from .fusion import Fusion
from .glad import GLAD
from .hierarchical_dawid_skene import HierarchicalDawidSkene
from .independent_bcc import IndependentBCC
from .label_model import LabelModel
from .learn_dependencies import learn_dependencies
from .mace import MACE
from .majority_vote import MajorityVote
from .matrix_completion import MatrixCompletion
from .saving import from_dict, to_dict
from .slimfast import SLiMFast
from .spectral import Spectral
from .triplets import Triplets
from .weighted_vote import WeightedVote

__all__ = [
    "GLAD",
    "MACE",
    "BaseLabelModel",
    "DataProgramming",
    "DawidSkene",
    "Dependencies",
    "EnhancedBCC",
    "Fusion",
    "HierarchicalDawidSkene",
    "IndependentBCC",
    "LabelModel",
    "MajorityVote",
    "MatrixCompletion",
    "Outcome",
    "Params",
    "SLiMFast",
    "Spectral",
    "Triplets",
    "WeightedVote",
    "diagnose",
    "drop_one",
    "fit_test",
    "from_dict",
    "learn_dependencies",
    "to_dict",
]
