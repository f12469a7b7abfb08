from __future__ import annotations

import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
from hypothesis import assume, given

from labelwright.core import Votes
from labelwright.labelmodels import MajorityVote

matrices = hnp.arrays(
    np.int8, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=8), elements=st.integers(-1, 2)
)


@given(matrices)
def test_it_is_the_share_of_votes(L):
    assume((L >= 0).any())
    probs = MajorityVote(cardinality=3).fit(L).predict_proba(L)
    for row, p in zip(L, probs, strict=True):
        cast = row[row >= 0]
        expected = [np.mean(cast == c) if len(cast) else 1 / 3 for c in range(3)]
        np.testing.assert_allclose(p, expected)


def test_a_vote_for_a_set_is_spread_over_it():
    votes = Votes([[0, 1], [1, -1]], classes=3, sources=["not", "plain"], alphabet={"not": [{0, 2}, {0, 1, 2}]})
    probs = MajorityVote().fit(votes).predict_proba(votes)
    np.testing.assert_allclose(probs, [[0.25, 0.5, 0.25], [1 / 3, 1 / 3, 1 / 3]])


def test_examples_without_votes_get_the_balance_of_gold():
    soft = MajorityVote(cardinality=2).fit([[0], [0], [-1]], [0, 0, 0]).soft_labels([[-1]])
    np.testing.assert_allclose(soft.probs, [[4 / 5, 1 / 5]])
    assert not soft.covered.any()
