"""A small n-gram language model with interpolated Kneser-Ney smoothing, in sorted arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.core.errors import ModelError

from .vocabulary import MARKS, common_words, numbered, standard

__all__ = ["END", "START", "UNKNOWN", "NgramModel"]

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

START, END, UNKNOWN = "<s>", "</s>", "<unknown>"


class NgramModel:
    """What words follow which: an interpolated Kneser-Ney model of a user's own texts, made by `fit`.

    Learns from unlabelled texts. Words are compared without case; all numbers are one word and so are all addresses,
    ends of sentences and commas.

    Parameters
    ----------
    words : sequence of str
        The vocabulary; the first three are the start and the end of a text and the unknown word.
    tables : sequence of (keys, counts)
        For each order 1..N, the n-grams as ``(position of its first n-1 words in the table before) * V + last word``,
        sorted, and what they count: occurrences for the highest order and after the start of a text, else how many
        different words stand before (Kneser & Ney 1995).

    Notes
    -----
    ``P(w | c) = (max(count(c w) - D, 0) + D types(c) P(w | shorter c)) / count(c)``, where ``D = n1 / (n1 + 2 n2)`` is
    worked out for each order from the n-grams counted once and twice (Ney, Essen & Kneser 1994, eq. 12); the lowest
    order is mixed with the uniform distribution. Fitting sorts the n-grams; a probability costs a few binary searches.

    Kneser & Ney 1995, "Improved backing-off for m-gram language modeling"; Chen & Goodman 1999, "An empirical study of
    smoothing techniques for language modeling", section 2.7, for the interpolated form.

    Examples
    --------
    >>> model = NgramModel.fit(["a cat sat", "a dog sat", "a cat ran"], order=2, min_count=1)
    >>> model.probability("cat", after=["a"]) > model.probability("dog", after=["a"])
    True
    """

    def __init__(self, words: Sequence[str], tables: Sequence[tuple[Integers, Integers]]) -> None:
        self.words = tuple(words)
        self.order = len(tables)
        self._place = {word: i for i, word in enumerate(self.words)}
        self._raw = [(np.asarray(keys), np.asarray(counts)) for keys, counts in tables]
        contexts = [1, *(len(keys) for keys, _ in self._raw)]
        self._tables = [
            _Table(*table, contexts=size, v=len(self.words)) for table, size in zip(self._raw, contexts, strict=False)
        ]
        keys, counts = self._raw[1]
        first, last = self._raw[0][0][keys // len(self.words)], keys % len(self.words)
        self._after = _Beside(first, last, counts, len(self.words))
        self._before = _Beside(last, first, counts, len(self.words))

    @classmethod
    def fit(cls, texts: Iterable[str], *, order: int = 3, min_count: int = 2) -> NgramModel:
        """Learn a model from unlabelled texts.

        Parameters
        ----------
        texts : iterable of str
            Missing texts (``None``, empty) are passed over.
        order : int, default 3
            Words in the longest n-gram, 2 to 5.
        min_count : int, default 2
            Rarer words are one unknown word, which is never written.

        Raises
        ------
        ModelError
            If the order is not 2 to 5, or no word occurs ``min_count`` times.
        """
        if not 2 <= order <= 5:
            raise ModelError(f"order is {order!r}; it must lie between 2 and 5.")
        rows, kept = common_words(texts, min_count)
        if MARKS.issuperset(kept):
            raise ModelError(f"no word occurs {min_count} times in {len(rows)} texts; there is nothing to learn from.")
        words = [START, END, UNKNOWN, *kept]
        flat = numbered([[START, *row, END] for row in rows], words, words.index(UNKNOWN))
        lengths = np.array([len(row) + 2 for row in rows])
        # Words left in the text from each place on, itself included.
        room = np.repeat(np.cumsum(lengths), lengths) - np.arange(len(flat))
        return cls(words, _counted(flat, room, order, len(words)))

    def ids(self, words: Iterable[str]) -> list[int]:
        """Return the positions of words in the vocabulary, the unknown word's for those that are not there."""
        unknown = self._place[UNKNOWN]
        return [self._place[w] if w in self._place else self._place.get(standard(w), unknown) for w in words]

    def probability(self, word: str, *, after: Sequence[str] = ()) -> float:
        """Return the probability of a word after others, the nearest last; ``"<s>"`` is the start of a text."""
        return float(self.probabilities(np.array([self.ids([*after, word])[-self.order :]]))[0])

    def probabilities(self, ngrams: Integers) -> Floats:
        """Return the probability of the last word of each n-gram after the others.

        Parameters
        ----------
        ngrams : numpy.ndarray of int, shape (c, n)
            Positions of words in the vocabulary, 1 <= n <= order.

        Returns
        -------
        numpy.ndarray, shape (c,)
        """
        n = ngrams.shape[1]
        # A context that was not seen adds nothing, so n-grams may be filled up on the left with starts of a text.
        # The start is never predicted, so it has no share in the uniform distribution.
        p = np.where(ngrams[:, -1] == self._place[START], 0.0, 1 / (len(self.words) - 1))
        for length in range(1, n + 1):
            rows = np.zeros(len(ngrams), dtype=np.int64)
            for depth, column in enumerate(range(n - length, n - 1)):
                rows = self._tables[depth].find(rows, ngrams[:, column])
            p = self._tables[length - 1].interpolated(rows, ngrams[:, -1], p)
        return p

    def candidates(self, left: int, right: int, most: int) -> Integers:
        """Return words seen right after ``left`` or right before ``right``: the ``most`` common ones of each."""
        found = np.concatenate([self._after.most_common(left, most), self._before.most_common(right, most)])
        return np.unique(found[found > self._place[UNKNOWN]])

    def __version_parts__(self) -> Mapping[str, Any]:
        """What a version is made of: the vocabulary and the counts."""
        return {"words": self.words, "tables": [list(table) for table in self._raw]}

    def __repr__(self) -> str:
        return f"NgramModel(order={self.order}, words={len(self.words) - 3:,})"


class _Table:
    """The n-grams of one order, ready for looking up; -1 stands for a context that was not seen."""

    def __init__(self, keys: Integers, counts: Integers, *, contexts: int, v: int) -> None:
        once, twice = int((counts == 1).sum()), int((counts == 2).sum())
        # Where nothing occurs once, or nothing twice, the estimate is 0 or 1: nothing to share, or all of it.
        discount = once / (once + 2 * twice) if once and twice else 0.5
        context = keys // v
        total = np.bincount(context, weights=counts, minlength=contexts)
        types = np.bincount(context, weights=counts > 0, minlength=contexts)
        seen = total > 0
        # One more at the end: what a search runs into past the last key, and what index -1 means.
        self._shorter = np.append(np.divide(discount * types, total, out=np.ones(contexts), where=seen), 1.0)
        mass = np.maximum(counts - discount, 0) / np.maximum(total, 1)[context]
        self._keys, self._mass = np.append(keys, np.iinfo(np.int64).max), np.append(mass, 0.0)
        self._v = v

    def find(self, rows: Integers, words: Integers) -> Integers:
        """Return the rows of contexts made longer by a word; -1 where they were not seen."""
        keys = rows * self._v + words
        at = self._keys.searchsorted(keys)
        return np.where(self._keys[at] == keys, at, -1)

    def interpolated(self, rows: Integers, words: Integers, shorter: Floats) -> Floats:
        """Return the probabilities of words in contexts, given those in contexts shorter by one word."""
        keys = rows * self._v + words
        at = self._keys.searchsorted(keys)
        return np.asarray(self._mass[at] * (self._keys[at] == keys) + self._shorter[rows] * shorter)


class _Beside:
    """The words that stand on one side of each word, the most common first."""

    def __init__(self, words: Integers, others: Integers, counts: Integers, v: int) -> None:
        order = np.lexsort((-counts, words))
        self._others = others[order]
        self._starts = np.searchsorted(words[order], np.arange(v + 1))

    def most_common(self, word: int, most: int) -> Integers:
        start, end = self._starts[word], self._starts[word + 1]
        return self._others[start : min(end, start + most)]


def _counted(flat: Integers, room: Integers, order: int, v: int) -> list[tuple[Integers, Integers]]:
    """Return keys and counts of the n-grams of each order, in texts one after the other."""
    tables: list[tuple[Integers, Integers]] = []
    prefix = np.zeros(len(flat), dtype=np.int64)  # row of the n-1 words from each place on
    for n in range(1, order + 1):
        places = np.flatnonzero(room >= n)
        keys, inverse, counts = np.unique(
            prefix[places] * v + flat[places + n - 1], return_inverse=True, return_counts=True
        )
        rows = np.full(len(flat), -1, dtype=np.int64)
        rows[places] = inverse
        if n > 1:
            tables[-1] = (tables[-1][0], _continuations(tables[-1], prefix, places, inverse, flat))
        tables.append((keys, counts))
        prefix = rows
    return tables


def _continuations(
    table: tuple[Integers, Integers], rows: Integers, places: Integers, inverse: Integers, flat: Integers
) -> Integers:
    """Return how many different words stand before each n-gram; how often it occurs, where it starts a text."""
    keys, counts = table
    starts = np.zeros(len(keys), dtype=bool)
    starts[rows[(flat == 0) & (rows >= 0)]] = True  # START is word 0
    _, first = np.unique(inverse, return_index=True)
    before = np.bincount(rows[places[first] + 1], minlength=len(keys))
    # The start of a text alone (key 0) is never predicted.
    return np.where(starts, np.where(keys == 0, 0, counts), before)
