"""Long tables: one row for each thing that somebody said, with columns for who, about what, and what."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt
import polars as pl

from labelwright.core.errors import DataError

from .read import read

__all__ = ["Codes", "Repeats", "encode", "ids_of", "read_long", "without_repeats"]

# NumPy has no whole numbers that wide. Files and lists give them where 64 bits are too few.
_WIDE = tuple(getattr(pl, name) for name in ("Int128", "UInt128") if hasattr(pl, name))

Repeats: TypeAlias = Literal["error", "first", "last", "majority"]
"""Where one worker answers twice about one item: refuse, or keep the first, the last or the most frequent answer."""


@dataclass(frozen=True, slots=True)
class Codes:
    """A column as positions in its distinct values.

    Parameters
    ----------
    values : polars.Series
        The distinct values, sorted; never null.
    codes : ndarray of int64, shape (rows,)
        Position of each row's value, -1 where it is missing.
    """

    values: pl.Series
    codes: npt.NDArray[np.int64]

    def take(self, rows: npt.NDArray[np.int64]) -> Codes:
        """Return the given rows."""
        return Codes(self.values, self.codes[rows])


def read_long(data: Any, known: Mapping[str, Sequence[str]], given: Mapping[str, str | None]) -> dict[str, pl.Series]:
    """Return the columns of a long table by what they mean.

    Parameters
    ----------
    data : object
        What `labelwright.data.read` reads, or a list of tuples in the order of ``known``.
    known : mapping of str to sequence of str
        For each meaning, the names by which a column is recognised (in small letters), the best first.
    given : mapping of str to (str or None)
        Columns that the user names.

    Raises
    ------
    DataError
        If the data cannot be read, a column is not there, or several might be meant.
    """
    if isinstance(data, (list, tuple)) and not data:
        raise DataError(f"the list is empty; it should hold tuples ({', '.join(known)}) or dictionaries.")
    if isinstance(data, (list, tuple)) and isinstance(data[0], tuple):
        named = [column for column in given.values() if column is not None]
        if named:
            raise DataError(f"a list of tuples has no columns to name, but {named[0]!r} is given; leave it out.")
        return _from_tuples(data, tuple(known))
    dataset = read(data)
    chosen: dict[str, str] = {}
    for meaning, names in known.items():
        chosen[meaning] = _column(dataset.columns, meaning, names, given[meaning])
    taken = list(chosen.values())
    twice = next((column for column in taken if taken.count(column) > 1), None)
    if twice is not None:
        both = " and ".join(meaning for meaning, column in chosen.items() if column == twice)
        raise DataError(f"column {twice!r} would be {both}; name another column for one of them.")
    frame = dataset.frame(taken)
    return {meaning: frame.get_column(column) for meaning, column in chosen.items()}


def encode(column: pl.Series, meaning: str, *, needed: bool = True) -> Codes:
    """Return ``column`` as positions in its distinct values; where it is ``needed``, none may be missing.

    Whole numbers that a missing value had turned into floats (as pandas does) are whole numbers again.
    """
    column = _tidy(column, meaning)
    missing = column.is_null()
    if needed and missing.any():
        row = int(missing.arg_max() or 0)
        raise DataError(
            f"column {column.name!r} ({meaning}) is empty at row {row} ({int(missing.sum()):,} in all); every row "
            f"needs one. Drop such rows, or fill them in."
        )
    values = column.drop_nulls().unique().sort()
    if column.dtype == pl.String:
        codes = column.cast(pl.Enum(values)).to_physical().cast(pl.Int64).fill_null(-1).to_numpy()
    else:
        codes = np.where(missing.to_numpy(), -1, values.to_numpy().searchsorted(column.fill_null(0).to_numpy()))
    return Codes(values, np.asarray(codes, dtype=np.int64))


def ids_of(column: Codes, meaning: str) -> npt.NDArray[Any]:
    """Return the distinct values of a column of ids as an array of integers or strings."""
    kind = column.values.dtype
    if kind == pl.String:
        return np.array(column.values.to_list(), dtype=np.str_)
    if not kind.is_integer():
        raise DataError(f"column {column.values.name!r} ({meaning}) has type {kind}; ids are whole numbers or text.")
    return np.asarray(column.values.to_numpy())


def without_repeats(said: Mapping[str, Codes], rows: npt.NDArray[np.int64], repeats: Repeats) -> npt.NDArray[np.int64]:
    """Return the rows to keep, so that nobody speaks twice about one thing; rising.

    Parameters
    ----------
    said : mapping of str to Codes
        Who, about what, and what was said, in this order, by what they are called.
    rows : ndarray of int64
        The rows that say something.
    repeats : {"error", "first", "last", "majority"}

    Raises
    ------
    DataError
        If somebody does and ``repeats`` is "error", or ``repeats`` is none of the four.
    """
    if repeats not in get_args(Repeats):
        raise DataError(f"repeats is {repeats!r}; allowed: {', '.join(map(repr, get_args(Repeats)))}.")
    who, about, what = (column.codes[rows] for column in said.values())
    pair = about * (int(who.max(initial=0)) + 1) + who
    order = np.argsort(pair, kind="stable")
    ordered = pair[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])[: len(pair)])
    if len(starts) == len(pair):
        return rows
    if repeats == "error":
        again = np.flatnonzero(ordered[1:] == ordered[:-1])
        differ = int((what[order[again]] != what[order[again + 1]]).sum())
        at = again[np.argmin(order[again + 1])]
        raise _repeated(said, int(rows[order[at]]), int(rows[order[at + 1]]), len(again), differ)
    if repeats == "first":
        return np.asarray(rows[np.sort(order[starts])])
    if repeats == "last":
        return np.asarray(rows[np.sort(order[np.append(starts[1:], len(pair)) - 1])])
    return np.asarray(rows[_most_frequent(pair, what)])


def _most_frequent(pair: npt.NDArray[np.int64], what: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return for each pair the first row of what is said most often; of equally frequent ones, the first said."""
    said = pair * (int(what.max()) + 1) + what
    _, first, count = np.unique(said, return_index=True, return_counts=True)
    order = np.lexsort((first, -count, pair[first]))
    ranked = pair[first[order]]
    best = np.concatenate([[True], ranked[1:] != ranked[:-1]])
    return np.sort(first[order[best]])


def _repeated(said: Mapping[str, Codes], one: int, other: int, count: int, differ: int) -> DataError:
    (who, speakers), (about, things), (what, answers) = said.items()
    first, second = (answers.values[int(answers.codes[row])] for row in (one, other))
    return DataError(
        f"{who} {speakers.values[int(speakers.codes[one])]!r} gives a {what} for {about} "
        f"{things.values[int(things.codes[one])]!r} more than once: {first!r} in row {one} and {second!r} in row "
        f"{other}. Repeats: {count:,}, of which {differ:,} differ. Say what counts: repeats='first', 'last' or "
        "'majority'."
    )


def _column(columns: Sequence[str], meaning: str, names: Sequence[str], given: str | None) -> str:
    listed = f"columns: {', '.join(columns)}."
    if given is not None:
        if given in columns:
            return given
        close = difflib.get_close_matches(given, columns, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise DataError(f"there is no column {given!r}; {listed}{hint}")
    folded = {column: column.strip().lower().replace(" ", "_") for column in columns}
    for name in names:
        found = [column for column in columns if folded[column] == name]
        if len(found) > 1:
            raise DataError(f"columns {found[0]!r} and {found[1]!r} might both be the {meaning}; say {meaning}='...'.")
        if found:
            return found[0]
    raise DataError(
        f"no column is recognised as the {meaning}; name it with {meaning}='...'. Recognised: {', '.join(names)}. "
        f"{listed}"
    )


def _from_tuples(rows: Sequence[Any], meanings: tuple[str, ...]) -> dict[str, pl.Series]:
    width = len(meanings)
    wrong = next((i for i, row in enumerate(rows) if not isinstance(row, tuple) or len(row) != width), None)
    if wrong is not None:
        raise DataError(f"row {wrong} is {rows[wrong]!r}; every row is a tuple ({', '.join(meanings)}).")
    dicts = [dict(zip(meanings, row, strict=True)) for row in rows]
    frame = read(dicts).frame()
    return {meaning: frame.get_column(meaning) for meaning in meanings}


def _tidy(column: pl.Series, meaning: str) -> pl.Series:
    kind = column.dtype
    if isinstance(kind, (pl.Categorical, pl.Enum)):
        return column.cast(pl.String)
    if kind == pl.Null:
        return column.cast(pl.String)
    if kind.is_float():
        column = column.fill_nan(None)
        whole = column.drop_nulls()
        if not len(whole) or not (whole == whole.round()).all():
            return column
        if (whole.abs() >= 2.0**63).any():
            raise DataError(
                f"column {column.name!r} ({meaning}) holds whole numbers past 2^63 as decimals, which have lost "
                "digits; hand them in as text."
            )
        return column.cast(pl.Int64)
    if kind in _WIDE:
        return _narrow(column, meaning)
    if kind.is_integer() or kind == pl.Boolean or kind == pl.String:
        return column
    raise DataError(f"column {column.name!r} ({meaning}) has type {kind}; it must hold text or numbers.")


def _narrow(column: pl.Series, meaning: str) -> pl.Series:
    """Return whole numbers of 128 bits as ones of 64 bits where they fit, and as text where they do not."""
    try:
        return column.cast(pl.Int64)
    except pl.exceptions.InvalidOperationError:
        if meaning == "label":
            raise DataError(
                f"column {column.name!r} (label) holds whole numbers past 2^63; codes go from 0 to "
                f"{np.iinfo(np.int16).max:,}, so hand other labels in as text."
            ) from None
        return column.cast(pl.String)
