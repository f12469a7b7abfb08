"""What labelling several tasks together found: plain values, frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labelwright.analysis.tasks.graph_text import graph_text
from labelwright.core import TaskGraph
from labelwright.core.task_labels import TaskLabels
from labelwright.labelmodels import Outcome
from labelwright.pipeline.refreshing.found_tasks import FoundTask

__all__ = ["LabelledTasks"]


@dataclass(frozen=True, slots=True, eq=False)
class LabelledTasks:
    """What `labelwright.pipeline.tasks.labelling.label_tasks` found.

    Parameters
    ----------
    project : str
    graph : TaskGraph
    splits : mapping of str to int
        Examples in each split.
    tasks : tuple of FoundTask
        In the order of the graph.
    contradicting : mapping of (str, str) to int
        For two tasks, on how many examples of train a vote on the one rules out a vote on the other; 0 left out.
    contradictions : int
        Examples of train on which any votes rule each other out.
    feasible : int
        Examples, of all splits, whose label vector was checked and keeps every relation.
    outcome : Outcome
        How learning ended.
    labels : mapping of str to TaskLabels
        The soft labels of each split.
    files : mapping of str to Path
        The file of each task, where labels were written.
    warnings : tuple of str
    """

    project: str
    graph: TaskGraph
    splits: Mapping[str, int]
    tasks: tuple[FoundTask, ...]
    contradicting: Mapping[tuple[str, str], int]
    contradictions: int
    feasible: int
    outcome: Outcome
    labels: Mapping[str, TaskLabels]
    files: Mapping[str, Path]
    warnings: tuple[str, ...]

    @property
    def tree(self) -> str:
        """Tasks and relations as text."""
        return graph_text(self.graph)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; the soft labels are not among them."""
        return {
            "project": self.project,
            "splits": dict(self.splits),
            "graph": self.tree.split("\n"),
            "tasks": {task.name: task.to_dict() for task in self.tasks},
            "contradictions": {
                "examples": self.contradictions,
                "pairs": [{"tasks": list(pair), "examples": n} for pair, n in self.contradicting.items()],
            },
            "labels_that_keep_every_relation": self.feasible,
            "label_model": {"kind": self.outcome.kind, "sentence": self.outcome.sentence},
            "files": {task: str(path) for task, path in self.files.items()},
            "warnings": list(self.warnings),
        }
