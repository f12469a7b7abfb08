"""P(Y) and P(view | Y) from second and third moments: the tensor method, without a start that matters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse.linalg import LinearOperator, cg

from labelwright.labelmodels.problem import Floats

from .views import ViewMoments

__all__ = ["MOST_CLASSES", "TensorFit", "tensor_decomposition"]

# The tables of one triple hold k^3 numbers; past this, no realistic number of examples fills them.
MOST_CLASSES = 12

_FACTOR_STEPS = 500
_POWER_STEPS = 60
_POLISH_STEPS = 200
_TOLERANCE = 1e-12

_NO_ROWS = 1e-300

# A class of less than one example in a thousand is not to be told from none.
_RAREST_CLASS = 1e-3

# Rows behind a triple; fewer say nothing about a third moment.
_FEWEST_ROWS = 30


@dataclass(frozen=True, slots=True, eq=False)
class TensorFit:
    """What second and third moments say about the classes.

    Parameters
    ----------
    balance : ndarray of float, shape (k,)
        P(Y).
    tables : ndarray of float, shape (F, k)
        P(part of view | Y); the parts of each view sum to 1 for each class.
    strength : float
        Smallest eigenvalue of the covariances that k classes explain, in units of the largest that chance gives. Below
        1, k classes cannot be told apart by these votes.
    misfit : float
        By how many standard deviations the covariances are farther from any k classes than chance takes them; NaN
        where every table would fit.
    """

    balance: Floats
    tables: Floats
    strength: float
    misfit: float


def tensor_decomposition(moments: ViewMoments, share: Floats) -> TensorFit | None:
    """Solve the model in which views are independent given Y, from moments alone.

    Parameters
    ----------
    moments : ViewMoments
        Of at least three views.
    share : ndarray of float, shape (F, k)
        How much each part of each view speaks for each class. Moments know the classes only up to their names; names
        are given so that views are most often right, each class counting the same ("better than random").

    Returns
    -------
    TensorFit or None
        None where the moments do not identify the model: fewer than three views, views that no chain of common
        examples connects, more than 12 classes, or a rank below k.

    Notes
    -----
    The method of Anandkumar, Ge, Hsu, Kakade & Telgarsky (JMLR 2014), as Zhang, Chen, Zhou & Jordan (JMLR 2016) use it
    for crowds, with more than three views and without one of them being special:

    1. ``Cov[z_u, z_v] = C_u C_v^T`` for all pairs at once: the parts of a view sum to 1, so that
       ``[E[z_v], C_v] = A_v diag(p)^1/2 R`` with one unknown rotation R whose first row is ``p^1/2``. Alternating least
       squares solve for each C_v, of k - 1 columns, exactly, given the others.
    2. Third cumulants are ``sum_abc G_abc C_u,a * C_v,b * C_w,c``; G, symmetric, follows by linear least squares over
       all triples. Bordered by what is known (means and the identity), it is the tensor
       ``sum_y p_y^-1/2 r_y * r_y * r_y`` with orthonormal components r_y, the columns of R^T. For two classes, G is the
       one number ``(1 - 2 p) / sqrt(p (1 - p))`` of the closed form.
    3. The tensor power method finds them from k^2 starts that the tensor itself gives; then all are polished together.
       The first coordinate of r_y is ``p_y^1/2``, and gives the sign as well.

    Moments are sums over the examples on which both, or all three, views are observed. Second moments alone leave R
    free for k > 2 (and for k = 2, P(Y)).

    Examples
    --------
    >>> p, table = np.array([0.2, 0.3, 0.5]), np.array([[0.8, 0.1, 0.2], [0.1, 0.7, 0.2], [0.1, 0.2, 0.6]])
    >>> pair = np.einsum("y,ay,by", p, table, table)
    >>> triple = np.einsum("y,ay,by,cy->abc", p, table, table, table)
    >>> moments = ViewMoments((3, 3, 3), 100 * np.kron(np.ones((3, 3)), pair), np.full((3, 3), 100.0),
    ...                       {(0, 1, 2): 100 * triple}, {(0, 1, 2): 100.0})
    >>> fit = tensor_decomposition(moments, np.tile(np.eye(3), (3, 1)))
    >>> fit.balance.round(6).tolist(), bool(np.allclose(fit.tables[:3], table))
    ([0.2, 0.3, 0.5], True)
    """
    k = share.shape[1]
    if len(moments.sizes) < 3 or k > MOST_CLASSES or len(share) < k:
        return None
    means, covariances, rows = _central_pairs(moments)
    factor = _factor(moments, covariances, rows, k - 1)
    core = None if factor is None else _core(moments, factor)
    if factor is None or core is None:
        return None
    components = _components(core)
    components *= np.sign(components[0])
    root = components[0]
    if (root**2).min() < _RAREST_CLASS:
        return None
    tables = np.column_stack([means, factor]) @ components / root
    tables = _on_the_simplex(moments, tables)
    order = _names_of_classes(tables, share)
    variance = _variances(moments, means)
    return TensorFit(
        (root**2 / (root**2).sum())[order],
        tables[:, order],
        _strength(factor, variance, rows),
        _misfit(moments, covariances - factor @ factor.T, variance, rows, k - 1),
    )


def _variances(moments: ViewMoments, means: Floats) -> Floats:
    """Return the variance of each part where its view is observed, shape (F,)."""
    own = np.maximum(np.repeat(np.diag(moments.pair_rows), moments.sizes), _NO_ROWS)
    return np.maximum(np.diag(moments.pairs) / own - means**2, 1e-12)


def _strength(factor: Floats, variance: Floats, rows: Floats) -> float:
    """Compare the factor with the spectral norm of noise, twice the root of its size (Wigner 1958).

    No part varies with Y more than it varies: a factor that says so has read one chance meeting of rare votes for a
    law. And one meeting more or less is what chance does also where none is expected.
    """
    spread = np.sqrt(variance)[:, None]
    known = rows > 0
    weight = rows[known] / rows[known].sum()
    noise = float(weight @ ((np.outer(variance, variance)[known] + 1 / rows[known]) / rows[known]))
    smallest = np.linalg.svd(np.clip(factor, -spread, spread), compute_uv=False)[-1]
    return float(smallest**2 / (2 * np.sqrt(len(factor) * noise)))


def _central_pairs(moments: ViewMoments) -> tuple[Floats, Floats, Floats]:
    """Return means (F,), covariances (F, F) and rows behind each (F, F), 0 within a view and where two never meet."""
    sizes, places = moments.sizes, moments.places
    rows = np.repeat(np.repeat(moments.pair_rows, sizes, axis=0), sizes, axis=1)
    second = moments.pairs / np.maximum(rows, _NO_ROWS)
    # Parts sum to 1, so that sums over the parts of one view leave the mean of the other where both are observed.
    mean = np.stack([second[:, at].sum(axis=1) for at in places], axis=1)
    spread = np.repeat(mean, sizes, axis=1)
    covariances = second - spread * spread.T
    means = np.concatenate([mean[at, v] for v, at in enumerate(places)])
    for at in places:
        rows[at, at] = 0
    return means, covariances, rows


def _factor(moments: ViewMoments, target: Floats, rows: Floats, rank: int) -> Floats | None:
    """Return C, shape (F, rank), with ``C_u C_v^T`` nearest to ``target`` for all pairs u != v."""
    known = rows > 0
    if not known.any(axis=1).all():
        return None
    target, relative = np.where(known, target, 0), rows / rows.max()
    factor = _first_factor(target, known, rank)
    for _ in range(_FACTOR_STEPS):
        before = factor.copy()
        for at in moments.places:
            scaled = factor * relative[at.start][:, None]
            gram = factor.T @ scaled
            ridge = np.eye(rank) * (1e-14 * np.trace(gram) + _NO_ROWS)
            factor[at] = np.linalg.solve(gram + ridge, (target[at] @ scaled).T).T
        if np.abs(factor - before).max() < _TOLERANCE:
            break
    values = np.linalg.svd(factor, compute_uv=False)
    return None if values[-1] < 1e-6 * max(values[0], 1e-3) else factor


def _misfit(moments: ViewMoments, left: Floats, variance: Floats, rows: Floats, rank: int) -> float:
    """Return how far Pearson's statistic of what is left of the covariances is from its mean, in its deviations."""
    sizes = np.array(moments.sizes)
    # Parts sum to 1: of the s t cells of two views, (s - 1)(t - 1) are free.
    free = np.repeat((sizes - 1) / sizes, sizes)
    statistic = float((rows * left**2 * np.outer(free / variance, free / variance)).sum() / 2)
    met = np.triu(moments.pair_rows > 0, 1)
    degrees = float((np.outer(sizes - 1, sizes - 1) * met).sum()) - (rank * (sizes - 1).sum() - rank * (rank - 1) / 2)
    return (statistic - degrees) / np.sqrt(2 * degrees) if degrees > 0 else float("nan")


def _first_factor(target: Floats, known: np.ndarray[tuple[int, int], np.dtype[np.bool_]], rank: int) -> Floats:
    """Fill what is unknown with the best guess of that rank, a few times (hard imputation)."""
    filled = target.copy()
    for _ in range(50):
        values, vectors = np.linalg.eigh((filled + filled.T) / 2)
        # With the diagonal blocks still unknown, some of these values may be negative.
        factor = vectors[:, -rank:] * np.sqrt(np.maximum(values[-rank:], 1e-3 * abs(values[-1])))
        filled = np.where(known, target, factor @ factor.T)
    return np.asarray(factor)


def _core(moments: ViewMoments, factor: Floats) -> Floats | None:
    """Return the tensor with the orthonormal components, shape (k, k, k); None where no triple says anything."""
    inner = _core_of_cumulants(moments, factor)
    if inner is None:
        return None
    k = len(inner) + 1
    core = np.zeros((k, k, k))
    core[0] = core[:, 0] = core[:, :, 0] = np.eye(k)
    core[1:, 1:, 1:] = inner
    return core


def _third_cumulant(table: Floats) -> Floats:
    """Return the third cumulant of three views from their joint ``table``, whose sum is 1."""
    first, second, third = table.sum(axis=(1, 2)), table.sum(axis=(0, 2)), table.sum(axis=(0, 1))
    out = table - first[:, None, None] * table.sum(axis=0) - second[:, None] * table.sum(axis=1)[:, None]
    out -= third * table.sum(axis=2)[:, :, None]
    return np.asarray(out + 2 * first[:, None, None] * second[:, None] * third)


def _multiplied(tensor: Floats, first: Floats, second: Floats, third: Floats) -> Floats:
    """Return ``T(first, second, third)``, the three axes of the tensor multiplied by the columns of a matrix each."""
    half = (first.T @ tensor.reshape(len(first), -1)).reshape(-1, *tensor.shape[1:])
    return np.asarray(np.matmul(np.matmul(second.T, half), third))


def _core_of_cumulants(moments: ViewMoments, factor: Floats) -> Floats | None:
    """Return the symmetric G whose products with the factors are nearest to the third cumulants of all triples."""
    rank, places = factor.shape[1], moments.places
    triples = [t for t, rows in moments.triple_rows.items() if rows >= _FEWEST_ROWS]
    if not triples:
        return None
    blocks = [factor[at] for at in places]
    grams = np.stack([b.T @ b for b in blocks])
    weight = np.array([moments.triple_rows[t] for t in triples])
    weight = weight / weight.sum()
    first, second, third = (grams[list(column)] for column in zip(*triples, strict=True))
    first = first * weight[:, None, None]
    right = np.zeros((rank, rank, rank))
    for t, w in zip(triples, weight, strict=True):
        cumulant = _third_cumulant(moments.triples[t] / moments.triple_rows[t])
        right += w * _multiplied(cumulant, *(blocks[v] for v in t))

    def apply(flat: Floats) -> Floats:
        """The normal equations; each triple stands for the six orders of its views."""
        step = np.matmul(first, _symmetric(flat.reshape(rank, rank, rank)).reshape(rank, rank * rank))
        step = np.matmul(np.matmul(second[:, None], step.reshape(-1, rank, rank, rank)), third[:, None])
        return _symmetric(step.sum(axis=0)).ravel()

    inverse = np.linalg.pinv(grams.mean(axis=0), hermitian=True)

    def precondition(flat: Floats) -> Floats:
        step = flat.reshape(rank, rank, rank)
        return _multiplied(step, inverse, inverse, inverse).ravel()

    shape = (rank**3, rank**3)
    solution, _ = cg(
        LinearOperator(shape, matvec=apply, dtype=np.float64),
        _symmetric(right).ravel(),
        rtol=1e-13,
        maxiter=500,
        M=LinearOperator(shape, matvec=precondition, dtype=np.float64),
    )
    return _symmetric(solution.reshape(rank, rank, rank))


def _symmetric(tensor: Floats) -> Floats:
    orders = ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))
    return np.asarray(sum(tensor.transpose(o) for o in orders) / 6)


def _components(core: Floats) -> Floats:
    """Return the orthonormal components of the symmetric ``core``, shape (k, k), one in each column.

    The power method of Anandkumar et al. (2014), algorithm 1, takes random starts; eigenvectors of the slices of what
    is left serve as well and are the same every time.
    """
    k, left, found = len(core), core, []
    for _ in range(k):
        starts = np.concatenate([np.linalg.eigh(s)[1].T for s in left])
        for _ in range(_POWER_STEPS):
            starts = _applied(left, starts)
            starts /= np.maximum(np.linalg.norm(starts, axis=1, keepdims=True), _NO_ROWS)
        size = (_applied(left, starts) * starts).sum(axis=1)
        best = starts[int(np.argmax(size))]
        found.append(best)
        left = left - size.max() * np.einsum("a,b,c->abc", best, best, best)
    rotation = _nearest_rotation(np.stack(found, axis=1))
    for _ in range(_POLISH_STEPS):
        moved = _nearest_rotation(_applied(core, rotation.T).T)
        done = np.abs(moved - rotation).max() < _TOLERANCE
        rotation = moved
        if done:
            break
    return rotation


def _applied(tensor: Floats, vectors: Floats) -> Floats:
    """Return ``T(I, v, v)`` for each row v of ``vectors``, shape as ``vectors``; T is symmetric."""
    k = len(tensor)
    half = (vectors @ tensor.reshape(k, k * k)).reshape(-1, k, k)
    return np.asarray(np.matmul(half, vectors[:, :, None])[:, :, 0])


def _nearest_rotation(matrix: Floats) -> Floats:
    left, _, right = np.linalg.svd(matrix)
    return np.asarray(left @ right)


def _on_the_simplex(moments: ViewMoments, tables: Floats) -> Floats:
    """Return ``tables`` as probabilities: nothing negative, and the parts of each view sum to 1."""
    out = np.maximum(tables, 1e-9)
    for at in moments.places:
        out[at] /= out[at].sum(axis=0)
    return out


def _names_of_classes(tables: Floats, share: Floats) -> list[int]:
    """Return which column of ``tables`` is which class: that by which views are most often right, classes alike."""
    # Loading an optimiser takes half as long as loading the package; only tensors need it.
    from scipy.optimize import linear_sum_assignment

    return linear_sum_assignment(-share.T @ tables)[1].tolist()
