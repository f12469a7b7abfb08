"""Examples as a few numbers each, so that distances between them mean something. No labels, no torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from labelwright.augmentation.base import Batch
from labelwright.augmentation.batches import is_dense
from labelwright.core.errors import FunctionError

__all__ = ["Encoder", "Features", "encoder"]

Features: TypeAlias = npt.NDArray[np.float32]
Encoder: TypeAlias = Callable[[Batch], Features]

# Directions kept of an example; what lies outside of them is kept as one number, its length.
_DIRECTIONS = 40
# Longest side of an image, in pixels, after averaging over blocks.
_SIDE = 32
_HASHES = 2**14
# Up to this many columns, exact directions cost less than randomised ones.
_EXACT = 1024


def encoder(examples: Batch, *, encode: Callable[[Batch], Any] | None = None, seed: int = 0) -> Encoder:
    """Fit an encoder on examples: principal directions, and the length of what lies outside of them.

    Parameters
    ----------
    examples : Batch
        Images (n, channels, h, w) become pixels, averaged to at most 32 by 32; series (n, channels, length) and
        vectors (n, d) become standardised columns; texts become hashed words, pairs of words and triples of
        characters; records (mappings of field to value) become standardised numbers and hashed words by field.
    encode : callable, optional
        Does that first step instead: examples -> array (n, d).
    seed : int
        For the randomised decomposition of large inputs.

    Returns
    -------
    callable
        Examples -> float32 array of shape (n, at most 41): places along the principal directions, and in the last
        column the length of what lies outside of them (0 where nothing does).

    Raises
    ------
    FunctionError
        If there is no default for this kind of example, or ``encode`` returned something else than one row each.

    Notes
    -----
    Noise hardly moves an example along the principal directions, since there are few of them: without the length of
    the rest it would look harmless.
    """
    raw = _checked(encode) if encode is not None else _raw(examples)
    first = raw(examples)
    return _compressed(raw, first, seed)


def _checked(encode: Callable[[Batch], Any]) -> Callable[[Batch], Any]:
    def raw(examples: Batch) -> Features:
        found = _array(encode(examples))
        if found.ndim != 2 or len(found) != len(examples) or not np.isfinite(found).all():
            raise FunctionError(
                f"encode returned shape {found.shape} for {len(examples)} examples; it must return one row of finite "
                "numbers for each."
            )
        return found

    return raw


def _array(value: Any) -> Features:
    if hasattr(value, "detach"):  # a torch tensor, which this module must not know
        value = value.detach().cpu()
    return np.asarray(value, dtype=np.float32)


def _raw(examples: Batch) -> Callable[[Batch], Any]:
    if is_dense(examples):
        return _pixels if examples.ndim == 4 else _standardised(examples)
    one = examples[0]
    if isinstance(one, str):
        return _words()
    if isinstance(one, Mapping):
        return _by_field(examples)
    raise FunctionError(
        f"examples of type {type(one).__name__} have no default encoding; hand in encode=, a callable from examples "
        "to an array of shape (n, d)."
    )


def _pixels(images: Batch) -> Features:
    """Average over square blocks until no side is longer than 32."""
    found = _array(images)
    n, channels, h, w = found.shape
    block = -(-max(h, w) // _SIDE)
    if block > 1:
        found = found[:, :, : h // block * block, : w // block * block]
        found = found.reshape(n, channels, h // block, block, w // block, block).mean(axis=(3, 5))
    return found.reshape(n, -1)


def _standardised(examples: Batch) -> Callable[[Batch], Features]:
    flat = _array(examples).reshape(len(examples), -1)
    centre, spread = flat.mean(axis=0), flat.std(axis=0)
    spread = np.where(spread > 0, spread, 1).astype(np.float32)
    return lambda more: (_array(more).reshape(len(more), -1) - centre) / spread


def _words() -> Callable[[Sequence[str]], Any]:
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import HashingVectorizer

    words = HashingVectorizer(n_features=_HASHES, ngram_range=(1, 2), token_pattern=r"\S+")
    pieces = HashingVectorizer(n_features=_HASHES, analyzer="char_wb", ngram_range=(3, 3))
    return lambda texts: hstack([words.transform(texts), pieces.transform(texts)]).tocsr()


def _by_field(records: Sequence[Mapping[str, Any]]) -> Callable[[Batch], Any]:
    from scipy.sparse import csr_matrix, hstack

    fields = list(dict.fromkeys(f for record in records for f in record))
    numbers = [f for f in fields if all(_is_number(r.get(f)) for r in records)]
    words = _words()

    def columns(rows: Sequence[Mapping[str, Any]]) -> Features:
        return np.asarray([[_number(r.get(f)) for f in numbers] for r in rows], dtype=np.float32).reshape(len(rows), -1)

    scaled = _standardised(columns(records)) if numbers else None
    others = [f for f in fields if f not in numbers]

    def raw(rows: Sequence[Mapping[str, Any]]) -> Any:
        # The field is part of every word, so that a value moved to another field is another word.
        said = [" ".join(f"{f}={w}" for f in others for w in str(r.get(f, "")).split()) for r in rows]
        parts = [csr_matrix(scaled(columns(rows)))] if scaled else []
        return hstack([*parts, words(said)] if others else parts).tocsr()

    return raw


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, (int, float, np.number)) and not isinstance(value, bool))


def _number(value: Any) -> float:
    return 0.0 if value is None or value != value else float(value)


def _compressed(raw: Callable[[Batch], Any], first: Any, seed: int) -> Encoder:
    n, width = first.shape
    # A missing mean keeps sparse rows sparse; texts have their length 1 in common instead.
    sparse = not isinstance(first, np.ndarray)
    centre = np.zeros(width, dtype=np.float32) if sparse else first.mean(axis=0)
    exact = width <= _DIRECTIONS and not sparse
    directions = None if exact else _directions(first if sparse else first - centre, min(_DIRECTIONS, n, width), seed)

    def encode(examples: Batch) -> Features:
        rows = raw(examples)
        away = rows if sparse else rows - centre
        if directions is None:
            return np.column_stack([away, np.zeros(len(away))]).astype(np.float32)
        scores = np.asarray(away @ directions, dtype=np.float32)
        squares = away.multiply(away).sum(axis=1).A1 if sparse else np.einsum("ij,ij->i", away, away)
        outside = np.sqrt(np.maximum(squares - np.einsum("ij,ij->i", scores, scores), 0))
        return np.column_stack([scores, outside]).astype(np.float32)

    return encode


def _directions(rows: Any, count: int, seed: int) -> Features:
    if isinstance(rows, np.ndarray) and rows.shape[1] <= _EXACT:
        from scipy.linalg import eigh

        width = rows.shape[1]
        vectors = eigh(rows.T @ rows, subset_by_index=[width - count, width - 1])[1]
        return np.ascontiguousarray(vectors[:, ::-1], dtype=np.float32)
    from sklearn.utils.extmath import randomized_svd

    return np.ascontiguousarray(randomized_svd(rows, count, n_iter=4, random_state=seed)[2].T, dtype=np.float32)
