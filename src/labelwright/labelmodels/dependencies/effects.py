"""What a dependency does to the labels: how far they move when votes that repeat each other stop counting twice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from labelwright.core import PatternCounts
from labelwright.labelmodels.expectation import Fit, run, softmax_rows
from labelwright.labelmodels.problem import Floats, Problem

__all__ = ["discounted_model", "effects_of"]

# The independent model that the effect is measured on: the default model's middle prior, and its few steps.
_PRIOR_WEIGHT = 0.3
_STEPS = 5


def effects_of(patterns: PatternCounts | None, pairs: Sequence[tuple[str, str, float]]) -> list[float]:
    """Return the effect of each pair (name, name, strength) on the labels, 0 to 1; NaN without distinct rows.

    Notes
    -----
    Every vote counts ``1 / (1 + sum of its strengths)``, over the found pairs with a positive strength whose other
    source votes on the same example: the design effect of Kish (1965), by which g copies count as one vote. The effect
    of a pair is how far P(Y | votes) moves when its two votes count as if they were independent of each other: half the
    sum over classes of the changes, averaged over the examples on which at least one of the two votes. P(Y) is flat.

    Examples
    --------
    >>> from labelwright.core import Votes
    >>> stats = PatternCounts.of(Votes([[1, 1, 1], [1, 1, 0], [0, 0, 0], [0, 0, 1]]))
    >>> [copies, nothing] = effects_of(stats, [("0", "1", 1.0), ("0", "2", 0.0)])
    >>> copies > 0.01, nothing
    (True, 0.0)
    """
    problem = None if patterns is None or not pairs else Problem.of(patterns)
    if problem is None or not len(problem.weights):
        return [float("nan")] * len(pairs)
    place = {name: j for j, name in enumerate(problem.names)}
    fired = (problem.x @ problem.member.T).toarray()
    strength = np.zeros((problem.m, problem.m))
    for first, second, r in pairs:
        if first in place and second in place:
            i, j = place[first], place[second]
            strength[i, j] = strength[j, i] = max(r, 0.0)
    repeated = fired @ strength
    model = discounted_model(problem, strength)
    each = [problem.x[:, problem.source == j] @ model.scores[problem.source == j] for j in range(problem.m)]
    logits = sum(votes / (1 + repeated[:, [j]]) for j, votes in enumerate(each))
    out = []
    for first, second, r in pairs:
        ends = [place.get(first, -1), place.get(second, -1)]
        together, either = fired[:, ends].all(axis=1), fired[:, ends].any(axis=1)
        if min(ends) < 0 or r <= 0 or not together.any():
            out.append(0.0)
            continue
        now, then = 1 / (1 + repeated[together][:, ends]), 1 / (1 + repeated[together][:, ends] - r)
        more = sum(each[s][together] * (then - now)[:, [side]] for side, s in enumerate(ends))
        moved = np.abs(softmax_rows(logits[together] + more) - softmax_rows(logits[together])).sum(axis=1) / 2
        out.append(float(problem.weights[together] @ moved / problem.weights[either].sum()))
    return out


def discounted_model(problem: Problem, strength: Floats) -> Fit:
    """Return the model of independent sources whose votes count as in `effects_of`, by ``strength`` (m, m), on average.

    Examples
    --------
    >>> from labelwright.core import Votes
    >>> problem = Problem.of(PatternCounts.of(Votes([[1, 1, 1], [1, 1, 0], [0, 0, 0], [0, 0, 1]])))
    >>> discounted_model(problem, np.zeros((3, 3))).q.shape
    (4, 2)
    """
    fired = (problem.x @ problem.member.T).toarray()
    share = (fired * (fired @ strength)).sum(axis=0) / np.maximum(fired.sum(axis=0), 1)
    discounts = 1 / (1 + share)
    counted = discounts[problem.source]
    flat = np.full(problem.k, 1 / problem.k)
    start = problem.vote_shares(counted)
    return run(problem, start, flat, counted, prior_weight=_PRIOR_WEIGHT, steps=_STEPS, tolerance=0)
