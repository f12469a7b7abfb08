"""The seam: what every policy does."""

from __future__ import annotations

import abc
from collections.abc import Sequence

import numpy as np

from .applying import Augmented, OnError, apply_sequences
from .base import Batch, TransformationFunction
from .sequences import Sequences

__all__ = ["Policy"]


class Policy(abc.ABC):
    """A way to choose transformation functions, their order and their magnitudes, for each example anew.

    A policy is `sample` alone; `apply` is the same for all of them.

    Parameters
    ----------
    functions : sequence of TransformationFunction
    """

    functions: tuple[TransformationFunction, ...]

    def __init__(self, functions: Sequence[TransformationFunction]) -> None:
        self.functions = tuple(functions)

    @abc.abstractmethod
    def sample(self, batch: Batch, rng: np.random.Generator) -> Sequences:
        """Draw what is to be done: one or more sequences for each example of ``batch``.

        Parameters
        ----------
        batch : Batch
            n examples; most policies only look at their number.
        rng : numpy.random.Generator
        """

    def apply(self, batch: Batch, rng: np.random.Generator, *, on_error: OnError = "raise") -> Augmented:
        """Draw sequences and apply them; see `apply_sequences`."""
        return apply_sequences(self.functions, batch, self.sample(batch, rng), rng, on_error=on_error)
