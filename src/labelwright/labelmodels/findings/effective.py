"""How many equally good, independent sources those at hand amount to."""

from __future__ import annotations

from typing import Any

import numpy as np

from labelwright.core import PatternCounts
from labelwright.labelmodels.base import BaseLabelModel

from .fit_test import PairTable

__all__ = ["effective_sources"]

# Residual correlations within two standard errors of nothing are nothing.
_ERRORS = 2.0


def effective_sources(
    model: BaseLabelModel[Any, Any], patterns: PatternCounts, *, table: PairTable | None = None
) -> float:
    """Return the effective number of sources of a fitted model.

    Parameters
    ----------
    model : BaseLabelModel
        Fitted.
    patterns : PatternCounts
        Of the votes.
    table : PairTable, optional
        Of all pairs of sources, where it is at hand.

    Returns
    -------
    float
        Between 1 and the number of sources whose accuracy is known; NaN where none is.

    Notes
    -----
    ``(sum_i w_i)^2 / sum_ij w_i w_j r_ij``, the effective sample size of Kish (1965) for weights and correlations
    together: w is what a source tells, the distance of its accuracy from chance times the root of its coverage, and r
    the correlation of two sources beyond the true class, 1 on the diagonal, 0 where it is negative or within two
    standard errors of nothing. Five equally good independent sources are 5; a copy among them adds nothing; one source
    that is far better or votes far more than the rest draws the number to 1.

    Examples
    --------
    >>> from labelwright.core import Votes
    >>> from labelwright.labelmodels import LabelModel
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.integers(2, size=4000)
    >>> right = rng.random((4000, 5)) < 0.8
    >>> votes = Votes(np.where(right, truth[:, None], 1 - truth[:, None]))
    >>> round(effective_sources(LabelModel().fit(votes), PatternCounts.of(votes)))
    5
    """
    params = model._fitted()
    m, k = len(params.sources), len(params.classes)
    votes = np.array([patterns.counts.by_source(source).sum() for source in params.sources])
    distance = np.abs(np.nan_to_num(params.accuracies, nan=1 / k) - 1 / k)
    worth = distance * np.sqrt(votes / max(1, votes.max(initial=0)))
    if not worth.any():
        return float("nan")
    correlation = np.eye(m)
    if k <= 64:
        table = PairTable(patterns, np.arange(m)) if table is None else table
        r = table.correlations(model, params)
        place = {name: j for j, name in enumerate(params.sources)}
        for at in np.flatnonzero(r * np.sqrt(np.maximum(table.shared, 1)) > _ERRORS):
            first, second = (place[name] for name in table.name(int(at)))
            correlation[first, second] = correlation[second, first] = min(1.0, r[at])
    return float(worth.sum() ** 2 / (worth @ correlation @ worth))
