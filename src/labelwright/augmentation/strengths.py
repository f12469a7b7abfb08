"""Strengths drawn for functions, and the magnitudes that they mean."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .base import TransformationFunction

__all__ = ["magnitudes_of", "one_sided", "with_random_sides"]


def one_sided(functions: Sequence[TransformationFunction]) -> npt.NDArray[np.int64]:
    """Return the only side of each function, shape (functions,): -1 or 1; 0 where it has two sides or no magnitude."""
    sides = [() if f.magnitude is None else f.magnitude.sides for f in functions]
    return np.array([found[0] if len(found) == 1 else 0 for found in sides], dtype=np.int64)


def with_random_sides(
    functions: Sequence[TransformationFunction],
    codes: npt.NDArray[np.int64],
    sizes: npt.ArrayLike,
    rng: np.random.Generator,
) -> npt.NDArray[np.float64]:
    """Give sizes a sign: either side of each function with the same chance, or the only one it has.

    Parameters
    ----------
    functions : sequence of TransformationFunction
    codes : numpy.ndarray of int64, any shape
        Positions in ``functions``; -1 = nothing.
    sizes : array_like of float in [0, 1]
        Of the shape of ``codes``, or one that stretches to it.
    rng : numpy.random.Generator

    Returns
    -------
    numpy.ndarray of float64
        Strengths in [-1, 1], in the shape of ``codes``.
    """
    only = one_sided(functions)[codes]
    tossed = 2 * rng.integers(2, size=codes.shape) - 1
    return np.where(only == 0, tossed, only) * np.asarray(sizes, dtype=np.float64)


def magnitudes_of(
    functions: Sequence[TransformationFunction], codes: npt.NDArray[np.int64], strengths: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return the magnitudes of strengths, each in the unit of its function.

    Parameters
    ----------
    functions : sequence of TransformationFunction
    codes : numpy.ndarray of int64, any shape
        Positions in ``functions``; -1 = nothing.
    strengths : numpy.ndarray of float64 in [-1, 1], same shape

    Returns
    -------
    numpy.ndarray of float64, same shape
        NaN where nothing is done or the function has no magnitude.
    """
    found = np.full(codes.shape, np.nan)
    for code, function in enumerate(functions):
        if function.magnitude is not None:
            here = codes == code
            found[here] = function.magnitude.at(strengths[here])
    return found
