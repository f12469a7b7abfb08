"""Metrics, each as a function of example weights, so that one bootstrap serves them all.

Conventions, stated once.

- Ties: probabilities equal within 1e-9 are settled by a hash of the example id, the same in every run and order.
- Macro F1 averages over the classes that occur in gold.
- ROC AUC and average precision are those of the positive class (k = 2, code 1), or else the mean over the classes that
  occur in gold, one against the rest.
- Log loss clips probabilities at 0.001 and scales rows back to sum 1, since one sure error would otherwise decide it.
- Brier is the sum over classes of squared differences (0 to 2).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import sparse

from .intervals import Floats, Statistic

__all__ = [
    "LOG_LOSS_CLIP",
    "average_precision",
    "brier",
    "confusion",
    "f1",
    "log_loss",
    "macro_f1",
    "mean",
    "precision",
    "recall",
    "roc_auc",
]

Codes: TypeAlias = npt.NDArray[np.int64]

LOG_LOSS_CLIP = 1e-3


def mean(values: npt.ArrayLike) -> Statistic:
    """Return the weighted mean of one value per example."""
    v = np.asarray(values, dtype=np.float64)
    return lambda weights: weights @ v / weights.sum(axis=1)


def confusion(gold: Codes, predicted: Codes, k: int) -> npt.NDArray[np.int64]:
    """Return counts, shape (k, k): rows are gold classes, columns predicted ones.

    Examples
    --------
    >>> confusion(np.array([0, 1, 1]), np.array([0, 0, 1]), 2).tolist()
    [[1, 0], [1, 1]]
    """
    return np.bincount(gold * k + predicted, minlength=k * k).reshape(k, k)


def precision(gold: Codes, predicted: Codes, code: int) -> Statistic:
    """Return the share of predictions of class ``code`` that are right; NaN without predictions."""
    return _ratio((gold == code) & (predicted == code), predicted == code)


def recall(gold: Codes, predicted: Codes, code: int) -> Statistic:
    """Return the share of class ``code`` that is found; NaN without examples of it."""
    return _ratio((gold == code) & (predicted == code), gold == code)


def f1(gold: Codes, predicted: Codes, code: int) -> Statistic:
    """Return the F1 of class ``code``: 2 TP / (gold + predicted); NaN where it occurs in neither."""
    return _ratio(2.0 * ((gold == code) & (predicted == code)), 1.0 * (gold == code) + (predicted == code))


def macro_f1(gold: Codes, predicted: Codes, k: int) -> Statistic:
    """Return the mean F1 over the classes that occur in gold."""
    rows, ones = np.arange(len(gold)), np.ones(len(gold))
    shape = (len(gold), k)
    truth = sparse.csr_array((ones, (rows, gold)), shape=shape)
    guess = sparse.csr_array((ones, (rows, predicted)), shape=shape)
    hit = truth * guess

    def statistic(weights: Floats) -> Floats:
        in_gold = np.asarray(weights @ truth)
        in_both = in_gold + np.asarray(weights @ guess)
        score = 2 * np.asarray(weights @ hit) / np.maximum(in_both, np.finfo(float).tiny)
        return np.asarray((score * (in_gold > 0)).sum(axis=1) / (in_gold > 0).sum(axis=1))

    return statistic


def log_loss(gold: Codes, probs: Floats) -> Statistic:
    """Return the mean of -log p(gold class), clipped (see the top of this file)."""
    clipped = np.clip(probs, LOG_LOSS_CLIP, 1.0)
    clipped /= clipped.sum(axis=1, keepdims=True)
    return mean(-np.log(clipped[np.arange(len(gold)), gold]))


def brier(gold: Codes, probs: Floats) -> Statistic:
    """Return the mean over examples of the squared distance to the gold class."""
    return mean(((probs - np.eye(probs.shape[1])[gold]) ** 2).sum(axis=1))


def roc_auc(gold: Codes, probs: Floats) -> Statistic:
    """Return the chance that an example of a class scores above one of the rest; a tie counts one half."""
    return _mean_over_classes(_binary_auc, gold, probs)


def average_precision(gold: Codes, probs: Floats) -> Statistic:
    """Return the mean precision over the ranks at which examples of a class are found."""
    return _mean_over_classes(_binary_average_precision, gold, probs)


def _ratio(part: npt.ArrayLike, whole: npt.ArrayLike) -> Statistic:
    p, w = np.asarray(part, dtype=np.float64), np.asarray(whole, dtype=np.float64)
    return lambda weights: weights @ p / (weights @ w)


class _Ranks:
    """Examples in falling order of score, cut where the score changes."""

    def __init__(self, positive: npt.NDArray[np.bool_], score: Floats) -> None:
        self.order = np.argsort(-score, kind="stable")
        ranked = score[self.order]
        self.starts = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))
        self.positive = positive[self.order].astype(np.float64)

    def counts(self, weights: Floats) -> tuple[Floats, Floats]:
        """Return the weight of positives and of negatives at each distinct score, shape (draws, scores)."""
        w = weights[:, self.order]
        positives = np.add.reduceat(w * self.positive, self.starts, axis=1)
        return positives, np.add.reduceat(w, self.starts, axis=1) - positives


def _binary_auc(positive: npt.NDArray[np.bool_], score: Floats) -> Statistic:
    ranks = _Ranks(positive, score)

    def statistic(weights: Floats) -> Floats:
        up, down = ranks.counts(weights)
        total_up, total_down = up.sum(axis=1), down.sum(axis=1)
        below = total_down[:, None] - np.cumsum(down, axis=1)
        return np.asarray((up * (below + down / 2)).sum(axis=1) / (total_up * total_down))

    return statistic


def _binary_average_precision(positive: npt.NDArray[np.bool_], score: Floats) -> Statistic:
    ranks = _Ranks(positive, score)

    def statistic(weights: Floats) -> Floats:
        up, down = ranks.counts(weights)
        found = np.cumsum(up, axis=1)
        seen = np.maximum(found + np.cumsum(down, axis=1), np.finfo(float).tiny)
        return np.asarray((up * found / seen).sum(axis=1) / found[:, -1])

    return statistic


def _mean_over_classes(
    binary: Callable[[npt.NDArray[np.bool_], Floats], Statistic], gold: Codes, probs: Floats
) -> Statistic:
    k = probs.shape[1]
    codes = [1] if k == 2 else [c for c in range(k) if (gold == c).any()]
    parts = [binary(gold == c, probs[:, c]) for c in codes]

    def statistic(weights: Floats) -> Floats:
        values = np.stack([part(weights) for part in parts])
        defined = np.isfinite(values)
        return np.asarray(np.where(defined, values, 0.0).sum(axis=0) / defined.sum(axis=0))

    return statistic
