"""Label models: from a sum of votes to parameters, from parameters to soft labels."""

from .base import BaseLabelModel, Outcome, Params
from .completion.matrix_completion import MatrixCompletion
from .crowds.dawid_skene import DawidSkene
from .crowds.enhanced_bcc import EnhancedBCC
from .crowds.glad import GLAD
from .crowds.hierarchical_dawid_skene import HierarchicalDawidSkene
from .crowds.independent_bcc import IndependentBCC
from .crowds.mace import MACE
from .data_programming import DataProgramming
from .default.label_model import LabelModel
from .dependencies.learn_dependencies import learn_dependencies
from .findings.counterfactuals import drop_one
from .findings.diagnose import diagnose
from .findings.fit_test import fit_test
from .fusion.fusion import Fusion
from .fusion.slimfast import SLiMFast
from .majority_vote import MajorityVote
from .multitask.model import MultiTask
from .saving import from_dict, to_dict
from .spectral.spectral import Spectral
from .spectral.triplets import Triplets
from .weighted_vote import WeightedVote

__all__ = [
    "GLAD",
    "MACE",
    "BaseLabelModel",
    "DataProgramming",
    "DawidSkene",
    "EnhancedBCC",
    "Fusion",
    "HierarchicalDawidSkene",
    "IndependentBCC",
    "LabelModel",
    "MajorityVote",
    "MatrixCompletion",
    "MultiTask",
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
