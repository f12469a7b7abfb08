"""Who votes is evidence where it tells of the class; not where it tells how hard an example is."""

from __future__ import annotations

import numpy as np
import pytest

from labelwright.core import PatternCounts, Votes
from labelwright.labelmodels import LabelModel
from labelwright.labelmodels.default.dependence import Dependence
from labelwright.labelmodels.default.free_fit import free
from labelwright.labelmodels.default.silence import Silence
from labelwright.labelmodels.expectation import softmax_rows, vote_scores
from labelwright.labelmodels.problem import Problem

from .. import worlds


def learned(L, k=2):
    """Return what the tables that the default learns from ``L`` say, and what is made of who votes."""
    problem = Problem.of(PatternCounts.of(Votes(L, classes=k)))
    dependence = Dependence(problem)
    found = free(problem, dependence, None)
    own = vote_scores(problem, found.fit.q, found.balance, 0.0)
    return problem, Silence.of(problem, own, found.balance, dependence.by_kind)


def hard_items(seed, *, n=3000, m=8, positive=0.15):
    """Four examples in ten are hard: fewer sources vote on them, and are right by chance."""
    rng = np.random.default_rng(seed)
    truth, hard = (rng.random(n) < positive).astype(int), rng.random(n) < 0.4
    right = rng.random((n, m)) < np.where(hard[:, None], 0.5, np.linspace(0.75, 0.95, m))
    L = np.where(right, truth[:, None], 1 - truth[:, None])
    return np.where(rng.random((n, m)) < np.where(hard, 0.3, 0.7)[:, None], L, -1), truth


def told_by_voting(seed, *, n=3000, spread=1.0):
    """Each source votes on a share of its own of each class; returns the votes, truth and log-odds of the shares."""
    L, truth = worlds.coins(seed, np.linspace(0.6, 0.85, 8), n=n)
    rng = np.random.default_rng(100 + seed)
    odds = -0.4 + spread * rng.standard_normal((2, 8))
    return np.where(rng.random((n, 8)) < (1 / (1 + np.exp(-odds)))[truth], L, -1), truth, odds


def gain(L, truth):
    """Return how much more the default gets right than with P(Y) as it finds it, given: then it asks for no silence."""
    model = LabelModel().fit(L)
    deaf = LabelModel(class_balance=model.class_balance_).fit(L)
    voted = (L >= 0).any(axis=1)
    return model, (model.predict(L) == truth)[voted].mean() - (deaf.predict(L) == truth)[voted].mean()


def test_what_voting_tells_of_the_class_is_learned():
    L, _, odds = told_by_voting(0, n=20_000)
    problem, found = learned(L)
    told = np.zeros(8)
    told[problem.source] = found.votes[:, 1] - found.votes[:, 0]
    np.testing.assert_allclose(told, odds[1] - odds[0], atol=0.3)
    np.testing.assert_allclose(found.none.sum(), 1)


def test_the_default_uses_it():
    L, truth, _ = told_by_voting(1)
    model, more = gain(L, truth)
    assert more > 0.02
    assert "and who votes tells of the class" in str(model.outcome_)
    *_, with_abstain = worlds.snorkel_votes(1, n=4000)
    L, truth, *_ = worlds.snorkel_votes(1, n=4000)
    model, more = gain(L, truth)
    assert more > 0.003
    best = (with_abstain.argmax(axis=1) == truth)[(L >= 0).any(axis=1)].mean()
    assert model.score(L, truth) > best - 0.01


@pytest.mark.parametrize("seed", range(3))
def test_who_votes_on_hard_items_tells_nothing_of_the_class(seed):
    L, _ = hard_items(seed)
    assert learned(L)[1] is None
    assert "who votes" not in str(LabelModel().fit(L).outcome_)


@pytest.mark.parametrize("positive", [0.5, 0.1])
def test_nothing_is_made_of_votes_that_are_missing_by_chance(positive):
    for seed in range(5):
        L, _ = worlds.coins(seed, np.linspace(0.6, 0.85, 8), n=2000, coverage=0.5, positive=positive)
        assert learned(L)[1] is None


def test_sources_that_vote_in_teams_do_not_tell_by_it():
    """Rates of each source would be sure of a class where a team of five votes; a regression need not explain teams."""
    L, _ = worlds.coins(0, np.random.default_rng(0).uniform(0.55, 0.9, 40), n=1600)
    L = np.where(np.arange(40) // 5 == (np.arange(1600) % 8)[:, None], L, -1)
    assert learned(L)[1] is None


def test_sources_without_it_keep_their_votes():
    """One-sided sources beside, whose scores hold that they fire, get nothing more."""
    L, truth, _ = told_by_voting(2)
    fires = np.random.default_rng(0).random(len(truth)) < np.where(truth == 1, 0.2, 0.03)
    problem, found = learned(np.c_[L, np.where(fires, 1, -1)])
    assert found is not None
    assert (found.votes[problem.source == 8] == 0).all()


def test_parts_left_out_move_the_labels_as_solving_again_does():
    L, *_ = worlds.snorkel_votes(0, n=3000)
    model = LabelModel(cardinality=2).fit(L)
    (moved,) = model.solve_without(model.stats_, model.params_, [3])
    again = model.solve(model.stats_.without(3))
    near, exact = (model.posterior(params, L).probs for params in (moved, again))
    assert np.abs(near - exact).max() < 0.05
    np.testing.assert_array_equal(moved.shares, again.shares)


def test_where_no_source_votes_stands_what_the_regression_says():
    L, _, _ = told_by_voting(0, n=20_000)
    problem, found = learned(L)
    logits = np.log(found.none) + (problem.x @ problem.member.T).toarray() @ _of_sources(problem, found)
    np.testing.assert_allclose(problem.weights @ softmax_rows(logits) / problem.rows, 0.5, atol=0.05)


def _of_sources(problem, found):
    out = np.zeros((problem.m, problem.k))
    out[problem.source] = found.votes
    return out
