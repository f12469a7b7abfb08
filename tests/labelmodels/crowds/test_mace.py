"""MACE: its laws, its simulated world, spammers, and restarts."""

import numpy as np
import pytest
from scipy.special import digamma

from labelwright.core import Votes
from labelwright.labelmodels.crowds.mace import MACE


def crowd(seed, *, n=3000, m=12, k=3, coverage=0.6):
    """Votes of workers who try with probability theta and otherwise say what their xi says."""
    rng = np.random.default_rng(seed)
    truth, theta = rng.integers(k, size=n), rng.uniform(0.1, 0.9, m)
    xi = rng.dirichlet(np.full(k, 2.0), m)
    said = np.stack([rng.choice(k, n, p=p) for p in xi], axis=1)
    L = np.where(rng.random((n, m)) < theta, truth[:, None], said)
    return np.where(rng.random((n, m)) < coverage, L, -1), truth, theta, xi


def test_recovers_competence_and_spam():
    L, truth, theta, xi = crowd(0)
    model = MACE().fit(L)
    assert model.outcome_.kind == "converged"
    assert np.abs(model.params_.competences - theta).max() < 0.07
    assert np.abs(model.params_.spam.reshape(12, 3) - xi)[theta < 0.5].max() < 0.07
    told = np.array([(L[:, j] == truth)[L[:, j] >= 0].mean() for j in range(12)])
    assert np.abs(model.accuracies_ - told).max() < 0.04


def test_labels_follow_the_model_of_trying_and_spamming():
    L, *_ = crowd(1, n=200)
    model = MACE().fit(L)
    params = model.params_
    xi = params.spam.reshape(12, 3)
    chance = (1 - params.competences)[:, None, None] * xi[:, None, :] + params.competences[:, None, None] * np.eye(3)
    logs = sum(np.where(L[:, [j]] >= 0, np.log(chance[j])[:, L[:, j]].T, 0) for j in range(12))
    expected = np.exp(logs) / np.exp(logs).sum(axis=1, keepdims=True)
    # Expected logarithms differ from logarithms of expectations by about one over the counts.
    assert np.abs(model.predict_proba(L) - expected).max() < 0.05


def test_weights_are_expected_logarithms_under_jeffreys_priors():
    L, *_ = crowd(1, n=60)
    params = MACE().fit(L).params_
    votes = (L >= 0).sum(axis=0)
    knew = params.competences * (votes + 1) - 0.5
    odds = np.exp(digamma(knew + 0.5) - digamma(votes - knew + 0.5))
    said = params.spam > 0
    assert params.gains[said] == pytest.approx(np.log1p(np.repeat(odds, 3)[said] / params.spam[said]), abs=1e-3)


def test_those_who_always_say_the_same_lose_their_weight():
    rng = np.random.default_rng(0)
    truth = (rng.random(2000) < 0.4).astype(int)
    honest = np.where(rng.random((2000, 4)) < 0.75, truth[:, None], 1 - truth[:, None])
    L = np.concatenate([honest, np.ones((2000, 5), dtype=int)], axis=1)
    model = MACE().fit(L)
    assert model.params_.competences[4:].max() < 0.05
    assert np.array_equal(model.predict(L), MACE().fit(honest).predict(honest))


def test_the_seed_only_chooses_where_to_start():
    L, *_ = crowd(2)
    first, second = MACE(random_state=0).fit(L), MACE(random_state=7).fit(L)
    assert np.allclose(first.predict_proba(L), second.predict_proba(L), atol=1e-6)


def test_starts_worked_on_one_by_one_end_alike(monkeypatch):
    L, *_ = crowd(3, n=500)
    together = MACE().fit(L).predict_proba(L)
    monkeypatch.setattr("labelwright.labelmodels.crowds.mace._CELLS", 1)
    assert np.allclose(MACE().fit(L).predict_proba(L), together, atol=1e-9)


def test_known_classes_are_believed():
    L, truth, *_ = crowd(4, n=1000)
    told = np.array([(L[:, j] == truth)[L[:, j] >= 0].mean() for j in range(12)])
    assert np.allclose(MACE().fit(L, truth).accuracies_, told)


def test_thousands_of_workers_stay_sparse():
    rng = np.random.default_rng(0)
    n, m = 3000, 2000
    columns = np.concatenate([rng.choice(m, 3, replace=False) for _ in range(n)])
    truth = np.repeat(rng.integers(20, size=n), 3)
    codes = np.where(rng.random(3 * n) < 0.7, truth, rng.integers(20, size=3 * n))
    votes = Votes.from_entries(np.repeat(np.arange(n), 3), columns, codes, shape=(n, m), classes=20)
    assert MACE().fit(votes).score(votes, truth[::3]) > 0.75


@pytest.mark.parametrize("votes", [[[0, 0, 0]] * 5, [[0, 1, 0]] * 2, [[1, -1, -1], [-1, 0, -1]]])
def test_poor_votes_give_finite_answers(votes):
    model = MACE().fit(votes)
    assert np.isfinite(model.predict_proba(votes)).all()
    assert str(model.outcome_)
