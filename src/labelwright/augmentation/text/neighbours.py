"""Words replaced by those with the nearest vectors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from labelwright.augmentation.base import TransformationFunction
from labelwright.core.errors import FunctionError

from .base import TextFunction, checked_words, declared, drawn
from .edits import Edit
from .embeddings import Embeddings
from .words import Passage, cased_as, folded

__all__ = ["NeighbourFunction", "replace_by_neighbours"]


@dataclass(frozen=True, eq=False, kw_only=True)
class NeighbourFunction(TextFunction):
    """Replaces words by those with the nearest vectors; made by `replace_by_neighbours`.

    Parameters
    ----------
    embeddings : Embeddings
    count : int
    least : float
    protect : frozenset of str
        As for `replace_by_neighbours`.
    """

    embeddings: Embeddings
    count: int
    least: float

    def edits(self, passage: Passage, magnitude: float, rng: np.random.Generator) -> list[Edit] | None:
        """Return one edit for each word that is drawn."""
        words = ["", *(folded(passage.word(i)) for i in range(len(passage.spans))), ""]
        # Nothing is written beside itself.
        choices = {
            i: [w for w in self._choices(words[i + 1]) if w not in (words[i], words[i + 2])] for i in passage.free
        }
        places = [i for i, others in choices.items() if others]
        if not places:
            return None
        out = []
        for position in drawn(places, magnitude, len(passage.spans), rng):
            start, end = passage.spans[position]
            new = choices[position][int(rng.integers(len(choices[position])))]
            out.append(Edit(start, end, cased_as(new, passage.text[start:end])))
        return out

    def _choices(self, word: str) -> list[str]:
        near = self.embeddings.neighbours(word, count=self.count, least=self.least)
        return [other for other, _ in near if other not in self.protect]


def replace_by_neighbours(
    embeddings: Embeddings,
    *,
    count: int = 5,
    least: float = 0.5,
    high: float = 0.2,
    protect: Iterable[str] = (),
    field: str | None = None,
    name: str = "replace_by_neighbours",
) -> TransformationFunction:
    """Replace words by words that keep the same company.

    Keeps the number and order of words, punctuation, white space, and the case of what is replaced. Whether it keeps
    the class is not sure: opposites ("love", "hate") keep the same company, so protect words that decide.

    Parameters
    ----------
    embeddings : Embeddings
        ``train_embeddings(texts)``, or ``Embeddings(words, vectors)`` of your own.
    count : int, default 5
        A word becomes one of so many nearest, each as likely.
    least : float, default 0.5
        Smallest cosine of a neighbour; words without one stay.
    high : float, default 0.2
        Largest magnitude: the share of words replaced.
    protect : iterable of str
        Words that are neither replaced nor written.
    field : str, optional
        The field that holds the text, in data of named fields.
    name : str, default "replace_by_neighbours"

    Returns
    -------
    TransformationFunction
        Gives ``None`` where no word has a neighbour.

    Raises
    ------
    FunctionError
        If ``embeddings`` is no `Embeddings`, ``count`` is under 1, or ``least`` is not a cosine.

    Examples
    --------
    >>> near = Embeddings(["song", "tune", "car"], [[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]])
    >>> swap = replace_by_neighbours(near, high=1.0)
    >>> swap("Song about a car", magnitude=1.0, rng=np.random.default_rng(0))
    'Tune about a car'
    """
    if not isinstance(embeddings, Embeddings):
        raise FunctionError(
            f"{name}: embeddings is a {type(embeddings).__name__}; pass train_embeddings(texts) or "
            "Embeddings(words, vectors)."
        )
    if count < 1 or not -1 <= least <= 1:
        raise FunctionError(f"{name}: count is {count!r} and least {least!r}; at least 1, and a cosine in [-1, 1].")
    function = NeighbourFunction(
        embeddings=embeddings, count=int(count), least=float(least), protect=checked_words(protect, name)
    )
    return declared(function, name, high=high, unit="share of words", field=field)
