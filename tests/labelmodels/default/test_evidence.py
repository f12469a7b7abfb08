from __future__ import annotations

import numpy as np
import pytest

from labelwright.core import PatternCounts, Votes
from labelwright.labelmodels import LabelModel, MajorityVote
from labelwright.labelmodels.default.dependence import Dependence
from labelwright.labelmodels.default.evidence import Coins, Evidence
from labelwright.labelmodels.default.free_fit import free, plurality
from labelwright.labelmodels.problem import Problem

from .. import worlds

ALIKE = [0.7] * 5
APART = [0.5, 0.6, 0.7, 0.8, 0.95]
STRENGTHS = [2, 8, 32, np.inf]


def weighed(L, given=None):
    problem = Problem.of(PatternCounts.of(Votes(L)))
    dependence = Dependence(problem)
    fit = free(problem, dependence, given).fit
    assert fit is not None
    return Evidence.of(problem, fit, plurality(problem, dependence.copies), given)


def spread(found):
    """How far the accuracies of coins lie apart, in logarithms, on average."""
    return sum(share * np.ptp(coin.tables.max(axis=1)) for coin, share in found.coins)


def biased(seed, n):
    """Sources that are all but never wrong on one class, and often on the other."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(2, size=n)
    right = rng.random((n, 5)) < np.where(truth[:, None] == np.arange(5) % 2, 0.95, 0.6)
    return np.where(right, truth[:, None], 1 - truth[:, None])


@pytest.mark.parametrize("given", [None, np.array([0.5, 0.5])])
def test_each_structure_is_found_where_it_is_true(given):
    for seed in range(3):
        alike, apart = (weighed(worlds.coins(seed, a, n=400)[0], given) for a in (ALIKE, APART))
        assert alike.tables + sum(share for _, share in alike.coins) == pytest.approx(1)
        assert spread(alike) < 0.1
        assert spread(apart) > 0.3
        assert weighed(biased(seed, 400), given).tables > 0.99


def test_what_is_no_coin_keeps_its_table():
    L, _ = worlds.coins(0, ALIKE, n=400)
    L[:, 4] = np.where(L[:, 4] == 1, 1, -1)
    found = weighed(L)
    assert (found.tables, found.coins) == (1.0, ())


def test_a_prior_that_is_surer_makes_sources_more_alike():
    problem = Problem.of(PatternCounts.of(Votes(worlds.coins(1, APART, n=100)[0])))
    start = np.array([0.5, 0.5])
    spread = [np.ptp(Coins.of(problem, start, given=True, strength=s).tables.max(axis=1)) for s in STRENGTHS]
    assert spread == sorted(spread, reverse=True)
    assert spread[-1] == 0


@pytest.mark.slow
def test_a_few_equal_workers_on_few_items_are_a_majority_vote():
    ours, theirs = [], []
    for seed in range(8):
        L, truth = worlds.coins(seed, ALIKE, n=100)
        ours.append(LabelModel().fit(L).score(L, truth))
        theirs.append(MajorityVote().fit(L).score(L, truth))
    assert np.mean(ours) > np.mean(theirs) - 0.01
