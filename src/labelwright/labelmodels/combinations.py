"""What a few sources say together, as one number: sums over the votes of rows then have fewer terms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from .problem import Floats, Problem

__all__ = ["Combinations"]

# A table of so many combinations of a handful of sources stays in the cache.
_MOST_COMBINATIONS = 1_024

# Fewer votes than this share of rows times sources leave most combinations with one vote; fewer rows are quick anyway;
# more sources have too many combinations.
_DENSE = 0.2
_FEWEST_ROWS = 16_384
_MOST_SOURCES = 64


@dataclass(frozen=True, slots=True, eq=False)
class Combinations:
    """Votes of a problem, those of a few sources taken together.

    Of 20 sources of four classes, four have 5^4 = 625 things to say together. So 20 votes of a row become five numbers,
    and sums over the votes of all rows take a quarter of the work; only the order in which floats add up is another.

    Parameters
    ----------
    x : csr_array, shape (p, c)
        Which combinations each row has, 0/1.
    weighted : csr_array, shape (c, p)
        Its transpose, each row of the problem counted with its examples.
    member : csr_array, shape (c, f)
        Votes of each combination, 0/1.
    """

    x: sparse.csr_array[Any]
    weighted: sparse.csr_array[Any]
    member: sparse.csr_array[Any]

    @classmethod
    def of(cls, problem: Problem) -> Self:
        """Take the votes of ``problem`` together, as far as that makes them fewer."""
        x, f = problem.x, len(problem.source)
        member = sparse.csr_array(sparse.eye_array(f))
        if x.nnz >= _DENSE * x.shape[0] * problem.m and x.shape[0] >= _FEWEST_ROWS and problem.m <= _MOST_SOURCES:
            x, member = _combined(problem)
        columns = x.tocsc()
        weighted = sparse.csr_array((problem.weights[columns.indices], columns.indices, columns.indptr), x.shape[::-1])
        return cls(x, weighted, member)

    def sums(self, values: Floats) -> Floats:
        """Return the sum of ``values`` (f, s) over the votes of each row, shape (p, s)."""
        return np.asarray(self.x @ (self.member @ values))

    def counts(self, q: Floats) -> Floats:
        """Return the sum of ``q`` (p, s) over the examples with each vote, shape (f, s)."""
        return np.asarray(self.member.T @ (self.weighted @ q))


def _blocks(sizes: npt.NDArray[np.int64]) -> list[list[int]]:
    """Divide sources with so many codes each into runs that have few things to say together."""
    blocks: list[list[int]] = []
    room = 0
    for source, size in enumerate(sizes.tolist()):
        if blocks and room >= size + 1:
            blocks[-1].append(source)
        else:
            blocks.append([source])
            room = _MOST_COMBINATIONS
        room //= size + 1
    return blocks


def _combined(problem: Problem) -> tuple[sparse.csr_array[Any], sparse.csr_array[Any]]:
    """Return which combination of each block the rows have, and which votes combinations have.

    A combination is a number whose digits are the sources' votes, 0 where they abstain; it is left out where all do.
    """
    x, f = problem.x, len(problem.source)
    sizes = np.bincount(problem.source, minlength=problem.m)
    blocks = _blocks(sizes)
    code = np.arange(f) - (np.cumsum(sizes) - sizes)[problem.source] + 1
    digits, members, offsets = np.zeros((f, len(blocks))), [], [0]
    for number, block in enumerate(blocks):
        many = 1
        combination = np.arange(int((sizes[block] + 1).prod()))
        for source in block:
            mine = np.flatnonzero(problem.source == source)
            digits[mine, number] = code[mine] * many
            said = combination // many % (sizes[source] + 1)
            votes = np.flatnonzero(said)
            members.append(np.stack([offsets[-1] + votes, mine[0] + said[votes] - 1]))
            many *= int(sizes[source]) + 1
        offsets.append(offsets[-1] + many)
    numbers = (x @ digits).astype(np.int64)
    spoken = numbers > 0
    indptr = np.concatenate([[0], np.cumsum(np.count_nonzero(spoken, axis=1))])
    columns = (numbers + np.array(offsets[:-1]))[spoken]
    combined = sparse.csr_array((np.ones(len(columns)), columns, indptr), shape=(x.shape[0], offsets[-1]))
    owner, feature = np.concatenate(members, axis=1)
    return combined, sparse.csr_array((np.ones(len(owner)), (owner, feature)), shape=(offsets[-1], f))
