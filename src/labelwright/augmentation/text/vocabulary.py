"""Texts as rows of word numbers: what the n-gram model and the embedding learn from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from labelwright.core.errors import ModelError

from .words import ADDRESS, find_words, folded

__all__ = ["ADDRESS_WORD", "MARKS", "NUMBER_WORD", "common_words", "numbered", "standard", "with_marks"]

NUMBER_WORD = "<number>"
ADDRESS_WORD = "<address>"
STOP, PAUSE = "<stop>", "<pause>"
MARKS = frozenset([NUMBER_WORD, ADDRESS_WORD, STOP, PAUSE])
"""What stands for numbers, addresses, ends of sentences and commas; never written into a text."""

_STOPS = frozenset(".!?;:\n")


def standard(word: str) -> str:
    """Return what a model takes a word for: case folded, and one word for all numbers and one for all addresses.

    So a telephone number of one text is never written into another.

    Examples
    --------
    >>> [standard(word) for word in ("Video", "0800-123", "www.x.org")]
    ['video', '<number>', '<address>']
    """
    if any(sign.isdigit() for sign in word):
        return ADDRESS_WORD if ADDRESS.fullmatch(word) else NUMBER_WORD
    return ADDRESS_WORD if "." in word and ADDRESS.fullmatch(word) else folded(word)


def with_marks(text: str, spans: Sequence[tuple[int, int]]) -> tuple[list[str], list[int]]:
    """Return the words of a text in standard form with marks for punctuation, and where each word is among them.

    Examples
    --------
    >>> with_marks("Well, look!", [(0, 4), (6, 10)])
    (['well', '<pause>', 'look', '<stop>'], [0, 2])
    """
    out: list[str] = []
    places = []
    ends = [start for start, _ in spans[1:]] + [len(text)]
    for (start, end), after in zip(spans, ends, strict=False):
        places.append(len(out))
        out.append(standard(text[start:end]))
        between = text[end:after]
        if not between.isspace() and not _STOPS.isdisjoint(between):
            out.append(STOP)
        elif "," in between:
            out.append(PAUSE)
    return out, places


def common_words(texts: Iterable[str], min_count: int) -> tuple[list[list[str]], list[str]]:
    """Return the words and marks of each text, and those that occur ``min_count`` times, most common first."""
    if isinstance(texts, str):
        raise ModelError("texts is one text; pass a list of texts.")
    rows = [with_marks(text, find_words(text))[0] for text in texts if text]
    counts = Counter(word for row in rows for word in row)
    kept = sorted((word for word, count in counts.items() if count >= min_count), key=lambda w: (-counts[w], w))
    return rows, kept


def numbered(rows: list[list[str]], words: list[str], unknown: int) -> npt.NDArray[np.int64]:
    """Return the words of all rows as one array of their positions in ``words``; ``unknown`` where they are not."""
    place = {word: i for i, word in enumerate(words)}
    return np.array([place.get(word, unknown) for row in rows for word in row], dtype=np.int64)
