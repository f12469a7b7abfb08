"""Logistic regression that reads soft labels as they are: what the recipes end in."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import Tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from labelwright.core.errors import ModelError

from .base import targets

__all__ = ["SoftLogisticRegression"]


class SoftLogisticRegression(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is not typed
    """Logistic regression with a ridge penalty, on hard labels or, by ``fit_soft``, on soft ones.

    The same minimiser as ``NoiseAwareClassifier(sklearn.linear_model.LogisticRegression(C=C))``, without k copies of
    each row: 1/k of the memory and of the time of each step.

    Parameters
    ----------
    C : float, default 1.0
        Prior variance of each coefficient (inverse regularisation strength), as in scikit-learn.
    tol : float, default 1e-4
        Largest component of the gradient, per unit of weight, at which the solver stops.
    max_iter : int, default 1000

    Attributes
    ----------
    classes_ : numpy.ndarray, shape (number of classes with mass,)
        Hard classes, sorted; after ``fit_soft`` the positions of the columns that have mass.
    coef_ : numpy.ndarray of float, shape (1, d) for two classes, else (number of classes with mass, d)
    intercept_ : numpy.ndarray of float, shape (1,) or (number of classes with mass,)
    n_iter_ : int
        Steps taken.

    Notes
    -----
    L-BFGS from coefficients 0 and the log-odds of the class masses: deterministic. Time of a step: the non-zeros of X
    times the columns of ``coef_``.

    Examples
    --------
    >>> X = np.array([[0.0], [1.0], [2.0], [3.0]])
    >>> model = SoftLogisticRegression().fit_soft(X, np.array([[0.9, 0.1], [0.7, 0.3], [0.4, 0.6], [0.2, 0.8]]))
    >>> model.predict(X).tolist()
    [0, 0, 1, 1]
    """

    def __init__(self, *, C: float = 1.0, tol: float = 1e-4, max_iter: int = 1000) -> None:
        self.C = C
        self.tol = tol
        self.max_iter = max_iter

    def fit(self, X: Any, y: Any, sample_weight: npt.ArrayLike | None = None) -> SoftLogisticRegression:
        """Fit to hard labels ``y`` of shape (n,)."""
        X, y = validate_data(self, X, y, accept_sparse="csr", dtype=np.float64)
        check_classification_targets(y)
        found = targets(y, sample_weight=sample_weight)
        self._solve(X, found.probs, found.weight, found.classes)
        return self

    def fit_soft(
        self, X: Any, probs: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
    ) -> SoftLogisticRegression:
        """Fit to soft labels ``probs`` of shape (n, k); the classes are 0..k-1."""
        X = validate_data(self, X, accept_sparse="csr", dtype=np.float64)
        found = targets(np.asarray(probs, dtype=np.float64), sample_weight=sample_weight)
        if X.shape[0] != len(found.probs):
            raise ModelError(f"X has {X.shape[0]} rows, but there are labels for {len(found.probs)}.")
        self._solve(X, found.probs, found.weight, found.classes)
        return self

    def _solve(
        self, X: Any, probs: npt.NDArray[np.float64], weight: npt.NDArray[np.float64], classes: npt.NDArray[Any]
    ) -> None:
        total, mass = float(weight.sum()), weight @ probs
        if total == 0:
            raise ModelError("every example has weight zero: there is nothing to learn from.")
        seen = np.flatnonzero(mass > 0)
        if len(seen) < 2:
            raise ModelError(f"only one class has any mass, {classes[mass.argmax()]!s}; at least two are needed.")
        # Two classes need one column of coefficients, the log-odds of the second.
        columns = seen[1:] if len(seen) == 2 else seen
        d, k = X.shape[1], len(columns)
        share = weight / total
        loss = _Loss(X, share[:, None] * probs[:, columns], share, 1.0 / (self.C * total))
        start = np.zeros((d + 1, k))
        start[d] = np.log(mass[columns] / (mass[seen[0]] if k == 1 else total))
        found = minimize(
            loss,
            start.ravel(),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": self.max_iter, "maxls": 50, "gtol": self.tol, "ftol": 64 * np.finfo(float).eps},
        )
        if not found.success:
            warnings.warn(
                f"the solver stopped after {found.nit} steps before the gradient fell below tol={self.tol} "
                f"({found.message}). Scale the features, raise max_iter, or lower C.",
                ConvergenceWarning,
                stacklevel=4,
            )
        solved = found.x.reshape(d + 1, k)
        self.classes_ = classes[seen]
        self.coef_, self.intercept_ = np.ascontiguousarray(solved[:d].T), solved[d].copy()
        self.n_iter_ = int(found.nit)

    def decision_function(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the log-odds of the second class, shape (n,), or, for more than two, a logit for each, (n, k)."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype=np.float64, reset=False)
        logits = np.asarray(X @ self.coef_.T + self.intercept_)
        return logits[:, 0] if len(self.classes_) == 2 else logits

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the probability of each class, shape (n, number of classes with mass)."""
        logits = self.decision_function(X)
        if logits.ndim == 1:
            return np.stack([expit(-logits), expit(logits)], axis=1)
        return np.asarray(softmax(logits, axis=1))

    def predict_log_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the log of `predict_proba`."""
        logits = self.decision_function(X)
        if logits.ndim == 1:
            return np.stack([-np.logaddexp(0, logits), -np.logaddexp(0, -logits)], axis=1)
        return np.asarray(log_softmax(logits, axis=1))

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return the most probable class of each row, shape (n,)."""
        logits = self.decision_function(X)
        return np.asarray(self.classes_[(logits > 0).astype(np.intp) if logits.ndim == 1 else logits.argmax(axis=1)])

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


@dataclass(frozen=True, slots=True, eq=False)
class _Loss:
    """The expected log loss plus the ridge penalty, per unit of weight, and its gradient.

    ``X`` is (n, d), ``wanted`` (n, k) the weighted probability of each column's class, ``share`` (n,) the weights with
    sum 1; parameters are (d + 1, k), intercepts last.
    """

    X: Any
    wanted: npt.NDArray[np.float64]
    share: npt.NDArray[np.float64]
    ridge: float

    def __call__(self, flat: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        parameters = flat.reshape(-1, self.wanted.shape[1])
        coefficients = parameters[:-1]
        logits = self.X @ coefficients + parameters[-1]
        normaliser, probs = _binary(logits) if logits.shape[1] == 1 else _multiclass(logits)
        slope = self.share[:, None] * probs - self.wanted
        gradient = np.vstack([self.X.T @ slope + self.ridge * coefficients, slope.sum(axis=0)])
        penalty = 0.5 * self.ridge * np.square(coefficients).sum()
        return float(self.share @ normaliser - (self.wanted * logits).sum() + penalty), gradient.ravel()


def _binary(logits: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the log-normaliser of each row, shape (n,), and the probability of the second class, shape (n, 1)."""
    return np.logaddexp(0, logits[:, 0]), expit(logits)


def _multiclass(logits: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the log-normaliser of each row, shape (n,), and the probability of each class, shape (n, k)."""
    top = logits.max(axis=1, keepdims=True)
    exponentials = np.exp(logits - top)
    sums = exponentials.sum(axis=1, keepdims=True)
    return (top + np.log(sums))[:, 0], exponentials / sums
