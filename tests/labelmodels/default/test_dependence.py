from __future__ import annotations

import numpy as np

from labelwright.core import PatternCounts, Votes
from labelwright.labelmodels.default.dependence import Dependence
from labelwright.labelmodels.problem import Problem


def discounts(L, truth, k=2, names=None):
    """Discounts of each source's votes, given a posterior that knows the truth."""
    problem = Problem.of(PatternCounts.of(Votes(L, classes=k, sources=names), gold=truth))
    q = problem.vote_shares(np.ones(len(problem.source)))
    found = Dependence(problem).discounts(q)
    assert [len(set(found[problem.source == j].round(12))) for j in range(problem.m)] == [1] * problem.m
    return np.array([found[problem.source == j][0] for j in range(problem.m)])


def noisy(rng, truth, accuracy, m):
    return np.where(rng.random((len(truth), m)) < accuracy, truth[:, None], 1 - truth[:, None])


def test_copies_share_one_vote_and_independent_sources_keep_theirs():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 5000)
    L = np.c_[noisy(rng, truth, 0.75, 5), np.repeat(noisy(rng, truth, 0.6, 1), 3, axis=1)]
    found = discounts(L, truth)
    np.testing.assert_allclose(found[:5], 1, atol=0.02)
    np.testing.assert_allclose(found[5:], 1 / 3, atol=0.02)


def test_a_vote_beside_which_the_copy_is_silent_keeps_its_worth():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 5000)
    L = np.where(rng.random((5000, 5)) < 0.7, truth[:, None], (truth[:, None] + rng.integers(1, 3, (5000, 5))) % 3)
    L = np.c_[L, np.where(L[:, 0] == 2, -1, L[:, 0])]
    problem = Problem.of(PatternCounts.of(Votes(L, classes=3), gold=truth))
    found = Dependence(problem).discounts(problem.vote_shares(np.ones(len(problem.source))))
    np.testing.assert_allclose(found[problem.source == 0], [0.5, 0.5, 1], atol=0.02)
    np.testing.assert_allclose(found[problem.source == 5], 0.5, atol=0.02)


def test_copies_of_one_sided_sources_share_one_vote():
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 2, 5000)
    L = np.where(noisy(rng, truth, 0.8, 6) == np.arange(6) % 2, np.arange(6) % 2, -1)
    L = np.c_[L, L[:, :1]]
    found = discounts(L, truth)
    np.testing.assert_allclose(found[1:6], 1, atol=0.03)
    np.testing.assert_allclose(found[[0, 6]], 1 / 2, atol=0.03)


def test_answering_the_same_examples_is_no_repetition():
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 2, 6000)
    team = rng.random((6000, 1)) < 0.3
    L = np.where(team == (np.arange(8) < 4), noisy(rng, truth, 0.8, 8), -1)
    assert discounts(L, truth).min() > 0.9


def test_chance_finds_nothing_in_many_sources():
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 2, 400)
    L = np.where(rng.random((400, 40)) < 0.4, noisy(rng, truth, 0.7, 40), -1)
    assert discounts(L, truth).min() > 0.8


def test_misfit_is_none_where_the_model_is_right_and_large_where_it_is_wrong():
    rng = np.random.default_rng(4)
    truth, hidden = rng.integers(0, 2, (2, 5000))
    right = noisy(rng, truth, 0.75, 8)
    wrong = np.where(rng.random((5000, 8)) < 0.5, right, noisy(rng, hidden, 0.9, 8))
    found = []
    for L in (right, wrong):
        problem = Problem.of(PatternCounts.of(Votes(L), gold=truth))
        found.append(Dependence(problem).misfit(problem.vote_shares(np.ones(len(problem.source)))))
    assert found[0] < 0.5
    assert found[1] > 0.9


def test_accurate_sources_are_not_taken_for_copies():
    rng = np.random.default_rng(5)
    truth = rng.integers(0, 2, 3000)
    L = np.where(rng.random((3000, 6)) < 0.7, noisy(rng, truth, 0.95, 6), -1)
    assert discounts(L, truth).min() > 0.9


def test_copies_count_once_among_the_others():
    rng = np.random.default_rng(6)
    truth = rng.integers(0, 2, 5000)
    L = np.c_[noisy(rng, truth, 0.75, 4), np.repeat(noisy(rng, truth, 0.6, 1), 12, axis=1)]
    problem = Problem.of(PatternCounts.of(Votes(L)))
    dependence = Dependence(problem)
    assert dependence.distinct.sum() == 5
    # A posterior that takes the copies for the truth leaves much unexplained among the rest, and must say so.
    assert dependence.misfit(problem.vote_shares(np.ones(len(problem.source)))) > 0.9
