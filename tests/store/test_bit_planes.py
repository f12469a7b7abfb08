"""Bit planes: votes come back as they were, row by row too; equal votes are equal bytes; other bytes are refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from labelwright.core.errors import DataError
from labelwright.store import bit_planes

VOTES = st.integers(0, 15).flatmap(
    lambda bits: hnp.arrays(np.int16, st.integers(0, 40), elements=st.integers(-1, 2**bits - 1))
)


@given(VOTES)
def test_votes_come_back_as_they_were(votes):
    content = bit_planes.encode(votes)
    found = bit_planes.decode(content)
    np.testing.assert_array_equal(found, votes)
    assert found.dtype == (np.int8 if votes.max(initial=0) <= 127 else np.int16)
    assert [bit_planes.at(content, row) for row in range(len(votes))] == votes.tolist()


@given(VOTES)
def test_votes_that_were_cast_are_read_one_by_one(votes):
    content = bit_planes.encode(votes)
    rows, codes = bit_planes.entries(content)
    np.testing.assert_array_equal(rows, np.flatnonzero(votes >= 0))
    np.testing.assert_array_equal(codes, votes[votes >= 0])
    assert bit_planes.votes_cast(content) == len(rows)


@given(VOTES)
def test_equal_votes_are_equal_bytes_and_as_few_as_promised(votes):
    content = bit_planes.encode(votes)
    assert bit_planes.encode(votes.astype(np.int64)) == content == bit_planes.encode(votes.tolist() or votes)
    k = max(int(votes.max(initial=0)), 0) + 1
    planes = 1 + int(np.ceil(np.log2(k)))
    assert len(content) == 16 + planes * ((len(votes) + 7) // 8)


@given(VOTES)
def test_votes_go_into_a_column_of_a_matrix(votes):
    matrix = np.full((len(votes), 3), 7, dtype=np.int16)
    column = matrix[:, 1]
    assert bit_planes.decode(bit_planes.encode(votes), column) is column
    np.testing.assert_array_equal(matrix[:, 1], votes)
    assert (matrix[:, [0, 2]] == 7).all()


@pytest.mark.parametrize("codes", [[-2], [2**15], [0.5], [[0, 1]]])
def test_what_is_no_vote_is_refused(codes):
    with pytest.raises(DataError):
        bit_planes.encode(np.array(codes))


def test_a_column_of_another_shape_or_too_small_a_type_is_refused():
    small, large = bit_planes.encode([0, 1]), bit_planes.encode([0, 300])
    with pytest.raises(DataError, match="do not fit"):
        bit_planes.decode(small, np.zeros(3, np.int8))
    with pytest.raises(DataError, match="do not fit"):
        bit_planes.decode(large, np.zeros(2, np.int8))


@pytest.mark.parametrize("row", [-1, 3])
def test_a_row_that_is_not_there_is_an_error(row):
    with pytest.raises(IndexError, match="rows 0 to 2"):
        bit_planes.at(bit_planes.encode([0, 1, -1]), row)


@given(st.binary(max_size=40), st.integers(0, 30))
def test_other_bytes_are_refused(noise, cut):
    content = bit_planes.encode(np.arange(100) % 5 - 1)
    for wrong in (noise, content[: len(content) - 1 - cut], content + b"\0"):
        with pytest.raises(DataError, match="no votes in bit planes"):
            bit_planes.decode(wrong)
