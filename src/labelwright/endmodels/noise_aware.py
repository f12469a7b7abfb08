"""Train any scikit-learn classifier on soft labels, exactly: the noise-aware loss by weighted expansion."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.exceptions import NotFittedError as SklearnNotFittedError
from sklearn.metrics import accuracy_score
from sklearn.pipeline import Pipeline
from sklearn.utils import Tags, _safe_indexing, get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _num_samples, has_fit_parameter

from labelwright.core import SoftLabels
from labelwright.core.errors import ModelError, NotFittedError

from .base import Targets, Uncovered, targets

__all__ = ["NoiseAwareClassifier"]

F = TypeVar("F", bound=Callable[..., Any])


class _NotFittedError(NotFittedError, SklearnNotFittedError):  # type: ignore[misc]  # scikit-learn is not typed
    """Not fitted: ours, and scikit-learn's, so that either can be caught."""


def _where_estimator_has(method: F) -> F:
    """Hide ``method`` where the wrapped estimator has none of that name, as scikit-learn's meta-estimators do."""

    def check(self: NoiseAwareClassifier) -> bool:
        getattr(getattr(self, "estimator_", self.estimator), method.__name__)
        return True

    return cast("F", available_if(check)(method))


class NoiseAwareClassifier(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is not typed
    """Fit a classifier to soft labels by minimising the loss that is expected under them.

    The noise-aware loss of data programming [1]_ is the mean over examples of ``E_{y ~ p_i} loss(h(x_i), y)``. That
    expectation is a finite sum, ``sum_c p_ic loss(h(x_i), c)``: each example enters once for each class, weighted by
    its probability. So any classifier whose ``fit`` takes ``sample_weight`` minimises it exactly, whatever its loss.

    Parameters
    ----------
    estimator : scikit-learn classifier
        Its ``fit`` must take ``sample_weight``; of a ``Pipeline``, the last step's. Cloned, never changed. One with a
        method ``fit_soft(X, probs, sample_weight)`` (`SoftLogisticRegression`) gets soft labels as they are. It
        is fitted to class *codes* (positions in ``classes_``), so ``class_weight`` is a dict by code.
    uncovered : {"drop", "keep"} or float in [0, 1], default "drop"
        What becomes of examples on which no source voted: their soft label is the class balance, which says nothing of
        the example. Left out, kept with weight 1, or kept with the weight given. Plain arrays count as covered.

    Attributes
    ----------
    classes_ : numpy.ndarray, shape (k,)
        The classes of the soft labels, in their order (names, where they have names); of hard labels, those that
        occur, sorted. ``predict_proba`` has a column for every one, also for a class that no soft label gives mass.
    estimator_ : scikit-learn classifier
        The fitted clone.
    n_features_in_ : int
        Number of features seen in ``fit``, where the estimator knows it.
    feature_names_in_ : numpy.ndarray of str, shape (n_features_in_,)
        Names of the features seen in ``fit``, where ``X`` had string column names.

    Notes
    -----
    The steps of a ``Pipeline`` before the last see each example once, unweighted (a supervised one sees its most
    probable class); only the last step sees the expanded rows. Memory: at most ``n * k`` rows, less every row of zero
    weight. Estimators that split their training rows by themselves (early stopping, built-in cross-validation) may put
    copies of an example on both sides of the split; validate outside of them.

    References
    ----------
    .. [1] Ratner, De Sa, Wu, Selsam & Ré, "Data programming: creating large training sets, quickly", NeurIPS 2016,
       equation 4.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> soft = SoftLabels([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.3, 0.7]], classes=["ham", "spam"])
    >>> model = NoiseAwareClassifier(LogisticRegression()).fit([[0.0], [1.0], [4.0], [5.0]], soft)
    >>> model.predict([[0.5], [4.5]]).tolist()
    ['ham', 'spam']
    """

    def __init__(self, estimator: Any, *, uncovered: Uncovered = "drop") -> None:
        self.estimator = estimator
        self.uncovered = uncovered

    def fit(self, X: Any, y: Any, sample_weight: npt.ArrayLike | None = None) -> NoiseAwareClassifier:
        """Fit to soft labels (or hard ones).

        Parameters
        ----------
        X : array_like, sparse matrix, data frame or list, n rows
            Whatever the estimator takes.
        y : SoftLabels, array_like of float of shape (n, k), or array_like of shape (n,)
            Soft labels; or probabilities, classes 0..k-1; or hard labels.
        sample_weight : array_like of float, shape (n,), optional
            Multiplies the weight of each example.

        Returns
        -------
        NoiseAwareClassifier
            Itself.

        Raises
        ------
        ModelError
            If the estimator takes no ``sample_weight``, lengths differ, no example is left to learn from, or all
            probability lies on one class.
        """
        found = targets(y, uncovered=self.uncovered, sample_weight=sample_weight)
        rows = _num_samples(X)
        if rows != len(found.probs):
            raise ModelError(f"X has {rows} rows, but there are labels for {len(found.probs)}: inconsistent lengths.")
        kept = np.flatnonzero(found.weight > 0)
        if rows and not len(kept):
            raise ModelError(
                f"all {rows} examples have weight zero (uncovered={self.uncovered!r}): there is nothing to learn from. "
                "Write functions that cover more, or pass uncovered='keep'."
            )
        if rows and (found.mass > 0).sum() < 2:
            raise ModelError(
                f"all probability lies on one class, {found.classes[found.mass.argmax()]!s}; a classifier needs "
                "examples of at least two classes. Look at the label model's outcome and class balance."
            )
        self.classes_ = found.classes
        inputs = X if len(kept) == rows else _safe_indexing(X, kept)
        self.estimator_ = _fit_expanded(clone(self.estimator), inputs, found.take(kept))
        return self

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return the estimator's choice for each row, as members of ``classes_``, shape (n,)."""
        codes = self._fitted().predict(X)
        return np.asarray(self.classes_[np.asarray(codes, dtype=np.intp)])

    @_where_estimator_has
    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the probability of each class, shape (n, k); 0 for a class that had no mass in ``fit``."""
        return self._all_classes(self._fitted().predict_proba(X), absent=0.0)

    @_where_estimator_has
    def predict_log_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the log of `predict_proba`, shape (n, k)."""
        return self._all_classes(self._fitted().predict_log_proba(X), absent=-np.inf)

    @_where_estimator_has
    def decision_function(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the estimator's scores: shape (n,) for two classes, else (n, k); -inf for a class without mass."""
        scores = np.asarray(self._fitted().decision_function(X))
        if scores.ndim == 1 and len(self.classes_) > 2:
            scores = np.stack([-scores, scores], axis=1)
        return scores if scores.ndim == 1 else self._all_classes(scores, absent=-np.inf)

    def score(self, X: Any, y: Any, sample_weight: npt.ArrayLike | None = None) -> float:
        """Return the accuracy on hard labels, or, on soft ones, the accuracy expected under them.

        Parameters
        ----------
        X : as in `fit`
        y : as in `fit`
            Uncovered rows count as ``uncovered`` says.
        sample_weight : array_like of float, shape (n,), optional

        Returns
        -------
        float
            In [0, 1].
        """
        if not isinstance(y, SoftLabels) and np.ndim(y) == 1:
            return float(accuracy_score(y, self.predict(X), sample_weight=sample_weight))
        found = targets(y, uncovered=self.uncovered, sample_weight=sample_weight)
        chosen = (self.predict(X)[:, None] == found.classes[None, :]).astype(np.float64)
        return float(np.average((found.probs * chosen).sum(axis=1), weights=found.weight))

    @property
    def n_features_in_(self) -> int:
        """Number of features seen in ``fit``."""
        return int(self._fitted_attribute("n_features_in_"))

    @property
    def feature_names_in_(self) -> npt.NDArray[Any]:
        """Names of the features seen in ``fit``."""
        return np.asarray(self._fitted_attribute("feature_names_in_"))

    def _fitted_attribute(self, name: str) -> Any:
        # An AttributeError here lets hasattr() answer as scikit-learn expects before fit.
        return getattr(self.__dict__.get("estimator_"), name)

    def _fitted(self) -> Any:
        if not hasattr(self, "estimator_"):
            raise _NotFittedError("this NoiseAwareClassifier is not fitted yet; call fit(X, soft_labels) first.")
        return self.estimator_

    def _all_classes(self, values: Any, *, absent: float) -> npt.NDArray[np.float64]:
        """Put the estimator's columns (for the codes it saw) where they belong among all k."""
        out = np.full((len(values), len(self.classes_)), absent)
        out[:, np.asarray(self._fitted().classes_, dtype=np.intp)] = values
        return out

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "estimator_")

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator)
        tags.input_tags = inner.input_tags
        if inner.classifier_tags is not None:
            tags.classifier_tags = replace(inner.classifier_tags, multi_label=False)
        return tags


def _fit_expanded(estimator: Any, X: Any, found: Targets) -> Any:
    """Fit ``estimator`` in place, or (a Pipeline) return one whose steps are fitted."""
    if isinstance(estimator, Pipeline):
        return _fit_pipeline(estimator, X, found)
    if hasattr(estimator, "fit_soft"):
        return estimator.fit_soft(X, found.probs, sample_weight=found.weight)
    if not has_fit_parameter(estimator, "sample_weight"):
        raise ModelError(
            f"{type(estimator).__name__}.fit takes no sample_weight, so it cannot weigh classes by their probability. "
            "Use one that does (LogisticRegression, SGDClassifier, RandomForestClassifier, "
            "HistGradientBoostingClassifier, ...), train with labelwright.endmodels.torch, or fit it by itself on the "
            "most probable classes, soft_labels.predict()."
        )
    weights = found.probs * found.weight[:, None]
    rows, codes = np.nonzero(weights > 0)
    # Hard labels need no copy of X, and keep the very call that the estimator would have got without us.
    inputs = X if len(rows) == len(weights) and bool((rows == np.arange(len(rows))).all()) else _safe_indexing(X, rows)
    estimator.fit(inputs, codes, sample_weight=weights[rows, codes])
    return estimator


def _fit_pipeline(pipeline: Pipeline, X: Any, found: Targets) -> Pipeline:
    head, (name, last) = pipeline[:-1], pipeline.steps[-1]
    if len(head.steps):
        X = head.fit_transform(X, found.probs.argmax(axis=1))
    return Pipeline([*head.steps, (name, _fit_expanded(last, X, found))], memory=pipeline.memory)
