"""Intervals keep their level: published values for Wilson's, simulation for the bootstrap."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm
from threadpoolctl import threadpool_limits

from labelwright.analysis import metrics
from labelwright.analysis.base import NO_ESTIMATE
from labelwright.analysis.intervals import bootstrap, grouped_share, wilson, wilson_bounds


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    # Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0000, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_equals_published_values(successes: int, trials: int, low: float, high: float) -> None:
    found = wilson(successes, trials)
    assert (found.low, found.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))
    mirrored = wilson(trials - successes, trials)
    assert (1 - mirrored.high, 1 - mirrored.low) == (pytest.approx(found.low), pytest.approx(found.high))


def test_no_trials_no_estimate() -> None:
    assert not wilson(0, 0).known


@pytest.mark.parametrize(("p", "n"), [(0.5, 30), (0.9, 60), (0.97, 200), (0.2, 100)])
def test_wilson_holds_its_level(p: float, n: int) -> None:
    successes = np.random.default_rng(0).binomial(n, p, size=20_000)
    low, high = wilson_bounds(successes, np.full_like(successes, n))
    assert 0.93 <= ((low <= p) & (p <= high)).mean() <= 0.97


def _cover(draw: object, truth: float, repeats: int, *, grouped: bool = False) -> float:
    rng = np.random.default_rng(1)
    inside = 0
    for seed in range(repeats):
        statistic, n, groups = draw(rng)  # type: ignore[operator]
        (found,) = bootstrap([statistic], n, groups=groups if grouped else None, random_state=seed)
        inside += found.low <= truth <= found.high
    return inside / repeats


@pytest.mark.slow
def test_bootstrap_of_a_mean_of_few_holds_its_level() -> None:
    def draw(rng: np.random.Generator) -> tuple[object, int, None]:
        return metrics.mean(rng.normal(size=12)), 12, None

    assert 0.93 <= _cover(draw, 0.0, 500) <= 0.97


@pytest.mark.slow
def test_bootstrap_of_macro_f1_holds_its_level() -> None:
    gold_rate, right = 0.3, 0.85
    positive, negative = gold_rate * right, (1 - gold_rate) * right
    truth = (
        2 * positive / (gold_rate + positive + (1 - gold_rate) * (1 - right))
        + 2 * negative / ((1 - gold_rate) + negative + gold_rate * (1 - right))
    ) / 2

    def draw(rng: np.random.Generator) -> tuple[object, int, None]:
        gold = (rng.random(200) < gold_rate).astype(np.int64)
        predicted = np.where(rng.random(200) < right, gold, 1 - gold)
        return metrics.macro_f1(gold, predicted, 2), 200, None

    assert 0.93 <= _cover(draw, truth, 400) <= 0.97


@pytest.mark.slow
def test_bootstrap_of_roc_auc_holds_its_level() -> None:
    def draw(rng: np.random.Generator) -> tuple[object, int, None]:
        gold = (rng.random(150) < 0.4).astype(np.int64)
        score = norm.cdf(rng.normal(size=150) + 1.2 * gold)
        return metrics.roc_auc(gold, np.stack([1 - score, score], axis=1)), 150, None

    assert 0.93 <= _cover(draw, float(norm.cdf(1.2 / np.sqrt(2))), 400) <= 0.97


@pytest.mark.slow
def test_groups_hold_their_level_where_single_examples_do_not() -> None:
    groups = np.repeat(np.arange(15), 20)

    def draw(rng: np.random.Generator) -> tuple[object, int, np.ndarray]:
        return metrics.mean(rng.normal(size=15)[groups] + rng.normal(size=300)), 300, groups

    assert 0.93 <= _cover(draw, 0.0, 400, grouped=True) <= 0.97
    assert _cover(draw, 0.0, 200) < 0.6


def test_same_seed_same_interval_and_another_seed_another() -> None:
    values = metrics.mean(np.random.default_rng(0).normal(size=50))
    first, again, other = (bootstrap([values], 50, random_state=s)[0] for s in (0, 0, 1))
    assert first == again
    assert first != other


def test_threads_do_not_move_the_last_digit() -> None:
    values = np.random.default_rng(0).random(100_000)
    statistic = metrics.mean(values)
    found = []
    for threads in (1, 2):
        with threadpool_limits(limits=threads, user_api="blas"):
            found.append(bootstrap([statistic], len(values)))
    assert found[0] == found[1]


def test_one_unit_has_no_interval() -> None:
    (found,) = bootstrap([metrics.mean([1.0, 2.0])], 2, groups=[7, 7])
    assert found.value == 1.5
    assert np.isnan(found.low)


def test_nothing_was_measured_on_no_examples() -> None:
    (found,) = bootstrap([metrics.mean([])], 0)
    assert not found.known


def test_a_share_by_groups_covers_the_truth_where_one_without_them_does_not() -> None:
    """Groups of ten alike: fifty facts, not five hundred."""
    rng = np.random.default_rng(0)
    inside = {True: 0, False: 0}
    for _ in range(200):
        hits, groups = np.repeat(rng.random(50) < 0.8, 10), np.repeat(np.arange(50), 10)
        for grouped in inside:
            found = grouped_share(hits, groups if grouped else None)
            inside[grouped] += found.low <= 0.8 <= found.high
            assert (found.value, found.n) == (hits.mean(), 500)
    assert inside[True] >= 188
    assert inside[False] < 130
    assert grouped_share([], []) == NO_ESTIMATE
