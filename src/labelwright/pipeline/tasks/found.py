"""What labelling several tasks together found: plain values, frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labelwright.analysis.tasks.contradictions import Contradictions
from labelwright.analysis.tasks.graph_text import graph_text
from labelwright.core import TaskGraph
from labelwright.core.task_labels import TaskLabels
from labelwright.labelmodels import Outcome
from labelwright.labelmodels.findings.diagnose_tasks import TaskFindings
from labelwright.labelmodels.multitask import TaskIntervals
from labelwright.pipeline.refreshing.found_tasks import FoundDataSet, FoundTask

__all__ = ["ComponentState", "LabelledTasks"]


@dataclass(frozen=True, slots=True)
class ComponentState:
    """Tasks that relations tie together, and what is stale of them since the last run.

    Parameters
    ----------
    tasks : tuple of str
    reasons : tuple of str
        Why their sums, model or labels had to be made again; nothing where the last run holds them as they are.
    """

    tasks: tuple[str, ...]
    reasons: tuple[str, ...] = ()

    @property
    def stale(self) -> bool:
        """Whether anything had to be made again."""
        return bool(self.reasons)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"tasks": list(self.tasks), "stale": self.stale, "reasons": list(self.reasons)}


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
    contradictions : Contradictions
        Where votes on train rule each other out, for every two tasks and every two functions, and whom the labels
        follow there.
    feasible : int
        Examples, of all splits, whose label vector was checked and keeps every relation.
    outcome : Outcome
        How learning ended.
    labels : mapping of str to TaskLabels
        The soft labels of each split.
    files : mapping of str to Path
        The file of each task, where labels were written.
    warnings : tuple of str
    compared_with : str
        The last run, for people; empty where there is none.
    components : tuple of ComponentState
        What is stale since that run.
    data_sets : tuple of FoundDataSet
        How many examples each of several data sets has, and what they are about; empty where there is one.
    intervals : TaskIntervals, optional
        How sure what was learned is, where that was asked.
    findings : TaskFindings, optional
        What makes labels worse than they need to be, where that was asked.
    """

    project: str
    graph: TaskGraph
    splits: Mapping[str, int]
    tasks: tuple[FoundTask, ...]
    contradictions: Contradictions
    feasible: int
    outcome: Outcome
    labels: Mapping[str, TaskLabels]
    files: Mapping[str, Path]
    warnings: tuple[str, ...]
    compared_with: str = ""
    components: tuple[ComponentState, ...] = ()
    data_sets: tuple[FoundDataSet, ...] = ()
    intervals: TaskIntervals | None = None
    findings: TaskFindings | None = None

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
            "contradictions": self.contradictions.to_dict(),
            "labels_that_keep_every_relation": self.feasible,
            "label_model": {"kind": self.outcome.kind, "sentence": self.outcome.sentence},
            "files": {task: str(path) for task, path in self.files.items()},
            "warnings": list(self.warnings),
            "compared_with": self.compared_with,
            "components": [one.to_dict() for one in self.components],
            **({} if self.intervals is None else {"intervals": self.intervals.to_dict()}),
            **({} if self.findings is None else {"findings": self.findings.to_dict()}),
            **({"data_sets": {one.name: one.to_dict() for one in self.data_sets}} if self.data_sets else {}),
        }
