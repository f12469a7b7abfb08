from __future__ import annotations

import json

import numpy as np
import pytest

from labelwright.core import PatternCounts, Votes
from labelwright.core.errors import ModelError
from labelwright.labelmodels import LabelModel, MajorityVote
from labelwright.labelmodels.completion.matrix_completion import MatrixCompletion
from labelwright.labelmodels.findings.fit_test import fit_test

from .. import worlds

ACCURACIES = [0.85, 0.8, 0.75, 0.7, 0.7, 0.65, 0.75]


def with_edge(seed, share, *, n=2000):
    """Independent sources, but the second copies the first on a share of the examples."""
    L, truth = worlds.coins(seed, ACCURACIES, n=n)
    copied = np.random.default_rng(1000 + seed).random(n) < share
    L[:, 1] = np.where(copied, L[:, 0], L[:, 1])
    return L, truth


def test_a_pair_that_goes_together_is_found_and_named():
    L, _ = with_edge(0, 0.5)
    votes = Votes(L, sources=list("abcdefg"))
    found = fit_test(MatrixCompletion().fit(votes), votes)
    assert found.p_value == 1 / 2000
    assert (found.pairs[0].first, found.pairs[0].second) == ("a", "b")
    assert found.pairs[0].residual > 0
    assert found.pairs[0].z == found.statistic
    assert found.sentence.startswith(f"{len(found.pairs)} of 21 pairs")
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["pairs"][0]["second"] == "b"


def test_declared_pairs_and_their_cliques_are_not_tested():
    L, _ = with_edge(0, 0.5)
    model = MatrixCompletion().fit(L)
    assert fit_test(model, L, dependencies=[(0, 1)]).tested == 20
    assert fit_test(model, L, dependencies=[("0", "1"), (1, 2)]).tested == 18
    assert fit_test(MatrixCompletion(dependencies=[(0, 1)]).fit(L), L).tested == 20


@pytest.mark.slow
def test_what_fits_is_rejected_about_as_often_as_it_should_be():
    p = np.array([_p_value(seed) for seed in range(20)])
    # 20 draws of a uniform: four standard errors and more.
    assert (p <= 0.05).sum() <= 5
    assert 0.25 < p.mean() < 0.75


def _p_value(seed):
    L, _ = worlds.coins(seed, ACCURACIES, n=1000)
    return fit_test(MatrixCompletion(class_balance=[0.5, 0.5]).fit(L), L).p_value


def test_the_answer_does_not_depend_on_order():
    votes = Votes(with_edge(3, 0.15, n=1000)[0], sources=list("abcdefg"))
    one = fit_test(MatrixCompletion().fit(votes), votes)
    moved = votes.take(np.random.default_rng(0).permutation(1000)).select(list("gfedcba"))
    other = fit_test(MatrixCompletion().fit(moved), moved)
    assert other.p_value == pytest.approx(one.p_value, abs=1e-3)
    assert other.statistic == pytest.approx(one.statistic, abs=1e-6)


def test_patterns_do_as_well_as_votes():
    L, _ = with_edge(1, 0.3, n=1000)
    model = MatrixCompletion().fit(L)
    assert fit_test(model, PatternCounts.of(Votes(L))) == fit_test(model, L)


def test_one_sided_sources_are_compared_by_firing():
    rng = np.random.default_rng(0)
    L, truth = worlds.coins(0, ACCURACIES, n=3000)
    fires = rng.random((3000, 2)) < np.where(truth == 1, 0.4, 0.1)[:, None]
    fires[:, 1] = np.where(rng.random(3000) < 0.5, fires[:, 0], fires[:, 1])
    both = np.c_[L, np.where(fires, 1, -1)]
    found = fit_test(MatrixCompletion().fit(both), both)
    assert ("7", "8") in {(pair.first, pair.second) for pair in found.pairs}


@pytest.mark.parametrize(
    ("L", "why"),
    [
        (worlds.coins(0, [0.8, 0.7, 0.9], n=300)[0], "Three sources always fit"),
        (worlds.coins(0, ACCURACIES, n=8)[0], "sub-sums"),
        (np.where(np.arange(150)[:, None] % 5 == np.arange(5), 1, -1), "voted together"),
    ],
)
def test_what_cannot_be_tested_says_why(L, why):
    found = fit_test(LabelModel(cardinality=2).fit(L), L)
    assert np.isnan(found.p_value)
    assert not found.pairs
    assert why in found.sentence
    assert found.to_dict()["p_value"] is None


def test_majority_vote_claims_nothing_where_it_is_the_fallback():
    with pytest.warns(UserWarning, match="majority vote"):
        model = LabelModel().fit([[0, 1], [1, 1], [0, 0]] * 40)
    assert "fell back" in fit_test(model, [[0, 1], [1, 1], [0, 0]] * 40).sentence


def test_other_votes_are_refused():
    L, _ = worlds.coins(0, ACCURACIES, n=300)
    with pytest.raises(ModelError, match="fitted to other votes"):
        fit_test(LabelModel().fit(L), L[:200])


def test_what_chance_gave_is_not_discounted_where_fit_is_tested():
    chance = LabelModel().fit(worlds.coins(88, ACCURACIES)[0])
    assert chance.params_.discounts.min() < 1
    assert not chance.dependencies_
    assert (chance.for_fit_test().params_.discounts == 1).all()
    L = worlds.coins(0, ACCURACIES)[0]
    L[:1500, 5] = L[:1500, 4]
    copied = LabelModel().fit(L)
    assert copied.for_fit_test().dependencies_ == copied.dependencies_ == (("4", "5"),)


def test_nothing_is_solved_again_where_nothing_is_discounted():
    model = LabelModel().fit(worlds.coins(0, ACCURACIES)[0])
    assert (model.params_.discounts == 1).all()
    assert model.for_fit_test() is model


def test_all_agree_is_no_crash():
    L = np.repeat(np.arange(200)[:, None] % 2, 5, axis=1)
    for model in (LabelModel(), MajorityVote()):
        found = fit_test(model.fit(L), L)
        assert np.isnan(found.p_value) or 0 < found.p_value <= 1
