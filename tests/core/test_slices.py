"""Membership in slices: checked at birth, taken and selected without losing names or ids."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from labelwright.core.errors import SliceError
from labelwright.core.failures import Failure
from labelwright.core.slices import Slices, as_slices

members = hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=6))


@given(members)
def test_every_matrix_of_truth_values_is_membership(member: np.ndarray) -> None:
    slices = Slices(member)
    assert (slices.n, len(slices)) == member.shape
    assert slices.sizes.tolist() == member.sum(axis=0).tolist()
    for column, name in enumerate(slices.names):
        assert np.array_equal(slices[name], member[:, column])
    assert not slices.member.flags.writeable


@given(members, st.randoms(use_true_random=False))
def test_taking_and_selecting_commute(member: np.ndarray, chance) -> None:
    slices = Slices(member, example_ids=[f"e{row}" for row in range(len(member))] or np.zeros(0, dtype=str))
    rows = chance.sample(range(len(member)), k=len(member) // 2)
    names = chance.sample(list(slices.names), k=len(slices) // 2)
    one, other = slices.take(rows).select(names), slices.select(names).take(rows)
    assert np.array_equal(one.member, other.member)
    assert one.example_ids.tolist() == other.example_ids.tolist() == [f"e{row}" for row in rows]
    assert one.names == tuple(names)


def test_the_callers_array_is_neither_kept_nor_frozen() -> None:
    member = np.ones((2, 1), dtype=bool)
    slices = Slices(member)
    member[0, 0] = False
    assert slices.member.all()


@pytest.mark.parametrize(
    ("member", "said"),
    [
        ([True, False], r"shape \(2,\).*member\[:, None\]"),
        ([[1.0, np.nan]], "NaN"),
        ([[0.5]], "probabilities"),
        ([[2]], "codes"),
        ([["yes"]], "other than True and False"),
        ([[True], [True, False]], "ragged"),
    ],
)
def test_what_is_no_membership_is_refused(member, said: str) -> None:
    with pytest.raises(SliceError, match=said):
        Slices(member)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"names": ["a"]}, "1 names for 2 slices"),
        ({"names": ["a", "a"]}, "two slices are called 'a'"),
        ({"names": ["a", " "]}, "needs a name"),
        ({"names": "ab"}, "single string"),
        ({"example_ids": [1]}, r"shape \(1,\)"),
        ({"example_ids": [1, 1, 2]}, "more than once"),
        ({"example_ids": [0.5, 1.0, 2.0]}, "float64"),
    ],
)
def test_names_and_ids_must_fit(arguments, said: str) -> None:
    with pytest.raises(SliceError, match=said):
        Slices(np.zeros((3, 2), dtype=bool), **arguments)


def test_an_unknown_slice_is_named_with_those_there_are() -> None:
    with pytest.raises(SliceError, match=r"no slice 'c'; there are: a, b"):
        Slices([[True, False]], ["a", "b"])["c"]


def test_failures_go_with_their_slice() -> None:
    slices = Slices([[True, False]], ["a", "b"], failures=[Failure("a", 1), Failure("b", 2)])
    assert slices.select(["b"]).failures == (Failure("b", 2),)
    again = pickle.loads(pickle.dumps(slices))
    assert again.failures == slices.failures
    assert not again.member.flags.writeable


def test_slices_must_be_of_the_same_examples() -> None:
    assert as_slices(None, 4).member.shape == (4, 0)
    assert as_slices([[1], [0]], 2)["0"].tolist() == [True, False]
    with pytest.raises(SliceError, match="of 2 examples, but there are 3"):
        as_slices([[1], [0]], 3)
