"""Learning from beginning to end: rounds, checkpoints, and which generator is kept."""

from __future__ import annotations

import copy
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from labelwright.augmentation.applying import apply_sequences
from labelwright.augmentation.base import Batch
from labelwright.augmentation.batches import batch_of
from labelwright.core.errors import ModelError
from labelwright.core.progress import ProgressLine, duration

from .actions import Actions
from .estimators import EstimatorName
from .generators import Generator
from .preparing import Seats, prepare
from .selection import Judgement, check_valid, hardest_to_tell, judge, labelled_loss
from .settings import Settings
from .storing import read_tensors, write_tensors
from .training import SAMPLES

__all__ = ["Learned", "LearningProgress", "learn"]

_CHECKPOINT = "learning.safetensors"
# Rounds in which only the discriminator learns: before it knows anything, its answers reward chance.
_WARM_UP = 0.1
# How much of what was learned may count, where labels decide: from random augmentation to all that was learned.
_TRUSTS = (0.0, 0.25, 0.5, 1.0)
# Sequences on which two generators are compared.
_PREFIXES = 256
# How many generators there are to select from, and how often the state is written.
_MARKS = 10
# Learning ends early when the generator has moved less than this between two marks, twice in a row: by the share of
# actions that would have to be drawn anew.
_STILL = 0.03


@dataclass(frozen=True, slots=True)
class LearningProgress:
    """Where learning stands: the rounds done and to be done at most, rounds per second, seconds left at that rate."""

    step: int
    steps: int
    rounds_per_second: float
    seconds_left: float

    def __str__(self) -> str:
        rate, left = f"{self.rounds_per_second:.1f} rounds/s", f"{duration(self.seconds_left)} left"
        return f"round {self.step}/{self.steps} · {rate} · {left}"


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
    findings: tuple[str, ...]
    marks: tuple[dict[str, Any], ...]
    trusts: tuple[dict[str, float], ...]


@dataclass(slots=True)
class _State:
    """What must be kept, besides the players' tensors, so that learning goes on to the very same bits."""

    step: int = 0
    estimator: EstimatorName | None = None
    variances: dict[EstimatorName, float] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    marks: list[dict[str, Any]] = field(default_factory=list)
    generators: dict[str, torch.Tensor] = field(default_factory=dict)

    def stops(self, settings: Settings) -> bool:
        """Whether all rounds are done, or the generator stands still."""
        if self.step < settings.steps / 2 or settings.objective == "within":
            # The discriminator may only now be finding out what gives augmented examples away; and students learn until
            # the end, what an example is worth to them changes, and an average over so many rounds never moves fast.
            return self.step >= settings.steps
        return self.step >= settings.steps or all(mark["moved"] < _STILL for mark in self.marks[-2:])


def learn(
    settings: Settings,
    examples: Batch,
    *,
    discriminator: Literal["auto"] | nn.Module,
    encode: Callable[[Batch], Any] | None,
    valid: tuple[Batch, npt.ArrayLike] | None,
    checkpoint: str | os.PathLike[str] | None,
    progress: Callable[[LearningProgress], None] | None,
) -> Learned:
    """Learn a generator; see `LearnedPolicy.fit`."""
    settings.check(len(examples))
    if valid is not None:
        check_valid(valid)
    rng = np.random.default_rng(settings.random_state)
    seats = prepare(settings, batch_of(examples), encode, discriminator, valid, rng)
    learner = _Learner(settings, seats, None if checkpoint is None else Path(checkpoint) / _CHECKPOINT, rng)
    learner.run(progress)
    return learner.finish(valid)


class _Learner:
    """The rounds of one fit, from a checkpoint on if there is one."""

    def __init__(self, settings: Settings, seats: Seats, path: Path | None, rng: np.random.Generator) -> None:
        self.settings, self.seats, self.path, self.rng = settings, seats, path, rng
        self.state = _State()
        self.fingerprint = ""
        if path is not None:
            digest = hashlib.sha256(json.dumps([settings.record(), len(seats.examples)]).encode())
            self.fingerprint = digest.hexdigest() + seats.fingerprint
            if path.exists():
                self._resume(path)

    def run(self, progress: Callable[[LearningProgress], None] | None) -> None:
        line = ProgressLine(progress)
        first = self.state.step
        if not self.state.marks:
            self._mark()
        every = max(1, self.settings.steps // _MARKS)
        try:
            while not self.state.stops(self.settings):
                self._round()
                last = self.state.step == self.settings.steps
                if last or self.state.step % every == 0:
                    self._mark()
                seconds = line.due(finished=last)
                if seconds is not None:
                    rate = (self.state.step - first) / seconds
                    left = (self.settings.steps - self.state.step) / rate
                    line.tell(LearningProgress(self.state.step, self.settings.steps, rate, left))
        finally:
            line.close()

    def _round(self) -> None:
        settings, state, game = self.settings, self.state, self.seats.game
        warming = state.step < _WARM_UP * settings.steps
        if not warming and state.estimator is None:
            if settings.estimator == "auto":
                state.variances = game.variances(self.seats.examples, self.rng)
                _, state.estimator = min((variance, name) for name, variance in state.variances.items())
            else:
                state.estimator = settings.estimator
        estimator = state.estimator or "batch_mean"
        record = game.step(self.seats.examples, estimator, SAMPLES[estimator], self.rng, learn=not warming)
        state.step += 1
        state.history.append({"step": state.step, **record})

    def _mark(self) -> None:
        """Keep the generator as it is now, and write the state."""
        state, game = self.state, self.seats.game
        if state.estimator is not None or not state.marks:
            moved = self._moved()
            prefix = f"{len(state.marks)}."
            state.generators.update({prefix + name: t.clone() for name, t in game.average.state_dict().items()})
            state.marks.append({"step": state.step, "moved": moved})
        if self.path is not None:
            record = {name: getattr(state, name) for name in _PLAIN}
            tensors = {f"mark.{name}": tensor for name, tensor in state.generators.items()}
            about = {"fingerprint": self.fingerprint, "state": record, "rng": self.rng.bit_generator.state}
            write_tensors(self.path, {**game.tensors(), **tensors}, about)

    def _moved(self) -> float:
        """Return the total variation between the generator and that of the mark before, a mean over steps."""
        if not self.state.marks:
            return 1.0
        now = self.seats.game.average
        before = copy.deepcopy(now)
        self._load(before, len(self.state.marks) - 1)
        codes = torch.from_numpy(now.draw(np.random.default_rng(0).random((_PREFIXES, now.length))))
        with torch.no_grad():
            apart = now.log_probabilities(codes).exp() - before.log_probabilities(codes).exp()
        return apart.abs().sum(dim=2).mean().item() / 2

    def _resume(self, path: Path) -> None:
        tensors, record = read_tensors(path)
        if record["fingerprint"] != self.fingerprint:
            raise ModelError(
                f"{path} was written by a fit with other settings, functions or examples; pass another folder, or "
                "remove it to begin again."
            )
        self.seats.game.restore(tensors)
        for name in _PLAIN:
            setattr(self.state, name, record["state"][name])
        self.state.generators = {k.removeprefix("mark."): v for k, v in tensors.items() if k.startswith("mark.")}
        self.rng.bit_generator.state = record["rng"]

    def finish(self, valid: tuple[Batch, npt.ArrayLike] | None) -> Learned:
        state, seats = self.state, self.seats
        assert state.estimator is not None
        late = self._candidates()
        judgements = [self._judged(mark) for mark in late]
        for mark, judgement in zip(late, judgements, strict=True):
            state.marks[mark].update(asdict(judgement))
        chosen = late[hardest_to_tell(judgements)]
        self._load(seats.game.average, chosen)
        trusts = [] if valid is None or seats.game.students is not None else self._trusted(valid)
        return Learned(
            actions=seats.actions,
            generator=seats.game.average,
            discriminator=seats.game.discriminator.eval(),
            history=tuple(state.history),
            outcome=self._outcome(state.marks[chosen], trusts),
            chosen_step=state.marks[chosen]["step"],
            estimator=state.estimator,
            variances=state.variances,
            left_out=seats.left_out,
            findings=tuple(map(str, seats.findings)),
            marks=tuple(state.marks),
            trusts=tuple(trusts),
        )

    def _candidates(self) -> list[int]:
        """Return the marks that are judged: where what is real costs nothing, the one that learned longest is used."""
        marks = self.state.marks
        if self.settings.objective == "within":
            return [len(marks) - 1]
        # The second half of the way, so that all of them had time to learn.
        return [mark for mark in range(len(marks)) if marks[mark]["step"] > self.state.step / 2]

    def _trusted(self, valid: tuple[Batch, npt.ArrayLike]) -> list[dict[str, float]]:
        """Let labels say how much of what was learned counts: from nothing, which draws at random, to all of it."""
        trust, found = self.seats.game.average.trust, []
        for value in _TRUSTS:
            trust.fill_(value)
            loss = labelled_loss(self._augmented, self.seats.encoder, valid, random_state=self.settings.random_state)
            found.append({"trust": value, "loss": loss})
        trust.fill_(min(found, key=lambda one: one["loss"])["trust"])
        return found

    def _outcome(self, mark: dict[str, Any], trusts: list[dict[str, float]]) -> str:
        seats, state = self.seats, self.state
        ended = "all" if state.step == self.settings.steps else "then it stood still"
        why = "being the hardest to tell from originals" if len(self._candidates()) > 1 else "the last"
        found = (
            f"Learned from {len(seats.examples):,} examples in {state.step} rounds ({ended}). The generator of round "
            f"{mark['step']} is used, {why}: a fresh classifier tells with an AUC of {mark['auc']:.2f} (0.5 = not at "
            f"all), at a mean distance of {mark['diversity']:.2f} (1 = two random originals)."
        )
        if seats.game.students is not None:
            late = [one["worth_augmented"] for one in state.history[-len(state.history) // 4 :]]
            found += (
                f" An augmented example is worth {np.mean(late):.2f} of another labelled one, and labels decided "
                f"{seats.game.students.share:.0%} of what it may look like."
            )
        if trusts:
            found += f" By the labelled examples, {seats.game.average.trust.item():.0%} of what was learned counts."
        if seats.left_out:
            found += f" Left out, since they failed on every example tried: {', '.join(seats.left_out)}."
        return found

    def _judged(self, mark: int) -> Judgement:
        seats = self.seats
        self._load(seats.game.average, mark)
        # The same chance for every mark, so that they differ by what was learned alone.
        rng = np.random.default_rng(self.settings.random_state)
        return judge(seats.game.average, seats.actions, seats.held, seats.encoder, seats.game.discriminator, rng)

    def _augmented(self, batch: Batch, rng: np.random.Generator) -> Batch:
        seats, generator = self.seats, self.seats.game.average
        n = len(batch)
        sequences = seats.actions.sequences(generator.draw(rng.random((n, generator.length))), np.arange(n), rng)
        return apply_sequences(self.settings.functions, batch, sequences, rng, on_error="skip").examples

    def _load(self, generator: Generator, mark: int) -> None:
        prefix = f"{mark}."
        kept = self.state.generators.items()
        generator.load_state_dict({k.removeprefix(prefix): v for k, v in kept if k.startswith(prefix)})


_PLAIN = ("step", "estimator", "variances", "history", "marks")
