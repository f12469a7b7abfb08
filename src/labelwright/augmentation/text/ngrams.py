"""Words replaced by others that an n-gram model finds likely between the same neighbours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelwright.augmentation.base import TransformationFunction
from labelwright.core.errors import FunctionError

from .base import TextFunction, checked_words, declared, drawn
from .edits import Edit
from .ngram_model import END, START, UNKNOWN, NgramModel
from .vocabulary import MARKS, with_marks
from .words import Passage, cased_as

__all__ = ["NgramFunction", "replace_by_ngrams"]

Integers = npt.NDArray[np.int64]

# Words that were seen next to a neighbour, the most common of each side: rarer ones are hardly ever drawn.
_CANDIDATES = 100


@dataclass(frozen=True, eq=False, kw_only=True)
class NgramFunction(TextFunction):
    """Replaces words by others that fit between their neighbours; made by `replace_by_ngrams`.

    Parameters
    ----------
    model : NgramModel
    writable : numpy.ndarray of bool, shape (V,)
        Which words of the model may be written.
    classes : dict of str to int, optional
        Which of ``pools`` a word is replaced from.
    pools : tuple of numpy.ndarray of int
        Positions in the vocabulary.
    protect : frozenset of str
        As for `replace_by_ngrams`.
    """

    model: NgramModel
    writable: npt.NDArray[np.bool_]
    classes: dict[str, int] | None = None
    pools: tuple[Integers, ...] = ()

    def edits(self, passage: Passage, magnitude: float, rng: np.random.Generator) -> list[Edit] | None:
        """Return one edit for each word that is drawn and has a replacement."""
        words, at = with_marks(passage.text, passage.spans)
        places = [i for i in passage.free if self._replaceable(words[at[i]])]
        if not places:
            return None
        out = []
        lead = self.model.order - 1
        ids = self.model.ids([*[START] * lead, *words, END])
        for position in drawn(places, magnitude, len(passage.spans), rng):
            new = self._drawn(ids, at[position] + lead, words[at[position]], rng)
            if new is not None:
                # What is written now is what the next word to the right stands beside.
                ids[at[position] + lead] = new
                start, end = passage.spans[position]
                out.append(Edit(start, end, cased_as(self.model.words[new], passage.text[start:end])))
        return out

    def _replaceable(self, word: str) -> bool:
        return word not in MARKS and (self.classes is None or word in self.classes)

    def _drawn(self, ids: list[int], at: int, word: str, rng: np.random.Generator) -> int | None:
        """Draw the word at a place, given all others."""
        if self.classes is None:
            candidates = self.model.candidates(ids[at - 1], ids[at + 1], _CANDIDATES)
            candidates = candidates[self.writable[candidates]]
        else:
            candidates = self.pools[self.classes[word]]
        candidates = candidates[candidates != ids[at]]
        if not len(candidates):
            return None
        sums = np.cumsum(self._likelihoods(ids, at, candidates))
        # Not past the last: the sum may round down.
        return int(candidates[min(np.searchsorted(sums, rng.random() * sums[-1], side="right"), len(sums) - 1)])

    def _likelihoods(self, ids: list[int], at: int, candidates: Integers) -> npt.NDArray[np.float64]:
        """Return the product of the probabilities in which a word takes part, for each candidate."""
        n = self.model.order
        terms = range(at, min(at + n, len(ids)))
        windows = np.repeat(np.array([ids[last - n + 1 : last + 1] for last in terms]), len(candidates), axis=0)
        for i in range(len(terms)):
            windows[i * len(candidates) : (i + 1) * len(candidates), n - 1 - i] = candidates
        terms_of_each = self.model.probabilities(windows).reshape(len(terms), -1)
        return np.asarray(terms_of_each.prod(axis=0))


def replace_by_ngrams(
    model: NgramModel,
    *,
    classes: Iterable[Iterable[str]] | None = None,
    high: float = 0.2,
    protect: Iterable[str] = (),
    field: str | None = None,
    name: str = "replace_by_ngrams",
) -> TransformationFunction:
    """Replace words by others, drawn from an n-gram model given the words on both sides.

    Keeps the number and order of words, punctuation, white space, numbers, addresses, and the case of what is
    replaced. Whether it keeps the class is not sure: the model knows what is usual in the texts, not what it means. So
    give ``classes`` where you can, protect words that decide, and look at what comes out.

    Parameters
    ----------
    model : NgramModel
        Learned from unlabelled texts of the same kind: ``NgramModel.fit(texts)``.
    classes : iterable of iterables of str, optional
        Words that may stand for each other: verbs of one meaning, names of products, words of one part of speech. Each
        word is then replaced by one of its own class; words of no class stay. Default: every word may be replaced, by
        words that were seen next to its left or its right neighbour.
    high : float, default 0.2
        Largest magnitude: the share of words replaced.
    protect : iterable of str
        Words that are neither replaced nor written.
    field : str, optional
        The field that holds the text, in data of named fields.
    name : str, default "replace_by_ngrams"

    Returns
    -------
    TransformationFunction
        Gives ``None`` where the text has no word that may be replaced.

    Raises
    ------
    FunctionError
        If ``model`` is no `NgramModel`, or no class has two words that the model knows.

    Notes
    -----
    A word is drawn with probability proportional to the product of all model terms in which it takes part: for order
    3, ``P(w | l2 l1) P(r1 | l1 w) P(r2 | w r1)``, which is its distribution given the rest of the text. Ratner et al.
    2017, "Learning to compose domain-specific transformations for data augmentation", section 5, did the same with
    classes by part of speech.

    Examples
    --------
    >>> model = NgramModel.fit(["i love this song", "i love this video", "i like this song"], min_count=1)
    >>> swap = replace_by_ngrams(model, classes=[["love", "like"], ["song", "video"]], high=1.0)
    >>> swap("I LOVE this song!!", magnitude=1.0, rng=np.random.default_rng(0))
    'I LIKE this video!!'
    """
    if not isinstance(model, NgramModel):
        raise FunctionError(f"{name}: model is a {type(model).__name__}; pass NgramModel.fit(texts).")
    kept = checked_words(protect, name)
    special = {START, END, UNKNOWN, *MARKS}
    writable = np.array([word not in special and word not in kept for word in model.words])
    pooled: tuple[dict[str, int] | None, tuple[Integers, ...]] = (None, ())
    if classes is not None:
        pooled = _pools([checked_words(one, name, "a class") for one in classes], model, writable)
        if not any(len(pool) > 1 for pool in pooled[1]):
            raise FunctionError(f"{name}: no class has two words that the model knows and may write.")
    function = NgramFunction(model=model, writable=writable, classes=pooled[0], pools=pooled[1], protect=kept)
    return declared(function, name, high=high, unit="share of words", field=field)


def _pools(
    classes: Sequence[frozenset[str]], model: NgramModel, writable: npt.NDArray[np.bool_]
) -> tuple[dict[str, int], tuple[Integers, ...]]:
    """Return the pool that each word is replaced from, and the pools; a word of several classes has its own."""
    numbers = {word: i for i, word in enumerate(model.words) if writable[i]}
    members: dict[str, tuple[int, ...]] = {}
    for i, words in enumerate(classes):
        for word in sorted(words):
            members[word] = (*members.get(word, ()), i)
    keys = sorted(set(members.values()))
    pools = tuple(
        np.array(sorted({numbers[w] for i in key for w in classes[i] if w in numbers}), dtype=np.int64) for key in keys
    )
    return {word: keys.index(key) for word, key in members.items()}, pools
