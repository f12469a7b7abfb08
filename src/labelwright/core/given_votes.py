"""What is given as votes, sources and ids, checked and made into arrays that nobody else writes to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from .classes import Class
from .errors import VoteError

__all__ = ["checked_column", "checked_ids", "checked_names", "column_names", "dense_codes"]


def dense_codes(values: npt.ArrayLike, classes: tuple[Class, ...] | None) -> npt.NDArray[Any]:
    """Return a table of votes as codes of one or two bytes, shape (n, m), read-only; -1 is an abstain."""
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise VoteError(
            f"votes must be a table of n rows and m columns, but the rows differ in length ({error})."
        ) from error
    if array.ndim == 0:
        raise VoteError(
            f"votes are a {type(values).__name__}; pass Votes, or a table of n rows and m columns: "
            "integer codes 0..k-1, with -1 for abstain."
        )
    if array.ndim != 2:
        raise VoteError(f"votes must be a table of n rows and m columns (2 dimensions), got shape {array.shape}.")
    if array.dtype.kind not in "iu":
        array = _as_integers(array)
    top = np.iinfo(np.int16).max
    if array.size and (array.max() > top or array.min() < -1):
        worst = array.max() if array.max() > top else array.min()
        raise VoteError(f"a vote of {worst} is outside -1 (abstain) to {len(classes) - 1 if classes else top}.")
    dtype = np.int8 if not array.size or array.max() <= np.iinfo(np.int8).max else np.int16
    # Rows are read together everywhere, so keep them together; a copy also cuts the tie to the caller's array.
    kept = np.array(array, dtype=dtype, order="C")
    kept.flags.writeable = False
    return kept


def _as_integers(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if array.dtype.kind == "f":
        if bool((array == np.round(array)).all()):
            return array.astype(np.int64)
        row, column = np.argwhere(array != np.round(array))[0]
        raise VoteError(
            f"row {row}, column {column} holds {array[row, column]}, which is not an integer code; "
            "votes are 0..k-1, with -1 for abstain."
        )
    if array.dtype == object and array.size and any(isinstance(v, (list, tuple)) for v in array.flat):
        raise VoteError("votes must be a table of n rows and m columns, but the rows differ in length.")
    texts = any(isinstance(v, str) for v in array.flat)
    advice = " labelwright.core.class_codes(names, classes) turns the names of one source into codes." if texts else ""
    raise VoteError(f"votes have dtype {array.dtype}, but must be integer codes 0..k-1, with -1 for abstain.{advice}")


def column_names(values: Any) -> tuple[str, ...] | None:
    """Return the names of the columns of a data frame (pandas, Polars); ``None`` where not all of them have text names.

    Examples
    --------
    >>> import polars as pl
    >>> column_names(pl.DataFrame({"link": [1], "short": [0]})), column_names([[1, 0]])
    (('link', 'short'), None)
    """
    # Frames are known by what they have: this room imports neither library. An array is a sparse table's, of numbers.
    columns = getattr(values, "columns", None)
    if columns is None or isinstance(columns, np.ndarray):
        return None
    names = tuple(columns)
    return names if names and all(isinstance(name, str) for name in names) else None


def checked_names(sources: Iterable[str] | None, m: int) -> tuple[str, ...]:
    """Return names of m sources, of which no two are the same; default: their numbers."""
    names = tuple(str(j) for j in range(m)) if sources is None else tuple(str(s) for s in sources)
    if len(names) != m:
        raise VoteError(f"there are {m} columns of votes but {len(names)} source names.")
    if len(set(names)) != m:
        repeated = next(s for s in names if names.count(s) > 1)
        raise VoteError(f"source name {repeated!r} stands more than once; names must differ.")
    return names


def checked_column(values: npt.ArrayLike, n: int, what: str) -> npt.NDArray[Any]:
    """Return ids or groups of n examples, whole numbers or text, shape (n,), read-only."""
    array = np.asarray(values)
    if array.dtype == object:
        array = array.astype(np.str_)
    if array.shape != (n,):
        raise VoteError(f"{what} has shape {array.shape}, but there are {n} examples.")
    if array.dtype.kind not in "iuUb":
        raise VoteError(f"{what} has dtype {array.dtype}; ids are integers or strings.")
    array = array.copy()
    array.flags.writeable = False
    return array


def checked_ids(example_ids: npt.ArrayLike | None, n: int) -> npt.NDArray[Any]:
    """Return ids of n examples, of which no two are the same, shape (n,), read-only; default: their numbers."""
    if example_ids is None:
        ids: npt.NDArray[Any] = np.arange(n)
        ids.flags.writeable = False
        return ids
    ids = checked_column(example_ids, n, "example_ids")
    ordered = np.sort(ids)
    same = ordered[1:] == ordered[:-1]
    if same.any():
        raise VoteError(
            f"example id {ordered[1:][same][0]!s} stands more than once ({int(same.sum())} repeats in all); "
            "ids must differ, so that votes can be joined back to examples."
        )
    return ids
