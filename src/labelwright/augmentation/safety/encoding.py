"""Examples as a few numbers each, so that distances between them mean something. No labels, no torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from labelwright.augmentation.base import Batch
from labelwright.augmentation.batches import is_dense
from labelwright.core.errors import FunctionError

__all__ = ["Columns", "Directions", "Features", "Rows", "columns_of"]

Features: TypeAlias = npt.NDArray[np.float32]
# Rows of an array, or of a sparse matrix where examples have words.
Rows: TypeAlias = Any

# Directions kept of an example; what lies outside of them is kept as one number, its length.
_DIRECTIONS = 40
# Longest side of an image, in pixels, after averaging over blocks.
_SIDE = 32
_HASHES = 2**14
# Up to this many columns, exact directions cost less than randomised ones.
_EXACT = 1024


@dataclass(frozen=True, slots=True)
class Columns:
    """How examples become rows of numbers, each by itself.

    Parameters
    ----------
    read : callable
        Examples -> rows.
    scaled : int
        How many of the first columns have units of their own, and have to be standardised.
    """

    read: Callable[[Batch], Rows]
    scaled: int


def columns_of(examples: Batch, *, encode: Callable[[Batch], Any] | None = None) -> Columns:
    """Return how to read examples of this kind.

    Parameters
    ----------
    examples : Batch
        Images (n, channels, h, w) become pixels, averaged to at most 32 by 32; series (n, channels, length) and
        vectors (n, d) stay columns; texts become hashed words, pairs of words and triples of characters; records
        (mappings of field to value) become numbers and hashed words by field.
    encode : callable, optional
        Reads them instead: examples -> array (n, d).

    Raises
    ------
    FunctionError
        If there is no default for this kind of example, or ``encode`` returned something else than one row each.
    """
    if encode is not None:
        return Columns(_checked(encode), 0)
    if is_dense(examples):
        if examples.ndim == 4:
            return Columns(_pixels, 0)
        return Columns(_flat, int(np.prod(examples.shape[1:])))
    if isinstance(examples[0], str):
        return Columns(_words(), 0)
    if isinstance(examples[0], Mapping):
        return _by_field(examples)
    raise FunctionError(
        f"examples of type {type(examples[0]).__name__} have no default encoding; hand in encode=, a callable from "
        "examples to an array of shape (n, d)."
    )


def _checked(encode: Callable[[Batch], Any]) -> Callable[[Batch], Features]:
    def read(examples: Batch) -> Features:
        found = _array(encode(examples))
        if found.ndim != 2 or len(found) != len(examples) or not np.isfinite(found).all():
            raise FunctionError(
                f"encode returned shape {found.shape} for {len(examples)} examples; it must return one row of finite "
                "numbers for each."
            )
        return found

    return read


def _array(value: Any) -> Features:
    if hasattr(value, "detach"):  # a torch tensor, which this module must not know
        value = value.detach().cpu()
    return np.asarray(value, dtype=np.float32)


def _flat(examples: Batch) -> Features:
    return _array(examples).reshape(len(examples), -1)


def _pixels(images: Batch) -> Features:
    """Average over square blocks until no side is longer than 32."""
    found = _array(images)
    n, channels, h, w = found.shape
    block = -(-max(h, w) // _SIDE)
    if block > 1:
        found = found[:, :, : h // block * block, : w // block * block]
        found = found.reshape(n, channels, h // block, block, w // block, block).mean(axis=(3, 5))
    return found.reshape(n, -1)


def _words() -> Callable[[Sequence[str]], Rows]:
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import HashingVectorizer

    words = HashingVectorizer(n_features=_HASHES, ngram_range=(1, 2), token_pattern=r"\S+", dtype=np.float32)
    pieces = HashingVectorizer(n_features=_HASHES, analyzer="char_wb", ngram_range=(3, 3), dtype=np.float32)
    return lambda texts: hstack([words.transform(texts), pieces.transform(texts)]).tocsr()


def _by_field(records: Sequence[Mapping[str, Any]]) -> Columns:
    from scipy.sparse import csr_matrix, hstack

    fields = list(dict.fromkeys(f for record in records for f in record))
    numbers = [f for f in fields if all(_is_number(r.get(f)) for r in records)]
    others = [f for f in fields if f not in numbers]
    words = _words()

    def read(rows: Sequence[Mapping[str, Any]]) -> Rows:
        known = np.asarray([[_number(r.get(f)) for f in numbers] for r in rows], dtype=np.float32)
        if not others:
            return known
        # The field is part of every word, so that a value moved to another field is another word.
        said = [" ".join(f"{f}={w}" for f in others for w in str(r.get(f, "")).split()) for r in rows]
        return hstack([csr_matrix(known.reshape(len(rows), len(numbers))), words(said)]).tocsr()

    return Columns(read, len(numbers))


def _is_number(value: Any) -> bool:
    return value is None or isinstance(value, (int, float, np.number))


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)


class Directions:
    """Where rows lie along the principal directions of some originals, and the length of what lies outside of them.

    Parameters
    ----------
    rows : array or sparse matrix, shape (r, width)
        Originals that the directions are fitted to.
    scaled : int
        How many of the first columns are standardised; in these, NaN counts as the mean.
    seed : int
        For the randomised decomposition of wide rows.

    Notes
    -----
    Noise hardly moves an example along the principal directions, since there are few of them: without the length of
    the rest it would look harmless.
    """

    def __init__(self, rows: Rows, scaled: int, seed: int) -> None:
        known = rows[:, :scaled] if isinstance(rows, np.ndarray) else rows[:, :scaled].toarray()
        count = np.maximum(np.isfinite(known).sum(axis=0), 1)
        self._centre = np.nan_to_num(known).sum(axis=0) / count
        spread = np.sqrt((np.nan_to_num(known - self._centre) ** 2).sum(axis=0) / count)
        self._spread = np.where(spread > 0, spread, 1).astype(np.float32)
        self._scaled = scaled
        # A missing mean keeps sparse rows sparse; texts have their length in common instead.
        self._mean: Features | None = None
        first = self._standardised(rows)
        self._mean = first.mean(axis=0) if isinstance(first, np.ndarray) else None
        n, width = first.shape
        exact = width <= _DIRECTIONS and self._mean is not None
        away = first if self._mean is None else first - self._mean
        self._directions = None if exact else _directions(away, min(_DIRECTIONS, n, width), seed)

    def __call__(self, rows: Rows) -> Features:
        """Return float32 of shape (n, at most 41); the last column is the length of the rest, 0 where there is none."""
        away = self._standardised(rows)
        if self._mean is not None:
            away = away - self._mean
        if self._directions is None:
            return np.column_stack([away, np.zeros(len(away))]).astype(np.float32)
        scores = np.asarray(away @ self._directions, dtype=np.float32)
        dense = isinstance(away, np.ndarray)
        squares = np.einsum("ij,ij->i", away, away) if dense else away.multiply(away).sum(axis=1).A1
        outside = np.sqrt(np.maximum(squares - np.einsum("ij,ij->i", scores, scores), 0))
        return np.column_stack([scores, outside]).astype(np.float32)

    def _standardised(self, rows: Rows) -> Rows:
        if not self._scaled:
            return rows
        if isinstance(rows, np.ndarray):
            known = self._known(rows[:, : self._scaled])
            return known if self._scaled == rows.shape[1] else np.column_stack([known, rows[:, self._scaled :]])
        from scipy.sparse import csr_matrix, hstack

        known = self._known(rows[:, : self._scaled].toarray())
        return hstack([csr_matrix(known), rows[:, self._scaled :]]).tocsr()

    def _known(self, rows: Features) -> Features:
        # What is missing counts as the mean: any number in its place would lie far from some columns.
        return np.asarray(np.nan_to_num((rows - self._centre) / self._spread), dtype=np.float32)


def _directions(rows: Rows, count: int, seed: int) -> Features:
    if isinstance(rows, np.ndarray) and rows.shape[1] <= _EXACT:
        from scipy.linalg import eigh

        width = rows.shape[1]
        vectors = eigh(rows.T @ rows, subset_by_index=[width - count, width - 1])[1]
        return np.ascontiguousarray(vectors[:, ::-1], dtype=np.float32)
    from sklearn.utils.extmath import randomized_svd

    return np.ascontiguousarray(randomized_svd(rows, count, n_iter=4, random_state=seed)[2].T, dtype=np.float32)
