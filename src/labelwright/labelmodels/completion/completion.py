"""Matrix completion for two classes: how votes go with Y, from how they go with each other, as pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import linalg, sparse
from scipy.sparse import csgraph
from scipy.sparse.linalg import eigsh

__all__ = ["Completion", "class_tables", "complete"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

# A direction of a group's votes with less variance than this is a constant: one vote in 1e10.
_CONSTANT = 1e-10

# Where the smallest eigenvalue of the correlations (1 if nothing correlates) is below this, some votes nearly repeat
# others. Noise added to each of them leaves the identity exact and the inverse tame.
_SINGULAR = 0.05

# Above this many indicators inverting their covariance costs more than all the rest, and covariances are used as they
# are.
_MOST_INVERTED = 600
_SETTLED = 1e-10

_STEPS = 100
_TOLERANCE = 1e-12
_NO_EDGE = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Completion:
    """What second moments say about votes and Y.

    Parameters
    ----------
    loadings : ndarray of float, shape (f,)
        ``Cov(vote, Y) / sd(Y)`` of each vote indicator: known without knowing P(Y).
    weights : ndarray of float, shape (f,)
        Of each indicator in the best linear prediction of Y, up to one common factor.
    ranks : tuple of int
        Number of linearly independent indicators of each group.
    steps : int
        Gauss-Newton steps.
    converged : bool
    ridge : float
        Share of noise that was added because the correlations are close to singular; 0 where nothing was.
    """

    loadings: Floats
    weights: Floats
    ranks: tuple[int, ...]
    steps: int
    converged: bool
    ridge: float


def complete(
    means: Floats, moments: Floats, group: Integers, side: Floats, *, rows: float = float("inf")
) -> Completion:
    """Solve the inverse-covariance identity for two classes.

    Parameters
    ----------
    means : ndarray of float, shape (f,)
        E[x] of each 0/1 indicator of a vote; abstains need none, as they are what is left.
    moments : ndarray of float, shape (f, f)
        E[x x^T].
    group : ndarray of int64, shape (f,)
        Indicators of one source, or of one clique of dependent sources, share a number; different groups are
        independent given Y.
    side : ndarray of float, shape (f,)
        1 where the vote speaks for class 1, -1 for class 0, 0 for neither. It settles the sign, which the moments leave
        open: votes are better than random on average, each group counting once.
    rows : float
        Examples behind the moments. Infinite where they are exact.

    Returns
    -------
    Completion
        With loadings of zero where fewer than three groups vary, as then nothing is identified.

    Notes
    -----
    Ratner, Hancock, Dunnmon, Sala, Pandey & Re (AAAI 2019). The inverse of Cov(x, Y) is zero between groups (Loh &
    Wainwright 2013), so that with ``K = Cov(x)^-1`` and z proportional to ``K Cov(x, Y)``

        (K + z z^T)_ij = 0   for i, j of different groups: the set Omega.

    Three choices make that work on counts. First, indicators are whitened within each group, so that every equation is
    in units of its own noise and indicators that never vary fall away. Second, ``2 log |z_i z_j| = log K_ij^2`` is
    solved by least squares with the weights ``K_ij^2``, as the logarithm of a small number is noise, and Gauss-Newton
    then solves the equations themselves, with a standard normal prior on each z, which is worth one example and keeps
    weakly determined ones from running away. Third, where votes repeat others, noise of share epsilon is added to each
    group: ``Cov(x) + epsilon`` is block diagonal plus rank one whenever ``Cov(x)`` is, so that the identity stays
    exact, which it does not with a pseudo-inverse. With more than 600 indicators that noise is taken to be endless,
    which leaves covariances in place of their inverse.

    Examples
    --------
    Three sources that never abstain, right on 90, 80 and 70 % of two equally frequent classes:

    >>> right = np.array([0.9, 0.8, 0.7])
    >>> agree = 0.25 * np.outer(2 * right - 1, 2 * right - 1) + 0.25
    >>> np.fill_diagonal(agree, 0.5)
    >>> found = complete(np.full(3, 0.5), agree, np.arange(3), np.ones(3))
    >>> (found.loadings + 0.5).round(6).tolist()
    [0.9, 0.8, 0.7]
    """
    covariance = moments - np.outer(means, means)
    whiten, colour, home, ranks = _whitening(covariance, group)
    if sum(rank > 0 for rank in ranks) < 3:
        return Completion(np.zeros(len(means)), np.zeros(len(means)), ranks, 0, True, 0.0)
    correlation = np.asarray(whiten.T @ (whiten.T @ covariance).T)
    correlation = (correlation + correlation.T) / 2
    side = side @ colour
    found = _by_inverse if len(home) <= _MOST_INVERTED else _by_covariance
    loadings, z, steps, converged, ridge = found(correlation, home, side, 1 / rows)
    return Completion(colour @ loadings, whiten @ z, ranks, steps, converged, ridge)


def class_tables(means: Floats, loadings: Floats, balance: Floats, source: Integers) -> Floats:
    """Return P(vote | Y) of each indicator, shape (f, 2), within what probabilities may be.

    Parameters
    ----------
    means, loadings : ndarray of float, shape (f,)
        As `complete` takes and gives them.
    balance : ndarray of float, shape (2,)
        P(Y).
    source : ndarray of int64, shape (f,)
        Whose votes exclude each other: indicators of one source sum to at most 1.

    Examples
    --------
    >>> class_tables(np.array([0.5]), np.array([0.4]), np.array([0.5, 0.5]), np.array([0])).round(6).tolist()
    [[0.1, 0.9]]
    """
    spread = np.sqrt(balance[0] * balance[1])
    tables = means[:, None] + np.outer(loadings, [-spread / balance[0], spread / balance[1]])
    tables = np.clip(tables, 0, 1)
    total = np.zeros((int(source.max(initial=-1)) + 1, 2))
    np.add.at(total, source, tables)
    # Sums that pass 1 by rounding alone are left as they are.
    total[total < 1 + 1e-12] = 1
    return np.asarray(tables / total[source])


_Factor = tuple[Floats, Floats, int, bool, float]


def _by_inverse(correlation: Floats, home: Integers, side: Floats, prior: float) -> _Factor:
    """Return loadings and weights of whitened indicators, steps, convergence and the ridge, by the identity."""
    smallest = linalg.eigvalsh(correlation, subset_by_index=[0, 0], check_finite=False)[0]
    ridge = float(max(0.0, _SINGULAR - smallest))
    correlation[np.diag_indices_from(correlation)] += ridge
    inverse = linalg.inv(correlation, check_finite=False)
    unit = 1 / np.sqrt(np.diag(inverse))
    partial = np.where(home[:, None] != home[None, :], inverse * np.outer(unit, unit), 0)
    z, steps, converged = _gauss_newton(partial, home, _log_linear(partial), prior)
    z = z / unit
    loadings = correlation @ z
    loadings = _within_variance(loadings / np.sqrt(1 + z @ loadings), home)
    sign = _signs(partial, side * loadings)
    return sign * loadings, sign * z, steps, converged, ridge


def _by_covariance(correlation: Floats, home: Integers, side: Floats, prior: float) -> _Factor:
    """Return the same by the identity as endless noise would leave it: ``correlation = v v^T`` on Omega.

    It gives up little where indicators are many, and asks for products of the matrix with vectors only. The least
    squares in each v given the others are iterated, half way each time, as a whole step would overshoot by as much.
    """
    sizes = np.bincount(home)
    for start, stop in zip(np.cumsum(sizes) - sizes, np.cumsum(sizes), strict=True):
        correlation[start:stop, start:stop] = 0
    values, vectors = eigsh(correlation, k=1, which="LA", v0=np.ones(len(home)))
    v = np.sqrt(max(float(values[0]), 0.0)) * vectors[:, 0]
    moved, steps = np.inf, 0
    while moved >= _SETTLED and steps < 10 * _STEPS:
        square = v**2
        others = square.sum() - np.bincount(home, weights=square)[home]
        new = (v + correlation @ v / np.maximum(others + prior, 1e-300)) / 2
        moved, v, steps = float(np.abs(new - v).max()), new, steps + 1
    v = _within_variance(v, home)
    # Given Y the groups are independent, so that each group's weights follow from its own loadings alone.
    left = np.maximum(1 - np.bincount(home, weights=v**2), _SINGULAR)
    v = v if side @ v >= 0 else -v
    return v, v / left[home], steps, moved < _SETTLED, 0.0


def _whitening(covariance: Floats, group: Integers) -> tuple[Any, Any, Integers, tuple[int, ...]]:
    """Return what turns indicators to unit variance, uncorrelated within a group; what turns them back; the groups.

    The two matrices (f, r) are sparse where they are large.
    """
    f = len(group)
    home, ranks, at = np.zeros(f, dtype=np.int64), [], 0
    order = np.argsort(group, kind="stable")
    _, starts = np.unique(group[order], return_index=True)
    down, up, row, column = [], [], [], []
    for number, members in enumerate(np.split(order, starts[1:])):
        values, vectors = np.linalg.eigh(covariance[np.ix_(members, members)])
        used = values > _CONSTANT
        stop = at + int(used.sum())
        scale = np.sqrt(values[used])
        down.append((vectors[:, used] / scale).ravel())
        up.append((vectors[:, used] * scale).ravel())
        row.append(np.repeat(members, stop - at))
        column.append(np.tile(np.arange(at, stop), len(members)))
        home[at:stop] = number
        ranks.append(stop - at)
        at = stop
    place = np.concatenate(row), np.concatenate(column)
    found = [sparse.csr_array((np.concatenate(one), place), shape=(f, at)) for one in (down, up)]
    whiten, colour = found if f > _MOST_INVERTED else [one.toarray() for one in found]
    return whiten, colour, home[:at], tuple(ranks)


def _log_linear(partial: Floats) -> Floats:
    """Return z up to signs: ``l_i + l_j = log partial_ij^2`` by weighted least squares, then one sign for each z."""
    weight = partial**2
    total = weight.sum(axis=1)
    heard = np.flatnonzero(total > _NO_EDGE**2)
    weight, total = weight[np.ix_(heard, heard)], total[heard]
    known = (weight * np.log(np.where(weight > 0, weight, 1))).sum(axis=1)
    scale = 1 / np.sqrt(total)
    normal = weight * np.outer(scale, scale)
    # A little damping, for equations that nearly leave a direction open.
    normal[np.diag_indices_from(normal)] += 1 + 1e-12
    logs = scale * np.linalg.solve(normal, scale * known)
    size = np.zeros(len(partial))
    size[heard] = np.exp(np.clip(logs / 2, -50, 50))
    return size * _tree_signs(partial)


def _tree_signs(partial: Floats) -> Floats:
    """Return signs that fit the strongest equations: along a tree that spans the indicators, z_i z_j = -partial_ij."""
    strength = np.abs(partial)
    cost = np.where(strength > 0, 2 * strength.max() - strength, 0)
    tree = csgraph.minimum_spanning_tree(sparse.csr_array(cost))
    tree = (tree + tree.T).tocsr()
    signs = np.ones(len(partial))
    seen = np.zeros(len(partial), dtype=bool)
    for root in range(len(partial)):
        if seen[root]:
            continue
        order, before = csgraph.breadth_first_order(tree, root, directed=False)
        seen[order] = True
        for at in order[1:]:
            signs[at] = -np.sign(partial[at, before[at]]) * signs[before[at]]
    return signs


def _gauss_newton(partial: Floats, home: Integers, z: Floats, prior: float) -> tuple[Floats, int, bool]:
    """Minimise the sum of ``(partial + z z^T)^2`` over Omega, plus ``2 prior z^2`` for each z, from ``z``."""
    omega = home[:, None] != home[None, :]
    left = np.where(omega, partial + np.outer(z, z), 0)
    loss = float((left**2).sum() + 2 * prior * (z @ z))
    for step in range(1, _STEPS + 1):
        move, length = _newton_move(left, z, home, prior), 1.0
        while length > _TOLERANCE:
            at = z + length * move
            new = np.where(omega, partial + np.outer(at, at), 0)
            better = float((new**2).sum() + 2 * prior * (at @ at))
            # Near the end the loss moves by rounding alone, while z can still be told better.
            if better <= loss * (1 + 1e-13):
                break
            length /= 2
        else:
            return z, step, True
        z, left, loss = at, new, better
        if np.abs(length * move).max() < _TOLERANCE:
            return z, step, True
    return z, _STEPS, False


def _newton_move(left: Floats, z: Floats, home: Integers, prior: float) -> Floats:
    """Return where the residuals ``left`` send z: by Newton where the loss is convex, else by Gauss-Newton.

    Gauss-Newton takes the residuals for small; where the model does not fit they are not, and it slows down.
    """
    square = z**2
    diagonal = np.diag_indices(len(z))
    normal = np.where(home[:, None] != home[None, :], np.outer(z, z), 0)
    # A little damping, for an indicator beside which no other has a say.
    others = square.sum() - np.bincount(home, weights=square)[home]
    normal[diagonal] = np.maximum(others, 1e-12 * square.sum() + 1e-300) + prior
    gradient = left @ z + prior * z
    try:
        factor = linalg.cho_factor(normal + left, check_finite=False)
        return np.asarray(-linalg.cho_solve(factor, gradient, check_finite=False))
    except linalg.LinAlgError:
        return np.asarray(-np.linalg.solve(normal, gradient))


def _within_variance(loadings: Floats, home: Integers) -> Floats:
    """Shrink the loadings of a group that would explain more of Y than there is: their squares sum to 1 at most."""
    explained = np.sqrt(np.bincount(home, weights=loadings**2))
    return np.asarray(loadings / np.maximum(1, explained)[home])


def _signs(partial: Floats, spoken: Floats) -> Floats:
    """Return a sign for each connected component of the graph of equations: better than random on average."""
    edges = sparse.csr_array((np.abs(partial) > _NO_EDGE).astype(np.float64))
    count, component = csgraph.connected_components(edges, directed=False)
    total = np.bincount(component, weights=spoken, minlength=count)
    return np.where(total < 0, -1.0, 1.0)[component]
