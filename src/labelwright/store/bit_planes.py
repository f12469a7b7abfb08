"""Votes of one function on one part, as bits: one plane says who voted, the others say what.

A code below k takes ``ceil(log2 k)`` planes. Absent rows have zeros in every plane, so equal votes are equal bytes.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.core.errors import DataError

__all__ = ["SUFFIX", "at", "decode", "encode", "entries", "votes_cast"]

SUFFIX = ".bits"

# Name and version of the format, number of planes of codes, number of rows.
_HEADER = struct.Struct("<6sHQ")
_MAGIC = b"LWBP01"


def encode(codes: npt.ArrayLike) -> bytes:
    """Write the votes of one function as bits.

    Parameters
    ----------
    codes : array-like of int, shape (n,)
        -1 for abstain, else the code of what was voted for, below 32,768.

    Returns
    -------
    bytes
        A header of 16 bytes and ``1 + ceil(log2 k)`` planes of ``ceil(n / 8)`` bytes, with k one more than the largest
        code.

    Raises
    ------
    DataError
        If a code is below -1 or not below 32,768, or the array is not one-dimensional of whole numbers.

    Examples
    --------
    >>> content = encode([0, -1, 2])
    >>> decode(content)
    array([ 0, -1,  2], dtype=int8)
    >>> at(content, 2)
    2
    """
    values = np.asarray(codes)
    if values.ndim != 1 or (values.size and values.dtype.kind not in "iu"):
        raise DataError(f"votes of one function are whole numbers in one row, not {values.dtype} of {values.shape}.")
    low, high = (int(values.min()), int(values.max())) if values.size else (-1, -1)
    if low < -1 or high >= 2**15:
        raise DataError(f"votes go from -1 (abstain) to 32,767, not from {low} to {high}.")
    count = max(high, 0).bit_length()
    present = values >= 0
    planes = [present, *(present & ((values >> plane) & 1).astype(bool) for plane in range(count))]
    header = _HEADER.pack(_MAGIC, count, values.size)
    return header + b"".join(np.packbits(plane, bitorder="little").tobytes() for plane in planes)


def decode(content: bytes, out: npt.NDArray[Any] | None = None) -> npt.NDArray[Any]:
    """Read votes that `encode` wrote.

    Parameters
    ----------
    content : bytes
    out : ndarray of int, shape (n,), optional
        Where to put them, such as a column of a matrix; it must be able to hold the codes.

    Returns
    -------
    ndarray of int8 (int16 where there are codes past 127), shape (n,)
        ``out`` where it was given.

    Raises
    ------
    DataError
        If these are no such bytes, or ``out`` has another length or is too small a type.
    """
    count, n, width = _header(content)
    dtype = np.dtype(np.int8 if count <= 7 else np.int16)
    if out is not None and (out.shape != (n,) or not np.can_cast(dtype, out.dtype)):
        raise DataError(f"votes on {n} rows of type {dtype} do not fit into {out.dtype} of {out.shape}.")
    planes = np.frombuffer(content, np.uint8, offset=_HEADER.size).reshape(1 + count, width)
    # Absent rows are zeros in every plane: presence minus one then makes -1 of them, and leaves the others.
    codes = _bits(planes[0], n).astype(dtype, copy=False) if out is None else out
    if out is not None:
        codes[:] = _bits(planes[0], n)
    codes -= 1
    for plane in range(count):
        bits = _bits(planes[1 + plane], n)
        codes += bits if plane == 0 else np.left_shift(bits, plane, dtype=dtype)
    return codes


def votes_cast(content: bytes) -> int:
    """Return how many rows have a vote, without reading what it is.

    Examples
    --------
    >>> votes_cast(encode([0, -1, 2]))
    2
    """
    _, _, width = _header(content)
    return int(np.bitwise_count(np.frombuffer(content, np.uint8, offset=_HEADER.size, count=width)).sum())


def entries(content: bytes) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int16]]:
    """Read the votes that were cast; where few were, that is less work than `decode`.

    Returns
    -------
    rows : ndarray of int64, shape (number of votes,)
        Which rows have a vote, rising.
    codes : ndarray of int16, shape (number of votes,)
        What was voted for.

    Raises
    ------
    DataError
        If these are no votes that `encode` wrote.

    Examples
    --------
    >>> rows, codes = entries(encode([0, -1, 2]))
    >>> rows.tolist(), codes.tolist()
    ([0, 2], [0, 2])
    """
    count, n, width = _header(content)
    planes = np.frombuffer(content, np.uint8, offset=_HEADER.size).reshape(1 + count, width)
    rows = np.flatnonzero(_bits(planes[0], n).view(bool))
    codes = np.zeros(len(rows), dtype=np.int16)
    byte, bit = rows >> 3, (rows & 7).astype(np.uint8)
    for plane in range(count):
        codes |= ((planes[1 + plane][byte] >> bit) & 1).astype(np.int16) << plane
    return rows, codes


def at(content: bytes, row: int) -> int:
    """Return the vote on one row, -1 for abstain, without reading the others.

    Raises
    ------
    IndexError
        If there is no such row.
    DataError
        If these are no votes that `encode` wrote.
    """
    count, n, width = _header(content)
    if not 0 <= row < n:
        raise IndexError(f"there are votes on rows 0 to {n - 1}, not {row}.")
    byte, bit = _HEADER.size + row // 8, row % 8
    if not content[byte] >> bit & 1:
        return -1
    return sum((content[byte + (1 + plane) * width] >> bit & 1) << plane for plane in range(count))


def _bits(plane: npt.NDArray[np.uint8], n: int) -> npt.NDArray[np.int8]:
    return np.unpackbits(plane, count=n, bitorder="little").view(np.int8)


def _header(content: bytes) -> tuple[int, int, int]:
    """Return how many planes of codes, rows, and bytes a plane there are."""
    if len(content) >= _HEADER.size:
        magic, count, n = _HEADER.unpack_from(content)
        width = (n + 7) // 8
        if magic == _MAGIC and count <= 15 and len(content) == _HEADER.size + (1 + count) * width:
            return count, n, width
    raise DataError("these bytes are no votes in bit planes: they are cut short, or of another format.")
