"""Dependencies by l1-penalised pseudolikelihood: each source predicted from the others, the class summed over."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize

from labelwright.core import PatternCounts
from labelwright.core.vote_counts import BUCKETS
from labelwright.labelmodels.expectation import softmax_rows
from labelwright.labelmodels.problem import Floats, Problem

from .effects import discounted_model

__all__ = ["Pseudolikelihood", "row_weights"]

Bools = npt.NDArray[np.bool_]

_MOST_STEPS = 100
_WORKING_SETS = 4


@dataclass(frozen=True, slots=True, eq=False)
class _Target:
    """One source as what is predicted.

    Parameters
    ----------
    rows : ndarray of int64, shape (r,)
        Rows that bear on it: those it votes on, if it takes several sides.
    said : ndarray of int64, shape (r,)
        Which of its s states it is in.
    means : ndarray of float, shape (s, k)
        How far each state means each class, centred; 0 for silence.
    partners : ndarray of float, shape (s, r, m)
        Whether a state goes with what each other source did.
    """

    rows: npt.NDArray[np.int64]
    said: npt.NDArray[np.int64]
    means: Floats
    partners: Floats


class Pseudolikelihood:
    """Find pairs by ``min over theta of -mean log sum_y P(L_j, y | the others) + penalty * |theta|_1``, for each j.

    Parameters
    ----------
    problem : Problem
    strength : ndarray of float, shape (m, m), optional
        What is known of dependencies: strengths of pairs, 0 elsewhere. What the other sources say of Y is discounted by
        it, so that a clique does not outvote the rest. Default: nothing.

    Notes
    -----
    After Bach, He, Ratner & Re (ICML 2017). ``P(L_j, y | rest)`` is a softmax over the few states of (Y, L_j), so that
    the gradient is exact, without sampling: an expectation under that table less one with L_j held at what was seen.
    The factors are theirs: how far a vote means Y (accuracy), how often each vote is given, and for each other source
    whether the two go together, which alone is penalised. Two several-sided sources go together where they mean the
    same, on rows on which both vote; a one-sided source where it fires.

    They learn what the other sources say of Y with the rest; here it is held at what a few steps of EM say, which
    leaves a small smooth problem for each source. It is solved by L-BFGS-B over the positive and negative parts of
    theta, on a working set that grows until no source outside it has a gradient beyond its penalty (which is the
    condition of optimality where theta is 0).

    Time grows with rows times sources squared: 3 s for 100 sources and 10,000 distinct rows.

    Examples
    --------
    >>> from labelwright.core import Votes
    >>> L = np.random.default_rng(0).integers(0, 2, (500, 5))
    >>> stats = PatternCounts.of(Votes(L[:, [0, 1, 2, 3, 4, 4]]))
    >>> model = Pseudolikelihood(Problem.of(stats))
    >>> np.argwhere(np.triu(model.found(row_weights(stats).sum(axis=0), level=3.0))).tolist()
    [[4, 5]]
    """

    def __init__(self, problem: Problem, strength: Floats | None = None) -> None:
        self.problem = problem
        none = np.zeros((problem.m, problem.m))
        self.evidence = discounted_model(problem, none if strength is None else np.maximum(strength, 0)).scores
        self.kind = np.unique(problem.meaning, axis=0, return_inverse=True)[1].ravel()
        member = problem.member.T.tocsr()
        # A row of silence at the end.
        silence = np.zeros((1, problem.m), dtype=np.float32)
        self.fired = np.vstack([(problem.x @ member).toarray().astype(np.float32), silence])
        self.meant = [
            np.vstack([(problem.x[:, self.kind == c] @ member[self.kind == c]).toarray().astype(np.float32), silence])
            for c in range(int(self.kind.max()) + 1)
        ]
        self.votes = np.vstack([problem.x @ self.evidence, np.zeros(problem.k)])

    def found(
        self,
        weights: Floats,
        *,
        level: float,
        ease: Floats | None = None,
        among: npt.NDArray[np.int64] | None = None,
    ) -> Bools:
        """Return which pairs depend, shape (m, m): found from either side.

        Parameters
        ----------
        weights : ndarray of float, shape (p + 1,)
            Examples behind each row of the problem, and at last rows without votes.
        level : float
            Penalty, in standard errors of the gradient where nothing depends.
        ease : ndarray of float, shape (m, m), optional
            What to multiply each penalty by.
        among : ndarray of int64, optional
            The sources from whose side to look. Default: all.
        """
        m = self.problem.m
        ease = np.ones((m, m)) if ease is None else ease
        out = np.zeros((m, m), dtype=bool)
        for j in range(m) if among is None else among:
            out[j] = self._solve(j, weights, level * ease[j]) != 0
        return np.asarray(out | out.T)

    def _target(self, j: int, weights: Floats) -> _Target:
        problem = self.problem
        features = np.flatnonzero(problem.source == j)
        columns = np.vstack([problem.x[:, features].toarray(), np.zeros(len(features))])
        fired = np.asarray(columns.any(axis=1))
        if problem.multipolar[j]:
            rows = np.flatnonzero(fired & (weights > 0))
            said = columns[rows].argmax(axis=1)
            partners = np.stack([self.meant[self.kind[a]][rows] for a in features])
            means = self.evidence[features]
        else:
            rows = np.flatnonzero(weights > 0)
            said = fired[rows].astype(np.int64)
            main = features[np.argmax(problem.totals[features])]
            beside = np.where(problem.multipolar, self.meant[self.kind[main]][rows], self.fired[rows])
            partners = np.stack([np.zeros_like(beside), beside])
            means = np.stack([np.zeros(problem.k), self.evidence[main]])
        partners[:, :, j] = 0
        return _Target(rows, said, means, partners)

    def _solve(self, j: int, weights: Floats, level: Floats) -> Floats:
        """Return theta of source j, shape (m,)."""
        target, m = self._target(j, weights), self.problem.m
        counts = weights[target.rows]
        own = target.means[target.said]
        one = _OneSource(target, self.votes[target.rows] - own, counts / max(float(counts.sum()), 1e-9))
        theta, working = np.zeros(m), np.zeros(m, dtype=bool)
        if not len(counts):
            return theta
        bounds = [(0.0, 10.0), *[(-20.0, 20.0)] * len(target.means)]
        free = np.concatenate([[1.0], np.zeros(len(target.means))])
        free = optimize.minimize(one.loss, free, jac=True, method="L-BFGS-B", bounds=bounds).x
        slope, error = one.slopes(free, theta, float(counts.sum()))
        penalty = level * error
        for _ in range(_WORKING_SETS):
            more = (np.abs(slope) > penalty) & ~working & (error > 0)
            if not more.any():
                break
            working |= more
            at = np.flatnonzero(working)
            free, theta[at] = one.penalised(free, theta[at], at, penalty[at], bounds)
            slope, _ = one.slopes(free, theta, float(counts.sum()))
        return theta


def row_weights(stats: PatternCounts) -> Floats:
    """Return the examples behind each row of `Problem`, and at last those without votes, by sub-sum (32, p + 1)."""
    key = stats.cells[:, 0] * (stats.frame.k + 1) + stats.cells[:, 1]
    pairs, inverse = np.unique(key, return_inverse=True)
    out = np.zeros((BUCKETS, len(pairs)))
    np.add.at(out, (stats.cells[:, 2], inverse), stats.cell_counts)
    voted = np.diff(stats.patterns.indptr)[pairs // (stats.frame.k + 1)] > 0
    return np.concatenate([out[:, voted], out[:, ~voted].sum(axis=1, keepdims=True)], axis=1)


class _OneSource:
    """The loss of one source, given the others' evidence of Y, shape (r, k), and the weights of rows, summing to 1."""

    def __init__(self, target: _Target, others: Floats, w: Floats) -> None:
        self.target, self.others, self.w = target, others, w
        self.rows = np.arange(len(w))

    def loss(self, free: Floats) -> tuple[float, Floats]:
        """Return the mean loss and its gradient by (accuracy, how often each state is)."""
        return self.loss_and_states(free, None)[:2]

    def loss_and_states(self, free: Floats, tilt: Floats | None) -> tuple[float, Floats, Floats]:
        """Return the same, with ``tilt`` (r, s) added to the states, and P(state | others), shape (r, s)."""
        value, full, seen = self._tables(free, tilt)
        means, said = self.target.means, self.target.said
        state = full.sum(axis=1)
        accuracy = (np.tensordot(self.w, full, 1).T * means).sum() - self.w @ (seen * means[said]).sum(axis=1)
        often = self.w @ state - np.bincount(said, self.w, minlength=len(means))
        return value, np.concatenate([[accuracy], often]), state

    def _tables(self, free: Floats, tilt: Floats | None) -> tuple[float, Floats, Floats]:
        """Return the loss, P(y, state | others) of shape (r, k, s), and P(y | state seen, others), shape (r, k)."""
        means, said = self.target.means, self.target.said
        scores = self.others[:, :, None] + free[0] * means.T + free[1:]
        if tilt is not None:
            scores = scores + tilt[:, None, :]
        r, k, s = scores.shape
        flat = softmax_rows(scores.reshape(r, k * s)).reshape(r, k, s)
        joint = flat[self.rows, :, said]
        total = np.maximum(joint.sum(axis=1), 1e-300)
        return -float(self.w @ np.log(total)), flat, joint / total[:, None]

    def slopes(self, free: Floats, theta: Floats, n: float) -> tuple[Floats, Floats]:
        """Return the gradient by theta, shape (m,), and its standard error with ``n`` rows."""
        at = np.flatnonzero(theta)
        _, full, _ = self._tables(free, self._tilt(theta[at], at) if len(at) else None)
        state, partners = full.sum(axis=1), self.target.partners
        each = sum(state[:, [s]] * partners[s] for s in range(len(partners))) - partners[self.target.said, self.rows]
        return self.w @ each, np.sqrt(self.w @ each**2 / max(n, 1.0))

    def _tilt(self, theta: Floats, at: npt.NDArray[np.int64]) -> Floats:
        return np.asarray((self.target.partners[:, :, at] @ theta).T)

    def penalised(
        self,
        free: Floats,
        theta: Floats,
        at: npt.NDArray[np.int64],
        penalty: Floats,
        bounds: list[tuple[float, float]],
    ) -> tuple[Floats, Floats]:
        """Minimise over all parameters; return the free ones, and theta of the sources ``at``."""
        f, a = len(free), len(at)
        partners = self.target.partners[:, :, at]
        seen = self.w @ partners[self.target.said, self.rows]

        def loss(x: Floats) -> tuple[float, Floats]:
            plus, minus = x[f:].reshape(2, a)
            value, own, state = self.loss_and_states(x[:f], (partners @ (plus - minus)).T)
            slope = sum((state[:, s] * self.w) @ partners[s] for s in range(len(partners))) - seen
            return value + float(penalty @ (plus + minus)), np.concatenate([own, penalty + slope, penalty - slope])

        start = np.concatenate([free, np.maximum(theta, 0), np.maximum(-theta, 0)])
        wide = [*bounds, *[(0.0, 20.0)] * (2 * a)]
        x = optimize.minimize(loss, start, jac=True, method="L-BFGS-B", bounds=wide, options={"maxiter": _MOST_STEPS}).x
        return x[:f], x[f : f + a] - x[f + a :]
