"""P(Y) for any number of classes from third moments, with its standard error."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from labelwright.core import PatternCounts
from labelwright.core.vote_counts import BUCKETS
from labelwright.labelmodels.features import Features
from labelwright.labelmodels.problem import Floats, Problem

from .spectral import tensor_fit
from .tensor import tensor_decomposition
from .views import ViewMoments

__all__ = ["class_balance_from_tensor"]


def class_balance_from_tensor(
    stats: PatternCounts, distinct: npt.NDArray[np.bool_] | None = None
) -> tuple[Floats, Floats] | None:
    """Estimate P(Y) from the third moments of the sources that take several sides.

    Parameters
    ----------
    stats : PatternCounts
    distinct : ndarray of bool, shape (m,), optional
        False for sources to leave out, as they repeat others; in the order of `Problem`'s sources.

    Returns
    -------
    (balance, standard_error) or None
        Each of shape (k,), the error by the block jackknife over the 32 sub-sums. None where the votes do not identify
        P(Y): fewer than three sources (or views of them) take several sides, more than 12 classes, or classes that
        second moments do not tell apart from noise.

    Notes
    -----
    See `labelwright.labelmodels.spectral.tensor.tensor_decomposition` (Anandkumar et al. 2014). Nothing is drawn and
    nothing iterates from a start that could matter. One-sided sources are left out: their firing would draw P(Y) to the
    class that they fire for. For two classes and three sources it is a closed form in the third cumulant.

    Examples
    --------
    >>> from labelwright.core import Votes
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.choice(3, 5000, p=[0.6, 0.3, 0.1])
    >>> right = rng.random((5000, 5)) < 0.8
    >>> votes = np.where(right, truth[:, None], (truth[:, None] + rng.integers(1, 3, (5000, 5))) % 3)
    >>> balance, error = class_balance_from_tensor(PatternCounts.of(Votes(votes)))
    >>> balance.round(1).tolist(), bool((error < 0.02).all())
    ([0.6, 0.3, 0.1], True)
    """
    problem = Problem.of(stats)
    heard = problem.multipolar if distinct is None else problem.multipolar & distinct
    found = tensor_fit(problem, heard, silent=float(stats.weights.sum()) - problem.rows)
    if found is None or found[2].strength < 1:
        return None
    views, whole, fit = found
    share = np.concatenate([v.share for v in views])
    x = Features.of(stats.frame).matrix(stats.patterns)[:, problem.kept]
    parts = []
    for bucket in range(BUCKETS):
        cells = stats.cells[:, 2] == bucket
        rows, place = np.unique(stats.cells[cells, 0], return_inverse=True)
        weights = np.bincount(place.ravel(), weights=stats.cell_counts[cells], minlength=len(rows))
        parts.append(ViewMoments.of(views, x[rows], weights.astype(np.float64)))
    left_out = [tensor_decomposition(whole - part, share) for part in parts if part.pair_rows.any()]
    replicates = np.array([one.balance for one in left_out if one is not None])
    if len(replicates) < max(2, len(left_out)):
        return None
    spread = ((replicates - replicates.mean(axis=0)) ** 2).sum(axis=0)
    return fit.balance, np.sqrt((len(replicates) - 1) / len(replicates) * spread)
