"""The game: a generator of sequences against a discriminator, one step at a time."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from labelwright.augmentation.applying import apply_sequences
from labelwright.augmentation.base import Batch, TransformationFunction
from labelwright.augmentation.batches import take

from .actions import Actions
from .encoders import Encoder
from .estimators import EstimatorName, advantages, policy_loss, returns
from .generators import Generator
from .rewards import PrefixLosses, encoded_prefixes, prefix_losses, usual_bar
from .students import Students

__all__ = ["SAMPLES", "Game", "Rollout", "Rules"]

# What the discriminator is asked to answer for originals, and one minus it for augmented examples. Its best answer then
# lies between -log 9 and log 9, so that however strong it grows, no step can cost more than 2.2 nats.
_SURE = 0.9
# Spread of the noise on what the discriminator sees, in units of the data's own: what separates originals from
# augmented examples by less, such as traces of resampling, does not decide (instance noise; Arjovsky & Bottou 2017). In
# images and series, where neighbours are averaged, there is more of it.
_NOISE, _NOISE_OF_NEIGHBOURS = 0.1, 0.3

# Steps of the discriminator in a round: it is the faster of the two (two time scales; Heusel et al. 2017), and applying
# the sequences costs more than learning from them.
_LESSONS = 2

# Batches that a student learns from in its turn, besides the one that was judged. What an augmented example is worth
# can only be said once the student knows the originals: before that, whatever is easy is worth most.
_MORE = 2

# Sequences for each example that each estimator needs.
SAMPLES: dict[EstimatorName, int] = {"batch_mean": 1, "leave_one_out": 4}
_VARIANCE_BATCHES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Settings of the game; see `LearnedPolicy`."""

    batch_size: int
    diversity: float
    entropy: float
    discount: float
    generator_rate: float
    discriminator_rate: float
    averaging: float


@dataclass(frozen=True, slots=True)
class Rollout:
    """Sequences drawn and judged: originals (s,), actions (s, length), outcomes of prefixes, and what these cost."""

    origins: npt.NDArray[np.int64]
    codes: torch.Tensor
    encoded: torch.Tensor
    judged: PrefixLosses
    worth: torch.Tensor | None = None


class Game:
    """Both players and their optimisers.

    Parameters
    ----------
    rules : Rules
    functions : sequence of TransformationFunction
    actions : Actions
    generator : Generator
        Stays on the CPU: it is small, and sequences are drawn there.
    discriminator : torch.nn.Module
        On the device of the encoded examples.
    encoder : callable
    held : torch.Tensor, optional
        Encoded originals that nobody learns from: what looks no stranger than they do costs nothing. Without them the
        objective is that of TANDA.
    students : Students, optional
        Say with labels what augmented examples are worth; sequences are then drawn for the labelled examples.
    """

    def __init__(
        self,
        rules: Rules,
        functions: Sequence[TransformationFunction],
        actions: Actions,
        generator: Generator,
        discriminator: nn.Module,
        encoder: Encoder,
        held: torch.Tensor | None = None,
        students: Students | None = None,
    ) -> None:
        self.rules, self.functions, self.actions, self.encoder = rules, functions, actions, encoder
        self.generator, self.discriminator = generator, discriminator
        self.held, self.students = held, students
        # The average of the generator along its way: where two players circle around a balance, it lies inside.
        self.average = copy.deepcopy(generator).requires_grad_(False)
        # Moments as DCGAN has them, for both: a memory of ten steps would keep the discriminator's past alive.
        betas = (0.5, 0.999)
        self.generator_optimiser = torch.optim.Adam(generator.parameters(), lr=rules.generator_rate, betas=betas)
        self.discriminator_optimiser = torch.optim.Adam(
            discriminator.parameters(), lr=rules.discriminator_rate, betas=betas
        )

    def roll(self, examples: Batch, samples: int, rng: np.random.Generator) -> Rollout:
        """Draw ``samples`` sequences for each of some examples, ``batch_size`` in all, and judge their prefixes."""
        count, students = self.rules.batch_size // samples, self.students
        pool = np.arange(len(examples))
        if students is not None:
            examples, pool = students.examples, students.own
        origins = np.repeat(rng.choice(pool, count, replace=len(pool) < count), samples)
        codes = self.generator.draw(rng.random((len(origins), self.generator.length)))
        sequences = self.actions.sequences(codes, origins, rng)
        encoded = encoded_prefixes(self.functions, examples, sequences, self.encoder, rng)
        return self._judged(origins, codes, encoded, rng)

    def _judged(
        self,
        origins: npt.NDArray[np.int64],
        codes: npt.NDArray[np.int64],
        encoded: torch.Tensor,
        rng: np.random.Generator,
    ) -> Rollout:
        """Say what each prefix costs; as far as labels can tell, they decide in the discriminator's place."""
        self.discriminator.eval()
        bar = None if self.held is None else usual_bar(self.discriminator, self.held)
        worth, weight = None, 1.0
        if self.students is not None:
            worth = self.students.worth(encoded, origins, rng)
            weight = 1 - self.students.share
        judged = prefix_losses(self.discriminator, encoded, diversity=self.rules.diversity, bar=bar, weight=weight)
        if worth is not None:
            judged = replace(judged, losses=judged.losses - worth)
        return Rollout(origins, torch.from_numpy(codes), encoded, judged, worth)

    def teach_discriminator(self, encoded: torch.Tensor, originals: torch.Tensor, rng: np.random.Generator) -> float:
        """Take one step on augmented and original examples; return the loss, in nats."""
        self.discriminator.train()
        both = torch.cat([originals, encoded])
        spread = both.std(dim=0, keepdim=True)
        # Drawn on the CPU from the numbers handed in: the same on every device.
        noise = torch.from_numpy(rng.standard_normal(both.shape, dtype=np.float32)).to(both.device)
        answers = torch.full((len(both),), 1 - _SURE, device=both.device)
        answers[: len(originals)] = _SURE
        scale = _NOISE if both.ndim == 2 else _NOISE_OF_NEIGHBOURS
        logits, _ = self.discriminator(both + scale * spread * noise)
        loss = binary_cross_entropy_with_logits(logits.reshape(-1), answers)
        self.discriminator_optimiser.zero_grad()
        torch.autograd.backward(loss)
        self.discriminator_optimiser.step()
        return loss.item()

    def _teach(self, students: Students, rollout: Rollout, rng: np.random.Generator) -> None:
        """Let the student whose turn it is learn from what was drawn, and from some more."""
        students.learn(rollout.encoded[-1], rollout.origins)
        for _ in range(_MORE):
            origins = rng.choice(students.own, len(rollout.origins))
            codes = self.generator.draw(rng.random((len(origins), self.generator.length)))
            sequences = self.actions.sequences(codes, origins, rng)
            found = apply_sequences(self.functions, students.examples, sequences, rng, on_error="skip")
            students.learn(self.encoder(found.examples), origins)
        students.pass_on()

    def generator_gradient(self, rollout: Rollout, estimator: EstimatorName, samples: int) -> dict[str, float]:
        """Put the estimated gradient into the generator's parameters; return loss and entropy, in nats."""
        following = returns(rollout.judged.losses, discount=self.rules.discount)
        logs = self.generator.log_probabilities(rollout.codes)
        drawn = logs.gather(2, rollout.codes[:, :, None])[:, :, 0]
        loss = policy_loss(drawn, advantages(following, estimator, samples=samples))
        # Staying close to the prior is worth something: the best policy is then prior * exp(-cost / entropy), which
        # favours what costs little but never bets everything on one action.
        from_prior = (logs.exp() * (logs - self.generator.log_prior)).sum(dim=2)
        self.generator.zero_grad()
        torch.autograd.backward(loss + self.rules.entropy * from_prior.sum(dim=1).mean())
        entropy = -(logs.exp() * logs).sum(dim=2).mean()
        return {"generator_loss": rollout.judged.losses[:, -1].mean().item(), "entropy": entropy.item()}

    def move_generator(self) -> None:
        """Follow the gradient that is in the generator's parameters, and let the average follow."""
        self.generator_optimiser.step()
        with torch.no_grad():
            for kept, now in zip(self.average.parameters(), self.generator.parameters(), strict=True):
                kept.lerp_(now, 1 - self.rules.averaging)

    def step(
        self, examples: Batch, estimator: EstimatorName, samples: int, rng: np.random.Generator, *, learn: bool = True
    ) -> dict[str, Any]:
        """Play one round; with ``learn=False`` only the discriminator learns. Return what to note of it."""
        rollout = self.roll(examples, samples, rng)
        record = self.generator_gradient(rollout, estimator, samples)
        if learn:
            self.move_generator()
        for _ in range(_LESSONS):
            chosen = rng.choice(len(examples), self.rules.batch_size, replace=False)
            loss = self.teach_discriminator(rollout.encoded[-1], self.encoder(take(examples, chosen)), rng)
        judged = rollout.judged
        if self.students is not None and rollout.worth is not None:
            self._teach(self.students, rollout, rng)
            record["worth_augmented"] = float(rollout.worth[:, -1].mean())
            record["worth_original"] = float(rollout.worth[:, 0].mean())
        return {
            "discriminator_loss": loss,
            "p_real_augmented": float(judged.p_real[:, -1].mean()),
            "p_real_original": float(judged.p_real[:, 0].mean()),
            "diversity": float(judged.distances[:, -1].mean()),
            **record,
        }

    def variances(
        self, examples: Batch, rng: np.random.Generator, *, batches: int = _VARIANCE_BATCHES
    ) -> dict[EstimatorName, float]:
        """Return the variance of each estimator's gradient, summed over parameters, at an equal number of sequences."""
        found: dict[EstimatorName, float] = {}
        for estimator, samples in SAMPLES.items():
            gradients = []
            for _ in range(batches):
                self.generator_gradient(self.roll(examples, samples, rng), estimator, samples)
                parts = [p.grad.flatten() for p in self.generator.parameters() if p.grad is not None]
                gradients.append(torch.cat(parts))
            found[estimator] = torch.stack(gradients).var(dim=0).sum().item()
        return found

    def tensors(self) -> dict[str, torch.Tensor]:
        """Return everything that learning changes, by name."""
        found: dict[str, torch.Tensor] = {}
        for name, module in self._modules().items():
            found.update({f"{name}.{key}": value for key, value in module.state_dict().items()})
        for name, optimiser in self._optimisers().items():
            for index, state in optimiser.state_dict()["state"].items():
                found.update({f"{name}.{index}.{key}": value for key, value in state.items()})
        return found

    def restore(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Take over what `tensors` returned."""
        for name, module in self._modules().items():
            module.load_state_dict(_below(tensors, name))
        for name, optimiser in self._optimisers().items():
            state: dict[int, dict[str, torch.Tensor]] = {}
            for key, value in _below(tensors, name).items():
                index, _, what = key.partition(".")
                state.setdefault(int(index), {})[what] = value
            optimiser.load_state_dict({**optimiser.state_dict(), "state": state})

    def _modules(self) -> dict[str, nn.Module]:
        found = {"generator": self.generator, "average": self.average, "discriminator": self.discriminator}
        return found if self.students is None else {**found, "students": self.students}

    def _optimisers(self) -> dict[str, torch.optim.Optimizer]:
        found: dict[str, torch.optim.Optimizer] = {
            "generator_optimiser": self.generator_optimiser,
            "discriminator_optimiser": self.discriminator_optimiser,
        }
        return found if self.students is None else {**found, "students_optimiser": self.students.optimiser}


def _below(tensors: Mapping[str, torch.Tensor], name: str) -> dict[str, torch.Tensor]:
    return {key.removeprefix(f"{name}."): value for key, value in tensors.items() if key.startswith(f"{name}.")}
