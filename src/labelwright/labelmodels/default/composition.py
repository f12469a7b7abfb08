"""Cliques of dependent sources as one source each, so that EM may take them for independent of the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from labelwright.labelmodels.dependencies.cliques import MOST_CELLS
from labelwright.labelmodels.problem import Floats, Problem

from .dependence import RULE_OF_THREE, SURELY_SAME

__all__ = ["Composition", "compose"]


@dataclass(frozen=True, eq=False)
class Composition(Problem):
    """A problem some of whose sources are cliques: what the members said together is one vote, called a cell.

    The cells of members that fired together make up one source. So a cell is judged by how often it is said *when*
    those members fire, as single votes are, and an abstain of some members is no evidence. Unless what one member says
    decides whether another fires: a copy that is silent on one class says by its silence what the other says aloud, and
    the cells of such a clique are one source whoever fired.

    Parameters
    ----------
    cell_prior : ndarray of float, shape (f, k)
        As `Problem.prior`; a clique's is that of one source which says the geometric mean of what its members say.
    sides : ndarray of bool, shape (m,)
        As `Problem.multipolar`; cliques take several sides.
    origin : ndarray of int64, shape (f,)
        Feature of the problem that was composed, or -1 for a cell.
    """

    cell_prior: Floats
    sides: npt.NDArray[np.bool_]
    origin: npt.NDArray[np.int64]

    @cached_property
    def prior(self) -> Floats:
        """P(Y | one vote) before any data, shape (f, k)."""
        return self.cell_prior

    @cached_property
    def multipolar(self) -> npt.NDArray[np.bool_]:
        """Whether a source takes more than one side, shape (m,)."""
        return self.sides

    def discounts(self, values: Floats) -> Floats:
        """Return what a vote of each feature counts: ``values`` of the old features where they stay, 1 for cells."""
        return np.where(self.origin >= 0, values[self.origin], 1.0)


def compose(problem: Problem, cliques: Sequence[tuple[int, ...]]) -> Composition:
    """Return the problem whose sources are the ``cliques`` and all other sources, with the same rows.

    A clique that says more than 256 different things stays apart: most of its cells would have few examples.
    """
    tables = [table for table in (_cells(problem, clique) for clique in cliques) if table is not None]
    gone = np.zeros(problem.m, dtype=bool)
    for table in tables:
        gone[list(table.members)] = True
    stay = np.flatnonzero(~gone[problem.source])
    old, source = np.unique(problem.source[stay], return_inverse=True)
    first = len(old)
    blocks, sources, priors = [problem.x[:, stay]], [source], [problem.prior[stay]]
    for table in tables:
        blocks.append(table.x)
        sources.append(first + table.fired)
        priors.append(table.prior)
        first += int(table.fired.max()) + 1
    prior = np.concatenate(priors)
    return Composition(
        x=sparse.csr_array(sparse.hstack(blocks, format="csr")),
        weights=problem.weights,
        gold=problem.gold,
        source=np.concatenate(sources),
        meaning=prior >= prior.max(axis=1, keepdims=True) - 1e-12,
        names=tuple(problem.names[j] for j in old) + tuple(f"clique {c}" for c in range(first - len(old))),
        kept=np.empty(0, dtype=np.int64),
        cell_prior=prior,
        sides=np.concatenate([problem.multipolar[old], np.ones(first - len(old), dtype=bool)]),
        origin=np.concatenate([stay, np.full(len(prior) - len(stay), -1)]),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Cells:
    members: tuple[int, ...]
    x: sparse.csr_array[Any]
    fired: npt.NDArray[np.int64]
    prior: Floats


def _cells(problem: Problem, members: tuple[int, ...]) -> _Cells | None:
    """Return the cells of one clique that occur, or None where there are too many."""
    features = np.flatnonzero(np.isin(problem.source, members))
    said = problem.x[:, features]
    rows = np.flatnonzero(np.diff(said.indptr))
    key = np.packbits(said[rows].toarray() > 0, axis=1)
    _, at, cell = np.unique(key, axis=0, return_index=True, return_inverse=True)
    if len(at) > MOST_CELLS:
        return None
    chosen = rows[at]
    votes = said[chosen]
    logs = (votes @ np.log(problem.prior[features])) / votes.sum(axis=1)[:, None]
    prior = np.exp(logs - logs.max(axis=1, keepdims=True))
    heard = (votes @ problem.member[:, features].T[:, list(members)]).toarray() > 0
    if _silence_tells(said[rows], problem.weights[rows], problem.source[features]):
        heard[:] = True
    fired = np.unique(heard, axis=0, return_inverse=True)[1].ravel()
    x = sparse.csr_array((np.ones(len(rows)), (rows, cell.ravel())), shape=(len(problem.weights), len(at)))
    return _Cells(members, x, fired, prior / prior.sum(axis=1, keepdims=True))


def _silence_tells(said: sparse.csr_array[Any], weights: Floats, source: npt.NDArray[np.int64]) -> bool:
    """Tell whether some vote of a member surely silences another one, which else fires beside that member.

    Surely: less than a twentieth as often as chance would have it. Y alone makes votes and silence depend so much only
    if both all but give it away.
    """
    member = sparse.csr_array((np.ones(len(source)), (source, np.arange(len(source)))))[np.unique(source)]
    together = (said.T.tocsr() @ said.multiply(weights[:, None]).tocsr()) @ member.T
    beside, totals = np.asarray(together.todense()), np.asarray(said.T @ weights)
    own = np.unique(source, return_inverse=True)[1]
    expected = totals[:, None] * (member @ beside / (member @ totals)[:, None])[own]
    return bool((beside + RULE_OF_THREE <= SURELY_SAME * expected).any())
