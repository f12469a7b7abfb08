"""Counts of claims: the laws of stats, over claims."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.core import Stats, Votes
from labelwright.core.claim_counts import ClaimCounts
from labelwright.core.claims import Claims
from labelwright.core.errors import ModelError

TABLE = st.lists(
    st.tuples(st.sampled_from("abcd"), st.integers(0, 4), st.sampled_from("xyz")),
    min_size=1,
    max_size=12,
    unique_by=lambda row: row[:2],
)


def claims(rows):
    return Claims(*map(list, zip(*rows, strict=True)))


@given(TABLE, st.integers(0, 31), st.booleans())
def test_partition_and_increment(rows, mask, known):
    found = claims(rows)
    gold = dict.fromkeys(range(3), "x") if known else None
    left = np.array([(mask >> i) & 1 for i in range(found.n)], dtype=bool)
    whole = ClaimCounts.of(found, gold=gold)
    one, other = (ClaimCounts.of(found.take(part), gold=gold) for part in (left, ~left))
    assert isinstance(whole, Stats)
    assert one + other == whole == other + one
    assert whole - one == other
    assert whole.items == found.n
    assert whole.claims == len(rows)


@given(TABLE)
def test_names_of_values_and_items_do_not_matter(rows):
    renamed = [(s, f"item {i}", {"x": 3, "y": 1, "z": 2}[v]) for s, i, v in rows]
    assert ClaimCounts.of(claims(rows)) == ClaimCounts.of(claims(renamed))


def test_gold_tells_patterns_apart():
    found = Claims(["a", "b"] * 3, [1, 1, 2, 2, 3, 3], ["x", "y"] * 3)
    counts = ClaimCounts.of(found, gold={1: "x", 2: "nobody says this", 99: "passed over"})
    assert sorted(counts.gold.tolist()) == [-2, -1, 0]
    assert len(ClaimCounts.of(found).counts) == 1


def test_what_was_not_added_cannot_be_taken_away():
    one, other = Claims(["a"], [1], ["x"]), Claims(["b"], [1], ["x"])
    with pytest.raises(ModelError, match="only what was added"):
        ClaimCounts.of(one) - ClaimCounts.of(other)


def test_votes_are_no_claims():
    with pytest.raises(ModelError, match="claims are a Votes; pass Claims, as read_claims returns"):
        ClaimCounts.of(Votes([[0, 1]]))
    with pytest.raises(ModelError, match="claims are a list"):
        ClaimCounts.rows_of([("a", 1, "x")])
