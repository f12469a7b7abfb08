"""Intervals hold what they say, and adjusted tests err as seldom as they say."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from labelwright.analysis import shares
from labelwright.augmentation.safety.measured import area_under_curve, holm, paired_share, smallest_found


@given(st.lists(st.floats(0, 1) | st.just(math.nan), max_size=12))
def test_holm_is_holm(p_values: list[float]) -> None:
    expected = shares.holm([None if math.isnan(p) else p for p in p_values])
    assert holm(p_values).tolist() == [math.nan if e is None else e for e in expected] or np.allclose(
        holm(p_values), [math.nan if e is None else e for e in expected], equal_nan=True
    )


@given(arrays(np.int64, 8, elements=st.integers(0, 3)), arrays(np.int64, 8, elements=st.integers(0, 3)))
def test_the_area_is_the_share_of_pairs_in_order(positive: np.ndarray, negative: np.ndarray) -> None:
    alone, one = np.arange(8), np.zeros(8, dtype=int)
    found = area_under_curve(positive.astype(float), negative.astype(float), alone, one)
    pairs = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
    assert math.isclose(found.value, pairs.mean())
    assert found.low <= found.value <= found.high


def test_only_scores_of_one_stratum_are_compared() -> None:
    positive, negative = np.array([1.0, 2.0, 101.0, 102.0]), np.array([0.0, 0.5, 100.0, 100.5])
    strata = np.array([0, 0, 1, 1])
    assert area_under_curve(positive, negative, np.arange(4), strata).value == 1
    assert area_under_curve(positive, negative, np.arange(4), np.zeros(4, dtype=int)).value == 0.75


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(0)
    covered, area_covered = [], []
    for _ in range(400):
        u = rng.random(150)
        found = paired_share(u < 0.2, u > 0.95, np.arange(150), tolerance=0.1).measured
        covered.append(found.low <= 0.15 <= found.high)
        base = rng.normal(size=150)
        # Pairs depend on each other: half of the noise is shared. The truth is P(N(1, 2) > 0), from the definition.
        area = area_under_curve(
            base + rng.normal(size=150) + 1, base + rng.normal(size=150), np.arange(150), np.zeros(150, dtype=int)
        )
        area_covered.append(area.low <= 0.6915 <= area.high)
    assert 0.92 <= np.mean(covered) <= 0.985
    assert 0.92 <= np.mean(area_covered) <= 0.985


def test_a_share_at_the_tolerance_is_blamed_as_seldom_as_the_level_says() -> None:
    rng = np.random.default_rng(1)
    nothing = np.zeros(400, dtype=bool)
    p = [paired_share(rng.random(400) < 0.1, nothing, np.arange(400), tolerance=0.1).p_value for _ in range(1000)]
    assert 0.02 <= np.mean(np.array(p) <= 0.05) <= 0.075


def test_examples_of_one_group_count_as_one() -> None:
    gained = np.repeat(np.arange(20) < 6, 10)
    nothing = np.zeros(200, dtype=bool)
    alone = paired_share(gained, nothing, np.arange(200), tolerance=0.1).measured
    grouped = paired_share(gained, nothing, np.repeat(np.arange(20), 10), tolerance=0.1).measured
    assert grouped.value == alone.value == 0.3
    assert (grouped.high - grouped.low) > 2.5 * (alone.high - alone.low)
    # Where all came out alike there is still no certainty beyond the number of groups.
    sure = paired_share(nothing, nothing, np.repeat(np.arange(20), 10), tolerance=0.1).measured
    assert sure.high > 2.5 * paired_share(nothing, nothing, np.arange(200), tolerance=0.1).measured.high


def test_nothing_measured_is_nan_and_none_for_json() -> None:
    none = np.empty(0, dtype=bool)
    found = paired_share(none, none, np.empty(0, dtype=int), tolerance=0.1)
    assert math.isnan(found.p_value)
    assert found.measured.to_dict() == {"value": None, "low": None, "high": None, "n": 0}


def test_what_would_be_found_shrinks_with_examples_and_grows_with_comparisons() -> None:
    found = [smallest_found(n, 100, tolerance=0.1, level=0.05) for n in (100, 1000, 10_000)]
    assert found[0] > found[1] > found[2] > 0.1
    assert smallest_found(1000, 1, tolerance=0.1, level=0.05) < found[1]
    # Four times out of five, by simulation.
    rng = np.random.default_rng(2)
    nothing, share = np.zeros(1000, dtype=bool), smallest_found(1000, 10, tolerance=0.1, level=0.05)
    p = [paired_share(rng.random(1000) < share, nothing, np.arange(1000), tolerance=0.1).p_value for _ in range(300)]
    assert 0.7 <= np.mean(np.array(p) <= 0.005) <= 0.9
