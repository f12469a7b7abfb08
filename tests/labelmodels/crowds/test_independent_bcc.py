from __future__ import annotations

import numpy as np
import pytest
from scipy.special import digamma

from labelwright.core.errors import ModelError
from labelwright.labelmodels.crowds.independent_bcc import IndependentBCC

from ..worlds import one_sided, snorkel_votes


def test_where_all_classes_are_known_tables_are_dirichlet():
    L = np.array([[0, 1, 1], [0, 0, 1], [1, 1, 0]])
    model = IndependentBCC(2).fit(L, [0, 0, 1])
    of_first = model.params_.tables[:2, 0]
    np.testing.assert_allclose(of_first, digamma([6, 1]) - digamma(7))
    np.testing.assert_allclose(model.class_balance_, [3 / 5, 2 / 5])


@pytest.mark.parametrize("k", [2, 4])
def test_tables_are_recovered(k):
    L, _, tables, _, _ = snorkel_votes(0, n=20_000, k=k)
    model = IndependentBCC(k).fit(L)
    expected = (tables[:, 1:] / tables[:, 1:].sum(axis=1, keepdims=True)).reshape(-1, k)
    assert np.abs(np.exp(model.params_.tables) - expected).mean() < 0.03


def test_two_thousand_votes_on_one_item_do_not_underflow():
    rng = np.random.default_rng(0)
    truth = np.array([0, 1, 2, 1])
    L = np.where(rng.random((4, 2000)) < 0.6, truth[:, None], rng.integers(3, size=(4, 2000)))
    probs = IndependentBCC(3).fit(L).predict_proba(L)
    np.testing.assert_array_equal(probs.argmax(axis=1), truth)
    assert np.isfinite(probs).all()


def test_one_sided_sources_do_not_draw_the_balance():
    L, truth = one_sided(0, k=2, positive=[0.7, 0.3])
    model = IndependentBCC(2).fit(L)
    np.testing.assert_allclose(model.class_balance_, 0.5)
    assert model.score(L, truth) > 0.7


def test_steps_out_of_range_are_named():
    with pytest.raises(ModelError, match="max_steps"):
        IndependentBCC(2, max_steps=0).fit([[0, 1, 1]])
