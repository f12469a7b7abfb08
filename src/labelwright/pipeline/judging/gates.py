"""Gates: how far labels and votes may move from those of a reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from labelwright.analysis.shares import holm, sign_flip_p_value
from labelwright.core import SoftLabels
from labelwright.core.errors import LabelwrightError, ProjectError
from labelwright.pipeline.judging_settings import GatesSettings
from labelwright.pipeline.settings import FILE_NAME
from labelwright.pipeline.versions.aligning import align
from labelwright.pipeline.versions.changes import ExampleStates

from .drift import DriftReport
from .state import LabelledState, StateSplit

__all__ = ["CHANCE", "GateResult", "judge_gates"]

# A slice that lost nothing but by chance fails no more often than this, over all slices together.
CHANCE = 0.01

# A column with more values than this is hardly one of slices.
_MOST_VALUES = 1000


@dataclass(frozen=True, slots=True)
class GateResult:
    """One gate, and whether it is passed.

    Parameters
    ----------
    gate : {"flips", "slice", "drift"}
    name : str
        Which split, slice or drift.
    status : {"passed", "failed", "not judged"}
    sentence : str
        The figures in words.
    figures : mapping of str to object
        The figures, for JSON.
    task : str
        Of which of several tasks; "" where there is one, or the gate is about votes on all.
    """

    gate: Literal["flips", "slice", "drift"]
    name: str
    status: Literal["passed", "failed", "not judged"]
    sentence: str
    figures: Mapping[str, Any] = field(default_factory=dict)
    task: str = ""

    @property
    def where(self) -> str:
        """The name, and of which of several tasks."""
        return f"{self.task}, {self.name}" if self.task else self.name

    def __str__(self) -> str:
        return f"{self.status}: {self.gate}, {self.where}: {self.sentence}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "gate": self.gate,
            "name": self.name,
            **({"task": self.task} if self.task else {}),
            "status": self.status,
            "sentence": self.sentence,
            **self.figures,
        }


def judge_gates(
    gates: GatesSettings,
    reference: Mapping[str, LabelledState],
    present: Mapping[str, LabelledState],
    drift: DriftReport | None,
) -> list[GateResult]:
    """Judge the gates of the settings.

    Parameters
    ----------
    gates : GatesSettings
    reference, present : mapping of str to LabelledState
        By task; the one task of a project is called ``""``.
    drift : DriftReport or None
        Of the two, where there is a gate for it.

    Raises
    ------
    ProjectError
        If a slice is no column.

    Notes
    -----
    A label flips where an example is in both and its label is another one; "no label" (no vote, or a tie) is a label
    here. A slice fails where, on examples with gold in valid and test that both have, more labels became wrong than
    became right, beyond chance: by the sign-flip test over examples, or over groups where there are groups (without
    groups it is McNemar's), adjusted by Holm's method over all slices of all tasks, at 0.01.
    """
    out: list[GateResult] = []
    both = {task: (reference[task], state) for task, state in present.items() if task in reference}
    for task, pair in both.items():
        most = gates.of_task(task).flips
        if most is not None:
            out += [replace(one, task=task) for one in _flips(most, *pair)]
    found = [_Slices.between(task, gates.of_task(task).slices, *pair) for task, pair in both.items()]
    out += [one for of_task in found for one in of_task.unjudged] + _compared(found)
    name = next(iter(reference.values())).name
    out += [
        GateResult("flips", "all splits", "not judged", f"{name} has no such task", task=task)
        for task in present
        if task not in both
    ]
    if gates.drift is not None and drift is not None:
        out.append(_drifted(drift))
    return out


def _labels(soft: SoftLabels) -> npt.NDArray[Any]:
    """Return labels by name, shape (n,), "" where there is none: classes may have been renamed or reordered."""
    names = np.array([str(c) for c in soft.classes] + [""])
    return np.asarray(names[ExampleStates.of(soft).labels])


def _flips(most: float, reference: LabelledState, present: LabelledState) -> list[GateResult]:
    out = []
    for split, part in present.splits.items():
        if split not in reference.splits:
            out.append(GateResult("flips", split, "not judged", f"{reference.name} has no such split"))
            continue
        before = reference.splits[split].soft
        now_rows, old_rows = align(part.soft.example_ids, before.example_ids)
        flipped = int((_labels(part.soft)[now_rows] != _labels(before)[old_rows]).sum())
        n = len(now_rows)
        figures = {"flipped": flipped, "n": n, "share": flipped / n if n else None, "max": most}
        if not n:
            out.append(GateResult("flips", split, "not judged", f"{reference.name} has none of its examples", figures))
            continue
        status: Any = "failed" if flipped > most * n else "passed"
        sentence = f"{flipped:,} of {n:,} labels flipped ({flipped / n:.2%}); allowed {most:.2%}"
        out.append(GateResult("flips", split, status, sentence, figures))
    return out


@dataclass(frozen=True, slots=True, eq=False)
class _Judged:
    """Examples of a split with gold, in both: whether each was right and is right, and where it stands."""

    split: str
    part: StateSplit
    rows: npt.NDArray[np.int64]
    before: npt.NDArray[np.bool_]
    now: npt.NDArray[np.bool_]


def _judged(reference: LabelledState, present: LabelledState) -> list[_Judged]:
    found = []
    for split in ("valid", "test"):
        part, other = present.splits.get(split), reference.splits.get(split)
        if part is None or other is None or part.gold is None:
            continue
        now_rows, old_rows = align(part.soft.example_ids, other.soft.example_ids)
        known = part.gold[now_rows] >= 0
        rows, old = now_rows[known], old_rows[known]
        truth = np.array([str(c) for c in part.soft.classes])[part.gold[rows]]
        found.append(_Judged(split, part, rows, _labels(other.soft)[old] == truth, _labels(part.soft)[rows] == truth))
    return [one for one in found if len(one.rows)]


@dataclass(frozen=True, slots=True, eq=False)
class _Slices:
    """The slices of one task: names, whether labels were right and are, what groups gained; and what has no gold."""

    task: str
    rows: list[tuple[str, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]]
    gains: list[npt.NDArray[Any]]
    unjudged: list[GateResult]

    @classmethod
    def between(cls, task: str, columns: Sequence[str], reference: LabelledState, present: LabelledState) -> _Slices:
        found = cls(task, [], [], [])
        judged = _judged(reference, present) if columns else []
        if not judged:
            why = f"no example of valid or test has gold in both this and {reference.name}"
            found.unjudged.extend(GateResult("slice", column, "not judged", why, task=task) for column in columns)
            return found
        before, now, groups = (np.concatenate(parts) for parts in zip(*map(_arrays, judged), strict=True))
        for column in columns:
            values = np.concatenate([_values(one, column) for one in judged])
            for value in np.unique(values):
                inside = values == value
                found.rows.append((f"{column} = {value}", before[inside], now[inside]))
                gained = now[inside].astype(np.int64) - before[inside]
                found.gains.append(np.bincount(np.unique(groups[inside], return_inverse=True)[1], weights=gained))
        return found


def _compared(found: Sequence[_Slices]) -> list[GateResult]:
    """Judge the slices of all tasks, their p-values adjusted together."""
    sure = iter(holm([sign_flip_p_value(gain) for one in found for gain in one.gains]))
    return [replace(_slice(*row, next(sure)), task=one.task) for one in found for row in one.rows]


def _arrays(one: _Judged) -> tuple[npt.NDArray[Any], ...]:
    groups = one.part.votes.example_ids if one.part.groups is None else one.part.groups
    return one.before, one.now, groups[one.rows].astype(np.str_)


def _slice(name: str, before: npt.NDArray[np.bool_], now: npt.NDArray[np.bool_], p: float | None) -> GateResult:
    lost, won, n = int((before & ~now).sum()), int((~before & now).sum()), len(now)
    failed = p is not None and p <= CHANCE
    chance = "more than chance explains" if failed else "no more than chance explains" if lost > won else "no loss"
    sentence = (
        f"accuracy {before.mean():.1%} -> {now.mean():.1%} of {n:,}; {lost:,} became wrong and {won:,} right: {chance}"
    )
    if p is not None and lost > won:
        sentence += f" (adjusted p = {p:.2g})"
    figures = {
        "n": n, "before": float(before.mean()), "now": float(now.mean()), "lost": lost, "won": won, "adjusted": p
    }  # fmt: skip
    return GateResult("slice", name, "failed" if failed else "passed", sentence, figures)


def _values(one: _Judged, column: str) -> npt.NDArray[Any]:
    """Return the slice of each example, as text."""
    n = len(one.rows)
    if column == "split":
        return np.full(n, one.split)
    if column == "group":
        if one.part.groups is None:
            raise ProjectError(f"{FILE_NAME}: gates.slices names group, but the data has none; say data.group.")
        return np.asarray(one.part.groups[one.rows].astype(np.str_))
    try:
        values = one.part.read([column])[column]
    except LabelwrightError as error:
        raise ProjectError(f"{FILE_NAME}: gates.slices: {error}") from error
    if values.n_unique() > _MOST_VALUES:
        raise ProjectError(
            f"{FILE_NAME}: gates.slices names {column!r}, which has {values.n_unique():,} values; a column of slices "
            f"has at most {_MOST_VALUES:,}."
        )
    return np.array(values.cast(pl.String).fill_null("missing").to_list(), dtype=np.str_)[one.rows]


def _drifted(report: DriftReport) -> GateResult:
    drift = report.drift
    figures = {"new": report.new, "level": drift.level, "drifted": [row.to_dict() for row in drift.drifted]}
    if not drift.rows:
        why = "there are no new examples" if not report.new else f"{report.reference} has none of the examples"
        return GateResult("drift", "new examples", "not judged" if report.new else "passed", why, figures)
    if not drift.drifted:
        sentence = (
            f"votes on {report.new:,} new examples are as on {report.old:,} old ones, as far as chance lets one see "
            f"(false alarms: {drift.level:g})"
        )
        return GateResult("drift", "new examples", "passed", sentence, figures)
    shown = "; ".join(str(row) for row in drift.drifted[:3])
    more = f"; and {len(drift.drifted) - 3} more" if len(drift.drifted) > 3 else ""
    return GateResult("drift", "new examples", "failed", f"{shown}{more}", figures)
