"""What must be there before the first round: held-out examples, functions that work, both players."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from labelwright.augmentation.applying import apply_sequences
from labelwright.augmentation.base import Batch, TransformationFunction
from labelwright.augmentation.batches import batch_of, is_dense, take
from labelwright.augmentation.checks import Finding, check_functions, refuse_findings
from labelwright.augmentation.sequences import Sequences
from labelwright.core.errors import ModelError

from .actions import Actions
from .discriminators import make_discriminator
from .encoders import Encoder, check_encoded, make_encoder
from .generators import make_generator
from .settings import Settings
from .students import Students
from .training import Game

__all__ = ["Seats", "prepare"]

# Originals that nobody learns from, on which generators are judged.
_HELD_SHARE, _HELD_MOST = 0.2, 500
# Of these, what says how strange real examples are: enough for one in twenty, and looked at in every round.
_USUAL = 256
# Originals from which units, axes and the discriminator's shape are found.
_SAMPLE = 5000
# Originals on which each function is tried before learning.
_TRIED = 16
# What cannot be counted and passed over: the originals would change, or the same seed would not give the same policy.
_FATAL = ("in place", "global chance", "not repeatable")


@dataclass(frozen=True, slots=True)
class Seats:
    """Everything that rounds need.

    Parameters
    ----------
    examples, held : Batch
        Originals that the players learn from, and those kept for judging.
    encoder : callable
    actions : Actions
    game : Game
    left_out : dict of str to str
        Functions that failed on every example they were tried on, with the first message.
    findings : tuple of Finding
        Rules that functions break on some examples; there they do nothing.
    fingerprint : str
        Hash of a sample of the originals, as encoded, and of the labelled examples.
    """

    examples: Batch
    held: Batch
    encoder: Encoder
    actions: Actions
    game: Game
    left_out: dict[str, str]
    findings: tuple[Finding, ...]
    fingerprint: str


def prepare(
    settings: Settings,
    examples: Batch,
    encode: Callable[[Batch], Any] | None,
    discriminator: Literal["auto"] | nn.Module,
    valid: tuple[Batch, npt.ArrayLike] | None,
    rng: np.random.Generator,
) -> Seats:
    """Split the examples, try every function on a few, and make the players."""
    if is_dense(examples):
        check_encoded(torch.as_tensor(examples), len(examples))
    order = rng.permutation(len(examples))
    held = min(int(_HELD_SHARE * len(examples)), _HELD_MOST)
    rest = np.sort(order[held:])
    encoder = make_encoder(examples, encode, rng)
    sample = encoder(take(examples, rest[:: -(-len(rest) // _SAMPLE)]))
    check_encoded(sample, len(sample))
    tried = take(examples, rest[:_TRIED])
    findings = check_functions(settings.functions, tried, rng)
    refuse_findings([finding for finding in findings if finding.kind in _FATAL])
    left_out = _always_failing(settings.functions, tried, rng)
    if len(left_out) == len(settings.functions):
        name, message = next(iter(left_out.items()))
        raise ModelError(f"every function failed on every example that it was tried on; {name!r}: {message}")
    actions = settings.lay_out(left_out)
    aside = take(examples, np.sort(order[:held]))
    students = None
    if valid is not None and settings.objective == "within":
        students = Students(batch_of(valid[0]), valid[1], encoder, rng, settings.random_state)
        check_encoded(students.encoded, len(students.labels))
        if students.encoded.shape[1:] != sample.shape[1:]:
            raise ModelError(
                f"labelled examples have shape {tuple(students.encoded.shape[1:])} and the others "
                f"{tuple(sample.shape[1:])}; valid needs examples of the same kind."
            )
    usual = encoder(take(aside, np.arange(min(held, _USUAL)))) if settings.objective == "within" else None
    return Seats(
        examples=take(examples, rest),
        held=aside,
        encoder=encoder,
        actions=actions,
        game=_seated(settings, actions, encoder, sample, discriminator, usual, students),
        left_out=left_out,
        findings=findings,
        fingerprint=_fingerprint(sample, students),
    )


def _fingerprint(sample: torch.Tensor, students: Students | None) -> str:
    digest = hashlib.sha256(sample.cpu().numpy().tobytes())
    if students is not None:
        digest.update(students.encoded.cpu().numpy().tobytes() + students.labels.cpu().numpy().tobytes())
    return digest.hexdigest()


def _always_failing(
    functions: Sequence[TransformationFunction], tried: Batch, rng: np.random.Generator
) -> dict[str, str]:
    """Return functions that raised or broke a rule on every example, with the first message."""
    found: dict[str, str] = {}
    n = len(tried)
    for function in functions:
        magnitudes = np.full((n, 1), np.nan)
        if function.magnitude is not None:
            # Halfway to either bound.
            magnitudes[:, 0] = function.magnitude.at(rng.choice(function.magnitude.sides, size=n) * 0.5)
        asked = Sequences(np.arange(n), np.zeros((n, 1), dtype=np.int64), magnitudes)
        failures = apply_sequences([function], tried, asked, rng, on_error="skip").failures
        if sum(failure.count for failure in failures) == n:
            found[function.name] = failures[0].first[0][1]
    return found


def _seated(
    settings: Settings,
    actions: Actions,
    encoder: Encoder,
    sample: torch.Tensor,
    discriminator: Literal["auto"] | nn.Module,
    usual: torch.Tensor | None,
    students: Students | None,
) -> Game:
    """Make the players; first weights follow from ``random_state``, and torch's own chance is not touched."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(settings.random_state)
        generator = make_generator(settings.generator, actions.prior, settings.length)
        judge = (
            copy.deepcopy(discriminator) if isinstance(discriminator, nn.Module) else make_discriminator(sample.cpu())
        )
    return Game(
        settings.rules(), settings.functions, actions, generator, judge.to(sample.device), encoder, usual, students
    )
