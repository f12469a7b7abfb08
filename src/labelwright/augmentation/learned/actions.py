"""What a learned policy may choose at each step: nothing, or a function at one of its strengths."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.augmentation.base import TransformationFunction
from labelwright.augmentation.sequences import NOTHING, Sequences
from labelwright.augmentation.strengths import magnitudes_of

__all__ = ["Actions"]


@dataclass(frozen=True, eq=False)
class Actions:
    """A table of A actions; the first is to do nothing.

    A function with a magnitude has ``levels`` actions on each of its sides. Each is a bin of strengths, from which one
    is drawn uniformly, so that a policy that weighs all of them alike is uniform over strengths, as `Random` is.

    Parameters
    ----------
    policy_functions : tuple of TransformationFunction
        All functions of the policy.
    functions : numpy.ndarray of int, shape (A,)
        Position in ``policy_functions`` that each action uses; -1 = nothing.
    low, high : numpy.ndarray of float, shape (A,)
        Signed strengths between which an action draws, in [-1, 1]; NaN where there is no magnitude.
    """

    policy_functions: tuple[TransformationFunction, ...]
    functions: npt.NDArray[np.int64]
    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]

    @classmethod
    def of(
        cls, functions: Sequence[TransformationFunction], *, levels: int, leave_out: Collection[str] = ()
    ) -> Actions:
        """Lay out the actions of ``functions``, without those named in ``leave_out``.

        Examples
        --------
        >>> from labelwright.augmentation import transformation_function
        >>> turn = transformation_function(magnitude=(-30.0, 30.0))(lambda image, magnitude: image)
        >>> table = Actions.of([turn], levels=2)
        >>> table.low.tolist()[1:], table.high.tolist()[1:]
        ([0.0, -0.5, 0.0, 0.5], [-0.5, -1.0, 0.5, 1.0])
        >>> table.prior.tolist()
        [0.5, 0.125, 0.125, 0.125, 0.125]
        """
        rows = [(NOTHING, np.nan, np.nan)]
        for code, function in enumerate(functions):
            if function.name in leave_out:
                continue
            if function.magnitude is None:
                rows.append((code, np.nan, np.nan))
                continue
            for side in function.magnitude.sides:
                rows += [(code, side * level / levels, side * (level + 1) / levels) for level in range(levels)]
        codes, low, high = (np.array(column) for column in zip(*rows, strict=True))
        return cls(tuple(functions), codes.astype(np.int64), low, high)

    def __len__(self) -> int:
        return len(self.functions)

    @property
    def prior(self) -> npt.NDArray[np.float64]:
        """Probability of each action before anything is learned, shape (A,): each function the same in all."""
        _, owner, count = np.unique(self.functions, return_inverse=True, return_counts=True)
        shares: npt.NDArray[np.float64] = 1.0 / (len(count) * count[owner])
        return shares

    def magnitudes(self, codes: npt.NDArray[np.int64], uniforms: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the magnitudes of actions, in the units of their functions, from uniform draws of the same shape."""
        strengths = self.low[codes] + uniforms * (self.high - self.low)[codes]
        return magnitudes_of(self.policy_functions, self.functions[codes], strengths)

    def sequences(
        self, codes: npt.NDArray[np.int64], origins: npt.NDArray[np.int64], rng: np.random.Generator
    ) -> Sequences:
        """Return actions (s, length) as sequences of functions, with magnitudes drawn."""
        return Sequences(origins, self.functions[codes], self.magnitudes(codes, rng.random(codes.shape)))

    def describe(self) -> list[dict[str, Any]]:
        """Return each action as a plain record: ``function`` ("nothing" for the first) and ``magnitude`` bounds."""
        records: list[dict[str, Any]] = []
        for code, low, high in zip(self.functions.tolist(), self.low.tolist(), self.high.tolist(), strict=True):
            function = None if code == NOTHING else self.policy_functions[code]
            bounds = None
            if function is not None and function.magnitude is not None:
                bounds = sorted(function.magnitude.at([low, high]).tolist())
            records.append({"function": "nothing" if function is None else function.name, "magnitude": bounds})
        return records
