"""What a policy decides: for each augmented example, where it starts from and what is done to it, in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelwright.core.errors import FunctionError

__all__ = ["NOTHING", "Sequences"]

# The code of a step at which nothing is done.
NOTHING = -1


@dataclass(frozen=True, eq=False)
class Sequences:
    """Sequences of transformation functions with their magnitudes.

    Parameters
    ----------
    origins : array_like of int, shape (s,)
        Position in the batch of the example that each sequence starts from.
    functions : array_like of int, shape (s, length)
        Positions in the policy's ``functions``, applied from left to right; -1 = nothing.
    magnitudes : array_like of float, shape (s, length)
        In the units of each function; NaN where it has none, or where nothing is done.

    Raises
    ------
    FunctionError
        If shapes differ or a code is below -1.

    Examples
    --------
    >>> drawn = Sequences([0, 1], [[0, 1], [1, -1]], [[10.0, float("nan")], [float("nan"), float("nan")]])
    >>> len(drawn), drawn.length
    (2, 2)
    """

    origins: npt.NDArray[np.int64]
    functions: npt.NDArray[np.int64]
    magnitudes: npt.NDArray[np.float64]

    def __post_init__(self) -> None:
        for name, dtype in (("origins", np.int64), ("functions", np.int64), ("magnitudes", np.float64)):
            value = np.array(getattr(self, name), dtype=dtype)
            value.setflags(write=False)
            object.__setattr__(self, name, value)
        s = len(self.origins)
        if self.functions.ndim != 2 or self.functions.shape != self.magnitudes.shape or len(self.functions) != s:
            raise FunctionError(
                f"sequences need origins (s,), functions (s, length) and magnitudes (s, length), got shapes "
                f"{self.origins.shape}, {self.functions.shape} and {self.magnitudes.shape}."
            )
        if s and (self.functions.min(initial=0) < NOTHING or self.origins.min() < 0):
            raise FunctionError("codes of functions start at -1 (nothing), origins at 0.")

    def __len__(self) -> int:
        return len(self.origins)

    @property
    def length(self) -> int:
        """How many steps each sequence has."""
        return int(self.functions.shape[1])

    def steps(self) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]]:
        """Yield codes (s,) and magnitudes (s,) of one step after the other."""
        yield from zip(self.functions.T, self.magnitudes.T, strict=True)

    def take(self, index: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> Sequences:
        """Return the sequences at the positions ``index``."""
        return Sequences(self.origins[index], self.functions[index], self.magnitudes[index])

    def counts(self, functions: int) -> npt.NDArray[np.int64]:
        """Return how often each of ``functions`` functions is used, shape (functions,)."""
        return np.bincount(self.functions[self.functions != NOTHING], minlength=functions)

    def words(self, names: Sequence[str]) -> list[str]:
        """Return each sequence in words, such as ``"rotate(7.5) > flip"``.

        Examples
        --------
        >>> Sequences([0], [[1, 0]], [[float("nan"), 7.5]]).words(["rotate", "flip"])
        ['flip > rotate(7.5)']
        """
        return [
            " > ".join(
                names[code] if np.isnan(magnitude) else f"{names[code]}({magnitude:.3g})"
                for code, magnitude in zip(codes, magnitudes, strict=True)
                if code != NOTHING
            )
            or "nothing"
            for codes, magnitudes in zip(self.functions, self.magnitudes, strict=True)
        ]
