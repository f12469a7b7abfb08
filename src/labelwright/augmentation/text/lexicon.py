"""Words and phrases replaced by others from a user's lexicon."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from labelwright.augmentation.base import TransformationFunction
from labelwright.core.errors import FunctionError

from .base import TextFunction, checked_words, declared, drawn
from .edits import Edit
from .words import Passage, cased_as, find_words, folded

__all__ = ["SynonymFunction", "synonyms"]


@dataclass(frozen=True, eq=False, kw_only=True)
class SynonymFunction(TextFunction):
    """Replaces words and phrases by others; made by `synonyms`.

    Parameters
    ----------
    lexicon : dict of str to tuple of str
        What each phrase, in folded case and with single spaces, may become.
    longest : int
        Words in the longest phrase.
    protect : frozenset of str
        As for `synonyms`.
    """

    lexicon: dict[str, tuple[str, ...]]
    longest: int

    def edits(self, passage: Passage, magnitude: float, rng: np.random.Generator) -> list[Edit] | None:
        """Return one edit for each phrase that is drawn."""
        found = self._found(passage)
        if not found:
            return None
        budget = drawn(list(range(len(found))), magnitude, len(passage.spans), rng)
        out = []
        for start, end, choices in (found[i] for i in budget):
            new = choices[int(rng.integers(len(choices)))]
            out.append(Edit(start, end, cased_as(new, passage.text[start:end])))
        return out

    def _found(self, passage: Passage) -> list[tuple[int, int, tuple[str, ...]]]:
        """Start, end and choices of each phrase of the lexicon, the longest first, from left to right."""
        out, taken, free = [], -1, set(passage.free)
        for first in passage.free:
            if first <= taken:
                continue
            for last in range(min(first + self.longest, len(passage.spans)) - 1, first - 1, -1):
                start, end = passage.spans[first][0], passage.spans[last][1]
                choices = self.lexicon.get(" ".join(folded(passage.text[start:end]).split()))
                if choices and free.issuperset(range(first, last + 1)):
                    out.append((start, end, choices))
                    taken = last
                    break
        return out


def synonyms(
    lexicon: Mapping[str, Sequence[str]],
    *,
    high: float = 0.3,
    protect: Iterable[str] = (),
    field: str | None = None,
    name: str = "synonyms",
) -> TransformationFunction:
    """Replace words and phrases by others from a lexicon.

    Keeps everything else: the order of words, punctuation, white space, and the case of what is replaced (all
    capitals, a capital first, or neither). Keeps the class as far as the lexicon does.

    Parameters
    ----------
    lexicon : mapping of str to sequence of str
        For each word or phrase (its case does not matter), what may stand in its place. One way only: for both ways
        enter both. Where phrases overlap, the longest wins, from the left.
    high : float, default 0.3
        Largest magnitude: replacements, as a share of the words of the text. The count is rounded up or down by
        chance, so that it is right in the mean also on short texts.
    protect : iterable of str
        Words that are neither replaced nor written.
    field : str, optional
        The field that holds the text, in data of named fields.
    name : str, default "synonyms"

    Returns
    -------
    TransformationFunction
        Gives ``None`` where the text has no word of the lexicon.

    Raises
    ------
    FunctionError
        If the lexicon is empty, or an entry is not a list of texts.

    Examples
    --------
    >>> swap = synonyms({"video": ["clip", "film"], "check out": ["look at"]}, high=1.0)
    >>> swap("CHECK OUT my Video!", magnitude=1.0, rng=np.random.default_rng(0))
    'LOOK AT my Film!'
    """
    kept = checked_words(protect, name)
    entries: dict[str, tuple[str, ...]] = {}
    for phrase, others in lexicon.items():
        if not isinstance(phrase, str) or not find_words(phrase):
            raise FunctionError(f"{name}: the lexicon has an entry for {phrase!r}, in which there is no word.")
        checked_words(others, name, f"the entry for {phrase!r}")
        key = " ".join(folded(phrase).split())
        fit = [word for word in others if folded(word) != key and folded(word) not in kept]
        if fit:
            entries[key] = tuple(fit)
    if not entries:
        raise FunctionError(f"{name}: the lexicon offers no replacement for any word; nothing would ever change.")
    function = SynonymFunction(lexicon=entries, longest=max(len(find_words(p)) for p in entries), protect=kept)
    return declared(function, name, high=high, unit="share of words", field=field)
