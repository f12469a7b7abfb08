"""What a few known classes say beyond the votes: which expert to trust, and where all of them are wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.special import gammaln

from labelwright.labelmodels.expectation import softmax_rows
from labelwright.labelmodels.problem import Floats

__all__ = ["corrected", "correction", "frequencies", "stacked"]

# Scales of corrections in log-odds: from next to nothing to one that overrules sure votes. Known classes weigh them.
_SCALES = (0.0, 0.25, 0.5, 1.0, 2.0)
_FOLDS = 10

# What an estimate of P(Y) may be worth, in known labels for each class: from Laplace's rule to next to sure.
_WORTHS = np.logspace(0, 3.5, 8)

# A probability is never sure beyond this: one known class must not outweigh a thousand.
_SURE = 1e-3


def stacked(likelihoods: Floats, prior: Floats) -> Floats:
    """Return how much each expert counts in a mixture, shape (experts,), given what they say of known classes.

    Parameters
    ----------
    likelihoods : ndarray of float, shape (experts, g)
        Probability that each expert gave to the known class.
    prior : ndarray of float, shape (experts,)
        What each counts before; worth one known class for each expert (Laplace's rule).

    Notes
    -----
    EM for the weights of a mixture of given densities (stacking: Wolpert 1992; in the log score: Yao et al. 2018). It
    climbs to the one maximum there is.

    Examples
    --------
    >>> stacked(np.array([[0.9] * 8, [0.1] * 8]), np.array([0.5, 0.5])).round(1).tolist()
    [0.9, 0.1]
    """
    shares = prior
    sure = np.clip(likelihoods, _SURE, 1)
    for _ in range(200):
        parts = shares[:, None] * sure
        shares = (parts / parts.sum(axis=0)).sum(axis=1) + len(prior) * prior
        shares = shares / shares.sum()
    return shares


def frequencies(known: Floats, balance: Floats) -> Floats:
    """Return P(Y), shape (k,), of a random sample of known classes, where the votes say ``balance``.

    Parameters
    ----------
    known : ndarray of float, shape (k,)
        Number of known examples of each class.
    balance : ndarray of float, shape (k,)

    Notes
    -----
    Dirichlet priors about ``balance``, or about equal shares, of all strengths; the known classes weigh them by what
    each says of these (Dirichlet-multinomial; Good 1965). So what the votes say counts as much as it proves right.

    Examples
    --------
    >>> frequencies(np.array([25.0, 25]), np.array([0.8, 0.2])).round(2).tolist()
    [0.5, 0.5]
    >>> frequencies(np.array([41.0, 9]), np.array([0.8, 0.2])).round(2).tolist()
    [0.8, 0.2]
    """
    k, centres = len(balance), np.stack([balance, np.full(len(balance), 1 / len(balance))])
    prior = (np.maximum(centres, _SURE / k)[:, None] * (k * _WORTHS)[:, None]).reshape(-1, k)
    whole, n = prior.sum(axis=1), known.sum()
    told = (gammaln(prior + known) - gammaln(prior)).sum(axis=1) - gammaln(whole + n) + gammaln(whole)
    share = np.exp(told - told.max())
    found = share @ ((prior + known) / (whole + n)[:, None])
    return np.asarray(found / found.sum())


def corrected(probs: Floats, sums: Floats, votes: Floats, sharpness: float) -> Floats:
    """Return ``probs`` (n, k) corrected; rows of ``votes`` (n,) votes have ``sums`` (n, k) of the table's rows."""
    scale = np.sqrt(np.maximum(votes, 1))[:, None]
    return softmax_rows(sharpness * np.log(np.clip(probs, _SURE, 1)) + sums / scale)


def correction(x: sparse.csr_array[Any], probs: Floats, labels: npt.NDArray[np.int64]) -> tuple[Floats, float]:
    """Learn what to add to the log-odds of rows for each of their votes, (f, k), and what to multiply them with.

    Parameters
    ----------
    x : csr_array, shape (g, f)
        Votes of the rows of known class, 0/1.
    probs : ndarray of float, shape (g, k)
        The model's answer to these rows, learned without their classes.
    labels : ndarray of int64, shape (g,)

    Notes
    -----
    A model's discrepancy from what is observed is a Gaussian process of its own (Kennedy & O'Hagan 2001). Here it is
    linear in the votes of a row, scaled to length 1: rows with the same votes share a correction, and rows that share
    some votes share some of it. That is logistic regression with the model's log-odds as an offset, which are
    multiplied by one number (temperature: a model that is right too seldom for how sure it is needs no other
    correction). The scale of the discrepancy is averaged over, by the likelihood of known classes that were left out
    (ten folds); no discrepancy is one of the scales. So where the model is right, a few known classes change little.
    """
    votes = np.diff(x.indptr)
    rows = sparse.csr_array((1 / np.sqrt(np.repeat(votes, votes)), x.indices, x.indptr), shape=x.shape)
    offset = np.log(np.clip(probs, _SURE, 1))
    fold = np.arange(len(labels)) % _FOLDS
    quality, tables, sharpness = [], [], []
    start = (np.zeros((x.shape[1], probs.shape[1])), 1.0)
    for scale in _SCALES:
        # The answer to all rows is near the answer without some: from there the optimiser takes a few steps.
        start = _ridge(rows, offset, labels, scale, start)
        score = 0.0
        for f in range(min(_FOLDS, len(labels))):
            seen = fold != f
            table, sharp = _ridge(rows[seen], offset[seen], labels[seen], scale, start)
            logits = sharp * offset[~seen] + rows[~seen] @ table
            right = softmax_rows(logits)[np.arange(len(logits)), labels[~seen]]
            score += float(np.log(np.clip(right, _SURE, 1)).sum())
        quality.append(score)
        tables.append(start[0])
        sharpness.append(start[1])
    share = np.exp(np.array(quality) - max(quality))
    share /= share.sum()
    return np.asarray(np.tensordot(share, np.array(tables), axes=1)), float(share @ sharpness)


def _ridge(
    rows: sparse.csr_array[Any],
    offset: Floats,
    labels: npt.NDArray[np.int64],
    scale: float,
    start: tuple[Floats, float],
) -> tuple[Floats, float]:
    """Fit log-odds ``sharpness * offset + rows @ table``; the table is normal of standard deviation ``scale``.

    The logarithm of ``sharpness`` is standard normal. ``start`` is a table and a sharpness to begin from.
    """
    # Only known classes need an optimiser, which takes a tenth of a second to load.
    from scipy.optimize import minimize

    voted = np.flatnonzero(np.bincount(rows.indices, minlength=rows.shape[1]) * (scale > 0))
    dense = scale * rows[:, voted].toarray()
    k = offset.shape[1]
    target = np.eye(k)[labels]

    def loss(flat: Floats) -> tuple[float, Floats]:
        sharpness, table = np.exp(flat[0]), flat[1:].reshape(-1, k)
        probs = softmax_rows(sharpness * offset + dense @ table)
        right = np.log(np.maximum(probs[np.arange(len(labels)), labels], 1e-300))
        wrong = probs - target
        gradient = np.concatenate([[sharpness * (wrong * offset).sum()], (dense.T @ wrong).ravel()]) + flat
        return float(flat @ flat / 2 - right.sum()), gradient

    first = np.concatenate([[np.log(start[1])], (start[0][voted] / scale).ravel()])
    found = minimize(loss, first, jac=True, method="L-BFGS-B", options={"maxiter": 100})
    table = np.zeros((rows.shape[1], k))
    table[voted] = scale * found.x[1:].reshape(-1, k)
    return table, float(np.exp(found.x[0]))
