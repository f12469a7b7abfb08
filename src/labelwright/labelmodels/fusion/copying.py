"""Sources that copy: found by the false values they share, discounted by how much they repeat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.special import betaincc, betaln

from labelwright.labelmodels.problem import Floats

from .truth import Evidence

__all__ = ["Meetings", "discounts"]

# Dong et al. 2009: at most one pair in five depends, and a copier copies four values in five.
_PRIOR = 0.2
_COPIED = 0.8

# Two sources copy where that is more probable than not; lesser suspicions of many would discount everybody.
_SUSPICION = 0.5

# Pairs of the sources with the most claims are looked at: 32 MiB for each table of pairs.
_MOST_SOURCES = 2_000


@dataclass(frozen=True, slots=True, eq=False)
class Meetings:
    """How often each two sources agree and differ: the pairs that meet, among the sources with the most claims.

    Parameters
    ----------
    said : Evidence
    chosen : ndarray of int64, shape (s,)
        The sources that are looked at, rising.
    first, second : ndarray of int64, shape (pairs,)
        Places in ``chosen`` of the two sources of each pair, the first below the second.
    same, differ : ndarray of float, shape (pairs,)
        Items on which the two claim the same value, and on which they do not. Votes for sets of classes agree by chance
        too often to tell anything, and are left out.
    """

    said: Evidence
    chosen: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    second: npt.NDArray[np.int64]
    same: Floats
    differ: Floats

    @classmethod
    def of(cls, said: Evidence) -> Meetings:
        """Count the meetings of the sources in ``said``."""
        chosen = np.sort(np.argsort(-said.totals, kind="stable")[:_MOST_SOURCES])
        weights = said.found.weights
        claimed, heard = said.singly
        both = _together(heard[:, chosen], weights)
        first, second = np.nonzero(np.triu(both, 1))
        same = _together(claimed[:, chosen], weights[said.found.item])[first, second]
        return cls(said, chosen, first, second, same, np.maximum(both[first, second] - same, 0))

    def suspects(self, q: Floats, accuracies: Floats) -> Floats:
        """Return the pairs of sources that copy.

        Parameters
        ----------
        q : ndarray of float, shape (d,)
            P(candidate | claims).
        accuracies : ndarray of float, shape (m,)

        Returns
        -------
        ndarray of float, shape (e, 3)
            First source, second source (positions, the first below the second), probability that one copies the other.

        Notes
        -----
        Dong, Berti-Equille & Srivastava (VLDB 2009), eqs. 4 to 10: two sources that share a *true* value tell little;
        two that share a *false* one, of many possible, are suspicious; two that differ speak against copying. Which
        of the two copies is left open, as snapshots seldom tell. The probability that a value is true stands in for
        its truth.
        """
        found = self.said.found
        true = _together(self.said.singly[0][:, self.chosen], found.weights[found.item] * q)
        true = np.minimum(true[self.first, self.second], self.same)
        ratio = self._odds + _copying_ratio(
            true,
            self.same - true,
            self.differ,
            accuracies[self.chosen[self.first]],
            accuracies[self.chosen[self.second]],
            self.said.false_values,
        )
        found_out = np.flatnonzero(ratio > np.log(_SUSPICION / (1 - _SUSPICION)))
        probability = 1 / (1 + np.exp(-np.minimum(ratio[found_out], 500)))
        pair = self.chosen[self.first[found_out]], self.chosen[self.second[found_out]]
        return np.stack([*pair, probability], axis=1).astype(np.float64)

    def likelihood(self, accuracies: Floats, pairs: Floats) -> float:
        """Return the log-likelihood of all agreements if ``pairs`` copy: which of two explanations fits them better.

        It does not ask what is true, only how often accuracies let sources agree; and a copier may copy any share, each
        as probable, as an explanation must not lose because copies are better or worse than the share assumed.
        """
        m = self.said.m
        accused = np.isin(
            self.chosen[self.first] * m + self.chosen[self.second], (pairs[:, :2] @ [m, 1]).astype(np.int64)
        )
        one, other = accuracies[self.chosen[self.first]], accuracies[self.chosen[self.second]]
        apart = one * other + (1 - one) * (1 - other) / self.said.false_values
        none = self.same * np.log(apart) + self.differ * np.log1p(-apart)
        with np.errstate(divide="ignore"):
            above = np.log(betaincc(self.same + 1, self.differ + 1, apart))
        some = betaln(self.same + 1, self.differ + 1) + above - np.log1p(-apart)
        return float(np.where(accused, some + self._odds, none).sum())

    @property
    def _odds(self) -> float:
        """Prior log-odds that two sources depend: each source copies one other at most, whatever their number."""
        prior = min(_PRIOR, 1 / max(2, len(self.chosen)))
        return float(np.log(prior / (1 - prior)))


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
    data = table.data * np.repeat(weights, np.diff(table.indptr))
    # With its shape: a table without entries tells none.
    weighted = sparse.csr_array((data, table.indices, table.indptr), shape=table.shape)
    return np.asarray((table.T @ weighted).toarray())


def _copying_ratio(true: Floats, false: Floats, differ: Floats, one: Floats, other: Floats, wrong: float) -> Floats:
    """Return log P(claims | one copies the other) / P(claims | neither does), shape (pairs,)."""
    right, amiss = one * other, (1 - one) * (1 - other) / wrong
    none = true * np.log(right) + false * np.log(amiss)
    each = []
    for copied in (one, other):
        same = np.log(_COPIED * copied + (1 - _COPIED) * right)
        error = np.log(_COPIED * (1 - copied) + (1 - _COPIED) * amiss)
        each.append(true * same + false * error)
    # What differs was not copied, by whichever of the two.
    return np.asarray(np.logaddexp(*each) - np.log(2) - none + differ * np.log(1 - _COPIED))
