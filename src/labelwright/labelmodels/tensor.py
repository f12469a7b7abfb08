"""P(Y) and P(view | Y) from second and third moments: the tensor method, without a start that matters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse.linalg import LinearOperator, cg

from .problem import Floats
from .views import ViewMoments

__all__ = ["MOST_CLASSES", "TensorFit", "tensor_decomposition"]

# The tables of one triple hold k^3 numbers; past this, no realistic number of examples fills them.
MOST_CLASSES = 12

_FACTOR_STEPS = 500
_POWER_STEPS = 60
_POLISH_STEPS = 200
_TOLERANCE = 1e-13

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
        Smallest singular value of the factor of the second moments, in units of what the moments leave unexplained.
        Below 1, k classes cannot be told apart by these votes.
    """

    balance: Floats
    tables: Floats
    strength: float


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

    1. ``E[z_u z_v^T] = A_u diag(p) A_v^T = B_u B_v^T`` for all pairs at once, ``B_v = A_v diag(p)^1/2 R`` with one
       unknown rotation R. Alternating least squares solve for each B_v exactly, given the others.
    2. ``E[z_u * z_v * z_w] = sum_y p_y^-1/2 (B_u r_y) * (B_v r_y) * (B_w r_y)``: the core tensor
       ``G = sum_y p_y^-1/2 r_y * r_y * r_y`` follows by linear least squares over all triples, and has orthonormal
       components r_y, the columns of R^T.
    3. The tensor power method finds them from k^2 starts that G itself gives; then all are polished together.
    4. Parts of a view sum to 1, so ``r_y . (mean over views of 1^T B_v) = p_y^1/2`` gives P(Y) and the signs.

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
    factor, strength = _factor(moments, k)
    core = None if factor is None else _core_tensor(moments, factor)
    if factor is None or core is None:
        return None
    sums = np.mean([factor[at].sum(axis=0) for at in moments.places], axis=0)
    components = _components(core)
    root = components.T @ sums
    components, root = components * np.sign(root), np.abs(root)
    if (root**2).min() < 1e-6:
        return None
    tables = _on_the_simplex(moments, factor @ components / root)
    order = _names_of_classes(tables, share)
    return TensorFit((root**2 / (root**2).sum())[order], tables[:, order], strength)


def _factor(moments: ViewMoments, k: int) -> tuple[Floats | None, float]:
    """Return B, shape (F, k), with ``B_u B_v^T`` the second moments of all pairs u != v, and its strength."""
    places, rows = moments.places, moments.pair_rows * (1 - np.eye(len(moments.sizes)))
    weight = np.repeat(np.repeat(rows, moments.sizes, axis=0), moments.sizes, axis=1)
    target = np.where(weight > 0, moments.pairs / np.maximum(np.where(weight > 0, weight, 1), 1e-300), 0)
    if not (rows > 0).any(axis=1).all():
        return None, 0.0
    factor = _first_factor(target, weight > 0, k)
    relative = weight / rows.max()
    for _ in range(_FACTOR_STEPS):
        before = factor.copy()
        for at in places:
            scaled = factor * relative[at.start][:, None]
            gram = factor.T @ scaled
            factor[at] = target[at] @ scaled @ np.linalg.pinv(gram, rcond=1e-10, hermitian=True)
        if np.abs(factor - before).max() < _TOLERANCE:
            break
    values = np.linalg.svd(factor, compute_uv=False)
    if values[-1] < 1e-6 * values[0]:
        return None, 0.0
    left = relative * (target - factor @ factor.T) ** 2
    noise = np.sqrt(len(target) * left.sum() / max(relative.sum(), 1e-300))
    return factor, float(values[-1] ** 2 / max(noise, 1e-12))


def _first_factor(target: Floats, known: np.ndarray[tuple[int, int], np.dtype[np.bool_]], k: int) -> Floats:
    """Fill what is unknown with the best guess of rank k, a few times (hard imputation)."""
    filled = target.copy()
    for _ in range(50):
        values, vectors = np.linalg.eigh((filled + filled.T) / 2)
        # With the diagonal blocks still unknown, some of the k values may be negative.
        factor = vectors[:, -k:] * np.sqrt(np.maximum(values[-k:], 1e-3 * values[-1]))
        filled = np.where(known, target, factor @ factor.T)
    return np.asarray(factor)


def _core_tensor(moments: ViewMoments, factor: Floats) -> Floats | None:
    """Return the symmetric G, shape (k, k, k), whose products with the factors are nearest to the third moments."""
    k, places = factor.shape[1], moments.places
    triples = [t for t, rows in moments.triple_rows.items() if rows >= _FEWEST_ROWS]
    if not triples:
        return None
    blocks = [factor[at] for at in places]
    grams = np.stack([b.T @ b for b in blocks])
    weight = np.array([moments.triple_rows[t] for t in triples])
    weight = weight / weight.sum()
    first, second, third = (grams[list(column)] for column in zip(*triples, strict=True))
    first = first * weight[:, None, None]
    right = np.zeros((k, k, k))
    for t, w in zip(triples, weight, strict=True):
        u, v, at = t
        mean = moments.triples[t] / moments.triple_rows[t]
        right += w * np.einsum("abc,ax,by,cz->xyz", mean, blocks[u], blocks[v], blocks[at], optimize=True)

    def apply(flat: Floats) -> Floats:
        """The normal equations; each triple stands for the six orders of its views."""
        step = np.matmul(first, _symmetric(flat.reshape(k, k, k)).reshape(k, k * k)).reshape(-1, k, k, k)
        step = np.matmul(np.matmul(second[:, None], step), third[:, None])
        return _symmetric(step.sum(axis=0)).ravel()

    inverse = np.linalg.inv(grams.mean(axis=0))

    def precondition(flat: Floats) -> Floats:
        g = flat.reshape(k, k, k)
        return np.asarray(np.einsum("abc,ax,by,cz->xyz", g, inverse, inverse, inverse, optimize=True).ravel())

    shape = (k**3, k**3)
    solution, _ = cg(
        LinearOperator(shape, matvec=apply, dtype=np.float64),
        _symmetric(right).ravel(),
        rtol=1e-13,
        maxiter=500,
        M=LinearOperator(shape, matvec=precondition, dtype=np.float64),
    )
    return _symmetric(solution.reshape(k, k, k))


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
            starts = np.einsum("abc,nb,nc->na", left, starts, starts, optimize=True)
            starts /= np.maximum(np.linalg.norm(starts, axis=1, keepdims=True), 1e-300)
        size = np.einsum("abc,na,nb,nc->n", left, starts, starts, starts, optimize=True)
        best = starts[int(np.argmax(size))]
        found.append(best)
        left = left - size.max() * np.einsum("a,b,c->abc", best, best, best)
    rotation = _nearest_rotation(np.stack(found, axis=1))
    for _ in range(_POLISH_STEPS):
        moved = _nearest_rotation(np.einsum("abc,by,cy->ay", core, rotation, rotation))
        done = np.abs(moved - rotation).max() < _TOLERANCE
        rotation = moved
        if done:
            break
    return rotation


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
    return linear_sum_assignment(-share.T @ tables)[1].tolist()
