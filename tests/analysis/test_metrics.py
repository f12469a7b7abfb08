"""Metrics equal scikit-learn's, with and without weights."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as theirs

from labelwright.analysis import metrics


def sample(seed: int, n: int, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    gold = np.concatenate([np.arange(k), rng.integers(k, size=n)])
    # Few distinct values, so that ties in rank occur.
    probs = rng.integers(1, 6, size=(n + k, k)).astype(float)
    probs /= probs.sum(axis=1, keepdims=True)
    return gold, rng.integers(k, size=n + k), probs, rng.integers(0, 4, size=n + k).astype(float) + 1


def cases(test):
    return settings(max_examples=40)(_given(test))


_given = given(st.integers(0, 10_000), st.integers(1, 60), st.integers(2, 4))


@cases
def test_from_predictions(seed: int, n: int, k: int) -> None:
    gold, predicted, _, weights = sample(seed, n, k)
    w = weights[None, :]
    assert metrics.mean(gold == predicted)(w)[0] == pytest.approx(
        theirs.accuracy_score(gold, predicted, sample_weight=weights)
    )
    assert metrics.macro_f1(gold, predicted, k)(w)[0] == pytest.approx(
        theirs.f1_score(gold, predicted, labels=range(k), average="macro", sample_weight=weights, zero_division=0)
    )
    ours = [kind(gold, predicted, 1)(w)[0] for kind in (metrics.recall, metrics.f1)]
    both = theirs.precision_recall_fscore_support(gold, predicted, labels=[1], sample_weight=weights, zero_division=0)
    assert ours == [pytest.approx(both[1][0]), pytest.approx(both[2][0])]
    if (predicted == 1).any():
        assert metrics.precision(gold, predicted, 1)(w)[0] == pytest.approx(both[0][0])
    assert (metrics.confusion(gold, predicted, k) == theirs.confusion_matrix(gold, predicted, labels=range(k))).all()


@cases
def test_from_probabilities(seed: int, n: int, k: int) -> None:
    gold, _, probs, weights = sample(seed, n, k)
    w = weights[None, :]
    columns = [1] if k == 2 else list(range(k))
    auc = np.mean([theirs.roc_auc_score(gold == c, probs[:, c], sample_weight=weights) for c in columns])
    precision = np.mean(
        [theirs.average_precision_score(gold == c, probs[:, c], sample_weight=weights) for c in columns]
    )
    assert metrics.roc_auc(gold, probs)(w)[0] == pytest.approx(auc)
    assert metrics.average_precision(gold, probs)(w)[0] == pytest.approx(precision)
    assert metrics.log_loss(gold, probs)(w)[0] == pytest.approx(
        theirs.log_loss(gold, probs, labels=range(k), sample_weight=weights)
    )
    if k == 2:
        # Theirs is half of ours for two classes: it counts one class only.
        brier = theirs.brier_score_loss(gold, probs[:, 1], sample_weight=weights)
        assert metrics.brier(gold, probs)(w)[0] == pytest.approx(2 * brier)


def test_weights_are_multiplicities() -> None:
    gold, predicted, probs, weights = sample(3, 40, 3)
    repeated = np.repeat(np.arange(len(gold)), weights.astype(int))
    one, many = np.ones((1, len(repeated))), weights[None, :]
    for metric in (metrics.roc_auc, metrics.average_precision, metrics.log_loss, metrics.brier):
        assert metric(gold, probs)(many)[0] == pytest.approx(metric(gold[repeated], probs[repeated])(one)[0])
    assert metrics.macro_f1(gold, predicted, 3)(many)[0] == pytest.approx(
        metrics.macro_f1(gold[repeated], predicted[repeated], 3)(one)[0]
    )


def test_one_sure_error_costs_no_more_than_the_clip() -> None:
    worst = metrics.log_loss(np.array([1]), np.array([[1.0, 0.0]]))(np.ones((1, 1)))[0]
    assert worst == pytest.approx(-np.log(metrics.LOG_LOSS_CLIP / (1 + metrics.LOG_LOSS_CLIP)))


def test_macro_f1_averages_over_the_classes_in_gold() -> None:
    gold, predicted = np.array([0, 0, 1, 1]), np.array([0, 2, 1, 1])
    expected = theirs.f1_score(gold, predicted, labels=[0, 1], average="macro")
    assert metrics.macro_f1(gold, predicted, 4)(np.ones((1, 4)))[0] == pytest.approx(expected)
