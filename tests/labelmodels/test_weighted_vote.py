from __future__ import annotations

import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
from hypothesis import assume, given

from labelwright.labelmodels.weighted_vote import WeightedVote

matrices = hnp.arrays(
    np.int8, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=8), elements=st.integers(-1, 2)
)


@given(matrices)
def test_it_is_the_share_of_weight(L):
    assume((L >= 0).any())
    counts = np.stack([np.count_nonzero(c == L, axis=1) for c in range(3)], axis=1)
    top = counts == counts.max(axis=1, keepdims=True)
    agree = [[top[i, c] / top[i].sum() for i, c in enumerate(column) if c >= 0] for column in L.T]
    weights = [np.mean(a) if a else 0.5 for a in agree]
    model = WeightedVote(cardinality=3).fit(L)
    np.testing.assert_allclose(model.params_.weights, weights)
    for row, p in zip(L, model.predict_proba(L), strict=True):
        mass = np.array([sum(w for w, c in zip(weights, row, strict=True) if c == y) for y in range(3)])
        if mass.sum() > 0:
            np.testing.assert_allclose(p, mass / mass.sum())


def test_known_classes_stand_for_the_majority():
    L = np.array([[0, 0, 1], [0, 0, 1], [0, 0, 1], [1, 1, 0]])
    model = WeightedVote(cardinality=2).fit(L, [1, 1, 1, 0])
    assert model.params_.weights.tolist() == [0.0, 0.0, 1.0]
    assert model.predict(L).tolist() == [1, 1, 1, 0]


def test_votes_that_weigh_nothing_count_alike():
    L = np.array([[0, 0, 1], [0, 0, 1]])
    model = WeightedVote(cardinality=2).fit(L)
    np.testing.assert_allclose(model.predict_proba([[-1, -1, 1]]), [[0, 1]])


def test_a_good_minority_wins():
    rng = np.random.default_rng(0)
    truth = rng.integers(2, size=2000)
    right = rng.random((2000, 5)) < [0.95, 0.95, 0.55, 0.55, 0.55]
    L = np.where(right, truth[:, None], 1 - truth[:, None])
    assert WeightedVote().fit(L).predict_proba([[1, 1, 0, 0, 0]])[0, 1] > 0.4
