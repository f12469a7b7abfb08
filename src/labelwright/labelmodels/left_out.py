"""What the default model learns without each sub-sum of its stats: EM for all of them at once, from the whole's end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelwright.core import PatternCounts
from labelwright.core.vote_counts import BUCKETS

from .dependence import Dependence
from .estimates import among_all_features
from .free_fit import Free, FreeFit, heard_balance, won
from .problem import Floats, Problem

__all__ = ["Ends", "LeftOut", "Without", "ends_near"]

# Posteriors of so many (row, class, sub-sum) are worked out at once; a handful of such arrays are alive: 32 MiB each.
_MOST_CELLS = 1 << 22

# A step that is a hundred-thousandth of the first leaves an error far below what a sub-sum does.
_SHRUNK = 1e-5
_ROUNDING = 1e-12
_ROUNDS = 60

# Secants of the last few rounds describe the present ones; directions below this share of the largest are noise.
_SECANT_ROUNDS = 4
_NOISE = 1e-7


@dataclass(frozen=True, slots=True, eq=False)
class Ends:
    """Where EM ends for several weights of the same rows.

    Parameters
    ----------
    q : ndarray of float, shape (p, k, b)
        Posterior of each row.
    balance : ndarray of float, shape (k, b)
        P(Y).
    converged : ndarray of bool, shape (b,)
    """

    q: Floats
    balance: Floats
    converged: npt.NDArray[np.bool_]


def ends_near(fit: FreeFit, weights: Floats, balance: Floats | None) -> Ends:
    """Return where EM ends for each column of ``weights`` (p, b), from where it ended for weights that differ little.

    Parameters
    ----------
    fit : FreeFit
        Where EM ended for all rows.
    weights : ndarray of float, shape (p, b)
    balance : ndarray of float, shape (k, b), or None
        P(Y); learned where None.

    Notes
    -----
    Near its end EM is a linear map, and nearly the same one for all columns: each round of all columns tells how it
    acts in as many directions, so that one secant step (Anderson 1965, with the secants of all columns) does for all
    of them what hundreds of steps of EM would where P(Y) moves slowly.
    """
    em = _Columns(fit.solved, fit.counted, weights, balance)
    theta = em.start(fit.q, fit.balance)
    scale = em.scale()
    secants: list[tuple[Floats, Floats]] = []
    before: tuple[Floats, Floats] | None = None
    converged, enough = np.zeros(weights.shape[1], dtype=bool), 0.0
    for _ in range(_ROUNDS):
        new = em.step(theta)
        rest = new - theta
        far = np.abs(rest * scale).max(axis=0)
        enough = enough or max(_SHRUNK * float(far.max()), _ROUNDING)
        converged = far <= enough
        if converged.all() or not np.isfinite(far).all():
            break
        if before is not None:
            secants = [*secants[1 - _SECANT_ROUNDS :], (rest - before[0], new - before[1])]
        before = rest, new
        theta = _secant_step(rest, new, secants, scale)
    return Ends(em.posterior(theta), em.balance_of(theta), converged)


def _secant_step(rest: Floats, new: Floats, secants: list[tuple[Floats, Floats]], scale: Floats) -> Floats:
    """Return the point at which ``rest`` (d, b) would vanish, were EM the linear map that the ``secants`` show."""
    if not secants:
        return new
    left = np.concatenate([one for one, _ in secants], axis=1) * scale
    size = np.sqrt((left**2).sum(axis=0))
    told = size > 0
    if not told.any():
        return new
    found = np.linalg.lstsq(left[:, told] / size[told], rest * scale, rcond=_NOISE)[0]
    moved = np.concatenate([one for _, one in secants], axis=1)[:, told] / size[told]
    return np.asarray(new - moved @ found)


class _Columns:
    """EM without a prior for several weights of the same rows; a point is the scores and log P(Y), shape (d, b)."""

    def __init__(self, problem: Problem, counted: Floats, weights: Floats, balance: Floats | None) -> None:
        self.problem, self.counted, self.weights, self.given = problem, counted, weights, balance
        self.f, self.k, self.b = len(problem.source), problem.k, weights.shape[1]
        self.rows = weights.sum(axis=0)
        self.sides = problem.multipolar[problem.source][:, None, None]
        self.right = (problem.prior / problem.by_source(problem.prior))[:, :, None]

    def start(self, q: Floats, balance: Floats) -> Floats:
        """Return the point of the posterior ``q`` (p, k) and the P(Y) that it was worked out with."""
        point = self.learn(np.repeat(q[:, :, None], self.b, axis=2))
        if self.given is None:
            point[self.f * self.k :] = np.log(balance)[:, None]
        return point

    def scale(self) -> Floats:
        """Return what an entry of a point weighs, shape (d, 1): as the root of the share of votes behind it."""
        share = np.repeat(self.problem.totals / self.problem.rows, self.k)
        return np.sqrt(np.append(share, np.ones(self.k if self.given is None else 0)))[:, None]

    def step(self, point: Floats) -> Floats:
        """Return the next point."""
        return self.learn(self.posterior(point))

    def balance_of(self, point: Floats) -> Floats:
        """Return P(Y), shape (k, b)."""
        if self.given is not None:
            return self.given
        raw = np.exp(point[self.f * self.k :])
        return np.asarray(raw / raw.sum(axis=0))

    def posterior(self, point: Floats) -> Floats:
        """Return P(Y | votes), shape (p, k, b)."""
        scores = point[: self.f * self.k].reshape(self.f, -1) * self.counted[:, None]
        logits = (self.problem.x @ scores).reshape(-1, self.k, self.b)
        logits += np.log(self.balance_of(point))
        logits -= logits.max(axis=1, keepdims=True)
        np.exp(logits, out=logits)
        logits /= logits.sum(axis=1, keepdims=True)
        return logits

    def learn(self, q: Floats) -> Floats:
        """Return the point of a posterior ``q`` (p, k, b); see `labelwright.labelmodels.expectation.vote_scores`."""
        scores, mass = scores_of(self.problem, q, self.weights, self.sides, self.right)
        point = scores.reshape(self.f * self.k, self.b)
        if self.given is not None:
            return point
        return np.concatenate([point, np.log((mass + 1) / (self.rows + self.k))])


def scores_of(
    problem: Problem, q: Floats, weights: Floats, sides: npt.NDArray[np.bool_], right: Floats
) -> tuple[Floats, Floats]:
    """Return the scores (f, k, b) and the mass of the classes (k, b), as `vote_scores` without a prior has them."""
    f, (_, k, b) = len(problem.source), q.shape
    weighted = weights[:, None, :] * q
    mass = weighted.sum(axis=0)
    seen = (problem.xt @ weighted.reshape(len(q), -1)).reshape(f, k, b)
    fired = problem.by_source(seen.reshape(f, -1)).reshape(f, k, b)
    scores = np.log(np.where(sides, (seen + 2 * right) / (fired + 2), (seen + problem.prior[:, :, None]) / (mass + 1)))
    return scores - scores.mean(axis=1, keepdims=True), mass


@dataclass(frozen=True, slots=True, eq=False)
class Without:
    """What is learned without a sub-sum.

    Parameters
    ----------
    balance : ndarray of float, shape (k,)
        P(Y), known classes not heard.
    accuracies : ndarray of float, shape (m,)
    scores : ndarray of float, shape (all features, k)
        What each vote adds to the log-odds, before discounts.
    """

    balance: Floats
    accuracies: Floats
    scores: Floats


class LeftOut:
    """What `LabelModel` learns without each sub-sum, where EM without a prior is what it learned with.

    Parameters
    ----------
    stats : PatternCounts
        Of all rows.
    problem : Problem
        Theirs, no class known.
    dependence : Dependence
    free : Free
        What EM without a prior found.

    Notes
    -----
    The structure stays as it is in the whole: which sources are taken for one, and what a vote counts. What is learned
    given it is learned again: the tables, P(Y), and accuracies.
    """

    def __init__(self, stats: PatternCounts, problem: Problem, dependence: Dependence, free: Free) -> None:
        assert free.fit is not None
        self.stats, self.problem, self.free, self.fit = stats, problem, free, free.fit
        self.won = won(problem, dependence.copies)
        self.by_bucket = _by_bucket(stats)

    def each(self, buckets: Sequence[int]) -> list[Without | None]:
        """Return what is learned without each of ``buckets``; None where EM did not end."""
        weights = self.problem.weights[:, None] - self.by_bucket[:, list(buckets)]
        balance = self._balances(weights)
        if balance is None:
            return [None] * len(buckets)
        ends = ends_near(self.fit, weights, balance)
        accuracies, scores = self._accuracies(ends.q, weights), self._scores(ends.q, weights)
        return [
            Without(balance[:, c], accuracies[:, c], scores[..., c]) if ends.converged[c] else None
            for c in range(len(buckets))
        ]

    @property
    def at_once(self) -> int:
        """How many sub-sums may be left out in one go."""
        return max(1, min(BUCKETS, _MOST_CELLS // max(1, len(self.problem.weights) * self.problem.k)))

    def _balances(self, weights: Floats) -> Floats | None:
        """Return P(Y) as the answer uses it, shape (k, b)."""
        if self.free.learned is None:
            return np.repeat(self.free.balance[:, None], weights.shape[1], axis=1)
        learned = ends_near(self.free.learned, weights, None)
        if not learned.converged.all():
            return None
        rows = weights.sum(axis=0)
        plural = (self.won.T @ weights + 1) / (rows + self.problem.k)
        heard = [
            heard_balance(float(n), one, most, self.free.misfit)
            for n, one, most in zip(rows, learned.balance.T, plural.T, strict=True)
        ]
        return np.stack(heard, axis=1)

    def _accuracies(self, q: Floats, weights: Floats) -> Floats:
        """Return the expected share of right votes, shape (m, b), as `expected_accuracies` has it."""
        problem, frame = self.problem, self.stats.frame
        weighted = (weights[:, None, :] * q).reshape(len(q), -1)
        seen = (problem.xt @ weighted).reshape(len(problem.source), *q.shape[1:])
        right = problem.member @ (seen * problem.meaning[:, :, None]).sum(axis=1)
        votes = problem.member @ seen.sum(axis=1)
        place = {name: j for j, name in enumerate(frame.sources)}
        out = np.full((frame.m, q.shape[2]), np.nan)
        out[[place[name] for name in problem.names]] = np.where(votes > 0.5, right / np.maximum(votes, 1e-9), np.nan)
        return out

    def _scores(self, q: Floats, weights: Floats) -> Floats:
        """Return what votes say by the first expert, shape (all features, k, b)."""
        problem = self.problem
        right = (problem.prior / problem.by_source(problem.prior))[:, :, None]
        scores, _ = scores_of(problem, q, weights, problem.multipolar[problem.source][:, None, None], right)
        return among_all_features(problem, self.stats.frame, scores, 0.0)


def _by_bucket(stats: PatternCounts) -> Floats:
    """Return how many examples of each sub-sum lie behind each row of the problem, shape (p, 32).

    The problem's rows are the distinct ones with a vote, in the order of the stats.
    """
    size = len(stats.keys)
    cell = stats.cells[:, 0] * BUCKETS + stats.cells[:, 2]
    out = np.bincount(cell, weights=stats.cell_counts, minlength=size * BUCKETS).reshape(size, BUCKETS)
    return np.asarray(out[np.diff(stats.patterns.indptr) > 0])
