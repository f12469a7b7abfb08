"""What a transformation function may return, and what is said about one that breaks the rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from .batches import is_dense, is_tensor

__all__ = ["ADVICE", "Breach", "Kind", "breach_of_batch", "breach_of_example", "breaking_rows", "raised"]

Kind: TypeAlias = Literal["raises", "type", "shape", "dtype", "not finite", "range", "in place"]

# Interpolation in single precision leaves [0, 1] by about this much.
_RANGE_TOLERANCE = 1e-5

# What is allowed, and what to do.
ADVICE: dict[str, str] = {
    "raises": "Return None where a function cannot be applied, or count failures with on_error='skip'.",
    "type": "Return the same kind of example as it got, or None where it cannot be applied.",
    "shape": (
        "Return the same shape or the same fields; where examples are a list and may differ, declare "
        "may_change=['shape']."
    ),
    "dtype": "Return the same dtype, such as found.astype(x.dtype); where examples are a list, may_change=['dtype'].",
    "not finite": (
        "Return finite numbers, or None where it cannot be applied; where NaN says missing, may_change=['missing']."
    ),
    "range": "Images stay within [0, 1]: clip what it returns, or declare may_change=['range'].",
    "in place": "Write to a copy: x.copy(), x.clone() or {**x, 'field': value}.",
}


@dataclass(frozen=True, slots=True)
class Breach:
    """One way in which a call went wrong.

    Parameters
    ----------
    kind : {"raises", "type", "shape", "dtype", "not finite", "range", "in place"}
    said : str
        What happened, as the predicate of a sentence whose subject is the function.
    cause : Exception, optional
        What it raised.
    """

    kind: Kind
    said: str
    cause: Exception | None = None


def raised(error: Exception) -> Breach:
    """Return the breach of a function that raised."""
    return Breach("raises", f"raised {type(error).__name__}: {error}", error)


def breach_of_batch(given: Any, found: Any) -> Breach | None:
    """Say what is wrong with a whole tensor or array that a batched function returned; numbers are not looked at."""
    if type(found) is not type(given) and not (is_tensor(given) and is_tensor(found)):
        return Breach("type", f"returned {_kind(found)} where it got {_kind(given)}")
    return _breach_of_layout(given, found, frozenset())


def breaking_rows(given: Any, found: Any, *, may_change: frozenset[str]) -> dict[int, Breach]:
    """Find the examples of a batch whose numbers break a rule: vectorised, and one pass where none does.

    Parameters
    ----------
    given, found : tensor or array, shape (n, ...)
        Of one shape and dtype.
    may_change : frozenset of str
        With "range" in it, images may leave [0, 1]; with "missing", numbers may become NaN.

    Returns
    -------
    dict of int to Breach
        By position. Not finite: where the example had only finite numbers. Range: floating (n, channels, height,
        width) within [0, 1], no longer within.
    """
    if not _is_floating(found) or not len(found) or not _size(found):
        return {}
    low, high = _extremes(found)
    images = found.ndim == 4 and "range" not in may_change
    if np.isfinite(low) and np.isfinite(high):
        if not images or (low >= -_RANGE_TOLERANCE and high <= 1 + _RANGE_TOLERANCE):
            return {}
        return _out_of_range(_rows(given), _rows(found))
    rows = _rows(found)
    # Where numbers may go missing, infinite ones break the rule all the same.
    now = np.where(np.isnan(rows), 0.0, rows) if "missing" in may_change else rows
    bad = ~_finite_rows(now) & _finite_rows(_rows(given))
    wrong = {row: Breach("not finite", "returned NaN or infinity") for row in np.flatnonzero(bad).tolist()}
    return (_out_of_range(_rows(given), _rows(found)) if images else {}) | wrong


def breach_of_example(given: Any, found: Any, *, may_change: frozenset[str]) -> Breach | None:
    """Say what is wrong with one example, or one value of a field, that a function returned."""
    if type(found) is str and type(given) is str:
        return None
    if is_dense(given):
        return _breach_of_array(given, found, may_change)
    if isinstance(given, Mapping):
        return _breach_of_record(given, found, may_change)
    if _same_type(given, found) or "dtype" in may_change:
        missing = "missing" in may_change and found != found
        if isinstance(found, float) and not np.isfinite(found) and np.isfinite(given) and not missing:
            return Breach("not finite", f"returned {found}")
        return None
    return Breach("type", f"returned {_kind(found)} where it got {_kind(given)}")


def _breach_of_array(given: Any, found: Any, may_change: frozenset[str]) -> Breach | None:
    if isinstance(found, np.generic):
        found = np.asarray(found)
    if type(found) is not type(given) and not (is_tensor(given) and is_tensor(found)):
        return Breach("type", f"returned {_kind(found)} where it got {_kind(given)}")
    breach = _breach_of_layout(given, found, may_change)
    if breach is not None:
        return breach
    return breaking_rows(given[None], found[None], may_change=may_change).get(0)


def _breach_of_layout(given: Any, found: Any, may_change: frozenset[str]) -> Breach | None:
    if found.shape != given.shape and "shape" not in may_change:
        return Breach("shape", f"returned shape {tuple(found.shape)} where it got {tuple(given.shape)}")
    if found.dtype != given.dtype and "dtype" not in may_change:
        return Breach("dtype", f"returned dtype {found.dtype} where it got {given.dtype}")
    if is_tensor(given) and found.device != given.device:
        return Breach("type", f"returned a tensor on {found.device} where it got one on {given.device}")
    return None


def _breach_of_record(given: Mapping[str, Any], found: Any, may_change: frozenset[str]) -> Breach | None:
    if not isinstance(found, Mapping):
        return Breach("type", f"returned {_kind(found)} where it got a record (dict)")
    if found.keys() != given.keys() and "shape" not in may_change:
        missing, new = sorted(given.keys() - found.keys()), sorted(found.keys() - given.keys())
        return Breach("shape", f"returned a record with fields missing {missing} and fields added {new}")
    for name in given.keys() & found.keys():
        # A missing value (None) has no type, and a value may go missing.
        if found[name] is given[name] or found[name] is None:
            continue
        breach = breach_of_example(given[name], found[name], may_change=may_change)
        if breach is not None:
            return Breach(breach.kind, f"in field {name!r} {breach.said}")
    return None


def _same_type(given: Any, found: Any) -> bool:
    if given is None or isinstance(found, type(given)):
        return True
    # A plain image for one that was read from a file, a plain text for numpy's; but no number for a truth.
    if isinstance(given, type(found)) and not isinstance(given, bool):
        return True
    # Where a floating number was, any number may be.
    return isinstance(given, float) and isinstance(found, (int, float, np.number))


def _kind(value: Any) -> str:
    return type(value).__name__


def _is_floating(batch: Any) -> bool:
    return bool(batch.is_floating_point()) if is_tensor(batch) else batch.dtype.kind == "f"


def _size(batch: Any) -> int:
    return int(batch.numel()) if is_tensor(batch) else int(batch.size)


def _extremes(batch: Any) -> tuple[float, float]:
    """Least and greatest number; NaN where there is one."""
    if is_tensor(batch):
        found = batch.detach().aminmax()
        return float(found.min), float(found.max)
    return float(batch.min()), float(batch.max())


def _rows(batch: Any) -> npt.NDArray[Any]:
    """Numbers of a batch as an array of one row for each example: only ever for one that seems to break a rule."""
    array = batch.detach().cpu().double().numpy() if is_tensor(batch) else batch
    return np.asarray(array).reshape(len(batch), -1)


def _finite_rows(rows: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    return np.asarray(np.isfinite(rows).all(axis=1), dtype=np.bool_)


def _out_of_range(given: npt.NDArray[Any], found: npt.NDArray[Any]) -> dict[int, Breach]:
    # Comparisons with NaN are false, so that rows that are not finite are not out of range as well.
    was_in = (given >= -_RANGE_TOLERANCE).all(axis=1) & (given <= 1 + _RANGE_TOLERANCE).all(axis=1)
    is_out = (found < -_RANGE_TOLERANCE).any(axis=1) | (found > 1 + _RANGE_TOLERANCE).any(axis=1)
    return {
        row: Breach("range", f"returned values from {found[row].min():.4g} to {found[row].max():.4g}, outside [0, 1]")
        for row in np.flatnonzero(was_in & is_out).tolist()
    }
