from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from labelwright.core import Votes
from labelwright.labelmodels import LabelModel
from labelwright.labelmodels.default.known_classes import corrected, correction, frequencies, stacked

from .. import worlds


def log_score(probs, labels):
    return np.log(probs[np.arange(len(labels)), labels]).mean()


@given(st.integers(0, 1000), st.integers(2, 5), st.integers(1, 40))
def test_stacking_never_scores_worse_than_its_prior(seed, experts, g):
    rng = np.random.default_rng(seed)
    likelihoods = rng.uniform(0.01, 1, size=(experts, g))
    prior = rng.dirichlet(np.ones(experts))
    found = stacked(likelihoods, prior)
    assert found.sum() == pytest.approx(1)

    def penalised(shares):
        return np.log(shares @ likelihoods).sum() + experts * prior @ np.log(shares)

    assert penalised(found) >= penalised(prior) - 1e-6


def test_experts_that_say_the_same_keep_their_shares():
    np.testing.assert_allclose(stacked(np.full((2, 30), 0.7), np.array([0.2, 0.8])), [0.2, 0.8])


@given(st.integers(0, 1000), st.integers(2, 6), st.integers(0, 60))
def test_frequencies_lie_between_what_is_known_and_what_was_said(seed, k, g):
    rng = np.random.default_rng(seed)
    balance = rng.dirichlet(np.ones(k)) * 0.99 + 0.01 / k
    known = rng.multinomial(g, rng.dirichlet(np.ones(k))).astype(float)
    found = frequencies(known, balance)
    assert found.sum() == pytest.approx(1)
    told = np.stack([balance, np.full(k, 1 / k), *([known / g] if g else [])])
    assert (found > told.min(axis=0) - 1e-3).all()
    assert (found < told.max(axis=0) + 1e-3).all()


def test_votes_that_are_right_of_the_balance_are_believed_and_others_are_not():
    balance = np.array([0.9, 0.08, 0.02])
    np.testing.assert_allclose(frequencies(50 * balance, balance), balance, atol=0.01)
    np.testing.assert_allclose(frequencies(np.array([17.0, 17, 16]), balance), 1 / 3, atol=0.03)


def rows_of(votes):
    return sparse.csr_array(np.asarray(votes, dtype=np.float64))


def test_a_model_that_is_right_is_left_alone():
    lost = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        x = rng.integers(2, size=(400, 6))
        x[:, 0] = 1
        logits = x @ rng.normal(size=(6, 2))
        probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        labels = (rng.random(400) < probs[:, 1]).astype(np.int64)
        table, sharpness = correction(rows_of(x), probs, labels)
        new = corrected(probs, x @ table, x.sum(axis=1), sharpness)
        lost.append((probs * np.log(probs / new)).sum(axis=1).mean())
    # Seven free numbers cost half a nat each, spread over 400 examples, if nothing holds them back.
    assert np.mean(lost) < 7 / 2 / 400 * 1.5


def test_one_that_is_too_sure_is_only_made_less_sure():
    rng = np.random.default_rng(1)
    x = np.eye(4)[rng.integers(4, size=300)]
    said = rng.integers(2, size=300)
    labels = np.where(rng.random(300) < 0.75, said, 1 - said)
    probs = np.where(np.arange(2) == said[:, None], 0.999, 0.001)
    table, sharpness = correction(rows_of(x), probs, labels)
    assert sharpness < 0.4
    new = corrected(probs, x @ table, np.ones(300), sharpness)
    assert (new.argmax(axis=1) == said).mean() > 0.95
    assert new.max(axis=1).mean() == pytest.approx(0.75, abs=0.07)


def test_a_wrong_pattern_is_put_right_and_others_are_not_touched():
    x = np.repeat(np.eye(3), 20, axis=0)
    labels = np.repeat([0, 1, 1], 20)
    probs = np.repeat([[0.8, 0.2], [0.8, 0.2], [0.2, 0.8]], 20, axis=0)
    table, sharpness = correction(rows_of(x), probs, labels)
    new = corrected(probs, x @ table, np.ones(60), sharpness)
    assert (new.argmax(axis=1) == labels).all()


def swapped_groups(seed, n=3000):
    """One-sided sources; two that fire together are wrong together, and outvote the third that is right."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(2, size=n)
    L = np.full((n, 6), -1)
    for j in range(4):
        fires = rng.random(n) < np.where(truth == j % 2, 0.4, 0.05)
        L[fires, j] = j % 2
    tricky = rng.random(n) < 0.25
    L[tricky, 4] = L[tricky, 5] = 1 - truth[tricky]
    L[:, 5] = np.where(L[:, 5] == 1, 1, -1)
    L[:, 4] = np.where(L[:, 4] == 0, 0, -1)
    return L, truth


def test_fifty_known_classes_help_where_sources_mislead():
    rises = []
    for seed in range(5):
        L, truth = swapped_groups(seed)
        gold = np.where(np.random.default_rng(seed).permutation(len(truth)) < 50, truth, -1)
        rest = (gold < 0) & (L >= 0).any(axis=1)
        before, after = (LabelModel(2).fit(L, y).predict_proba(L)[rest] for y in (None, gold))
        rises.append((after.argmax(axis=1) == truth[rest]).mean() - (before.argmax(axis=1) == truth[rest]).mean())
        assert log_score(after, truth[rest]) > log_score(before, truth[rest])
    assert np.mean(rises) > 0.02


def easy_answer(seed, n=200, m=12, per=5):
    """Workers who all say class 0 where an item is hard to tell."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(3, size=n)
    says = np.array([[0.9, 0.05, 0.05], [0.45, 0.5, 0.05], [0.45, 0.05, 0.5]])
    L = np.full((n, m), -1)
    for i in range(n):
        who = rng.choice(m, size=per, replace=False)
        L[i, who] = rng.choice(3, size=per, p=rng.dirichlet(3 * says[truth[i]]))
    return L, truth


def test_fifty_known_classes_help_a_crowd_that_errs_together():
    rises, sure = [], []
    for seed in range(2):
        L, truth = easy_answer(seed)
        gold = np.where(np.random.default_rng(seed).permutation(len(truth)) < 50, truth, -1)
        rest = gold < 0
        before, after = (LabelModel(3).fit(L, y).predict_proba(L)[rest] for y in (None, gold))
        rises.append((after.argmax(axis=1) == truth[rest]).mean() - (before.argmax(axis=1) == truth[rest]).mean())
        sure.append(log_score(after, truth[rest]) - log_score(before, truth[rest]))
    assert np.mean(rises) > 0.02
    assert np.mean(sure) > 0.1


def test_the_order_of_rows_and_sources_does_not_matter():
    L, truth = worlds.one_sided(0, n=600)
    gold = np.where(np.arange(600) < 60, truth, -1)
    whole = LabelModel(2).fit(L, gold).predict_proba(L)
    rng = np.random.default_rng(0)
    rows, columns = rng.permutation(600), rng.permutation(12)
    np.testing.assert_allclose(LabelModel(2).fit(L[rows], gold[rows]).predict_proba(L), whole, atol=1e-9)
    moved = Votes(L[:, columns], classes=2, sources=[str(j) for j in columns])
    np.testing.assert_allclose(LabelModel(2).fit(moved, gold).predict_proba(moved), whole, atol=1e-9)


def test_known_classes_of_examples_without_votes_only_move_the_balance():
    L, _ = worlds.coins(0, [0.8, 0.7, 0.75, 0.6], n=500, coverage=0.5)
    silent = ~(L >= 0).any(axis=1)
    gold = np.where(silent, 1, -1)
    model, without = LabelModel(2).fit(L, gold), LabelModel(2).fit(L)
    np.testing.assert_allclose(model.predict_proba(L[~silent]), without.predict_proba(L[~silent]), atol=1e-12)
    assert model.class_balance_[1] > without.class_balance_[1]
