"""Settings of learning, as plain values."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from labelwright.augmentation.base import TransformationFunction
from labelwright.core.errors import ModelError

from .actions import Actions
from .estimators import EstimatorName
from .generators import GeneratorName
from .training import SAMPLES, Rules

__all__ = ["ObjectiveName", "Settings"]

ObjectiveName: TypeAlias = Literal["within", "tanda"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What decides what is learned, besides the examples; see `LearnedPolicy`."""

    functions: tuple[TransformationFunction, ...]
    length: int
    generator: GeneratorName
    levels: int
    objective: ObjectiveName
    estimator: Literal["auto"] | EstimatorName
    diversity: float
    entropy: float
    discount: float
    steps: int
    batch_size: int
    random_state: int

    def lay_out(self, leave_out: Collection[str]) -> Actions:
        """Return the table of actions, without functions that always failed."""
        return Actions.of(self.functions, levels=self.levels, leave_out=leave_out)

    def rules(self) -> Rules:
        """Return the settings of the game."""
        return Rules(
            batch_size=self.batch_size,
            diversity=self.diversity,
            entropy=self.entropy,
            discount=self.discount,
            # A table moves by its rate alone, while every weight of a network moves a whole row of scores.
            generator_rate=0.05 if self.generator == "mean_field" else 0.005,
            discriminator_rate=0.002,
            # Two players circle: their average remembers a fortieth of all rounds, a quarter of what lies between two
            # marks. Where most of what is drawn costs nothing they hardly do; a quarter of all rounds is less noisy.
            averaging=max(0.0, 1 - (40 if self.objective == "tanda" else 4) / self.steps),
        )

    def record(self) -> dict[str, Any]:
        """Return the settings as plain values, functions by name and version."""
        plain = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "functions"}
        return {**plain, "functions": [[function.name, function.version] for function in self.functions]}

    def check(self, n: int) -> None:
        """Raise `ModelError` unless these settings make sense for ``n`` examples."""
        if self.batch_size % 4 or self.batch_size < 8:
            raise ModelError(f"batch_size is {self.batch_size}; it must be a multiple of 4, and at least 8.")
        if self.steps < 10:
            raise ModelError(f"steps is {self.steps}; it must be at least 10, of which the first tenth is a warm-up.")
        if n < 2 * self.batch_size:
            raise ModelError(
                f"there are {n} examples and batch_size is {self.batch_size}; a policy needs at least two batches of "
                "examples. Pass more, or a smaller batch_size."
            )
        if self.objective not in get_args(ObjectiveName):
            raise ModelError(f"objective is {self.objective!r}; allowed: 'within', 'tanda'.")
        if self.estimator not in ("auto", *SAMPLES):
            raise ModelError(f"estimator is {self.estimator!r}; allowed: 'auto', {', '.join(map(repr, SAMPLES))}.")
        for name, high in (("diversity", np.inf), ("entropy", np.inf), ("discount", 1.0)):
            if not 0 <= getattr(self, name) <= high:
                raise ModelError(f"{name} is {getattr(self, name)}; it must lie in [0, {high:g}].")
