"""Votes, soft labels, tasks, stats, errors and seeds: what every room speaks of; numpy and the standard library."""

from .claims import Claims, FusedValues
from .classes import Class, check_classes
from .files import atomic_folder, atomic_path, atomic_write
from .moments import MomentCounts
from .pattern_counts import PatternCounts
from .seeds import Seed, generator, hash_ids
from .soft_labels import SoftLabels, Ties, break_ties
from .sparse import SparseRows
from .stats import Stats
from .task_graph import TaskGraph
from .tasks import Task
from .vote_counts import VoteCounts, VoteFrame
from .votes import ABSTAIN, Failure, Votes, class_codes

__all__ = [
    "ABSTAIN",
    "Claims",
    "Class",
    "Failure",
    "FusedValues",
    "MomentCounts",
    "PatternCounts",
    "Seed",
    "SoftLabels",
    "SparseRows",
    "Stats",
    "Task",
    "TaskGraph",
    "Ties",
    "VoteCounts",
    "VoteFrame",
    "Votes",
    "atomic_folder",
    "atomic_path",
    "atomic_write",
    "break_ties",
    "check_classes",
    "class_codes",
    "generator",
    "hash_ids",
]
