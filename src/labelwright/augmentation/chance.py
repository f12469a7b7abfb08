"""A generator for every call of a function, independent of what else was called."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from labelwright.core.seeds import hash_ids

__all__ = ["Streams"]


class Streams:
    """Generators for the calls of one application: one for each (step, position), whatever other calls did.

    Parameters
    ----------
    rng : numpy.random.Generator
        Two numbers are drawn from it, at once.

    Notes
    -----
    The state of a PCG64 (128 bits) is a hash of those numbers, the step and the position. One generator object is set
    anew for each call, which is seven times faster than making one: it is good until the next call of `at`.

    Examples
    --------
    >>> streams = Streams(np.random.default_rng(0))
    >>> seeds = streams.seeds([0, 1], step=0)
    >>> first = streams.at(seeds[0]).random()
    >>> _ = streams.at(seeds[1]).random()
    >>> streams.at(seeds[0]).random() == first
    True
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self._salts = rng.integers(2**63, size=2).tolist()
        self._bits = np.random.PCG64(0)
        self._generator = np.random.Generator(self._bits)
        self._state = self._bits.state

    def seeds(self, positions: Sequence[int] | np.ndarray, *, step: int) -> list[int]:
        """Return what `at` takes, for each position (any integers, negative ones too)."""
        high, low = (hash_ids(positions, salt=salt + step * 0x9E3779B97F4A7C15).tolist() for salt in self._salts)
        return [(a << 64) | b for a, b in zip(high, low, strict=True)]

    def at(self, seed: int) -> np.random.Generator:
        """Return the generator at the start of a stream."""
        self._state["state"]["state"] = seed
        self._bits.state = self._state
        return self._generator
