from __future__ import annotations

import numpy as np
import pytest

from labelwright.core import PatternCounts, Votes
from labelwright.core.errors import ModelError
from labelwright.labelmodels import LabelModel, MajorityVote
from labelwright.labelmodels.findings.counterfactuals import drop_one

from .. import worlds


def labels(model, L):
    return model.predict(L)


@pytest.mark.parametrize("refit", [False, True])
@pytest.mark.parametrize("kind", [MajorityVote, LabelModel])
def test_it_is_what_silencing_by_hand_gives(kind, refit):
    L, _ = worlds.coins(0, [0.9, 0.8, 0.7, 0.6, 0.75], n=600, coverage=0.7)
    model = kind().fit(L)
    for at, effect in enumerate(drop_one(model, L, refit=refit)):
        silent = L.copy()
        silent[:, at] = -1
        other = kind(cardinality=2).fit(silent) if refit else model
        moved = np.abs(other.predict_proba(silent) - model.predict_proba(L)).sum(axis=1) / 2
        assert effect.flips == (labels(other, silent) != labels(model, L)).sum()
        assert effect.share == pytest.approx(effect.flips / 600)
        assert effect.shift == pytest.approx(moved.mean())
        assert effect.largest_shift == pytest.approx(moved.max())


def test_sparse_votes_and_counts_of_them_give_the_same():
    L, _ = worlds.coins(1, [0.9, 0.8, 0.7, 0.6], n=300, coverage=0.5)
    row, column = np.nonzero(L >= 0)
    votes = Votes.from_entries(row, column, L[row, column], shape=L.shape, classes=2)
    model = LabelModel().fit(L)
    dense = drop_one(model, L)
    assert drop_one(model, votes) == dense == drop_one(model, PatternCounts.of(votes))
    assert drop_one(model, votes, refit=True) == drop_one(model, L, refit=True)


def test_effects_are_plain_numbers():
    L = [[0, 1, 1], [1, 1, -1], [0, 0, 1]]
    assert "np." not in repr(drop_one(MajorityVote().fit(L), L))


def test_a_silent_source_changes_nothing_and_the_best_one_most():
    L, _ = worlds.coins(2, [0.95, 0.7, 0.7, 0.7], n=500)
    L = np.c_[L, np.full(500, -1)]
    effects = drop_one(LabelModel().fit(L), L)
    assert effects[4].flips == effects[4].shift == effects[4].largest_shift == 0
    assert max(effects, key=lambda effect: effect.shift).source == "0"


def test_known_classes_go_into_the_refit():
    L, truth = worlds.coins(3, [0.8, 0.7, 0.7], n=300, positive=0.2)
    y = np.where(np.arange(300) < 100, truth, -1)
    model = LabelModel().fit(L, y)
    silent = L.copy()
    silent[:, 0] = -1
    with pytest.warns(UserWarning, match="majority vote"):
        other = LabelModel(cardinality=2).fit(silent, y)
    moved = np.abs(other.predict_proba(silent) - model.predict_proba(L)).sum(axis=1) / 2
    assert drop_one(model, L, refit=True, y=y)[0].shift == pytest.approx(moved.mean())


def test_a_sample_is_scaled_up():
    rng = np.random.default_rng(0)
    votes = Votes(rng.integers(-1, 2, (20_000, 8)), classes=2)
    model = MajorityVote().fit(votes)
    whole, sampled = drop_one(model, votes)[0], drop_one(model, PatternCounts.of(votes, limit=3000))[0]
    assert sampled.share == pytest.approx(whole.share, abs=0.03)
    assert sampled.flips == pytest.approx(whole.flips, abs=600)


def test_what_cannot_be_done_is_said():
    model = MajorityVote().fit([[0, 1]])
    with pytest.raises(ModelError, match="no examples"):
        drop_one(model, np.empty((0, 2), dtype=int))
    with pytest.raises(ModelError, match="hand in votes"):
        drop_one(model, PatternCounts.of(Votes([[0, 1]])), refit=True)
