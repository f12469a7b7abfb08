from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import sparse

from labelwright.core import PatternCounts, Votes
from labelwright.labelmodels.class_balance import balance_from_third_cumulants
from labelwright.labelmodels.problem import Problem


def exact_problem(q: float, accuracies: list[tuple[float, float]]) -> Problem:
    """All rows of m binary votes, each weighted by its exact probability times a million."""
    rows = np.array(list(itertools.product([0, 1], repeat=len(accuracies))))
    weight = np.zeros(len(rows))
    for y, share in enumerate([1 - q, q]):
        weight += share * np.prod([np.where(rows[:, j] == y, a[y], 1 - a[y]) for j, a in enumerate(accuracies)], axis=0)
    problem = Problem.of(PatternCounts.of(Votes(rows)))
    order = [int(np.flatnonzero((rows == r).all(axis=1))[0]) for r in _dense(problem)]
    return Problem(problem.x, 1e6 * weight[order], *(getattr(problem, f) for f in _REST))


_REST = ("gold", "source", "meaning", "names", "kept")


def _dense(problem: Problem) -> np.ndarray:
    assert sparse.issparse(problem.x)
    return problem.x.toarray()[:, 1::2].astype(int)


@pytest.mark.parametrize("q", [0.1, 0.22, 0.4, 0.8])
def test_exact_moments_give_the_exact_balance(q):
    problem = exact_problem(q, [(0.8, 0.7), (0.9, 0.6), (0.65, 0.85), (0.7, 0.7), (0.75, 0.9)])
    np.testing.assert_allclose(balance_from_third_cumulants(problem), [1 - q, q], atol=1e-10)


def test_a_balance_that_votes_cannot_tell_from_uniform_is_not_estimated():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 5000)
    L = np.where(rng.random((5000, 5)) < 0.75, truth[:, None], 1 - truth[:, None])
    assert balance_from_third_cumulants(Problem.of(PatternCounts.of(Votes(L)))) is None


@pytest.mark.parametrize("L", [np.eye(3, dtype=int) % 2, [[0, 1, -1, -1], [0, -1, 1, -1], [0, -1, -1, 1]]])
def test_too_few_votes_together_give_none(L):
    assert balance_from_third_cumulants(Problem.of(PatternCounts.of(Votes(L)))) is None


def test_three_classes_are_not_estimated():
    L = np.random.default_rng(0).integers(0, 3, (500, 5))
    assert balance_from_third_cumulants(Problem.of(PatternCounts.of(Votes(L)))) is None
