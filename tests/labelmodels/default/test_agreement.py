from __future__ import annotations

import numpy as np
import pytest

from labelwright.core import PatternCounts, Votes
from labelwright.labelmodels.default.dependence import Dependence
from labelwright.labelmodels.default.free_fit import free_fit
from labelwright.labelmodels.problem import Problem


def crowd(seed, *, n, k, accuracy, coverage, m=16, topic=0.0):
    """Independent sources, or, with ``topic``, sources that say what the topic of the example is so often."""
    rng = np.random.default_rng(seed)
    truth, hidden = rng.integers(k, size=(2, n))
    right = rng.random((n, m)) < accuracy
    L = np.where(right, truth[:, None], (truth[:, None] + 1 + rng.integers(k - 1, size=(n, m))) % k)
    L = np.where(rng.random((n, m)) < topic, hidden[:, None], L)
    return np.where(rng.random((n, m)) < coverage, L, -1), truth


def fitted(L, k):
    problem = Problem.of(PatternCounts.of(Votes(L, classes=k)))
    dependence = Dependence(problem)
    return dependence, free_fit(problem, dependence, np.full(k, 1 / k), learn_balance=True).q


@pytest.mark.parametrize("k", [2, 4])
@pytest.mark.parametrize("coverage", [0.1, 0.2, 0.5, 1.0])
@pytest.mark.parametrize("accuracy", [0.7, 0.9])
def test_a_right_model_has_no_misfit(k, coverage, accuracy):
    dependence, q = fitted(crowd(0, n=20_000, k=k, accuracy=accuracy, coverage=coverage)[0], k)
    assert dependence.misfit(q) < 0.1
    assert dependence.misfit(q, surely=True) == 0
    assert dependence.discounts(q).min() > 0.9
    assert dependence.pairs(q) == []


@pytest.mark.parametrize("n", [5_000, 50_000])
def test_excesses_of_a_right_model_are_standard_deviates_however_many_examples(n):
    squares = []
    for seed in range(4):
        dependence, q = fitted(crowd(seed, n=n, k=2, accuracy=0.9, coverage=0.1)[0], 2)
        found, upper = dependence.agreement.beyond(q), np.triu_indices(16, 1)
        squares.append(found.excess[upper] ** 2 / found.variance[upper])
    assert np.mean(squares) == pytest.approx(1, abs=0.25)


@pytest.mark.parametrize("k", [2, 4])
def test_sources_that_err_by_topic_do_not_fit(k):
    dependence, q = fitted(crowd(1, n=20_000, k=k, accuracy=0.8, coverage=0.6, topic=0.3)[0], k)
    assert dependence.misfit(q) > 0.8
    assert dependence.misfit(q, surely=True) > 0.8


def test_a_small_share_of_hard_examples_is_seen_in_the_sum_first():
    rng = np.random.default_rng(2)
    L, _truth = crowd(2, n=4_000, k=2, accuracy=0.9, coverage=0.3, m=24)
    hard = rng.random(len(L)) < 0.15
    L[hard] = np.where(L[hard] >= 0, rng.integers(2, size=L[hard].shape), -1)
    dependence, q = fitted(L, 2)
    assert dependence.misfit(q, surely=True) > max(0.5, dependence.misfit(q))


def test_where_the_classes_are_known_excess_and_variance_are_sums_of_products():
    L, truth = crowd(3, n=500, k=3, accuracy=0.6, coverage=0.7, m=4)
    problem = Problem.of(PatternCounts.of(Votes(L, classes=3), gold=truth))
    q = problem.vote_shares(np.ones(len(problem.source)))
    found = Dependence(problem).agreement.beyond(q)
    excess = variance = 0.0
    for y in range(3):
        both = (L[:, 0] >= 0) & (L[:, 1] >= 0) & (truth == y)
        said = [np.eye(3)[L[both, j]] for j in (0, 1)]
        terms = ((said[0] - said[0].mean(axis=0)) * (said[1] - said[1].mean(axis=0))).sum(axis=1)
        excess, variance = excess + terms.sum(), variance + (terms**2).sum()
    assert found.excess[0, 1] == pytest.approx(excess)
    assert found.variance[0, 1] == pytest.approx(variance)


def test_what_classes_hide_is_missing_from_the_variance():
    L, _ = crowd(4, n=3_000, k=3, accuracy=0.6, coverage=0.5, m=5)
    problem = Problem.of(PatternCounts.of(Votes(L, classes=3)))
    q = problem.vote_shares(np.ones(len(problem.source)))
    dependence = Dependence(problem)
    found = dependence.agreement.beyond(q)
    # Row by row: the square of the expected term.
    x = problem.x.toarray()
    pair = [np.flatnonzero(problem.source == j) for j in (1, 3)]
    both = x[:, pair[0]].any(axis=1) & x[:, pair[1]].any(axis=1)
    said, weights = [x[both][:, p] for p in pair], problem.weights[both]
    expected = 0
    for y in range(3):
        w = weights * q[both, y]
        rates = [(w @ s) / w.sum() for s in said]
        expected = expected + q[both, y] * ((said[0] - rates[0]) * (said[1] - rates[1])).sum(axis=1)
    assert found.excess[1, 3] == pytest.approx(weights @ expected)
    assert found.variance[1, 3] == pytest.approx(weights @ expected**2)


def test_many_rows_go_the_sparse_way_to_the_same_end(monkeypatch):
    L, _ = crowd(5, n=400, k=3, accuracy=0.7, coverage=0.4, m=6)
    problem = Problem.of(PatternCounts.of(Votes(L, classes=3)))
    q = problem.vote_shares(np.ones(len(problem.source)))
    dense = Dependence(problem).agreement.beyond(q)
    monkeypatch.setattr("labelwright.labelmodels.default.agreement._DENSE_CELLS", 3)
    sparse = Dependence(problem).agreement
    assert sparse.dense is None
    for name in ("excess", "variance", "correlation"):
        np.testing.assert_allclose(getattr(sparse.beyond(q), name), getattr(dense, name), atol=1e-9)


def test_of_many_sources_those_with_the_most_votes_are_tested_and_all_compared(monkeypatch):
    L, _ = crowd(6, n=400, k=3, accuracy=0.7, coverage=0.4, m=6)
    L[::2, [0, 3]] = -1
    problem = Problem.of(PatternCounts.of(Votes(L, classes=3)))
    q = problem.vote_shares(np.ones(len(problem.source)))
    whole = Dependence(problem).agreement.beyond(q)
    monkeypatch.setattr("labelwright.labelmodels.default.agreement._MOST_FEATURES", 12)
    agreement = Dependence(problem).agreement
    assert agreement.tested.tolist() == [1, 2, 4, 5]
    found, tested = agreement.beyond(q), np.ix_([1, 2, 4, 5], [1, 2, 4, 5])
    np.testing.assert_allclose(found.correlation, whole.correlation, atol=1e-9)
    for name in ("excess", "variance"):
        np.testing.assert_allclose(getattr(found, name)[tested], getattr(whole, name)[tested], atol=1e-9)
        assert not getattr(found, name)[[0, 3]].any()
