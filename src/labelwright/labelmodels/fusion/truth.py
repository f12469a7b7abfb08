"""Truth and accuracy in turn: the core that fusion models share, on votes and on claims."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from labelwright.labelmodels.crowds.candidates import Candidates
from labelwright.labelmodels.problem import Floats

__all__ = ["Estimate", "Evidence", "Truth", "alternate", "shares"]

_STEPS = 500
# Of an accuracy, which lies between 0 and 1.
_TOLERANCE = 1e-6

Estimate = Callable[[Floats, Floats], Floats]
"""M-step: from each source's expected right claims, and its claims, shapes (m,), to accuracies between 0 and 1."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """What sources say, as claims on candidates.

    Parameters
    ----------
    found : Candidates
    source : ndarray of int64, shape (f,)
        Source of each feature.
    chance : ndarray of float, shape (f,)
        What a feature's claim adds when its source is right half the time, where the candidates do not say.
    single : ndarray of bool, shape (f,)
        Whether a feature's claim names one value, not a set of them.
    m : int
        Number of sources.
    """

    found: Candidates
    source: npt.NDArray[np.int64]
    chance: Floats
    single: npt.NDArray[np.bool_]
    m: int

    @cached_property
    def member(self) -> sparse.csr_array[Any]:
        """Which source (row) each feature (column) belongs to, shape (m, f)."""
        f = len(self.source)
        return sparse.csr_array((np.ones(f), (self.source, np.arange(f))), shape=(self.m, f))

    @cached_property
    def by_source(self) -> sparse.csr_array[Any]:
        """Which sources claim which candidate, shape (d, m): 1 each, whatever discounts there are."""
        out = sparse.csr_array((self.found.claims > 0).astype(np.float64) @ self.member.T)
        out.data[:] = 1
        return out

    @cached_property
    def heard(self) -> sparse.csr_array[Any]:
        """Which sources say anything about which item, shape (i, m)."""
        out = sparse.csr_array(self.found.heard @ self.member.T)
        out.data[:] = 1
        return out

    @cached_property
    def singly(self) -> tuple[sparse.csr_array[Any], sparse.csr_array[Any]]:
        """As ``by_source`` and ``heard``, of claims that name one value."""
        member = sparse.csr_array(self.member.multiply(self.single))
        claimed = sparse.csr_array((self.found.claims > 0).astype(np.float64) @ member.T)
        return claimed, sparse.csr_array(self.found.heard @ member.T)

    @cached_property
    def totals(self) -> Floats:
        """Number of claims of each source, shape (m,)."""
        return np.asarray(self.heard.T @ self.found.weights)

    @cached_property
    def false_values(self) -> float:
        """How many false values there are to claim, the mean over claims that name one value."""
        claims = self.found.claims
        number = np.repeat(self.found.chance, np.diff(claims.indptr)) + self.chance[claims.indices]
        number = number[self.single[claims.indices]]
        return float(np.exp(number).mean()) if len(number) else 1.0

    def logits(self, accuracies: Floats) -> Floats:
        """Return what the claims add to each candidate: ``ln(N A / (1 - A))`` each (Dong et al. 2009), shape (d,)."""
        odds = np.log(accuracies) - np.log1p(-accuracies)
        weights = odds[self.source] + self.chance
        claims = self.found.claims
        return np.asarray(claims @ weights + self.found.chance * claims.sum(axis=1))

    def right(self, q: Floats) -> Floats:
        """Return how many of each source's claims are expected to be right, shape (m,)."""
        return np.asarray(self.by_source.T @ (q * self.found.weights[self.found.item]))

    def discounted(self, discounts: Floats) -> Evidence:
        """Return the same with claims that count ``discounts`` (number of claims,), in the order of the claims."""
        claims = self.found.claims
        counted = sparse.csr_array((discounts, claims.indices, claims.indptr), shape=claims.shape)
        return replace(self, found=replace(self.found, claims=counted))


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """Where alternation ended.

    Parameters
    ----------
    accuracies : ndarray of float, shape (m,)
    q : ndarray of float, shape (d,)
        P(candidate | claims).
    steps : int
    converged : bool
    """

    accuracies: Floats
    q: Floats
    steps: int
    converged: bool


def shares(found: Candidates) -> Floats:
    """Return the share of each candidate in the claims about its item, shape (d,)."""
    mass = np.where(np.isneginf(found.prior), 0.0, np.asarray(found.claims.sum(axis=1)))
    whole = np.add.reduceat(mass, found.starts)[found.item]
    # A known value that nobody claims leaves no mass but its own.
    return np.where(whole > 0, mass / np.where(whole > 0, whole, 1), (found.value < 0).astype(np.float64))


def alternate(said: Evidence, estimate: Estimate) -> Truth:
    """Alternate truth and accuracy, from the shares of the claims, until no accuracy moves."""
    found = said.found
    q = shares(found)
    accuracies, step, moved = estimate(said.right(q), said.totals), 0, np.inf
    while step < _STEPS and moved >= _TOLERANCE:
        q, _ = found.posterior(said.logits(accuracies))
        new = estimate(said.right(q), said.totals)
        moved = float(np.abs(new - accuracies).max(initial=0.0))
        accuracies, step = new, step + 1
    return Truth(accuracies, found.posterior(said.logits(accuracies))[0], step, moved < _TOLERANCE)
