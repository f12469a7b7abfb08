"""Alphabets: what codes mean, as sets of classes. Votes of different alphabets meet by meaning, not by code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from .sparse import SparseRows, first_outside

__all__ = ["Letters", "first_lacking", "lookup", "ordered", "plain_letters", "recoded", "united"]

# What each code of a source means: a set of classes, of which one holds.
Letters: TypeAlias = tuple[frozenset[int], ...]


def plain_letters(k: int) -> Letters:
    """Return what the codes of a source mean that votes for one of k classes."""
    return tuple(frozenset([code]) for code in range(k))


def ordered(sets: Iterable[frozenset[int]]) -> Letters:
    """Return different sets in an order of their own: single classes first.

    Examples
    --------
    >>> [sorted(one) for one in ordered([frozenset({0, 1}), frozenset({2}), frozenset({0, 1})])]
    [[2], [0, 1]]
    """
    return tuple(sorted(set(sets), key=lambda one: (len(one) > 1, sorted(one))))


def united(alphabets: Sequence[Mapping[str, Letters]], k: int) -> dict[str, Letters]:
    """Return an alphabet that holds the letters of all, in an order that does not hang on theirs.

    Parameters
    ----------
    alphabets : sequence of (mapping of str to tuple of frozenset of int)
        Sources that are not named vote for single classes.
    k : int
        Number of classes.

    Examples
    --------
    >>> sets = {"one": (frozenset({0}), frozenset({1, 2}))}
    >>> [sorted(letter) for letter in united([{}, sets], 3)["one"]]
    [[0], [1], [2], [1, 2]]
    """
    out, plain = {}, plain_letters(k)
    for source in sorted(set().union(*alphabets)):
        own = [one.get(source, plain) for one in alphabets]
        letters = own[0] if all(one == own[0] for one in own) else ordered(letter for one in own for letter in one)
        if letters != plain or all(source in one for one in alphabets):
            out[source] = letters
    return out


def lookup(
    sources: Sequence[str], own: Mapping[str, Letters], other: Mapping[str, Letters], k: int
) -> npt.NDArray[np.int16]:
    """Return the code in ``other`` of each code in ``own``, shape (m, codes + 1); -1 where it has no such letter.

    The last column answers for an abstain.
    """
    plain = plain_letters(k)
    mine, theirs = ([one.get(source, plain) for source in sources] for one in (own, other))
    table = np.full((len(sources), max(map(len, mine), default=0) + 1), -1, dtype=np.int16)
    for row, old, new in zip(table, mine, theirs, strict=True):
        place = dict(zip(reversed(new), range(len(new) - 1, -1, -1), strict=True))  # the first of equal ones
        row[: len(old)] = [place.get(letter, -1) for letter in old]
    return table


def recoded(rows: npt.NDArray[Any] | SparseRows, table: npt.NDArray[np.int16]) -> npt.NDArray[Any] | SparseRows:
    """Return votes with each code replaced as ``table`` (see `lookup`) says; -1 becomes an abstain."""
    if isinstance(rows, SparseRows):
        codes = table[rows.columns, rows.codes]
        kept = codes >= 0
        many = np.bincount(rows.entry_rows[kept], minlength=rows.shape[0])
        indptr = np.concatenate([[0], np.cumsum(many)]).astype(np.int64)
        return SparseRows(indptr, rows.columns[kept], codes[kept], rows.shape)
    fits = table.max(initial=0) <= np.iinfo(np.int8).max
    return np.asarray(table[np.arange(rows.shape[1]), rows], dtype=np.int8 if fits else np.int16)


def first_lacking(rows: npt.NDArray[Any] | SparseRows, table: npt.NDArray[np.int16]) -> tuple[int, int, int] | None:
    """Return (row, column, code) of the first vote for which ``table`` (see `lookup`) has no code, or None."""
    lacking = np.where(table < 0, np.arange(table.shape[1]), -1).astype(np.int16)
    lacking[:, -1] = -1
    return first_outside(recoded(rows, lacking), np.zeros(len(table), dtype=np.int64))
