"""Slips of the fingers: keys beside the right one, letters exchanged, left out or written twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np

from labelwright.augmentation.base import TransformationFunction
from labelwright.core.errors import FunctionError

from .base import TextFunction, checked_words, declared, rounded
from .edits import Edit
from .words import ADDRESS, Passage, cased_as

__all__ = ["QWERTY", "Slip", "TypoFunction", "typos"]

Slip: TypeAlias = Literal["neighbour", "exchange", "omission", "doubling"]

QWERTY: Mapping[str, str] = {
    **{"q": "wa", "w": "qeas", "e": "wrsd", "r": "etdf", "t": "ryfg", "y": "tugh", "u": "yihj", "i": "uojk"},
    **{"o": "ipkl", "p": "ol", "a": "qwsz", "s": "awedzx", "d": "serfxc", "f": "drtgcv", "g": "ftyhvb"},
    **{"h": "gyujbn", "j": "huiknm", "k": "jiolm", "l": "kop", "z": "asx", "x": "zsdc", "c": "xdfv"},
    **{"v": "cfgb", "b": "vghn", "n": "bhjm", "m": "njk"},
}
"""The letters beside each letter of an English keyboard."""


@dataclass(frozen=True, eq=False, kw_only=True)
class TypoFunction(TextFunction):
    """Makes slips of the fingers; made by `typos`.

    Parameters
    ----------
    slips : tuple of str
    keyboard : dict of str to str
    shortest : int
    protect : frozenset of str
        As for `typos`.
    """

    slips: tuple[Slip, ...]
    keyboard: dict[str, str]
    shortest: int

    def edits(self, passage: Passage, magnitude: float, rng: np.random.Generator) -> list[Edit] | None:
        """Return one edit for each slip; no letter has a part in two."""
        places = [i for i in passage.free if self._may_slip(passage.word(i))]
        if not places:
            return None
        # The two letters of a slip lie within one word, the first letter of which stays: it carries most of the word.
        starts = [at for i in places for at in range(passage.spans[i][0] + 1, passage.spans[i][1] - 1)]
        letters = sum(end - start for start, end in passage.spans)
        left = min(rounded(magnitude * letters, rng), len(starts))
        found: dict[int, Edit] = {}
        if left:
            for at in (starts[j] for j in rng.permutation(len(starts)).tolist()):
                if len(found) == left:
                    break
                if not found.keys() & {at - 1, at, at + 1}:
                    slip = self._slip(passage.text, at, rng)
                    if slip is not None:
                        found[at] = slip
        return [found[at] for at in sorted(found)]

    def _may_slip(self, word: str) -> bool:
        return len(word) >= self.shortest and word.isalpha() and not ADDRESS.fullmatch(word)

    def _slip(self, text: str, at: int, rng: np.random.Generator) -> Edit | None:
        """Return a slip at a letter, of a kind that is possible there."""
        here, after = text[at], text[at + 1]
        beside = self.keyboard.get(here.lower(), "")
        possible = {"neighbour": bool(beside), "exchange": here != after, "omission": True, "doubling": True}
        kinds = [slip for slip in self.slips if possible[slip]]
        if not kinds:
            return None
        slip = kinds[int(rng.integers(len(kinds)))]
        if slip == "exchange":
            return Edit(at, at + 2, after + here)
        if slip == "neighbour":
            return Edit(at, at + 1, cased_as(beside[int(rng.integers(len(beside)))], here))
        return Edit(at, at + 1, "" if slip == "omission" else here + here)


def typos(
    *,
    slips: Iterable[Slip] = get_args(Slip),
    keyboard: Mapping[str, str] = QWERTY,
    shortest: int = 4,
    high: float = 0.05,
    protect: Iterable[str] = (),
    field: str | None = None,
    name: str = "typos",
) -> TransformationFunction:
    """Make slips of the fingers in words: a key beside the right one, letters exchanged, left out or written twice.

    Keeps the first letter of each word, short words, words with digits or signs (numbers, addresses, ``don't``),
    punctuation, white space and case. Where a labeling function looks for a word, a slip makes it blind to it.

    Parameters
    ----------
    slips : iterable of {"neighbour", "exchange", "omission", "doubling"}
        The kinds of slips, each as likely. Default: all.
    keyboard : mapping of str to str
        The letters beside each letter, in small letters; letters that are not in it have no slip "neighbour".
    shortest : int, default 4
        Letters in the shortest word that is touched, at least 3.
    high : float, default 0.05
        Largest magnitude: slips, as a share of the characters in words.
    protect : iterable of str
        Words that are never touched.
    field : str, optional
        The field that holds the text, in data of named fields.
    name : str, default "typos"

    Returns
    -------
    TransformationFunction
        Gives ``None`` where no word may be touched.

    Raises
    ------
    FunctionError
        If a kind of slip is unknown, or ``shortest`` is under 3.

    Examples
    --------
    >>> slip = typos(slips=["omission"], high=0.3)
    >>> slip("Subscribe to my channel", magnitude=0.15, rng=np.random.default_rng(0))
    'Subcribe to my canel'
    """
    kinds = () if isinstance(slips, str) else tuple(slips)
    if not kinds or not set(kinds) <= set(get_args(Slip)):
        raise FunctionError(
            f"{name}: slips is {slips!r}; allowed are {', '.join(get_args(Slip))}, at least one of them."
        )
    if shortest < 3:
        raise FunctionError(f"{name}: shortest is {shortest!r}; a slip needs a word of at least 3 letters.")
    function = TypoFunction(
        slips=kinds, keyboard=dict(keyboard), shortest=int(shortest), protect=checked_words(protect, name)
    )
    return declared(function, name, high=high, unit="share of characters", field=field)
