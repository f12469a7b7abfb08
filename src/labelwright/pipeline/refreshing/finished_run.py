"""What every finished run tells, on one task or several; and the report and the line in the catalog at its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from labelwright.core import atomic_write
from labelwright.pipeline.kept.database import Database
from labelwright.pipeline.kept.keep import STORE_FOLDER
from labelwright.store import ArtifactId

from .plan import Step

__all__ = ["FinishedRun", "MadeSoFar", "Tell", "record_run"]

REPORT_NAME = "report.html"

Tell = Callable[[str], None]


class MadeSoFar(Protocol):
    """What there is of a run before its report: records of functions, artifacts by role, and what it took."""

    functions: list[dict[str, Any]]
    transformations: list[dict[str, Any]]
    slicing: list[dict[str, Any]]
    artifacts: dict[str, ArtifactId]
    steps: list[Step]
    operations: dict[str, int]
    seconds: dict[str, float]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FinishedRun:
    """What every run made; `RunResult` says more of one task, `TaskRunResult` of several.

    Parameters
    ----------
    project : str
        Name of the project.
    run_id : str
        16 hexadecimal digits: hash of what went in and what came out. Running again without a change gives it again.
    number : int
        How many runs the project has finished.
    finished : datetime.datetime
    seconds : float
    splits : mapping of str to int
        Number of examples of each split.
    report : Path
        The HTML report.
    folder : Path
        The store.
    artifacts : mapping of str to ArtifactId
    warnings : tuple of str
        Functions that failed, and classes or tasks that no function votes for.
    steps : tuple of Step
        What was made again, and why; nothing where all was up to date.
    operations : mapping of str to int
        How much work was done: ``function_applications``, ``rows_summarised`` and others.
    stages : mapping of str to float
        Seconds that each stage took.
    """

    project: str
    run_id: str
    number: int
    finished: datetime
    seconds: float
    splits: Mapping[str, int]
    report: Path
    folder: Path
    artifacts: Mapping[str, ArtifactId]
    warnings: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    operations: Mapping[str, int] = field(default_factory=dict)
    stages: Mapping[str, float] = field(default_factory=dict)

    @property
    def end_model_is_stale(self) -> bool:
        """Whether an end model was kept although its training labels changed."""
        return bool(self.operations.get("end_models_stale"))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "project": self.project,
            "run_id": self.run_id,
            "number": self.number,
            "finished": self.finished.isoformat(timespec="seconds"),
            "seconds": round(self.seconds, 3),
            "splits": dict(self.splits),
            **self._found(),
            "report": str(self.report),
            "folder": str(self.folder),
            "artifacts": {role: str(key) for role, key in self.artifacts.items()},
            "warnings": list(self.warnings),
            "steps": [step.to_dict() for step in self.steps],
            "operations": dict(self.operations),
            "stages": {stage: round(seconds, 4) for stage, seconds in self.stages.items()},
        }

    def _found(self) -> dict[str, Any]:
        """Return what is found of the task, or tasks, as plain values."""
        return {}


def record_run(
    folder: Path,
    database: Database,
    made: MadeSoFar,
    artifacts: dict[str, ArtifactId],
    page: Callable[[], str],
    *,
    run_id: str,
    began: float,
    started: float,
) -> dict[str, Any]:
    """Write the report and record the run; return what every finished run tells of it but project, splits, warnings.

    Parameters
    ----------
    folder : Path
        The project.
    database : Database
    made : MadeSoFar
    artifacts : dict of str to ArtifactId
        All that the run made, by role; the report is added.
    page : callable
        Gives the report.
    run_id : str
    began, started : float
        When this stage and when the run did, as `time.perf_counter` tells.
    """
    content = page()
    artifacts["report"] = database.store.put_text("report", content)
    report = folder / REPORT_NAME
    atomic_write(report, content)
    stages = {**made.seconds, "report": time.perf_counter() - began}
    seconds = time.perf_counter() - started
    operations = {**made.operations, **{f"milliseconds_{stage}": round(1000 * s) for stage, s in stages.items()}}
    row = database.catalog.add_run(run_id, seconds=seconds, artifacts=artifacts, operations=operations)
    return {
        "run_id": run_id,
        "number": row.number,
        "finished": row.finished,
        "seconds": seconds,
        "report": report,
        "folder": folder / STORE_FOLDER,
        "artifacts": artifacts,
        "steps": tuple(made.steps),
        "operations": made.operations,
        "stages": stages,
    }
