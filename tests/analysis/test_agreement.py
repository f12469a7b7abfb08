"""Pairwise agreement against brute force, dense and sparse."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from labelwright.analysis import pairwise_agreement
from labelwright.core import ABSTAIN, Votes

tables = hnp.arrays(np.int8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=8), elements=st.integers(-1, 2))


@given(tables)
def test_equals_brute_force_dense_and_sparse(values: np.ndarray) -> None:
    m = values.shape[1]
    both = np.array([[((values[:, i] >= 0) & (values[:, j] >= 0)).sum() for j in range(m)] for i in range(m)])
    agree = np.array(
        [[((values[:, i] >= 0) & (values[:, i] == values[:, j])).sum() for j in range(m)] for i in range(m)]
    )
    rows, columns = np.nonzero(values != ABSTAIN)
    sparse = Votes.from_entries(rows, columns, values[rows, columns], shape=values.shape)
    for votes in (Votes(values), sparse):
        found = pairwise_agreement(votes)
        assert (found.both == both).all()
        assert (found.agree == agree).all()


def test_rate_is_nan_where_a_pair_never_meets() -> None:
    found = pairwise_agreement([[0, -1, 1], [-1, 0, 1]])
    assert np.isnan(found.rate[0, 1])
    assert found.rate[0, 2] == 0
    assert found.overlap[0, 1] == 0
    assert found.conflict[0, 2] == 0.5


def test_partial_votes_agree_where_some_class_satisfies_both() -> None:
    votes = Votes(
        [[0, 1, 0], [0, 0, 0]],
        classes=3,
        sources=["not_0", "plain", "not_2"],
        alphabet={"not_0": [[1, 2]], "not_2": [[0, 1]]},
    )
    assert pairwise_agreement(votes).agree.tolist() == [[2, 1, 2], [1, 2, 2], [2, 2, 2]]


def test_top_conflicts_are_sorted_and_leave_out_pairs_at_peace() -> None:
    found = pairwise_agreement(Votes([[0, 1, 0], [0, 1, 1]], sources=["a", "b", "c"]))
    assert found.top_conflicts() == [("a", "b", 2, 2), ("a", "c", 1, 2), ("b", "c", 1, 2)]
    assert found.top_conflicts(1) == [("a", "b", 2, 2)]
    assert pairwise_agreement([[1, 1]]).top_conflicts() == []
