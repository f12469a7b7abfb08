from __future__ import annotations

import numpy as np

from labelwright.analysis.metrics import macro_f1
from labelwright.labelmodels import LabelModel, MajorityVote


def f1(model, L, truth):
    voted = (L >= 0).any(axis=1)
    said = model.fit(L).predict(L, ties="random")[voted]
    return macro_f1(truth[voted], said, 2)(np.ones((1, voted.sum()))).item()


def fires(seed, own, other, *, positive):
    """Twelve one-sided sources, half of them for each class, which fire on ``own`` of it and ``other`` of the rest."""
    rng = np.random.default_rng(seed)
    truth = (rng.random(4000) < positive).astype(int)
    side = np.arange(12) % 2
    return np.where(rng.random((4000, 12)) < np.where(truth[:, None] == side, own, other), side, -1), truth


def test_where_one_class_is_rare_sources_that_fire_much_do_not_outvote_the_rest_by_far():
    votes = [fires(seed, 0.7, 0.3, positive=0.1) for seed in range(3)]
    lost = [f1(MajorityVote(2), L, truth) - f1(LabelModel(2), L, truth) for L, truth in votes]
    # Their balance cannot be told. Never to trust the prior more than the data would cost twelve points here.
    assert np.mean(lost) < 0.08


def test_where_classes_are_even_it_is_no_worse_than_majority_vote():
    votes = [fires(seed, 0.7, 0.3, positive=0.5) for seed in range(3)]
    lost = [f1(MajorityVote(2), L, truth) - f1(LabelModel(2), L, truth) for L, truth in votes]
    assert np.mean(lost) < 0.001
