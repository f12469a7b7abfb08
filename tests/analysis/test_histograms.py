"""Histograms count every example once; calibration measures what it says."""

from __future__ import annotations

import numpy as np
import pytest

from labelwright.analysis import calibration, histogram
from labelwright.core import SoftLabels


def test_every_example_is_counted_once() -> None:
    p = np.concatenate([[0.0, 1.0, 0.5], np.random.default_rng(0).random(97)])
    covered = np.arange(100) >= 10
    found = histogram(SoftLabels(np.stack([1 - p, p], axis=1), covered))
    assert sum(found.counts) == 90
    assert found.uncovered == 10
    assert found.of == "probability of 1"


def test_more_classes_count_the_largest_probability() -> None:
    found = histogram(SoftLabels([[0.2, 0.2, 0.6]]), bins=10)
    assert found.of == "largest probability"
    assert found.counts[5] + found.counts[6] == 1


def test_calibrated_probabilities_have_small_error_and_sure_ones_do_not() -> None:
    rng = np.random.default_rng(0)
    p = rng.random(5000)
    gold = (rng.random(5000) < p).astype(int)
    honest = calibration(np.stack([1 - p, p], axis=1), gold, model="honest")
    sure = calibration(np.stack([p < 0.5, p >= 0.5], axis=1).astype(float), gold, model="sure")
    assert honest.error < 0.03
    assert sure.error == pytest.approx(0.25, abs=0.03)
    assert sum(b.observed.n for b in honest.bins) == honest.n == 5000
    assert all(b.low <= b.mean <= b.high for b in honest.bins)


def test_uncovered_and_unjudged_examples_are_left_out() -> None:
    soft = SoftLabels([[0.5, 0.5]] * 4, [True, True, False, True])
    assert calibration(soft, [1, None, 1, 0]).n == 2
    empty = calibration(soft, [None] * 4)
    assert empty.bins == ()
    assert np.isnan(empty.error)


def test_groups_widen_the_intervals_and_nothing_else() -> None:
    gold = np.repeat(np.random.default_rng(0).integers(0, 2, 50), 10)
    probs, groups = np.full((500, 2), 0.5), np.repeat(np.arange(50), 10)
    (plain,), (grouped,) = calibration(probs, gold).bins, calibration(probs, gold, groups=groups).bins
    assert (plain.mean, plain.observed.value, plain.observed.n) == (grouped.mean, grouped.observed.value, 500)
    assert grouped.observed.high - grouped.observed.low > 2.5 * (plain.observed.high - plain.observed.low)
    gold[::2] = -1
    assert calibration(probs, gold, groups=groups).bins[0].observed.n == 250
