from __future__ import annotations

import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from labelwright.core import PatternCounts, Stats, VoteCounts, Votes
from labelwright.core.errors import ModelError, VoteError

matrices = hnp.arrays(
    np.int8, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=14), elements=st.integers(-1, 2)
)
KINDS = {
    "counts": lambda votes, gold: VoteCounts.of(votes, gold=gold),
    "patterns": lambda votes, gold: PatternCounts.of(votes, gold=gold),
    "a sample": lambda votes, gold: PatternCounts.of(votes, gold=gold, limit=3),
}


def as_votes(L, *, sparse: bool, spread: int) -> Votes:
    ids = np.arange(len(L)) * 7919 + spread
    if not sparse:
        return Votes(L, classes=3, example_ids=ids)
    row, column = np.nonzero(L >= 0)
    return Votes.from_entries(row, column, L[row, column], shape=L.shape, classes=3, example_ids=ids)


@pytest.mark.parametrize("kind", KINDS)
@given(matrices, st.booleans(), st.integers(0, 10**6), st.data())
def test_stats_do_not_depend_on_partition_or_order(kind, L, sparse, spread, data):
    votes = as_votes(L, sparse=sparse, spread=spread)
    gold = np.array(data.draw(st.lists(st.integers(-1, 2), min_size=len(L), max_size=len(L))))
    order = np.array(data.draw(st.permutations(range(len(L)))))
    cuts = data.draw(st.lists(st.integers(0, len(L)), max_size=3))
    pieces = np.split(order, sorted(cuts))
    parts = [KINDS[kind](votes.take(p), gold[p]) for p in data.draw(st.permutations(pieces))]
    merged = parts[0]
    for part in parts[1:]:
        merged = merged + part
    assert merged == KINDS[kind](votes, gold)
    assert isinstance(merged, Stats)


@pytest.mark.parametrize("kind", ["counts", "patterns"])
@given(matrices, st.integers(0, 14))
def test_what_was_added_can_be_taken_away(kind, L, cut):
    votes, gold = as_votes(L, sparse=False, spread=0), np.full(len(L), -1)
    old, new = slice(0, cut), slice(cut, None)
    whole = KINDS[kind](votes, gold)
    assert whole - KINDS[kind](votes.take(old), gold[old]) == KINDS[kind](votes.take(new), gold[new])


@given(matrices)
def test_sparse_and_dense_votes_have_the_same_stats(L):
    a, b = (as_votes(L, sparse=s, spread=5) for s in (True, False))
    assert PatternCounts.of(a) == PatternCounts.of(b)


@given(matrices)
def test_counts_are_what_numpy_counts(L):
    votes = as_votes(L, sparse=False, spread=0)
    counts, patterns = VoteCounts.of(votes), PatternCounts.of(votes)
    for j, source in enumerate(votes.sources):
        assert counts.by_source(source).tolist() == [(L[:, j] == c).sum() for c in range(3)]
    rows, times = np.unique(L, axis=0, return_counts=True)
    found = dict(zip(map(bytes, patterns.patterns.dense().astype(np.int8)), patterns.weights, strict=True))
    assert found == dict(zip(map(bytes, rows), times, strict=True))


@given(matrices, st.randoms())
def test_pattern_keys_know_sources_by_name(L, random):
    votes = as_votes(L, sparse=False, spread=0)
    names = list(votes.sources)
    random.shuffle(names)
    silent = Votes(
        np.c_[L, np.full(len(L), -1)], classes=3, sources=[*votes.sources, "mute"], example_ids=votes.example_ids
    )
    keys = PatternCounts.of(votes).keys.tolist()
    assert PatternCounts.of(votes.select(names)).keys.tolist() == keys
    assert PatternCounts.of(silent).keys.tolist() == keys


def test_past_the_limit_the_patterns_are_those_of_a_uniform_sample_of_rows():
    rng = np.random.default_rng(0)
    # One heavy row among many light ones: a sample of distinct rows would lose it, a sample of rows cannot.
    heavy = rng.random(40_000) < 0.3
    L = np.where(heavy[:, None], 1, rng.integers(0, 2, (40_000, 14)))
    stats = PatternCounts.of(Votes(L), limit=1_000)
    assert stats.level > 0
    assert 300 < len(stats.keys) <= 1_000
    assert int(stats.counts.rows.sum()) == 40_000
    share = stats.weights.max() / stats.weights.sum()
    assert abs(share - 0.3) < 4 * np.sqrt(0.21 / stats.weights.sum())
    assert abs(stats.weights.sum() * 2**stats.level / 40_000 - 1) < 0.2


def test_a_sample_cannot_be_taken_away_from():
    votes = Votes(np.arange(64).reshape(16, 4) % 3)
    whole = PatternCounts.of(Votes(np.indices((3,) * 4).reshape(4, -1).T), limit=8)
    with pytest.raises(ModelError, match="merge the stats of the parts"):
        whole - PatternCounts.of(votes.take([0]), limit=8)


@pytest.mark.parametrize("kind", [VoteCounts, PatternCounts])
def test_rows_that_were_never_added_cannot_be_taken_away(kind):
    votes = Votes([[0, 1], [1, 1], [1, 0]])
    with pytest.raises(ModelError, match="subtract only what was added"):
        kind.of(votes.take([0, 1])) - kind.of(votes.take([2]))


@pytest.mark.parametrize("kind", [VoteCounts, PatternCounts])
def test_stats_of_different_sources_do_not_merge(kind):
    with pytest.raises(ModelError, match="differ in their sources"):
        kind.of(Votes([[0]], sources=["a"])) + kind.of(Votes([[0]], sources=["b"]))
    with pytest.raises(ModelError, match="differ in their classes"):
        kind.of(Votes([[0]], classes=2)) + kind.of(Votes([[0]], classes=3))


def test_limits_must_agree():
    with pytest.raises(ModelError, match="different limits"):
        PatternCounts.of(Votes([[0]])) + PatternCounts.of(Votes([[0]]), limit=9)


@pytest.mark.parametrize(
    ("gold", "message"), [([0], "shape"), ([0, 5], "gold holds 5"), (["ham", "eggs"], "'eggs' at position 1")]
)
def test_bad_gold_is_refused(gold, message):
    with pytest.raises(VoteError, match=message):
        VoteCounts.of(Votes([[0], [1]], classes=["ham", "spam"]), gold=gold)


def test_gold_by_name_is_gold_by_code():
    votes = Votes([[0], [1], [1]], classes=["ham", "spam"])
    assert PatternCounts.of(votes, gold=["spam", None, "ham"]) == PatternCounts.of(votes, gold=[1, -1, 0])
    assert VoteCounts.of(votes, gold=["spam", None, "ham"]).gold.sum(axis=0).tolist() == [1, 1]
