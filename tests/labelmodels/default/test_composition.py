from __future__ import annotations

import numpy as np
import pytest

from labelwright.core import PatternCounts, Votes
from labelwright.core.errors import ModelError
from labelwright.labelmodels import LabelModel, MajorityVote
from labelwright.labelmodels.default.composition import compose
from labelwright.labelmodels.expectation import run
from labelwright.labelmodels.problem import Problem

from .. import worlds


def problem_of(L):
    return Problem.of(PatternCounts.of(Votes(L)))


def solved(problem):
    start = problem.vote_shares(np.ones(len(problem.source)))
    even = np.full(problem.k, 1 / problem.k)
    return run(
        problem,
        start,
        even,
        np.ones(len(problem.source)),
        prior_weight=0,
        steps=500,
        tolerance=1e-9,
        learn_balance=True,
    )


def one_edge(seed, n=20_000):
    """Eight sources; the second copies the first half of the time."""
    rng = np.random.default_rng(seed)
    L, truth = worlds.coins(seed, np.linspace(0.6, 0.85, 8), n=n)
    L[:, 1] = np.where(rng.random(n) < 0.5, L[:, 0], L[:, 1])
    return L, truth


def test_without_cliques_nothing_changes():
    L, _ = worlds.coins(0, [0.8, 0.7, 0.6, 0.9], coverage=0.7)
    problem = problem_of(L)
    same = compose(problem, ())
    np.testing.assert_allclose(solved(same).q, solved(problem).q, atol=1e-12)
    assert same.m == problem.m


def test_a_copy_composed_with_its_source_is_worth_nothing():
    L, _ = worlds.coins(0, [0.8, 0.7, 0.6, 0.65])
    once = solved(problem_of(L))
    twice = problem_of(np.c_[L, L[:, :1]])
    composed = compose(twice, [(0, 4)])
    assert composed.m == 4
    assert len(composed.source) == 8
    # Rows come in the order of their hashes, which the copy changes: compare what all rows sum to.
    np.testing.assert_allclose(solved(composed).balance, once.balance, atol=1e-6)
    assert abs(solved(twice).balance[1] - once.balance[1]) > 1e-4


def test_cells_are_judged_among_those_in_which_the_same_members_fire():
    composed = compose(problem_of([[0, 0, 1], [0, 1, 1], [-1, 1, 0], [1, 0, 0], [-1, 0, 1]]), [(0, 1)])
    assert composed.discounts(np.full(6, 0.5)).tolist().count(1.0) == 5
    sizes = np.bincount(composed.source[composed.origin < 0])
    assert sorted(sizes[sizes > 0].tolist()) == [2, 3]


def test_a_clique_that_says_too_much_stays_apart():
    rng = np.random.default_rng(0)
    L = rng.integers(-1, 4, size=(2000, 6))
    problem = problem_of(L)
    assert compose(problem, [(0, 1, 2, 3, 4)]).m == problem.m


@pytest.mark.parametrize("seed", range(2))
def test_an_edge_does_not_bias_accuracies(seed):
    L, truth = one_edge(seed)
    model = LabelModel().fit(L)
    right = (truth[:, None] == L).mean(axis=0)
    assert ("0", "1") in model.dependencies_
    np.testing.assert_allclose(model.accuracies_, right, atol=0.02)


def test_declared_pairs_are_taken_and_named():
    accuracies = [0.8, 0.7, 0.6, 0.65, 0.75, 0.7, 0.8]
    L, _ = worlds.coins(0, accuracies)
    model = LabelModel(dependencies=[("0", "1"), (3, 2)]).fit(L)
    assert {("0", "1"), ("2", "3")} <= set(model.dependencies_)
    np.testing.assert_allclose(model.accuracies_, accuracies, atol=0.04)


@pytest.mark.parametrize("seed", range(2))
def test_declared_copies_do_not_outvote_the_rest_where_undeclared_ones_do(seed):
    rng = np.random.default_rng(seed)
    L, truth = worlds.coins(seed, [0.75, 0.75, 0.75, 0.75, 0.6])
    loose = np.where(rng.random((len(L), 8)) < 0.1, 1 - L[:, 4:], L[:, 4:])
    copied, pairs = np.c_[L, loose], [(4, j) for j in range(5, 13)]
    ideal = LabelModel().fit(L).score(L, truth)
    assert LabelModel().fit(copied).score(copied, truth) < ideal - 0.2
    assert LabelModel(dependencies=pairs).fit(copied).score(copied, truth) > ideal - 0.01


def test_declaring_one_sided_sources_changes_nothing():
    L, _ = worlds.coins(0, [0.8, 0.75, 0.7, 0.65, 0.7])
    one = np.where(L == 1, 1, -1)[:, :2]
    votes = np.c_[L, one]
    declared = LabelModel(dependencies=[(5, 6)]).fit(votes).predict_proba(votes)
    np.testing.assert_array_equal(declared, LabelModel().fit(votes).predict_proba(votes))


@pytest.mark.parametrize("m", [2, 5])
def test_dependencies_that_name_no_source_are_refused_whatever_the_votes(m):
    one_sided = np.where(np.random.default_rng(0).random((50, m)) < 0.5, np.arange(m) % 2, -1)
    with pytest.raises(ModelError, match="'nope'"):
        LabelModel(dependencies=[("nope", "0")]).fit(one_sided)


def test_a_copy_may_spell_its_votes_otherwise():
    rng = np.random.default_rng(0)
    truth = rng.integers(3, size=2000)
    right = rng.random((2000, 5)) < 0.7
    L = np.where(right, truth[:, None], (truth[:, None] + rng.integers(1, 3, size=(2000, 5))) % 3)
    names = ["a", "b", "d", "e", "f", "c"]
    known = np.where(np.arange(2000) < 60, truth, -1)
    spelled = Votes(np.c_[L, 2 - L[:, 0]], classes=3, sources=names, alphabet={"c": [{2}, {1}, {0}]})
    few = Votes(np.c_[L, np.where(L[:, 0] == 2, -1, L[:, 0])], classes=3, sources=names, alphabet={"c": [{0}, {1}]})
    for votes in (spelled, few):
        for y in (None, known):
            model = LabelModel().fit(votes, y)
            # As without the copy: its silence tells what the other says, and hides nothing.
            assert model.score(votes, truth) > 0.88
            lone = Votes([[-1] * 5 + [0]], classes=3, sources=names, alphabet=votes.alphabet)
            assert model.predict(lone).tolist() == [min(votes.alphabet["c"][0])]


@pytest.mark.parametrize("changed", [0.0, 0.1])
def test_a_copy_that_never_names_one_class_costs_nothing(changed):
    rng = np.random.default_rng(1)
    truth = rng.integers(3, size=4000)
    right = rng.random((4000, 5)) < 0.7
    L = np.where(right, truth[:, None], (truth[:, None] + rng.integers(1, 3, size=(4000, 5))) % 3)
    copy = np.where(L[:, 0] == 2, -1, np.where(rng.random(4000) < changed, 1 - L[:, 0], L[:, 0]))
    alone, beside = LabelModel().fit(L), LabelModel().fit(np.c_[L, copy])
    assert beside.dependencies_ == (("0", "5"),)
    assert beside.score(np.c_[L, copy], truth) > alone.score(L, truth) - 0.01


def test_silence_that_votes_do_not_decide_stays_out_of_the_cells():
    rng = np.random.default_rng(0)
    truth = rng.integers(2, size=3000)
    L = np.where(rng.random((3000, 4)) < 0.75, truth[:, None], 1 - truth[:, None])
    L = np.c_[L, L[:, 0]]
    L[rng.random(L.shape) < 0.3] = -1
    apart = compose(Problem.of(PatternCounts.of(Votes(L))), [(0, 4)])
    L[L[:, 0] == 1, 4] = -1
    joined = compose(Problem.of(PatternCounts.of(Votes(L))), [(0, 4)])
    # Three others, and the clique: by who fired, or as a whole.
    assert (apart.m, joined.m) == (3 + 3, 3 + 1)


def test_a_crowd_of_any_size_is_a_crowd():
    rng = np.random.default_rng(0)
    truth = rng.choice(4, size=3000, p=[0.7, 0.2, 0.07, 0.03])
    workers = np.stack([rng.choice(1300, size=5, replace=False) for _ in range(3000)])
    skill = rng.beta(6, 3, size=1300)
    right = rng.random((3000, 5)) < skill[workers]
    answers = np.where(right, truth[:, None], rng.integers(4, size=(3000, 5)))
    votes = Votes.from_entries(np.repeat(np.arange(3000), 5), workers.ravel(), answers.ravel(), shape=(3000, 1300))
    model = LabelModel().fit(votes)
    assert "too many (source, vote) pairs" in str(model.outcome_)
    assert model.score(votes, truth) > MajorityVote().fit(votes).score(votes, truth) - 0.01
