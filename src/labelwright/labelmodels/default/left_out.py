"""What the default model learns without each sub-sum of its stats: EM for all of them at once, from the whole's end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.core import PatternCounts
from labelwright.core.vote_counts import BUCKETS
from labelwright.labelmodels.estimates import among_all_features
from labelwright.labelmodels.problem import Floats, Problem

from .dependence import Dependence
from .free_fit import MOST_STEPS, TOLERANCE, Free, FreeFit, heard_balance, won

__all__ = ["Ends", "LeftOut", "Without", "ends_near"]

# Posteriors of so many (row, class, sub-sum) are worked out at once; a handful of such arrays are alive: 32 MiB each.
_MOST_CELLS = 1 << 22

# Posteriors of a block of rows: 2 MiB, as a cache holds them.
_BLOCK_CELLS = 1 << 18

# A step that is a hundred-thousandth of the first leaves an error far below what a sub-sum does.
_SHRUNK = 1e-5
_ROUNDING = 1e-12
_ROUNDS = 30

# A map that is nearly linear has brought the rest to a tenth by then, and mostly to a thousandth.
_TRIAL, _FALLEN = 7, 0.1

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


def ends_near(fit: FreeFit, weights: Floats, balance: Floats | None, start: Floats | None = None) -> Ends:
    """Return where EM ends for each column of ``weights`` (p, b), from where it ended for weights that differ little.

    Parameters
    ----------
    fit : FreeFit
        Where EM ended for all rows.
    weights : ndarray of float, shape (p, b)
    balance : ndarray of float, shape (k, b), or None
        P(Y); learned where None.
    start : ndarray of float, shape (p, k, b), optional
        Posteriors to start from. Default: that of ``fit``, for each column.

    Notes
    -----
    Near its end EM is a linear map, and nearly the same one for all columns: each round of all columns tells how it
    acts in as many directions, so that one secant step (Anderson 1965, with the secants of all columns) does for all
    of them what hundreds of steps of EM would where P(Y) moves slowly. Where sources are many and their votes few, a
    sub-sum does not move the end a little, and the map is not linear: then EM takes its own steps.
    """
    em = _Columns(fit.solved, fit.counted, weights, balance)
    theta = em.start(fit.balance, np.repeat(fit.q[:, :, None], em.b, axis=2) if start is None else start)
    found = _by_secants(em, theta)
    if found is not None:
        return Ends(em.posterior(found), em.balance_of(found), np.ones(em.b, dtype=bool))
    return _by_steps(em, theta)


def _by_secants(em: _Columns, theta: Floats) -> Floats | None:
    """Return the point (d, b) at which all columns end, or None if the map is not linear enough."""
    scale = em.scale()
    secants: list[tuple[Floats, Floats]] = []
    before: tuple[Floats, Floats] | None = None
    first = 0.0
    for done in range(_ROUNDS):
        new = em.step(theta)
        rest = new - theta
        far = float(np.abs(rest * scale).max())
        first = first or max(far, _ROUNDING / _SHRUNK)
        if far <= _SHRUNK * first:
            return new
        if done >= _TRIAL and not far <= _FALLEN * first:
            return None
        if before is not None:
            secants = [*secants[1 - _SECANT_ROUNDS :], (rest - before[0], new - before[1])]
        before = rest, new
        theta = _secant_step(rest, new, secants, scale)
    return None


def _by_steps(em: _Columns, theta: Floats) -> Ends:
    """Take steps of EM until no probability of a column moves by more than it may in `free_fit`."""
    q = em.posterior(theta)
    balance = em.balance_of(theta).copy()
    converged, left = np.zeros(em.b, dtype=bool), np.arange(em.b)
    point, some = theta, em
    for _ in range(MOST_STEPS):
        point = some.learn(q[:, :, left])
        new = some.posterior(point)
        still = np.abs(new - q[:, :, left]).max(axis=(0, 1)) < TOLERANCE
        q[:, :, left], balance[:, left] = new, some.balance_of(point)
        if still.any():
            converged[left[still]] = True
            left = left[~still]
            if not len(left):
                break
            some = em.take(left)
    return Ends(q, balance, converged)


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

    def take(self, columns: npt.NDArray[np.int64]) -> _Columns:
        """Return some of the columns."""
        given = None if self.given is None else self.given[:, columns]
        return _Columns(self.problem, self.counted, self.weights[:, columns], given)

    def start(self, balance: Floats, q: Floats) -> Floats:
        """Return the point of the posterior ``q`` (p, k, b) and the P(Y) that it was worked out with."""
        point = self.learn(q)
        if self.given is None:
            point[self.f * self.k :] = np.log(balance)[:, None]
        return point

    def scale(self) -> Floats:
        """Return what an entry of a point weighs, shape (d, 1): as the root of the share of votes behind it."""
        share = np.repeat(self.problem.totals / self.problem.rows, self.k)
        return np.sqrt(np.append(share, np.ones(self.k if self.given is None else 0)))[:, None]

    def step(self, point: Floats) -> Floats:
        """Return the next point; worked out by blocks of rows, whose posteriors fit the cache."""
        seen, mass = np.zeros((self.f, self.k * self.b)), np.zeros((self.k, self.b))
        scores, logs = self._counted_scores(point), np.log(self.balance_of(point))
        for x, xt, weights in self._blocks:
            q = _posterior(x, scores, logs)
            q *= weights[:, None, :]
            mass += q.sum(axis=0)
            seen += xt @ q.reshape(len(q), -1)
        return self._point(seen, mass)

    @cached_property
    def _blocks(self) -> list[tuple[Any, Any, Floats]]:
        rows = max(1, _BLOCK_CELLS // (self.k * self.b))
        cuts = [slice(first, first + rows) for first in range(0, len(self.weights), rows)]
        blocks = [self.problem.x[cut] for cut in cuts]
        return [(x, x.T.tocsr(), self.weights[cut]) for x, cut in zip(blocks, cuts, strict=True)]

    def balance_of(self, point: Floats) -> Floats:
        """Return P(Y), shape (k, b)."""
        if self.given is not None:
            return self.given
        raw = np.exp(point[self.f * self.k :])
        return np.asarray(raw / raw.sum(axis=0))

    def posterior(self, point: Floats) -> Floats:
        """Return P(Y | votes), shape (p, k, b)."""
        return _posterior(self.problem.x, self._counted_scores(point), np.log(self.balance_of(point)))

    def learn(self, q: Floats) -> Floats:
        """Return the point of a posterior ``q`` (p, k, b)."""
        weighted = self.weights[:, None, :] * q
        return self._point(self.problem.xt @ weighted.reshape(len(q), -1), weighted.sum(axis=0))

    def _counted_scores(self, point: Floats) -> Floats:
        return np.asarray(point[: self.f * self.k].reshape(self.f, -1) * self.counted[:, None])

    def _point(self, seen: Floats, mass: Floats) -> Floats:
        point = _log_tables(self.problem, seen.reshape(self.f, self.k, self.b), mass).reshape(-1, self.b)
        if self.given is not None:
            return point
        return np.concatenate([point, np.log((mass + 1) / (self.rows + self.k))])


def _posterior(x: Any, scores: Floats, logs: Floats) -> Floats:
    """Return P(Y | votes), shape (rows, k, b), of votes ``x`` with ``scores`` (f, k * b) and log P(Y) (k, b)."""
    logits: Floats = (x @ scores).reshape(-1, *logs.shape)
    logits += logs
    logits -= logits.max(axis=1, keepdims=True)
    np.exp(logits, out=logits)
    logits /= logits.sum(axis=1, keepdims=True)
    return logits


def _log_tables(problem: Problem, seen: Floats, mass: Floats) -> Floats:
    """Return the scores, shape (f, k, b), of expected votes ``seen`` (f, k, b) and rows ``mass`` (k, b) of each class.

    As `labelwright.labelmodels.expectation.vote_scores` without a prior has them.
    """
    sides = problem.multipolar[problem.source][:, None, None]
    right = (problem.prior / problem.by_source(problem.prior))[:, :, None]
    fired = problem.by_source(seen.reshape(len(seen), -1)).reshape(seen.shape)
    rates = np.where(sides, (seen + 2 * right) / (fired + 2), (seen + problem.prior[:, :, None]) / (mass + 1))
    scores = np.log(rates)
    return np.asarray(scores - scores.mean(axis=1, keepdims=True))


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
        learned = None if self.free.learned is None else ends_near(self.free.learned, weights, None)
        balance = self._balances(weights, learned)
        ends = ends_near(self.fit, weights, balance, None if learned is None else learned.q)
        weighted = weights[:, None, :] * ends.q
        seen = (self.problem.xt @ weighted.reshape(len(weighted), -1)).reshape(-1, *ends.balance.shape)
        scores = _log_tables(self.problem, seen, weighted.sum(axis=0))
        scores = among_all_features(self.problem, self.stats.frame, scores, 0.0)
        accuracies = self._accuracies(seen)
        return [
            Without(balance[:, c], accuracies[:, c], scores[..., c])
            if ends.converged[c] and (learned is None or learned.converged[c])
            else None
            for c in range(len(buckets))
        ]

    @property
    def at_once(self) -> int:
        """How many sub-sums may be left out in one go."""
        return max(1, min(BUCKETS, _MOST_CELLS // max(1, len(self.problem.weights) * self.problem.k)))

    def _balances(self, weights: Floats, learned: Ends | None) -> Floats:
        """Return P(Y) as the answer uses it, shape (k, b)."""
        if learned is None:
            return np.repeat(self.free.balance[:, None], weights.shape[1], axis=1)
        rows = weights.sum(axis=0)
        plural = (self.won.T @ weights + 1) / (rows + self.problem.k)
        heard = [
            heard_balance(float(n), one, most, self.free.misfit)
            for n, one, most in zip(rows, learned.balance.T, plural.T, strict=True)
        ]
        return np.stack(heard, axis=1)

    def _accuracies(self, seen: Floats) -> Floats:
        """Return the expected share of right votes, shape (m, b), as `expected_accuracies` has it."""
        problem, frame = self.problem, self.stats.frame
        right = problem.member @ (seen * problem.meaning[:, :, None]).sum(axis=1)
        votes = problem.member @ seen.sum(axis=1)
        place = {name: j for j, name in enumerate(frame.sources)}
        out = np.full((frame.m, seen.shape[2]), np.nan)
        out[[place[name] for name in problem.names]] = np.where(votes > 0.5, right / np.maximum(votes, 1e-9), np.nan)
        return out


def _by_bucket(stats: PatternCounts) -> Floats:
    """Return how many examples of each sub-sum lie behind each row of the problem, shape (p, 32).

    The problem's rows are the distinct ones with a vote, in the order of the stats.
    """
    size = len(stats.keys)
    cell = stats.cells[:, 0] * BUCKETS + stats.cells[:, 2]
    out = np.bincount(cell, weights=stats.cell_counts, minlength=size * BUCKETS).reshape(size, BUCKETS)
    return np.asarray(out[np.diff(stats.patterns.indptr) > 0])
