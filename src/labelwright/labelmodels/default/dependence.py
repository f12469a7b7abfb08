"""Residual correlation between sources, and how much less each vote of correlated sources is worth."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse import csgraph
from scipy.special import ndtri

from labelwright.labelmodels.problem import Floats, Problem

from .agreement import Agreement

__all__ = ["Dependence"]

# Above this many (source, code) pairs that vote, the table of their co-occurrences would not fit in memory.
MAX_FEATURES = 4_096

# Two sources that disagree less than the first share of what chance would have, and surely less than the second, are
# one source twice.
_SAME_SOURCE, SURELY_SAME = 0.01, 0.05

# With 95 % confidence a rate is below (what was seen + 3) / trials, where little was seen (the rule of three).
RULE_OF_THREE = 3


class Dependence:
    """Discounts for votes that repeat each other.

    A vote counts ``1 / (1 + sum of its positive residual correlations)``: the design effect of Kish (1965), by which
    g votes of mutual correlation r carry the information of ``g / (1 + (g - 1) r)`` independent ones. Residual means:
    beyond what the current posterior of Y explains.

    Two kinds of pairs differ in what correlates. A source that only ever takes one side speaks by firing, so that
    firing together is what repeats. Sources that take several sides may answer the same examples by assignment (as
    crowds do); there only agreement counts, on the examples both voted on, and only where it stands out: beyond the
    median pair of sources, by more than the largest of so many normal deviates (the universal threshold of Donoho &
    Johnstone 1994), in units of the spread of all pairs. What is common to all pairs is misfit of the posterior, not
    repetition. Sources that all but never disagree are one source: they share a vote, and only the first of them takes
    part in the comparison, as otherwise the copies, once they are most of the pairs, would be what is common.

    Parameters
    ----------
    problem : Problem
    declared : iterable of (int, int)
        Pairs of sources that are known to depend on each other: all that they agree beyond Y is repetition.
    surely : bool
        Let only agreement stand out that chance gives in one of a hundred data sets, not in one of ten.

    Attributes
    ----------
    distinct : ndarray of bool, shape (m,)
        False for a source that repeats another one which has more votes.
    """

    def __init__(self, problem: Problem, declared: Iterable[tuple[int, int]] = (), *, surely: bool = False) -> None:
        self.problem = problem
        self.surely = surely
        self.known = len(problem.source) <= MAX_FEATURES
        self.distinct = np.ones(problem.m, dtype=bool)
        self.group = np.arange(problem.m)
        self.declared = np.zeros((problem.m, problem.m), dtype=bool)
        if not self.known:
            return
        for first, second in declared:
            self.declared[first, second] = self.declared[second, first] = True
        weighted = problem.x.multiply(problem.weights[:, None]).tocsr()
        self.together = np.asarray((problem.xt @ weighted).todense())
        self.by_kind = _by_kind(problem)
        self.agreement = Agreement(problem, self.by_kind, self.together)
        self.both, self.agree = self.agreement.both, self.agreement.agree
        self.beside = self.together @ problem.member.T
        sides = problem.multipolar[problem.source]
        self.group = self._groups()
        votes = problem.member @ problem.totals
        # Names settle equal coverage, so that the choice does not depend on the order of the sources.
        order = sorted(range(problem.m), key=lambda j: (-votes[j], problem.names[j]))
        self.distinct[:] = False
        self.distinct[np.array(order)[np.unique(self.group[order], return_index=True)[1]]] = True
        self.firing_pairs = ~(sides[:, None] & sides[None, :]) & (problem.source[:, None] != problem.source[None, :])

    def discounts(self, q: Floats) -> Floats:
        """Return what a vote of each feature counts, shape (f,), given the posterior ``q`` (p, k)."""
        problem = self.problem
        if not self.known:
            return np.ones(len(problem.source))
        seen = problem.xt @ (problem.weights[:, None] * q)
        total = np.zeros(len(problem.source))
        if not problem.multipolar.all():
            total += self._firing(seen, q).sum(axis=1)
        if problem.multipolar.sum() > 1:
            found = self._standing_out(self.agreement.beyond(q).correlation)
            # Standing-out agreement with others, times how often they vote beside such a vote.
            shared = self.beside / np.maximum(problem.totals, 1)[:, None]
            total += (found[problem.source] * shared).sum(axis=1) * problem.multipolar[problem.source]
        return 1 / (1 + total)

    @property
    def copies(self) -> Floats:
        """What a vote of each feature counts where only sources that are surely one share it, shape (f,)."""
        if self.distinct.all():
            return np.ones(len(self.problem.source))
        same = self.group[:, None] == self.group[None, :]
        # Those of a group that seldom vote on the same examples repeat each other as seldom.
        shared = np.where(same, self.both, 0).sum(axis=1) / np.maximum(np.diag(self.both), 1)
        return np.asarray((1 / np.maximum(shared, 1))[self.problem.source])

    def pairs(self, q: Floats) -> list[tuple[int, int]]:
        """Return the pairs of sources that are declared, or whose agreement beyond ``q`` (p, k) surely stands out.

        A discount that chance gives costs next to nothing, but a pair is a statement: with independent sources, any is
        found in one of a hundred data sets (Bonferroni).
        """
        if not self.known:
            return []
        found = self._standing_out(self.agreement.beyond(q).correlation, surely=True)
        first, second = np.nonzero(np.triu((found > 0) | (found.T > 0) | self.declared, 1))
        return list(zip(first.tolist(), second.tolist(), strict=True))

    def misfit(self, q: Floats, *, surely: bool = False) -> float:
        """Return the share, 0 to 1, of residual agreement between sources that chance does not explain.

        Where Y explains all agreement, the squares of the excess of all pairs add up to their variances, give or take
        two standard errors. Pairs that stand out are left aside: they are discounted.

        ``surely`` is the question whether P(Y), which shared errors bend first, is to be believed. Excesses share the
        sources, and errors of estimates: it asks for as much misfit as chance cannot give (three standard errors) even
        if there are only as many of them as sources, and is 0 otherwise. What is common to all pairs, as where some
        items are hard for everyone, is seen in the sum of the excesses long before it is seen in any pair.
        """
        problem, pairs = self.problem, self._pairs()
        found = self.agreement.beyond(q)
        standing = self._standing_out(found.correlation) > 0
        pairs &= ~(standing | standing.T)
        excess, variance = found.excess[pairs], found.variance[pairs]
        total = float(variance.sum())
        if not total > 0:
            return 1.0
        # Pairs of cliques are as many as tell something new.
        apart = np.asarray(csgraph.connected_components(sparse.csr_array(standing * 1), directed=False)[1])
        groups = len(np.unique(apart[np.flatnonzero(problem.multipolar & self.distinct)]))
        ratio, error = float(excess @ excess) / total, _error(variance, groups if surely else groups * (groups - 1) / 2)
        beyond = ratio / (1 + 2 * error)
        if surely:
            common = max(0.0, float(excess.sum())) / np.sqrt(total)
            beyond = max(beyond if ratio > 1 + 3 * error else 1, (common / 2) ** 2 if common > 3 else 1)
        return float(1 - 1 / max(1.0, beyond))

    def _groups(self) -> npt.NDArray[np.int64]:
        """Number the sources by what they repeat, shape (m,).

        Y alone makes two sources agree so much only if both are right in 399 of 400 votes; then one of them is enough.
        Their codes must mean the same in the same order, as one speaks for the other.
        """
        problem = self.problem
        chance = np.zeros_like(self.both)
        for kind in range(int(self.by_kind.max(initial=-1)) + 1):
            of_kind = np.flatnonzero(self.by_kind == kind)
            said = problem.member[:, of_kind] @ self.beside[of_kind]
            chance += said * said.T / np.maximum(self.both, 1)
        sides = problem.multipolar[:, None] & problem.multipolar[None, :]
        first: dict[tuple[int, ...], int] = {}
        kinds = np.split(self.by_kind, np.flatnonzero(np.diff(problem.source)) + 1)
        alike = np.array([first.setdefault(tuple(kind.tolist()), len(first)) for kind in kinds])
        differ, by_chance = self.both - self.agree, self.both - chance
        same = sides & (differ + RULE_OF_THREE <= SURELY_SAME * by_chance) & (differ <= _SAME_SOURCE * by_chance)
        same &= alike[:, None] == alike[None, :]
        return np.asarray(csgraph.connected_components(sparse.csr_array(same * 1), directed=False)[1], dtype=np.int64)

    def _pairs(self) -> npt.NDArray[np.bool_]:
        """Return which pairs of distinct sources that take several sides voted together, once each, shape (m, m)."""
        sides = self.problem.multipolar & self.distinct
        return np.triu(sides[:, None] & sides[None, :] & (self.both >= 2) & ~self.declared, 1)

    def _firing(self, seen: Floats, q: Floats) -> Floats:
        """Positive correlation of firing beyond Y, each shrunk by its own noise, shape (f, f)."""
        problem, n = self.problem, self.problem.rows
        mass = problem.weights @ q
        rate = seen / np.maximum(mass, 1e-9)
        variance = (problem.totals - (rate**2 * mass).sum(axis=1)) / n
        scale = np.sqrt(np.maximum(variance, 1e-12))
        r = (self.together - (rate * mass) @ rate.T) / (n * np.outer(scale, scale))
        r = np.where(self.firing_pairs, np.clip(r, 0, 1), 0)
        # r^2 / (r^2 + 1/n): the share of r^2 that is not the variance of a correlation of nothing.
        return np.asarray(r**3 / (r**2 + 1 / n))

    def _standing_out(self, r: Floats, *, surely: bool = False) -> Floats:
        """Return how far residual agreements ``r`` stand out, 0 to 1, and 1 between copies, shape (m, m).

        By more than the largest of as many normal deviates as there are pairs; or ``surely``, as `pairs` has it.
        """
        problem, upper = self.problem, self._pairs()
        same = self.group[:, None] == self.group[None, :]
        found = np.where(same & ~np.eye(problem.m, dtype=bool), 1.0, 0.0)
        if upper.any():
            middle = float(np.median(r[upper]))
            excess = r - middle
            noise = 1 / np.sqrt(np.maximum(self.both, 1))
            spread = max(1.0, 1.4826 * float(np.median(np.abs(excess[upper]) / noise[upper])))
            tests = int(upper.sum())
            largest = -ndtri(0.01 / tests) if surely or self.surely else np.sqrt(2 * np.log(max(2, tests)))
            threshold = largest * spread * noise
            # A group counts once among the others.
            pairs = problem.multipolar & self.distinct & ~same & (self.both >= 2)
            found += np.where(pairs & (excess > threshold), np.clip(excess / max(1 - middle, 0.01), 0, 1), 0)
        return np.where(self.declared & ~same, np.maximum(np.clip(r, 0, 1), found), found)


def _error(variance: Floats, most: float) -> float:
    """Return the relative standard error of the sum of squares of so many excesses, of which ``most`` tell something.

    The square of a normal deviate has twice the square of its variance; few coincidences, of at most 2 each, add their
    fourth cumulant.
    """
    spread = float((2 * variance**2 + 4 * variance).sum())
    return float(np.sqrt(spread * max(1.0, np.count_nonzero(variance) / max(1.0, most))) / variance.sum())


def _by_kind(problem: Problem) -> npt.NDArray[np.int64]:
    """Number the different meanings of votes, shape (f,): sources agree where they mean the same classes."""
    return np.unique(problem.meaning, axis=0, return_inverse=True)[1].ravel()
