"""What a run of a project with several tasks makes: its result, and the line in the catalog at its end."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from labelwright.analysis.augmentation_view import AugmentationView
from labelwright.analysis.tasks.graph_text import graph_text
from labelwright.core.task_graph import TaskGraph
from labelwright.labelmodels import Outcome

from .diagnosing import diagnose_labelled
from .finished_run import FinishedRun, Tell, record_run
from .found_tasks import FoundDataSet, FoundTask, TaskScore
from .labelled_project import LabelledProject
from .run import run_id_of
from .task_slices import TaskSlices, slice_tasks
from .task_views import task_report, train_on_tasks, train_to_compare

__all__ = ["TaskRunResult", "finish_task_run"]

EndScores: TypeAlias = Mapping[str, Mapping[str, TaskScore]]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class TaskRunResult(FinishedRun):
    """What a run of a project with several tasks made: what every `FinishedRun` tells, and this.

    Parameters
    ----------
    graph : TaskGraph
    tasks : tuple of FoundTask
        In the order of the graph: functions, coverage of train, scores by split.
    end_models : mapping of str to mapping of str to TaskScore
        Scores of the end model of each task that has one, by split.
    plain_end_models : mapping of str to mapping of str to TaskScore
        Scores of the same without augmented copies; empty where nothing is augmented, or nothing can be scored.
    outcomes : mapping of str to Outcome
        How solving each component ended, by its first task.
    slices : mapping of str to tuple of SplitSlices
        How labels and end models do on each slice, by task, and split by split, test first; empty where the project has
        no slicing functions.
    data_sets : tuple of FoundDataSet
        How many examples each of several data sets has, and what they are about; empty where there is one.
    """

    graph: TaskGraph
    tasks: tuple[FoundTask, ...]
    end_models: EndScores
    outcomes: Mapping[str, Outcome]
    slices: TaskSlices = field(default_factory=dict)
    data_sets: tuple[FoundDataSet, ...] = ()
    plain_end_models: EndScores = field(default_factory=dict)

    @property
    def covered(self) -> dict[str, float]:
        """Share of train on which some vote says something about the classes of each task."""
        return {task.name: task.covered for task in self.tasks}

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        slices = {task: {one.split: one.to_dict() for one in own} for task, own in self.slices.items()}
        sets = {"data_sets": {one.name: one.to_dict() for one in self.data_sets}} if self.data_sets else {}
        plain = {"plain_end_models": _scores(self.plain_end_models)} if self.plain_end_models else {}
        return {**FinishedRun.to_dict(self), "slices": slices, **sets, **plain}

    def _found(self) -> dict[str, Any]:
        return {
            "graph": graph_text(self.graph).split("\n"),
            "tasks": {task.name: task.to_dict() for task in self.tasks},
            "end_models": _scores(self.end_models),
            "components": [
                {"tasks": list(part.names), "kind": one.kind, "sentence": one.sentence}
                for part, one in ((part, self.outcomes[part.names[0]]) for part in self.graph.parts)
            ],
        }


def finish_task_run(
    labelled: LabelledProject,
    started: float,
    tell: Tell,
    *,
    augmentation: AugmentationView | None = None,
    diagnose: bool = False,
) -> TaskRunResult:
    """Train, score, write the report, and record the run; whatever it is made of has been kept before.

    ``diagnose`` asks for intervals of what the label models learned.
    """
    made, store = labelled.made, labelled.database.store
    began = time.perf_counter()
    end_models = train_on_tasks(labelled, tell)
    plain = {} if augmentation is None else train_to_compare(labelled, tell)
    made.seconds["end_model"] = time.perf_counter() - began
    tell("scoring")
    began = time.perf_counter()
    made.artifacts["metrics"] = store.put_json("metrics", _by_split(labelled.scores))
    slices = slice_tasks(labelled)
    made.seconds["scores"] = time.perf_counter() - began
    run_id = run_id_of(made.artifacts, made.functions, made.transformations, made.slicing)
    began = time.perf_counter()
    diagnosis = diagnose_labelled(labelled, tell, work_out=diagnose)
    made.seconds["diagnosis"] = time.perf_counter() - began
    tell("writing the run and its report")
    began = time.perf_counter()

    def page() -> str:
        return task_report(labelled, run_id, (end_models, plain), slices, augmentation, diagnosis)

    artifacts = {**made.artifacts, **diagnosis.artifacts}
    recorded = record_run(
        labelled.folder, labelled.database, made, artifacts, page, run_id=run_id, began=began, started=started
    )
    return TaskRunResult(
        **recorded,
        project=labelled.name,
        splits={split: labelled.data.record.splits[split] for split in labelled.data.splits},
        graph=labelled.graph,
        tasks=labelled.tasks,
        end_models=end_models,
        plain_end_models=plain,
        outcomes={name: model.outcome_ for name, model in labelled.models.items()},
        warnings=labelled.warnings,
        slices=slices,
        data_sets=labelled.data_sets,
    )


def _scores(found: EndScores) -> dict[str, Any]:
    return {task: {split: one.to_dict() for split, one in own.items()} for task, own in found.items()}


def _by_split(scores: Mapping[str, Mapping[str, TaskScore]]) -> dict[str, dict[str, Any]]:
    """Return scores by split and task."""
    found: dict[str, dict[str, Any]] = {}
    for task, own in scores.items():
        for split, one in own.items():
            found.setdefault(split, {})[task] = one.to_dict()
    return found
