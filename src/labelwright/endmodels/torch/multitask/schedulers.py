"""Whose batch comes next, where tasks have data sets of their own; each way states how often, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

import numpy as np

from labelwright.core.errors import ModelError

__all__ = ["Mixed", "Proportional", "RoundRobin", "Temperature", "TurnName", "Turns", "make_turns"]

TurnName: TypeAlias = Literal["proportional", "round_robin", "mixed", "temperature"]


class Turns(Protocol):
    """In which order the data sets have their turns within an epoch.

    An object with this one method may be passed for a name; its ``repr`` goes into checkpoints.
    """

    def steps(self, batches: Sequence[int], rng: np.random.Generator) -> list[tuple[int, ...]]:
        """Return, step by step, the data sets (by position) that give a batch each.

        Parameters
        ----------
        batches : sequence of int
            How many batches each data set comes to, each at least 1.
        rng : numpy.random.Generator
            Chance may decide the order, never how often a data set has its turn.
        """
        ...


@dataclass(frozen=True, slots=True)
class Proportional:
    """Every batch of every data set once, in random order.

    Examples
    --------
    >>> sorted(Proportional().steps([3, 1], np.random.default_rng(0)))
    [(0,), (0,), (0,), (1,)]
    """

    def steps(self, batches: Sequence[int], rng: np.random.Generator) -> list[tuple[int, ...]]:
        """Return ``batches[d]`` turns of each data set d."""
        return _shuffled(batches, rng)


@dataclass(frozen=True, slots=True)
class RoundRobin:
    """Every batch of every data set once, one data set after the other; those that are through are passed over.

    Examples
    --------
    >>> RoundRobin().steps([3, 1], np.random.default_rng(0))
    [(0,), (1,), (0,), (0,)]
    """

    def steps(self, batches: Sequence[int], rng: np.random.Generator) -> list[tuple[int, ...]]:  # noqa: ARG002
        """Return ``batches[d]`` turns of each data set d."""
        return [(d,) for turn in range(max(batches)) for d, count in enumerate(batches) if turn < count]


@dataclass(frozen=True, slots=True)
class Mixed:
    """Each step takes a batch of every data set, and adds up their losses.

    Parameters
    ----------
    fill_up : bool, default True
        As many steps as the largest data set has batches; smaller ones begin again. Otherwise as many as the smallest
        has, and larger ones are not seen whole in one epoch.

    Examples
    --------
    >>> Mixed().steps([2, 1], np.random.default_rng(0))
    [(0, 1), (0, 1)]
    """

    fill_up: bool = True

    def steps(self, batches: Sequence[int], rng: np.random.Generator) -> list[tuple[int, ...]]:  # noqa: ARG002
        """Return ``max(batches)``, or ``min(batches)``, turns of all data sets at once."""
        return [tuple(range(len(batches)))] * (max(batches) if self.fill_up else min(batches))


@dataclass(frozen=True, slots=True)
class Temperature:
    """As many steps as there are batches, shared out in proportion to ``batches ** (1 / temperature)``.

    Parameters
    ----------
    temperature : float, default 2.0
        At least 1. 1 is proportional; the higher, the more equal the shares, so that small data sets come up more often
        than they have batches, and large ones less often.

    Notes
    -----
    The steps are rounded to whole turns by largest remainder, each data set at least one. As in multilingual training:
    Arivazhagan et al., "Massively multilingual neural machine translation in the wild", 2019, section 4.2 (there each
    batch is drawn; here the counts are exact).

    Examples
    --------
    >>> Temperature(2.0).counts([90, 10])
    [75, 25]
    """

    temperature: float = 2.0

    def __post_init__(self) -> None:
        if not self.temperature >= 1:
            raise ModelError(f"temperature is {self.temperature}; it must be at least 1.")

    def counts(self, batches: Sequence[int]) -> list[int]:
        """Return how often each data set has its turn."""
        share = np.asarray(batches, dtype=np.float64) ** (1 / self.temperature)
        free = sum(batches) - len(batches)  # beside one turn for each
        exact = np.maximum(share / share.sum() * sum(batches) - 1, 0)
        exact *= free / max(exact.sum(), 1e-300)
        turns = np.floor(exact + 1e-9).astype(np.int64)
        turns[np.argsort(turns - exact, kind="stable")[: free - int(turns.sum())]] += 1
        return [1 + int(count) for count in turns]

    def steps(self, batches: Sequence[int], rng: np.random.Generator) -> list[tuple[int, ...]]:
        """Return ``counts(batches)[d]`` turns of each data set d, in random order."""
        return _shuffled(self.counts(batches), rng)


def make_turns(turns: TurnName | Turns) -> Turns:
    """Return the way of that name, or what was passed.

    Examples
    --------
    >>> make_turns("mixed")
    Mixed(fill_up=True)
    """
    named: dict[str, Turns] = {
        "proportional": Proportional(),
        "round_robin": RoundRobin(),
        "mixed": Mixed(),
        "temperature": Temperature(),
    }
    if not isinstance(turns, str):
        return turns
    if turns not in named:
        raise ModelError(f"turns is {turns!r}; allowed: {', '.join(map(repr, named))}, or an object with steps().")
    return named[turns]


def _shuffled(counts: Sequence[int], rng: np.random.Generator) -> list[tuple[int, ...]]:
    return [(int(d),) for d in rng.permutation(np.repeat(np.arange(len(counts)), counts))]
