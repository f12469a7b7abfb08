from __future__ import annotations

import numpy as np
import pytest

from labelwright.labelmodels.multitask.speaking import first_rates, learned_rates

N, M = 4000, 3


def learned(n, inside, outside, seed=0):
    """Rates from what is known for certain of half of the examples, and how often the task applies."""
    rng = np.random.default_rng(seed)
    applies = rng.random(n) < 0.5
    speaks = rng.random((n, M)) < np.where(applies, inside, outside)[:, None]
    said = np.column_stack([speaks.sum(axis=0), np.zeros(M), n - speaks.sum(axis=0)]).astype(float)
    off = applies - applies.mean()
    products = np.stack([[off @ one, 0.0, off @ ~one] for one in speaks.T])
    return learned_rates(said, products, n, applies.mean(), float(off @ off), first_rates(said, applies.mean()))[
        :, :, 0
    ]


def test_sources_that_speak_as_often_elsewhere_say_nothing_by_speaking():
    rates = learned(N, 0.3, 0.3)
    np.testing.assert_allclose(rates[:, 0], rates[:, 1], atol=1e-3)


def test_sources_that_speak_more_often_where_the_task_applies_are_heard():
    rates = learned(N, 0.3, 0.1)
    np.testing.assert_allclose(rates, [[0.3, 0.1]] * M, atol=0.03)


def test_before_anything_is_seen_both_are_as_probable():
    said = np.array([[30.0, 0.0, 70.0]])
    guess = first_rates(said, 0.5)
    rates = learned_rates(said, np.zeros((1, 3)), 100.0, 0.5, 0.0, guess)
    guessed, found = (one[0, 0, 0] - one[0, 1, 0] for one in (guess, rates))
    assert found == pytest.approx(guessed / 2)
