"""Snorkel's statistical label-model tests, restated: what it reaches on votes that its own simulation draws.

`worlds.snorkel_votes` draws conditional tables as Snorkel's synthetic module does. The figures are what Snorkel 0.10's
`LabelModel` reached on the same votes (100 epochs for two classes, 1,000 for more; learning rate 0.01; uniform balance).
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from labelwright.core.errors import FallbackWarning
from labelwright.labelmodels import LabelModel, MajorityVote
from labelwright.labelmodels.completion.matrix_completion import MatrixCompletion
from labelwright.labelmodels.crowds.dawid_skene import DawidSkene
from labelwright.labelmodels.data_programming import DataProgramming
from labelwright.labelmodels.spectral.spectral import Spectral

from . import worlds

ALL = [MajorityVote, LabelModel, MatrixCompletion, Spectral, DawidSkene, DataProgramming]
UNIFORM = [0.5, 0.5]

# Table error and accuracy of Snorkel, by seed.
BASIC = {123: (0.0048, 0.9793), 1: (0.0041, 0.9752), 2: (0.0062, 0.9373)}
MORE_CLASSES = {3: {1: 0.9660, 2: 0.9836}, 5: {1: 0.9912, 2: 0.9956}, 8: {1: 0.9966, 2: 0.9954}}
BY_SIZE = {200: 0.039, 1000: 0.017, 5000: 0.0079, 20_000: 0.0047}


def fitted(model, L, y=None):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)
        return model.fit(L, y)


def accuracy(model, L, truth, ties="random"):
    voted = (L >= 0).any(axis=1)
    return (fitted(model, L).predict(L, ties=ties) == truth)[voted].mean()


def table_error(model, L, tables):
    """Mean distance of the estimated P(vote | Y), abstain included, from the true one."""
    m, _, k = tables.shape
    found = fitted(model, L).params_.tables.reshape(m, k, k)
    return np.abs(np.concatenate([1 - found.sum(axis=1, keepdims=True), found], axis=1) - tables).mean()


def test_basic_case():
    """10,000 examples, 10 sources, two classes: tables and labels at least as good as Snorkel's.

    Counting with Y known would give tables with errors of 0.0045, 0.0038 and 0.0043: there is not much left to gain.
    """
    errors = []
    for seed, (_, right) in BASIC.items():
        L, truth, tables, *_ = worlds.snorkel_votes(seed)
        errors.append(table_error(MatrixCompletion(class_balance=UNIFORM), L, tables))
        assert accuracy(MatrixCompletion(class_balance=UNIFORM), L, truth) >= right
    assert max(errors) <= 0.0051
    assert np.mean(errors) <= np.mean([error for error, _ in BASIC.values()]) - 0.0005


def test_basic_case_by_the_default_model():
    found = [accuracy(LabelModel(cardinality=2), *worlds.snorkel_votes(seed)[:2]) for seed in BASIC]
    assert np.mean(found) >= np.mean([right for _, right in BASIC.values()]) - 0.001


@pytest.mark.parametrize("model", [MajorityVote, DataProgramming, Spectral, DawidSkene])
def test_sparse_case(model):
    """1,000 examples of which one in ten has a vote: no abstain where a source voted, labels as votes."""
    found = []
    for seed in (123, 1, 2):
        L, truth, *_ = worlds.snorkel_votes(seed, n=1000, abstain=1000.0)
        voted = (L >= 0).any(axis=1)
        assert voted.sum() < 150
        assert (fitted(model(cardinality=2), L).predict(L, ties="random")[voted] >= 0).all()
        found.append(accuracy(model(cardinality=2), L, truth))
    assert np.mean(found) >= 0.65


def test_convergence():
    """15 sources, 1,500 examples: accuracies within 0.06 on average."""
    for seed in range(3):
        L, _, tables, *_ = worlds.snorkel_votes(seed, n=1500, m=15)
        right = np.array([np.trace(t[1:]) / t[1:].sum() for t in tables])
        for model in (LabelModel, MatrixCompletion, DawidSkene, DataProgramming):
            assert np.abs(fitted(model(cardinality=2), L).accuracies_ - right).mean() < 0.06


@pytest.mark.parametrize("model", [LabelModel, MatrixCompletion, Spectral, DawidSkene, DataProgramming])
def test_accuracies_of_five_sources(model):
    """1,000 examples, accuracies .95, .6, .7, .55, .8: each within 0.1."""
    accuracies = [0.95, 0.6, 0.7, 0.55, 0.8]
    for seed in range(3):
        L, _ = worlds.coins(seed, accuracies, n=1000)
        assert np.abs(fitted(model(), L).accuracies_ - accuracies).max() < 0.1


@pytest.mark.parametrize("balance", [(0.5, 0.5), (0.7, 0.3), (0.5, 0.3, 0.2)])
@pytest.mark.parametrize("model", [LabelModel, Spectral, DawidSkene, DataProgramming])
def test_classes_get_their_own_names(model, balance):
    """Symmetry is broken by "better than random", whatever the balance, and whether it is known."""
    L, truth = worlds.several_sided(0, np.linspace(0.85, 0.6, 6), balance=balance, n=3000)
    for given in (None, balance):
        probs = fitted(model(class_balance=given), L).predict_proba(L)
        for y in range(len(balance)):
            assert probs[truth == y, y].mean() > 0.6


@pytest.mark.parametrize("model", ALL)
def test_cyclic_disagreement_is_a_tie(model):
    """Three sources that take turns to disagree with the other classes: no class is ahead of another."""
    L = np.array([[0, 1, 2], [1, 2, 0], [2, 0, 1]] * 50)
    found = fitted(model(cardinality=3), L)
    if np.allclose(found.predict_proba(L), 1 / 3, atol=1e-6):
        assert (found.predict(L) == -1).all()
    else:
        assert model is not MajorityVote
    assert np.isfinite(found.predict_proba(L)).all()


@pytest.mark.parametrize("model", [LabelModel, Spectral, DawidSkene, DataProgramming])
def test_an_adversarial_source_is_found(model):
    """Accuracy .3: Snorkel finds .29, and labels .918 of the examples rightly."""
    for seed, right in enumerate([0.9178, 0.9176, 0.9202]):
        L, truth = worlds.coins(seed, [0.3, 0.85, 0.8, 0.75, 0.7, 0.65])
        assert accuracy(model(), L, truth) >= right - 0.002
        assert fitted(model(), L).accuracies_[0] == pytest.approx(0.3, abs=0.02)


@pytest.mark.parametrize("k", MORE_CLASSES)
@pytest.mark.parametrize("model", [LabelModel, Spectral, DawidSkene])
def test_more_classes(model, k):
    for seed, right in MORE_CLASSES[k].items():
        L, truth, *_ = worlds.snorkel_votes(seed, n=5000, k=k)
        assert accuracy(model(cardinality=k), L, truth) >= right - 0.0015


@pytest.mark.parametrize("n", BY_SIZE)
def test_error_by_number_of_examples(n):
    """Mean of four draws."""
    found = [
        table_error(MatrixCompletion(class_balance=UNIFORM), L, tables)
        for L, _, tables, *_ in (worlds.snorkel_votes(seed, n=n) for seed in range(4))
    ]
    assert np.mean(found) <= BY_SIZE[n]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "m"),
    [(one, m) for one in (LabelModel, MatrixCompletion) for m in (200, 300)]
    + [(one, m) for one in (DawidSkene, DataProgramming, Spectral) for m in (200, 1500)],
)
def test_many_sources_give_finite_answers(model, m):
    """Snorkel's loss is NaN for 200 and 300 sources, and its probabilities underflow for 1,500."""
    L, truth = worlds.coins(0, np.random.default_rng(0).uniform(0.55, 0.75, m), n=200)
    found = fitted(model(), L)
    probs = found.predict_proba(L)
    assert np.isfinite(probs).all()
    assert np.allclose(probs.sum(axis=1), 1)
    assert (found.predict(L, ties="random") == truth).mean() > 0.97


@pytest.mark.parametrize("model", ALL)
@pytest.mark.parametrize("balance", [None, [0.7, 0.3]])
def test_unanimous_votes_are_not_overruled(model, balance):
    """Snorkel issue 1487: where every source that votes says one class, so does the label."""
    for seed in range(3):
        L, _ = worlds.coins(seed, [0.8, 0.75, 0.7, 0.7, 0.65], n=2000, coverage=1.0)
        probs = fitted(model(class_balance=balance), L).predict_proba([[0] * 5, [1] * 5])
        assert probs[0, 0] > 0.5
        assert probs[1, 1] > 0.5


def test_copies_do_not_outvote_when_declared():
    """Four sources of .75 and six copies of one of .6: Snorkel labels .593 rightly, the ideal is .867."""
    L, truth = worlds.coins(0, [0.75] * 4 + [0.6], n=10_000)
    copied = np.c_[L, np.repeat(L[:, 4:], 5, axis=1)]
    ideal = accuracy(DataProgramming(class_balance=UNIFORM), L, truth)
    pairs = [(i, j) for j in range(4, 10) for i in range(4, j)]
    for model in (DataProgramming, MatrixCompletion):
        assert accuracy(model(dependencies=pairs, class_balance=UNIFORM), copied, truth) >= ideal - 0.01
    assert accuracy(LabelModel(), copied, truth) >= ideal - 0.01
