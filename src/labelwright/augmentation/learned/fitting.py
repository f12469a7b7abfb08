"""Learning from beginning to end: preparation, rounds, checkpoints, selection."""

from __future__ import annotations

import copy
import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from labelwright.augmentation.base import Batch, TransformationFunction
from labelwright.core.errors import ModelError

from .actions import Actions
from .discriminators import make_discriminator
from .encoders import Encoder, check_encoded, make_encoder
from .estimators import EstimatorName
from .generators import Generator, GeneratorName, make_generator
from .storing import read_tensors, write_tensors
from .training import SAMPLES, Game, Rules, taken

__all__ = ["Learned", "Settings", "learn"]

_CHECKPOINT = "learning.safetensors"
# Rounds in which only the discriminator learns: before it knows anything, its answers reward chance.
_WARM_UP = 0.1
# How often the state is written, and how many generators there are to select from, as a share of all rounds.
_STRIDES = 20
# Originals from which units, axes and the discriminator's shape are found.
_SAMPLE = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What decides what is learned, besides the examples; see `LearnedPolicy`."""

    functions: tuple[TransformationFunction, ...]
    length: int
    generator: GeneratorName
    levels: int
    estimator: Literal["auto"] | EstimatorName
    diversity: float
    entropy: float
    discount: float
    steps: int
    batch_size: int
    random_state: int

    def lay_out(self, leave_out: Mapping[str, str]) -> Actions:
        """Return the table of actions, without functions that always failed."""
        return Actions.of(self.functions, levels=self.levels, leave_out=leave_out)

    def rules(self) -> Rules:
        """Return the settings of the game."""
        # A table moves by its rate alone, while every weight of a network moves a whole row of scores.
        rate = 0.05 if self.generator == "mean_field" else 0.005
        return Rules(
            batch_size=self.batch_size,
            diversity=self.diversity,
            entropy=self.entropy,
            discount=self.discount,
            generator_rate=rate,
            discriminator_rate=0.002,
            # The average remembers a tenth of all rounds.
            averaging=max(0.0, 1 - 10 / self.steps),
        )

    def record(self) -> dict[str, Any]:
        """Return the settings as plain values, functions by name and version."""
        plain = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "functions"}
        return {**plain, "functions": [[function.name, function.version] for function in self.functions]}


@dataclass(frozen=True, slots=True)
class Learned:
    """What learning came to; see the attributes of `LearnedPolicy`."""

    actions: Actions
    generator: Generator
    discriminator: nn.Module
    history: tuple[dict[str, Any], ...]
    outcome: str
    chosen_step: int
    estimator: EstimatorName
    variances: dict[EstimatorName, float]
    left_out: dict[str, str]


@dataclass(slots=True)
class _State:
    """What must be kept, besides tensors, so that learning goes on to the very same bits."""

    step: int = 0
    estimator: EstimatorName | None = None
    variances: dict[EstimatorName, float] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)


def learn(
    settings: Settings,
    examples: Batch,
    *,
    discriminator: Literal["auto"] | nn.Module,
    encode: Callable[[Batch], Any] | None,
    valid: tuple[Batch, npt.ArrayLike] | None,
    checkpoint: str | os.PathLike[str] | None,
    progress: Callable[[Any], None] | None,
) -> Learned:
    """Learn a generator; see `LearnedPolicy.fit`."""
    _check(settings, len(examples))
    rng = np.random.default_rng(settings.random_state)
    encoder = make_encoder(examples, encode, rng)
    sample = _encoded_sample(examples, encoder, rng)
    left_out: dict[str, str] = {}
    actions = settings.lay_out(left_out)
    game = _seat(settings, actions, encoder, sample, discriminator)
    state = _State()
    path = None if checkpoint is None else Path(checkpoint) / _CHECKPOINT
    mark = _fingerprint(settings, len(examples), sample) if path else ""
    if path and path.exists():
        _resume(path, mark, game, state, rng)
    stride = max(1, settings.steps // _STRIDES)
    while state.step < settings.steps:
        _round(settings, game, state, examples, rng)
        if path and (state.step % stride == 0 or state.step == settings.steps):
            _keep(path, mark, game, state, rng)
    assert state.estimator is not None
    outcome = f"Learned in {settings.steps} rounds."
    return Learned(
        actions,
        game.average,
        game.discriminator.eval(),
        tuple(state.history),
        outcome,
        state.step,
        state.estimator,
        state.variances,
        left_out,
    )


def _round(settings: Settings, game: Game, state: _State, examples: Batch, rng: np.random.Generator) -> None:
    warming = state.step < _WARM_UP * settings.steps
    if not warming and state.estimator is None:
        if settings.estimator == "auto":
            state.variances = game.variances(examples, rng)
            _, state.estimator = min((variance, name) for name, variance in state.variances.items())
        else:
            state.estimator = settings.estimator
    estimator = state.estimator or "batch_mean"
    record = game.step(examples, estimator, SAMPLES[estimator], rng, learn=not warming)
    state.step += 1
    state.history.append({"step": state.step, **record})


def _seat(
    settings: Settings,
    actions: Actions,
    encoder: Encoder,
    sample: torch.Tensor,
    discriminator: Literal["auto"] | nn.Module,
) -> Game:
    """Make both players; first weights follow from ``random_state``, and torch's own chance is not touched."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(settings.random_state)
        generator = make_generator(settings.generator, actions.prior, settings.length)
        judge = make_discriminator(sample.cpu()) if discriminator == "auto" else copy.deepcopy(discriminator)
    return Game(settings.rules(), settings.functions, actions, generator, judge.to(sample.device), encoder)


def _check(settings: Settings, n: int) -> None:
    if n < settings.batch_size:
        raise ModelError(
            f"there are {n} examples and batch_size is {settings.batch_size}; a policy needs at least a batch of "
            "examples. Pass more, or a smaller batch_size."
        )
    if settings.batch_size % 4 or settings.batch_size < 8:
        raise ModelError(f"batch_size is {settings.batch_size}; it must be a multiple of 4, and at least 8.")
    if settings.estimator not in ("auto", *SAMPLES):
        raise ModelError(f"estimator is {settings.estimator!r}; allowed: 'auto', {', '.join(map(repr, SAMPLES))}.")
    for name, high in (("diversity", np.inf), ("entropy", np.inf), ("discount", 1.0)):
        if not 0 <= getattr(settings, name) <= high:
            raise ModelError(f"{name} is {getattr(settings, name)}; it must lie in [0, {high:g}].")


def _encoded_sample(examples: Batch, encoder: Encoder, rng: np.random.Generator) -> torch.Tensor:
    if hasattr(examples, "shape"):
        check_encoded(torch.as_tensor(examples), len(examples))
    chosen = np.sort(rng.permutation(len(examples))[:_SAMPLE])
    encoded = encoder(taken(examples, chosen))
    check_encoded(encoded, len(chosen))
    return encoded


def _fingerprint(settings: Settings, n: int, sample: torch.Tensor) -> str:
    """Hash what a checkpoint belongs to."""
    digest = hashlib.sha256(json.dumps([settings.record(), n]).encode())
    digest.update(sample.cpu().numpy().tobytes())
    return digest.hexdigest()


def _keep(path: Path, mark: str, game: Game, state: _State, rng: np.random.Generator) -> None:
    write_tensors(path, game.tensors(), {"mark": mark, "state": asdict(state), "rng": rng.bit_generator.state})


def _resume(path: Path, mark: str, game: Game, state: _State, rng: np.random.Generator) -> None:
    tensors, record = read_tensors(path)
    if record["mark"] != mark:
        raise ModelError(
            f"{path} was written by a fit with other settings, functions or examples; pass another folder, or remove "
            "it to begin again."
        )
    game.restore(tensors)
    for name, value in record["state"].items():
        setattr(state, name, value)
    rng.bit_generator.state = record["rng"]
