"""Agreement of pairs of sources beyond what the classes explain: a score test of each pair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.labelmodels.problem import Floats, Problem

__all__ = ["Agreement", "Residuals"]

# Sources with so many features together tell whether the model fits; tables of thousands would take half a minute.
_MOST_FEATURES = 512

# Up to so many cells (64 MB), dense products are quicker than sparse ones.
_DENSE_CELLS = 2**23

# Rows that are this sure of one class hide nothing.
_SURE = 1e-6

# Less chance variation of agreement than this is rounding.
_NO_VARIATION = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Residuals:
    """What pairs of sources agree beyond a posterior of Y, on the examples that both voted on; all of shape (m, m).

    Parameters
    ----------
    excess : ndarray of float
        Examples on which they agree beyond what is expected of sources independent within each class; 0, with no
        variance, for pairs that are not tested as there are too many of them.
    variance : ndarray of float
        Of the excess, if they are independent.
    correlation : ndarray of float
        The excess over what the rates of all their votes make expected, as a share of that of copies, -1 to 1.
    """

    excess: Floats
    variance: Floats
    correlation: Floats


class Agreement:
    """Agreement of sources that take several sides, on the examples that both of a pair voted on.

    Parameters
    ----------
    problem : Problem
    kind : ndarray of int64, shape (f,)
        What each feature's votes mean: sources agree where their votes are of one kind.
    together : ndarray of float, shape (f, f)
        Examples that have both votes.

    Attributes
    ----------
    both, agree : ndarray of float, shape (m, m)
        Examples on which two sources voted, and on which they agreed.

    Notes
    -----
    What is expected follows from the rates of each code on the examples that *both* voted on. With rates over all votes
    of a source, chance differences between the two sets of examples (main effects) stay in the excess, and where
    sources are accurate and seldom meet they are most of it.

    A class that is known only in probability hides part of what a pair could tell. The excess is the expectation, given
    the votes, of what it would be were the classes known; so its variance is smaller by the missing information (Louis
    1982): by how much the terms of an example differ between its possible classes.
    """

    def __init__(self, problem: Problem, kind: npt.NDArray[np.int64], together: Floats) -> None:
        self.problem, self.kind = problem, kind
        self.kinds = int(kind.max(initial=-1)) + 1
        self.both = _by_pair(problem.member, together)
        self.agree = _by_pair(problem.member, together * (kind[:, None] == kind[None, :]))
        self.tested = self._tested()
        at = np.flatnonzero(np.isin(problem.source, self.tested))
        self.whole = len(at) == len(kind)
        self.x = problem.x if self.whole else problem.x[:, at].tocsr()
        self.member = problem.member[self.tested][:, at]
        self.together = together[np.ix_(at, at)]
        self.source, self.sense = np.searchsorted(self.tested, problem.source[at]), kind[at]
        # Where each source has each kind of vote; one past the end where it has not.
        self.place = np.full((len(self.tested), self.kinds), len(at))
        self.place[self.source, self.sense] = np.arange(len(at))
        self.same = self.sense[:, None] == self.sense[None, :]
        self.dense = self.x.toarray() if len(problem.weights) * len(at) <= _DENSE_CELLS else None
        self.fired = None if self.whole else problem.x @ problem.member.T
        self.last: tuple[Floats, Residuals] | None = None

    def _tested(self) -> npt.NDArray[np.int64]:
        """Return the sources whose excess is worked out: those with the most votes, as far as products stay small."""
        problem = self.problem
        votes, codes = problem.member @ problem.totals, np.bincount(problem.source)
        # Names settle equal coverage, so that the choice does not depend on the order of the sources.
        order = np.array(sorted(range(problem.m), key=lambda j: (-votes[j], problem.names[j])))
        return np.sort(order[np.cumsum(codes[order]) <= max(_MOST_FEATURES, int(codes[order[0]]))])

    def beyond(self, q: Floats) -> Residuals:
        """Return what pairs of sources agree beyond the posterior ``q`` (p, k) of the rows."""
        # Discounts, pairs and misfit of one posterior are asked for in turn.
        if self.last is None or self.last[0] is not q:
            self.last = q, self._beyond(q)
        return self.last[1]

    def _beyond(self, q: Floats) -> Residuals:
        weights, k = self.problem.weights, self.problem.k
        left, left_both, overall = self.together, self.both, self.agree.copy()
        excess = self.agree[np.ix_(self.tested, self.tested)]
        information, spread = np.zeros_like(self.together), np.zeros_like(self.both)
        terms: list[Floats] = []
        for y in range(k):
            # The last class has the votes that the others leave.
            voted = left if y == k - 1 else self._together(weights * q[:, y])
            left = left - voted
            meetings = left_both if y == k - 1 else self._meetings(weights * q[:, y], voted)
            left_both = left_both - meetings
            theta = self._theta(self.problem.xt @ (weights * q[:, y]))
            overall -= meetings * (theta @ theta.T)
            spread += meetings * (1 - (theta**2).sum(axis=1))[:, None]
            rates = self._rates(voted)
            match = np.einsum("icj,jci->ij", rates, rates)
            excess = excess - _by_pair(self.member, voted) * match
            terms.append(self._terms(rates, match))
            information += voted * terms[y] ** 2
            for z in range(y):
                unsure = weights * q[:, y] * q[:, z]
                # Of many classes most pairs are never in doubt together.
                if not (unsure > _SURE).any():
                    continue
                information -= self._together(unsure) * (terms[y] - terms[z]) ** 2
        scale = np.sqrt(np.maximum(spread * spread.T, 0))
        known = scale > _NO_VARIATION
        correlation = np.clip(np.where(known, overall / np.where(known, scale, 1), 0), -1, 1)
        variance = np.maximum(_by_pair(self.member, information), 0)
        return Residuals(self._among_all(excess), self._among_all(variance), correlation)

    def _among_all(self, values: Floats) -> Floats:
        out = np.zeros_like(self.both)
        out[np.ix_(self.tested, self.tested)] = values
        return out

    def _meetings(self, weights: Floats, voted: Floats) -> Floats:
        """Return how many examples, each counted ``weights`` (p,), every pair of sources voted on, shape (m, m)."""
        if self.fired is None:
            return _by_pair(self.member, voted)
        return np.asarray((self.fired.T @ self.fired.multiply(weights[:, None]).tocsr()).todense())

    def _theta(self, seen: Floats) -> Floats:
        """Return how often each source says each kind in all its votes, shape (m, kinds)."""
        said = np.zeros((self.problem.m, self.kinds))
        said[self.problem.source, self.kind] = seen
        return np.asarray(said / np.maximum(said.sum(axis=1, keepdims=True), 1e-9))

    def _rates(self, voted: Floats) -> Floats:
        """Return how often each source says each kind where another one votes too, shape (m, kinds, m)."""
        said = self.member @ voted.T
        padded = np.concatenate([said.T, np.zeros((1, len(self.tested)))])[self.place]
        return np.asarray(padded / np.maximum(padded.sum(axis=1, keepdims=True), 1e-9))

    def _terms(self, rates: Floats, match: Floats) -> Floats:
        """Return what an example with two votes adds to the excess of their sources, shape (f, f)."""
        other = rates[self.source[:, None], self.sense[None, :], self.source[None, :]]
        return np.asarray(self.same - other - other.T + match[self.source[:, None], self.source[None, :]])

    def _together(self, weights: Floats) -> Floats:
        """Return how many examples, each counted ``weights`` (p,), have both votes, shape (f, f)."""
        rows = np.flatnonzero(weights > _SURE)
        some = slice(None) if len(rows) == len(weights) else rows
        if self.dense is None:
            x = self.x[some].tocsr()
            return np.asarray((x.T.tocsr() @ x.multiply(weights[some][:, None]).tocsr()).todense())
        scaled = self.dense[some] * np.sqrt(weights[some])[:, None]
        # A product with itself takes half of the work.
        return np.asarray(scaled.T @ scaled)


def _by_pair(member: Any, values: Floats) -> Floats:
    """Sum ``values`` (f, f) over the features of each pair of sources, shape (m, m)."""
    return np.asarray(member @ (member @ values).T).T
