"""Features for networks: as many numbers for each example, few enough that a network can read them all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import Pipeline
from sklearn.utils.extmath import randomized_svd
from sklearn.utils.validation import check_is_fitted

from .end_model import recipe
from .text_features import TextFeatures

__all__ = ["LatentTextFeatures", "dense_features"]


def dense_features(kind: str, *, random_state: int = 0) -> Pipeline:
    """Return what turns fields of a kind, as `labelwright.endmodels.end_model.read_fields` reads them, into features.

    Parameters
    ----------
    kind : {"text", "tabular"}
        Texts become `LatentTextFeatures`; numbers are imputed and scaled as in `tabular_classifier`.
    random_state : int, default 0

    Returns
    -------
    sklearn.pipeline.Pipeline
        Unfitted; gives float of shape (n, features).

    Examples
    --------
    >>> dense_features("tabular").fit_transform(np.array([[1.0], [3.0], [np.nan]])).shape
    (3, 2)
    """
    if kind == "text":
        return Pipeline([("features", LatentTextFeatures(random_state=random_state))])
    return recipe(kind)[:-1]


class LatentTextFeatures(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is not typed
    """Texts on the directions in which their `TextFeatures` differ most: latent semantic analysis.

    A network that read hundred thousands of terms would learn each by heart from the few texts that hold it. These
    directions, learned from all texts without a label, join terms that stand in the same texts.

    Parameters
    ----------
    width : int, default 256
        Number of directions, at most; there are no more than texts or terms.
    random_state : int, default 0
        Of the randomised singular value decomposition (Halko, Martinsson and Tropp, 2011).

    Attributes
    ----------
    texts_ : TextFeatures
    directions_ : numpy.ndarray of float32, shape (width, terms)
        Scaled by one number for all, such that features have a mean square of 1: the first directions keep more of a
        say than the last.

    Examples
    --------
    >>> texts = ["check out my channel", "my channel", "love this song", "this song"]
    >>> LatentTextFeatures(width=2).fit_transform(texts).shape
    (4, 2)
    """

    def __init__(self, *, width: int = 256, random_state: int = 0) -> None:
        self.width = width
        self.random_state = random_state

    def fit(self, X: Iterable[str], y: Any = None) -> Self:  # noqa: ARG002 - scikit-learn calls it so
        """Learn terms and directions from the texts ``X``; ``y`` is not used."""
        self.texts_ = TextFeatures()
        terms = self.texts_.fit_transform(X)
        width = min(self.width, *terms.shape)
        _, _, directions = randomized_svd(terms, width, random_state=self.random_state)
        latent = terms @ directions.T
        spread = float(np.sqrt(np.mean(latent**2)))
        # Texts without a single known term are all alike, and differ in no direction.
        self.directions_ = (directions / (spread or 1.0)).astype(np.float32)
        return self

    def transform(self, X: Iterable[str]) -> npt.NDArray[np.float64]:
        """Return the features of each text, shape (n, width)."""
        check_is_fitted(self)
        return np.asarray(self.texts_.transform(X) @ self.directions_.T, dtype=np.float64)
