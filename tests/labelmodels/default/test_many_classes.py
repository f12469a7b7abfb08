"""One accuracy for each source: what is learned without tables, and that the default uses it where they do not fit."""

from __future__ import annotations

import numpy as np
import pytest

import labelwright as lw
from labelwright.core import PatternCounts, Votes
from labelwright.core.sparse import SparseRows
from labelwright.labelmodels.default import experts
from labelwright.labelmodels.default.many_classes import OneAccuracy
from labelwright.labelmodels.majority_vote import MajorityVote
from labelwright.labelmodels.problem import Problem


def _world(n: int = 4000, m: int = 8, k: int = 40) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    truth, accuracy = rng.integers(k, size=n), np.linspace(0.2, 0.9, m)
    votes = np.where(rng.random((n, m)) < accuracy, truth[:, None], rng.integers(k, size=(n, m)))
    votes[rng.random((n, m)) < 0.3] = -1
    return votes, truth, accuracy + (1 - accuracy) / k


def test_accuracies_are_those_of_the_world() -> None:
    votes, _, accuracy = _world()
    stats = PatternCounts.of(Votes(votes, classes=40))
    found = OneAccuracy.of(Problem.of(stats), stats.frame, np.full(40, 1 / 40), steps=20)
    assert np.abs(found.accuracy - accuracy).max() < 0.03


def test_a_silent_source_is_unknown_and_one_worse_than_chance_counts_next_to_nothing() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(3, size=600)
    votes = np.stack([truth, truth, truth, (truth + 1) % 3, np.full(600, -1)], axis=1)
    stats = PatternCounts.of(Votes(votes, classes=3))
    found = OneAccuracy.of(Problem.of(stats), stats.frame, np.full(3, 1 / 3), steps=5)
    assert np.isnan(found.accuracy[4])
    assert np.isfinite(found.mass).all()
    assert (found.mass > 0).all()
    assert found.mass[9:12].max() < 1e-3 < found.mass[:3].min()


def test_the_default_falls_back_on_it_and_beats_vote_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    votes, truth, accuracy = _world()
    monkeypatch.setattr(experts, "MOST_CELLS", 1000)
    monkeypatch.setattr("labelwright.labelmodels.default.dependence.MAX_FEATURES", 10)
    model = lw.LabelModel(cardinality=40).fit(votes)
    assert "one accuracy for each source" in str(model.outcome_)
    assert model.params_.scores.size == 0
    assert model.score(votes, truth) > MajorityVote(cardinality=40).fit(votes).score(votes, truth) + 0.02
    assert np.abs(model.accuracies_ - accuracy).max() < 0.1
    told = np.where(np.arange(len(truth)) < 50, truth, -1)
    assert np.allclose(lw.LabelModel(cardinality=40).fit(votes, y=told).predict_proba(votes).sum(axis=1), 1)


def test_known_classes_do_not_move_a_class_balance_that_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    votes, truth, _ = _world(n=300, k=3)
    monkeypatch.setattr(experts, "MOST_CELLS", 10)
    told = np.where(np.arange(300) < 50, truth, -1)
    model = lw.LabelModel(class_balance=[0.2, 0.3, 0.5]).fit(votes, y=told)
    np.testing.assert_allclose(model.class_balance_, [0.2, 0.3, 0.5])


@pytest.mark.slow
def test_fifteen_hundred_classes_take_no_table_of_votes_and_classes() -> None:
    rng = np.random.default_rng(0)
    n, m, k = 2000, 20, 1500
    truth, row = rng.integers(k, size=n), np.repeat(np.arange(n), 5)
    column = (np.tile(np.arange(5), n) * 4 + rng.integers(4, size=5 * n)).astype(np.int64)
    code = np.where(rng.random(5 * n) < 0.7, truth[row], rng.integers(k, size=5 * n))
    votes = Votes(SparseRows.from_entries(row, column, code, shape=(n, m)), classes=k)
    model = lw.LabelModel(cardinality=k)
    params = model.solve(model.summarize(votes))
    assert params.scores.size == 0
    assert (model.posterior(params, votes).probs.argmax(axis=1) == truth).mean() > 0.9
