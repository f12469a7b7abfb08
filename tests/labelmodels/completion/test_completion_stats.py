from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright.core import PatternCounts, VoteFrame, Votes
from labelwright.labelmodels.completion.clique_patterns import merge_cliques
from labelwright.labelmodels.completion.completion_stats import RowSums, side_of
from labelwright.labelmodels.dependencies.cliques import CliqueCells
from labelwright.labelmodels.features import Features

GROUPS = ((), ((0, 3),), ((0, 1, 2), (4, 5)))
BOTH = {"d": [{0}, {1}, {0, 1}]}


def example(seed, n=200, m=6):
    rng = np.random.default_rng(seed)
    L = rng.integers(-1, 2, size=(n, m))
    L[:, 3] = rng.integers(-1, 3, size=n)
    return L, rng.integers(-1, 2, size=n)


def dense(L):
    return Votes(L, classes=2, sources=list("abcdef"), alphabet=BOTH)


def scattered(L):
    row, column = np.nonzero(L >= 0)
    return Votes.from_entries(
        row, column, L[row, column], shape=L.shape, classes=2, sources=list("abcdef"), alphabet=BOTH
    )


def cells_of(votes, groups):
    return tuple(CliqueCells.of(VoteFrame.of(votes), members) for members in groups)


@settings(deadline=None)
@given(st.integers(0, 1000), st.sampled_from(GROUPS))
def test_sums_are_those_over_rows_written_out(seed, groups):
    L, gold = example(seed)
    votes = dense(L)
    features = Features.of(VoteFrame.of(votes))
    x, side = features.matrix(votes).toarray(), side_of(features)
    home = np.arange(6)
    for members in groups:
        home[list(members)] = members[0]
    net = np.stack([x[:, home[features.source] == g] @ side[home[features.source] == g] for g in np.unique(home)], 1)
    sums = RowSums.of_votes(votes, gold, cells_of(votes, groups))
    for a, j in enumerate(features.source):
        others = np.delete(net, np.flatnonzero(np.unique(home) == home[j]), axis=1)
        pairs = (others.sum(axis=1) ** 2 - (others**2).sum(axis=1)) / 2
        assert sums.third.sum(axis=0)[a] == x[:, a] @ pairs
    for y in (0, 1):
        assert (sums.known.sum(axis=0)[y] == x[gold == y].sum(axis=0)).all()
    at = 0
    for cells in cells_of(votes, groups):
        code = cells.code(L)
        counted = sums.cells.sum(axis=0)[at : at + cells.count]
        assert (counted[:, -1] == np.bincount(code, minlength=cells.count)).all()
        assert (counted[code[0], :-1] == x[code == code[0]].sum(axis=0)).all()
        at += cells.count
    assert (sums.rows == np.bincount(votes.bucket, minlength=32)).all()


@pytest.mark.parametrize("groups", GROUPS)
def test_dense_sparse_and_distinct_rows_give_the_same_sums(groups):
    L, gold = example(0, n=3000)
    votes = dense(L)
    cliques = cells_of(votes, groups)
    one = RowSums.of_votes(votes, gold, cliques)
    other = RowSums.of_votes(scattered(L), gold, cliques)
    third = RowSums.of_patterns(PatternCounts.of(votes, gold=gold), cliques)
    for a, b, c in zip(one.arrays(), other.arrays(), third.arrays(), strict=True):
        assert np.array_equal(a, b)
        assert np.array_equal(a, c)


def test_many_sources_are_summed_exactly():
    rng = np.random.default_rng(0)
    L = rng.integers(-1, 2, size=(300, 700))
    row, column = np.nonzero(L >= 0)
    sparse = Votes.from_entries(row, column, L[row, column], shape=L.shape, classes=2)
    none = np.full(300, -1)
    one, other = (RowSums.of_votes(votes, none, ()) for votes in (Votes(L, classes=2), sparse))
    assert np.array_equal(one.third, other.third)


@pytest.mark.parametrize("k", [2, 4])
def test_merged_cliques_say_the_same_rows(k):
    rng = np.random.default_rng(1)
    L = rng.integers(-1, k, size=(500, 5))
    votes = Votes(L, classes=k, sources=list("edcba"))
    stats = PatternCounts.of(votes, gold=rng.integers(-1, k, size=500))
    cells = CliqueCells.of(stats.frame, (0, 2))
    merged = merge_cliques(stats, (cells,))
    assert merged.frame.sources == ("d", "b", "a", "c & e")
    rows, old = merged.patterns.dense(), stats.patterns.dense()
    assert (rows[:, :3] == old[:, [1, 3, 4]]).all()
    assert (rows[:, 3] == cells.code(old) - 1).all()
    assert (merged.counts.by_source("d") == stats.counts.by_source("d")).all()
    assert merged.counts.by_source("c & e").sum() == (L[:, [0, 2]] >= 0).any(axis=1).sum()
    meaning = dict(merged.frame.alphabet)["c & e"]
    for letters, classes in zip(cells.letters[1:], meaning, strict=True):
        assert classes == set(letters[letters >= 0].tolist())
