"""The seam of this room: what an end model learns from, and what it is once fitted.

An end model learns from *targets* (a distribution over classes and a weight for each example) and answers with
probabilities, one column for each class, in the order of the classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt
from sklearn.utils import assert_all_finite
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from labelwright.core import SoftLabels
from labelwright.core.errors import ModelError

__all__ = ["Classifier", "Targets", "Uncovered", "targets"]

Uncovered: TypeAlias = Literal["drop", "keep"] | float


@runtime_checkable
class Classifier(Protocol):
    """What everything here asks of a fitted end model."""

    classes_: npt.NDArray[Any]

    def predict_proba(self, X: Any, /) -> npt.NDArray[np.float64]:
        """Return the probability of each class, shape (n, k), columns in the order of ``classes_``."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """What a noise-aware loss needs to know of the labels.

    Parameters
    ----------
    probs : numpy.ndarray of float, shape (n, k)
        Rows sum to 1.
    weight : numpy.ndarray of float, shape (n,)
        Weight of each example in the loss, at least 0.
    classes : numpy.ndarray, shape (k,)
        Names of the columns.
    """

    probs: npt.NDArray[np.float64]
    weight: npt.NDArray[np.float64]
    classes: npt.NDArray[Any]

    @property
    def mass(self) -> npt.NDArray[np.float64]:
        """Weighted probability of each class summed over the examples, shape (k,)."""
        return np.asarray(self.weight @ self.probs)

    def take(self, where: npt.NDArray[np.intp]) -> Targets:
        """Return the rows at the positions ``where``."""
        return Targets(self.probs[where], self.weight[where], self.classes)


def targets(labels: Any, *, uncovered: Uncovered = "drop", sample_weight: npt.ArrayLike | None = None) -> Targets:
    """Read labels of any accepted kind as a distribution and a weight for each example.

    Parameters
    ----------
    labels : SoftLabels, array_like of float of shape (n, k), or array_like of shape (n,)
        Soft labels; or probabilities (every row counts as covered); or one hard class for each example, in which case
        the classes are those that occur, sorted.
    uncovered : {"drop", "keep"} or float in [0, 1]
        Weight of the examples on which no source voted: 0, 1 or the number given.
    sample_weight : array_like of float, shape (n,), optional
        Multiplies the weights.

    Raises
    ------
    ModelError
        If ``uncovered`` or a weight is not allowed, or lengths differ.
    VoteError
        If a row of probabilities is not a distribution.

    Examples
    --------
    >>> soft = SoftLabels([[0.9, 0.1], [0.3, 0.7]], covered=[True, False], classes=["ham", "spam"])
    >>> targets(soft).weight.tolist(), targets(soft, uncovered=0.25).weight.tolist()
    ([1.0, 0.0], [1.0, 0.25])
    >>> targets(["b", "a"]).probs.tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    outside = _uncovered_weight(uncovered)
    if labels is None:
        raise ModelError("fit requires y to be passed, but the target y is None: pass soft labels or hard classes.")
    soft = labels if isinstance(labels, SoftLabels) else _as_soft(labels)
    if soft is None:
        probs, classes = _one_hot(labels)
        weight = np.ones(len(probs))
    else:
        probs, classes = np.clip(soft.probs, 0.0, None), np.array(soft.classes)
        weight = np.where(soft.covered, 1.0, outside)
    return Targets(probs, weight * _check_weight(sample_weight, len(probs)), classes)


def _uncovered_weight(uncovered: Uncovered) -> float:
    named = {"drop": 0.0, "keep": 1.0}
    weight = named.get(uncovered, -1.0) if isinstance(uncovered, str) else float(uncovered)
    if not 0.0 <= weight <= 1.0:
        raise ModelError(f"uncovered is {uncovered!r}; allowed: 'drop', 'keep', or a weight in [0, 1].")
    return weight


def _as_soft(labels: Any) -> SoftLabels | None:
    """Return probabilities as soft labels; None where the labels are hard ones (one column)."""
    array = np.asarray(labels)
    if array.ndim != 2 or array.shape[1] < 2:
        return None
    return SoftLabels(array)


def _one_hot(labels: Any) -> tuple[npt.NDArray[np.float64], npt.NDArray[Any]]:
    hard = column_or_1d(labels, warn=True)
    # NaN, infinity and regression targets are refused with the messages that scikit-learn's users know.
    assert_all_finite(hard, input_name="y")
    check_classification_targets(hard)
    classes, codes = np.unique(hard, return_inverse=True)
    return np.eye(len(classes))[codes], classes


def _check_weight(sample_weight: npt.ArrayLike | None, n: int) -> npt.NDArray[np.float64]:
    if sample_weight is None:
        return np.ones(n)
    weight = np.asarray(sample_weight, dtype=np.float64)
    if weight.ndim == 0:
        weight = np.full(n, float(weight))
    if weight.shape != (n,):
        raise ModelError(
            f"Sample weights must be 1D array or scalar: sample_weight has shape {weight.shape}, n is {n}."
        )
    if not (np.isfinite(weight).all() and (weight >= 0).all()):
        raise ModelError("sample_weight holds a negative or non-finite weight; the expected loss needs weights >= 0.")
    return weight
