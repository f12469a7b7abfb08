"""Chance is handed in: generators from a seed, and hashes that spread ids evenly and the same everywhere."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["Seed", "generator", "hash_ids"]

# Texts that are hashed together: few enough that they stay in the processor's cache.
_BLOCK = 8192

Seed: TypeAlias = int | np.random.Generator | np.random.RandomState | None


def generator(random_state: Seed) -> np.random.Generator:
    """Return a random generator; nothing global is read or seeded.

    Parameters
    ----------
    random_state : int, numpy.random.Generator, numpy.random.RandomState or None
        ``None`` means fresh entropy, and so an answer that differs from run to run.

    Examples
    --------
    >>> int(generator(0).integers(100)) == int(generator(0).integers(100))
    True
    """
    if isinstance(random_state, np.random.Generator):
        return random_state
    if isinstance(random_state, np.random.RandomState):
        return np.random.default_rng(random_state.randint(2**32, size=4, dtype=np.uint32))
    return np.random.default_rng(random_state)


def hash_ids(ids: npt.ArrayLike, *, salt: int = 0) -> npt.NDArray[np.uint64]:
    """Hash example ids to 64 bits, one by one: the same on every platform, process and partition.

    Parameters
    ----------
    ids : array_like of int or str, shape (n,)
        Example or group ids.
    salt : int
        Another salt gives another, independent hash.

    Returns
    -------
    numpy.ndarray of uint64, shape (n,)

    Notes
    -----
    Integers pass through the finaliser of splitmix64 (Steele, Lea & Flood 2014); strings are folded code point by code
    point with the same finaliser, trailing NULs not counted, so that the width of the array does not matter.

    Examples
    --------
    >>> bool((hash_ids([3, 4]) == hash_ids([3, 4])).all())
    True
    """
    array = np.asarray(ids)
    start = _finalise(np.asarray([salt & 0xFFFFFFFFFFFFFFFF], dtype=np.uint64) + np.uint64(0x9E3779B97F4A7C15))[0]
    if array.dtype.kind in "iub":
        hashed = np.empty(len(array), dtype=np.uint64)
        for first in range(0, len(array), _BLOCK):
            hashed[first : first + _BLOCK] = _finalise(
                array[first : first + _BLOCK].astype(np.int64).view(np.uint64) ^ start
            )
        return hashed
    text = np.ascontiguousarray(array.astype(np.str_))
    width = text.dtype.itemsize // 4
    points: npt.NDArray[np.uint32] = text.view(np.uint32).reshape(len(text), width)
    state = np.full(len(text), start, dtype=np.uint64)
    for first in range(0, len(text), _BLOCK):
        _fold(state[first : first + _BLOCK], points[first : first + _BLOCK])
    return state


def _fold(state: npt.NDArray[np.uint64], points: npt.NDArray[np.uint32]) -> None:
    """Fold the code points of some texts, shape (n, width), into ``state``, in place."""
    for column, point in enumerate(points.T.astype(np.uint64, order="C")):
        folded = _finalise(state ^ (point + np.uint64(column << 32)))
        # Texts that have ended keep their state.
        np.copyto(state, folded, where=point != 0)


def _finalise(x: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
    state: npt.NDArray[np.uint64] = x.astype(np.uint64)
    state += np.uint64(0x9E3779B97F4A7C15)
    state ^= state >> np.uint64(30)
    state *= np.uint64(0xBF58476D1CE4E5B9)
    state ^= state >> np.uint64(27)
    state *= np.uint64(0x94D049BB133111EB)
    state ^= state >> np.uint64(31)
    return state
