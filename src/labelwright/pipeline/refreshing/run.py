"""What a run of a project with one task makes, and what it is made with."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

import labelwright
from labelwright import labelmodels
from labelwright.analysis import Summary, render_report
from labelwright.analysis.augmentation_view import AugmentationView
from labelwright.analysis.slices import SplitSlices
from labelwright.core import Votes
from labelwright.core.errors import ProjectError
from labelwright.core.task_votes import TaskVotes
from labelwright.data import Dataset
from labelwright.engines import LocalEngine
from labelwright.labeling import LabelingFunction, apply
from labelwright.labelmodels import BaseLabelModel, Outcome
from labelwright.pipeline.kept.database import Database
from labelwright.pipeline.settings import LABEL_MODELS, Settings
from labelwright.store import ArtifactId

from .finished_run import FinishedRun, MadeSoFar, Tell, record_run
from .gather import gather_report, summarise
from .scoring import LabelledSplit, Scoreboard
from .showing import run_html

__all__ = ["RunResult", "apply_by_task", "apply_functions", "finish_run", "make_label_model", "run_id_of"]

# Of what a run made, by role, what does not decide its id.
_UNCOUNTED = frozenset({"source", "report", "consistency", "predictions", "task_intervals", "task_findings"})


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class RunResult(FinishedRun):
    """What a run of a project with one task made: what every `FinishedRun` tells, and this.

    Parameters
    ----------
    covered : mapping of str to float
        Share of each split on which at least one function voted.
    summary : Summary
        What each function did.
    scores : tuple of Scoreboard
        One per split with gold other than train, test first.
    outcome : Outcome
        How the label model ended: its kind, and a sentence for people.
    slices : tuple of SplitSlices
        How models do on each slice, split by split, test first; empty where the project has no slicing functions.
    """

    covered: Mapping[str, float]
    summary: Summary
    scores: tuple[Scoreboard, ...]
    outcome: Outcome
    slices: tuple[SplitSlices, ...] = ()

    def _repr_html_(self) -> str:
        return run_html(self)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            **FinishedRun.to_dict(self),
            "end_model_is_stale": self.end_model_is_stale,
            "slices": {one.split: one.to_dict() for one in self.slices},
        }

    def _found(self) -> dict[str, Any]:
        return {
            "covered": dict(self.covered),
            "scores": {board.split: board.to_dict() for board in self.scores},
            "functions": self.summary.to_dict(),
            "label_model": {"kind": self.outcome.kind, "sentence": self.outcome.sentence},
        }


def apply_functions(
    functions: Sequence[LabelingFunction],
    data: Dataset,
    settings: Settings,
    *,
    on_error: Literal["raise", "abstain"] | None = None,
    step: Tell | None = None,
) -> Votes:
    """Apply functions under the settings of a project with one task."""
    classes = settings.task.classes
    found: Votes = _applied(functions, data, settings, on_error=on_error, step=step, classes=classes)
    return found


def apply_by_task(
    functions: Sequence[LabelingFunction],
    data: Dataset,
    settings: Settings,
    *,
    on_error: Literal["raise", "abstain"] | None = None,
    step: Tell | None = None,
) -> Mapping[str, Votes]:
    """Apply functions under the project's settings; votes by task, the one task of a project being ``""``."""
    if not settings.has_tasks:
        return {"": apply_functions(functions, data, settings, on_error=on_error, step=step)}
    found: TaskVotes = _applied(functions, data, settings, on_error=on_error, step=step, tasks=settings.graph)
    return found.by_task


def _applied(
    functions: Sequence[LabelingFunction],
    data: Dataset,
    settings: Settings,
    *,
    on_error: Literal["raise", "abstain"] | None,
    step: Tell | None,
    **kind: Any,
) -> Any:
    def progress(done: int, total: int | None) -> None:
        if step is not None:
            step(f"applying {len(functions)} functions: {done:,}{f' of {total:,}' if total else ''} examples")

    engine = LocalEngine(workers=settings.apply.workers)
    try:
        return apply(
            functions,
            data,
            engine=engine,
            on_error=on_error or settings.apply.on_error,
            progress=progress,
            timeout=settings.apply.timeout,
            **kind,
        )
    finally:
        engine.close()


def make_label_model(settings: Settings) -> BaseLabelModel[Any, Any]:
    """Build the label model that the settings name, with those of the settings that it has options for.

    Raises
    ------
    ProjectError
        If dependencies are declared to a method that has none.
    """
    chosen = settings.label_model
    method = getattr(labelmodels, LABEL_MODELS[chosen.method])
    options = method().get_params()
    if chosen.dependencies is not None and "dependencies" not in options:
        able = [m for m, name in LABEL_MODELS.items() if "dependencies" in getattr(labelmodels, name)().get_params()]
        raise ProjectError(
            f"label_model.dependencies is given, but {chosen.method} takes none; methods that do: {', '.join(able)}."
        )
    given = msgspec.structs.asdict(chosen)
    model: BaseLabelModel[Any, Any] = method(**{name: value for name, value in given.items() if name in options})
    return model


def finish_run(
    folder: Path,
    settings: Settings,
    database: Database,
    made: MadeSoFar,
    parts: Sequence[LabelledSplit],
    model: BaseLabelModel[Any, Any],
    scores: tuple[Scoreboard, ...],
    warned: tuple[str, ...],
    started: float,
    augmentation: AugmentationView | None = None,
    slices: tuple[SplitSlices, ...] = (),
) -> RunResult:
    """Write scores and report, and record the run; whatever it is made of has been kept before."""
    began = time.perf_counter()
    store, artifacts = database.store, dict(made.artifacts)
    artifacts["metrics"] = store.put_json("metrics", {board.split: board.to_dict() for board in scores})
    if slices:
        artifacts["slice_metrics"] = store.put_json("slice_metrics", {one.split: one.to_dict() for one in slices})
    run_id = run_id_of(artifacts, made.functions, made.transformations, made.slicing)
    name = settings.project.name or folder.resolve().name
    summary = summarise(parts, model, {f["name"]: f["version"] for f in made.functions})

    def page() -> str:
        content = gather_report(
            name, run_id, settings, parts, summary, model, scores, warned, artifacts, augmentation, slices
        )
        return render_report(content)

    recorded = record_run(folder, database, made, artifacts, page, run_id=run_id, began=began, started=started)
    return RunResult(
        **recorded,
        project=name,
        splits={p.split.name: p.split.n for p in parts},
        covered={p.split.name: float(p.votes.covered.mean()) for p in parts},
        summary=summary,
        scores=scores,
        outcome=model.outcome_,
        warnings=warned,
        slices=slices,
    )


def run_id_of(
    made: Mapping[str, ArtifactId],
    functions: Sequence[Mapping[str, Any]],
    transformations: Sequence[Mapping[str, Any]] = (),
    slicing: Sequence[Mapping[str, Any]] = (),
    *,
    release: str = labelwright.__version__,
) -> str:
    """Return the id of a run: a hash of what it made, of what its functions do, and of the release that made it.

    Parameters
    ----------
    made : mapping of str to ArtifactId
        By role; the report, which names the run, the source, and what is for readers alone do not count.
    functions : sequence of mapping
        Records of functions. What they do counts, not how they are written: a comment gives no other run.
    transformations : sequence of mapping
        Records of transformation functions, likewise.
    slicing : sequence of mapping
        Records of slicing functions, likewise.
    release : str
        The version of Labelwright.
    """
    versions = [{key: f[key] for key in ("name", "kind", "labels", "fields", "version")} for f in functions]
    content = {role: str(key) for role, key in made.items() if role.partition(".")[0] not in _UNCOUNTED}
    content |= {"labelwright": release, "functions": json.dumps(versions)}
    if transformations:
        content["transformations"] = json.dumps([[f["name"], f["version"]] for f in transformations])
    if slicing:
        content["slicing_functions"] = json.dumps([[f["name"], f["version"]] for f in slicing])
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
