"""Word vectors: a user's own, or learned from a user's texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse
from threadpoolctl import threadpool_limits

from labelwright.core.errors import ModelError
from labelwright.core.seeds import Seed, generator

from .vocabulary import MARKS, common_words, numbered
from .words import folded

__all__ = ["Embeddings", "train_embeddings"]

Floats = npt.NDArray[np.float64]

# Levy, Goldberg & Dagan 2015, section 5: contexts counted to the power 3/4, and singular values to the power 1/2.
_SMOOTHING = 0.75
_SPECTRUM = 0.5
# Directions tried beyond those asked for, and passes over the table: the values found are then within a percent.
_OVERSAMPLING = 20
_PASSES = 6


class Embeddings:
    """Words and their vectors, compared by the cosine of the angle between them.

    Parameters
    ----------
    words : sequence of str
        Compared without case; where two are the same then, the first counts.
    vectors : array_like, shape (V, d)
        Finite numbers.

    Raises
    ------
    ModelError
        If shapes do not fit, or a vector is not finite.

    Examples
    --------
    >>> made = Embeddings(["song", "tune", "car"], [[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]])
    >>> made.neighbours("Song", count=1, least=0.5)
    (('tune', 0.99...),)
    """

    def __init__(self, words: Sequence[str], vectors: npt.ArrayLike) -> None:
        array = np.array(vectors, dtype=np.float32)
        if array.ndim != 2 or len(array) != len(words):
            raise ModelError(
                f"there are {len(words)} words, but vectors of shape {array.shape}; it must be (words, d)."
            )
        if not np.isfinite(array).all():
            raise ModelError(f"the vector of {words[int(np.argwhere(~np.isfinite(array))[0][0])]!r} is not finite.")
        place: dict[str, int] = {}
        for i, word in enumerate(words):
            place.setdefault(folded(word), i)
        lengths = np.linalg.norm(array, axis=1, keepdims=True)
        self.words = tuple(place)
        self.vectors = (array / np.where(lengths > 0, lengths, 1))[list(place.values())]
        self._place = {word: i for i, word in enumerate(place)}
        self._found: dict[tuple[str, int, float], tuple[tuple[str, float], ...]] = {}

    def __contains__(self, word: str) -> bool:
        return folded(word) in self._place

    def neighbours(self, word: str, *, count: int = 10, least: float = 0.0) -> tuple[tuple[str, float], ...]:
        """Return the words nearest to another, nearest first, with their cosines; those under ``least`` are left out.

        What was asked once is kept.
        """
        key = folded(word), count, least
        if key not in self._found:
            self._found[key] = self._nearest(*key)
        return self._found[key]

    def _nearest(self, word: str, count: int, least: float) -> tuple[tuple[str, float], ...]:
        place = self._place.get(word)
        if place is None:
            return ()
        cosines = self.vectors @ self.vectors[place]
        cosines[place] = -np.inf
        near = np.argsort(-cosines, kind="stable")[:count].tolist()
        return tuple((self.words[i], float(cosines[i])) for i in near if cosines[i] >= least and i != place)

    def __version_parts__(self) -> Mapping[str, Any]:
        """What a version is made of: words and vectors."""
        return {"words": self.words, "vectors": self.vectors}

    def __repr__(self) -> str:
        return f"Embeddings(words={len(self.words):,}, dimensions={self.vectors.shape[1]})"


def train_embeddings(
    texts: Iterable[str], *, dimensions: int = 100, window: int = 2, min_count: int = 5, random_state: Seed = 0
) -> Embeddings:
    """Learn word vectors from unlabelled texts: which words stand in the same places.

    Parameters
    ----------
    texts : iterable of str
        Missing texts (``None``, empty) are passed over. A few thousand short texts give rough vectors.
    dimensions : int, default 100
        At most one less than the words that are kept.
    window : int, default 2
        How many places to each side count. A word in one place and in another are different company, so near vectors
        mean words that may stand for each other rather than words of one topic; opposites are among them.
    min_count : int, default 5
        Rarer words are left out.
    random_state : int, Generator or None
        Of the random projection behind the decomposition; it decides the last digits only.

    Returns
    -------
    Embeddings
        Numbers and addresses are not among its words.

    Raises
    ------
    ModelError
        If fewer than three words occur ``min_count`` times, or none of them stand together.

    Notes
    -----
    Positive pointwise mutual information of words and the places around them, factored by a truncated singular value
    decomposition: what skip-gram with negative sampling does implicitly. Levy & Goldberg 2014, "Neural word embedding
    as implicit matrix factorization"; places as company as in Levy & Goldberg 2014, "Linguistic regularities in sparse
    and explicit word representations"; smoothing and the power of the singular values as in Levy, Goldberg & Dagan
    2015, "Improving distributional similarity with lessons learned from word embeddings".

    Examples
    --------
    >>> texts = ["the red car is fast", "the blue car is fast", "the red bus is slow", "the blue bus is slow"] * 5
    >>> made = train_embeddings(texts, dimensions=3)
    >>> made.neighbours("red", count=1)[0][0]
    'blue'
    """
    rows, words = common_words(texts, min_count)
    if len(words) < 3:
        raise ModelError(f"{len(words)} words occur {min_count} times or more; at least 3 are needed.")
    information = _positive_information(_co_occurrences(rows, words, window))
    if not information.nnz:
        raise ModelError("no two words stand together more often than by chance; more texts are needed.")
    # On several threads the matrices here are too small to gain, and on a busy machine they take ten times as long.
    with threadpool_limits(limits=1, user_api="blas"):
        left, values = _largest(information, min(dimensions, len(words) - 1), generator(random_state))
    vectors = left * values**_SPECTRUM
    # The sign of a singular vector means nothing; this one is the same on every platform.
    vectors *= np.where(vectors[np.abs(vectors).argmax(axis=0), np.arange(vectors.shape[1])] < 0, -1, 1)
    kept = [i for i, word in enumerate(words) if word not in MARKS]
    return Embeddings([words[i] for i in kept], vectors[kept])


def _co_occurrences(rows: list[list[str]], words: list[str], window: int) -> sparse.csr_array:
    """Return how often each word has each other one at each place around it, shape (V, 2 window V)."""
    flat = numbered(rows, words, -1)
    text = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
    v = len(words)
    blocks = []
    for distance in range(1, window + 1):
        left, right = flat[:-distance], flat[distance:]
        together = (text[:-distance] == text[distance:]) & (left >= 0) & (right >= 0)
        ones = np.ones(int(together.sum()))
        after = sparse.coo_array((ones, (left[together], right[together])), shape=(v, v)).tocsr()
        blocks += [after, after.T]
    counts: sparse.csr_array = sparse.hstack(blocks, format="csr")
    return counts


def _positive_information(counts: sparse.csr_array) -> sparse.csr_array:
    """Return ``max(0, log P(w, c) / (P(w) P(c)))`` of words and what is around them."""
    word = np.asarray(counts.sum(axis=1)).ravel()
    context = np.asarray(counts.sum(axis=0)).ravel() ** _SMOOTHING
    table = counts.tocoo()
    row, column = table.coords
    information = np.log(table.data * context.sum() / (word[row] * context[column]))
    keep = information > 0
    return sparse.coo_array((information[keep], (row[keep], column[keep])), shape=counts.shape).tocsr()


def _largest(table: sparse.csr_array, count: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return the left singular vectors with the largest singular values, shape (V, count), and the values.

    Halko, Martinsson & Tropp 2011, "Finding structure with randomness", algorithms 4.4 and 5.1.
    """
    size = min(count + _OVERSAMPLING, *table.shape)
    basis, _ = np.linalg.qr(table @ rng.standard_normal((table.shape[1], size)))
    for _ in range(_PASSES):
        basis, _ = np.linalg.qr(table.T @ basis)
        basis, _ = np.linalg.qr(table @ basis)
    left, values, _ = np.linalg.svd((table.T @ basis).T, full_matrices=False)
    return (basis @ left)[:, :count], values[:count]
