"""The triplet equations: from the correlations of sources with each other to theirs with a two-sided class."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import linalg, sparse
from scipy.sparse import csgraph

__all__ = ["Average", "class_correlations", "loadings", "weighted_median"]

Floats = npt.NDArray[np.float64]
Average: TypeAlias = Literal["median", "mean"]

# Medians go over pairs of at most this many partners: 2,016 pairs for each source, whatever m is.
_PARTNERS = 64

# Below this a correlation is rounding, even where the moments are exact.
_ROUNDING = 1e-9

# A set of fewer sources has no triplet.
_TRIPLET = 3

# The largest eigenvalue of m x m noise of deviation 1 is below ``2 sqrt(m) + t`` with probability ``1 - exp(-t^2 / 4)``
# (Gaussian concentration): this t leaves 5 %.
_SURE = 3.46


def class_correlations(
    correlation: Floats, rows: float, average: Average, *, one_sided: npt.NDArray[np.bool_] | None = None
) -> Floats:
    """Return the correlation of each source's value with a hidden two-sided class, shape (m,); 0 where unknown.

    Parameters
    ----------
    correlation : ndarray of float, shape (m, m)
        Correlations of the sources' values, symmetric; the diagonal is not read.
    rows : float
        Number of rows behind them; infinite where they are exact.
    average : {"median", "mean"}
        How the triplets of a source are brought together: least absolute deviations or least squares.
    one_sided : ndarray of bool, shape (m,), optional
        Sources that are not worse than random, as they keep to one side.

    Notes
    -----
    Values independent given a class of two sides have ``r_ij = u_i u_j``, whatever their rates on each side, so that
    ``r_ij r_il = u_i^2 r_jl`` for every triplet. Least squares over the pairs (j, l) give ``u_i^2`` as the sum of
    ``r_ij r_il r_jl`` over that of ``r_jl^2``, least absolute deviations as the median of the ratios weighted by
    ``|r_jl|``: nothing is divided by a correlation near zero, as single triplets are (Fu et al., ICML 2020, take the
    plain mean or median of them). Noise in ``r_jl^2`` makes all ``u`` too small alike, which one factor mends:
    ``r_ij = s^2 u_i u_j``, solved in the same manner.

    Signs follow from ``sign r_ij = sign u_i u_j`` in each set of sources connected by correlations beyond chance (the
    universal threshold of Donoho & Johnstone 1994), as those of the leading eigenvector, up to one sign for each set:
    its sources are taken to be better than random on average. Of a source that keeps to one side this is assumed even
    alone, as the paper does of all: two that exclude each other correlate like one that is wrong. A set of fewer than
    three holds no triplet, and is solved with the largest set. Without any set, many weak sources may still agree
    together: if the largest eigenvalue is beyond that of noise. Otherwise nothing is known.

    Examples
    --------
    >>> u = np.array([0.5, 0.4, -0.3, 0.2])
    >>> class_correlations(np.outer(u, u), np.inf, "median").round(9).tolist()
    [0.5, 0.4, -0.3, 0.2]
    """
    r = correlation.copy()
    np.fill_diagonal(r, 0)
    out = np.zeros(len(r))
    for at in _connected(r, rows):
        block = r[np.ix_(at, at)]
        squares = _squares_by_median(block) if average == "median" else _squares_by_mean(block)
        sign = _signs(block) if one_sided is None else np.where(one_sided[at], 1, _signs(block))
        u = sign * np.sqrt(np.clip(squares, 0, None))
        out[at] = np.clip(u * np.sqrt(max(_scale(block, u, average), 0.0)), -1, 1)
    return out


def loadings(cross: Floats, own: npt.NDArray[np.int64], u: Floats, average: Average) -> tuple[Floats, Floats]:
    """Return the covariance of each feature with the class, in units of the class's deviation, and its information.

    Parameters
    ----------
    cross : ndarray of float, shape (f, m)
        Covariance of each feature with each source's value, in units of the value's deviation.
    own : ndarray of int64, shape (f,)
        Source of each feature, whose column is not read; -1 for none.
    u : ndarray of float, shape (m,)
        Correlation of each source's value with the class.
    average : {"median", "mean"}

    Returns
    -------
    loading : ndarray of float, shape (f,)
        ``d`` with ``cross = d u`` for the other sources; 0 where these know nothing of the class.
    information : ndarray of float, shape (f,)
        Sum of the others' ``u^2``.

    Examples
    --------
    >>> d, _ = loadings(np.outer([0.1, 0.2], [0.5, 0.4, 0.3]), np.array([0, 2]), np.array([0.5, 0.4, 0.3]), "mean")
    >>> d.round(9).tolist()
    [0.1, 0.2]
    """
    weight = np.broadcast_to(u, cross.shape).copy()
    mine = np.flatnonzero(own >= 0)
    weight[mine, own[mine]] = 0
    information = (weight**2).sum(axis=1)
    if average == "median":
        return weighted_median(_ratio(cross, weight), np.abs(weight)), information
    return _ratio((cross * weight).sum(axis=1), information), information


def weighted_median(values: Floats, weights: Floats) -> Floats:
    """Return the smallest value, along the last axis, with half of the weight at or below it; 0 without weight.

    Examples
    --------
    >>> weighted_median(np.array([3.0, 1.0, 2.0]), np.array([1.0, 1.0, 9.0])).tolist()
    2.0
    """
    if not values.shape[-1]:
        return np.zeros(values.shape[:-1])
    order = np.argsort(values, axis=-1, kind="stable")
    below = np.cumsum(np.take_along_axis(weights, order, axis=-1), axis=-1)
    # A share of rounding less than half, so that the order of equal weights does not matter.
    place = (below < 0.5 * (1 - _ROUNDING) * below[..., -1:]).sum(axis=-1, keepdims=True)
    found = np.take_along_axis(np.take_along_axis(values, order, axis=-1), place, axis=-1)[..., 0]
    return np.asarray(np.where(below[..., -1] > 0, found, 0.0))


def _squares_by_mean(r: Floats) -> Floats:
    """Return ``u_i^2`` by least squares over all pairs (j, l)."""
    square = r**2
    each = square.sum(axis=1)
    return _ratio(((r @ r) * r).sum(axis=1), each.sum() - 2 * each)


def _squares_by_median(r: Floats) -> Floats:
    """Return ``u_i^2`` by least absolute deviations over the pairs of the partners who agree most with all."""
    strength = (r**2).sum(axis=1)
    partner = np.sort(np.argsort(-strength, kind="stable")[:_PARTNERS])
    j, l = np.triu_indices(len(partner), 1)  # noqa: E741 - the triplet is (i, j, l) in the paper
    j, l = partner[j], partner[l]  # noqa: E741 - as above
    out = np.zeros(len(r))
    for i in range(len(r)):
        # The diagonal is zero, so that pairs with the source itself would pull its square to zero.
        others = (j != i) & (l != i)
        a, b = j[others], l[others]
        out[i] = weighted_median(_ratio(r[i, a] * r[i, b], r[a, b]), np.abs(r[a, b]))
    return out


def _scale(r: Floats, u: Floats, average: Average) -> float:
    """Return ``s^2`` with ``r_ij = s^2 u_i u_j`` for i < j."""
    product = np.outer(u, u)[np.triu_indices(len(u), 1)]
    found = r[np.triu_indices(len(u), 1)]
    if average == "median":
        return float(weighted_median(_ratio(found, product), np.abs(product)))
    return float(_ratio(np.asarray(found @ product), np.asarray(product @ product)))


def _connected(r: Floats, rows: float) -> list[npt.NDArray[np.int64]]:
    """Return the sets of sources to solve, each by itself."""
    m = len(r)
    noise = 1 / np.sqrt(rows)
    threshold = max(np.sqrt(2 * np.log(max(2, m * (m - 1) / 2))) * noise, _ROUNDING)
    component = csgraph.connected_components(sparse.csr_array(np.abs(r) > threshold), directed=False)[1]
    size = np.bincount(component, minlength=1)
    if size.max() >= _TRIPLET:
        # What is connected to nothing beyond chance may still be so to all the largest set together.
        component[size[component] < _TRIPLET] = np.argmax(size)
        return [np.flatnonzero(component == c) for c in np.unique(component)]
    if m >= _TRIPLET and linalg.eigvalsh(r, subset_by_index=[m - 1, m - 1])[0] > (2 * np.sqrt(m) + _SURE) * noise:
        return [np.arange(m)]
    return []


def _signs(r: Floats) -> Floats:
    """Return the sign of each source's correlation with the class, shape (m,)."""
    leading = linalg.eigh(r, subset_by_index=[len(r) - 1, len(r) - 1])[1][:, 0]
    return np.asarray(np.sign(leading) * (1 if leading.sum() >= 0 else -1))


def _ratio(above: Floats, below: Floats) -> Floats:
    return np.asarray(np.divide(above, below, out=np.zeros(np.shape(above)), where=below != 0))
