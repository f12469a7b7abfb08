"""Latent-variable graphical lasso: inverse correlations as sparse dependencies minus what a hidden class explains."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelwright.labelmodels.problem import Floats

from .pair_sums import PairMoments

__all__ = ["Decomposition", "found_by_graphical_lasso", "latent_graphical_lasso"]

# The trace costs this many times what an entry costs. A pair of strength t in the low-rank part has a trace of 2 t,
# and costs 2 t in the sparse part (both triangles): below 1, pairs would pass for hidden classes. A clique of g costs
# g t and g (g - 1) t: at 2, pairs and triangles are dependencies, and what many sources share is hidden.
_TRACE_RATIO = 2.0

# Far from singular, as correlations over different rows need not make a positive matrix.
_SMALLEST_EIGENVALUE = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Decomposition:
    """``sparse - low_rank``, an estimate of an inverse correlation matrix.

    Parameters
    ----------
    sparse : ndarray of float, shape (f, f)
        Symmetric; exactly 0 where two signals of different sources are independent given the others and Y.
    low_rank : ndarray of float, shape (f, f)
        Positive semidefinite: what summing over Y takes away.
    state : ndarray of float, shape (2, 3, f, f)
        Where the iteration stood, to start a similar problem from.
    steps : int
    converged : bool
    """

    sparse: Floats
    low_rank: Floats
    state: Floats
    steps: int
    converged: bool


def latent_graphical_lasso(
    correlation: Floats,
    *,
    penalty: Floats,
    trace_penalty: float,
    source: npt.NDArray[np.int64] | None = None,
    start: Floats | None = None,
    tolerance: float = 1e-4,
    steps: int = 1000,
) -> Decomposition:
    """Minimise ``tr(R C) - log det R + sum(penalty * |S|) + trace_penalty * tr L`` over ``R = S - L``, L positive.

    Parameters
    ----------
    correlation : ndarray of float, shape (f, f)
        C, positive definite.
    penalty : ndarray of float, shape (f, f)
        What each entry of S between different sources costs.
    trace_penalty : float
    source : ndarray of int64, shape (f,), optional
        Source of each row of C. Entries within a source cost nothing, and those of two sources are kept or dropped as
        one (group lasso). Default: each row is a source.
    start : ndarray of float, shape (2, 3, f, f), optional
        `Decomposition.state` of a similar problem.
    tolerance : float
        Largest residual, relative to the size of R, S and L, at which to stop.
    steps : int
        Most steps.

    Notes
    -----
    The convex program of Chandrasekaran, Parrilo & Willsky (2012), proposed for weak supervision by Varma et al. (ICML
    2019): ``inverse covariance = S - L``, with L of the rank of Y. Alternating directions in consensus form (Ma, Xue &
    Zou 2013): R, S and L each have a step in closed form, and are then projected onto ``R = S - L``, so that there are
    two blocks and it converges for every step size, which follows the residuals (Boyd et al. 2011, section 3.4.1).

    Examples
    --------
    >>> z = np.array([0.8, 0.7, 0.7, 0.6, 0.6, 0.5])
    >>> correlation = np.outer(z, z) + np.diag(1 - z**2)
    >>> correlation[0, 1] = correlation[1, 0] = 0.8
    >>> found = latent_graphical_lasso(correlation, penalty=np.full((6, 6), 0.02), trace_penalty=0.04)
    >>> sorted(zip(*np.nonzero(np.triu(np.abs(found.sparse) > 0.1, 1)))) == [(0, 1)]
    True
    """
    f = len(correlation)
    source = np.arange(f) if source is None else source
    if start is None:
        start = np.zeros((2, 3, f, f))
        start[0, :2] = np.eye(f)
    (consensus, dual), rho, found, converged, step = start, 1.0, start[0], False, 0
    while step < steps and not converged:
        target, before = consensus - dual, consensus
        found = np.stack(
            [
                _precision(rho * target[0] - correlation, rho),
                _shrunk(target[1], penalty / rho, source),
                _positive(target[2], trace_penalty / rho),
            ]
        )
        free = found + dual
        gap = (free[0] - free[1] + free[2]) / 3
        consensus = free + np.stack([-gap, gap, -gap])
        dual = free - consensus
        apart, moved = float(np.linalg.norm(found - consensus)), rho * float(np.linalg.norm(consensus - before))
        converged, step = max(apart, moved) < tolerance * max(1.0, float(np.linalg.norm(found))), step + 1
        if step % 10 == 0 and max(apart, moved) > 10 * min(apart, moved):
            factor = 2.0 if apart > moved else 0.5
            rho, dual = rho * factor, dual / factor
    return Decomposition(found[1], found[2], np.stack([consensus, dual]), step, converged)


def found_by_graphical_lasso(
    moments: PairMoments,
    source: npt.NDArray[np.int64],
    k: int,
    *,
    level: float,
    ease: Floats | None = None,
    hints: Floats | None = None,
    start: Floats | None = None,
    tolerance: float = 1e-3,
) -> tuple[npt.NDArray[np.bool_], Floats]:
    """Return which pairs of signals depend, shape (f, f), and the state to start a similar problem from.

    Parameters
    ----------
    moments : PairMoments
        Of f signals.
    source : ndarray of int64, shape (f,)
        Source of each signal.
    k : int
        Cardinality. Of the low-rank part, k - 1 dimensions are Y; what else it holds is dependence, as of a clique.
    level : float
        Penalty of an entry, in standard errors of a correlation of nothing (one over the root of the rows).
    ease : ndarray of float, shape (f, f), optional
        What to multiply each penalty by.
    hints : ndarray of float, shape (f, f), optional
        What to multiply the least entry that counts by, too: below 1 for pairs that are likely.
    start : ndarray of float, optional
        State of a similar problem.
    tolerance : float
        As for `latent_graphical_lasso`.
    """
    correlation, hints = _correlation(moments), np.ones_like(moments.rows) if hints is None else hints
    codes = np.bincount(source)[source]
    # The Frobenius norm of a block of c noisy entries is the root of c before it is anything else (Yuan & Lin 2006).
    noise = (level + np.sqrt(np.outer(codes, codes)) - 1) / np.sqrt(np.maximum(moments.rows, 1))
    between = source[:, None] != source
    usual = level * float(np.median(1 / np.sqrt(np.maximum(moments.rows[between], 1)))) if between.any() else level
    found = latent_graphical_lasso(
        correlation,
        penalty=noise * hints if ease is None else noise * hints * ease,
        trace_penalty=_TRACE_RATIO * usual,
        source=source,
        start=start,
        tolerance=tolerance,
    )
    values, vectors = np.linalg.eigh(found.low_rank)
    more = np.maximum(values, 0)
    more[-(k - 1) :] = 0
    depends = found.sparse - (vectors * more) @ vectors.T
    scale = np.sqrt(np.maximum(np.diag(found.sparse - found.low_rank), 1e-12))
    return between & (_norms(depends / np.outer(scale, scale), source) >= noise * hints), found.state


def _correlation(moments: PairMoments) -> Floats:
    """Return the nearest correlations to those of ``moments`` that a positive matrix has."""
    scale = np.sqrt(np.maximum(np.diag(moments.covariance), 1e-12))
    values, vectors = np.linalg.eigh(np.clip(moments.covariance / np.outer(scale, scale), -1, 1))
    matrix = (vectors * np.maximum(values, _SMALLEST_EIGENVALUE)) @ vectors.T
    root = np.sqrt(np.diag(matrix))
    return np.asarray(matrix / np.outer(root, root))


def _precision(x: Floats, rho: float) -> Floats:
    """Step of R: the root of ``rho R - 1 / R = x``, eigenvalue by eigenvalue."""
    values, vectors = np.linalg.eigh(x)
    return np.asarray((vectors * ((values + np.sqrt(values**2 + 4 * rho)) / (2 * rho))) @ vectors.T)


def _positive(x: Floats, by: float) -> Floats:
    """Step of L: eigenvalues less ``by``, none below 0."""
    values, vectors = np.linalg.eigh(x)
    return np.asarray((vectors * np.maximum(values - by, 0)) @ vectors.T)


def _norms(x: Floats, source: npt.NDArray[np.int64]) -> Floats:
    """Return the Frobenius norm of the block that each entry is in, shape (f, f)."""
    if len(np.unique(source)) == len(source):
        return np.abs(x)
    member = (source[:, None] == np.unique(source)).astype(np.float64)
    return np.asarray(np.sqrt(member @ (member.T @ x**2 @ member) @ member.T))


def _shrunk(x: Floats, by: Floats, source: npt.NDArray[np.int64]) -> Floats:
    """Step of S: each block of two sources shrunk by its Frobenius norm; what is within a source as it is."""
    keep = np.maximum(1 - by / np.maximum(_norms(x, source), 1e-300), 0)
    return np.where(source[:, None] == source, x, x * keep)
