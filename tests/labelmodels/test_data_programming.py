from __future__ import annotations

import json
from itertools import product

import numpy as np
import pytest
from scipy.special import expit, softmax

from labelwright.core import PatternCounts, Votes
from labelwright.core.errors import FallbackWarning, ModelError
from labelwright.labelmodels import MajorityVote, from_dict, to_dict
from labelwright.labelmodels.data_programming import DataProgramming, Likelihood
from labelwright.labelmodels.factors import FactorGraph, resolve_factors
from labelwright.labelmodels.problem import Problem

from . import worlds


def draw(seed, theta, factors, *, n, m, k, balance):
    """Rows drawn from the model itself, by its joint table."""
    rng = np.random.default_rng(seed)
    cells = np.array(list(product(range(-1, k), repeat=m)))
    graph = FactorGraph.of(Problem.of(PatternCounts.of(Votes(cells, classes=k))), factors)
    tables, _ = graph.log_tables(theta)
    silence = tables[graph.offsets]
    problem = Problem.of(PatternCounts.of(Votes(cells, classes=k)))
    rows = graph.cells(problem.x) @ (tables - silence[graph.component]) + silence.sum(axis=0)
    hot = problem.x.toarray().reshape(-1, m, k)
    spoken = np.where(hot.any(axis=2), hot.argmax(axis=2), -1)
    votes = np.concatenate([spoken, np.full((1, m), -1)])
    share = np.exp(np.concatenate([rows, silence.sum(axis=0)[None]]))
    truth = rng.choice(k, n, p=balance)
    L = np.empty((n, m), dtype=int)
    for y in range(k):
        L[truth == y] = votes[rng.choice(len(votes), int((truth == y).sum()), p=share[:, y] / share[:, y].sum())]
    return L, truth


@pytest.mark.parametrize("k", [2, 3])
def test_the_gradient_is_the_slope(k):
    rng = np.random.default_rng(k)
    L, truth = worlds.several_sided(0, [0.8, 0.7, 0.6, 0.7], balance=np.full(k, 1 / k), n=300)
    gold = np.where(rng.random(300) < 0.1, truth, -1)
    stats = PatternCounts.of(Votes(L, classes=k), gold=gold)
    problem = Problem.of(stats)
    graph = FactorGraph.of(problem, resolve_factors([("fixing", 0, 1), (0, 1), ("exclusive", 2, 1)], list("0123")))
    likelihood = Likelihood(
        problem, graph, rng.dirichlet(np.full(k, 5)), silent=float(stats.weights.sum()) - problem.rows
    )
    theta = rng.normal(size=len(likelihood.start)) / 2
    q, _ = likelihood.posterior(rng.normal(size=len(theta)))
    for value, more in [(likelihood.value, ()), (likelihood.value_of, likelihood.seen(q))]:
        slope = value(theta, *more)[1]
        for at in range(len(theta)):
            step = np.zeros(len(theta))
            step[at] = 1e-5
            numeric = (value(theta + step, *more)[0] - value(theta - step, *more)[0]) / 2e-5
            assert slope[at] == pytest.approx(numeric, abs=1e-8)


@pytest.mark.parametrize("kind", ["similar", "fixing", "reinforcing", "exclusive"])
@pytest.mark.parametrize("k", [2, 3])
def test_known_parameters_are_found_again(kind, k):
    m, balance = 5, np.array([0.6, 0.4] if k == 2 else [0.5, 0.3, 0.2])
    factors = resolve_factors([(kind, 0, 1)], list("01234"))
    theta = np.array([0.7, 0.5, 0.9, 0.6, 0.4, 0.3, 0.5, -0.2, 0.4, 0.1, 0.8])
    L, truth = draw(0, theta, factors, n=100_000, m=m, k=k, balance=balance)
    model = DataProgramming(dependencies=[(kind, 0, 1)], class_balance=balance).fit(L)
    params = model.params_
    found = np.concatenate([params.accuracy_weights, params.propensity_weights, params.dependency_weights])
    assert np.abs(found - theta).max() < 0.1
    assert params.dependencies == (f"{kind} 0 1",)
    right = [(L[:, j] == truth)[L[:, j] >= 0].mean() for j in range(m)]
    assert np.abs(model.accuracies_ - right).max() < 0.02


def one_coin_em(L, k, balance, steps=80):
    """Dawid & Skene with one accuracy and one rate of voting for each source, by plain EM."""
    m = L.shape[1]
    voted = L >= 0
    q = np.stack([(y == L).sum(axis=1) + 1.0 for y in range(k)], axis=1)
    q /= q.sum(axis=1, keepdims=True)
    for _ in range(steps):
        right = np.stack([(q * (L[:, [j]] == np.arange(k))).sum() / voted[:, j].sum() for j in range(m)])
        logits = np.log(balance) + sum(
            np.where(voted[:, [j]], np.log(np.where(L[:, [j]] == np.arange(k), right[j], (1 - right[j]) / (k - 1))), 0)
            for j in range(m)
        )
        q = softmax(logits, axis=1)
    return right, q


@pytest.mark.parametrize("balance", [(0.5, 0.5), (0.5, 0.3, 0.2)])
def test_without_dependencies_it_is_one_coin_dawid_skene_with_abstention_rates(balance):
    L, _ = worlds.several_sided(3, [0.9, 0.8, 0.7, 0.7, 0.6], balance=np.array(balance), n=20_000)
    model = DataProgramming(class_balance=balance).fit(L)
    right, q = one_coin_em(L, len(balance), np.array(balance))
    assert np.abs(model.accuracies_ - right).max() < 5e-4
    assert np.abs(model.predict_proba(L) - q)[(L >= 0).any(axis=1)].max() < 2e-3
    weights, votes = model.params_.accuracy_weights, model.params_.propensity_weights
    rest = np.log(np.exp(weights) + (len(balance) - 1) * np.exp(-weights))
    assert np.abs(expit(votes + rest) - (L >= 0).mean(axis=0)).max() < 1e-3


def test_five_identical_coins_are_one_source_once_declared():
    """A3 of methods.md, example 3.1 of the VLDB paper."""
    rng = np.random.default_rng(0)
    truth = rng.integers(2, size=10_000)
    junk = np.repeat(rng.integers(2, size=(10_000, 1)), 5, axis=1)
    good = np.where(rng.random((10_000, 5)) < 0.99, truth[:, None], 1 - truth[:, None])
    L = np.concatenate([junk, good], axis=1)
    model = DataProgramming(dependencies=[(i, j) for i in range(5) for j in range(i)]).fit(L)
    assert model.score(L, truth) >= 0.99
    assert np.abs(model.accuracies_[:5] - 0.5).max() < 0.02
    assert np.abs(model.accuracies_[5:] - 0.99).max() < 0.005
    assert MajorityVote().fit(L).score(L, truth) < 0.8
    chain = DataProgramming(dependencies=[(j, j + 1) for j in range(4)]).fit(L)
    assert chain.score(L, truth) >= 0.99


def test_the_order_of_sources_does_not_matter():
    L, _ = worlds.several_sided(0, np.linspace(0.9, 0.6, 6), balance=(0.5, 0.3, 0.2), n=500)
    votes = Votes(L, classes=3, sources=list("abcdef"))
    declared = [("fixing", "d", "b"), ("a", "f"), ("exclusive", "b", "c")]
    probs = DataProgramming(dependencies=declared).fit(votes).predict_proba(votes)
    moved = votes.select(list("fbdaec"))
    assert np.allclose(
        DataProgramming(dependencies=declared[::-1]).fit(moved).predict_proba(moved), probs, rtol=0, atol=1e-9
    )


def test_a_declared_group_starts_as_one_vote():
    """Seven copies of a coin beside three sources of .8: from plain vote shares, the coin would be the truth."""
    L, truth = worlds.coins(1, [0.5, 0.8, 0.8, 0.8], n=3000)
    copied = np.c_[np.repeat(L[:, :1], 6, axis=1), L]
    model = DataProgramming(dependencies=[(j, j + 1) for j in range(6)]).fit(copied)
    assert model.score(copied, truth) > DataProgramming().fit(L).score(L, truth) - 0.01
    assert np.abs(model.accuracies_[:7] - 0.5).max() < 0.03


def test_copies_count_once_when_declared():
    L, truth = worlds.coins(1, [0.6, 0.75, 0.75, 0.75, 0.75], n=5000)
    copied = np.concatenate([L[:, [0]]] * 5 + [L], axis=1)
    model = DataProgramming(dependencies=[(i, j) for i in range(6) for j in range(i)]).fit(copied)
    alone = DataProgramming().fit(L)
    assert abs(model.score(copied, truth) - alone.score(L, truth)) < 0.005
    assert DataProgramming().fit(copied).score(copied, truth) < alone.score(L, truth) - 0.1


def test_one_sided_sources_have_two_rates_and_a_balance_that_is_not_free():
    L, truth = worlds.one_sided(0, n=20_000, k=2, positive=[0.5, 0.5])
    model = DataProgramming().fit(L)
    assert "class balance uniform" in str(model.outcome_)
    fires = [(L[:, 0] >= 0)[truth == y].mean() for y in (0, 1)]
    weight, votes = model.params_.accuracy_weights[0], model.params_.propensity_weights[0]
    assert expit(votes + weight) == pytest.approx(fires[0], abs=0.02)
    assert expit(votes - weight) == pytest.approx(fires[1], abs=0.02)
    assert model.score(L, truth) > MajorityVote().fit(L).score(L, truth) + 0.02


def test_class_balance_is_given_known_or_from_third_moments():
    L, truth = worlds.several_sided(0, np.linspace(0.9, 0.6, 6), balance=(0.7, 0.2, 0.1), n=5000)
    assert DataProgramming(class_balance=[0.2, 0.3, 0.5]).fit(L).class_balance_.tolist() == [0.2, 0.3, 0.5]
    model = DataProgramming().fit(L)
    assert "from third moments" in str(model.outcome_)
    assert np.abs(model.class_balance_ - [0.7, 0.2, 0.1]).max() < 0.03
    assert (
        DataProgramming().fit(L, np.where(np.arange(5000) < 300, truth, -1)).class_balance_[0]
        == (np.sum(truth[:300] == 0) + 1) / 303
    )


def test_saved_models_answer_the_same():
    L, _ = worlds.coins(0, [0.8, 0.8, 0.7, 0.6], n=500, coverage=0.7)
    model = DataProgramming(dependencies=[("similar", 0, 1), ("fixing", 3, 2)]).fit(L)
    again = from_dict(json.loads(json.dumps(to_dict(model))))
    assert np.array_equal(again.predict_proba(L), model.predict_proba(L))
    assert again.params_.dependencies == model.params_.dependencies


def test_bad_input():
    L = np.random.default_rng(0).integers(-1, 2, (40, 4))
    with pytest.raises(ModelError, match="allowed kinds"):
        DataProgramming(dependencies=[("odd", 0, 1)]).fit(L)
    with pytest.raises(ModelError, match="class_balance"):
        DataProgramming(class_balance=[np.nan, 1]).fit(L)
    with pytest.warns(FallbackWarning, match="only 2 of the sources"):
        DataProgramming(dependencies=[(0, 1)]).fit(L[:, :2])
    for constant in (np.zeros((30, 4), dtype=int), np.repeat([[0], [1]], 20, axis=0) + np.zeros((1, 4), dtype=int)):
        model = DataProgramming(cardinality=2).fit(constant)
        assert np.isfinite(model.predict_proba(constant)).all()
        assert (model.predict(constant, ties="random") == constant[:, 0]).all()
