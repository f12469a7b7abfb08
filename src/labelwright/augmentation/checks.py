"""Checks of transformation functions that cost more than a pass over what they return: once, on a few examples."""

from __future__ import annotations

import copy
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from labelwright.core.errors import TransformationError

from .base import Batch, TransformationFunction
from .batches import batch_of, is_tensor, take
from .breaches import ADVICE, Kind
from .calling import Outcome, call_batched, call_one_by_one
from .chance import Streams
from .fields import values_of

__all__ = ["Finding", "check_functions", "refuse_findings"]

FindingKind: TypeAlias = Kind | Literal["global chance", "not repeatable"]

_ADVICE: dict[str, str] = {
    **ADVICE,
    "global chance": "Add a parameter named rng, a numpy.random.Generator, and draw from it alone.",
    "not repeatable": "Let what it returns depend on the example, the magnitude and a parameter named rng alone.",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule that a transformation function breaks.

    Parameters
    ----------
    function : str
        Its name.
    kind : str
        "raises", "type", "shape", "dtype", "not finite", "range", "in place": as in `apply_sequences`; "global chance":
        draws from a random generator that everybody shares; "not repeatable": another result from the same rng.
    said : str
        What it does, as the predicate of a sentence.
    example : int
        Position among the examples of the first on which it was seen; -1 where it is seen on the batch as a whole.
    magnitude : float
        NaN where the function has none.
    """

    function: str
    kind: FindingKind
    said: str
    example: int = -1
    magnitude: float = float("nan")

    def __str__(self) -> str:
        where = "" if self.example < 0 else f" (seen on example {self.example}"
        where += "" if np.isnan(self.magnitude) else f"{', ' if where else ' ('}magnitude {self.magnitude:.4g}"
        return (
            f"transformation function {self.function!r} {self.said}{where}{')' if where else ''}. {_ADVICE[self.kind]}"
        )


def check_functions(
    functions: Sequence[TransformationFunction], examples: Batch, rng: np.random.Generator, *, limit: int = 16
) -> tuple[Finding, ...]:
    """Look for functions that break a rule, deep edits in place and hidden chance among them.

    Each function is called twice, from the same rng, at half and at full strength of each of its sides.

    Parameters
    ----------
    functions : sequence of TransformationFunction
    examples : Batch
        n examples; never written to.
    rng : numpy.random.Generator
        Chooses examples, and the chance that functions get.
    limit : int
        How many examples are looked at, at most.

    Returns
    -------
    tuple of Finding
        One for each function and kind; empty where all is well. See `refuse_findings`.

    Notes
    -----
    Nothing global is seeded: the states of the shared generators of ``random``, numpy and torch are only compared.

    Examples
    --------
    >>> import random
    >>> hidden = TransformationFunction(name="hidden", function=lambda text: text + random.choice("ab") * 20)
    >>> [finding.kind for finding in check_functions([hidden], ["x", "y"], np.random.default_rng(0))]
    ['global chance']
    """
    batch = batch_of(examples)
    chosen = np.sort(rng.permutation(len(batch))[:limit])
    streams = Streams(rng)
    found: dict[tuple[str, FindingKind], Finding] = {}
    for function in functions if len(batch) else ():
        for magnitude in _magnitudes(function):
            for finding in _Trial(function, batch, chosen, magnitude, streams).findings():
                found.setdefault((finding.function, finding.kind), finding)
    return tuple(found.values())


def refuse_findings(findings: Sequence[Finding]) -> None:
    """Raise an error that says all of ``findings``; nothing happens where there is none.

    Raises
    ------
    TransformationError
        If there is a finding.
    """
    if findings:
        first = findings[0]
        raise TransformationError("\n".join(map(str, findings)), source=first.function, example_id=first.example)


def _magnitudes(function: TransformationFunction) -> list[float]:
    magnitude = function.magnitude
    if magnitude is None:
        return [float("nan")]
    return [float(magnitude.at(side * size)) for side in magnitude.sides for size in (0.5, 1.0)]


class _Trial:
    """One function at one magnitude."""

    def __init__(
        self,
        function: TransformationFunction,
        batch: Any,
        chosen: npt.NDArray[np.int64],
        magnitude: float,
        streams: Streams,
    ) -> None:
        self.function = function
        self.batch = batch
        self.chosen = chosen
        self.magnitude = magnitude
        self.streams = streams

    def findings(self) -> Iterator[Finding]:
        given = values_of(self.function, take(self.batch, self.chosen))
        # Functions get a copy of their own: what they do to it must not come to the caller's examples.
        mine = copy.deepcopy(given)
        shared = _shared_states()
        first = self._call(mine)
        drawn = [name for name, state in _shared_states().items() if not _same(state, shared.get(name, state))]
        for position, breach in first.wrong.items():
            yield self._finding(breach.kind, breach.said, position)
        edited = [position for position in range(len(given)) if not _same(given[position], mine[position])]
        if edited:
            yield self._finding("in place", "edited its input in place", edited[0])
            return
        if drawn:
            yield self._finding("global chance", f"draws from the shared generator of {' and '.join(drawn)}")
            return
        again = self._call(mine)
        for position in range(len(given)):
            if first.done[position] != again.done[position] or (
                first.done[position] and not _same(first.found[position], again.found[position])
            ):
                yield self._finding("not repeatable", "returned another result for the same example and rng", position)
                return

    def _call(self, given: Any) -> Outcome:
        magnitudes = np.full(len(given), self.magnitude)
        if self.function.batched:
            (seed,) = self.streams.seeds([-1], step=0)
            return call_batched(self.function, given, magnitudes, self.streams, seed, first=False)
        seeds = self.streams.seeds(np.arange(len(given)), step=0) if "rng" in self.function.takes else []
        return call_one_by_one(self.function, given, magnitudes, self.streams, seeds, first=False)

    def _finding(self, kind: FindingKind, said: str, position: int = -1) -> Finding:
        example = -1 if position < 0 else int(self.chosen[position])
        return Finding(self.function.name, kind, said, example, self.magnitude)


def _shared_states() -> dict[str, Any]:
    """The generators that everybody shares, as they are now; they are read and never set."""
    torch = sys.modules.get("torch")
    states: dict[str, Any] = {"random": random.getstate(), "numpy.random": np.random.get_state()}  # noqa: NPY002
    return states if torch is None else states | {"torch": torch.get_rng_state()}


def _same(one: Any, other: Any) -> bool:
    if is_tensor(one) and is_tensor(other):
        one, other = one.detach().cpu().numpy(), other.detach().cpu().numpy()
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        numbers = one.dtype.kind in "fc" and other.dtype.kind in "fc"
        return np.array_equal(one, other, equal_nan=True) if numbers else np.array_equal(one, other)
    if type(one) is not type(other):
        return False
    if isinstance(one, Mapping):
        return one.keys() == other.keys() and all(_same(value, other[name]) for name, value in one.items())
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other) or (one != one and other != other)
