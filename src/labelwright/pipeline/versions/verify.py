"""Verifying a run: everything that it kept is whole, and following its lineage again gives the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import labelwright
from labelwright.core.errors import LabelwrightError
from labelwright.pipeline.kept.keep import KeptRun
from labelwright.pipeline.refreshing.run import run_id_of

from .reference_walk import Faults, check_artifacts
from .remaking import Remade, remake_labels, remake_models, remake_scores, remake_stats, remake_votes
from .remaking_augmentation import remake_augmentation
from .remaking_slices import remake_slices
from .remaking_task_end_models import remake_task_end_models
from .remaking_tasks import (
    remake_task_intervals,
    remake_task_labels,
    remake_task_models,
    remake_task_scores,
    remake_task_stats,
    remake_task_votes,
)

__all__ = ["Check", "Verification", "verify_run"]

Status: TypeAlias = Literal["equal", "close", "differs", "damaged", "not checked"]
Tell: TypeAlias = Callable[[str], None]

_BAD = frozenset({"differs", "damaged"})

# What arrays of other lengths and names that are not there end in, where a catalog was edited.
_MISFITS = (ValueError, LookupError)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was verified.

    Parameters
    ----------
    what : str
        ``"artifacts"``, ``"run id"``, ``"votes"``, ``"stats"``, ``"label model"``, ``"soft labels"``, ``"end model"``,
        ``"scores"``; where the run was diagnosed, also ``"intervals"``; where it has slices, also ``"slices"``;
        where it augmented, also ``"unlabelled examples"``, ``"safety"``, ``"policy"`` and ``"augmented copies"``.
    status : {"equal", "close", "differs", "damaged", "not checked"}
        ``"close"``: within 1e-9 but not bit for bit, as another machine or another version of a library makes it.
    detail : str
        How much was compared; what is not the same, and where; or why it was not checked.
    """

    what: str
    status: Status
    detail: str

    @property
    def good(self) -> bool:
        """Whether nothing is wrong (what was not checked is not wrong)."""
        return self.status not in _BAD

    def to_dict(self) -> dict[str, str]:
        """Return plain values for JSON."""
        return {"what": self.what, "status": self.status, "detail": self.detail}


@dataclass(frozen=True, slots=True)
class Verification:
    """What verifying a run found.

    Parameters
    ----------
    run_id : str
    number : int
    checks : tuple of Check
    """

    run_id: str
    number: int
    checks: tuple[Check, ...]

    @property
    def good(self) -> bool:
        """Whether every check that could be made was passed."""
        return all(check.good for check in self.checks)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "run_id": self.run_id,
            "number": self.number,
            "good": self.good,
            "checks": [check.to_dict() for check in self.checks],
        }


def verify_run(run: KeptRun, *, step: Tell) -> Verification:
    """Read everything that a run kept, and make it again from what it was made from.

    Votes are made again by functions whose version is the run's: today's, or else those of the source that the run
    kept. From there on, each thing is made from what was kept of the one before it, so a fault is found where it is.

    Parameters
    ----------
    run : KeptRun
    step : callable of str
        Told what is being done.
    """
    return Verification(run.row.run_id, run.row.number, tuple(_checks(run, step)))


def _checks(run: KeptRun, step: Tell) -> Iterator[Check]:
    step("reading every artifact")
    faults = check_artifacts(run.store, run.row.artifacts)
    yield _of_faults(faults)
    if "votes" in run.row.artifacts or run.tasks:
        yield _attempt("run id", _compare_id, run)
    if "data" not in run.row.artifacts:
        reason = "the run is older than runs keep their examples, so nothing can be made again"
        yield Check("lineage", "not checked", reason)
        return
    if run.tasks:
        yield from _tasks(run, step)
        return
    for what, remake in (
        ("votes", remake_votes),
        ("stats", remake_stats),
        ("label model", remake_models),
        ("soft labels", remake_labels),
    ):
        step(f"making {what} again")
        yield _attempt(what, remake, run)
    yield from _slices(run, step)
    yield from _augmentation(run, step)
    step("training the end model again, and scoring")
    yield from _scores(run)


def _tasks(run: KeptRun, step: Tell) -> Iterator[Check]:
    """Verify a run on several tasks."""
    for what, remake in (
        ("votes", remake_task_votes),
        ("stats", remake_task_stats),
        ("label model", remake_task_models),
        ("soft labels", remake_task_labels),
        ("scores", remake_task_scores),
    ):
        step(f"making {what} again")
        yield _attempt(what, remake, run)
    if "task_intervals" in run.row.artifacts:
        step("working intervals out again")
        yield _attempt("intervals", remake_task_intervals, run)
    yield from _slices(run, step)
    yield from _augmentation(run, step)
    if "task_end_models" in run.row.artifacts:
        step("training the end models again")
        yield _attempt("end model", remake_task_end_models, run)


def _slices(run: KeptRun, step: Tell) -> Iterator[Check]:
    if "slices" in run.row.artifacts:
        step("finding slices again")
        yield _attempt("slices", remake_slices, run)


def _compare_id(run: KeptRun) -> Remade:
    """Work the run's id out from what the catalog says it made: a role that names another artifact gives another id."""
    row = run.row
    if row.run_id not in run.store.get_text(run.artifact("report")):
        return Remade("differs", f"the report is that of another run than {row.run_id}")
    records = run.function_records(), run.transformation_records(), run.slicing_records()
    made_by = {labelwright.__version__}
    if "data" in row.artifacts:
        made_by |= {str(source.reading["labelwright"]) for source in run.kept_data.record.sources}
    ids = {run_id_of(row.artifacts, *records, release=release) for release in made_by}
    if row.run_id not in ids:
        return Remade("differs", f"what the catalog says that run {row.number} made is not what gave it {row.run_id}")
    return Remade("equal", "what the catalog says that it made gives it again")


def _attempt(what: str, remake: Callable[[KeptRun], Remade], run: KeptRun) -> Check:
    try:
        return _of_remade(what, remake(run))
    except LabelwrightError as error:
        return Check(what, "not checked", str(error))
    except _MISFITS as error:
        return _misfit(what, error)


def _augmentation(run: KeptRun, step: Tell) -> Iterator[Check]:
    try:
        for what, remade in remake_augmentation(run, step=step):
            yield _of_remade(what, remade)
    except LabelwrightError as error:
        yield Check("policy and copies", "not checked", str(error))
    except _MISFITS as error:
        yield _misfit("policy and copies", error)


def _scores(run: KeptRun) -> Iterator[Check]:
    try:
        end, scores = remake_scores(run)
    except LabelwrightError as error:
        yield Check("end model and scores", "not checked", str(error))
        return
    except _MISFITS as error:
        yield _misfit("end model and scores", error)
        return
    if end is not None:
        yield _of_remade("end model", end)
    yield _of_remade("scores", scores)


def _misfit(what: str, error: Exception) -> Check:
    return Check(what, "differs", f"what was kept of the run does not belong together ({error})")


def _of_remade(what: str, remade: Remade) -> Check:
    return Check(what, remade.status, remade.detail)


def _of_faults(faults: Faults) -> Check:
    if not faults.found:
        return Check("artifacts", "equal", f"{faults.count:,} are there, and each has its hash")
    shown = "; ".join(faults.found[:5]) + (f"; and {len(faults.found) - 5} more" if len(faults.found) > 5 else "")
    return Check("artifacts", "damaged", f"{len(faults.found):,} of {faults.count:,}: {shown}")
