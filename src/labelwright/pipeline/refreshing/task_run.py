"""What a run of a project with several tasks makes: its result, and the line in the catalog at its end."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias

from labelwright.analysis.tasks.graph_text import graph_text
from labelwright.core import atomic_write
from labelwright.core.task_graph import TaskGraph
from labelwright.labelmodels import Outcome
from labelwright.pipeline.kept.keep import STORE_FOLDER
from labelwright.store import ArtifactId

from .found_tasks import FoundTask, TaskScore
from .labelled_project import LabelledProject
from .plan import Step
from .run import REPORT_NAME, Tell, run_id_of
from .task_views import task_report, train_on_tasks

__all__ = ["TaskRunResult", "finish_task_run"]

EndScores: TypeAlias = Mapping[str, Mapping[str, TaskScore]]


@dataclass(frozen=True, slots=True, eq=False)
class TaskRunResult:
    """What a run of a project with several tasks made.

    Parameters
    ----------
    project : str
    run_id : str
        16 hexadecimal digits: hash of what went in and what came out. Running again without a change gives it again.
    number : int
        How many runs the project has finished.
    finished : datetime.datetime
    seconds : float
    splits : mapping of str to int
        Number of examples of each split.
    graph : TaskGraph
    tasks : tuple of FoundTask
        In the order of the graph: functions, coverage of train, scores by split.
    end_models : mapping of str to mapping of str to TaskScore
        Scores of the end model of each task that has one, by split.
    outcomes : mapping of str to Outcome
        How solving each component ended, by its first task.
    report : Path
        The HTML report.
    folder : Path
        The store.
    artifacts : mapping of str to ArtifactId
    warnings : tuple of str
    steps : tuple of Step
        What was made again, and why; nothing where all was up to date.
    operations : mapping of str to int
    stages : mapping of str to float
        Seconds that each stage took.
    """

    project: str
    run_id: str
    number: int
    finished: datetime
    seconds: float
    splits: Mapping[str, int]
    graph: TaskGraph
    tasks: tuple[FoundTask, ...]
    end_models: EndScores
    outcomes: Mapping[str, Outcome]
    report: Path
    folder: Path
    artifacts: Mapping[str, ArtifactId]
    warnings: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    operations: Mapping[str, int] = field(default_factory=dict)
    stages: Mapping[str, float] = field(default_factory=dict)

    @property
    def covered(self) -> dict[str, float]:
        """Share of train on which some vote says something about the classes of each task."""
        return {task.name: task.covered for task in self.tasks}

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "project": self.project,
            "run_id": self.run_id,
            "number": self.number,
            "finished": self.finished.isoformat(timespec="seconds"),
            "seconds": round(self.seconds, 3),
            "splits": dict(self.splits),
            "graph": graph_text(self.graph).split("\n"),
            "tasks": {task.name: task.to_dict() for task in self.tasks},
            "end_models": {
                task: {split: one.to_dict() for split, one in own.items()} for task, own in self.end_models.items()
            },
            "components": [
                {"tasks": list(part.names), "kind": one.kind, "sentence": one.sentence}
                for part, one in ((part, self.outcomes[part.names[0]]) for part in self.graph.parts)
            ],
            "report": str(self.report),
            "folder": str(self.folder),
            "artifacts": {role: str(key) for role, key in self.artifacts.items()},
            "warnings": list(self.warnings),
            "steps": [step.to_dict() for step in self.steps],
            "operations": dict(self.operations),
            "stages": {stage: round(seconds, 4) for stage, seconds in self.stages.items()},
        }


def finish_task_run(labelled: LabelledProject, started: float, tell: Tell) -> TaskRunResult:
    """Train, score, write the report, and record the run; whatever it is made of has been kept before."""
    made, store = labelled.made, labelled.database.store
    began = time.perf_counter()
    end_models = train_on_tasks(labelled)
    made.seconds["end_model"] = time.perf_counter() - began
    tell("scoring")
    began = time.perf_counter()
    artifacts = made.artifacts
    artifacts["metrics"] = store.put_json("metrics", _by_split(labelled.scores))
    made.seconds["scores"] = time.perf_counter() - began
    run_id = run_id_of(artifacts, made.functions)
    report = _write_report(labelled, run_id, tell, end_models)
    seconds = time.perf_counter() - started
    operations = {**made.operations, **{f"milliseconds_{stage}": round(1000 * s) for stage, s in made.seconds.items()}}
    row = labelled.database.catalog.add_run(run_id, seconds=seconds, artifacts=artifacts, operations=operations)
    return TaskRunResult(
        project=labelled.name,
        run_id=run_id,
        number=row.number,
        finished=row.finished,
        seconds=seconds,
        splits={split: labelled.data.record.splits[split] for split in labelled.data.splits},
        graph=labelled.graph,
        tasks=labelled.tasks,
        end_models=end_models,
        outcomes={name: model.outcome_ for name, model in labelled.models.items()},
        report=report,
        folder=labelled.folder / STORE_FOLDER,
        artifacts=dict(artifacts),
        warnings=labelled.warnings,
        steps=tuple(made.steps),
        operations=made.operations,
        stages=made.seconds,
    )


def _write_report(labelled: LabelledProject, run_id: str, tell: Tell, end_models: EndScores) -> Path:
    began = time.perf_counter()
    tell("writing the run and its report")
    page = task_report(labelled, run_id, end_models)
    labelled.made.artifacts["report"] = labelled.database.store.put_text("report", page)
    report = labelled.folder / REPORT_NAME
    atomic_write(report, page)
    labelled.made.seconds["report"] = time.perf_counter() - began
    return report


def _by_split(scores: Mapping[str, Mapping[str, TaskScore]]) -> dict[str, dict[str, Any]]:
    """Return scores by split and task."""
    found: dict[str, dict[str, Any]] = {}
    for task, own in scores.items():
        for split, one in own.items():
            found.setdefault(split, {})[task] = one.to_dict()
    return found
