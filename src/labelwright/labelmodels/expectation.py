"""EM for the default model: how each vote shifts the classes, given a weight for the prior."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .problem import Floats, Problem

__all__ = ["Fit", "posterior_of", "run", "softmax_rows", "sum_in_order", "vote_scores"]


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """Where EM ended.

    Parameters
    ----------
    scores : ndarray of float, shape (f, k)
        What each vote adds to the log-odds of the classes, before discounts.
    q : ndarray of float, shape (p, k)
        Posterior of each row.
    balance : ndarray of float, shape (k,)
        P(Y): what was given, or what was learned with the rest.
    steps : int
    converged : bool
    """

    scores: Floats
    q: Floats
    balance: Floats
    steps: int
    converged: bool


def vote_scores(
    problem: Problem, q: Floats, balance: Floats, prior_weight: float, prior: Floats | None = None
) -> Floats:
    """M-step: return log P(vote | Y) for each feature and class, up to a constant for each feature, shape (f, k).

    Notes
    -----
    The prior is worth ``prior_weight`` times the data. It says that each source votes as often as it does, right as
    often as an average better-than-chance source, under the class balance (``prior`` (f, k); that of even classes where
    it is None).

    A source that takes one side only is judged by how often it *fires* under each class: P(vote | Y, fired) would be 1
    for every class, and EM would slide to one class. A source that takes several sides is judged by what it says
    *when* it fires, as examples may be assigned to it. One more pseudo-vote for each source keeps logarithms finite.
    """
    prior = problem.prior if prior is None else prior
    seen = problem.xt @ (problem.weights[:, None] * q)
    mass = problem.weights @ q
    imagined = (1 + prior_weight * problem.totals[:, None]) * prior
    rate = (seen + imagined) / (mass + prior_weight * problem.rows * balance + 1)
    fired = problem.by_source(seen)
    right = prior / problem.by_source(prior)
    said = (seen + (2 + prior_weight * fired) * right) / ((1 + prior_weight) * fired + 2)
    scores = np.log(np.where(problem.multipolar[problem.source][:, None], said, rate))
    return np.asarray(scores - scores.mean(axis=1, keepdims=True))


def posterior_of(problem: Problem, scores: Floats, balance: Floats) -> Floats:
    """E-step: return P(Y | votes) of each row, shape (p, k)."""
    return problem.clamp(softmax_rows(problem.x @ scores + np.log(balance)))


def softmax_rows(logits: Floats) -> Floats:
    """Return ``exp(logits)`` with rows that sum to 1; worked out by columns, as numpy reduces few columns slowly.

    Examples
    --------
    >>> softmax_rows(np.log([[1.0, 3.0]])).tolist()
    [[0.25, 0.75]]
    """
    columns = np.ascontiguousarray(logits.T)
    columns -= columns.max(axis=0)
    np.exp(columns, out=columns)
    columns /= sum_in_order(columns)
    return np.ascontiguousarray(columns.T)


def sum_in_order(parts: Floats) -> Floats:
    """Return the sum over the first axis, added in its order: what comes of an example is the same in every block.

    numpy and BLAS choose an order by the shape, so that the last bit of one row's sum depends on the rows beside it.

    Examples
    --------
    >>> sum_in_order(np.array([[0.5, 1.0], [0.25, 2.0]])).tolist()
    [0.75, 3.0]
    """
    total = np.array(parts[0], dtype=np.float64)
    for part in parts[1:]:
        total += part
    return total


def run(
    problem: Problem,
    q: Floats,
    balance: Floats,
    discounts: Floats,
    *,
    prior_weight: float,
    steps: int,
    tolerance: float,
    learn_balance: bool = False,
    prior: Floats | None = None,
) -> Fit:
    """Alternate M- and E-steps from ``q`` until no probability moves by ``tolerance``, or for ``steps`` steps.

    With ``learn_balance``, P(Y) is part of the M-step, and ``balance`` only where it starts. One pseudo-row for each
    class keeps logarithms finite.
    """
    converged, step, scores = False, 0, np.zeros((len(problem.source), problem.k))
    while step < steps and not converged:
        if learn_balance and step:
            balance = (problem.weights @ q + 1) / (problem.rows + problem.k)
        scores = vote_scores(problem, q, balance, prior_weight, prior)
        new = posterior_of(problem, scores * discounts[:, None], balance)
        converged = float(np.abs(new - q).max(initial=0)) < tolerance
        q, step = new, step + 1
    return Fit(scores, q, balance, step, converged)
