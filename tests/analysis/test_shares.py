"""Shares of grouped examples: exact where they can be, and never too sure of themselves."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest, fisher_exact

from labelwright.analysis.shares import Tally, exact_bounds, holm, intraclass, sign_flip_p_value, two_sample_p_value


def tally(hits: int, trials: int) -> Tally:
    return Tally(np.array([hits]), np.array([trials]), grouped=False)


def clusters(rng: np.random.Generator, *, groups: int, size: int, correlation: float, share: float) -> Tally:
    """Groups of about ``size`` examples whose shares follow a beta distribution."""
    strength = 1 / correlation - 1
    trials = 1 + rng.poisson(size - 1, groups)
    return Tally(rng.binomial(trials, rng.beta(share * strength, (1 - share) * strength, groups)), trials, grouped=True)


def test_counts_by_group_leave_out_groups_without_a_trial():
    found = Tally.of([1, 0, 1, 1], [1, 1, 1, 0], groups=["b", "a", "b", "c"])
    assert (found.hits.tolist(), found.trials.tolist()) == ([0, 2], [1, 2])
    assert (found.count, found.n, found.groups) == (2, 3, 2)
    big = Tally.of([1, 0], groups=np.array([10**12, -5]))
    assert big.groups == 2


@given(st.lists(st.integers(1, 9), min_size=1, max_size=20), st.floats(0, 1))
def test_trials_are_worth_between_the_groups_and_the_examples(trials, correlation):
    found = Tally(np.zeros(len(trials), dtype=int), np.array(trials), grouped=True)
    assert found.worth(0) == found.n
    assert found.worth(correlation) <= found.n + 1e-9
    if len(set(trials)) == 1:
        assert found.worth(1) == pytest.approx(len(trials))


def test_the_correlation_is_found():
    rng = np.random.default_rng(0)
    for correlation in (0.05, 0.3, 0.8):
        samples = [clusters(rng, groups=4000, size=5, correlation=correlation, share=p) for p in (0.2, 0.6)]
        assert intraclass(samples) == pytest.approx(correlation, abs=0.03)
    assert intraclass([tally(3, 9)]) == 0
    # Four groups of two with 2, 2, 1 and 0 hits: squares of 2.75, times 4/3, less 8 p (1-p), over 8 p (1-p), p = 5/8.
    few = Tally(np.array([2, 2, 1, 0]), np.array([2, 2, 2, 2]), grouped=True)
    assert intraclass([few]) == pytest.approx((2.75 * 4 / 3 - 1.875) / 1.875)


@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 0.5, 0.93, 1.0])
@pytest.mark.parametrize("chance", [0.1, 0.01])
def test_bounds_are_on_the_wrong_side_no_more_often_than_said(share, chance):
    n = 25
    weights = binom.pmf(np.arange(n + 1), n, share)
    bounds = np.array([exact_bounds(tally(x, n), chance=chance) for x in range(n + 1)])
    assert weights[bounds[:, 0] > share].sum() <= chance
    assert weights[bounds[:, 1] < share].sum() <= chance
    assert binomtest(5, n).proportion_ci(1 - 2 * chance).low == pytest.approx(bounds[5, 0])


def test_bounds_of_groups_hold_and_those_of_loose_examples_would_not():
    rng = np.random.default_rng(0)
    wrong = loose = 0
    for _ in range(300):
        found = clusters(rng, groups=12, size=15, correlation=0.3, share=0.7)
        wrong += exact_bounds(found, chance=0.05)[0] > 0.7
        loose += exact_bounds(tally(found.count, found.n), chance=0.05)[0] > 0.7
    assert wrong <= 24  # binomial(300, 0.05) is above with a chance of 0.01
    assert loose > 40
    assert exact_bounds(tally(0, 0), chance=0.1) == (0.0, 1.0)
    assert exact_bounds(Tally.of([True] * 9, groups=[0] * 9), chance=0.1) == (0.0, 1.0)


@pytest.mark.parametrize("share", [0.05, 0.4])
def test_the_two_sample_test_keeps_every_level(share):
    n, m = 14, 9
    p = np.array([[two_sample_p_value(tally(x, n), tally(y, m)) for y in range(m + 1)] for x in range(n + 1)])
    weights = np.outer(binom.pmf(np.arange(n + 1), n, share), binom.pmf(np.arange(m + 1), m, share))
    for level in (0.01, 0.05, 0.3):
        assert weights[p <= level].sum() <= level
    one_sided = fisher_exact([[9, 5], [1, 8]], alternative="greater").pvalue
    assert p[9, 1] == pytest.approx(2 * one_sided)
    assert p[5, 7] == pytest.approx(two_sample_p_value(tally(7, m), tally(5, n)))


def test_no_test_without_two_samples():
    grouped = Tally.of([True, False], groups=[0, 1])
    assert two_sample_p_value(tally(0, 0), tally(1, 2)) is None
    assert two_sample_p_value(grouped, Tally.of([True, True], groups=[0, 0])) is None
    assert two_sample_p_value(Tally.of([False] * 4, groups=[0, 0, 1, 1]), Tally.of([False] * 2, groups=[0, 1])) == 1.0


@given(st.lists(st.sampled_from([-3, -2, -1, 0, 1, 2]), max_size=8))
def test_flipping_signs_is_what_it_says(sums):
    total, size = sum(sums), [abs(s) for s in sums]
    flipped = [sum(np.multiply(signs, size)) for signs in itertools.product([-1, 1], repeat=len(sums))]
    expected = 1.0 if total >= 0 else np.mean([value <= total for value in flipped])
    assert sign_flip_p_value(sums) == pytest.approx(expected)


def test_many_units_are_sampled_and_equal_ones_counted():
    assert sign_flip_p_value([-1] * 30 + [1] * 10) == pytest.approx(binomtest(30, 40, alternative="greater").pvalue)
    rng = np.random.default_rng(0)
    sums = rng.choice([-2, -1, 1, 2], size=60, p=[0.3, 0.3, 0.2, 0.2])
    chance = {0: 1.0}  # of every sum of flipped signs, unit by unit
    for size in np.abs(sums).tolist():
        chance = {s: (chance.get(s - size, 0) + chance.get(s + size, 0)) / 2 for s in range(-120, 121)}
    exact = sum(share for total, share in chance.items() if total <= sums.sum())
    assert sign_flip_p_value(sums) == pytest.approx(exact, abs=0.012)  # four standard errors of 20,000 draws
    assert sign_flip_p_value(sums) == sign_flip_p_value(sums)


@given(st.lists(st.none() | st.floats(0, 1), max_size=12))
def test_holm_never_lowers_and_keeps_the_order(p_values):
    adjusted = holm(p_values)
    assert [a is None for a in adjusted] == [p is None for p in p_values]
    pairs = sorted((p, a) for p, a in zip(p_values, adjusted, strict=True) if p is not None)
    assert all(p <= a <= 1 for p, a in pairs)
    assert all(a <= b for (_, a), (_, b) in itertools.pairwise(pairs))
    if pairs:
        assert pairs[0][1] == min(1.0, pairs[0][0] * len(pairs))
