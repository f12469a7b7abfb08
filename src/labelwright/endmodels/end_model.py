"""The end models that a project names in its settings: one for text, one for tables of numbers."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from labelwright.core import Class, SoftLabels
from labelwright.core.errors import DataError, ModelError

from .base import Uncovered
from .logistic import SoftLogisticRegression
from .noise_aware import NoiseAwareClassifier
from .text_features import TextFeatures

__all__ = ["EndModel", "fit_end_model", "recipe", "recipes", "tabular_classifier", "text_classifier"]


def text_classifier(*, C: float | None = None) -> Pipeline:
    """Return the default classifier of texts: TF-IDF of words and character n-grams, then logistic regression.

    Parameters
    ----------
    C : float, optional
        Prior variance of each coefficient (inverse regularisation strength). Default: such that the logit of a text has
        a prior standard deviation of logit(0.99) = 4.6, so that a text may be near certain without its words having to
        be extreme; texts have squared length 2 here, so that is ``4.6**2 / 2``. No label is needed to choose it.

    Returns
    -------
    sklearn.pipeline.Pipeline
        Unfitted; takes a list of str.

    Examples
    --------
    >>> model = NoiseAwareClassifier(text_classifier())
    >>> _ = model.fit(["buy now", "buy this", "great song", "lovely song"], [[0, 1], [0, 1], [1, 0], [1, 0]])
    >>> model.predict(["a song", "buy"]).tolist()
    [0, 1]
    """
    strength = float(np.log(0.99 / 0.01) ** 2 / 2) if C is None else C
    return Pipeline([("features", TextFeatures()), ("classify", SoftLogisticRegression(C=strength))])


def tabular_classifier(*, C: float = 1.0) -> Pipeline:
    """Return the default classifier of tables of numbers: impute, scale, then logistic regression.

    Missing numbers become the column's median, and a column that says where they were missing is added.

    Parameters
    ----------
    C : float, default 1.0
        Prior variance of the coefficient of a standardised feature (inverse regularisation strength).

    Returns
    -------
    sklearn.pipeline.Pipeline
        Unfitted; takes an array of float of shape (n, d), NaN where missing.

    Examples
    --------
    >>> import numpy as np
    >>> model = NoiseAwareClassifier(tabular_classifier())
    >>> _ = model.fit(np.array([[0.0], [1.0], [np.nan], [9.0]]), [0, 0, 1, 1])
    >>> model.predict(np.array([[8.0]])).tolist()
    [1]
    """
    return Pipeline(
        [
            ("impute", SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)),
            ("scale", StandardScaler()),
            ("classify", SoftLogisticRegression(C=C)),
        ]
    )


@dataclass(frozen=True, slots=True)
class _Recipe:
    build: Callable[..., Any]
    read: Callable[[Sequence[str], Mapping[str, Sequence[Any]]], Any]


def _texts(fields: Sequence[str], columns: Mapping[str, Sequence[Any]]) -> list[str]:
    """Join the text fields of each example by a line break; a missing text is empty."""
    read = [[_text(name, row, value) for row, value in enumerate(columns[name])] for name in fields]
    return ["\n".join(parts) for parts in zip(*read, strict=True)]


def _text(name: str, row: int, value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return ""
    raise DataError(
        f"field {name!r}, row {row} holds {value!r} ({type(value).__name__}), but this end model reads text. "
        "Name text fields, or use the 'tabular' end model for numbers."
    )


def _numbers(fields: Sequence[str], columns: Mapping[str, Sequence[Any]]) -> npt.NDArray[np.float64]:
    """Put the number fields side by side, shape (n, d); a missing number is NaN."""
    return np.stack([_number_column(name, columns[name]) for name in fields], axis=1)


def _number_column(name: str, values: Sequence[Any]) -> npt.NDArray[np.float64]:
    column = np.asarray(values)
    if column.dtype == object and not any(isinstance(v, (str, bytes)) for v in column):
        with contextlib.suppress(TypeError, ValueError):
            column = np.array([np.nan if v is None else v for v in column], dtype=np.float64)
    if column.dtype.kind not in "biuf":
        raise DataError(
            f"field {name!r} holds {column.dtype} values, but this end model reads numbers. "
            "Name number fields, or use the 'text' end model for text."
        )
    numbers = column.astype(np.float64)
    if np.isinf(numbers).any():
        raise DataError(
            f"field {name!r}, row {int(np.isinf(numbers).argmax())} is infinite; numbers must be finite or missing."
        )
    return numbers


_RECIPES = {"text": _Recipe(text_classifier, _texts), "tabular": _Recipe(tabular_classifier, _numbers)}


def recipes() -> tuple[str, ...]:
    """Return the names of the recipes.

    Examples
    --------
    >>> recipes()
    ('text', 'tabular')
    """
    return tuple(_RECIPES)


def recipe(name: str, **parameters: Any) -> Pipeline:
    """Build the unfitted classifier that a project's settings name.

    Parameters
    ----------
    name : {"text", "tabular"}
    **parameters
        Of `text_classifier` or `tabular_classifier`.

    Raises
    ------
    ModelError
        If there is no such recipe or it takes no such parameter.

    Examples
    --------
    >>> recipe("tabular", C=0.5).named_steps["classify"].C
    0.5
    """
    build = _find(name).build
    try:
        return build(**parameters)
    except TypeError as error:
        raise ModelError(f"end model {name!r}: {error}.") from error


def _find(name: str) -> _Recipe:
    if name not in _RECIPES:
        raise ModelError(f"there is no end model called {name!r}; allowed: {', '.join(map(repr, _RECIPES))}.")
    return _RECIPES[name]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class EndModel:
    """A fitted end model that knows which fields it reads: it needs no labeling function and no project.

    Parameters
    ----------
    kind : str
        Name of the recipe that says how fields become features: ``"text"`` or ``"tabular"``.
    fields : tuple of str
        The fields it reads, in order.
    classes : tuple of (str or int)
        The classes, in the order of the columns of ``predict_proba``.
    estimator : NoiseAwareClassifier
        Fitted.
    """

    kind: str
    fields: tuple[str, ...]
    classes: tuple[Class, ...]
    estimator: NoiseAwareClassifier

    def predict_proba(self, columns: Mapping[str, Sequence[Any]]) -> npt.NDArray[np.float64]:
        """Return the probability of each class for each example.

        Parameters
        ----------
        columns : mapping of str to sequence, each of length n
            At least ``fields``; more are not read. ``None`` and NaN are missing values.

        Returns
        -------
        numpy.ndarray of float, shape (n, k)

        Raises
        ------
        DataError
            If a field is missing, of another kind, or the columns differ in length.
        """
        X = read_fields(self.kind, self.fields, columns)
        return self.estimator.predict_proba(X) if len(X) else np.empty((0, len(self.classes)))

    def soft_labels(
        self, columns: Mapping[str, Sequence[Any]], *, example_ids: npt.ArrayLike | None = None
    ) -> SoftLabels:
        """Return `predict_proba` as soft labels; an end model covers every example."""
        return SoftLabels(self.predict_proba(columns), classes=self.classes, example_ids=example_ids)

    def __repr__(self) -> str:
        return f"EndModel(kind={self.kind!r}, fields={list(self.fields)}, classes={list(self.classes)})"


def fit_end_model(
    kind: str,
    fields: Sequence[str],
    columns: Mapping[str, Sequence[Any]],
    soft_labels: SoftLabels,
    *,
    estimator: Any = None,
    uncovered: Uncovered = "drop",
    sample_weight: npt.ArrayLike | None = None,
    random_state: int = 0,
) -> EndModel:
    """Fit an end model to soft labels.

    Parameters
    ----------
    kind : {"text", "tabular"}
        How fields become features, and the recipe where no ``estimator`` is given.
    fields : sequence of str
        Fields to read: texts (joined by line breaks) or numbers.
    columns : mapping of str to sequence, each of length n
        At least ``fields``. A missing text (``None``, NaN) is empty; a missing number is imputed.
    soft_labels : SoftLabels
        n rows, in the order of the columns.
    estimator : scikit-learn classifier, optional
        Takes a list of str (``"text"``) or an array of float of shape (n, d) (``"tabular"``). Default:
        ``recipe(kind)``.
    uncovered : {"drop", "keep"} or float in [0, 1]
        Weight of the examples on which no source voted.
    sample_weight : array_like of float, shape (n,), optional
        Multiplies the weight of each example.
    random_state : int, default 0
        Given to every part of the estimator that has a ``random_state`` which is not set. The recipes have no part that
        is random.

    Raises
    ------
    ModelError, DataError
        If the kind, the estimator or a field does not fit.

    Examples
    --------
    >>> soft = SoftLabels([[0.1, 0.9], [0.2, 0.8], [0.9, 0.1], [0.8, 0.2]], classes=["ham", "spam"])
    >>> columns = {"text": ["check out my channel", "my channel", "love this song", None]}
    >>> model = fit_end_model("text", ["text"], columns, soft)
    >>> bool(model.predict_proba({"text": ["subscribe to my channel"]})[0, 1] > 0.5)
    True
    """
    X = read_fields(kind, fields, columns)
    chosen = _seeded(recipe(kind) if estimator is None else estimator, random_state)
    fitted = NoiseAwareClassifier(chosen, uncovered=uncovered).fit(X, soft_labels, sample_weight=sample_weight)
    return EndModel(kind, tuple(fields), soft_labels.classes, fitted)


def _seeded(estimator: Any, random_state: int) -> Any:
    """Return a copy of ``estimator`` in which nothing is left to chance."""
    names = (name for name, value in estimator.get_params().items() if value is None)
    unset = {name: random_state for name in names if name.rpartition("__")[2] == "random_state"}
    return clone(estimator).set_params(**unset)


def read_fields(kind: str, fields: Sequence[str], columns: Mapping[str, Sequence[Any]]) -> Any:
    """Turn columns into what the estimators of ``kind`` take.

    Raises
    ------
    DataError
        If a field is missing, of another kind, or the columns differ in length.
    """
    if isinstance(fields, str) or not fields:
        raise ModelError(f"fields is {fields!r}; name at least one field, in a list.")
    missing = [name for name in fields if name not in columns]
    if missing:
        raise DataError(
            f"the end model reads the field {missing[0]!r}, which is not among {sorted(map(str, columns))}."
        )
    lengths = {name: len(columns[name]) for name in fields}
    if len(set(lengths.values())) > 1:
        raise DataError(f"the fields differ in length: {lengths}.")
    return _find(kind).read(fields, columns)
