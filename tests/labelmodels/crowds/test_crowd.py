"""What crowd and fusion models share: rows past a block, several thousand workers, and votes that name sets."""

import numpy as np
import pytest

from labelwright.core import Votes
from labelwright.core.errors import ModelError
from labelwright.labelmodels.crowds.glad import GLAD
from labelwright.labelmodels.crowds.mace import MACE
from labelwright.labelmodels.fusion.fusion import Fusion
from labelwright.labelmodels.fusion.slimfast import SLiMFast

MODELS = [GLAD, MACE, Fusion, SLiMFast]


def votes(seed=0, *, n=400, k=3):
    rng = np.random.default_rng(seed)
    truth = rng.integers(k, size=n)
    L = np.where(rng.random((n, 6)) < 0.75, truth[:, None], rng.integers(k, size=(n, 6)))
    return np.where(rng.random((n, 6)) < 0.7, L, -1), truth


@pytest.mark.parametrize("model", MODELS)
def test_blocks_do_not_matter(model, monkeypatch):
    L, _ = votes()
    fitted = model().fit(L)
    whole = fitted.predict_proba(L)
    monkeypatch.setattr("labelwright.labelmodels.crowds.crowd._BLOCK", 7)
    assert np.allclose(fitted.predict_proba(L), whole, rtol=0, atol=1e-12)


@pytest.mark.parametrize("model", MODELS)
def test_sparse_and_dense_votes_answer_alike(model):
    L, _ = votes(1)
    row, column = np.nonzero(L >= 0)
    sparse = Votes.from_entries(row, column, L[row, column], shape=L.shape, classes=3)
    assert np.allclose(model().fit(sparse).predict_proba(sparse), model().fit(L).predict_proba(L), atol=1e-9)


@pytest.mark.parametrize("model", MODELS)
def test_votes_that_mean_sets_help(model):
    L, truth = votes(2)
    rng = np.random.default_rng(0)
    never = np.where(rng.random(len(truth)) < 0.95, (truth + rng.integers(1, 3, len(truth))) % 3, truth)
    sets = [{1, 2}, {0, 2}, {0, 1}, {0, 1, 2}]
    both = Votes(
        np.concatenate([L, never[:, None]], axis=1),
        classes=3,
        sources=list("abcdefg"),
        alphabet={"g": sets},
    )
    with_sets = model().fit(both)
    assert with_sets.score(both, truth) > model().fit(L).score(L, truth) + 0.01
    assert with_sets.accuracies_[6] == pytest.approx(0.95, abs=0.05)
    # A vote for every class says nothing.
    mute = Votes([[-1] * 6 + [3]], classes=3, sources=list("abcdefg"), alphabet={"g": sets})
    assert with_sets.predict_proba(mute) == pytest.approx(np.full((1, 3), 1 / 3), abs=1e-9)


@pytest.mark.parametrize("model", MODELS)
def test_given_balance_and_bad_options(model):
    L, _ = votes(3)
    assert model(class_balance=[0.2, 0.3, 0.5]).fit(L).class_balance_.tolist() == [0.2, 0.3, 0.5]
    with pytest.raises(ModelError, match="class_balance"):
        model(class_balance=[0.5, np.nan, 0.5]).fit(L)
    with pytest.raises(ModelError, match="nothing to learn"):
        model().fit(np.full((4, 3), -1))


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("L", [np.zeros((20, 4), dtype=int), np.tile([0, 1, 0], (5, 1)), [[0, -1, -1], [-1, 1, -1]]])
def test_poor_votes_give_finite_answers(model, L):
    fitted = model().fit(L)
    assert np.isfinite(fitted.predict_proba(L)).all()
    assert str(fitted.outcome_)
