"""Tests of conditional dependence: exact where moments are, silent where sources are independent."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright.core import PatternCounts, Votes
from labelwright.core.moments import MomentCounts
from labelwright.labelmodels.dependencies.latent_factor import first_loadings, fit_loadings
from labelwright.labelmodels.dependencies.pair_sums import PairSums
from labelwright.labelmodels.dependencies.residual_tests import copied, hidden_classes, pair_tests

from ..dependent import clique, coins_and_experts
from ..worlds import coins, one_sided, several_sided, snorkel_votes


def sums_of(L, *, k=2):
    return PairSums.of(MomentCounts.of(Votes(L, classes=k)))


@given(st.integers(0, 10_000), st.integers(2, 4))
@settings(max_examples=25, deadline=None)
def test_rows_and_patterns_give_the_same_sums(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    votes = Votes(rng.integers(-1, k, (60, 5)), classes=k)
    one, other = PairSums.of(MomentCounts.of(votes)), PairSums.of(PatternCounts.of(votes))
    for name in ("source", "several", "agreement", "total", "signals", "beside", "voted", "same"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_agreement_is_what_a_count_of_rows_says(seed: int) -> None:
    """Shares of rows on which two several-sided sources agree, less what their votes would give by chance."""
    rng = np.random.default_rng(seed)
    L = rng.integers(-1, 3, (200, 3))
    sums = sums_of(L, k=3)
    if not sums.several.all():
        return
    member = sums.source[:, None] == np.arange(3)
    found = member.T @ (sums.agreement * sums.moments(np.ones(32)).covariance) @ member
    for i, j in ((0, 1), (0, 2), (1, 2)):
        a, b = L[(L[:, i] >= 0) & (L[:, j] >= 0)][:, [i, j]].T
        chance = sum((a == c).mean() * (b == c).mean() for c in range(3))
        assert found[i, j] == pytest.approx((a == b).mean() - chance, abs=1e-12)
        assert sums.same[i, j] == (a == b).sum()


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_loadings_recover_what_has_low_rank(rank: int) -> None:
    rng = np.random.default_rng(rank)
    u = rng.uniform(-0.6, 0.6, (14, rank))
    weights = 1 - np.eye(14)
    found = fit_loadings(u @ u.T, weights, first_loadings(u @ u.T, weights, rank), steps=5000)
    assert np.abs((found @ found.T - u @ u.T) * weights).max() < 1e-3


def test_robust_loadings_do_not_follow_a_few_pairs() -> None:
    d = np.linspace(0.3, 0.8, 12)[:, None]
    c = d @ d.T
    c[[0, 2], [1, 3]] = c[[1, 3], [0, 2]] = 0.95
    weights, precision = 1 - np.eye(12), np.full((12, 12), 100.0)
    start = first_loadings(c, weights, 1)
    robust = fit_loadings(c, weights, start, precision=precision)
    assert np.abs(robust @ robust.T - d @ d.T).max() < 0.06
    assert np.abs(fit_loadings(c, weights, start) - robust).max() > 0.1


@pytest.mark.parametrize("positive", [0.5, 0.1])
def test_the_hidden_class_explains_covariances_to_the_last_digit(positive: float) -> None:
    """d_i d_j q (1 - q) for any class-conditional sources, at n = infinity (here: a table of cells with exact weights)."""
    rng = np.random.default_rng(0)
    tables = rng.dirichlet(np.ones(3), (5, 2))  # P(abstain, 0, 1 | Y), shape (5, 2, 3)
    grid = np.stack(np.meshgrid(*[[-1, 0, 1]] * 5, indexing="ij"), axis=-1).reshape(-1, 5)
    p = sum(
        weight * np.prod([tables[j, y, grid[:, j] + 1] for j in range(5)], axis=0)
        for y, weight in ((0, 1 - positive), (1, positive))
    )
    base = sums_of(grid)
    scale = len(grid) * p
    x = np.stack([grid == 1, grid >= 0], axis=2)
    gram = np.einsum("r,ria,rjb->iajb", scale, x, x)
    exact = {
        "total": np.full(32, scale.sum() / 32),
        "signals": np.tile(gram[:, 0, :, 0] / 32, (32, 1, 1)),
        "beside": np.tile(gram[:, 0, :, 1] / 32, (32, 1, 1)),
        "voted": np.tile(gram[:, 1, :, 1] / 32, (32, 1, 1)),
    }
    # One signal each: the vote for class 0 (the last code is dropped), which only turns signs.
    sums = PairSums(**{**{n: getattr(base, n) for n in base.__slots__}, **exact})
    moments = sums.moments(np.ones(32))
    fits = hidden_classes(sums, moments, np.zeros((5, 5), dtype=bool))
    off = ~np.eye(5, dtype=bool)
    assert len(fits) == 2  # plain, and lifted by how often two vote together
    assert np.abs(fits[0].left[off]).max() < 2e-4
    assert np.abs(fits[1].left[off]).max() > 1e-3


def test_cliques_and_copies() -> None:
    tests = pair_tests(sums_of(clique(0)))
    strong = {(int(i), int(j)) for i, j in np.argwhere(np.triu(tests.p_value < 1e-6, 1))}
    assert strong == {(i, j) for i in range(5) for j in range(i + 1, 5)}
    assert tests.strength[0, 1] == pytest.approx(0.64, abs=0.04)  # .8 squared
    L, _ = coins_and_experts(0)
    sums = sums_of(L)
    same = copied(sums, sums.moments(np.ones(32)))
    assert same[:5, :5].sum() == 20
    assert same.sum() == 20  # experts of accuracy .99 agree in .98 of votes, and are no copies
    assert (pair_tests(sums).p_value[5:, 5:] > 0.001).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("world", "k"),
    [
        (lambda s: coins(s, np.linspace(0.55, 0.9, 12), n=3000)[0], 2),
        (lambda s: coins(s, np.linspace(0.6, 0.9, 10), n=3000, coverage=0.5, positive=0.1)[0], 2),
        (lambda s: coins(s, [0.95] * 8, n=2000)[0], 2),
        (lambda s: one_sided(s, n=3000)[0], 2),
        (lambda s: one_sided(s, n=3000, positive=[0.9, 0.1])[0], 2),
        (lambda s: one_sided(s, n=3000, k=3)[0], 3),
        (lambda s: snorkel_votes(s, n=3000)[0], 2),
        (lambda s: several_sided(s, [0.7] * 8, balance=[0.2, 0.3, 0.5], n=3000)[0], 3),
    ],
)
def test_p_values_of_independent_sources_are_not_too_small(world, k: int) -> None:
    """Family-wise: the smallest of M p-values is below .05 / M in no more than 5 % of 40 sets, two deviates allowed."""
    below, small, count = 0, 0.0, 40
    for seed in range(count):
        p = pair_tests(sums_of(world(seed), k=k)).p_value
        p = p[np.triu_indices(len(p), 1)]
        below += p.min() < 0.05 / len(p)
        small += (p < 0.05).mean() / count
    assert below <= 5
    assert small < 0.065
