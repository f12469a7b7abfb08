"""Claims: what they refuse, and that the numbering of values does not depend on the other items."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.core.claims import Claims, FusedValues
from labelwright.core.errors import VoteError

TABLE = st.lists(
    st.tuples(st.sampled_from("abcd"), st.integers(0, 4), st.sampled_from("xyz")),
    min_size=1,
    max_size=12,
    unique_by=lambda row: row[:2],
)


def claims(rows):
    return Claims(*map(list, zip(*rows, strict=True)))


@given(TABLE, st.randoms(use_true_random=False))
def test_order_of_rows_does_not_matter(rows, chance):
    one = claims(rows)
    chance.shuffle(rows)
    other = claims(rows)
    for what in ("items", "values", "source", "item", "value"):
        assert np.array_equal(getattr(one, what), getattr(other, what))
    told = {
        (one.sources[s], one.items[i], one.values[v]) for s, i, v in zip(one.source, one.item, one.value, strict=True)
    }
    assert told == set(rows)


@given(TABLE)
def test_candidates_are_the_different_values_of_each_item(rows):
    found = claims(rows)
    item, value, chosen = found.candidates
    assert np.array_equal(item[chosen], found.item)
    assert np.array_equal(value[chosen], found.value)
    assert len(item) == len({row[1:] for row in rows})
    for i in range(found.n):
        first = min(row[0] for row in rows if row[1] == found.items[i])
        said = next(row[2] for row in rows if row[:2] == (first, found.items[i]))
        assert found.values[value[item == i][0]] == said


@given(TABLE)
def test_taking_items_takes_their_claims(rows):
    found = claims(rows).take([0])
    kept = [row for row in rows if row[1] == min(r[1] for r in rows)]
    assert len(found) == len(kept)
    assert found.sources == tuple(sorted({row[0] for row in kept}))


def test_values_of_different_kinds_stay_apart():
    found = Claims(["a", "b", "c", "d"], [1, 1, 1, 1], [1, True, 1.0, "1"])
    assert len(found.values) == 4


def test_arrays_are_read_only():
    found = Claims(["a"], [1], ["x"])
    with pytest.raises(ValueError, match="read-only"):
        found.value[0] = 3


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ((["a", "a"], [1, 1], ["x", "y"]), ["'a' claims x and y about item 1", "policy for repeats"]),
        ((["a"], [1, 2], ["x", "y"]), ["differ in length: 1 of source, 2 of item"]),
        ((["a", None], [1, 2], ["x", "y"]), ["source is missing at position 1"]),
        ((["a"], [1], [float("nan")]), ["value is missing at position 0"]),
        ((["a"], [1.5], ["x"]), ["items are integers or strings"]),
        ((["a"], [1], [{"x": 1}]), ["cannot be compared", "text, numbers or tuples"]),
        ((["a"], [[1]], ["x"]), ["item"]),
    ],
)
def test_bad_columns_are_refused(columns, words):
    with pytest.raises(VoteError) as error:
        Claims(*columns)
    for word in words:
        assert word in str(error.value)


def test_fused_values_score_known_items_only():
    fused = FusedValues(np.array([1, 2]), np.array([0, 0, 1]), np.array(["x", "y", "z"]), np.array([0.2, 0.7, 0.5]))
    assert fused.values.tolist() == ["y", "z"]
    assert fused.score({1: "x", 2: "z", 3: "q"}) == 0.5
    with pytest.raises(VoteError, match="nothing to score"):
        fused.score({9: "x"})
