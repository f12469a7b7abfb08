"""What ``labelwright.toml`` may say of augmentation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, TypeAlias

import msgspec

from .judging_settings import SettingsTable

__all__ = ["AugmentationSettings", "PolicyName", "augmentation_faults"]

PolicyName: TypeAlias = Literal[
    "learned",
    "random",
    "rand_augment",
    "trivial_augment",
    "mean_field",
    "apply_all",
    "apply_each",
    "apply_one",
]


class AugmentationSettings(SettingsTable, frozen=True):
    """``[augmentation]``: how the transformation functions of ``supervision.py`` make copies of training examples.

    Without the table nothing is augmented. ``length`` is the number of steps in a sequence, for policies that have one;
    ``copies`` the number of augmented copies of each example. ``probabilities`` are of the ``"mean_field"`` policy, by
    function. ``generator`` and ``steps`` are of the learned policy: what proposes sequences, and how long it learns.
    ``examples`` is how many unlabelled examples of train are looked at, to learn the policy and to judge what is safe.
    ``valid`` lets the gold of the split valid say what an augmented example teaches; by default a policy learns without
    labels. ``refresh`` says what a run does with a learned policy whose examples changed: ``"learn"`` it again, or
    ``"keep"`` it; where functions or settings changed, it is learned again in any case.
    """

    policy: PolicyName = "learned"
    length: int | None = None
    copies: int = 1
    on_error: Literal["raise", "skip"] = "raise"
    safety: bool = False
    probabilities: dict[str, float] | None = None
    generator: Literal["gru", "lstm", "mean_field", "transformer"] | None = None
    steps: int | None = None
    examples: int = 10_000
    # Unset where the file says nothing, so that what runs kept before there was the key stays as it is.
    valid: bool | msgspec.UnsetType = msgspec.UNSET
    refresh: Literal["learn", "keep"] = "learn"
    random_state: int = 0


def augmentation_faults(settings: AugmentationSettings | msgspec.UnsetType, end_model: str) -> Iterator[str]:
    """Yield what is wrong with the table, each a sentence that begins with the key.

    Examples
    --------
    >>> next(augmentation_faults(AugmentationSettings(policy="random", steps=100), "text"))
    'augmentation.steps is given, but it is of the learned policy, and policy is "random"; take it out.'
    """
    if isinstance(settings, msgspec.UnsetType):
        return
    if end_model == "none":
        yield "[augmentation] needs an end model: augmented examples are what it trains on. Set end_model.kind."
    for key in ("length", "copies", "steps", "examples"):
        value = getattr(settings, key)
        if value is not None and value < 1:
            yield f"augmentation.{key} is {value}; it must be at least 1."
    for key in ("generator", "steps"):
        if getattr(settings, key) is not None and settings.policy != "learned":
            yield (
                f"augmentation.{key} is given, but it is of the learned policy, and policy is "
                f'"{settings.policy}"; take it out.'
            )
    if settings.valid and settings.policy != "learned":
        yield (
            f'augmentation.valid is given, but it is of the learned policy, and policy is "{settings.policy}"; take it '
            "out."
        )
    if (settings.policy == "mean_field") != (settings.probabilities is not None):
        given = "is given" if settings.probabilities is not None else "is missing"
        yield (
            f'augmentation.probabilities {given}, and policy is "{settings.policy}"; the mean_field policy, and no '
            "other, needs a probability for each function, such as probabilities = { typos = 0.5, swap = 0.5 }."
        )
