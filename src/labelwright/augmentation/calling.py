"""One function called on some examples of a batch: what it made of them, and what went wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from .base import TransformationFunction
from .batches import is_dense, joined, stacked
from .breaches import Breach, breach_of_batch, breach_of_example, breaking_rows, raised
from .chance import Streams
from .guards import edits_in_place, guarded, read_only, released, writes_so_far

__all__ = ["Outcome", "call_batched", "call_one_by_one"]

# A batched function that raises is called again on halves, to find the examples that it raises on; at most so often.
_MOST_CALLS = 64

_EDITED = Breach("in place", "edited its input in place")


@dataclass(frozen=True)
class Outcome:
    """What a function made of k examples.

    Parameters
    ----------
    found : Batch
        k examples, of the kind it got; only those that are ``done`` mean something.
    done : numpy.ndarray of bool, shape (k,)
        Where the function took effect.
    wrong : dict of int to Breach
        By position, where it raised or broke a rule.
    """

    found: Any
    done: npt.NDArray[np.bool_]
    wrong: dict[int, Breach]


def call_one_by_one(
    function: TransformationFunction,
    given: Any,
    magnitudes: npt.NDArray[np.float64],
    streams: Streams,
    seeds: list[int],
    *,
    first: bool,
) -> Outcome:
    """Call a function of one example on each of k examples.

    Parameters
    ----------
    function : TransformationFunction
    given : Batch
        k examples.
    magnitudes : numpy.ndarray of float64, shape (k,)
    streams : Streams
    seeds : list of int
        The stream of each example; empty where the function takes no chance.
    first : bool
        Whether to stop at the first example on which something goes wrong.
    """
    dense = is_dense(given)
    # Examples of one array have one shape and dtype, whatever a function declares.
    may_change = function.may_change & {"range", "missing"} if dense else function.may_change
    # Numbers of examples that lie in one array are looked at all at once, afterwards.
    check = breach_of_batch if dense and given.ndim > 1 else partial(breach_of_example, may_change=may_change)
    results: list[Any] = [None] * len(given)
    wrong: dict[int, Breach] = {}
    more: dict[str, Any] = dict(function.resources)
    sizes = magnitudes.tolist() if "magnitude" in function.takes else None
    texts = not dense and _all_texts(given)
    call = _call if texts else _call_watched
    for position, value in enumerate(read_only(given) if dense else given if texts else map(guarded, given)):
        if sizes is not None:
            more["magnitude"] = sizes[position]
        if seeds:
            more["rng"] = streams.at(seeds[position])
        found, breach = call(function.function, value, more)
        if found is not None:
            breach = check(value, found)
        if breach is None:
            results[position] = found
            continue
        wrong[position] = breach
        if first:
            break
    done = np.array([found is not None for found in results], dtype=bool)
    if not dense:
        return Outcome(results, done, wrong)
    return _gathered(given, results, done, wrong, may_change)


def _call(function: Callable[..., Any], value: Any, more: dict[str, Any]) -> tuple[Any, Breach | None]:
    """Call a function on something that cannot be edited."""
    try:
        return function(value, **more), None
    except Exception as error:
        return None, raised(error)


def _call_watched(function: Callable[..., Any], value: Any, more: dict[str, Any]) -> tuple[Any, Breach | None]:
    writes = writes_so_far(value)
    try:
        found = function(value, **more)
    except Exception as error:
        return None, _EDITED if edits_in_place(error) else raised(error)
    if writes_so_far(value) != writes:
        return None, _EDITED
    return released(found), None


def _gathered(
    given: Any,
    results: list[Any],
    done: npt.NDArray[np.bool_],
    wrong: dict[int, Breach],
    may_change: frozenset[str],
) -> Outcome:
    """Put examples of one array together, those with no result as they were given, and look at their numbers."""
    if not done.any():
        return Outcome(given, done, wrong)
    found = stacked(given, [one if ok else value for one, ok, value in zip(results, done, given, strict=True)])
    breaking = breaking_rows(given, found, may_change=may_change)
    done[list(breaking)] = False
    return Outcome(found, done, wrong | breaking)


def call_batched(
    function: TransformationFunction,
    given: Any,
    magnitudes: npt.NDArray[np.float64],
    streams: Streams,
    seed: int,
    *,
    first: bool,
) -> Outcome:
    """Call a batched function on k examples; where it raises, on halves, until it is known on which examples.

    Parameters
    ----------
    function, given, magnitudes, streams, first
        As for `call_one_by_one`.
    seed : int
        The stream of this call, and of the calls on halves.
    """
    return _Batched(function, streams, seed, first).call(given, magnitudes)


class _Batched:
    def __init__(self, function: TransformationFunction, streams: Streams, seed: int, first: bool) -> None:
        self.function = function
        self.streams = streams
        self.seed = seed
        self.first = first
        self.calls = 0

    def call(self, given: Any, magnitudes: npt.NDArray[np.float64]) -> Outcome:
        more: dict[str, Any] = dict(self.function.resources)
        if "magnitude" in self.function.takes:
            more["magnitude"] = magnitudes
        if "rng" in self.function.takes:
            more["rng"] = self.streams.at(self.seed)
        self.calls += 1
        handed = read_only(given) if is_dense(given) else [guarded(value) for value in given]
        writes = writes_so_far(given)
        try:
            found = self.function.function(handed, **more)
        except Exception as error:
            return self._after_raising(given, magnitudes, error)
        if writes_so_far(given) != writes:
            return _all_wrong(given, _EDITED)
        if found is None:
            return Outcome(given, np.zeros(len(given), dtype=bool), {})
        return self._checked_batch(given, found) if is_dense(given) else self._checked_list(given, found)

    def _after_raising(self, given: Any, magnitudes: npt.NDArray[np.float64], error: Exception) -> Outcome:
        if edits_in_place(error):
            return _all_wrong(given, _EDITED)
        half = len(given) // 2
        if not half or self.calls >= _MOST_CALLS:
            return _all_wrong(given, raised(error))
        left = self.call(given[:half], magnitudes[:half])
        if self.first and left.wrong:
            right = Outcome(given[half:], np.zeros(len(given) - half, dtype=bool), {})
        else:
            right = self.call(given[half:], magnitudes[half:])
        wrong = left.wrong | {half + position: breach for position, breach in right.wrong.items()}
        return Outcome(joined([left.found, right.found]), np.concatenate([left.done, right.done]), wrong)

    def _checked_batch(self, given: Any, found: Any) -> Outcome:
        breach = breach_of_batch(given, found)
        if breach is not None:
            return _all_wrong(given, breach)
        wrong = breaking_rows(given, found, may_change=self.function.may_change)
        done = np.ones(len(given), dtype=bool)
        done[list(wrong)] = False
        return Outcome(found, done, wrong)

    def _checked_list(self, given: list[Any], found: Any) -> Outcome:
        if isinstance(found, (str, bytes)) or not hasattr(found, "__len__") or len(found) != len(given):
            size = f" of {len(found)}" if hasattr(found, "__len__") else ""
            return _all_wrong(
                given, Breach("shape", f"returned a {type(found).__name__}{size} where it got a list of {len(given)}")
            )
        found = [released(one) for one in found]
        done = np.array([one is not None for one in found], dtype=bool)
        if _all_texts(given) and _all_texts(found):
            return Outcome(found, done, {})
        wrong = {}
        for position in np.flatnonzero(done).tolist():
            breach = breach_of_example(given[position], found[position], may_change=self.function.may_change)
            if breach is not None:
                wrong[position] = breach
                done[position] = False
        return Outcome(found, done, wrong)


def _all_texts(values: list[Any]) -> bool:
    return set(map(type, values)) <= {str, type(None)}


def _all_wrong(given: Any, breach: Breach) -> Outcome:
    return Outcome(given, np.zeros(len(given), dtype=bool), dict.fromkeys(range(len(given)), breach))
