"""GLAD: its laws, its integral, its simulated world, and what a peer's GLAD scores on real crowds."""

import numpy as np
import polars as pl
import pytest
from scipy.special import expit, log_expit
from scipy.stats import norm

from labelwright.core import Votes
from labelwright.labelmodels.crowds.glad import GLAD

# Macro-F1 of crowd-kit 1.4.2's GLAD on the same rows. Its difficulties are points; ours are integrated out.
PUBLISHED = {"bluebird": 0.678, "face": 0.611, "ms": 0.793, "rte": 0.925, "weather": 0.948, "web": 0.825}


def crowd(seed, *, n=3000, m=30, k=3, answers=6):
    rng = np.random.default_rng(seed)
    truth, abilities = rng.integers(k, size=n), rng.normal(1, 1, m)
    easiness = np.exp(rng.normal(1, 1, n))
    right = rng.random((n, m)) < expit(easiness[:, None] * abilities)
    L = np.where(right, truth[:, None], (truth[:, None] + rng.integers(1, k, (n, m))) % k)
    silent = rng.random((n, m)).argsort(axis=1) >= answers
    return np.where(silent, -1, L), truth, abilities, easiness


def test_labels_are_the_integral_over_difficulty():
    L, *_ = crowd(0, n=300, m=4, answers=3)
    model = GLAD().fit(L)
    z = np.linspace(-6, 6, 4001)
    logs = np.tile(norm.logpdf(z), (300, 3, 1))
    for j, ability in enumerate(model.params_.abilities):
        slope = ability * np.exp(1 + z)
        for c in range(3):
            logs[L[:, j] == c] += log_expit(-slope) - np.log(2)
            logs[L[:, j] == c, c] += slope + np.log(2)
    joint = np.exp(logs)
    expected = joint.sum(axis=2)
    expected /= expected.sum(axis=1, keepdims=True)
    assert np.allclose(model.predict_proba(L), expected, atol=0.03)
    inverse = (joint * np.exp(-1 - z)).sum(axis=(1, 2)) / joint.sum(axis=(1, 2))
    assert np.corrcoef(model.difficulty(L), inverse)[0, 1] > 0.99


def test_recovers_abilities_and_beats_majority_vote():
    L, truth, abilities, easiness = crowd(1)
    model = GLAD().fit(L)
    assert model.outcome_.kind == "converged"
    assert np.abs(model.params_.abilities - abilities).mean() < 0.15
    shares = np.stack([(c == L).sum(axis=1) for c in range(3)], axis=1)
    assert model.score(L, truth) > (shares.argmax(axis=1) == truth).mean() + 0.03
    told = np.array([(L[:, j] == truth)[L[:, j] >= 0].mean() for j in range(30)])
    assert np.abs(model.accuracies_ - told).max() < 0.06
    # Six answers tell something of an item's own difficulty.
    assert np.corrcoef(np.log(model.difficulty(L)), -np.log(easiness))[0, 1] > 0.4


def test_a_misleading_worker_counts_against_what_it_says():
    L, truth, *_ = crowd(2, m=8, k=2, answers=8)
    rng = np.random.default_rng(0)
    L[:, 0] = np.where(rng.random(len(truth)) < 0.1, truth, 1 - truth)
    model = GLAD().fit(L, np.where(np.arange(len(truth)) < 200, truth, -1))
    assert model.params_.abilities[0] < 0


def test_known_classes_are_believed():
    L, truth, *_ = crowd(3, n=1000)
    without, known = GLAD().fit(L), GLAD().fit(L, truth)
    told = np.array([(L[:, j] == truth)[L[:, j] >= 0].mean() for j in range(30)])
    assert np.allclose(known.accuracies_, told)
    assert not np.allclose(without.accuracies_, told)


def test_thousands_of_workers_stay_sparse():
    rng = np.random.default_rng(0)
    n, m = 3000, 2000
    columns = np.concatenate([rng.choice(m, 3, replace=False) for _ in range(n)])
    truth = np.repeat(rng.integers(20, size=n), 3)
    codes = np.where(rng.random(3 * n) < 0.7, truth, rng.integers(20, size=3 * n))
    votes = Votes.from_entries(np.repeat(np.arange(n), 3), columns, codes, shape=(n, m), classes=20)
    assert GLAD().fit(votes).score(votes, truth[::3]) > 0.85


@pytest.mark.parametrize("name", PUBLISHED)
def test_real_crowds_as_published(data_root, name):
    folder = data_root / f"crowd_{name}"
    answers = pl.read_parquet(folder / "answers.parquet").unique(["item", "worker"], keep="first", maintain_order=True)
    known = pl.read_parquet(folder / "truth.parquet")
    shape = (int(max(answers["item"].max(), known["item"].max())) + 1, int(answers["worker"].max()) + 1)
    k = int(max(answers["label"].max(), known["label"].max())) + 1
    votes = Votes.from_entries(answers["item"], answers["worker"], answers["label"], shape=shape, classes=k)
    where = known["item"].to_numpy()
    model = GLAD().fit(votes)
    found = model.predict(votes, ties="random")[where]
    gold = known["label"].to_numpy()
    scores = [2 * ((found == c) & (gold == c)).sum() / ((found == c).sum() + (gold == c).sum()) for c in set(gold)]
    assert np.mean(scores) == pytest.approx(PUBLISHED[name], abs=0.015)
