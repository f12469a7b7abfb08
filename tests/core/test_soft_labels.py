from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.core import SoftLabels, break_ties
from labelwright.core.errors import VoteError


@pytest.mark.parametrize(
    ("probs", "fields", "says"),
    [
        ([[0.7, 0.7]], {}, "row 0 .* not a distribution"),
        ([[0.5, 0.5], [1.5, -0.5]], {}, "row 1"),
        ([[np.nan, 0.5]], {}, "row 0"),
        ([0.5, 0.5], {}, "shape"),
        ([[0.5, 0.5]], {"classes": ["a", "b", "c"]}, "must fit"),
        ([[0.5, 0.5]], {"covered": [True, False]}, "must fit"),
    ],
)
def test_bad_soft_labels_say_where(probs, fields, says):
    with pytest.raises(VoteError, match=says):
        SoftLabels(probs, **fields)


def test_soft_labels_are_read_only():
    soft = SoftLabels([[0.5, 0.5]])
    with pytest.raises(ValueError, match="read-only"):
        soft.probs[0, 0] = 1


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=30, unique=True), st.randoms())
def test_random_ties_belong_to_the_example_not_to_its_place(ids, random):
    order = list(range(len(ids)))
    random.shuffle(order)
    p = np.full((len(ids), 3), 1 / 3)
    first = break_ties(p, ties="random", example_ids=ids)
    again = break_ties(p, ties="random", example_ids=np.array(ids)[order])
    np.testing.assert_array_equal(first[order], again)


def test_random_ties_are_fair():
    got = break_ties(np.full((30_000, 3), 1 / 3), ties="random")
    # 5 standard deviations of a binomial count with n = 30,000 and p = 1/3.
    assert np.abs(np.bincount(got, minlength=3) - 10_000).max() < 5 * np.sqrt(30_000 * 2 / 9)


def test_ties_within_rounding_are_ties():
    p = [[0.5 + 1e-12, 0.5 - 1e-12]]
    assert break_ties(p).tolist() == [-1]
    assert break_ties(p, ties="prior", class_balance=[0.1, 0.9]).tolist() == [1]


def test_prior_ties_need_a_prior_and_other_words_are_refused():
    with pytest.raises(VoteError, match="needs class_balance"):
        break_ties([[0.5, 0.5]], ties="prior")
    with pytest.raises(VoteError, match="allowed: 'abstain', 'random', 'prior'"):
        break_ties([[0.5, 0.5]], ties="coin")


def test_rows_travel_with_their_ids():
    soft = SoftLabels([[1, 0], [0, 1]], [True, False], example_ids=["a", "b"])
    kept = soft.take([False, True])
    assert kept.example_ids.tolist() == ["b"]
    assert kept.covered.tolist() == [False]
    assert kept.predict().tolist() == [1]
