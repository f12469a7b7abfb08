"""Dependencies learned from votes: checks B1, B3 and B4, cliques, copies, chains, hints and refusals."""

from __future__ import annotations

import numpy as np
import pytest

from labelwright.core import PatternCounts, Votes
from labelwright.core.errors import ModelError, VoteError
from labelwright.core.moments import MomentCounts
from labelwright.labelmodels.dependencies.dependency import Dependencies, Dependency
from labelwright.labelmodels.dependencies.learn_dependencies import find_dependencies, learn_dependencies

from ..dependent import chain, clique, coins_and_experts, copied_pairs, snorkel_similar, weak_edges
from ..worlds import coins, one_sided, several_sided, snorkel_votes

METHODS = ["graphical_lasso", "pseudolikelihood"]


def places(found: Dependencies) -> set[tuple[int, int]]:
    return {(int(d.first), int(d.second)) for d in found}


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_snorkels_notebook_spec_is_recovered_exactly(method) -> None:
    """Check B1: ten sources of accuracy weight 1, similar(0, 1) = similar(2, 3) = .5, 10,000 rows."""
    assert places(learn_dependencies(snorkel_similar(0), method)) == {(0, 1), (2, 3)}


@pytest.mark.slow
def test_it_is_recovered_on_nearly_every_draw() -> None:
    """At a false discovery rate of 10 %, a wrong pair may come along on one draw in five (one in three is one in ten)."""
    draws = [places(learn_dependencies(snorkel_similar(seed))) for seed in range(10)]
    assert all({(0, 1), (2, 3)} <= found for found in draws)
    assert sum(len(found) - 2 for found in draws) <= 4


@pytest.mark.parametrize("method", METHODS)
def test_pairs_that_copy(method) -> None:
    found = learn_dependencies(copied_pairs(0), method)
    assert places(found) == {(0, 1), (2, 3), (4, 5)}
    for d in found:
        assert d.strength == pytest.approx(0.8, abs=0.05)
        assert d.p_value < 1e-20
        assert d.stability == 1
        assert 0.01 < d.effect < 0.15
        assert d.origin == "learned"


@pytest.mark.parametrize("method", METHODS)
def test_a_clique_is_found_whole(method) -> None:
    assert places(learn_dependencies(clique(0), method)) == {(i, j) for i in range(5) for j in range(i + 1, 5)}


def test_five_coins_that_are_one_are_found_among_five_experts() -> None:
    """Check B4: what repairs Example 3.1 of the VLDB 2018 paper, where independent EM believes the coins."""
    L, truth = coins_and_experts(0)
    found = learn_dependencies(L)
    assert places(found) == {(i, j) for i in range(5) for j in range(i + 1, 5)}
    assert all(d.strength > 0.95 for d in found)
    one = np.delete(L, [1, 2, 3, 4], axis=1)
    assert ((one.mean(axis=1) > 0.5) == truth).mean() > 0.99


def test_copies_of_a_weak_source_that_are_the_majority() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, (5000, 1))
    right = rng.random((5000, 5)) < [0.75, 0.75, 0.75, 0.75, 0.6]
    L = np.where(right, truth, 1 - truth)[:, [0, 1, 2, 3, 4, 4, 4, 4, 4, 4]]
    assert places(learn_dependencies(L)) == {(i, j) for i in range(4, 10) for j in range(i + 1, 10)}


def test_the_graphical_lasso_tells_direct_from_indirect() -> None:
    L = chain(0)
    assert places(find_dependencies(PatternCounts.of(Votes(L)))) >= {(0, 1), (1, 2), (0, 2)}
    assert places(learn_dependencies(L)) == {(0, 1), (1, 2)}


@pytest.mark.slow
@pytest.mark.parametrize("n", [3_000, 10_000])
def test_weak_edges(n: int) -> None:
    hits = wrong = 0
    for seed in range(5):
        L, edges = weak_edges(seed, n=n)
        found = places(learn_dependencies(L))
        hits, wrong = hits + len(found & set(edges)), wrong + len(found - set(edges))
    assert hits >= (19 if n == 10_000 else 14)
    assert wrong <= 3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("world", "k"),
    [
        (lambda s: coins(s, np.linspace(0.55, 0.9, 10), n=2000)[0], 2),
        (lambda s: coins(s, np.linspace(0.6, 0.9, 10), n=2000, coverage=0.4, positive=0.1)[0], 2),
        (lambda s: one_sided(s, m=10, n=2000)[0], 2),
        (lambda s: one_sided(s, m=12, n=2000, k=3, positive=[0.6, 0.3, 0.1])[0], 3),
        (lambda s: snorkel_votes(s, n=4000)[0], 2),
        (lambda s: several_sided(s, [0.7] * 8, balance=[0.2, 0.3, 0.5], n=2000)[0], 3),
    ],
)
def test_independent_sources_have_no_dependencies(world, k: int) -> None:
    """Check B3: at a stated rate of 10 %, any pair at all in at most 10 % of sets; 6 of 40 is within two deviates."""
    sets = [find_dependencies(MomentCounts.of(Votes(world(seed), classes=k))) for seed in range(40)]
    assert sum(len(found) > 0 for found in sets) <= 6


def test_one_sided_sources_that_fire_together() -> None:
    L, _ = one_sided(0, n=5000)
    rng = np.random.default_rng(3)
    part, copy = np.where(rng.random(5000) < 0.7, L[:, 0], -1), L[:, 1]
    assert places(learn_dependencies(np.column_stack([L, part, copy]))) == {(0, 12), (1, 13)}


@pytest.mark.parametrize("k", [3, 5])
def test_many_classes(k: int) -> None:
    L, _ = several_sided(0, [0.65] * 10, balance=np.full(k, 1 / k), n=4000)
    rng = np.random.default_rng(1)
    both = (L[:, 0] >= 0) & (rng.random(4000) < 0.5)
    L[both, 1] = L[both, 0]
    assert places(learn_dependencies(L, cardinality=k)) == {(0, 1)}


def test_a_hint_helps_where_it_is_right_and_harms_little_where_it_is_wrong() -> None:
    rng = np.random.default_rng(5)
    truth = rng.integers(0, 2, (3000, 1))
    L = np.where(rng.random((3000, 12)) < 0.7, truth, 1 - truth)
    L[:, 1] = np.where(rng.random(3000) < 0.07, L[:, 0], L[:, 1])
    alone, p = (
        learn_dependencies(L),
        {d.pair: d.p_value for d in find_dependencies(stats(L), false_discovery_rate=0.99)},
    )
    assert places(alone) == set()
    assert 0.1 / 66 < p["0", "1"] < 0.05
    helped = learn_dependencies(L, prior=[("0", "1")])
    assert places(helped) == {(0, 1)}
    assert [d.origin for d in helped] == ["prior"]
    wrong = learn_dependencies(copied_pairs(0), prior=[(0, 3), (6, 7)])
    assert places(wrong) == {(0, 1), (2, 3), (4, 5)}


def stats(L) -> PatternCounts:
    return PatternCounts.of(Votes(L))


def test_votes_arrays_and_stats_agree() -> None:
    L = copied_pairs(1)
    votes = Votes(L)
    expected = learn_dependencies(L)
    assert learn_dependencies(votes) == expected
    assert learn_dependencies(PatternCounts.of(votes)) == expected
    moments = learn_dependencies(MomentCounts.of(votes))
    assert moments.pairs == expected.pairs
    assert all(np.isnan(d.effect) for d in moments)
    assert find_dependencies(MomentCounts.of(votes)).pairs == find_dependencies(PatternCounts.of(votes)).pairs


def test_the_order_of_sources_and_rows_and_a_silent_source_change_nothing() -> None:
    L = copied_pairs(2)
    names = tuple("abcdefghi")
    expected = {d.pair: d for d in learn_dependencies(Votes(L, sources=names))}
    order = np.random.default_rng(0).permutation(9)
    turned = Votes(np.column_stack([L[:, order], np.full(len(L), -1)]), sources=[*(names[j] for j in order), "mute"])
    for d in learn_dependencies(turned):
        same = expected[tuple(sorted(d.pair))]
        assert d.strength == pytest.approx(same.strength, abs=1e-4)
        assert np.log(d.p_value) == pytest.approx(np.log(same.p_value), abs=0.05)
    ids = np.arange(len(L))
    rows = np.random.default_rng(1).permutation(len(L))
    one = learn_dependencies(Votes(L, example_ids=ids))
    assert learn_dependencies(Votes(L[rows], example_ids=ids[rows])) == one


def test_many_sources_are_screened() -> None:
    L, _ = coins(0, np.linspace(0.55, 0.9, 200), n=3000, coverage=0.3)
    L[:, 7] = np.where(np.random.default_rng(1).random(3000) < 0.6, L[:, 150], L[:, 7])
    found = find_dependencies(MomentCounts.of(Votes(L)))
    assert places(found) == {(7, 150)}
    assert "Of 200 sources" in str(found.outcome)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "L",
    [
        np.random.default_rng(0).integers(0, 2, (100, 1)),
        np.random.default_rng(0).integers(0, 2, (100, 2)),
        np.random.default_rng(0).integers(0, 2, (100, 3)),
        np.array([[0, 1, 0, 1, 1]]),
        np.random.default_rng(0).integers(-1, 2, (5, 6)),
        np.column_stack([coins(0, [0.7] * 5, n=500)[0], np.zeros((500, 2), dtype=int)]),
        np.column_stack([coins(0, [0.7] * 5, n=500)[0], np.full(500, -1)]),
    ],
)
def test_nothing_is_found_where_nothing_can_be_told(L, method) -> None:
    found = learn_dependencies(L, method)
    assert len(found) == 0
    assert str(found.outcome)


def test_one_source_has_no_pair() -> None:
    said = str(learn_dependencies(np.array([[0], [1], [0]])).outcome)
    assert said == "There are fewer than two sources, so there is no pair that could depend on each other."


def test_sources_that_all_agree_are_one_source() -> None:
    found = learn_dependencies(np.repeat(np.random.default_rng(0).integers(0, 2, (500, 1)), 4, axis=1))
    assert len(found) == 6
    assert "one source twice" in str(found)


def test_what_is_refused() -> None:
    L = copied_pairs(0, n=200)
    with pytest.raises(ModelError, match="'graphical_lasso' or 'pseudolikelihood'"):
        learn_dependencies(L, "lasso")
    with pytest.raises(ModelError, match="between 0 and 1"):
        learn_dependencies(L, false_discovery_rate=1)
    with pytest.raises(ModelError, match="zz"):
        learn_dependencies(L, prior=[("zz", "0")])
    with pytest.raises(ModelError, match="all sources abstain"):
        learn_dependencies(np.full((5, 3), -1))
    with pytest.raises(ModelError, match="needs rows"):
        learn_dependencies(MomentCounts.of(Votes(L)), "pseudolikelihood")
    with pytest.raises(VoteError):
        learn_dependencies(np.array([[0, 7]]), cardinality=2)


def test_a_dependency_prints_what_is_known() -> None:
    assert str(Dependency("a", "b", origin="declared")) == "a ~ b: declared"
    found = learn_dependencies(copied_pairs(0))
    assert ("1", "0") in found
    assert ("0", "2") not in found
    assert next(iter(found)) in found
    assert str(found).count("\n") == 3
