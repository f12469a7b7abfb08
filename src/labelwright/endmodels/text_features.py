"""Texts to sparse features: TF-IDF of words and of character n-grams, with a state that is small on disk."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.utils.validation import check_is_fitted

__all__ = ["TextFeatures"]

# One analyser for what is said (words, word pairs), one that survives spelling, inflection and glued-on symbols.
_ANALYSERS = {"word": (1, 2), "char_wb": (3, 5)}
# Bounds the vocabulary of each analyser, and so the model file, whatever the number of texts.
_MAX_TERMS = 2**17


class TextFeatures(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is not typed
    """TF-IDF of words and word pairs beside TF-IDF of character 3- to 5-grams within words.

    A text of which a word and a character n-gram are known becomes a sparse row of squared length 2: each analyser's
    half is scaled to unit length. Terms that stand in one training text only are left out where there are at least 20
    texts: nothing can be learnt from them that carries over.

    Attributes
    ----------
    vectorizers_ : tuple of TfidfVectorizer
        The fitted analysers, words first.

    Notes
    -----
    Pickling and skops store the vocabulary as one string instead of a dict with a node per term; that makes a saved
    model some 30 times smaller and its loading instant.

    Examples
    --------
    >>> TextFeatures().fit(["check out my channel", "love this song"]).transform(["my song"]).shape[0]
    1
    """

    def fit(self, X: Iterable[str], y: Any = None) -> TextFeatures:  # noqa: ARG002 - scikit-learn calls it so
        """Learn vocabulary and document frequencies from the texts ``X``; ``y`` is not used."""
        self.fit_transform(X)
        return self

    def fit_transform(self, X: Iterable[str], y: Any = None) -> sp.csr_matrix[np.float64]:  # noqa: ARG002 - scikit-learn calls it so
        """Fit, and return the features of the texts ``X``; they are read once, in half the time of doing both."""
        texts = list(X)
        fitted = [_fitted(analyser, texts) for analyser in _ANALYSERS]
        self.vectorizers_ = tuple(vectorizer for vectorizer, _ in fitted)
        return _beside([features for _, features in fitted])

    def transform(self, X: Iterable[str]) -> sp.csr_matrix[np.float64]:
        """Return the features of each text, shape (n, number of terms)."""
        check_is_fitted(self)
        texts = list(X)
        return _beside([v.transform(texts) for v in self.vectorizers_])

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[Any]:  # noqa: ARG002 - scikit-learn calls it so
        """Return the names of the features: ``word: ...`` or ``chars: ...``."""
        check_is_fitted(self)
        words, chars = (v.get_feature_names_out() for v in self.vectorizers_)
        return np.array([*(f"word: {t}" for t in words), *(f"chars: {t}" for t in chars)], dtype=object)

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = dict(super().__getstate__())
        if "vectorizers_" in state:
            fitted = state.pop("vectorizers_")
            # No analyser can yield a term with a line break: both split at white space.
            state["terms"] = ["\n".join(v.get_feature_names_out()) for v in fitted]
            state["idf"] = [np.asarray(v.idf_) for v in fitted]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        terms, idf = state.pop("terms", None), state.pop("idf", None)
        super().__setstate__(state)
        if terms is not None:
            stored = zip(_ANALYSERS, terms, idf, strict=True)
            self.vectorizers_ = tuple(_restored(analyser, t.split("\n"), weights) for analyser, t, weights in stored)


def _fitted(analyser: str, texts: list[str]) -> tuple[TfidfVectorizer, Any]:
    """Return a fitted analyser, and its features of ``texts``."""
    vectorizer = TfidfVectorizer(
        analyzer=analyser,
        ngram_range=_ANALYSERS[analyser],
        sublinear_tf=True,
        min_df=2 if len(texts) >= 20 else 1,
        max_features=_MAX_TERMS,
    )
    try:
        features = vectorizer.fit_transform(texts)
    except ValueError:
        # Not one term to learn (all texts empty, or no two alike): one that never occurs keeps the shape of the model.
        vectorizer = _restored(analyser, [" "], np.ones(1))
        features = vectorizer.transform(texts)
    return vectorizer, features


def _beside(blocks: list[Any]) -> sp.csr_matrix[np.float64]:
    return cast("sp.csr_matrix[np.float64]", sp.hstack(blocks, format="csr"))


def _restored(analyser: str, terms: list[str], idf: npt.NDArray[np.float64]) -> TfidfVectorizer:
    vectorizer = TfidfVectorizer(
        analyzer=analyser, ngram_range=_ANALYSERS[analyser], sublinear_tf=True, vocabulary=terms
    )
    vectorizer.idf_ = idf
    return vectorizer
