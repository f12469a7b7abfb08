from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from labelwright.core import PatternCounts, Votes
from labelwright.labelmodels import LabelModel
from labelwright.labelmodels.composition import compose
from labelwright.labelmodels.expectation import run
from labelwright.labelmodels.problem import Problem

_spec = importlib.util.spec_from_file_location("worlds", Path(__file__).with_name("worlds.py"))
worlds = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(worlds)


def problem_of(L):
    return Problem.of(PatternCounts.of(Votes(L)))


def solved(problem, ones=None):
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
