"""l1 pseudolikelihood: the exact gradient, and the pairs it finds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize

from labelwright.core import PatternCounts, Votes
from labelwright.labelmodels.dependencies.pseudolikelihood import Pseudolikelihood, _OneSource, row_weights
from labelwright.labelmodels.problem import Problem

from ..dependent import copied_pairs, weak_edges
from ..worlds import coins, one_sided, several_sided


def found(L, *, k=2, level=2.0):
    stats = PatternCounts.of(Votes(L, classes=k))
    model = Pseudolikelihood(Problem.of(stats))
    pairs = np.argwhere(np.triu(model.found(row_weights(stats).sum(axis=0), level=level)))
    return {(int(i), int(j)) for i, j in pairs}


@pytest.mark.parametrize("world", [coins(0, [0.7] * 4, n=200, coverage=0.6)[0], one_sided(0, m=4, n=200)[0]])
def test_the_gradient_is_that_of_the_loss(world) -> None:
    stats = PatternCounts.of(Votes(world, classes=2))
    model, weights = Pseudolikelihood(Problem.of(stats)), row_weights(stats).sum(axis=0)
    target = model._target(1, weights)
    counts = weights[target.rows]
    one = _OneSource(target, model.votes[target.rows], counts / counts.sum())
    rng = np.random.default_rng(0)
    tilt = rng.normal(size=(len(counts), len(target.means)))
    x = np.append(1.0, rng.normal(size=len(target.means)))
    numeric = optimize.approx_fprime(x, lambda v: one.loss_and_states(v, tilt)[0], 1e-6)
    assert np.allclose(one.loss_and_states(x, tilt)[1], numeric, atol=1e-5)
    at = np.array([0, 2])
    theta = np.array([0.3, -0.2])

    def loss(t):
        return one.loss_and_states(x, (target.partners[:, :, at] @ t).T)[0]

    full = np.zeros(4)
    full[at] = theta
    slope, error = one.slopes(x, full, float(counts.sum()))
    assert np.allclose(slope[at], optimize.approx_fprime(theta, loss, 1e-6), atol=1e-5)
    assert slope[1] == error[1] == 0


def test_it_finds_copied_pairs_and_weak_edges() -> None:
    assert {(0, 1), (2, 3), (4, 5)} <= found(copied_pairs(0))
    L, edges = weak_edges(0, n=10_000)
    assert set(edges) <= found(L)


@pytest.mark.parametrize(
    ("L", "k"),
    [
        (coins(1, np.linspace(0.55, 0.9, 10), n=3000)[0], 2),
        (one_sided(1, m=10, n=3000)[0], 2),
        (several_sided(1, [0.7] * 8, balance=[0.2, 0.3, 0.5], n=3000)[0], 3),
    ],
)
def test_few_pairs_of_independent_sources_pass_the_penalty(L, k) -> None:
    # Two standard errors let 5 % of 45 pairs pass from each side.
    assert len(found(L, k=k, level=2.0)) <= 10
    assert not found(L, k=k, level=4.5)


def test_sub_sums_add_up_to_the_rows() -> None:
    L, _ = one_sided(0, n=500)
    stats = PatternCounts.of(Votes(L))
    weights = row_weights(stats)
    assert weights.sum() == 500
    assert weights[:, -1].sum() == (L < 0).all(axis=1).sum()
    assert np.array_equal(weights.sum(axis=0)[:-1], Problem.of(stats).weights)
