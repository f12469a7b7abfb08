"""The seam of functions on text: from a passage to edits."""

from __future__ import annotations

import abc
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from labelwright.augmentation.base import Magnitude, TransformationFunction
from labelwright.core.errors import FunctionError

from .edits import Edit, apply_edits
from .words import Passage, folded, passage

__all__ = ["TextFunction", "checked_words", "declared", "drawn", "rounded"]


@dataclass(frozen=True, eq=False, kw_only=True)
class TextFunction(abc.ABC):
    """What a declarative function on text does: `edits` alone; the rest is the same for all.

    Parameters
    ----------
    protect : frozenset of str
        Words, in folded case, that are neither touched nor written.
    """

    protect: frozenset[str] = frozenset()

    @abc.abstractmethod
    def edits(self, passage: Passage, magnitude: float, rng: np.random.Generator) -> list[Edit] | None:
        """Return edits of free words, in the order of their places, or None where there is nothing to work on."""

    def __call__(self, text: str | None, *, magnitude: float, rng: np.random.Generator) -> str | None:
        """Return the text, changed, or None where it is missing or nothing in it can be changed."""
        if text is None:
            return None
        found = self.edits(passage(text, self.protect), magnitude, rng)
        return None if found is None else apply_edits(text, found)


def declared(function: TextFunction, name: str, *, high: float, unit: str, field: str | None) -> TransformationFunction:
    """Make the transformation function of a function on text, its magnitude from 0 to ``high``."""
    if not 0 < high <= 1:
        raise FunctionError(f"{name}: high is {high!r}; it is a {unit}, so it must lie in (0, 1].")
    return TransformationFunction(
        name=name, function=function, magnitude=Magnitude(0.0, float(high), unit=unit), field=field
    )


def checked_words(words: Iterable[str], name: str, what: str = "protect") -> frozenset[str]:
    """Return words in folded case; text in place of a list of words is refused."""
    if isinstance(words, (str, bytes)):
        raise FunctionError(f"{name}: {what} is {words!r}; pass a list, such as [{words!r}].")
    kept = list(words)
    wrong: list[Any] = [word for word in kept if not isinstance(word, str) or not word.strip()]
    if wrong:
        raise FunctionError(f"{name}: {what} holds {wrong[0]!r}; each must be text, and not empty.")
    return frozenset(folded(word) for word in kept)


def rounded(amount: float, rng: np.random.Generator) -> int:
    """Round up or down by chance, so that the mean is ``amount``; never past its neighbours.

    Without it, a tenth of the words of every text under five words would be none.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> rounded(3.0, rng), sorted({rounded(0.25, rng) for _ in range(100)})
    (3, [0, 1])
    """
    amount = round(amount, 9)
    whole = int(amount)
    return whole + int(amount > whole and rng.random() < amount - whole)


def drawn(places: list[int], share: float, of: int, rng: np.random.Generator) -> list[int]:
    """Draw a share of ``of`` words among the ``places`` that can be changed, in order; at most all of them."""
    count = min(len(places), rounded(share * of, rng))
    if count == 0:
        return []
    return sorted(places[i] for i in rng.choice(len(places), size=count, replace=False).tolist())
