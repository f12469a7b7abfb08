"""One pass over the votes: which sources met on which rows. Works on the votes that were cast, never on n x m x m."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import sparse

from labelwright.core import ABSTAIN, SparseRows, Votes

__all__ = ["Entries", "Symbols", "conflicting_rows", "entries"]

Ints: TypeAlias = npt.NDArray[np.int64]

# Votes read at once, at most; a block is as many rows as that allows.
_BLOCK_VOTES = 4_000_000
# Counts of (row, symbol) held at once, at most, where they are held densely.
_BLOCK_CELLS = 16_000_000


@dataclass(frozen=True, slots=True)
class Symbols:
    """What votes mean: every distinct set of classes that some code stands for.

    Parameters
    ----------
    sets : tuple of frozenset of int
        Symbols 0..k-1 are the single classes; sets of an alphabet follow.
    meaning : ndarray of int, shape (m, most codes)
        Symbol of each source's code.
    contains : ndarray of bool, shape (symbols, k)
        Whether a symbol allows a class.
    compatible : ndarray of bool, shape (symbols, symbols)
        Whether two symbols share a class. Two votes conflict where they do not.
    """

    sets: tuple[frozenset[int], ...]
    meaning: Ints
    contains: npt.NDArray[np.bool_]
    compatible: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, votes: Votes) -> Symbols:
        """Read the symbols of ``votes``."""
        place = {frozenset([c]): c for c in range(votes.k)}
        for codes in votes.alphabet.values():
            for one in codes:
                place.setdefault(one, len(place))
        width = max([votes.k, *(len(codes) for codes in votes.alphabet.values())])
        meaning = np.zeros((votes.m, width), dtype=np.int64)
        meaning[:, : votes.k] = np.arange(votes.k)
        for source, codes in votes.alphabet.items():
            meaning[votes.sources.index(source), : len(codes)] = [place[one] for one in codes]
        contains = np.zeros((len(place), votes.k), dtype=bool)
        for one, symbol in place.items():
            contains[symbol, sorted(one)] = True
        wide = contains.astype(np.float32)
        return cls(tuple(place), meaning, contains, (wide @ wide.T) > 0)

    def __len__(self) -> int:
        return len(self.sets)


@dataclass(frozen=True, slots=True)
class Entries:
    """The votes cast in one block of rows.

    Parameters
    ----------
    start, size : int
        First row of the block and its number of rows.
    rows : ndarray of int, shape (votes in the block,)
        Row of each vote, counted from ``start``, rising.
    columns : ndarray of int, same shape
        Source of each vote.
    symbols : ndarray of int, same shape
        What it said; see `Symbols`.
    """

    start: int
    size: int
    rows: Ints
    columns: Ints
    symbols: Ints

    @property
    def voters(self) -> Ints:
        """Number of sources that voted on each row, shape (size,)."""
        return np.bincount(self.rows, minlength=self.size)

    def conflicting(self, symbols: Symbols) -> npt.NDArray[np.bool_]:
        """Whether some other source contradicts each vote, shape (votes in the block,)."""
        voters = self.voters[self.rows]
        cell = self.rows * len(symbols) + self.symbols
        if len(symbols) == symbols.contains.shape[1] and self.size * len(symbols) <= _BLOCK_CELLS:
            # Every symbol is one class, so a vote agrees with its own kind and no other; counting beats sorting.
            return np.asarray(np.bincount(cell)[cell] < voters)
        kinds, kind, count = np.unique(cell, return_inverse=True, return_counts=True)
        row, symbol = np.divmod(kinds, len(symbols))
        said = sparse.csr_array((count, (row, symbol)), shape=(self.size, len(symbols)))
        met = (said @ sparse.csr_array(symbols.compatible.astype(np.int64))).tocsr()
        return np.asarray(np.asarray(met[row, symbol]).ravel()[kind] < voters)


def entries(votes: Votes, symbols: Symbols) -> Iterator[Entries]:
    """Yield the votes that were cast, block by block of rows."""
    rows = votes.rows
    for start, stop in _blocks(rows):
        if isinstance(rows, SparseRows):
            low, high = rows.indptr[start], rows.indptr[stop]
            row = np.repeat(np.arange(stop - start), np.diff(rows.indptr[start : stop + 1]))
            column, code = rows.columns[low:high].astype(np.int64), rows.codes[low:high].astype(np.int64)
        else:
            block = rows[start:stop]
            row, column = np.nonzero(block != ABSTAIN)
            code = block[row, column].astype(np.int64)
        yield Entries(start, stop - start, row, column, symbols.meaning[column, code])


def conflicting_rows(votes: Votes) -> npt.NDArray[np.bool_]:
    """Return on which examples some votes contradict each other, bool of shape (n,).

    Examples
    --------
    >>> conflicting_rows(Votes([[0, 1, -1], [1, 1, -1], [-1, -1, 0]])).tolist()
    [True, False, False]
    """
    symbols, out = Symbols.of(votes), np.zeros(votes.n, dtype=bool)
    for block in entries(votes, symbols):
        out[block.start + block.rows[block.conflicting(symbols)]] = True
    return out


def _blocks(rows: npt.NDArray[Any] | SparseRows) -> Iterator[tuple[int, int]]:
    n, m = rows.shape
    votes_per_row = m if not isinstance(rows, SparseRows) else max(1, int(rows.indptr[-1]) // max(1, n))
    size = max(1, _BLOCK_VOTES // max(1, votes_per_row))
    for start in range(0, n, size):
        yield start, min(start + size, n)
