"""Testing supervision: the examples of the functions, the project's tests, its contracts and its gates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from labelwright.core.errors import ProjectError
from labelwright.labeling import LabelingFunction
from labelwright.pipeline.examples import open_dataset, source_paths
from labelwright.pipeline.kept.keep import KeptRun, open_store
from labelwright.pipeline.refreshing.showing import supervision_html
from labelwright.pipeline.settings import Settings
from labelwright.pipeline.supervision import load_functions

from .checks import ExampleCheck, PytestCheck, check_examples, run_pytest
from .contracts import ContractResult, judge_contracts
from .drift import DriftReport, monitor_drift
from .gates import GateResult, judge_gates
from .task_states import States, kept_states, present_states

__all__ = ["DRIFT_LEVEL", "Judgement", "SupervisionReport", "check_drift", "check_supervision", "judge_run"]

# The chance of a false alarm where the settings name none.
DRIFT_LEVEL = 0.01

Step = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Judgement:
    """Contracts and gates, judged.

    Parameters
    ----------
    contracts : tuple of ContractResult
    gates : tuple of GateResult
    reference : str
        What the gates compare with; "" where there is nothing to compare with.
    enforced : bool
        Whether a run that does not pass is to exit with 1.
    """

    contracts: tuple[ContractResult, ...] = ()
    gates: tuple[GateResult, ...] = ()
    reference: str = ""
    enforced: bool = False

    @property
    def passed(self) -> bool:
        """Whether no contract is broken and no gate failed; what was not judged fails nothing."""
        return not self.failures

    @property
    def failures(self) -> tuple[str, ...]:
        """A sentence for each broken contract and failed gate."""
        broken = [f"contract {c}" for c in self.contracts if c.status == "broken"]
        return (*broken, *(f"gate {g}" for g in self.gates if g.status == "failed"))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "contracts": [c.to_dict() for c in self.contracts],
            "gates": [g.to_dict() for g in self.gates],
            "reference": self.reference or None,
            "enforced": self.enforced,
        }


@dataclass(frozen=True, slots=True)
class SupervisionReport:
    """What ``labelwright test`` found.

    Parameters
    ----------
    functions : int
        Labeling functions of the project.
    examples : tuple of ExampleCheck
    tests : PytestCheck
    judgement : Judgement
    """

    functions: int
    examples: tuple[ExampleCheck, ...]
    tests: PytestCheck
    judgement: Judgement

    @property
    def passed(self) -> bool:
        """Whether nothing failed."""
        return all(e.passed for e in self.examples) and self.tests.passed and self.judgement.passed

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "passed": self.passed,
            "functions": self.functions,
            "examples": [e.to_dict() for e in self.examples],
            "tests": self.tests.to_dict(),
            **self.judgement.to_dict(),
        }

    def _repr_html_(self) -> str:
        return supervision_html(self)


def check_supervision(
    folder: Path, settings: Settings, *, against: str | None, data: bool, step: Step
) -> SupervisionReport:
    """Check the functions of a project; see `labelwright.pipeline.Project.test`."""
    functions = load_functions(folder)
    step("running examples and tests")
    graph = settings.graph if settings.has_tasks else None
    examples = check_examples(functions, settings.task.classes, lambda: _text_columns(settings, folder), graph=graph)
    tests = run_pytest(folder)
    judgement = Judgement()
    if data and (settings.contracts.given or settings.gates.given):
        reference = _reference(folder, settings, against, before_latest=False)
        present = present_states(folder, settings, step=step)
        judgement = _judge(settings, functions, present, reference, step)
    return SupervisionReport(len(functions), tuple(examples), tests, judgement)


def judge_run(folder: Path, settings: Settings) -> Judgement:
    """Judge the contracts and gates of the last run; see `labelwright.pipeline.Project.judge`."""
    if not settings.contracts.given and not settings.gates.given:
        return Judgement()
    run = KeptRun.latest(folder)
    present = kept_states(run, f"run {run.row.number}", several=settings.has_tasks)
    reference = _reference(folder, settings, None, before_latest=True)
    return _judge(settings, load_functions(folder), present, reference, lambda _: None)


def check_drift(folder: Path, settings: Settings, *, against: str | None, step: Step) -> DriftReport:
    """Compare votes on new examples with those on old ones; see `labelwright.pipeline.Project.drift`."""
    reference = _reference(folder, settings, against, before_latest=False)
    if reference is None:
        raise ProjectError("there is no snapshot and no run to compare with; run the project first: labelwright run.")
    present = present_states(folder, settings, step=step)
    step("comparing votes")
    return _drift(settings, reference, present)


def _judge(
    settings: Settings,
    functions: Sequence[LabelingFunction],
    present: States,
    reference: States | None,
    step: Step,
) -> Judgement:
    gates = settings.gates
    step("judging contracts and gates")
    contracts = judge_contracts(settings, functions, present) if settings.contracts.given else []
    if not gates.given or reference is None:
        return Judgement(tuple(contracts), enforced=gates.enforce)
    drift = None if gates.drift is None else _drift(settings, reference, present)
    judged = judge_gates(gates, reference, present, drift)
    return Judgement(tuple(contracts), tuple(judged), next(iter(reference.values())).name, gates.enforce)


def _drift(settings: Settings, reference: States, present: States) -> DriftReport:
    gates = settings.gates
    level = DRIFT_LEVEL if gates.drift is None else gates.drift
    return monitor_drift(reference, present, level=level, tolerance=gates.drift_tolerance)


def _reference(folder: Path, settings: Settings, against: str | None, *, before_latest: bool) -> States | None:
    """Return what to compare with: what was asked for, the newest snapshot, or the last run (or the one before it)."""
    catalog, several = open_store(folder)[1], settings.has_tasks
    named = against or settings.gates.against
    if named is not None:
        return kept_states(KeptRun.named(folder, named), named, several=several)
    rows = catalog.runs()[:-1] if before_latest else catalog.runs()
    found: list[tuple[str | int, str]] = [
        *((s.name, f"snapshot {s.name}") for s in sorted(catalog.snapshots(), key=lambda s: s.made, reverse=True)),
        *((row.number, f"run {row.number}") for row in reversed(rows)),
    ]
    for name, called in found:
        run = KeptRun.named(folder, name)
        # A project that had one task and now has several, or the reverse, begins anew.
        if bool(run.tasks) is several:
            return kept_states(run, called, several=several)
    return None


def _text_columns(settings: Settings, folder: Path) -> Sequence[str]:
    found: dict[str, None] = {}
    for name, data in settings.sets.items():
        hidden = {data.id, data.group, *settings.gold_columns.values(), data.splits.column}
        paths = next(iter(source_paths(settings, folder, name).values()))
        schema = open_dataset(settings, paths, name).schema
        found |= {column: None for column, kind in schema.items() if kind == pl.String and column not in hidden}
    return list(found)
