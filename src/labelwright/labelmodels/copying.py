"""Sources that copy: found by the false values they share, discounted by how much they repeat."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from .problem import Floats
from .truth import Evidence

__all__ = ["copying_pairs", "discounts"]

# Dong et al. 2009: one pair in five depends, and a copier copies four values in five.
_PRIOR = 0.2
_COPIED = 0.8

# Two sources copy where that is more probable than not; lesser suspicions of many would discount everybody.
_SUSPICION = 0.5

# Every pair of the sources with the most claims is looked at: 32 MiB for each table of pairs.
_MOST_SOURCES = 2_000


def copying_pairs(said: Evidence, q: Floats, accuracies: Floats) -> Floats:
    """Return the pairs of sources that copy.

    Parameters
    ----------
    said : Evidence
    q : ndarray of float, shape (d,)
        P(candidate | claims).
    accuracies : ndarray of float, shape (m,)

    Returns
    -------
    ndarray of float, shape (e, 3)
        First source, second source (positions, the first below the second), probability that one copies the other.

    Notes
    -----
    Dong, Berti-Equille & Srivastava (VLDB 2009), eqs. 4 to 10: two sources that share a *true* value tell little; two
    that share a *false* one, of many possible, are suspicious; two that differ speak against copying. Which of the two
    copies is left open, as snapshots seldom tell. The probability that a value is true stands in for its truth.
    """
    chosen = np.sort(np.argsort(-said.totals, kind="stable")[:_MOST_SOURCES])
    found = said.found
    weights = found.weights[found.item]
    claims, heard = said.by_source[:, chosen], said.heard[:, chosen]
    true = _together(claims, weights * q)
    false = _together(claims, weights * (1 - q))
    differ = np.maximum(_together(heard, found.weights) - true - false, 0)
    accuracy = accuracies[chosen]
    ratio = _copying_ratio(true, false, differ, accuracy, _false_values(said))
    prior = min(_PRIOR, 1 / len(chosen))
    ratio += np.log(prior / (1 - prior))
    first, second = np.nonzero(np.triu(ratio > np.log(_SUSPICION / (1 - _SUSPICION)), 1))
    probability = 1 / (1 + np.exp(-np.minimum(ratio[first, second], 500)))
    return np.stack([chosen[first], chosen[second], probability], axis=1).astype(np.float64)


def discounts(said: Evidence, pairs: Floats) -> Floats:
    """Return what each claim counts, 1 where its source copies nobody who claims the same, shape (number of claims,).

    Notes
    -----
    Of r sources that repeat each other with probability c, each counts ``1 / (1 + (r - 1) c)``: the design effect of
    Kish 1965, which needs no order among them. (Dong et al. let one count in full and the next ``1 - c``, and so on;
    both come to little more than one vote.)
    """
    claims = said.found.claims
    if not len(pairs):
        return np.ones(len(claims.data))
    first, second = pairs[:, 0].astype(np.int64), pairs[:, 1].astype(np.int64)
    rows, columns = np.concatenate([first, second]), np.concatenate([second, first])
    copied = sparse.csr_array((np.tile(_COPIED * pairs[:, 2], 2), (rows, columns)), shape=(said.m, said.m))
    repeated = sparse.csr_array(said.by_source @ copied)
    row = np.repeat(np.arange(claims.shape[0]), np.diff(claims.indptr))
    return np.asarray(1 / (1 + _at(repeated, row, said.source[claims.indices])))


def _at(table: sparse.csr_array[Any], row: Any, column: Any) -> Floats:
    """Return the entries of ``table`` at (row, column), 0 where it holds none."""
    table.sort_indices()
    width = table.shape[1]
    own = np.repeat(np.arange(table.shape[0]), np.diff(table.indptr)) * width + table.indices
    if not len(own):
        return np.zeros(len(row))
    wanted = row * width + column
    place = np.minimum(np.searchsorted(own, wanted), len(own) - 1)
    return np.where(own[place] == wanted, table.data[place], 0.0)


def _together(table: sparse.csr_array[Any], weights: Floats) -> Floats:
    """Return for each pair of columns the weight of the rows that both have, shape (m, m)."""
    weighted = sparse.csr_array((table.data * np.repeat(weights, np.diff(table.indptr)), table.indices, table.indptr))
    weighted = sparse.csr_array(weighted, shape=table.shape)
    return np.asarray((table.T @ weighted).toarray())


def _false_values(said: Evidence) -> float:
    """Return how many false values there are to share, the mean over claims."""
    claims = said.found.claims
    number = np.repeat(said.found.chance, np.diff(claims.indptr)) + said.chance[claims.indices]
    return float(np.exp(number).mean()) if len(number) else 1.0


def _copying_ratio(true: Floats, false: Floats, differ: Floats, accuracy: Floats, wrong: float) -> Floats:
    """Return log P(claims | one copies the other) / P(claims | neither does), shape (m, m)."""
    right = np.outer(accuracy, accuracy)
    amiss = np.outer(1 - accuracy, 1 - accuracy) / wrong
    apart = np.maximum(1 - right - amiss, 1e-9)
    none = true * np.log(right) + false * np.log(amiss) + differ * np.log(apart)
    each = []
    for copied in (accuracy[:, None], accuracy[None, :]):
        same = np.log(_COPIED * copied + (1 - _COPIED) * right)
        error = np.log(_COPIED * (1 - copied) + (1 - _COPIED) * amiss)
        each.append(true * same + false * error + differ * np.log((1 - _COPIED) * apart))
    return np.asarray(np.logaddexp(*each) - np.log(2) - none)
