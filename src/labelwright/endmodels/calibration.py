"""Where a little gold exists: are probabilities honest, how to make them so, and where to cut.

Fit these on a dev set with gold, never on the set that is scored.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from labelwright.core.errors import ModelError

__all__ = ["Calibration", "Threshold", "apply_temperature", "best_threshold", "calibration_error", "fit_temperature"]

Metric: TypeAlias = Literal["f1", "accuracy"]

# Probabilities of exactly 0 and 1 have no logarithm; this is far below any that a model can mean.
_SMALLEST = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """A reliability diagram and its summary.

    Parameters
    ----------
    error : float
        Expected calibration error: mean over examples of the gap between confidence and accuracy of their bin.
    edges : numpy.ndarray of float, shape (bins + 1,)
        A bin holds confidences above its left edge, up to and including its right one.
    counts : numpy.ndarray of int, shape (bins,)
    confidence, accuracy : numpy.ndarray of float, shape (bins,)
        Means of each bin; NaN where it is empty.
    """

    error: float
    edges: npt.NDArray[np.float64]
    counts: npt.NDArray[np.int64]
    confidence: npt.NDArray[np.float64]
    accuracy: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Threshold:
    """A cut for two classes: say 1 where its probability is at least ``value``; ``score`` is what that reaches."""

    value: float
    score: float
    metric: Metric


def calibration_error(probs: npt.ArrayLike, gold: npt.ArrayLike, *, bins: int = 15) -> Calibration:
    """Return the expected calibration error of the most probable class, and the bins of a reliability diagram.

    Parameters
    ----------
    probs : array_like of float, shape (n, k)
    gold : array_like of int, shape (n,)
        True classes as codes; -1 where unknown (left out).
    bins : int, default 15
        Number of bins of equal width over [0, 1].

    Raises
    ------
    ModelError
        If shapes or codes do not fit, or there is no gold.

    References
    ----------
    Guo, Pleiss, Sun & Weinberger, "On calibration of modern neural networks", ICML 2017, equations 1 to 3.

    Examples
    --------
    >>> result = calibration_error([[0.2, 0.8], [0.4, 0.6], [0.2, 0.8], [0.4, 0.6]], [1, 1, 1, 0], bins=5)
    >>> round(result.error, 3), result.counts.tolist()
    (0.15, [0, 0, 2, 2, 0])
    """
    p, y = _with_gold(probs, gold)
    if bins < 1:
        raise ModelError(f"bins is {bins}; it must be at least 1.")
    confidence, right = p.max(axis=1), p.argmax(axis=1) == y
    edges = np.linspace(0.0, 1.0, bins + 1)
    # Rounded up to the right edge it belongs to; the tolerance keeps 0.6 in (0.4, 0.6] whatever the sum that made it.
    where = np.clip(np.ceil(confidence * bins - 1e-9).astype(np.int64) - 1, 0, bins - 1)
    counts = np.bincount(where, minlength=bins)
    with np.errstate(invalid="ignore"):
        mean_confidence = np.bincount(where, confidence, minlength=bins) / counts
        accuracy = np.bincount(where, right, minlength=bins) / counts
    gap = np.where(counts > 0, np.abs(mean_confidence - accuracy), 0.0)
    return Calibration(float(counts @ gap / counts.sum()), edges, counts, mean_confidence, accuracy)


def fit_temperature(probs: npt.ArrayLike, gold: npt.ArrayLike) -> float:
    """Return the temperature T at which ``softmax(log(probs) / T)`` has the lowest log loss on gold.

    Above 1 the model was overconfident, below 1 too timid. The most probable class never changes.

    Parameters
    ----------
    probs : array_like of float, shape (n, k)
    gold : array_like of int, shape (n,)
        True classes as codes; -1 where unknown (left out).

    Returns
    -------
    float
        Between 0.01 and 100; at an end of that range where no temperature is best (all right, or no better than
        chance).

    Raises
    ------
    ModelError
        If shapes or codes do not fit, or there is no gold.

    References
    ----------
    Guo, Pleiss, Sun & Weinberger, "On calibration of modern neural networks", ICML 2017, equation 9.

    Examples
    --------
    >>> overconfident = [[0.99, 0.01]] * 3 + [[0.01, 0.99]]
    >>> temperature = fit_temperature(overconfident, [0, 0, 1, 1])
    >>> apply_temperature(overconfident, temperature).max(axis=1).round(2).tolist()
    [0.75, 0.75, 0.75, 0.75]
    """
    p, y = _with_gold(probs, gold)
    logits = np.log(np.maximum(p, _SMALLEST))
    rows = np.arange(len(y))

    # The log loss is convex in 1/T, hence has one valley in log T, the scale on which a search is even.
    def loss(log_temperature: float) -> float:
        return float(-log_softmax(logits * np.exp(-log_temperature), axis=1)[rows, y].mean())

    found = minimize_scalar(loss, bounds=(np.log(0.01), np.log(100.0)), method="bounded", options={"xatol": 1e-9})
    return float(np.exp(found.x))


def apply_temperature(probs: npt.ArrayLike, temperature: float) -> npt.NDArray[np.float64]:
    """Return ``softmax(log(probs) / temperature)``, shape (n, k).

    Raises
    ------
    ModelError
        If the temperature is not above 0.

    Examples
    --------
    >>> apply_temperature([[0.8, 0.2]], 2.0).round(3).tolist()
    [[0.667, 0.333]]
    """
    if not temperature > 0:
        raise ModelError(f"temperature is {temperature}; it must be above 0.")
    logits = np.log(np.maximum(np.asarray(probs, dtype=np.float64), _SMALLEST))
    return np.asarray(np.exp(log_softmax(logits / temperature, axis=1)))


def best_threshold(probs: npt.ArrayLike, gold: npt.ArrayLike, *, metric: Metric = "f1") -> Threshold:
    """Return the cut on the probability of class 1 that scores best on gold.

    Parameters
    ----------
    probs : array_like of float, shape (n,) or (n, 2)
        Probability of class 1, or of both classes.
    gold : array_like of int, shape (n,)
        0 or 1; -1 where unknown (left out).
    metric : {"f1", "accuracy"}, default "f1"
        F1 of class 1, or the share that is right.

    Returns
    -------
    Threshold
        Halfway between two neighbouring probabilities, so that small changes move no example; of equally good cuts the
        one nearest to 0.5.

    Raises
    ------
    ModelError
        If shapes, codes or the metric do not fit, or there is no gold.

    Examples
    --------
    >>> best_threshold([0.125, 0.25, 0.375, 0.875], [0, 0, 1, 1])
    Threshold(value=0.3125, score=1.0, metric='f1')
    """
    p = np.asarray(probs, dtype=np.float64)
    both = np.column_stack([1 - p, p]) if p.ndim == 1 else p
    if both.ndim != 2 or both.shape[1] != 2:
        raise ModelError(f"a threshold is for two classes; probs has shape {p.shape}, allowed: (n,) or (n, 2).")
    kept, y = _with_gold(both, gold)
    if metric not in ("f1", "accuracy"):
        raise ModelError(f"metric is {metric!r}; allowed: 'f1', 'accuracy'.")
    levels = np.unique(kept[:, 1])
    cuts = np.concatenate([[0.0], (levels[1:] + levels[:-1]) / 2, [np.nextafter(1.0, 2.0)]])
    positives = np.sort(kept[y == 1, 1])
    everything = np.sort(kept[:, 1])
    hits = len(positives) - np.searchsorted(positives, cuts)
    said = len(everything) - np.searchsorted(everything, cuts)
    if metric == "f1":
        # 2 TP / (2 TP + FP + FN); with nothing said and nothing to find it is 0 / 0, which counts as 0.
        scores = 2 * hits / np.maximum(said + len(positives), 1)
    else:
        scores = (2 * hits - said + len(y) - len(positives)) / len(y)
    best = np.flatnonzero(scores == scores.max())
    chosen = best[np.abs(cuts[best] - 0.5).argmin()]
    return Threshold(float(cuts[chosen]), float(scores[chosen]), metric)


def _with_gold(probs: npt.ArrayLike, gold: npt.ArrayLike) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Return the rows whose gold is known, checked."""
    p, y = np.asarray(probs, dtype=np.float64), np.asarray(gold)
    if p.ndim != 2 or y.shape != p.shape[:1]:
        raise ModelError(f"probs has shape {p.shape} and gold {y.shape}; they must be (n, k) and (n,).")
    if y.dtype.kind not in "iub":
        raise ModelError(f"gold has dtype {y.dtype}; pass codes 0..k-1, -1 where unknown (see core.class_codes).")
    if not ((p >= 0).all() and (p <= 1).all()):
        raise ModelError("probs holds values outside [0, 1].")
    codes = y.astype(np.int64)
    if codes.size and (codes.min() < -1 or codes.max() >= p.shape[1]):
        raise ModelError(f"gold holds a class outside -1..{p.shape[1] - 1}.")
    known = codes >= 0
    if not known.any():
        raise ModelError("there is no example with gold.")
    return p[known], codes[known]
