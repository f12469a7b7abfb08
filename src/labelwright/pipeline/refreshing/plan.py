"""What a refresh has to do, and why: steps with reasons, operation counts, and what they will cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from labelwright.functions.versions import Explanation

__all__ = ["Plan", "Stage", "Step", "function_changes", "setting_changes"]

Stage = Literal[
    "data",
    "votes",
    "slices",
    "stats",
    "label_model",
    "soft_labels",
    "safety",
    "policy",
    "augmentation",
    "end_model",
    "report",
]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do.

    Parameters
    ----------
    stage : {"data", "votes", "slices", "stats", "label_model", "soft_labels", "safety", "policy", "augmentation", \
"end_model", "report"}
    what : str
        What is made again, for people.
    reason : str
        Why.
    operations : int
        How many times something is done: function applications, rows summarised or labelled, models fitted.
    seconds : float or None
        What that took per operation when it was done last, times ``operations``; ``None`` where it is not known.

    Examples
    --------
    >>> str(Step("votes", "votes of lf_opacity", "source changed: line 12", 1000, 0.5))
    'votes of lf_opacity: source changed: line 12 (1,000 applications, about 0.5 s)'
    """

    stage: Stage
    what: str
    reason: str
    operations: int = 0
    seconds: float | None = None

    def __str__(self) -> str:
        models = dict.fromkeys(("label_model", "safety", "policy", "end_model", "report"), "")
        unit = {"votes": "applications", "slices": "applications", "augmentation": "examples", **models}.get(
            self.stage, "rows"
        )
        size = [f"{self.operations:,} {unit}"] if self.operations and unit else []
        size += [] if self.seconds is None else [f"about {_duration(self.seconds)}"]
        return f"{self.what}: {self.reason}" + (f" ({', '.join(size)})" if size else "")

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "stage": self.stage,
            "what": self.what,
            "reason": self.reason,
            "operations": self.operations,
            "seconds": None if self.seconds is None else round(self.seconds, 4),
        }


@dataclass(frozen=True, slots=True)
class Plan:
    """What a refresh would do, in order; nothing where all is up to date.

    Parameters
    ----------
    steps : tuple of Step
    compared_with : str
        The run that reasons speak of, for people; empty for the first run.
    """

    steps: tuple[Step, ...]
    compared_with: str = ""

    @property
    def operations(self) -> dict[str, int]:
        """Operations by stage."""
        out: dict[str, int] = {}
        for step in self.steps:
            out[step.stage] = out.get(step.stage, 0) + step.operations
        return out

    @property
    def seconds(self) -> float | None:
        """The estimates together, ``None`` where there are none."""
        known = [step.seconds for step in self.steps if step.seconds is not None]
        return sum(known) if known else None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "steps": [step.to_dict() for step in self.steps],
            "operations": self.operations,
            "seconds": None if self.seconds is None else round(self.seconds, 4),
            "compared_with": self.compared_with,
        }

    def __str__(self) -> str:
        since = f" since {self.compared_with}" if self.compared_with else ""
        if not self.steps:
            return f"Nothing to do: nothing changed{since}."
        total = "" if self.seconds is None else f"\nAbout {_duration(self.seconds)} in all."
        return "\n".join([f"To do{since}:", *(f"  {step}" for step in self.steps)]) + total

    def _repr_html_(self) -> str:
        # Not at the top: a plan is plain values, and needs no tables unless a notebook shows it.
        from .showing import plan_html

        return plan_html(self)


def function_changes(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Say of each function that is new, changed or gone what happened to it.

    Parameters
    ----------
    before, after : sequence of mapping
        Records as `labelwright.pipeline.supervision.record` makes them.

    Returns
    -------
    dict of str to str
        Functions that are as they were are not in it.
    """
    old = {f["name"]: f for f in before}
    out = {}
    for function in after:
        name = function["name"]
        if name not in old:
            out[name] = "new"
        elif old[name]["version"] != function["version"]:
            out[name] = _difference(old[name], function)
    now = {f["name"] for f in after}
    return out | {name: "removed" for name in old if name not in now}


def setting_changes(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> list[str]:
    """Return the keys of the settings that differ, as ``label_model.method``.

    Examples
    --------
    >>> setting_changes({"label_model": {"method": "mace"}}, {"label_model": {"method": "glad"}})
    ['label_model.method']
    """
    if before is None:
        return []
    old, new = _flat(before), _flat(after)
    missing = object()
    return sorted(key for key in old.keys() | new.keys() if old.get(key, missing) != new.get(key, missing))


def _difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    if "explanation" not in old or "explanation" not in new:
        return "changed"
    before, after = (Explanation.from_dict(f["explanation"]) for f in (old, new))
    return "; ".join(before.changes(after)) or "changed"


def _flat(values: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{path}.{key}" if path else key
        out |= _flat(value, name) if isinstance(value, Mapping) else {name: value}
    return out


def _duration(seconds: float) -> str:
    if seconds < 0.1:
        return "0.1 s or less"
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
