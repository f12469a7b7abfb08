"""Votes as sparse features: one column for each (source, code) pair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from labelwright.core import SparseRows, VoteFrame, Votes

__all__ = ["Features"]


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """The columns of a feature matrix: the codes of the first source first.

    Parameters
    ----------
    source : ndarray of int64, shape (f,)
        Which source each feature belongs to.
    meaning : ndarray of bool, shape (f, k)
        Which classes each feature's vote means; for ordinary sources, its own class alone.
    offsets : ndarray of int64, shape (m + 1,)
        Where the features of each source begin.

    Examples
    --------
    >>> features = Features.of(VoteFrame((0, 1), ("a", "b")))
    >>> features.matrix(Votes([[1, -1], [0, 1]])).toarray().tolist()
    [[0.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 1.0]]
    """

    source: npt.NDArray[np.int64]
    meaning: npt.NDArray[np.bool_]
    offsets: npt.NDArray[np.int64]

    @classmethod
    def of(cls, frame: VoteFrame) -> Features:
        """Return the features of the sources in ``frame``."""
        offsets = np.concatenate([[0], np.cumsum(frame.sizes)]).astype(np.int64)
        meaning = np.zeros((int(offsets[-1]), frame.k), dtype=bool)
        own = dict(frame.alphabet)
        plain = np.flatnonzero([source not in own for source in frame.sources])
        cls_ = np.tile(np.arange(frame.k), len(plain))
        meaning[np.repeat(offsets[plain], frame.k) + cls_, cls_] = True
        for j, source in enumerate(frame.sources):
            for code, sets in enumerate(own.get(source, ())):
                meaning[offsets[j] + code, sorted(sets)] = True
        return cls(np.repeat(np.arange(frame.m), frame.sizes), meaning, offsets)

    @property
    def share(self) -> npt.NDArray[np.float64]:
        """A vote's mass, spread evenly over the classes it means, shape (f, k)."""
        return np.asarray(self.meaning / self.meaning.sum(axis=1, keepdims=True))

    @property
    def shares(self) -> sparse.csr_array[Any]:
        """`share` as a sparse matrix: of many classes, a vote means few."""
        row, column = np.nonzero(self.meaning)
        size = np.bincount(row, minlength=len(self.source))
        return sparse.csr_array((1 / size[row], (row, column)), shape=self.meaning.shape)

    def matrix(self, votes: Votes | SparseRows, start: int = 0, stop: int | None = None) -> sparse.csr_array[Any]:
        """Return rows ``start`` to ``stop`` of the votes as a 0/1 matrix, shape (stop - start, f)."""
        rows = votes.rows if isinstance(votes, Votes) else votes
        stop = rows.shape[0] if stop is None else stop
        if isinstance(rows, SparseRows):
            low, high = rows.indptr[start], rows.indptr[stop]
            columns = self.offsets[rows.columns[low:high]] + rows.codes[low:high]
            indptr = rows.indptr[start : stop + 1] - low
        else:
            block = rows[start:stop]
            fired = block >= 0
            row, column = np.nonzero(fired)
            columns = self.offsets[column] + block[row, column]
            indptr = np.concatenate([[0], np.cumsum(fired.sum(axis=1))])
        shape = (stop - start, len(self.source))
        return sparse.csr_array((np.ones(len(columns)), columns, indptr), shape=shape)
