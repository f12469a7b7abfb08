"""What a hidden class explains of the correlations between sources: a low-rank matrix, fitted off the diagonal."""

from __future__ import annotations

import numpy as np

from labelwright.labelmodels.problem import Floats

__all__ = ["first_loadings", "fit_loadings"]

# Residuals beyond so many standard errors count by their size, not by its square (Huber 1964).
_HUBER = 2.0

_TOLERANCE = 1e-5

# So small that it only decides what cannot be known: the loadings of a source without partners are 0.
_RIDGE = 1e-9


def fit_loadings(
    correlation: Floats, weights: Floats, start: Floats, *, precision: Floats | None = None, steps: int = 100
) -> Floats:
    """Return U, shape (..., f, r), for which ``U @ U.T`` is nearest to the correlations.

    Given a binary Y and independent sources, covariances of signals of different sources are ``d_i d_j P(Y) P(not Y)``:
    of rank one; with k classes, of rank k - 1. What is within one source is not used, nor what depends otherwise.

    Parameters
    ----------
    correlation : ndarray of float, shape (..., f, f)
    weights : ndarray of float, shape (..., f, f)
        How much each entry counts; 0 for those not to be explained.
    start : ndarray of float, shape (..., f, r)
    precision : ndarray of float, shape (f, f), optional
        One over the standard error of each entry. With it, the fit is robust: entries far off count less.
    steps : int
        Most steps. Each solves for all rows of U as if the others were fixed, and goes half the way (going all the way
        would swing between two answers).

    Examples
    --------
    >>> d = np.array([[0.9], [0.8], [0.5], [0.3]])
    >>> u = fit_loadings(d @ d.T, 1 - np.eye(4), np.full((4, 1), 0.5))
    >>> bool(np.allclose(u, d, atol=1e-4))
    True
    """
    u, rank = start, start.shape[-1]
    for _ in range(steps):
        used = weights
        if precision is not None:
            off = np.abs(correlation - u @ np.swapaxes(u, -1, -2)) * precision
            used = weights / np.maximum(1, off / _HUBER)
        target = (used * correlation) @ u
        if rank == 1:
            solved = np.asarray(target / (used @ u**2 + _RIDGE), dtype=np.float64)
        else:
            squares = (u[..., :, None] * u[..., None, :]).reshape(*u.shape[:-1], rank * rank)
            normal = (used @ squares).reshape(*u.shape, rank) + _RIDGE * np.eye(rank)
            solved = np.asarray(np.linalg.solve(normal, target[..., None])[..., 0], dtype=np.float64)
        moved = float(np.abs(solved - u).max(initial=0))
        u = (u + solved) / 2
        if moved < _TOLERANCE:
            break
    return u


def first_loadings(correlation: Floats, weights: Floats, rank: int) -> Floats:
    """Return loadings to start from, shape (f, rank): leading eigenvectors, the largest quarter of entries cut down.

    A few pairs that all but repeat each other would otherwise be the leading eigenvector.
    """
    known = weights > 0
    most = np.quantile(np.abs(correlation[known]), 0.75) if known.any() else 1.0
    values, vectors = np.linalg.eigh(np.where(known, np.clip(correlation, -most, most), 0))
    return np.asarray(vectors[:, -rank:] * np.sqrt(np.maximum(values[-rank:], 1e-4)))
