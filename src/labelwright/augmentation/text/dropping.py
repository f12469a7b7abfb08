"""Words left out, exchanged with their neighbours, or masked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from labelwright.augmentation.base import TransformationFunction
from labelwright.core.errors import FunctionError

from .base import TextFunction, checked_words, declared, drawn, rounded
from .edits import Edit
from .words import Passage

__all__ = ["DeletingFunction", "MaskingFunction", "SwappingFunction", "delete_words", "mask_spans", "swap_words"]


@dataclass(frozen=True, eq=False, kw_only=True)
class DeletingFunction(TextFunction):
    """Leaves words out; made by `delete_words`."""

    def edits(self, passage: Passage, magnitude: float, rng: np.random.Generator) -> list[Edit] | None:
        """Return one edit for each run of words that are drawn, the white space on one side with it."""
        places = passage.free
        # One word always stays.
        if len(passage.spans) < 2 or not places:
            return None
        gone = drawn(places, magnitude, len(passage.spans), rng)
        if len(gone) == len(passage.spans):
            gone.pop(int(rng.integers(len(gone))))
        runs: list[tuple[int, int]] = []
        for start, end in (passage.spans[position] for position in gone):
            if runs and passage.text[runs[-1][1] : start].isspace():
                runs[-1] = runs[-1][0], end
            else:
                runs.append((start, end))
        return [Edit(*_with_space(passage.text, start, end), "") for start, end in runs]


@dataclass(frozen=True, eq=False, kw_only=True)
class SwappingFunction(TextFunction):
    """Exchanges neighbouring words; made by `swap_words`."""

    def edits(self, passage: Passage, magnitude: float, rng: np.random.Generator) -> list[Edit] | None:
        """Return two edits for each pair of neighbours that is drawn; no word is in two pairs."""
        free = set(passage.free)
        pairs = [i for i in passage.free if i + 1 in free and self._beside(passage, i)]
        if not pairs:
            return None
        left = rounded(magnitude * len(passage.spans) / 2, rng)
        used: set[int] = set()
        for i in (pairs[j] for j in rng.permutation(len(pairs)).tolist()):
            if len(used) < 2 * left and not used & {i, i + 1}:
                used |= {i, i + 1}
        out, places = [], sorted(used)
        for first, second in zip(places[::2], places[1::2], strict=True):
            out.append(Edit(*passage.spans[first], passage.word(second)))
            out.append(Edit(*passage.spans[second], passage.word(first)))
        return out

    @staticmethod
    def _beside(passage: Passage, position: int) -> bool:
        between = passage.text[passage.spans[position][1] : passage.spans[position + 1][0]]
        return between.isspace() and passage.word(position) != passage.word(position + 1)


@dataclass(frozen=True, eq=False, kw_only=True)
class MaskingFunction(TextFunction):
    """Puts masks in the place of spans of words; made by `mask_spans`.

    Parameters
    ----------
    mask : str
    length : float
    protect : frozenset of str
        As for `mask_spans`.
    """

    mask: str
    length: float

    def edits(self, passage: Passage, magnitude: float, rng: np.random.Generator) -> list[Edit] | None:
        """Return one edit for each masked word."""
        if not passage.free:
            return None
        wanted = min(len(passage.free), rounded(magnitude * len(passage.spans), rng))
        masked: set[int] = set()
        free = set(passage.free)
        for start in rng.permutation(passage.free).tolist() if wanted else ():
            if len(masked) == wanted:
                break
            size = min(int(rng.geometric(1 / self.length)), wanted - len(masked))
            for i in range(start, start + size):
                # A span ends before a protected word, and at the next span.
                if i in masked or i not in free:
                    break
                masked.add(i)
        return [Edit(*passage.spans[i], self.mask) for i in sorted(masked)]


def _with_space(text: str, start: int, end: int) -> tuple[int, int]:
    """Return start and end of a stretch with the white space after it, or before it where none follows."""
    after = end
    while after < len(text) and text[after].isspace():
        after += 1
    if end < after < len(text):
        return start, after
    while start > 0 and text[start - 1].isspace():
        start -= 1
    return start, end


def delete_words(
    *, high: float = 0.2, protect: Iterable[str] = (), field: str | None = None, name: str = "delete_words"
) -> TransformationFunction:
    """Leave words out, each with the white space on one side of it.

    Keeps the order of the others, punctuation, and at least one word. Texts in which one word decides may lose their
    class: protect such words.

    Parameters
    ----------
    high : float, default 0.2
        Largest magnitude: the share of words left out.
    protect : iterable of str
        Words that are never left out.
    field : str, optional
        The field that holds the text, in data of named fields.
    name : str, default "delete_words"

    Returns
    -------
    TransformationFunction
        Gives ``None`` where the text has fewer than two words, or only protected ones.

    Examples
    --------
    >>> drop = delete_words(high=0.5, protect=["not"])
    >>> drop("This is not a bad song!", magnitude=0.5, rng=np.random.default_rng(1))
    'This not song!'
    """
    function = DeletingFunction(protect=checked_words(protect, name))
    return declared(function, name, high=high, unit="share of words", field=field)


def swap_words(
    *, high: float = 0.2, protect: Iterable[str] = (), field: str | None = None, name: str = "swap_words"
) -> TransformationFunction:
    """Exchange neighbouring words.

    Keeps every word with its case, and all punctuation and white space; words on both sides of a comma or a full stop
    are no neighbours. Meaning that lies in the order of words is lost.

    Parameters
    ----------
    high : float, default 0.2
        Largest magnitude: the share of words that move.
    protect : iterable of str
        Words that never move.
    field : str, optional
        The field that holds the text, in data of named fields.
    name : str, default "swap_words"

    Returns
    -------
    TransformationFunction
        Gives ``None`` where no two words that may move stand side by side.

    Examples
    --------
    >>> swap = swap_words(high=1.0)
    >>> swap("check this out, please", magnitude=0.5, rng=np.random.default_rng(0))
    'this check out, please'
    """
    function = SwappingFunction(protect=checked_words(protect, name))
    return declared(function, name, high=high, unit="share of words", field=field)


def mask_spans(
    *,
    mask: str = "[MASK]",
    length: float = 3.0,
    high: float = 0.2,
    protect: Iterable[str] = (),
    field: str | None = None,
    name: str = "mask_spans",
) -> TransformationFunction:
    """Put a mask in the place of each word of some spans.

    Keeps the number of words, punctuation and white space. For end models that know what the mask means, or take it
    for an unknown word.

    Parameters
    ----------
    mask : str, default "[MASK]"
        What is written for each masked word.
    length : float, default 3.0
        Mean words in a span, at least 1; lengths are geometric, as in SpanBERT (Joshi et al. 2020, section 3.1).
    high : float, default 0.2
        Largest magnitude: the share of words masked.
    protect : iterable of str
        Words that are never masked.
    field : str, optional
        The field that holds the text, in data of named fields.
    name : str, default "mask_spans"

    Returns
    -------
    TransformationFunction
        Gives ``None`` where no word may be masked.

    Raises
    ------
    FunctionError
        If the mask is empty (use `delete_words`), or ``length`` is under 1.

    Examples
    --------
    >>> hide = mask_spans(mask="_", high=0.5)
    >>> hide("look at my new channel, friends", magnitude=0.5, rng=np.random.default_rng(0))
    'look at my _ _, _'
    """
    if not mask or not isinstance(mask, str):
        raise FunctionError(
            f"{name}: mask is {mask!r}; it must be text, and not empty (delete_words leaves words out)."
        )
    if not length >= 1:
        raise FunctionError(f"{name}: length is {length!r}; a span has at least 1 word.")
    function = MaskingFunction(mask=mask, length=float(length), protect=checked_words(protect, name))
    return declared(function, name, high=high, unit="share of words", field=field)
