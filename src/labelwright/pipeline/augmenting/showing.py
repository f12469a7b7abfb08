"""What a report shows of augmentation, gathered from what a run made: ``analysis`` draws it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from labelwright.analysis import Estimate
from labelwright.analysis.augmentation_view import (
    AugmentationView,
    AugmentedExample,
    ConsistencyRow,
    CurvePoint,
    DrawnSequences,
    SafetyRow,
    TunableFunction,
    Variant,
)
from labelwright.augmentation import Sequences, TransformationFunction
from labelwright.core import SoftLabels, hash_ids
from labelwright.core.task_labels import TaskLabels
from labelwright.pipeline.settings import EndModelSettings
from labelwright.store import ArtifactId, Store

from .copies import Copies, KeptCopies
from .fields import as_records
from .policies import PolicyRecord

__all__ = ["LabelsShown", "augmentation_view"]

_EXAMPLES, _VARIANTS = 6, 4
_DRAWN = 4000
_CURVE = 200
_TASKS_SHOWN = 4


@dataclass(frozen=True, slots=True, eq=False)
class LabelsShown:
    """What is shown of the labels of n examples.

    Parameters
    ----------
    ids : ndarray, shape (n,)
    covered : ndarray of bool, shape (n,)
    of : callable of int -> str
        The label of an example in words, by its position.
    """

    ids: npt.NDArray[Any]
    covered: npt.NDArray[np.bool_]
    of: Callable[[int], str]

    @classmethod
    def of_one_task(cls, labels: SoftLabels) -> LabelsShown:
        """Show the most probable class and its probability."""
        return cls(labels.example_ids, labels.covered, partial(_label, labels))

    @classmethod
    def of_tasks(cls, labels: TaskLabels) -> LabelsShown:
        """Show the most probable state of each task on which something is known."""
        return cls(labels.example_ids, np.asarray(labels.covered.any(axis=1)), partial(_labels, labels))


def _label(labels: SoftLabels, row: int) -> str:
    best = int(np.argmax(labels.probs[row]))
    return f"{labels.classes[best]} {labels.probs[row, best]:.2f}"


def _labels(labels: TaskLabels, row: int) -> str:
    known = [name for t, name in enumerate(labels.graph.names) if labels.covered[row, t]]
    said = [f"{name}: {_label(labels.soft_labels(name), row)}" for name in known[:_TASKS_SHOWN]]
    return " · ".join([*said, f"{len(known) - _TASKS_SHOWN} more tasks"] if len(known) > _TASKS_SHOWN else said)


def augmentation_view(
    store: Store,
    artifacts: Mapping[str, ArtifactId],
    functions: Sequence[TransformationFunction],
    copies: KeptCopies,
    end_model: EndModelSettings,
    frame: pl.DataFrame,
    labels: LabelsShown,
) -> AugmentationView:
    """Gather what is shown.

    Parameters
    ----------
    store : Store
    artifacts : mapping of str to ArtifactId
        Of the run, by role.
    functions : sequence of TransformationFunction
        All of the project.
    copies : KeptCopies
    end_model : EndModelSettings
    frame : polars.DataFrame
        The fields of the end model, of all of train.
    labels : LabelsShown
        Of train.
    """
    record = msgspec.convert(store.get_json(artifacts["policy"]), PolicyRecord)
    safety = store.get_json(artifacts["safety"]) if "safety" in artifacts else {}
    found = store.get_json(artifacts["consistency"]) if "consistency" in artifacts else {}
    learned = {} if record.learned is None else _about(store, record.learned)
    used = [one.name for one in record.functions]
    shown = [*used, *(f.name for f in functions if f.name not in used)]
    every = copies.all()
    return AugmentationView(
        policy=_named(record, learned),
        outcome=learned.get("outcome", ""),
        functions=_functions(shown, functions, record, safety),
        drawn=DrawnSequences(every.functions[:_DRAWN], every.magnitudes[:_DRAWN]),
        examples=_examples(every, used, end_model, frame, labels),
        curve=_curve(learned.get("history", ())),
        chosen_step=learned.get("chosen_step"),
        safety=[_safety(row) for row in safety.get("rows", ())],
        threshold=safety.get("tolerance", math.nan),
        safety_note=safety.get("note", ""),
        consistency=[_consistency(row, found["findings"]) for row in found.get("rows", ())],
        consistency_note=_consistency_note(found),
    )


def _about(store: Store, learned: str) -> dict[str, Any]:
    """Return what a learned policy says of itself; it is not loaded, which would bring torch."""
    text = (store.get_folder(ArtifactId.parse(learned)) / "policy.json").read_text(encoding="utf-8")
    about: dict[str, Any] = json.loads(text)
    return about


def _named(record: PolicyRecord, learned: Mapping[str, Any]) -> str:
    words = record.policy.replace("_", " ")
    if learned:
        settings = learned["settings"]
        words = f"learned policy ({settings['generator'].replace('_', ' ')}, {settings['length']} steps)"
    copies = record.options["copies"]
    return f"{words[:1].upper()}{words[1:]}, {copies} {'copy' if copies == 1 else 'copies'} of each example"


def _functions(
    shown: Sequence[str], functions: Sequence[TransformationFunction], record: PolicyRecord, safety: Mapping[str, Any]
) -> list[TunableFunction]:
    known = {f.name: f for f in functions}
    bounds = {one.name: one.bounds for one in record.functions}
    verdicts = {one["function"]: one for one in safety.get("verdicts", ())}
    out = []
    for name in shown:
        own, verdict = known[name].magnitude, verdicts.get(name, {})
        said = (verdict.get("outcome", ""), verdict.get("why", ""))
        if own is None:
            out.append(TunableFunction(name, verdict=said[0], why=said[1]))
            continue
        low, high = bounds.get(name) or (own.low, own.high)
        out.append(TunableFunction(name, low, high, own.neutral, own.unit, *said))
    return out


def _examples(
    every: Copies, names: Sequence[str], end_model: EndModelSettings, frame: pl.DataFrame, labels: LabelsShown
) -> list[AugmentedExample]:
    """Show some covered examples beside their copies: those with most of them, drawn by a hash of their ids."""
    counts = np.bincount(every.origins, minlength=len(labels.ids)) * labels.covered
    order = np.lexsort((hash_ids(labels.ids), -np.minimum(counts, _VARIANTS)))[:_EXAMPLES]
    words = Sequences(every.origins, every.functions, every.magnitudes).words(list(names))
    as_text = end_model.kind == "text" and len(end_model.fields) == 1
    out = []
    for row in (row for row in order.tolist() if counts[row]):
        mine = np.flatnonzero(every.origins == row)[:_VARIANTS]
        originals, variants = (as_records(one, end_model.kind) for one in (frame[[row]], every.frame[mine]))
        values = [next(iter(one.values())) if as_text else one for one in (*originals, *variants)]
        out.append(
            AugmentedExample(
                kind="text" if as_text else "record",
                original=values[0],
                variants=[Variant(words[i], value) for i, value in zip(mine.tolist(), values[1:], strict=True)],
                label=labels.of(row),
                example_id=labels.ids[row].item(),
            )
        )
    return out


def _curve(history: Sequence[Mapping[str, Any]]) -> list[CurvePoint]:
    stride = max(1, len(history) // _CURVE)
    return [CurvePoint(one["step"], one["p_real_original"], one["p_real_augmented"]) for one in history[::stride]]


def _safety(row: Mapping[str, Any]) -> SafetyRow:
    magnitude = math.nan if row["magnitude"] is None else row["magnitude"]
    reasons = {"departs": "leaves the data", "collapses": "makes examples alike", "harms": "harms a class"}
    why = ", ".join(said for flag, said in reasons.items() if row[flag])
    departure, auc = _estimate(row["departure"]), _estimate(row["auc"])
    return SafetyRow(row["function"], magnitude, departure, row["accepted"], auc, why)


def _estimate(saved: Mapping[str, Any], *, n: str = "n") -> Estimate:
    value, low, high = (math.nan if saved[key] is None else saved[key] for key in ("value", "low", "high"))
    return Estimate(value, low, high, saved[n])


def _consistency(row: Mapping[str, Any], findings: Sequence[Mapping[str, Any]]) -> ConsistencyRow:
    blamed = {(one["source"], one["function"]) for one in findings}
    return ConsistencyRow(
        function=row["function"],
        source=row["source"],
        kept=_estimate(row["kept"], n="of"),
        flipped=row["changed"]["count"],
        lost=row["lost"]["count"],
        gained=row["gained"]["count"],
        suspicious=(row["source"], row["function"]) in blamed,
    )


def _consistency_note(found: Mapping[str, Any]) -> str:
    if not found:
        return ""
    said = [one["sentence"] for one in found["findings"][:5]] or ["No vote changes more often than it may."]
    return " ".join([f"{found['counted']:,} augmented examples, each with one function.", *said])
