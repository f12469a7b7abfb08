"""Hashing many values at once: two lanes of 64 bits, mixed word by word in numpy."""

from __future__ import annotations

import hashlib
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["Lanes", "hash_bytes", "hash_lists", "hash_words", "key_of", "settle"]

Lanes: TypeAlias = npt.NDArray[np.uint64]

# (increment, shift, multiplier, shift, multiplier, shift): variants 13 and 1 of Stafford, "Better Bit Mixing" (2011).
# Both are bijections of 64 bits; that they differ is what makes the two lanes 128 bits together and not 64.
_ROUNDS = tuple(
    tuple(np.uint64(number) for number in numbers)
    for numbers in (
        (0x9E3779B97F4A7C15, 30, 0xBF58476D1CE4E5B9, 27, 0x94D049BB133111EB, 31),
        (0xD1B54A32D192ED03, 31, 0x7FB5D329728EA185, 27, 0x81DADEF4BC2DD44D, 33),
    )
)

# Rows that are mixed together: few enough that their state stays in the processor's cache.
_BLOCK = 16_384

# Longer texts are left to SHA-256, which is the faster there; part of what defines the hash.
_LONG = 256

_ONES = np.uint64(0xFFFFFFFFFFFFFFFF)


def key_of(*path: str) -> tuple[np.uint64, np.uint64]:
    """Return the two lanes' starting states for values found under a path of names and kinds.

    Examples
    --------
    >>> key_of("a", "b") == key_of("ab", "")
    False
    """
    packed = b"".join(len(text := step.encode()).to_bytes(8, "little") + text for step in path)
    first, second = np.frombuffer(hashlib.sha256(packed).digest()[:16], dtype="<u8")
    return np.uint64(first), np.uint64(second)


def hash_words(words: npt.NDArray[Any], key: tuple[np.uint64, np.uint64]) -> Lanes:
    """Hash values of fixed width: ``words`` uint64, shape (n,) or (n, width); returns shape (2, n)."""
    columns = words if words.ndim == 2 else words[:, None]
    lanes = _started(len(words), key)
    for start in range(0, len(words), _BLOCK):
        for lane, state in enumerate(lanes[:, start : start + _BLOCK]):
            for column in range(columns.shape[1]):
                state ^= columns[start : start + _BLOCK, column]
                _mix(state, lane)
    return lanes


def hash_bytes(data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], key: tuple[np.uint64, np.uint64]) -> Lanes:
    """Hash byte strings that lie one after the other: the i-th is ``data[offsets[i]:offsets[i + 1]]``.

    Parameters
    ----------
    data : ndarray of uint8
    offsets : ndarray of int64, shape (n + 1,)
    key : pair of uint64

    Returns
    -------
    ndarray of uint64, shape (2, n)
    """
    n = len(offsets) - 1
    lanes = _started(n, key)
    for start in range(0, n, _BLOCK):
        _hash_block(data, offsets[start : start + _BLOCK + 1], lanes[:, start : start + _BLOCK])
    return lanes


def hash_lists(items: Lanes, offsets: npt.NDArray[np.int64], key: tuple[np.uint64, np.uint64]) -> Lanes:
    """Hash lists from the hashes of their items, shape (2, n): a sum of these, each mixed with its place."""
    lengths = np.diff(offsets)
    first, last = (int(offsets[0]), int(offsets[-1])) if len(offsets) else (0, 0)
    places = (np.arange(first, last) - np.repeat(offsets[:-1], lengths)).astype(np.uint64)
    lanes = _started(len(lengths), key)
    for lane, state in enumerate(lanes):
        placed = _mix(items[lane, first:last] ^ _mix(places.copy(), lane), lane)
        # Sums from the start to each offset; differences of them wrap around as the sums do.
        sums = np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(placed, dtype=np.uint64)])
        state += sums[offsets[1:] - first] - sums[offsets[:-1] - first]
        _mix(state, lane)
        state ^= lengths.astype(np.uint64)
        _mix(state, lane)
    return lanes


def settle(lanes: Lanes) -> Lanes:
    """Mix the lanes with each other, in place, so that every bit depends on both; nothing is lost."""
    first, second = lanes
    _mix(first, 0)
    second ^= first
    _mix(second, 1)
    first += second
    _mix(first, 0)
    return lanes


def _started(n: int, key: tuple[np.uint64, np.uint64]) -> Lanes:
    lanes = np.empty((2, n), dtype=np.uint64)
    lanes[0], lanes[1] = key
    return lanes


def _mix(state: npt.NDArray[np.uint64], lane: int) -> npt.NDArray[np.uint64]:
    """Replace every word by its mix, in place."""
    add, shift_1, multiply_1, shift_2, multiply_2, shift_3 = _ROUNDS[lane]
    state += add
    shifted = state >> shift_1
    state ^= shifted
    state *= multiply_1
    np.right_shift(state, shift_2, out=shifted)
    state ^= shifted
    state *= multiply_2
    np.right_shift(state, shift_3, out=shifted)
    state ^= shifted
    return state


def _hash_block(data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], lanes: Lanes) -> None:
    """Hash some byte strings into ``lanes``, shape (2, n), which hold the keys."""
    first, last = int(offsets[0]), int(offsets[-1])
    words = np.zeros((last - first) // 8 + 2, dtype="<u8")
    words.view(np.uint8)[: last - first] = data[first:last]
    lengths = np.diff(offsets)
    counts = np.where(lengths > _LONG, 0, (lengths + 7) >> 3).astype(np.uint8)
    # Longest first: those that still have a word to mix are then always the first ones.
    order = np.argsort(counts.max(initial=0) - counts, kind="stable")
    sorted_lanes = lanes[:, order]
    _mix_words(sorted_lanes, words, (offsets[:-1] - first)[order], lengths[order], counts[order])
    for row in np.flatnonzero(lengths[order] > _LONG):
        start, end = offsets[order[row]], offsets[order[row] + 1]
        sorted_lanes[:, row] ^= np.frombuffer(hashlib.sha256(data[start:end].data).digest()[:16], dtype="<u8")
    for lane, state in enumerate(sorted_lanes):
        # Zero bytes at the end count, since the length does.
        state ^= lengths[order].astype(np.uint64)
        _mix(state, lane)
    lanes[:, order] = sorted_lanes


def _mix_words(
    lanes: Lanes,
    words: npt.NDArray[np.uint64],
    starts: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.int64],
    counts: npt.NDArray[np.uint8],
) -> None:
    """Mix in the words of each string, eight bytes at a time; strings stand at any byte, longest first."""
    place, shift = starts >> 3, ((starts & 7) << 3).astype(np.uint64)
    back = np.uint64(64) - shift
    # How many strings have more than j words.
    longer = len(counts) - np.cumsum(np.bincount(counts, minlength=1))
    left = words[place]
    for j in range(int(counts[0]) if len(counts) else 0):
        m, following = int(longer[j]), int(longer[j + 1])
        right = words[place[:m] + (j + 1)]
        # A shift by 64 gives 0, for numpy.
        word = (left[:m] >> shift[:m]) | (right << back[:m])
        tail = lengths[following:m] - 8 * j
        word[following:] &= _ONES >> (64 - 8 * tail).astype(np.uint64)
        for lane, state in enumerate(lanes[:, :m]):
            state ^= word
            _mix(state, lane)
        left = right
