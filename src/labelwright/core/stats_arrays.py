"""Stats as arrays that a store can keep, and back: a typed walk over frozen dataclasses, never pickle."""

from __future__ import annotations

import dataclasses
import importlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import DataError

__all__ = ["arrays_of_stats", "stats_of_arrays"]

_HEADER = "header"
_PACKAGE = __name__.partition(".")[0]


def arrays_of_stats(stats: Any) -> dict[str, npt.NDArray[Any]] | None:
    """Return stats as named arrays and a header, or ``None`` where they hold what cannot be kept so.

    Parameters
    ----------
    stats : dataclass
        Made of arrays, numbers, text, None, tuples, frozensets, mappings, and dataclasses of the same.

    Returns
    -------
    dict of str to ndarray, or None
        ``None`` for stats of a class that is not this package's: whoever reads them could not tell what they are.

    Examples
    --------
    >>> from labelwright.core import VoteCounts, Votes
    >>> stats = VoteCounts.of(Votes([[0, 1], [1, -1]], sources=["a", "b"]))
    >>> kept = arrays_of_stats(stats)
    >>> stats_of_arrays(kept) == stats
    True
    """
    arrays: dict[str, npt.NDArray[Any]] = {}
    try:
        header = _described(stats, arrays)
    except TypeError:
        return None
    return {**arrays, _HEADER: np.array(json.dumps(header, sort_keys=True))}


def stats_of_arrays(arrays: Mapping[str, npt.NDArray[Any]]) -> Any:
    """Return the stats that `arrays_of_stats` took apart.

    Raises
    ------
    DataError
        If the arrays do not describe stats of this package.
    """
    try:
        return _restored(json.loads(str(arrays[_HEADER])), arrays)
    except (KeyError, TypeError, ValueError, AttributeError, ImportError) as error:
        raise DataError(f"these arrays are no stats ({type(error).__name__}: {error}); run again.") from error


def _described(value: Any, arrays: dict[str, npt.NDArray[Any]]) -> Any:
    """Return ``value`` as JSON; arrays are put aside under a number, and named by it."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        name = f"array_{len(arrays)}"
        arrays[name] = value
        return {"array": name}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, tuple):
        return {"tuple": [_described(one, arrays) for one in value]}
    if isinstance(value, frozenset):
        return {"set": [_described(one, arrays) for one in _ordered(value)]}
    if isinstance(value, Mapping):
        return {"map": [[_described(key, arrays), _described(one, arrays)] for key, one in value.items()]}
    kind = type(value)
    if dataclasses.is_dataclass(kind) and kind.__module__.partition(".")[0] == _PACKAGE:
        fields = {f.name: _described(getattr(value, f.name), arrays) for f in dataclasses.fields(kind)}
        return {"class": f"{kind.__module__}:{kind.__qualname__}", "fields": fields}
    raise TypeError(kind.__name__)


def _ordered(values: frozenset[Any]) -> list[Any]:
    """Return a set in an order of its own, so that equal stats are equal bytes."""
    try:
        return sorted(values)
    except TypeError:  # names and numbers, of which neither comes first
        return sorted(values, key=repr)


def _restored(value: Any, arrays: Mapping[str, npt.NDArray[Any]]) -> Any:
    if not isinstance(value, dict):
        return value
    if "array" in value:
        return arrays[value["array"]]
    if "tuple" in value:
        return tuple(_restored(one, arrays) for one in value["tuple"])
    if "set" in value:
        return frozenset(_restored(one, arrays) for one in value["set"])
    if "map" in value:
        return {_restored(key, arrays): _restored(one, arrays) for key, one in value["map"]}
    return _class(value["class"])(**{name: _restored(one, arrays) for name, one in value["fields"].items()})


def _class(name: str) -> Any:
    """Return a dataclass of this package by its place; the header comes from a file, so nothing else will do."""
    module, _, kind = name.partition(":")
    if module.partition(".")[0] != _PACKAGE:
        raise ValueError(f"{name} is not of {_PACKAGE}")
    found = getattr(importlib.import_module(module), kind)
    if not (isinstance(found, type) and dataclasses.is_dataclass(found)):
        raise ValueError(f"{name} is no dataclass")
    return found
