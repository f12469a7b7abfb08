"""What ``labelwright augment`` returns: the policy of a project, and how it came to be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from labelwright.pipeline.augmenting.policies import PolicyRecord
from labelwright.pipeline.augmenting.stage import Augmenting
from labelwright.store import ArtifactId

from .plan import Step

__all__ = ["AugmentResult", "UsedFunction", "result_of"]


@dataclass(frozen=True, slots=True)
class UsedFunction:
    """What became of one transformation function.

    Parameters
    ----------
    name : str
    bounds : (float, float) or None
        Within which magnitudes are drawn; ``None`` where it has no magnitude, or is not used.
    verdict : {"", "accepted", "narrowed", "rejected"}
        Of the safety report; empty where it was not asked for.
    why : str
        Of the verdict.
    probability : float or None
        How often a step of the learned policy is this function, on average over steps; ``None`` for other policies.
    """

    name: str
    bounds: tuple[float, float] | None
    verdict: str = ""
    why: str = ""
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class AugmentResult:
    """The policy of a project.

    Parameters
    ----------
    policy : str
        As the settings name it.
    examples : int
        How many unlabelled examples were looked at; 0 where the policy needs none.
    learned : bool
        Whether it was learned now.
    outcome : str
        How learning ended; empty for policies that learn nothing.
    functions : tuple of UsedFunction
    nothing : float or None
        How often a step of the learned policy does nothing.
    steps : tuple of Step
        What was made now, and why.
    artifacts : mapping of str to ArtifactId
    seconds : float
    """

    policy: str
    examples: int
    learned: bool
    outcome: str
    functions: tuple[UsedFunction, ...]
    nothing: float | None
    steps: tuple[Step, ...]
    artifacts: Mapping[str, ArtifactId]
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        plain: dict[str, Any] = msgspec.to_builtins(self, builtin_types=(ArtifactId,))
        return plain | {
            "steps": [step.to_dict() for step in self.steps],
            "artifacts": {role: str(key) for role, key in self.artifacts.items()},
            "seconds": round(self.seconds, 3),
        }


def result_of(augmenting: Augmenting, steps: Sequence[Step], seconds: float) -> AugmentResult:
    """Gather what a policy that was settled is."""
    store, made = augmenting.database.store, augmenting.artifacts
    record = msgspec.convert(store.get_json(made["policy"]), PolicyRecord)
    verdicts = {}
    if "safety" in made:
        verdicts = {one["function"]: one for one in store.get_json(made["safety"])["verdicts"]}
    policy: Any = augmenting.policy() if record.learned is not None else None
    shares = {} if policy is None else _shares(policy.frequencies_)
    used = {one.name: one for one in record.functions}
    functions = tuple(
        UsedFunction(
            f.name,
            used[f.name].bounds if f.name in used else None,
            verdicts.get(f.name, {}).get("outcome", ""),
            verdicts.get(f.name, {}).get("why", ""),
            None if policy is None else shares.get(f.name, 0.0),
        )
        for f in augmenting.functions
    )
    return AugmentResult(
        policy=record.policy,
        examples=len(augmenting.examples()) if "unlabelled" in made else 0,
        learned=bool(augmenting.operations.get("policies_learned")),
        outcome="" if policy is None else policy.outcome_,
        functions=functions,
        nothing=shares.get("nothing"),
        steps=tuple(steps),
        artifacts={role: made[role] for role in ("unlabelled", "labelled", "safety", "policy") if role in made},
        seconds=seconds,
    )


def _shares(frequencies: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Add up how often each function is drawn, over magnitudes and on average over steps."""
    shares: dict[str, float] = {}
    for one in frequencies:
        steps = one["probability"]
        shares[one["function"]] = shares.get(one["function"], 0.0) + sum(steps) / len(steps)
    return shares
