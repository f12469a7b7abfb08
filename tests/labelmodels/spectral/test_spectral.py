from __future__ import annotations

import warnings

import numpy as np
import pytest

from labelwright.core import PatternCounts, Votes
from labelwright.core.errors import FallbackWarning, ModelError
from labelwright.labelmodels import MajorityVote
from labelwright.labelmodels.problem import Problem
from labelwright.labelmodels.spectral.spectral import Spectral, agreement_eigenvector, source_tables, tensor_fit

from .. import worlds


def test_reliabilities_are_an_eigenvector_also_of_a_sparse_graph():
    """A ring of 12 workers with a few chords: most pairs never meet, and the bad worker is found."""
    w = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.7, 0.6, 0.5, 0.9, -0.5])
    rows = np.zeros((12, 12))
    for j in range(12):
        for step in (1, 2, 5):
            rows[j, (j + step) % 12] = rows[(j + step) % 12, j] = 50 + 10 * j
    assert (rows == 0).sum() > 70
    assert np.allclose(agreement_eigenvector(rows * np.outer(w, w), rows), w, atol=1e-9)
    assert agreement_eigenvector(np.zeros((3, 3)), np.diag([5.0, 5, 5])) is None


def test_binary_workers_and_an_adversary():
    accuracies = [0.9, 0.8, 0.7, 0.6, 0.3]
    L, truth = worlds.coins(0, accuracies, n=20_000, coverage=0.7)
    model = Spectral().fit(L)
    assert np.abs(model.accuracies_ - accuracies).max() < 0.02
    assert "Eigenvector" in str(model.outcome_)
    assert model.score(L, truth) > MajorityVote().fit(L).score(L, truth) + 0.02


@pytest.mark.parametrize("balance", [(0.5, 0.3, 0.2), (0.8, 0.1, 0.1), (0.4, 0.3, 0.2, 0.1)])
def test_more_classes_learn_accuracies_and_class_balance(balance):
    accuracies = np.linspace(0.9, 0.5, 9)
    L, truth = worlds.several_sided(1, accuracies, balance=balance, n=10_000)
    model = Spectral().fit(L)
    assert np.abs(model.accuracies_ - accuracies).mean() < 0.012
    assert np.abs(model.class_balance_ - balance).max() < 0.02
    assert model.score(L, truth) > MajorityVote().fit(L).score(L, truth) + 0.03


def test_one_sided_sources_speak_by_firing_and_do_not_draw_the_balance():
    L, truth = worlds.one_sided(0, n=5000, k=2, positive=[0.8, 0.2])
    model = Spectral().fit(L)
    assert "whether they fire" in str(model.outcome_)
    assert model.class_balance_.tolist() == [0.5, 0.5]
    assert model.score(L, truth) >= MajorityVote().fit(L).score(L, truth)


@pytest.mark.parametrize("k", [2, 3])
def test_nothing_depends_on_a_start(k):
    L, _ = worlds.several_sided(0, np.linspace(0.9, 0.5, 7), balance=np.full(k, 1 / k), n=3000)
    probs = [Spectral(random_state=seed).fit(L).predict_proba(L) for seed in range(3)]
    assert np.array_equal(probs[0], probs[1])
    assert np.array_equal(probs[0], probs[2])


def test_known_classes_give_the_balance():
    L, truth = worlds.several_sided(0, np.linspace(0.9, 0.6, 6), balance=(0.7, 0.2, 0.1), n=4000)
    gold = np.where(np.arange(4000) < 500, truth, -1)
    model = Spectral().fit(L, gold)
    known = np.bincount(truth[:500], minlength=3) + 1
    assert np.allclose(model.class_balance_, known / known.sum())


@pytest.mark.parametrize(
    "L",
    [
        [[0, 1], [1, 1]],
        np.zeros((20, 4), dtype=int),
        np.repeat([[0], [1], [2]], 30, axis=0) + np.zeros((1, 5), dtype=int),
    ],
    ids=["two sources", "one constant class", "all agree"],
)
def test_bad_input_gives_finite_answers_with_an_outcome(L):
    model = Spectral(cardinality=3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)
        model.fit(L)
    assert np.isfinite(model.predict_proba(L)).all()
    assert str(model.outcome_)


def test_wrong_options_are_refused():
    with pytest.raises(ModelError, match="at least one step"):
        Spectral(steps=0).fit([[0, 1, 1]])
    with pytest.raises(ModelError, match="class_balance"):
        Spectral(class_balance=[np.nan, 1]).fit([[0, 1, 1]])


def test_partial_votes_are_taken_for_what_they_mean():
    L, truth = worlds.several_sided(0, np.full(6, 0.8), balance=(0.4, 0.3, 0.3), n=3000)
    either = np.where(truth == 2, 1, 0)
    votes = Votes(np.column_stack([L, either]), classes=3, alphabet={"6": [{0, 1}, {2}]})
    model = Spectral().fit(votes)
    assert model.accuracies_[6] > 0.95
    assert model.score(votes, truth) > Spectral().fit(L).score(L, truth)


@pytest.mark.parametrize("assigned", [False, True])
def test_silence_is_a_value_unless_somebody_decides_who_votes(assigned):
    """Coverage that depends on Y biases what is missing at random; three votes for each example bias the other."""
    rng = np.random.default_rng(0)
    L, truth = worlds.several_sided(0, np.linspace(0.9, 0.6, 8), balance=(0.5, 0.3, 0.2), n=20_000, coverage=1)
    if assigned:
        L[rng.random(L.shape).argsort(axis=1) >= 3] = -1
    else:
        L[rng.random(L.shape) > np.array([0.3, 0.5, 0.8])[truth][:, None]] = -1
    problem = Problem.of(PatternCounts.of(Votes(L)))
    silent = float((L < 0).all(axis=1).sum())
    views, _, fit = tensor_fit(problem, silent=silent)
    assert all(v.silence is not assigned for v in views)
    assert np.abs(fit.balance - [0.5, 0.3, 0.2]).max() < 0.025
    several = source_tables(problem, views, fit, silent=silent).reshape(8, 3, 3)
    assert np.allclose(several.sum(axis=1), 1)
    assert np.abs(several[:, np.arange(3), np.arange(3)].mean(axis=1) - np.linspace(0.9, 0.6, 8)).max() < 0.03


def test_chance_agreement_is_majority_vote():
    noise = np.random.default_rng(0).integers(0, 2, (300, 5))
    with pytest.warns(FallbackWarning, match="no more than coins"):
        Spectral().fit(noise)


def test_many_classes_are_majority_vote():
    rng = np.random.default_rng(0)
    L = np.where(rng.random((300, 20)) < 0.3, rng.integers(0, 100, (300, 20)), -1)
    with pytest.warns(FallbackWarning, match="100 classes"):
        assert np.isfinite(Spectral(cardinality=100).fit(L).predict_proba(L)).all()
