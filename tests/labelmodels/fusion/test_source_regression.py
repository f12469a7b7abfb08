"""Regression of accuracies: a maximum that its gradient confirms, and shrinkage that follows the data."""

import numpy as np
import pytest
from scipy.special import expit

from labelwright.labelmodels.fusion.source_features import SourceFeatures
from labelwright.labelmodels.fusion.source_regression import Regression


def settled(table, right, totals):
    regression = Regression(table)
    for _ in range(300):
        accuracies = regression(right, totals)
    return regression, accuracies


def test_the_gradient_is_zero_at_the_end():
    rng = np.random.default_rng(0)
    table = rng.normal(size=(40, 2))
    totals = rng.integers(1, 50, 40).astype(float)
    right = rng.binomial(totals.astype(int), 0.7).astype(float)
    regression, accuracies = settled(table, right, totals)
    rest = right - totals * accuracies
    assert rest - regression.own / regression.spread == pytest.approx(np.zeros(40), abs=1e-5)
    assert table.T @ rest - regression.coefficients[1:] == pytest.approx(np.zeros(2), abs=1e-5)
    assert rest.sum() - 0.01 * regression.coefficients[0] == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("spread", [0.0, 1.0])
def test_recovers_coefficients_and_spread(spread):
    rng = np.random.default_rng(1)
    table = rng.normal(size=(400, 2))
    odds = 0.5 + table @ [1.0, -0.5] + rng.normal(0, np.sqrt(spread), 400)
    totals = np.full(400, 200.0)
    right = rng.binomial(200, expit(odds)).astype(float)
    regression, _ = settled(table, right, totals)
    assert regression.coefficients == pytest.approx([0.5, 1.0, -0.5], abs=0.12)
    assert regression.spread == pytest.approx(spread, abs=0.15)
    learned = regression.learned(SourceFeatures(()), right, totals)
    assert learned.spread == pytest.approx(regression.spread, abs=0.01)


def test_few_claims_each_still_tell_how_much_sources_differ():
    rng = np.random.default_rng(2)
    odds = rng.normal(0.5, 1.5, 3000)
    totals = np.full(3000, 12.0)
    right = rng.binomial(12, expit(odds)).astype(float)
    regression, _ = settled(np.zeros((3000, 0)), right, totals)
    # Laplace's method is known to underestimate where claims are few; counting every intercept in full would halve it.
    assert regression.spread == pytest.approx(1.5**2, rel=0.3)
    expected = regression.learned(SourceFeatures(()), right, totals).expected(None, ("new",))
    assert expected == pytest.approx(expit(odds).mean(), abs=0.02)


def test_a_source_with_few_claims_is_as_its_features_say():
    table = np.array([[1.0]] * 10 + [[-1.0]] * 10)
    totals = np.array([500.0] * 9 + [1.0] + [500.0] * 10)
    right = totals * np.array([0.9] * 9 + [0.0] + [0.6] * 10)
    _, accuracies = settled(table, right, totals)
    assert accuracies[9] == pytest.approx(0.9, abs=0.03)


def test_certain_sources_stay_finite():
    _, accuracies = settled(np.zeros((5, 0)), np.full(5, 1000.0), np.full(5, 1000.0))
    assert ((accuracies > 0.5) & (accuracies < 1)).all()
