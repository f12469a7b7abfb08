"""What an augmented example teaches: classifiers that learn from such examples, held against labels they never saw."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy

from labelwright.augmentation.base import Batch
from labelwright.augmentation.batches import take

from .discriminators import make_discriminator
from .encoders import Encoder

__all__ = ["Students"]

# Held-out examples whose gradient is taken in a round, at most: enough for a direction, few enough for every round.
_ASKED = 256
# A few examples on which a student is sure and wrong would decide alone: none counts for more than three others.
_MOST = 3.0
_RATE = 0.002
# How far weights are moved to see what follows: far enough for single precision, near enough for a slope, as in DARTS
# (Liu et al. 2019).
_STEP = 0.01
# How much of what labels can tell is remembered from round to round.
_MEMORY = 0.95


class Students(nn.Module):
    """Two classifiers that take turns: each learns from augmented examples of one half, and answers for the other.

    The worth of an augmented example is by how much a small step on it lowers the loss of real examples of the other
    half, to first order: the product of both gradients (Ren et al. 2018; Wang et al. 2020). Its unit is what those real
    examples are worth to each other, on average: 1 = as good as another labelled example, 0 = teaches nothing, below 0
    = teaches something false. An example that the student knows already is worth little, one of another class less.

    Parameters
    ----------
    examples : Batch
        Labelled originals.
    labels : array_like of int, shape (n,)
        Class codes from 0.
    encoder : callable
    rng : numpy.random.Generator
    random_state : int
        First weights follow from it.
    """

    signal: torch.Tensor
    turns: torch.Tensor

    def __init__(
        self, examples: Batch, labels: npt.ArrayLike, encoder: Encoder, rng: np.random.Generator, random_state: int
    ) -> None:
        super().__init__()
        self.examples = examples
        self.encoded = encoder(take(examples, np.arange(len(examples))))
        self.labels = torch.as_tensor(np.asarray(labels), dtype=torch.int64, device=self.encoded.device)
        # As many of each class in either half.
        order = np.lexsort([rng.random(len(examples)), np.asarray(labels)])
        self.halves = np.sort(order[::2]), np.sort(order[1::2])
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(random_state)
            classes = int(self.labels.max()) + 1
            both = [make_discriminator(self.encoded.cpu(), outputs=classes) for _ in self.halves]
        self.both = nn.ModuleList(both).to(self.encoded.device)
        self.optimiser = torch.optim.Adam(self.both.parameters(), lr=_RATE)
        # Running means of the signal in held-out gradients, and of signal and chance together.
        self.register_buffer("signal", torch.zeros(2, dtype=torch.float64))
        self.register_buffer("turns", torch.zeros((), dtype=torch.int64))

    @property
    def own(self) -> npt.NDArray[np.int64]:
        """Positions of the labelled examples that the student whose turn it is learns from."""
        return self.halves[int(self.turns) % 2]

    @property
    def share(self) -> float:
        """How much of what held-out examples say is more than chance, in [0, 1]: 0 with few labels, 1 with many."""
        signal, both = self.signal.tolist()
        return min(max(signal / both, 0.0), 1.0) if both > 0 else 0.0

    def worth(self, encoded: torch.Tensor, origins: npt.NDArray[np.int64], rng: np.random.Generator) -> torch.Tensor:
        """Return what examples are worth, on the CPU.

        Parameters
        ----------
        encoded : torch.Tensor, shape (prefixes, s, ...)
        origins : array of int, shape (s,)
            Which labelled example each comes from.
        rng : numpy.random.Generator
            Draws the held-out examples that are asked.

        Returns
        -------
        torch.Tensor, shape (s, prefixes)

        Notes
        -----
        Held-out examples are asked in two parts. The product of the two parts' gradients is signal alone; the squared
        length of their mean holds chance too, and it is the unit: with few labels worths shrink towards 0.
        """
        student = self.both[int(self.turns) % 2]
        others = self.halves[1 - int(self.turns) % 2]
        asked = rng.permutation(others)[:_ASKED]
        first, second = (self._gradient(student, part) for part in (asked[::2], asked[1::2]))
        together = {name: (first[name] + second[name]) / 2 for name in first}
        unit = sum(float((one * one).sum()) for one in together.values())
        agreed = sum(float((first[name] * second[name]).sum()) for name in first)
        # A new mean for each round, not in place: who kept the last one keeps it.
        self.signal = _MEMORY * self.signal + (1 - _MEMORY) * torch.tensor([agreed, unit], dtype=torch.float64)
        truth = self.labels[torch.from_numpy(origins)].repeat(len(encoded))
        slopes = _slopes(student, encoded.flatten(0, 1), truth, together)
        worth = (slopes / max(unit, 1e-12)).clamp(-_MOST, _MOST)
        return worth.reshape(encoded.shape[:2]).T.cpu()

    def learn(self, encoded: torch.Tensor, origins: npt.NDArray[np.int64]) -> None:
        """Let the student whose turn it is learn from augmented examples."""
        logits, _ = self.both[int(self.turns) % 2](encoded)
        self.optimiser.zero_grad()
        torch.autograd.backward(cross_entropy(logits, self.labels[torch.from_numpy(origins)]))
        self.optimiser.step()

    def pass_on(self) -> None:
        """Let the other student have its turn."""
        self.turns = self.turns + 1

    def _gradient(self, student: nn.Module, positions: npt.NDArray[np.int64]) -> dict[str, torch.Tensor]:
        which = torch.from_numpy(positions)
        logits, _ = student(self.encoded[which])
        parameters = dict(student.named_parameters())
        found = torch.autograd.grad(cross_entropy(logits, self.labels[which]), list(parameters.values()))
        return dict(zip(parameters, found, strict=True))


@torch.no_grad()
def _slopes(
    student: nn.Module, examples: torch.Tensor, truth: torch.Tensor, direction: Mapping[str, torch.Tensor]
) -> torch.Tensor:
    """Return the product of each example's gradient with ``direction``, shape (n,), by a central difference."""
    length = sum(float((one * one).sum()) for one in direction.values()) ** 0.5
    step = _STEP / max(length, 1e-12)
    here, buffers = dict(student.named_parameters()), dict(student.named_buffers())

    def losses(way: float) -> torch.Tensor:
        moved = {name: parameter + way * direction[name] for name, parameter in here.items()}
        logits, _ = functional_call(student, {**moved, **buffers}, (examples,))
        return cross_entropy(logits, truth, reduction="none")

    slopes: torch.Tensor = (losses(step) - losses(-step)) / (2 * step)
    return slopes
