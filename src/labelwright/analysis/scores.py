"""How well predictions match gold labels: every metric with its interval, and paired differences of two models."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from labelwright.core import Class, Seed, SoftLabels, break_ties
from labelwright.core.errors import VoteError

from . import metrics
from .base import NO_ESTIMATE, Estimate
from .intervals import Floats, Statistic, bootstrap, transformed, wilson, wilson_bounds
from .metrics import Codes
from .summary import gold_codes

__all__ = [
    "METRICS",
    "ClassScores",
    "Metric",
    "Scores",
    "accuracy_of",
    "macro_f1_of",
    "paired_difference",
    "predicted_codes",
    "score",
]

Metric: TypeAlias = Literal["accuracy", "macro_f1", "f1", "roc_auc", "average_precision", "log_loss", "brier"]

# Name -> statistic of (gold, predicted, probs). F1 is that of the positive class (code 1) and exists for k = 2 only.
METRICS: dict[str, Callable[[Codes, Codes, Floats], Statistic]] = {
    "accuracy": lambda gold, predicted, _: metrics.mean(gold == predicted),
    "macro_f1": lambda gold, predicted, probs: metrics.macro_f1(gold, predicted, probs.shape[1]),
    "f1": lambda gold, predicted, _: metrics.f1(gold, predicted, 1),
    "roc_auc": lambda gold, _, probs: metrics.roc_auc(gold, probs),
    "average_precision": lambda gold, _, probs: metrics.average_precision(gold, probs),
    "log_loss": lambda gold, _, probs: metrics.log_loss(gold, probs),
    "brier": lambda gold, _, probs: metrics.brier(gold, probs),
}


@dataclass(frozen=True, slots=True)
class ClassScores:
    """Precision, recall and F1 of one class; ``support`` is its number of gold examples."""

    name: Class
    precision: Estimate
    recall: Estimate
    f1: Estimate
    support: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        found = {name: getattr(self, name).to_dict() for name in ("precision", "recall", "f1")}
        return {"class": self.name, **found, "support": self.support}


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """How well predictions match gold labels; see `score`.

    Parameters
    ----------
    n : int
        Examples with gold that were scored.
    accuracy, macro_f1, f1, roc_auc, average_precision, log_loss, brier : Estimate
        ``f1`` is that of class code 1 and is not measured for k > 2.
    coverage : Estimate
        Share of the examples with gold on which some source voted.
    per_class : tuple of ClassScores
    confusion : ndarray of int, shape (k, k)
        Rows are gold classes, columns predicted ones.
    classes : tuple of (str or int)
    on_covered : Scores or None
        The same on covered examples alone; ``None`` where all are covered, or none.
    """

    n: int
    accuracy: Estimate
    macro_f1: Estimate
    f1: Estimate
    roc_auc: Estimate
    average_precision: Estimate
    log_loss: Estimate
    brier: Estimate
    coverage: Estimate
    per_class: tuple[ClassScores, ...]
    confusion: npt.NDArray[np.int64]
    classes: tuple[Class, ...]
    on_covered: Scores | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; what was not measured is ``None``."""
        found = {name: getattr(self, name).to_dict() for name in (*METRICS, "coverage")}
        return {
            "n": self.n,
            **found,
            "per_class": [c.to_dict() for c in self.per_class],
            "confusion": self.confusion.tolist(),
            "classes": list(self.classes),
            "on_covered": None if self.on_covered is None else self.on_covered.to_dict(),
        }

    def __str__(self) -> str:
        lines = [f"{name:<18}{getattr(self, name)}" for name in (*METRICS, "coverage") if getattr(self, name).known]
        return "\n".join(lines)


def score(
    predictions: SoftLabels | npt.ArrayLike,
    gold: Iterable[Any],
    *,
    groups: npt.ArrayLike | None = None,
    classes: Iterable[Class] | None = None,
    random_state: Seed = 0,
) -> Scores:
    """Score soft labels or probabilities against gold, with 95% intervals.

    Parameters
    ----------
    predictions : SoftLabels or array_like of float, shape (n, k)
        Uncovered rows of soft labels hold the class balance and are scored as that.
    gold : iterable of (class, code or None), shape (n,)
        True classes. Examples whose gold is unknown (``None``, NaN, -1) are left out.
    groups : array_like of int or str, shape (n,), optional
        Examples of one group are resampled together (sentences of one document, say).
    classes : sequence of (str or int), optional
        Names of the columns, where ``predictions`` is an array. Default 0..k-1.
    random_state : int, Generator or None
        For the resamples.

    Returns
    -------
    Scores
        On all examples with gold, and under ``on_covered`` on those with a vote.

    Raises
    ------
    VoteError
        If gold or groups do not fit the predictions.

    Notes
    -----
    Without groups, accuracy, coverage, precision and recall have Wilson's interval, and so has the F1 of one class: it
    is 2 J / (1 + J) of the share J = TP / (TP + FP + FN). All else, and all with groups, is bootstrapped. Where every
    resample gives the same figure (a perfect score), the bootstrap knows no width; the interval then is Wilson's.
    Conventions for ties, averages and clipping stand at the top of ``metrics.py``.

    Examples
    --------
    >>> print(score([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]], [0, 1, 1, 1]).accuracy)
    0.750 [0.301, 0.954] (n = 4)
    """
    soft = as_soft_labels(predictions, classes)
    truth = gold_codes(gold, soft.classes, soft.n)
    unit = _check_groups(groups, soft.n)
    known = truth >= 0
    everything = _score_rows(soft, truth, unit, known, random_state)
    covered = known & soft.covered
    if covered.all() or covered.sum() in (0, known.sum()):
        return everything
    fields = {name: getattr(everything, name) for name in Scores.__slots__}
    return Scores(**fields | {"on_covered": _score_rows(soft, truth, unit, covered, random_state)})


def paired_difference(
    first: SoftLabels | npt.ArrayLike,
    second: SoftLabels | npt.ArrayLike,
    gold: Iterable[Any],
    *,
    metric: Metric = "accuracy",
    groups: npt.ArrayLike | None = None,
    classes: Iterable[Class] | None = None,
    random_state: Seed = 0,
) -> Estimate:
    """Return ``metric(first) - metric(second)`` on the same examples, with a paired bootstrap interval.

    Both models see the same resamples, so what makes an example hard for both cancels, and the interval is narrower
    than the two single ones suggest.

    Parameters
    ----------
    first, second : SoftLabels or array_like of float, shape (n, k)
    gold : iterable of (class, code or None), shape (n,)
    metric : str
        One of `METRICS`.
    groups, classes, random_state
        As for `score`.

    Examples
    --------
    >>> one, two = [[0.9, 0.1], [0.2, 0.8]] * 50, [[0.9, 0.1], [0.6, 0.4]] * 50
    >>> round(paired_difference(one, two, [0, 1] * 50).value, 3)
    0.5
    """
    if metric not in METRICS:
        raise VoteError(f"metric is {metric!r}; allowed: {', '.join(METRICS)}.")
    a = as_soft_labels(first, classes)
    b = as_soft_labels(second, a.classes)
    if a.probs.shape != b.probs.shape:
        raise VoteError(f"the two predictions have shapes {a.probs.shape} and {b.probs.shape}; they must be the same.")
    truth = gold_codes(gold, a.classes, a.n)
    unit = _check_groups(groups, a.n)
    known = truth >= 0
    parts = [METRICS[metric](truth[known], predicted_codes(s)[known], s.probs[known]) for s in (a, b)]
    (found,) = bootstrap(
        [lambda weights: parts[0](weights) - parts[1](weights)],
        int(known.sum()),
        groups=None if unit is None else unit[known],
        random_state=random_state,
    )
    return found


def accuracy_of(predicted: Codes, gold: Codes, *, groups: npt.NDArray[Any] | None = None) -> Estimate:
    """Return the accuracy that `score` gives, alone; not measured of no examples.

    Parameters
    ----------
    predicted, gold : ndarray of int, shape (n,)
        Codes of classes, all known.
    groups : ndarray of int or str, shape (n,), optional
    """
    if groups is None:
        return wilson(int((gold == predicted).sum()), len(gold))
    return _one(metrics.mean(gold == predicted), "accuracy", gold, groups)


def macro_f1_of(predicted: Codes, gold: Codes, k: int, *, groups: npt.NDArray[Any] | None = None) -> Estimate:
    """Return the macro F1 that `score` gives, alone; not measured of no examples. Parameters as for `accuracy_of`."""
    return _one(metrics.macro_f1(gold, predicted, k), "macro_f1", gold, groups) if len(gold) else NO_ESTIMATE


def _one(statistic: Statistic, name: str, gold: Codes, groups: npt.NDArray[Any] | None) -> Estimate:
    return _estimates({name: statistic}, {}, gold, groups, 0)[name] if len(gold) else NO_ESTIMATE


def predicted_codes(soft: SoftLabels) -> Codes:
    """Return the most probable class of each example; ties are settled by its id."""
    return break_ties(soft.probs, ties="random", example_ids=soft.example_ids)


def as_soft_labels(predictions: SoftLabels | npt.ArrayLike, classes: Iterable[Class] | None = None) -> SoftLabels:
    """Return predictions as soft labels; an array is taken as covered throughout."""
    return predictions if isinstance(predictions, SoftLabels) else SoftLabels(predictions, classes=classes)


def _check_groups(groups: npt.ArrayLike | None, n: int) -> npt.NDArray[Any] | None:
    if groups is None:
        return None
    found = np.asarray(groups)
    if found.shape != (n,):
        raise VoteError(f"groups has shape {found.shape}, but there are {n} examples; pass one group per example.")
    return np.asarray(np.unique(found, return_inverse=True)[1])


def _score_rows(
    soft: SoftLabels, truth: Codes, groups: npt.NDArray[Any] | None, where: npt.NDArray[np.bool_], random_state: Seed
) -> Scores:
    gold, predicted, probs = truth[where], predicted_codes(soft)[where], soft.probs[where]
    n, k = len(gold), soft.k
    names = [name for name in METRICS if name != "f1" or k == 2]
    statistics = {name: METRICS[name](gold, predicted, probs) for name in names} if n else {}
    statistics["coverage"] = metrics.mean(soft.covered[where])
    for c in range(k):
        for kind in (metrics.precision, metrics.recall, metrics.f1):
            statistics[f"{kind.__name__} {c}"] = kind(gold, predicted, c)
    units = None if groups is None else groups[where]
    closed = {} if groups is not None else _closed_forms(gold, predicted, soft.covered[where], k)
    found = _estimates(statistics, closed, gold, units, random_state)
    per_class = tuple(
        ClassScores(name, found[f"precision {c}"], found[f"recall {c}"], found[f"f1 {c}"], int((gold == c).sum()))
        for c, name in enumerate(soft.classes)
    )
    headline: dict[str, Any] = {name: found.get(name, NO_ESTIMATE) for name in (*METRICS, "coverage")}
    table = metrics.confusion(gold, predicted, k)
    return Scores(n=n, **headline, per_class=per_class, confusion=table, classes=soft.classes)


def _estimates(
    statistics: Mapping[str, Statistic],
    closed: Mapping[str, Estimate],
    gold: Codes,
    units: npt.NDArray[Any] | None,
    random_state: Seed,
) -> dict[str, Estimate]:
    """Return every statistic with its interval: in closed form where there is one, else by resamples."""
    open_ = [name for name in statistics if name not in closed]
    drawn = bootstrap([statistics[name] for name in open_], len(gold), groups=units, random_state=random_state)
    return {name: _widen(name, e, gold, units) for name, e in zip(open_, drawn, strict=True)} | dict(closed)


def _closed_forms(gold: Codes, predicted: Codes, covered: npt.NDArray[np.bool_], k: int) -> dict[str, Estimate]:
    """Return the estimates that are shares of independent examples, with Wilson's interval."""
    out = {
        "accuracy": wilson(int((gold == predicted).sum()), len(gold)),
        "coverage": wilson(int(covered.sum()), len(covered)),
    }
    for c in range(k):
        hit = int(((gold == c) & (predicted == c)).sum())
        in_gold, in_predicted = int((gold == c).sum()), int((predicted == c).sum())
        out[f"precision {c}"] = wilson(hit, in_predicted)
        out[f"recall {c}"] = wilson(hit, in_gold)
        jaccard = wilson(hit, in_gold + in_predicted - hit)
        out[f"f1 {c}"] = replace(transformed(jaccard, lambda j: 2 * j / (1 + j)), n=len(gold))
    if k == 2:
        out["f1"] = out["f1 1"]
    return out


def _widen(name: str, estimate: Estimate, gold: Codes, groups: npt.NDArray[Any] | None) -> Estimate:
    """Give a share that no resample moved (0 or 1) the width that Wilson gives so many of so many."""
    stuck = estimate.known and estimate.low == estimate.high and estimate.value in (0.0, 1.0)
    if not stuck or name in ("log_loss", "brier"):
        return estimate
    # As many facts as there are groups, or as the rarest class of gold has examples: ranks depend on both classes.
    counts = np.bincount(gold)
    facts = len(np.unique(groups)) if groups is not None else int(counts[counts > 0].min())
    low, high = wilson_bounds(estimate.value * facts, facts)
    return Estimate(estimate.value, float(low), float(high), estimate.n) if facts else estimate


def lower_is_better(metric: str) -> bool:
    """Whether a smaller value of the metric is better."""
    return metric in ("log_loss", "brier")
