"""Counts over probabilities: how sure the soft labels are, and whether that sureness is earned."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.core import Class, SoftLabels

from .base import Estimate
from .intervals import grouped_share
from .scores import as_soft_labels
from .summary import gold_codes

__all__ = ["Calibration", "CalibrationBin", "Histogram", "calibration", "histogram"]


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many examples have a probability in each of b equal bins.

    Parameters
    ----------
    of : str
        What is counted: "probability of spam", or "largest probability" for k > 2.
    edges : tuple of float, length b + 1
    counts : tuple of int, length b
        Covered examples.
    uncovered : int
        Examples without a vote, which are not in ``counts``.
    """

    of: str
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    uncovered: int


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Examples with like probabilities: their mean probability, and how often the event came true."""

    low: float
    high: float
    mean: float
    observed: Estimate


@dataclass(frozen=True, slots=True)
class Calibration:
    """Whether the probabilities of one model come true; see `calibration`.

    Parameters
    ----------
    model : str
    of : str
        What is predicted: "probability of spam", or "largest probability" for k > 2.
    bins : tuple of CalibrationBin
        Empty bins are left out.
    error : float
        Mean distance of probability and frequency over examples (expected calibration error).
    n : int
    """

    model: str
    of: str
    bins: tuple[CalibrationBin, ...]
    error: float
    n: int


def histogram(soft: SoftLabels, *, bins: int = 20) -> Histogram:
    """Count the covered examples by probability: of class code 1 for k = 2, else the largest.

    Examples
    --------
    >>> histogram(SoftLabels([[0.9, 0.1], [0.2, 0.8]], classes=["ham", "spam"]), bins=4)
    Histogram(of='probability of spam', edges=(0.0, 0.25, 0.5, 0.75, 1.0), counts=(1, 0, 0, 1), uncovered=0)
    """
    of, value = _event(soft)
    counts, edges = np.histogram(value[soft.covered], bins=bins, range=(0.0, 1.0))
    return Histogram(of, tuple(float(e) for e in edges), tuple(int(c) for c in counts), int((~soft.covered).sum()))


def calibration(
    predictions: SoftLabels | npt.ArrayLike,
    gold: Iterable[Any],
    *,
    model: str = "",
    bins: int = 10,
    classes: Iterable[Class] | None = None,
    groups: npt.ArrayLike | None = None,
) -> Calibration:
    """Compare probabilities with how often they come true, in equal bins, on covered examples with gold.

    Parameters
    ----------
    predictions : SoftLabels or array_like of float, shape (n, k)
    gold : iterable of (class, code or None), shape (n,)
    model : str
        Name to show.
    bins : int
    classes : sequence of (str or int), optional
        Names of the columns, where ``predictions`` is an array.
    groups : array_like of int or str, shape (n,), optional
        Examples of one group are alike, and count for fewer facts in the intervals.

    Examples
    --------
    >>> found = calibration([[0.2, 0.8]] * 10, [1] * 8 + [0] * 2)
    >>> found.bins[0].observed.value, round(found.error, 6)
    (0.8, 0.0)
    """
    soft = as_soft_labels(predictions, classes)
    truth = gold_codes(gold, soft.classes, soft.n)
    known = (truth >= 0) & soft.covered
    of, value = _event(soft)
    came_true = truth == (1 if soft.k == 2 else soft.probs.argmax(axis=1))
    value, came_true = value[known], came_true[known]
    units = None if groups is None else np.asarray(groups)[known]
    place = np.minimum((value * bins).astype(np.int64), bins - 1)
    found = []
    for b in np.unique(place):
        inside = place == b
        observed = grouped_share(came_true[inside], None if units is None else units[inside])
        found.append(CalibrationBin(b / bins, (b + 1) / bins, float(value[inside].mean()), observed))
    gaps = [b.observed.n * abs(b.observed.value - b.mean) for b in found]
    n = len(value)
    return Calibration(model, of, tuple(found), sum(gaps) / n if n else float("nan"), n)


def _event(soft: SoftLabels) -> tuple[str, npt.NDArray[np.float64]]:
    if soft.k == 2:
        return f"probability of {soft.classes[1]}", soft.probs[:, 1]
    return "largest probability", soft.confidence
