"""Modelling advantage: how many more labels weights can get right than majority vote, and a bound known beforehand."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from labelwright.core import PatternCounts, VoteFrame, Votes
from labelwright.core.errors import ModelError
from labelwright.labelmodels.expectation import softmax_rows
from labelwright.labelmodels.features import Features

__all__ = ["advantage", "advantage_bound", "meaning_matrix"]

Floats = npt.NDArray[np.float64]

# Numbers held at once.
_CELLS = 4_000_000


def advantage_bound(stats: PatternCounts, *, low: float = 0.5, mean: float = 1.0, high: float = 1.5) -> float:
    """Bound the share of examples that weights can gain over majority vote, before any weight is learned.

    Parameters
    ----------
    stats : PatternCounts
        Distinct vote rows.
    low, mean, high : float
        The least, mean and largest weight that sources are expected to have, as log-odds of being right:
        ``0 < low <= mean <= high``. The defaults are accuracies of 62 %, 73 % and 82 %.

    Returns
    -------
    float
        0 to 1. Where it is small, majority vote is as good as any weighted vote, and cannot overfit.

    Raises
    ------
    ModelError
        If the weights are out of order, or there is no row.

    Notes
    -----
    Ratner et al., *Snorkel: Rapid training data creation with weak supervision* (VLDB 2018), Proposition 2 and section
    3.1.2: a row gains where a class that majority vote does not choose could win (``c_y high > c_z low`` for every
    other class z), as probable as that class is under mean weights. As printed it leaves out rows on which majority
    vote is tied, where weights gain most, and is then no bound (at two votes per example .033, where the advantage is
    .077); ties are counted here. For more than two classes the same argument holds class by class.

    Examples
    --------
    >>> advantage_bound(PatternCounts.of(Votes([[1, 1, -1], [-1, -1, 0]])))
    0.0
    >>> advantage_bound(PatternCounts.of(Votes([[1, 0, -1], [1, 1, 0]]))) > 0.5
    True
    """
    if not 0 < low <= mean <= high:
        raise ModelError(f"weights are {low}, {mean}, {high}; they must be positive and rise.")
    weights = stats.weights
    if not weights.sum():
        raise ModelError("there are no rows, so nothing can be gained or lost.")
    features = Features.of(stats.frame)
    meaning = meaning_matrix(features)
    share = sparse.diags_array(1 / meaning.sum(axis=1)) @ meaning
    block = max(1, _CELLS // stats.frame.k)
    gain = 0.0
    for start in range(0, len(weights), block):
        stop = min(start + block, len(weights))
        mass = (features.matrix(stats.patterns, start, stop) @ share).toarray()
        order = np.sort(mass, axis=1)
        # The most that any other class has: the second most for the class that has most.
        others = np.where(mass == order[:, -1:], order[:, -2:-1], order[:, -1:])
        could = (np.arange(stats.frame.k) != _chosen(mass)[:, None]) & (mass * high > others * low)
        gain += float(weights[start:stop] @ (softmax_rows(mean * mass) * could).sum(axis=1))
    return gain / float(weights.sum())


def advantage(votes: Votes, weights: npt.ArrayLike, truth: npt.ArrayLike) -> float:
    """Return the share of examples that a weighted vote gets right and majority vote does not, less the reverse.

    Parameters
    ----------
    votes : Votes, shape (n, m)
    weights : array_like of float, shape (m,)
        What a vote of each source counts.
    truth : array_like of int, shape (n,)
        True class codes.

    Returns
    -------
    float
        -1 to 1. A tie is a wrong answer.

    Notes
    -----
    Ratner et al. (VLDB 2018), Definition 1.

    Examples
    --------
    >>> advantage(Votes([[1, 0, 0], [1, 1, 0]]), [3, 1, 1], [1, 1])
    0.5
    """
    features = Features.of(VoteFrame.of(votes))
    x = features.matrix(votes)
    worth = np.asarray(weights, dtype=np.float64)
    if worth.shape != (votes.m,):
        raise ModelError(f"weights have shape {worth.shape}, but there are {votes.m} sources.")
    y = np.asarray(truth)
    plain = _chosen(np.asarray(x @ features.share)) == y
    weighed = _chosen(np.asarray(x @ (features.share * worth[features.source][:, None]))) == y
    return float((weighed.astype(int) - plain.astype(int)).mean())


def meaning_matrix(features: Features) -> Any:
    """Return which classes each vote means, sparse, shape (f, k): with many classes there are as many codes."""
    row, column = np.nonzero(features.meaning)
    return sparse.csr_array((np.ones(len(row)), (row, column)), shape=features.meaning.shape)


def _chosen(mass: Floats) -> npt.NDArray[np.int64]:
    """Return the class with most ``mass`` (rows, k), or -1 where several have; shape (rows,)."""
    top = mass.max(axis=1, keepdims=True)
    # Shares of votes for sets of classes add up to equal masses in different orders.
    alone = (mass >= top - 1e-9).sum(axis=1) == 1
    return np.where(alone, mass.argmax(axis=1), -1)
