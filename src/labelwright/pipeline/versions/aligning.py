"""Finding the same examples in two runs, by id, at a million rows and more: with arrays, no dictionary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["align", "joined_ids", "text_ids"]

Rows: TypeAlias = npt.NDArray[np.int64]
Hashes: TypeAlias = npt.NDArray[np.uint64]

_BLOCK = 8192


def align(first: npt.NDArray[Any], second: npt.NDArray[Any]) -> tuple[Rows, Rows]:
    """Return the positions of the ids that both have: in ``first``, ascending, and in ``second``.

    Parameters
    ----------
    first, second : ndarray of int or str, shapes (n,) and (m,)
        Ids, each unique. Where one holds integers and the other texts, integers are taken as their texts.

    Notes
    -----
    Equal beginnings and ends are matched as they stand, and only what is between them is sorted (by a hash, which is
    much faster than sorting texts; every match is checked against the ids themselves).

    Examples
    --------
    >>> one, two = align(np.array(["a", "b", "c"]), np.array(["c", "x", "a"]))
    >>> one.tolist(), two.tolist()
    ([0, 2], [2, 0])
    """
    if _is_text(first) != _is_text(second):
        first, second = text_ids(first), text_ids(second)
    shorter = min(len(first), len(second))
    start = _run_length(first[:shorter] == second[:shorter])
    rest = shorter - start
    end = _run_length((first[len(first) - rest :] == second[len(second) - rest :])[::-1])
    inner_first, inner_second = _match(first[start : len(first) - end], second[start : len(second) - end])
    head, tail = np.arange(start), np.arange(end)
    return (
        np.concatenate([head, inner_first + start, tail + len(first) - end]),
        np.concatenate([head, inner_second + start, tail + len(second) - end]),
    )


def text_ids(ids: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return ids as texts."""
    return ids if _is_text(ids) else ids.astype(np.str_)


def joined_ids(pieces: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """Put ids one after another; as texts, where some of them are."""
    full = [ids for ids in pieces if len(ids)]
    if not full:
        return np.empty(0, dtype=np.str_)
    return np.concatenate([text_ids(ids) for ids in full] if any(map(_is_text, full)) else full)


def _match(first: npt.NDArray[Any], second: npt.NDArray[Any]) -> tuple[Rows, Rows]:
    if not len(first) or not len(second):
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    one, two = _hashes(first, second)
    order_one, order_two = np.argsort(one), np.argsort(two)
    ranked = two[order_two]
    # Both in order: a search then walks through memory instead of leaping about in it.
    place = np.minimum(np.searchsorted(ranked, one[order_one]), len(two) - 1)
    same = ranked[place] == one[order_one]
    rows, found = order_one[same], order_two[place[same]]
    tidy = np.argsort(rows)
    rows, found = rows[tidy], found[tidy]
    blocks = [slice(start, start + _BLOCK) for start in range(0, len(rows), _BLOCK)]
    if any((first[rows[b]] != second[found[b]]).any() for b in blocks):  # two ids of one hash
        _, rows, found = np.intersect1d(first, second, assume_unique=True, return_indices=True)
        tidy = np.argsort(rows)
        return rows[tidy], found[tidy]
    return rows, found


def _hashes(first: npt.NDArray[Any], second: npt.NDArray[Any]) -> tuple[Hashes, Hashes]:
    """Return 64-bit hashes that are equal where ids are; integers stand for themselves."""
    if not _is_text(first):
        return first.astype(np.int64).view(np.uint64), second.astype(np.int64).view(np.uint64)
    # Two letters fill a word; the same width on both sides, since trailing zeros count.
    letters = max(first.dtype.itemsize, second.dtype.itemsize, 8) // 4
    kind = f"<U{letters + letters % 2}"
    return _text_hashes(first, kind), _text_hashes(second, kind)


def _text_hashes(ids: npt.NDArray[Any], kind: str) -> Hashes:
    hashes = np.empty(len(ids), dtype=np.uint64)
    for start in range(0, len(ids), _BLOCK):  # by blocks that stay in the cache
        block = np.ascontiguousarray(ids[start : start + _BLOCK].astype(kind))
        words: Hashes = block.view(np.uint64).reshape(len(block), -1)
        state = np.full(len(block), 0x9E3779B97F4A7C15, dtype=np.uint64)
        for column in range(words.shape[1]):
            state ^= words[:, column]
            state *= np.uint64(0xBF58476D1CE4E5B9)  # the multiplier of splitmix64; overflow is meant
            state ^= state >> np.uint64(29)
        hashes[start : start + len(block)] = state
    return hashes


def _run_length(equal: npt.NDArray[np.bool_]) -> int:
    """Return how many leading entries are true."""
    return int(np.argmin(equal)) if len(equal) and not equal.all() else len(equal)


def _is_text(ids: npt.NDArray[Any]) -> bool:
    return ids.dtype.kind == "U"
