"""Calibration and thresholds: closed forms, recovery of what was planted, agreement with brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax
from sklearn.metrics import log_loss

from labelwright.core.errors import ModelError
from labelwright.endmodels import apply_temperature, best_threshold, calibration_error, fit_temperature


def _planted(n=40_000, k=3, sharpness=1.0, seed=0):
    """Probabilities that are ``sharpness`` times too sharp, and gold drawn from the honest ones."""
    chance = np.random.default_rng(seed)
    logits = chance.normal(size=(n, k)) * 1.5
    honest = softmax(logits, axis=1)
    gold = (honest.cumsum(axis=1) > chance.random(n)[:, None]).argmax(axis=1)
    return softmax(sharpness * logits, axis=1), gold


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 2.5])
def test_the_planted_temperature_is_found(sharpness):
    probs, gold = _planted(sharpness=sharpness)
    assert fit_temperature(probs, gold) == pytest.approx(sharpness, rel=0.03)


def test_the_temperature_is_the_best_one_and_keeps_the_order():
    probs, gold = _planted(n=500, sharpness=3.0)
    found = fit_temperature(probs, gold)
    grid = np.geomspace(0.01, 100, 400)
    best = min(log_loss(gold, apply_temperature(probs, t)) for t in grid)
    calibrated = apply_temperature(probs, found)
    assert log_loss(gold, calibrated) <= best + 1e-9
    assert (calibrated.argmax(axis=1) == probs.argmax(axis=1)).all()
    np.testing.assert_allclose(calibrated.sum(axis=1), 1)


def test_honest_probabilities_have_a_small_error_and_sharpened_ones_a_large():
    assert calibration_error(*_planted()).error < 0.01
    sharp, gold = _planted(sharpness=3.0)
    assert calibration_error(sharp, gold).error > 0.1
    assert calibration_error(apply_temperature(sharp, 3.0), gold).error < 0.01


def test_the_error_of_a_constant_is_its_distance_from_the_truth():
    probs = np.tile([0.9, 0.1], (10, 1))
    gold = np.array([0] * 6 + [1] * 4)
    result = calibration_error(probs, gold, bins=10)
    assert result.error == pytest.approx(0.3)
    assert result.counts.tolist() == [0] * 8 + [10, 0]
    assert np.isnan(result.confidence[0])


def test_a_confidence_on_an_edge_belongs_to_the_bin_below():
    # 0.56 * 25 is 14.000000000000002 in floats; the bin must be (0.52, 0.56] all the same.
    result = calibration_error([[0.56, 0.44], [1.0, 0.0]], [0, 0], bins=25)
    assert np.flatnonzero(result.counts).tolist() == [13, 24]


def _score(said, gold, metric):
    """Score by the definitions."""
    if metric == "accuracy":
        return (said == gold).mean()
    right, both = (said & (gold == 1)).sum(), said.sum() + (gold == 1).sum()
    return 2 * right / both if both else 0.0


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.tuples(st.sampled_from(np.linspace(0, 1, 21).tolist()), st.integers(0, 1)), min_size=1, max_size=30),
    st.sampled_from(["f1", "accuracy"]),
)
def test_no_cut_is_better_than_the_best(pairs, metric):
    probs, gold = np.array([p for p, _ in pairs]), np.array([y for _, y in pairs])
    found = best_threshold(probs, gold, metric=metric)
    assert _score(probs >= found.value, gold, metric) == pytest.approx(found.score)
    assert found.score >= max(_score(probs >= cut, gold, metric) for cut in np.linspace(-0.01, 1.02, 104)) - 1e-12


def test_unknown_gold_is_left_out_everywhere():
    probs, gold = _planted(n=300, k=2)
    holes = np.where(np.arange(300) % 3 == 0, -1, gold)
    known = holes >= 0
    assert calibration_error(probs, holes).error == calibration_error(probs[known], gold[known]).error
    assert fit_temperature(probs, holes) == fit_temperature(probs[known], gold[known])
    assert best_threshold(probs, holes) == best_threshold(probs[known, 1], gold[known])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: calibration_error([[0.5, 0.5]], [2]), r"outside -1\.\.1"),
        (lambda: calibration_error([[0.5, 0.5]], [0, 1]), r"\(n, k\) and \(n,\)"),
        (lambda: calibration_error([[0.5, 0.5]], [-1]), "no example with gold"),
        (lambda: calibration_error([[0.5, 0.5]], [0], bins=0), "bins is 0"),
        (lambda: calibration_error([[0.5, 0.5]], ["ham"]), "gold has dtype"),
        (lambda: fit_temperature([[1.5, -0.5]], [0]), r"outside \[0, 1\]"),
        (lambda: apply_temperature([[0.5, 0.5]], 0.0), "must be above 0"),
        (lambda: best_threshold([[0.2, 0.3, 0.5]], [0]), "for two classes"),
        (lambda: best_threshold([0.5], [0], metric="auc"), "allowed: 'f1', 'accuracy'"),
    ],
)
def test_what_does_not_fit_is_refused(call, message):
    with pytest.raises(ModelError, match=message):
        call()
