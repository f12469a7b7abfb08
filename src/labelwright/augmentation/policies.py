"""Policies that need no learning."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .base import Batch, TransformationFunction
from .policy import Policy
from .sequences import Sequences

__all__ = ["Random"]


class Random(Policy):
    """Each step an independent, uniform choice among the functions, its strength uniform on its sides.

    Parameters
    ----------
    functions : sequence of TransformationFunction
    length : int
        Steps in a sequence.
    copies : int
        Sequences for each example.
    """

    def __init__(self, functions: Sequence[TransformationFunction], *, length: int = 2, copies: int = 1) -> None:
        super().__init__(functions)
        self.length = length
        self.copies = copies

    def sample(self, batch: Batch, rng: np.random.Generator) -> Sequences:
        """Draw ``copies`` sequences for each example."""
        origins = np.repeat(np.arange(len(batch)), self.copies)
        codes = rng.integers(len(self.functions), size=(len(origins), self.length))
        magnitudes = np.full(codes.shape, np.nan)
        for code, function in enumerate(self.functions):
            if function.magnitude is not None:
                here = codes == code
                sides = rng.choice(function.magnitude.sides, size=int(here.sum()))
                magnitudes[here] = function.magnitude.at(sides * rng.random(int(here.sum())))
        return Sequences(origins, codes, magnitudes)
