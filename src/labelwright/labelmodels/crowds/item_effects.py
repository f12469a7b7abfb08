"""Votes on one item resemble each other beyond its class: overdispersion of items, learned from the votes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse
from scipy.special import digamma, gammaln

from labelwright.labelmodels.problem import Floats

from .slots import Indices, Slots

__all__ = ["ItemEffects", "ItemVotes"]

_WEAKEST, _STRONGEST = 1e-1, 1e4


@dataclass(frozen=True, slots=True, eq=False)
class ItemVotes:
    """How often each code was said on each item, whoever said it.

    Parameters
    ----------
    said : csr_array, shape (p, different (slot, times) pairs)
        Which pairs an item has; 0/1.
    slot, times : ndarray, shape (different pairs,)
    heard : csr_array, shape (p, different totals)
        Which totals of votes, over an alphabet, an item has.
    total : ndarray of float, shape (different totals,)
    """

    said: sparse.csr_array[Any]
    slot: Indices
    times: Floats
    heard: sparse.csr_array[Any]
    total: Floats

    @classmethod
    def of(cls, x: sparse.csr_array[Any], slots: Slots) -> ItemVotes:
        """Count the votes of rows ``x`` (p, f)."""
        f, s = len(slots.slot), len(slots.careful)
        said = x @ sparse.csr_array((np.ones(f), (np.arange(f), slots.slot)), shape=(f, s))
        shape = (s, len(slots.starts))
        heard = said @ sparse.csr_array((np.ones(s), (np.arange(s), slots.alphabet)), shape=shape)
        at, slot, times = _pairs(said)
        found, _, total = _pairs(heard)
        return cls(at, slot, times, found, total)


def _pairs(counts: sparse.csr_array[Any]) -> tuple[sparse.csr_array[Any], Indices, Floats]:
    """Return which different (column, value) pairs each row of ``counts`` has, and the pairs."""
    most = int(counts.data.max(initial=0)) + 1
    pairs, place = np.unique(counts.indices.astype(np.int64) * most + counts.data.astype(np.int64), return_inverse=True)
    at = sparse.csr_array((np.ones(len(place)), place, counts.indptr), shape=(counts.shape[0], len(pairs)))
    column, value = np.divmod(pairs, most)
    return at, column, value.astype(np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class ItemEffects:
    """Items of class y are answered by codes drawn from ``Dirichlet(strengths_y * typical_y)``, each item its own draw.

    Parameters
    ----------
    slots : Slots
    typical : ndarray of float, shape (slots, k)
        P(code | Y) of the whole crowd.
    strengths : ndarray of float, shape (k,)
        So many votes on one item tell as much about the item as about its class; large where votes are independent.

    Notes
    -----
    The votes on an item then follow a Dirichlet-multinomial given its class, whose likelihood ratio to the multinomial
    is what independence overstates. With tables of sources that differ, that ratio, of the crowd's typical source, is
    added to the log-odds of independent votes: exact both for sources that are alike, and without effects of items.
    Strengths maximise the expected likelihood (fixed point of Minka 2000), each class for itself: some classes have
    hard items and some have none.
    """

    slots: Slots
    typical: Floats
    strengths: Floats

    @classmethod
    def of(cls, slots: Slots) -> ItemEffects:
        """Start as strong as one vote for each code."""
        k = slots.careful.shape[1]
        return cls(slots, slots.even, np.full(k, float(k)))

    def update(self, votes: ItemVotes, weighted: Floats, counts: Floats, rounds: int) -> ItemEffects:
        """Take ``rounds`` steps of the fixed point.

        Parameters
        ----------
        votes : ItemVotes
        weighted : ndarray of float, shape (p, k)
            Posterior of each row times its examples.
        counts : ndarray of float, shape (f, k)
            Expected votes of each (source, code) pair.
        rounds : int
        """
        # One pseudo-vote, spread evenly, keeps logarithms finite.
        typical = self.slots.normalised(self.slots.pooled(counts) + self.slots.even)
        said, heard = votes.said.T @ weighted, votes.heard.T @ weighted
        means, tau = typical[votes.slot], self.strengths
        for _ in range(rounds):
            a = tau * means
            above = (said * means * (digamma(a + votes.times[:, None]) - digamma(a))).sum(axis=0)
            below = (heard * (digamma(tau + votes.total[:, None]) - digamma(tau))).sum(axis=0)
            tau = np.clip(tau * above / np.maximum(below, 1e-300), _WEAKEST, _STRONGEST)
        return replace(self, typical=typical, strengths=tau)

    def log_ratios(self, votes: ItemVotes) -> Floats:
        """Return what the effects of items add to the log-odds of independent votes, shape (p, k)."""
        return np.asarray(votes.said @ self._said(votes.slot, votes.times) - votes.heard @ self._heard(votes.total))

    def by_counts(self, counts: Floats) -> Floats:
        """Return what `log_ratios` does, shape (p, k), for dense ``counts`` (p, slots) of votes; quick for few slots.

        Examples
        --------
        >>> from labelwright.core import VoteFrame
        >>> effects = ItemEffects.of(Slots.of(VoteFrame((0, 1), ("a", "b"))))
        >>> x = sparse.csr_array(np.array([[1.0, 0, 0, 1], [1, 0, 1, 0]]))
        >>> known = effects.log_ratios(ItemVotes.of(x, effects.slots))
        >>> bool(np.allclose(effects.by_counts(np.array([[1.0, 1], [2, 0]])), known, atol=1e-12))
        True
        """
        whole = counts.astype(np.int64)
        heard = whole @ (self.slots.alphabet[:, None] == np.arange(len(self.slots.starts)))
        times = np.arange(int(heard.max(initial=0)) + 1)
        # A table of every number of times there can be: looking up is quicker than gamma functions of each row.
        below = self._heard(times.astype(np.float64))
        out = np.zeros((len(counts), len(self.strengths)))
        for alphabet in range(heard.shape[1]):
            out -= below.take(heard[:, alphabet], axis=0)
        for slot in range(whole.shape[1]):
            out += self._said(np.full(len(times), slot), times.astype(np.float64)).take(whole[:, slot], axis=0)
        return out

    def _said(self, slot: Indices, times: Floats) -> Floats:
        means = self.typical[slot]
        a = self.strengths * means
        return np.asarray(gammaln(a + times[:, None]) - gammaln(a) - times[:, None] * np.log(means))

    def _heard(self, total: Floats) -> Floats:
        return np.asarray(gammaln(self.strengths + total[:, None]) - gammaln(self.strengths))
