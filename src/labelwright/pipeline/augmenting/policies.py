"""The policy that the settings name: built, learned, and what is kept of it."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from labelwright import augmentation
from labelwright.augmentation import Magnitude, Policy, TransformationFunction
from labelwright.core.errors import MissingExtraError, ProjectError
from labelwright.pipeline.settings import FILE_NAME, AugmentationSettings
from labelwright.store import ArtifactId, Store

from .fields import Examples

__all__ = [
    "BoundsRecord",
    "PolicyRecord",
    "bounded",
    "build_policy",
    "check_options",
    "learn_policy",
    "open_policy",
    "policy_record",
]

Progress = Callable[..., None]

# Sequences drawn in a round of learning; two rounds' worth of examples are the fewest there may be.
_BATCH, _FEWEST = 64, 16

_CLASSES = {
    "random": "Random",
    "rand_augment": "RandAugment",
    "trivial_augment": "TrivialAugment",
    "mean_field": "MeanField",
    "apply_all": "ApplyAll",
    "apply_each": "ApplyEach",
    "apply_one": "ApplyOne",
}


class BoundsRecord(msgspec.Struct, frozen=True):
    """A function that a policy chooses among: its name, its version, and the bounds within which it is used."""

    name: str
    version: str
    bounds: tuple[float, float] | None = None


class PolicyRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a run keeps of its policy: everything that decides what copies come out, and nothing else.

    Parameters
    ----------
    policy : str
        As ``augmentation.policy`` names it.
    functions : tuple of BoundsRecord
        In the order of the policy; what was rejected as unsafe is not among them.
    options : mapping of str to object
        ``copies``, and ``length`` or ``probabilities`` where the policy has them.
    learned : str, optional
        The artifact that holds the learned policy.
    """

    policy: str
    functions: tuple[BoundsRecord, ...]
    options: dict[str, Any]
    learned: str | None = None


def policy_record(
    settings: AugmentationSettings, functions: Sequence[TransformationFunction], learned: str | None = None
) -> PolicyRecord:
    """Return what to keep of the policy of these settings with these functions."""
    bounds = tuple(
        BoundsRecord(f.name, f.version, None if f.magnitude is None else (f.magnitude.low, f.magnitude.high))
        for f in functions
    )
    return PolicyRecord(settings.policy, bounds, _options(settings), learned)


def bounded(function: TransformationFunction, bounds: tuple[float, float] | None) -> TransformationFunction:
    """Return the function with other bounds of its magnitude; itself where they are what it has."""
    own = function.magnitude
    if own is None or bounds is None or (own.low, own.high) == tuple(bounds):
        return function
    low, high = bounds
    return dataclasses.replace(function, magnitude=Magnitude(low, high, own.neutral, own.unit))


def check_options(settings: AugmentationSettings, functions: Sequence[TransformationFunction]) -> None:
    """Check that the options of a policy are its own, and speak of functions that there are.

    Raises
    ------
    ProjectError
        If they do not.
    """
    names = [f.name for f in functions]
    given = settings.probabilities or {}
    wrong = [name for name in given if name not in names]
    if wrong:
        raise ProjectError(
            f"{FILE_NAME}: augmentation.probabilities names {wrong[0]!r}, which is no transformation function of "
            f"supervision.py; there are {', '.join(names)}."
        )
    if min(given.values(), default=0.0) < 0:
        raise ProjectError(f"{FILE_NAME}: augmentation.probabilities must be 0 or more.")
    if settings.policy == "learned":
        # Looked for and not imported: a run in which nothing changed has no use for it.
        if importlib.util.find_spec("torch") is None:
            raise _torch_missing()
        return
    taken = inspect.signature(_class(settings)).parameters
    left = [name for name in _options(settings) if name not in taken]
    if left:
        raise ProjectError(f'{FILE_NAME}: augmentation.{left[0]} is given, but policy = "{settings.policy}" has none.')


def build_policy(settings: AugmentationSettings, functions: Sequence[TransformationFunction]) -> Policy:
    """Build a policy that needs no learning."""
    options = _options(settings)
    if settings.policy == "mean_field":
        options["probabilities"] = _probabilities(settings.probabilities or {}, functions)
    built: Policy = _class(settings)(functions, **options)
    return built


def learn_policy(
    settings: AugmentationSettings,
    functions: Sequence[TransformationFunction],
    examples: Examples,
    *,
    encode: Callable[[Examples], Any] | None,
    valid: tuple[Examples, npt.NDArray[np.int64]] | None,
    checkpoint: Path,
    progress: Progress,
) -> Policy:
    """Learn a policy from unlabelled examples; one that was stopped goes on from its checkpoint.

    ``valid`` is labelled examples and their class codes, where the settings want some.

    Raises
    ------
    MissingExtraError
        If torch is not installed.
    ProjectError
        If there are too few examples.
    """
    given = {"length": settings.length, "generator": settings.generator, "steps": settings.steps}
    options: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if len(examples) < _FEWEST:
        raise ProjectError(
            f"train has {len(examples)} examples; a policy is learned from {_FEWEST} at least. Set augmentation.policy "
            f'in {FILE_NAME} to one that needs no learning, such as "random".'
        )
    options["batch_size"] = min(_BATCH, len(examples) // 8 * 4)
    policy = _learned_policy()(functions, **options, encode=encode, random_state=settings.random_state)
    # Many small products: what threads of BLAS save there, waiting for them costs several times over.
    with threadpool_limits(limits=1, user_api="blas"):
        learned: Policy = policy.fit(examples, valid=valid, checkpoint=checkpoint, progress=progress)
    return learned


def open_policy(
    store: Store,
    record: PolicyRecord,
    settings: AugmentationSettings,
    functions: Sequence[TransformationFunction],
) -> Policy:
    """Return the policy that a run kept.

    Parameters
    ----------
    store : Store
    record : PolicyRecord
    settings : AugmentationSettings
        Of that run.
    functions : sequence of TransformationFunction
        Those of the project; taken by name, and with the bounds that the record says.

    Raises
    ------
    ProjectError
        If one of the record's is not among them, or is another than it was.
    """
    known = {f.name: f for f in functions}
    used = []
    for one in record.functions:
        function = bounded(known[one.name], one.bounds) if one.name in known else None
        if function is None or function.version != one.version:
            what = "is not there any more" if function is None else "is not what it was"
            raise ProjectError(f"transformation function {one.name!r} {what}; run the project again: labelwright run.")
        used.append(function)
    if record.learned is None:
        return build_policy(settings, used)
    loaded: Any = _learned_policy().load(store.get_folder(ArtifactId.parse(record.learned)), used)
    # How many copies are drawn is no part of what is learned: another number needs no learning.
    loaded.copies = settings.copies
    policy: Policy = loaded
    return policy


def _learned_policy() -> Any:
    return importlib.import_module("labelwright.augmentation.learned").LearnedPolicy


def _torch_missing() -> MissingExtraError:
    return MissingExtraError('augmentation.policy = "learned" (policy = "random" and others need none)', "torch")


def _class(settings: AugmentationSettings) -> Any:
    return getattr(augmentation, _CLASSES[settings.policy])


def _options(settings: AugmentationSettings) -> dict[str, Any]:
    options: dict[str, Any] = {"copies": settings.copies}
    if settings.length is not None:
        options["length"] = settings.length
    if settings.probabilities is not None:
        options["probabilities"] = dict(sorted(settings.probabilities.items()))
    return options


def _probabilities(given: Mapping[str, float], functions: Sequence[TransformationFunction]) -> npt.NDArray[np.float64]:
    """Return the probability of each function that is used; those that are not leave theirs to the rest."""
    values = np.array([given.get(f.name, 0.0) for f in functions])
    if not values.sum() > 0:
        raise ProjectError(f"{FILE_NAME}: augmentation.probabilities leaves nothing for the functions that are used.")
    return np.asarray(values / values.sum())
