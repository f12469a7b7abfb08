"""The main path: apply, fit, label, train, score; then keep everything and write the report."""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

import labelwright
from labelwright import labelmodels
from labelwright.analysis import Summary, render_report
from labelwright.core import SoftLabels, Votes, atomic_write, check_classes
from labelwright.core.errors import ProjectError
from labelwright.data import Dataset
from labelwright.endmodels import EndModel, fit_end_model, save
from labelwright.engines import LocalEngine
from labelwright.labeling import LabelingFunction, apply
from labelwright.labelmodels import BaseLabelModel, MajorityVote, Outcome, to_dict
from labelwright.store import ArtifactId, Store

from .examples import field_values, open_sources
from .gather import gather_report, summarise
from .keep import STORE_FOLDER, arrays_of_soft_labels, arrays_of_votes, open_store
from .noticing import RunWarning, failed_functions, unvoted_classes
from .scoring import LabelledSplit, Scoreboard, score_split
from .settings import LABEL_MODELS, Settings
from .supervision import load_functions, record

__all__ = ["RunResult", "apply_functions", "make_label_model", "run_project"]

REPORT_NAME = "report.html"

Step = Callable[[str], None]


@dataclass(frozen=True, slots=True, eq=False)
class RunResult:
    """What a run made.

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
    covered : mapping of str to float
        Share of each split on which at least one function voted.
    summary : Summary
        What each function did.
    scores : tuple of Scoreboard
        One per split with gold other than train, test first.
    outcome : Outcome
        How the label model ended: its kind, and a sentence for people.
    report : Path
        The HTML report.
    folder : Path
        The store.
    artifacts : mapping of str to ArtifactId
    warnings : tuple of str
        Functions that failed, and classes that no function votes for.
    """

    project: str
    run_id: str
    number: int
    finished: datetime
    seconds: float
    splits: Mapping[str, int]
    covered: Mapping[str, float]
    summary: Summary
    scores: tuple[Scoreboard, ...]
    outcome: Outcome
    report: Path
    folder: Path
    artifacts: Mapping[str, ArtifactId]
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "project": self.project,
            "run_id": self.run_id,
            "number": self.number,
            "finished": self.finished.isoformat(timespec="seconds"),
            "seconds": round(self.seconds, 3),
            "splits": dict(self.splits),
            "covered": dict(self.covered),
            "scores": {board.split: board.to_dict() for board in self.scores},
            "functions": self.summary.to_dict(),
            "label_model": {"kind": self.outcome.kind, "sentence": self.outcome.sentence},
            "report": str(self.report),
            "folder": str(self.folder),
            "artifacts": {role: str(key) for role, key in self.artifacts.items()},
            "warnings": list(self.warnings),
        }


def run_project(folder: Path, settings: Settings, *, step: Step) -> RunResult:
    """Run a project from its files to its report.

    Parameters
    ----------
    folder : Path
    settings : Settings
    step : callable of str
        Told what is being done.

    Raises
    ------
    LabelwrightError
        Whatever the rooms refuse. Nothing is half-written: artifacts first, each whole, then one line in the catalog.
    """
    started = time.perf_counter()
    _check_write_access(folder)
    step("reading functions and data")
    functions = load_functions(folder)
    described = [record(f, folder) for f in functions]  # now, while the files hold what was imported
    sources = open_sources(settings, folder)
    applied = [apply_functions(functions, source.dataset, settings, step=step) for source in sources]
    parts = [
        LabelledSplit(source, split, votes.take(split.rows), {})
        for source, votes in zip(sources, applied, strict=True)
        for split in source.splits
    ]
    train = next(p for p in parts if p.split.name == "train")
    warned = (*map(str, failed_functions(applied)), *unvoted_classes(train.votes))
    # At once, and not with the result: what follows may fail because of just this.
    for text in warned:
        warnings.warn(text, RunWarning, stacklevel=3)
    step("fitting the label model")
    model = make_label_model(settings).fit(train.votes)
    # The baseline answers examples without votes with the same class balance, so it differs by what it makes of votes.
    baseline = MajorityVote(class_balance=model.class_balance_).fit(train.votes)
    parts = [_label(part, baseline, model) for part in parts]
    step("training the end model")
    end = _train(settings, parts)
    parts = [_predict(part, end, "end model") for part in parts]
    parts = _add_ceiling(settings, parts)
    step("scoring")
    scores = _score(parts)
    step("writing the run and its report")
    return _finish(folder, settings, described, parts, model, end, scores, warned, started)


def _check_write_access(folder: Path) -> None:
    """Fail before the work is done, not after it."""
    for place in (folder, folder / STORE_FOLDER):
        try:
            if place.exists():
                tempfile.TemporaryFile(dir=place).close()
        except OSError as error:
            raise ProjectError(
                f"no write access to {place} ({error.strerror}); a run keeps what it makes there. Copy the project "
                "to a folder of your own, or change the folder's permissions."
            ) from None


def apply_functions(
    functions: Sequence[LabelingFunction],
    data: Dataset,
    settings: Settings,
    *,
    on_error: Literal["raise", "abstain"] | None = None,
    step: Step | None = None,
) -> Votes:
    """Apply functions under the project's settings."""

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
            classes=settings.task.classes,
            timeout=settings.apply.timeout,
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


def _label(part: LabelledSplit, baseline: BaseLabelModel[Any, Any], model: BaseLabelModel[Any, Any]) -> LabelledSplit:
    predictions = {"majority vote": baseline.soft_labels(part.votes), "label model": model.soft_labels(part.votes)}
    return LabelledSplit(part.source, part.split, part.votes, predictions)


def _train(settings: Settings, parts: Sequence[LabelledSplit]) -> EndModel | None:
    """Train the end model on the soft labels of train, or return ``None`` where the project wants none."""
    if settings.end_model.kind == "none":
        return None
    train = next(p for p in parts if p.split.name == "train")
    return _fit_end_model(settings, train, train.predictions["label model"])


def _fit_end_model(settings: Settings, train: LabelledSplit, labels: SoftLabels) -> EndModel:
    chosen = settings.end_model
    columns = _columns(train, chosen.fields)
    return fit_end_model(chosen.kind, chosen.fields, columns, labels, random_state=chosen.random_state)


def _columns(part: LabelledSplit, fields: Sequence[str]) -> dict[str, Any]:
    return field_values(part.source.frame(part.split, fields), fields)


def _predict(part: LabelledSplit, end: EndModel | None, role: str) -> LabelledSplit:
    if end is None:
        return part
    found = end.soft_labels(_columns(part, end.fields), example_ids=part.split.example_ids)
    return LabelledSplit(part.source, part.split, part.votes, {**part.predictions, role: found})


def _add_ceiling(settings: Settings, parts: list[LabelledSplit]) -> list[LabelledSplit]:
    """Train the end model's recipe on gold, for comparison only: no other step sees it, and nothing of it is kept."""
    if not settings.score.supervised:
        return parts
    train = next(p for p in parts if p.split.name == "train")
    gold = train.split.gold
    if gold is None or not (gold >= 0).any():
        raise ProjectError("score.supervised = true needs gold labels in train; there are none. Take the line out.")
    classes = check_classes(settings.task.classes)
    hard = [[float(code == c) if code >= 0 else 1 / len(classes) for c in range(len(classes))] for code in gold]
    labels = SoftLabels(hard, gold >= 0, classes=classes, example_ids=train.split.example_ids)
    ceiling = _fit_end_model(settings, train, labels)
    return [p if p.split.name == "train" else _predict(p, ceiling, "supervised") for p in parts]


def _score(parts: Sequence[LabelledSplit]) -> tuple[Scoreboard, ...]:
    order = {"test": 0, "valid": 1}
    scored = sorted((p for p in parts if p.split.name in order), key=lambda p: order[p.split.name])
    boards = [score_split(p.split, p.predictions) for p in scored]
    return tuple(board for board in boards if board is not None)


def _finish(
    folder: Path,
    settings: Settings,
    functions: Sequence[Mapping[str, Any]],
    parts: Sequence[LabelledSplit],
    model: BaseLabelModel[Any, Any],
    end: EndModel | None,
    scores: tuple[Scoreboard, ...],
    warned: tuple[str, ...],
    started: float,
) -> RunResult:
    store, catalog = open_store(folder)
    made = _keep(store, settings, functions, parts, model, end, scores)
    run_id = _run_id(made, functions)
    name = settings.project.name or folder.resolve().name
    summary = summarise(parts, model, {f["name"]: f["version"] for f in functions})
    page = render_report(gather_report(name, run_id, settings, parts, summary, model, scores, warned, made))
    made["report"] = store.put_text("report", page)
    report = folder / REPORT_NAME
    atomic_write(report, page)
    seconds = time.perf_counter() - started
    row = catalog.add_run(run_id, seconds=seconds, artifacts=made)
    return RunResult(
        project=name,
        run_id=run_id,
        number=row.number,
        finished=row.finished,
        seconds=seconds,
        splits={p.split.name: p.split.n for p in parts},
        covered={p.split.name: float(p.votes.covered.mean()) for p in parts},
        summary=summary,
        scores=scores,
        outcome=model.outcome_,
        report=report,
        folder=folder / STORE_FOLDER,
        artifacts=made,
        warnings=warned,
    )


def _keep(
    store: Store,
    settings: Settings,
    functions: Sequence[Mapping[str, Any]],
    parts: Sequence[LabelledSplit],
    model: BaseLabelModel[Any, Any],
    end: EndModel | None,
    scores: tuple[Scoreboard, ...],
) -> dict[str, ArtifactId]:
    made = {
        "settings": store.put_json("settings", msgspec.to_builtins(settings)),
        "functions": store.put_json("functions", functions),
        "label_model": store.put_json("label_model", to_dict(model)),
        "metrics": store.put_json("metrics", {board.split: board.to_dict() for board in scores}),
    }
    for part in parts:
        split = part.split.name
        if split == "train":
            made["schema"] = store.put_json("schema", {c: str(t) for c, t in part.source.dataset.schema.items()})
        made[f"votes.{split}"] = store.put_arrays("votes", arrays_of_votes(part.votes))
        soft = arrays_of_soft_labels(part.predictions["label model"])
        made[f"soft_labels.{split}"] = store.put_arrays("soft_labels", soft)
    if end is not None:
        with tempfile.TemporaryDirectory() as temporary:
            save(end, Path(temporary) / "end_model")
            made["end_model"] = store.put_folder("end_model", Path(temporary) / "end_model")
    return made


def _run_id(made: Mapping[str, ArtifactId], functions: Sequence[Mapping[str, Any]]) -> str:
    # What functions do counts, not how they are written: a comment gives no other run.
    versions = [{key: f[key] for key in ("name", "kind", "labels", "fields", "version")} for f in functions]
    content = {role: str(key) for role, key in made.items()}
    content |= {"labelwright": labelwright.__version__, "functions": json.dumps(versions)}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
