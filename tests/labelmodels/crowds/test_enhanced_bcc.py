from __future__ import annotations

import numpy as np
import pytest

from labelwright.core.errors import ModelError
from labelwright.labelmodels.crowds import enhanced_bcc
from labelwright.labelmodels.crowds.enhanced_bcc import EnhancedBCC
from labelwright.labelmodels.crowds.independent_bcc import IndependentBCC


def misled(seed, n=600, k=3):
    """Examples of two subtypes for each class, and ten sources that err on each in their own way."""
    rng = np.random.default_rng(seed)
    truth, subtype = rng.integers(k, size=n), rng.integers(2, size=n)
    tables = np.array(
        [[[rng.dirichlet(0.5 + 1.5 * np.eye(k)[y]) for y in range(k)] for _ in range(2)] for _ in range(10)]
    )
    rows = tables[:, subtype, truth]
    return (rng.random((10, n, 1)) > rows.cumsum(axis=2)[:, :, :-1]).sum(axis=2).T, truth


def test_with_one_subtype_it_is_the_independent_model():
    L, _ = misled(0)
    ours, plain = (
        model.set_params(tolerance=1e-12, max_steps=500).fit(L)
        for model in (EnhancedBCC(3, subtypes=1, restarts=1), IndependentBCC(3))
    )
    np.testing.assert_allclose(ours.predict_proba(L), plain.predict_proba(L), atol=1e-9)


def test_sources_that_err_by_subtype_are_seen_through():
    ours, plain = [], []
    for seed in range(3):
        L, truth = misled(seed)
        ours.append(EnhancedBCC(3, subtypes=4).fit(L).score(L, truth))
        plain.append(IndependentBCC(3).fit(L).score(L, truth))
    assert 1 - np.mean(ours) < 0.8 * (1 - np.mean(plain))


def test_known_classes_are_kept_and_count():
    L, truth = misled(0)
    named_anew = (truth + 1) % 3
    gold = np.where(np.arange(600) < 300, named_anew, -1)
    model = EnhancedBCC(3, subtypes=4).fit(L, gold)
    assert model.score(L[300:], named_anew[300:]) > 0.9


def test_more_starts_never_find_a_worse_bound(monkeypatch):
    L, _ = misled(1)
    bounds = []
    own = enhanced_bcc._Subtypes.bound
    monkeypatch.setattr(enhanced_bcc._Subtypes, "bound", lambda self, q: bounds.append(own(self, q)) or bounds[-1])
    best = EnhancedBCC(3, subtypes=4, restarts=3).fit(L)
    kept = int(np.argmax(bounds))
    alone = EnhancedBCC(3, subtypes=4, restarts=kept + 1).fit(L)
    np.testing.assert_array_equal(best.predict_proba(L), alone.predict_proba(L))


def test_the_bound_rises(monkeypatch):
    L, _ = misled(2)
    bounds = []
    own = enhanced_bcc._Subtypes.step

    def step(self, q):
        bounds.append(self.bound(q))
        return own(self, q)

    monkeypatch.setattr(enhanced_bcc._Subtypes, "step", step)
    EnhancedBCC(3, class_balance=[0.4, 0.3, 0.3], subtypes=4, restarts=1).fit(L)
    assert (np.diff(bounds) > -1e-6).all()


def test_two_thousand_votes_on_one_item_do_not_underflow():
    rng = np.random.default_rng(0)
    truth = np.array([0, 1, 2, 1])
    L = np.where(rng.random((4, 2000)) < 0.6, truth[:, None], rng.integers(3, size=(4, 2000)))
    probs = EnhancedBCC(3).fit(L).predict_proba(L)
    np.testing.assert_array_equal(probs.argmax(axis=1), truth)


@pytest.mark.parametrize("options", [{"subtypes": 0}, {"restarts": 0}, {"max_steps": 0}, {"subtypes": 2.5}], ids=str)
def test_options_out_of_range_are_named(options):
    with pytest.raises(ModelError, match=next(iter(options))):
        EnhancedBCC(2, **options).fit([[0, 1, 1], [1, 1, 0]])


def test_what_does_not_fit_in_memory_is_refused():
    with pytest.raises(ModelError, match="fewer subtypes"):
        EnhancedBCC(2, subtypes=1 << 27).fit([[0, 1, 1], [1, 1, 0]])
