"""Which transformation functions are safe to use, without labels; and what is kept of that."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from labelwright.augmentation import TransformationFunction
from labelwright.augmentation.safety import safety_report
from labelwright.core.errors import ProjectError
from labelwright.pipeline.settings import AugmentationSettings

from .fields import Examples
from .policies import bounded

__all__ = ["accepted_functions", "judge_safety"]


def judge_safety(
    functions: Sequence[TransformationFunction],
    examples: Examples,
    encode: Callable[[Examples], Any] | None,
    settings: AugmentationSettings,
) -> dict[str, Any]:
    """Return the safety report of functions on unlabelled examples, as plain values."""
    found = safety_report(functions, examples, encode=encode, random_state=settings.random_state)
    plain: dict[str, Any] = found.to_dict()
    return plain


def accepted_functions(
    functions: Sequence[TransformationFunction], report: Mapping[str, Any]
) -> list[TransformationFunction]:
    """Return what may stay: functions that were accepted, and those that were narrowed within their new bounds.

    Raises
    ------
    ProjectError
        If nothing may stay.
    """
    verdicts = {one["function"]: one for one in report["verdicts"]}
    kept = []
    for function in functions:
        verdict = verdicts[function.name]
        if verdict["outcome"] == "narrowed":
            kept.append(bounded(function, (verdict["low"], verdict["high"])))
        elif verdict["outcome"] == "accepted":
            kept.append(function)
    if not kept:
        why = "; ".join(f"{name}: {one['why']}" for name, one in verdicts.items())
        raise ProjectError(
            f"augmentation.safety leaves no transformation function: {why}. Look at them with `labelwright augment "
            "--show`, narrow their magnitudes, or set safety = false."
        )
    return kept
