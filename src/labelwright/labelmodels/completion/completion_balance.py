"""P(Y) of two classes from third cumulants that every source takes part in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

__all__ = ["Skewness", "balance_from_skewness", "combine_with_known", "skewness"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

# The variance of the skewness of Y before any data: that of P(Y) = .15 or .85.
_PRIOR_VARIANCE = 4.0

# The votes' word about P(Y) counts at most as much as this many random known classes: the model is not that right.
_WORTH_OF_VOTES = 100


@dataclass(frozen=True, slots=True)
class Skewness:
    """An estimate of ``(1 - 2 q) / sqrt(q (1 - q))``, the skewness of a class with P(Y=1) = q.

    Parameters
    ----------
    value : float
    standard_error : float
        Of chance alone, as if the votes were close to independent.
    """

    value: float
    standard_error: float


def skewness(
    means: Floats,
    moments: Floats,
    third: Floats,
    loadings: Floats,
    weights: Floats,
    group: Integers,
    side: Floats,
    rows: float,
) -> Skewness | None:
    """Return the skewness of Y, or None where fewer than three groups of sources speak.

    Parameters
    ----------
    means, moments, loadings, weights, group, side
        As `labelwright.labelmodels.completion.completion.complete` takes and gives them.
    third : ndarray of float, shape (f,)
        ``E[x sum_{d<e} b_d b_e]`` over the pairs of other groups, b being a group's votes for class 1 less those for 0.
    rows : float
        Examples behind the moments.

    Notes
    -----
    Given Y, groups are independent, so that the cumulant of three of them is the product of their loadings times the
    skewness of Y. It is summed over all pairs of groups beside each vote, which needs one number for each vote instead
    of one for each triple, and over votes with the weights of the best linear prediction of Y.
    """
    count = int(group.max(initial=-1)) + 1
    onto: Any = sparse.csr_array((side, (np.arange(len(group)), group)), shape=(len(group), count))
    covariance = moments - np.outer(means, means)
    centre = np.asarray(onto.T @ means)
    beside = np.asarray(onto.T @ covariance).T
    together = np.asarray(onto.T @ beside)
    raw = together + np.outer(centre, centre)
    # E[sum_{d<e} b_d b_e] without the vote's own group.
    total = (raw.sum() - np.trace(raw)) / 2
    pairs = total - (raw.sum(axis=1) - np.diag(raw))[group]
    apart = centre.sum() - centre[group][:, None] - centre[None, :]
    apart[np.arange(len(group)), group] = 0
    cumulant = third - means * pairs - (beside * apart).sum(axis=1)
    spoken = np.asarray(onto.T @ loadings)
    rest = ((spoken.sum() - spoken) ** 2 - ((spoken**2).sum() - spoken**2)) / 2
    expected = float(weights @ (loadings * rest[group]))
    if not expected > 0:
        return None
    mixed = together.sum(axis=0) - together
    own = float(weights @ covariance @ weights)
    variance = own * float((mixed * mixed.T).sum()) / 2 / rows
    return Skewness(float(weights @ cumulant) / expected, float(np.sqrt(max(variance, 0.0))) / expected)


def balance_from_skewness(found: Skewness) -> Floats:
    """Return P(Y), shape (2,), drawn to uniform as far as the skewness is chance.

    Examples
    --------
    >>> balance_from_skewness(Skewness(0.6 / 0.4, 0.0)).round(9).tolist()
    [0.8, 0.2]
    >>> balance_from_skewness(Skewness(-3.0, 100.0)).round(3).tolist()
    [0.5, 0.5]
    """
    r = found.value * _PRIOR_VARIANCE / (_PRIOR_VARIANCE + found.standard_error**2)
    q = (1 - r / np.sqrt(4 + r**2)) / 2
    return np.array([1 - q, q])


def combine_with_known(balance: Floats, found: Skewness | None, known: Integers) -> Floats:
    """Add known classes (2,), counted, to what the votes say of P(Y), each weighted by what it is worth.

    Notes
    -----
    With ``q = (1 - r / sqrt(4 + r^2)) / 2`` an error in r moves q by ``2 (4 + r^2)^-3/2`` of it. Such a variance is
    that of ``q (1 - q) / variance`` random known classes.

    Examples
    --------
    >>> combine_with_known(np.array([0.5, 0.5]), None, np.array([8, 0])).tolist()
    [0.9, 0.1]
    """
    worth = 2.0
    if found is not None:
        error = 2 * found.standard_error * (4 + found.value**2) ** -1.5
        worth = min(_WORTH_OF_VOTES, max(worth, float(balance.prod()) / max(error**2, 1e-12)))
    return np.asarray((known + worth * balance) / (known.sum() + worth))
