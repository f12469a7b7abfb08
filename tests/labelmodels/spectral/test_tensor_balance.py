from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from labelwright.core import PatternCounts, Votes
from labelwright.labelmodels.expectation import run
from labelwright.labelmodels.problem import Problem
from labelwright.labelmodels.spectral.tensor import tensor_decomposition
from labelwright.labelmodels.spectral.tensor_balance import class_balance_from_tensor
from labelwright.labelmodels.spectral.views import ViewMoments

from .. import worlds


def test_every_triple_of_exact_moments_gives_22_percent():
    """D1 of methods.md: unequal, asymmetric sources; P(Y=1) = 0.22."""
    balance = np.array([0.78, 0.22])
    rates = [(0.9, 0.7), (0.8, 0.85), (0.75, 0.6), (0.95, 0.5), (0.6, 0.9)]
    tables = [np.array([[a, 1 - b], [1 - a, b]]) for a, b in rates]
    for chosen in combinations(range(5), 3):
        joint = np.concatenate([tables[j] for j in chosen])
        triple = np.einsum("y,ay,by,cy->abc", balance, *(tables[j] for j in chosen))
        moments = ViewMoments(
            (2, 2, 2),
            (joint * balance) @ joint.T * 1e3,
            np.full((3, 3), 1e3),
            {(0, 1, 2): triple * 1e3},
            {(0, 1, 2): 1e3},
        )
        fit = tensor_decomposition(moments, np.tile(np.eye(2), (3, 1)))
        assert np.allclose(fit.balance, balance, atol=1e-9)


def second_moment_fit(pairs, k, m, start, steps=20_000):
    """P(Y) of a model fitted to second moments alone, from some start (what `Snorkel` and `MeTaL` do, without noise)."""
    rng = np.random.default_rng(start)
    table = 0.3 / (k - 1) + (0.7 - 0.3 / (k - 1)) * np.tile(np.eye(k), (m, 1)) + 0.1 * rng.random((m * k, k))
    balance = np.full(k, 1 / k)
    off = 1 - np.kron(np.eye(m), np.ones((k, k)))
    for _ in range(steps):
        left = off * ((table * balance) @ table.T - pairs)
        table = table - 0.4 * (left @ (table * balance))
        balance = balance - 0.002 * np.einsum("fy,fg,gy->y", table, left, table)
    assert np.abs(off * ((table * balance) @ table.T - pairs)).max() < 2e-3
    return balance / balance.sum()


@pytest.mark.slow
def test_third_moments_agree_with_em_where_second_moments_depend_on_their_start():
    """D2 of methods.md, k = 3."""
    truth = np.array([0.55, 0.3, 0.15])
    L, _ = worlds.several_sided(0, [0.85, 0.8, 0.7, 0.7, 0.65], balance=truth, n=50_000, coverage=1)
    stats = PatternCounts.of(Votes(L))
    balance, error = class_balance_from_tensor(stats)
    problem = Problem.of(stats)
    none, uniform = np.ones(15), np.full(3, 1 / 3)
    em = run(
        problem, problem.vote_shares(none), uniform, none, prior_weight=0, steps=500, tolerance=1e-6, learn_balance=True
    )
    assert em.converged
    assert np.abs(balance - em.balance).max() < 4 * error.max() < 0.02
    hot = (L[:, :, None] == np.arange(3)).reshape(len(L), 15) * 1.0
    alone = np.array([second_moment_fit(hot.T @ hot / len(L), 3, 5, start) for start in range(3)])
    assert np.abs(alone - em.balance).max() > 5 * np.abs(balance - em.balance).max()
    assert np.ptp(alone, axis=0).max() > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("balance", [(0.7, 0.2, 0.1), (0.9, 0.1)])
def test_the_standard_error_is_of_the_size_of_the_error(balance):
    deviates = []
    for seed in range(6, 11):
        L, _ = worlds.several_sided(seed, [0.85, 0.8, 0.7, 0.7, 0.6], balance=balance, n=4000)
        found, error = class_balance_from_tensor(PatternCounts.of(Votes(L)))
        deviates.append((found - balance) / error)
    assert 0.5 < np.sqrt(np.mean(np.square(deviates))) < 1.7


@pytest.mark.parametrize("positive", [0.1, 0.3, 0.5])
def test_for_two_classes_it_is_near_the_closed_form(positive):
    L, _ = worlds.coins(1, [0.85, 0.8, 0.7, 0.7, 0.6], n=20_000, positive=positive)
    stats = PatternCounts.of(Votes(L))
    found, error = class_balance_from_tensor(stats)
    assert np.abs(found - closed_form(L)).max() < 3 * error.max() < 0.06


def closed_form(L):
    """P(Y) of two classes from the median third cumulant over the root of covariances: (1 - 2q) / sqrt(q (1 - q))."""
    d = L - L.mean(axis=0)
    s = d.T @ d / len(d)
    r = np.median(
        [
            (d[:, i] * d[:, j] * d[:, h]).mean() / np.sqrt(s[i, j] * s[i, h] * s[j, h])
            for i, j, h in combinations(range(L.shape[1]), 3)
        ]
    )
    q = (1 - r / np.sqrt(4 + r * r)) / 2
    return np.array([1 - q, q])


def test_votes_that_do_not_tell_give_none():
    single, _ = worlds.one_sided(0, k=3)
    assert class_balance_from_tensor(PatternCounts.of(Votes(single))) is None
    noise = np.random.default_rng(0).integers(0, 3, (2000, 6))
    assert class_balance_from_tensor(PatternCounts.of(Votes(noise))) is None
    L, _ = worlds.several_sided(0, np.full(5, 0.8), balance=(0.5, 0.3, 0.2))
    few = np.array([True, True, False, False, False])
    assert class_balance_from_tensor(PatternCounts.of(Votes(L)), few) is None
