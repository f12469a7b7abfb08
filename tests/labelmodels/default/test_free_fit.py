from __future__ import annotations

import numpy as np
import pytest

from labelwright.core import PatternCounts, Votes
from labelwright.labelmodels import LabelModel, MajorityVote
from labelwright.labelmodels.default.dependence import Dependence
from labelwright.labelmodels.default.free_fit import free_fit, identified
from labelwright.labelmodels.problem import Problem

from .. import worlds


def prepared(L, k=2):
    problem = Problem.of(PatternCounts.of(Votes(L, classes=k)))
    return problem, Dependence(problem)


def test_three_several_sided_sources_that_meet_often_identify_the_model():
    L, _ = worlds.coins(0, [0.8, 0.7, 0.6, 0.9])
    assert identified(*prepared(L))
    assert not identified(*prepared(L[:, :2]))
    assert not identified(*prepared(np.where(np.arange(4) % 2 == L, L, -1)))
    # Pairs of sources that meet, but never three.
    apart = np.where(np.arange(4) // 2 == (np.arange(len(L)) % 2)[:, None], L, -1)
    assert not identified(*prepared(apart))


@pytest.mark.parametrize("seed", range(4))
def test_sources_that_hardly_meet_do_not_beat_majority_vote_down(seed):
    L, truth, *_ = worlds.snorkel_votes(seed, n=1000, abstain=300)
    voted = (L >= 0).any(axis=1)
    ours, votes = (m.fit(L).predict(L, ties="random") for m in (LabelModel(2), MajorityVote(2)))
    assert (ours == truth)[voted].mean() > (votes == truth)[voted].mean() - 0.03


def hard_tweets(seed, n=600, m=20):
    """Two classes, and "I can't tell" (2), which is never true; a tenth of the items is hard, and all guess there."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(2, size=n)
    hard = rng.random(n) < 0.1
    right = rng.random((n, m)) < np.where(hard, 0.45, 0.85)[:, None]
    L = np.where(right, truth[:, None], 1 - truth[:, None])
    unsure = rng.random((n, m)) < np.where(hard, 0.12, 0.06)[:, None]
    return np.where(unsure, 2, L), truth


@pytest.mark.parametrize("seed", range(3))
def test_a_class_does_not_become_that_of_the_hard_items(seed):
    L, truth = hard_tweets(seed)
    problem, dependence = prepared(L, 3)
    free = free_fit(problem, dependence, np.full(3, 1 / 3), learn_balance=True)
    assert free is None or free.balance[2] < 0.02
    model = LabelModel(3).fit(L)
    assert (model.predict(L) == 2).mean() < 0.02
    assert model.score(L, truth) > MajorityVote(3).fit(L).score(L, truth) - 0.01
