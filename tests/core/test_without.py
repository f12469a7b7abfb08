"""Stats without one sub-sum are the stats of the other rows."""

from __future__ import annotations

import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from labelwright.core import PatternCounts, VoteCounts, Votes
from labelwright.core.errors import ModelError

matrices = hnp.arrays(
    np.int8, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=20), elements=st.integers(-1, 2)
)


@pytest.mark.parametrize("kind", [VoteCounts, PatternCounts])
@given(matrices, st.data())
def test_dropping_a_sub_sum_is_counting_the_other_rows(kind, L, data):
    groups = np.arange(len(L)) // data.draw(st.integers(1, 4))
    votes = Votes(L, classes=3, groups=groups)
    gold = np.array(data.draw(st.lists(st.integers(-1, 2), min_size=len(L), max_size=len(L))))
    stats, gone = kind.of(votes, gold=gold), data.draw(st.sampled_from(votes.bucket.tolist()))
    kept = np.flatnonzero(votes.bucket != gone)
    assert stats.without(gone) == kind.of(votes.take(kept), gold=gold[kept])


def test_a_sample_without_a_sub_sum_keeps_its_level_and_the_exact_counts():
    votes = Votes(np.random.default_rng(0).integers(-1, 3, (400, 6)), classes=3)
    stats = PatternCounts.of(votes, limit=50)
    left = stats.without(3)
    kept = votes.take(np.flatnonzero(votes.bucket != 3))
    assert left.level == stats.level > 0
    assert left.counts == VoteCounts.of(kept)
    assert left.weights.sum() == stats.weights.sum() - stats.cell_counts[stats.cells[:, 2] == 3].sum()
    assert len(left.keys) == len(np.unique(left.cells[:, 0])) == left.patterns.shape[0]


@pytest.mark.parametrize("bucket", [-1, 32])
def test_there_are_32_sub_sums(bucket):
    stats = PatternCounts.of(Votes([[0, 1]]))
    for kind in (stats, stats.counts):
        with pytest.raises(ModelError, match="numbered 0 to 31"):
            kind.without(bucket)
