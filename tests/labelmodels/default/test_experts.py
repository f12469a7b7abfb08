from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from labelwright.analysis.metrics import macro_f1
from labelwright.core import PatternCounts, Votes
from labelwright.labelmodels import LabelModel, MajorityVote
from labelwright.labelmodels.problem import Problem


def f1(model, L, truth, k=2):
    voted = (L >= 0).any(axis=1)
    said = model.fit(L).predict(L, ties="random")[voted]
    return macro_f1(truth[voted], said, k)(np.ones((1, voted.sum()))).item()


def fires(seed, own, other, *, positive):
    """Twelve one-sided sources, half of them for each class, which fire on ``own`` of it and ``other`` of the rest."""
    rng = np.random.default_rng(seed)
    truth = (rng.random(4000) < positive).astype(int)
    side = np.arange(12) % 2
    return np.where(rng.random((4000, 12)) < np.where(truth[:, None] == side, own, other), side, -1), truth


def test_where_one_class_is_rare_sources_that_fire_much_do_not_outvote_the_rest_by_far():
    votes = [fires(seed, 0.7, 0.3, positive=0.1) for seed in range(3)]
    lost = [f1(MajorityVote(2), L, truth) - f1(LabelModel(2), L, truth) for L, truth in votes]
    # Their balance cannot be told. Never to trust the prior more than the data would cost twelve points here.
    assert np.mean(lost) < 0.08


@pytest.mark.parametrize(("own", "other"), [(0.3, 0.05), (0.4, 0.1)])
def test_a_rare_class_whose_share_is_told_is_found_better_than_by_majority_vote(own, other):
    votes = [fires(seed, own, other, positive=0.1) for seed in range(3)]
    won = [f1(LabelModel(2, class_balance=[0.9, 0.1]), L, truth) - f1(MajorityVote(2), L, truth) for L, truth in votes]
    assert np.mean(won) > 0.005


@given(st.integers(0, 1000), st.integers(2, 5))
def test_before_any_data_a_vote_tells_for_what_it_means_and_even_classes_are_the_default(seed, k):
    rng = np.random.default_rng(seed)
    alphabet = [tuple(c for c in range(k) if code >> c & 1) for code in range(1, 2**k - 1)]
    told = rng.integers(len(alphabet), size=(40, 3))
    votes = Votes(told, classes=k, sources=["a", "b", "c"], alphabet=dict.fromkeys("abc", alphabet))
    problem, balance = Problem.of(PatternCounts.of(votes)), 0.01 + 0.99 * rng.dirichlet(np.ones(k))
    balance /= balance.sum()
    np.testing.assert_allclose(problem.prior_under(np.full(k, 1 / k)), problem.prior)
    prior = problem.prior_under(balance)
    np.testing.assert_allclose(prior.sum(axis=1), 1)
    assert ((prior > balance) == problem.meaning).all()


def test_where_classes_are_even_it_is_no_worse_than_majority_vote():
    votes = [fires(seed, 0.7, 0.3, positive=0.5) for seed in range(3)]
    lost = [f1(MajorityVote(2), L, truth) - f1(LabelModel(2), L, truth) for L, truth in votes]
    assert np.mean(lost) < 0.001


def two_answers(seed, k, n=1000, m=20):
    """Two of ``m`` workers answer each item; they are right in 40 to 95 of 100 answers."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(k, size=n)
    right = rng.random((n, m)) < rng.uniform(0.4, 0.95, m)
    said = np.where(right, truth[:, None], (truth[:, None] + rng.integers(1, k, size=(n, m))) % k)
    return np.where(rng.random((n, m)).argsort(axis=1) < 2, said, -1), truth


def test_workers_who_hardly_meet_are_still_told_apart():
    worlds = [two_answers(seed, 4) for seed in range(4)]
    won = [f1(LabelModel(4), L, truth, 4) - f1(MajorityVote(4), L, truth, 4) for L, truth in worlds]
    # EM with a prior alone wins five points.
    assert np.mean(won) > 0.065
    assert "with one" in str(LabelModel(4).fit(worlds[0][0]).outcome_)
