"""Label buckets partition the examples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.analysis import label_buckets
from labelwright.core.errors import VoteError


@given(st.lists(st.tuples(st.integers(-1, 2), st.sampled_from("xyz")), min_size=1, max_size=30))
def test_partition(pairs: list[tuple[int, str]]) -> None:
    first, second = zip(*pairs, strict=True)
    buckets = label_buckets(first, second)
    assert sorted(int(i) for where in buckets.values() for i in where) == list(range(len(pairs)))
    assert list(buckets) == sorted(set(pairs))
    for key, where in buckets.items():
        assert all(pairs[i] == key for i in where)
        assert (np.diff(where) > 0).all()


def test_no_examples_no_buckets() -> None:
    assert label_buckets([], []) == {}


def test_three_labelings() -> None:
    assert list(label_buckets([0, 0], [1, 1], [0, 1])) == [(0, 1, 0), (0, 1, 1)]


@pytest.mark.parametrize(("labels", "words"), [(([0], [0, 1]), "differ in shape"), ((), "at least one")])
def test_refuses(labels: tuple[list[int], ...], words: str) -> None:
    with pytest.raises(VoteError, match=words):
        label_buckets(*labels)
