"""How often each pair of sources meets, and how often it agrees there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from labelwright.core import Votes

from .counting import Ints, Symbols, entries

__all__ = ["Agreement", "pairwise_agreement"]


@dataclass(frozen=True, slots=True, eq=False)
class Agreement:
    """Counts for every pair of m sources.

    Parameters
    ----------
    sources : tuple of str
    n : int
        Number of examples.
    both : ndarray of int, shape (m, m)
        Examples on which both vote; the diagonal holds each source's votes.
    agree : ndarray of int, shape (m, m)
        Of these, where some class satisfies both votes.
    """

    sources: tuple[str, ...]
    n: int
    both: Ints
    agree: Ints

    @property
    def rate(self) -> npt.NDArray[np.float64]:
        """Share of meetings in agreement, shape (m, m); NaN where the pair never meets."""
        return _ratio(self.agree, self.both)

    @property
    def overlap(self) -> npt.NDArray[np.float64]:
        """Share of all examples on which both vote, shape (m, m)."""
        return _ratio(self.both, np.full_like(self.both, self.n))

    @property
    def conflict(self) -> npt.NDArray[np.float64]:
        """Share of all examples on which both vote and contradict each other, shape (m, m)."""
        return _ratio(self.both - self.agree, np.full_like(self.both, self.n))

    def top_conflicts(self, limit: int = 10) -> list[tuple[str, str, int, int]]:
        """Return the pairs that contradict each other most often: ``(first, second, conflicts, meetings)``."""
        against = np.triu(self.both - self.agree, 1)
        order = np.argsort(-against, axis=None, kind="stable")[:limit]
        pairs = zip(*np.unravel_index(order, against.shape), strict=True)
        return [
            (self.sources[i], self.sources[j], int(against[i, j]), int(self.both[i, j]))
            for i, j in pairs
            if against[i, j]
        ]


def pairwise_agreement(votes: Votes | npt.ArrayLike) -> Agreement:
    """Count, for every pair of sources, the examples where both vote and where they agree.

    Parameters
    ----------
    votes : Votes or array_like of int, shape (n, m)
        Dense or sparse. Time grows with the votes per example squared, memory with m squared.

    Returns
    -------
    Agreement

    Examples
    --------
    >>> found = pairwise_agreement(Votes([[1, 1], [0, 1], [-1, 1]]))
    >>> found.both.tolist(), found.agree.tolist()
    ([[2, 2], [2, 3]], [[2, 1], [1, 3]])
    """
    votes = votes if isinstance(votes, Votes) else Votes(votes)
    m, symbols = votes.m, Symbols.of(votes)
    both, agree = np.zeros((m, m), dtype=np.int64), np.zeros((m, m), dtype=np.int64)
    for block in entries(votes, symbols):
        shape = (block.size, m)
        both += _gram(_indicator(block.rows, block.columns, shape), None)
        for symbol in np.unique(block.symbols):
            said = block.symbols == symbol
            friends = symbols.compatible[symbol][block.symbols]
            first = _indicator(block.rows[said], block.columns[said], shape)
            alone = bool((said == friends).all())
            agree += _gram(first, None if alone else _indicator(block.rows[friends], block.columns[friends], shape))
    return Agreement(votes.sources, votes.n, both, agree)


def _indicator(rows: Ints, columns: Ints, shape: tuple[int, int]) -> Any:
    """Return a 0/1 matrix: sparse where few entries are 1, since then it is faster, else dense."""
    if len(rows) < 0.05 * shape[0] * shape[1]:
        return sparse.csr_array((np.ones(len(rows), dtype=np.float32), (rows, columns)), shape=shape)
    out = np.zeros(shape, dtype=np.float32)
    out[rows, columns] = 1
    return out


def _gram(first: Any, second: Any | None) -> Ints:
    # Counts within a block stay below 2**24, so single precision holds them exactly.
    product = first.T @ (first if second is None else second)
    return np.asarray(np.rint(product if isinstance(product, np.ndarray) else product.toarray()), dtype=np.int64)


def _ratio(part: Ints, whole: Ints) -> npt.NDArray[np.float64]:
    return np.where(whole > 0, part / np.maximum(whole, 1), np.nan)
