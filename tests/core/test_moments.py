from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright.core import VoteCounts, VoteFrame, Votes, bit_counts, co_occurrence
from labelwright.core.co_occurrence import tally
from labelwright.core.errors import ModelError
from labelwright.core.moments import MomentCounts

ALPHABET = {"1": [{0}, {1}, {0, 1}, {1}, {0}], "2": [{1}]}


def votes_of(L: np.ndarray, *, sparse: bool = False, **fields) -> Votes:
    if not sparse:
        return Votes(L, **fields)
    row, column = np.nonzero(L >= 0)
    return Votes.from_entries(row, column, L[row, column], shape=L.shape, **fields)


def world(seed: int, n: int, m: int = 4, k: int = 2, *, sparse: bool = False, **fields) -> Votes:
    rng = np.random.default_rng(seed)
    L = np.where(rng.random((n, m)) < rng.random(m), rng.integers(0, k, (n, m)), -1)
    return votes_of(L, sparse=sparse, classes=k, **fields)


def one_hot(votes: Votes) -> tuple[np.ndarray, np.ndarray]:
    """The dense matrix that the stats never make, and the source of each of its columns."""
    sizes = VoteFrame.of(votes).sizes
    start = np.cumsum(sizes) - sizes
    x = np.zeros((votes.n, int(sizes.sum())), dtype=np.int64)
    row, column = np.nonzero(votes.values >= 0)
    x[row, start[column] + votes.values[row, column]] = 1
    return x, np.repeat(np.arange(votes.m), sizes)


def check_against_one_hot(votes: Votes, stats: MomentCounts) -> None:
    x, source = one_hot(votes)
    f = len(source)
    for bucket in range(32):
        part = x[votes.bucket == bucket]
        table = np.zeros(f * f, dtype=np.int64)
        cells = slice(stats.indptr[bucket], stats.indptr[bucket + 1])
        assert (np.diff(stats.pairs[cells]) > 0).all()
        table[stats.pairs[cells]] = stats.pair_counts[cells]
        expected = np.where(source[:, None] < source[None, :], part.T @ part, 0)
        assert np.array_equal(table.reshape(f, f), expected)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize(("n", "m", "k"), [(0, 3, 2), (1, 1, 2), (700, 5, 3), (900, 35, 2), (300, 9, 8)])
def test_both_ways_count_what_the_one_hot_matrix_holds(n, m, k, dense, sparse, monkeypatch):
    monkeypatch.setattr(co_occurrence, "_bits_are_cheaper", lambda votes, f: dense)
    votes = world(0, n, m, k, sparse=sparse)
    stats = MomentCounts.of(votes)
    check_against_one_hot(votes, stats)
    assert stats.counts == VoteCounts.of(votes)


@pytest.mark.parametrize("dense", [False, True])
def test_alphabets_and_wide_codes_are_counted(dense, monkeypatch):
    monkeypatch.setattr(co_occurrence, "_bits_are_cheaper", lambda votes, f: dense)
    rng = np.random.default_rng(1)
    L = np.stack([rng.integers(-1, top, 400) for top in (2, 5, 1, 2)], axis=1)
    votes = Votes(L, classes=2, alphabet=ALPHABET)
    check_against_one_hot(votes, MomentCounts.of(votes))
    wide = Votes(rng.integers(-1, 300, (200, 3)), classes=300)
    check_against_one_hot(wide, MomentCounts.of(wide))


@pytest.mark.parametrize(("planes", "threads"), [(0, "1"), (0, "2"), (10**9, "2")])
@pytest.mark.parametrize("dense", [False, True])
def test_blocks_and_threads_change_nothing(dense, planes, threads, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    votes = world(2, 3000, 12, 3)
    whole = tally(votes, votes.bucket, dense=dense)
    for name, value in {"_READ_ROWS": 100, "_SORTED_PAIRS": 50}.items():
        monkeypatch.setattr(co_occurrence, name, value)
    for name, value in {
        "_BITS": 1000 * 36,
        "_PACKED_ROWS": 100,
        "_TILE_WORDS": 8,
        "_TRANSPOSED_WORDS": 3,
        "_TABLE_CELLS": 36 * 36 * 5,
        "_PLANE_ROWS": planes,
        "_LANE_UNITS": 1,
    }.items():
        monkeypatch.setattr(bit_counts, name, value)
    again = tally(votes, votes.bucket, dense=dense)
    assert all(np.array_equal(getattr(whole, a), getattr(again, a)) for a in whole.__slots__)


@pytest.mark.parametrize("n", [200_000, 300_000])
def test_bytes_and_lanes_hold_the_largest_sums(n):
    """One group puts all rows into one sub-sum, and every source votes on every row."""
    votes = Votes(np.zeros((n, 2), dtype=np.int8), classes=2, groups=np.zeros(n, dtype=int))
    found = tally(votes, votes.bucket, dense=True)
    assert found.counts.tolist() == [n]
    assert found.votes.sum(axis=0).tolist() == [n, 0, n, 0]


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10**6), st.integers(0, 60), st.integers(1, 6), st.integers(2, 4), st.booleans(), st.integers(1, 5)
)
def test_any_partition_in_any_order_gives_the_same_bits(seed, n, m, k, sparse, pieces):
    votes = world(seed, n, m, k, sparse=sparse)
    rng = np.random.default_rng(seed)
    gold = rng.integers(-1, k, n)
    whole = MomentCounts.of(votes, gold=gold)
    parts = np.array_split(rng.permutation(n), pieces)
    first, *rest = (MomentCounts.of(votes.take(p), gold=gold[p]) for p in parts)
    assert sum(rest, first) == whole
    left = whole
    for p in parts[1:]:
        left = left - MomentCounts.of(votes.take(p), gold=gold[p])
    assert left == first


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.booleans())
def test_reordering_sources_keeps_the_meaning(seed, sparse):
    votes = world(seed, 80, 4, 3, sparse=sparse)
    order = np.random.default_rng(seed).permutation(4)
    stats, moved = MomentCounts.of(votes), MomentCounts.of(votes.select([str(j) for j in order]))
    for a in range(4):
        for b in range(4):
            if a != b:
                assert np.array_equal(stats.table(str(a), str(b)), moved.table(str(a), str(b)))
    values = np.random.default_rng(seed).normal(size=(4, 3, 2))
    one = stats.second_moments(values.reshape(12, 2))[np.ix_(order, order)]
    np.testing.assert_allclose(moved.second_moments(values[order].reshape(12, 2)), one, atol=1e-9)


def test_tables_count_abstains():
    votes = world(3, 500, 3, 3)
    table = MomentCounts.of(votes).table("2", "0")
    for a in range(-1, 3):
        for b in range(-1, 3):
            assert table[a + 1, b + 1] == ((votes.values[:, 2] == a) & (votes.values[:, 0] == b)).sum()


def test_second_moments_are_those_of_the_values():
    votes = world(4, 300, 5, 3)
    x, source = one_hot(votes)
    values = np.random.default_rng(0).normal(size=15)
    per_source = np.stack([(x * values)[:, source == j].sum(axis=1) for j in range(5)], axis=1)
    np.testing.assert_allclose(MomentCounts.of(votes).second_moments(values), per_source.T @ per_source, atol=1e-9)


@pytest.mark.parametrize("bucket", [0, 7, 31])
def test_without_a_sub_sum_is_a_count_without_its_rows(bucket):
    votes = world(5, 400, 4, 2)
    gold = np.random.default_rng(0).integers(-1, 2, 400)
    kept = votes.bucket != bucket
    assert MomentCounts.of(votes, gold=gold).without(bucket) == MomentCounts.of(votes.take(kept), gold=gold[kept])


def test_what_was_not_added_is_not_taken_away():
    a, b = Votes([[0, -1], [-1, 1]], groups=[0, 0]), Votes([[0, 1]], groups=[0])
    with pytest.raises(ModelError, match="do not contain"):
        MomentCounts.of(a) - MomentCounts.of(b)
    with pytest.raises(ModelError, match="sources"):
        MomentCounts.of(a) + MomentCounts.of(Votes([[0, 1]], sources=["x", "y"]))
    with pytest.raises(ModelError, match="two different"):
        MomentCounts.of(a).table("0", "0")


@pytest.mark.parametrize(("m", "k"), [(2000, 2), (30, 1500)])
def test_thousands_of_features_are_counted_without_their_square(m, k):
    rng = np.random.default_rng(0)
    n = 1000
    row = np.repeat(np.arange(n), 8)
    column = np.concatenate([rng.choice(m, 8, replace=False) for _ in range(n)])
    votes = Votes.from_entries(row, column, rng.integers(0, k, n * 8), shape=(n, m), classes=k)
    tracemalloc.start()
    stats = MomentCounts.of(votes)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert int(stats.pair_counts.sum()) == n * 28
    assert peak < (m * k) ** 2
