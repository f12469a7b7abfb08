from __future__ import annotations

import numpy as np
import pytest

from labelwright.core import PatternCounts, Votes
from labelwright.labelmodels import BaseLabelModel, LabelModel
from labelwright.labelmodels.default.dependence import Dependence
from labelwright.labelmodels.default.free_fit import free, free_fit
from labelwright.labelmodels.default.left_out import LeftOut, ends_near
from labelwright.labelmodels.expectation import run
from labelwright.labelmodels.intervals import intervals, replicates
from labelwright.labelmodels.problem import Problem

from .. import worlds

ACCURACIES = [0.85, 0.8, 0.75, 0.7, 0.65]


def cold(model, buckets=32):
    return list(BaseLabelModel.solve_without(model, model.stats_, model.params_, range(buckets)))


def crowd(n, m, votes, *, k=3, seed=0):
    """Workers of whom a few vote on each item."""
    rng = np.random.default_rng(seed)
    truth, accuracies = rng.integers(k, size=n), rng.uniform(0.6, 0.9, m)
    wrong = (truth[:, None] + rng.integers(1, k, (n, m))) % k
    L = np.where(rng.random((n, m)) < accuracies, truth[:, None], wrong)
    return np.where(rng.random((n, m)).argsort(axis=1) < votes, L, -1)


@pytest.mark.parametrize(
    ("world", "given"), [({}, None), ({"positive": 0.15}, None), ({"coverage": 0.6}, None), ({}, [0.5, 0.5])]
)
def test_what_is_learned_near_the_whole_is_what_is_learned_anew(world, given):
    model = LabelModel(class_balance=given).fit(worlds.coins(0, ACCURACIES, n=2000, **world)[0])
    near, anew = replicates(model), cold(model)
    errors = [intervals(model, left_out=each) for each in (near, anew)]
    for one, other in zip(near, anew, strict=True):
        # Solving anew stops where no posterior moves by 1e-4.
        np.testing.assert_allclose(one.accuracies, other.accuracies, atol=2e-3)
        np.testing.assert_allclose(one.class_balance, other.class_balance, atol=2e-3)
        # What a vote counts stays as it is in the whole.
        one_vote, other_vote = (p.scores[0] / p.discounts[:, None] for p in (one, other))
        np.testing.assert_allclose(one_vote, other_vote, atol=2e-2)
        assert one.shapes() == model.params_.shapes()
    fast, slow = (e.accuracies.standard_error for e in errors)
    np.testing.assert_allclose(fast, slow, rtol=0.05)


def test_ends_are_where_em_stays():
    stats = PatternCounts.of(Votes(worlds.coins(1, ACCURACIES, n=2000)[0], classes=2))
    problem = Problem.of(stats)
    fit = free_fit(problem, Dependence(problem), np.array([0.5, 0.5]), learn_balance=True)
    found = ends_near(fit, problem.weights[:, None] * [1.0, 2.0], None)
    assert found.converged.all()
    options = {"prior_weight": 0, "tolerance": 0.0, "learn_balance": True}
    again = run(problem, found.q[..., 0], found.balance[:, 0], fit.counted, steps=50, **options)
    np.testing.assert_allclose(again.q, found.q[..., 0], atol=1e-6)
    np.testing.assert_allclose(again.balance, found.balance[:, 0], atol=1e-7)
    # Twice the votes differ by what the pseudo-votes weigh.
    np.testing.assert_allclose(found.balance[:, 1], found.balance[:, 0], atol=2e-3)


@pytest.mark.slow
def test_crowds_take_steps_of_their_own_and_end_near_what_is_learned_anew():
    model = LabelModel().fit(crowd(300, 20, 6))
    near = np.array([p.accuracies for p in replicates(model)][:3])
    anew = np.array([p.accuracies for p in cold(model, 3)])
    moved = np.abs(anew - model.accuracies_)
    assert np.median(np.abs(near - anew)) < 0.1 * np.median(moved)


def test_dependent_sources_stay_one_source():
    L, _ = worlds.coins(2, [*ACCURACIES, 0.7], n=3000)
    L[:, 1] = np.where(np.random.default_rng(0).random(3000) < 0.5, L[:, 0], L[:, 1])
    model = LabelModel(dependencies=[(0, 1)]).fit(L)
    near = replicates(model)
    assert all(np.array_equal(p.dependent, model.params_.dependent) for p in near)
    np.testing.assert_allclose(near[0].accuracies, cold(model, 1)[0].accuracies, atol=2e-3)
    assert 0 < np.abs(near[0].accuracies - model.accuracies_).max() < 0.03


@pytest.mark.slow
def test_known_classes_are_left_out_with_their_rows():
    L, truth = worlds.coins(3, ACCURACIES, n=800)
    y = np.where(np.arange(800) < 200, truth, -1)
    model = LabelModel().fit(L, y)
    near, anew = replicates(model), cold(model, 3)
    for one, other in zip(near[:3], anew, strict=True):
        np.testing.assert_allclose(one.class_balance, other.class_balance, atol=2e-3)
        # What experts count, and what known classes correct, stay as in the whole.
        np.testing.assert_array_equal(one.shares, model.params_.shares)
        np.testing.assert_array_equal(one.correction, model.params_.correction)
    given = LabelModel(class_balance=[0.4, 0.6]).fit(L, y)
    assert all(p.class_balance.tolist() == [0.4, 0.6] for p in replicates(given))


def test_sub_sums_may_be_left_out_in_any_portions():
    stats = PatternCounts.of(Votes(worlds.coins(4, ACCURACIES, n=1500, coverage=0.7)[0], classes=2))
    problem = Problem.of(stats)
    dependence = Dependence(problem)
    near = LeftOut(stats, problem, dependence, free(problem, dependence, None))
    whole = near.each(range(32))
    parts = [one for first in range(0, 32, 11) for one in near.each(range(first, min(first + 11, 32)))]
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_allclose(one.accuracies, other.accuracies, atol=1e-5)
        np.testing.assert_allclose(one.balance, other.balance, atol=1e-5)
    assert near.at_once == 32


def test_rows_of_sub_sums_add_up_to_the_problem():
    stats = PatternCounts.of(Votes(worlds.coins(5, ACCURACIES, n=500, coverage=0.4)[0], classes=2))
    problem = Problem.of(stats)
    dependence = Dependence(problem)
    near = LeftOut(stats, problem, dependence, free(problem, dependence, None))
    np.testing.assert_array_equal(near.by_bucket.sum(axis=1), problem.weights)
    np.testing.assert_array_equal(near.by_bucket.sum(axis=0), stats.counts.covered)
