"""Dependencies by l1-penalised pseudolikelihood: each source predicted from the others, the class summed over."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize

from labelwright.core import PatternCounts
from labelwright.core.vote_counts import BUCKETS

from .expectation import softmax_rows
from .problem import Floats, Problem

__all__ = ["Pseudolikelihood", "row_weights"]

Bools = npt.NDArray[np.bool_]

# What a vote is worth before anything is known (Bach et al. 2017 begin there too).
_FIRST_WEIGHT = 1.0

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

    Notes
    -----
    After Bach, He, Ratner & Re (ICML 2017). ``P(L_j, y | rest)`` is a softmax over the few states of (Y, L_j), so that
    the gradient is exact, without sampling: an expectation under that table less one with L_j held at what was seen.
    The factors are theirs: how far a vote means Y (``accuracy``), how often it is given, and for each other source
    whether the two go together, which alone is penalised. Two several-sided sources go together where they mean the
    same, on rows on which both vote; a one-sided source where it fires.

    Their accuracies of the other sources are learned with the rest; here all accuracies are learned first, without
    dependencies, and those of the others are then held, which leaves a small smooth problem for each source. It is
    solved by L-BFGS-B over the positive and negative parts of theta, on a working set that grows until no source
    outside it has a gradient beyond its penalty (where theta of the others is 0, that is the condition of optimality).
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        kind = np.unique(problem.meaning, axis=0, return_inverse=True)[1].ravel()
        self.kind = kind
        member = problem.member.T.tocsr()
        self.fired = (problem.x @ member).toarray()
        self.meant = [(problem.x[:, kind == c] @ member[kind == c]).toarray() for c in range(int(kind.max()) + 1)]
        # A row of silence at the end.
        self.fired = np.vstack([self.fired, np.zeros(problem.m)])
        self.meant = [np.vstack([said, np.zeros(problem.m)]) for said in self.meant]
        self.evidence = problem.share - 1 / problem.k
        self.targets = [self._target(j) for j in range(problem.m)]

    def found(self, weights: Floats, *, level: float, ease: Floats | None = None) -> Bools:
        """Return which pairs depend, shape (m, m): found from either side.

        Parameters
        ----------
        weights : ndarray of float, shape (p + 1,)
            Examples behind each row of the problem, and at last rows without votes.
        level : float
            Penalty, in standard errors of the gradient where nothing depends.
        ease : ndarray of float, shape (m, m), optional
            What to multiply each penalty by.
        """
        m = self.problem.m
        ease = np.ones((m, m)) if ease is None else ease
        out = np.zeros((m, m), dtype=bool)
        accuracy = np.full(m, _FIRST_WEIGHT)
        for _ in range(2):
            votes = self._votes(accuracy)
            accuracy = np.array([self._solve(j, votes, accuracy, weights, None, level)[0] for j in range(m)])
        votes = self._votes(accuracy)
        for j in range(m):
            out[j] = self._solve(j, votes, accuracy, weights, ease[j], level)[1] != 0
        return out | out.T

    def _votes(self, accuracy: Floats) -> Floats:
        """Return the log-odds of each class by all votes, shape (p + 1, k)."""
        problem = self.problem
        each = problem.x @ (self.evidence * accuracy[problem.source][:, None])
        return np.vstack([each, np.zeros(problem.k)])

    def _target(self, j: int) -> _Target:
        problem, p = self.problem, self.problem.x.shape[0]
        features = np.flatnonzero(problem.source == j)
        columns = problem.x[:, features].toarray()
        if problem.multipolar[j]:
            rows = np.flatnonzero(columns.any(axis=1))
            said = columns[rows].argmax(axis=1)
            partners = np.stack([self.meant[self.kind[a]][rows] for a in features])
            means = self.evidence[features]
        else:
            rows = np.arange(p + 1)
            said = np.append(columns.any(axis=1), False).astype(np.int64)
            main = features[np.argmax(problem.totals[features])]
            beside = np.where(problem.multipolar, self.meant[self.kind[main]], self.fired)
            partners = np.stack([np.zeros_like(beside), beside])
            means = np.stack([np.zeros(problem.k), self.evidence[main]])
        partners[:, :, j] = 0
        return _Target(rows, said, means, partners)

    def _solve(
        self, j: int, votes: Floats, accuracy: Floats, weights: Floats, ease: Floats | None, level: float
    ) -> tuple[float, Floats]:
        """Return the accuracy weight of source j, and theta, shape (m,); theta is 0 without ``ease``."""
        target, m = self.targets[j], self.problem.m
        w = weights[target.rows] / max(float(weights[target.rows].sum()), 1e-9)
        others = votes[target.rows] - accuracy[j] * target.means[target.said]
        one = _OneSource(target, others, w)
        theta = np.zeros(m)
        start = np.concatenate([[accuracy[j]], np.zeros(len(target.means))])
        bounds = [(0.0, 10.0), *[(-20.0, 20.0)] * len(target.means)]
        start = optimize.minimize(one.loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
        if ease is None:
            return float(start[0]), theta
        slope, error = one.slopes(start, theta, weights[target.rows])
        penalty = level * ease * error
        working = np.zeros(m, dtype=bool)
        for _ in range(_WORKING_SETS):
            more = (np.abs(slope) > penalty) & ~working & (error > 0)
            if not more.any():
                break
            working |= more
            at = np.flatnonzero(working)
            start, theta[at] = one.penalised(start, theta[at], at, penalty[at], bounds)
            slope, _ = one.slopes(start, theta, weights[target.rows])
        return float(start[0]), theta


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

    def loss(self, free: Floats, tilt: Floats | None = None) -> tuple[float, Floats]:
        """Return the mean loss and its gradient by (accuracy, how often each state is)."""
        value, full, seen = self._tables(free, tilt)
        means, said = self.target.means, self.target.said
        accuracy = np.einsum("r,rys,sy->", self.w, full, means) - self.w @ (seen * means[said]).sum(axis=1)
        states = self.w @ full.sum(axis=1) - np.bincount(said, self.w, minlength=len(means))
        return value, np.concatenate([[accuracy], states])

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

    def _expected(self, full: Floats, at: npt.NDArray[np.int64]) -> Floats:
        """Return the mean of ``partners`` (over states) less what was seen, shape (r, len(at))."""
        partners = self.target.partners[:, :, at]
        return np.asarray(np.einsum("rs,sra->ra", full.sum(axis=1), partners) - partners[self.target.said, self.rows])

    def slopes(self, free: Floats, theta: Floats, counts: Floats) -> tuple[Floats, Floats]:
        """Return the gradient by theta, shape (m,), and its standard error."""
        at = np.flatnonzero(theta)
        _, full, _ = self._tables(free, self._tilt(theta[at], at) if len(at) else None)
        each = self._expected(full, np.arange(len(theta)))
        n = max(float(counts.sum()), 1.0)
        return self.w @ each, np.sqrt(self.w @ each**2 / n)

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
            split = x[f:].reshape(2, a)
            tilt = (partners @ (split[0] - split[1])).T
            value, own = self.loss(x[:f], tilt)
            _, full, _ = self._tables(x[:f], tilt)
            mean = (full.sum(axis=1) * self.w[:, None]).T
            slope = np.einsum("sr,sra->a", mean, partners) - seen
            return value + float(penalty @ split.sum(axis=0)), np.concatenate([own, penalty + slope, penalty - slope])

        start = np.concatenate([free, np.maximum(theta, 0), np.maximum(-theta, 0)])
        wide = [*bounds, *[(0.0, 20.0)] * (2 * a)]
        x = optimize.minimize(loss, start, jac=True, method="L-BFGS-B", bounds=wide, options={"maxiter": _MOST_STEPS}).x
        return x[:f], x[f : f + a] - x[f + a :]
