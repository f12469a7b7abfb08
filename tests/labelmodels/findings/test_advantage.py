from __future__ import annotations

import numpy as np
import pytest

from labelwright.core import PatternCounts, Votes
from labelwright.core.errors import ModelError
from labelwright.labelmodels.findings.advantage import advantage, advantage_bound


def draw(seed, density, *, k=2, m=100, n=4000):
    """Sources whose log-odds of being right lie between .5 and 1.5; ``density`` votes per example."""
    rng = np.random.default_rng(seed)
    weights = rng.uniform(0.5, 1.5, m)
    truth = rng.integers(k, size=n)
    right = rng.random((n, m)) < 1 / (1 + (k - 1) * np.exp(-weights))
    L = np.where(right, truth[:, None], (truth[:, None] + rng.integers(1, k, (n, m))) % k)
    L[rng.random((n, m)) >= density / m] = -1
    return Votes(L, classes=k), weights, truth


@pytest.mark.parametrize("density", [0.2, 0.5, 1, 2, 5, 10, 30])
@pytest.mark.parametrize("k", [2, 3])
def test_the_bound_holds_for_sparse_and_dense_votes(density, k):
    for seed in range(3):
        votes, weights, truth = draw(seed, density, k=k)
        best = advantage(votes, weights, truth)
        assert advantage_bound(PatternCounts.of(votes)) >= best - 2 / np.sqrt(votes.n) * np.sqrt(max(best, 0))


def test_without_ties_it_would_be_no_bound():
    votes, weights, truth = draw(0, 2.0, n=20_000)
    best = advantage(votes, weights, truth)
    ours = np.where(votes.values == 1, 1, np.where(votes.values == 0, -1, 0)).sum(axis=1)
    untied = votes.take(np.flatnonzero(ours != 0))
    printed = advantage_bound(PatternCounts.of(untied)) * untied.n / votes.n
    assert printed < best < advantage_bound(PatternCounts.of(votes))


def test_there_is_nothing_to_gain_without_disagreement():
    votes = Votes([[1, 1, -1], [0, -1, -1], [-1, -1, -1]])
    assert advantage_bound(PatternCounts.of(votes)) == 0
    assert advantage(votes, [1, 2, 3], [1, 0, 0]) == 0


def test_a_unanimous_majority_cannot_be_outvoted_by_small_minorities():
    # Four to one: the one would need four times the weight, and three times is the most.
    assert advantage_bound(PatternCounts.of(Votes([[1, 1, 1, 1, 0]]))) == 0
    assert advantage_bound(PatternCounts.of(Votes([[1, 1, -1, -1, 0]]))) == pytest.approx(1 / (1 + np.e))


def test_an_advantage_may_be_negative():
    assert advantage(Votes([[1, 1, 0]]), [1, 1, 5], [1]) == -1


def test_a_vote_for_a_set_of_classes_is_shared_among_them():
    votes = Votes([[0, 0]], classes=3, sources=["a", "b"], alphabet={"b": [{1, 2}]})
    e = np.exp([1, 0.5])
    assert advantage_bound(PatternCounts.of(votes)) == pytest.approx(2 * e[1] / (e[0] + 2 * e[1]))


@pytest.mark.parametrize("weights", [(0, 1, 2), (1, 0.5, 2), (1, 2, 1.5)])
def test_weights_rise(weights):
    with pytest.raises(ModelError, match="rise"):
        advantage_bound(PatternCounts.of(Votes([[1]])), low=weights[0], mean=weights[1], high=weights[2])


def test_wrong_shapes_are_refused():
    with pytest.raises(ModelError, match="2 sources"):
        advantage(Votes([[0, 1]]), [1], [0])
    with pytest.raises(ModelError, match="no rows"):
        advantage_bound(PatternCounts.of(Votes(np.empty((0, 2), dtype=int))))
