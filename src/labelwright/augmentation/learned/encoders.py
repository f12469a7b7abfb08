"""Examples as numbers for a discriminator: tensors as they are, texts and records as vectors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import torch
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.pipeline import FeatureUnion

from labelwright.augmentation.base import Batch
from labelwright.core.errors import ModelError

__all__ = ["Encoder", "check_encoded", "make_encoder"]

# From a batch of examples to a float tensor whose first axis counts them.
Encoder: TypeAlias = Callable[[Batch], torch.Tensor]

# Enough for what words and spellings say of one another, few enough for a discriminator to learn from thousands.
_TEXT_WIDTH = 128
_TEXT_BUCKETS = 2**16
# Texts from which the axes are found; more move them little.
_TEXT_SAMPLE = 5000


def make_encoder(examples: Batch, encode: Callable[[Batch], Any] | None, rng: np.random.Generator) -> Encoder:
    """Return what turns batches of such examples into float tensors.

    Parameters
    ----------
    examples : Batch
        Originals, on which the axes for texts are found.
    encode : callable, optional
        The user's own: gets a batch, returns an array or tensor of float, n first.
    rng : numpy.random.Generator

    Raises
    ------
    ModelError
        When called: if the numbers are not finite.
    """
    if encode is None and not hasattr(examples, "shape"):
        encode = _text_encoder(examples, rng)

    def encoder(batch: Batch) -> torch.Tensor:
        numbers = batch if encode is None else encode(batch)
        tensor = numbers.detach() if isinstance(numbers, torch.Tensor) else torch.as_tensor(np.asarray(numbers))
        return tensor.to(torch.float32)

    return encoder


def check_encoded(encoded: torch.Tensor, n: int) -> None:
    """Raise `ModelError` unless there are n finite rows."""
    if len(encoded) != n:
        raise ModelError(f"encode returned {len(encoded)} rows for {n} examples; it must return one for each.")
    bad = ~torch.isfinite(encoded).flatten(1).all(dim=1)
    if bad.any():
        raise ModelError(
            f"{int(bad.sum())} of {n} examples hold NaN or infinity, the first at position {int(bad.nonzero()[0])}; "
            "remove or fill them before fitting a policy."
        )


def _text_encoder(examples: Batch, rng: np.random.Generator) -> Callable[[Batch], Any]:
    """Words, and letters in runs of three, hashed and then turned to the axes along which the originals differ most."""
    hashed = FeatureUnion(
        [
            ("words", HashingVectorizer(ngram_range=(1, 2), n_features=_TEXT_BUCKETS)),
            ("letters", HashingVectorizer(analyzer="char_wb", ngram_range=(3, 3), n_features=_TEXT_BUCKETS)),
        ]
    )
    chosen = np.sort(rng.permutation(len(examples))[:_TEXT_SAMPLE])
    counts = hashed.transform([_words(examples[i]) for i in chosen.tolist()])
    width = min(_TEXT_WIDTH, len(chosen) - 1)
    axes = TruncatedSVD(width, random_state=int(rng.integers(2**31))).fit(counts)
    # A product with their transpose would otherwise copy all of them each time, for a handful of texts.
    axes.components_ = np.asfortranarray(axes.components_)
    return lambda batch: axes.transform(hashed.transform([_words(example) for example in batch]))


def _words(example: Any) -> str:
    if isinstance(example, str):
        return example
    if isinstance(example, dict):
        return " ".join(f"{name}: {value}" for name, value in example.items())
    raise ModelError(
        f"an example is a {type(example).__name__}; without encode= a policy learns from tensors, arrays, texts and "
        "records (dict). Pass encode=, which turns a batch into an array of float."
    )
