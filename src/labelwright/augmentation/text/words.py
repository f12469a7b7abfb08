"""Where the words of a text are, and how their case is kept."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from labelwright.core.errors import FunctionError

__all__ = ["ADDRESS", "NEGATIONS", "Passage", "cased_as", "find_words", "passage"]

# Signs that belong to the letter before them; ``\w`` leaves them out, and would cut words of many scripts in two.
_MARKS = (
    "\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u0730-\u074a"
    "\u0900-\u0963\u0966-\u0dff\u0e31-\u0e4e\u0eb1-\u0ecd\u0f18-\u0fbc\u1000-\u109f\u1780-\u17d3\u1ab0-\u1aff"
    "\u1dc0-\u1dff\u200c\u200d\u20d0-\u20ff\ufe00-\ufe0f"
)
_LETTERS = rf"[\w{_MARKS}]+"
# Each alternative starts where no letter stands before it, so that no text takes more than linear time.
ADDRESS = re.compile(
    r"(?:https?://|www\.)\S*[\w/]|(?<![\w.+-])[\w.+-]++@[\w-]+(?:\.[\w-]+)+"
    r"|(?<![\w.-])(?:[\w-]+\.)+(?:com|org|net|tv|ly|co|uk|de|me)\b(?:/\S*\w)?"
)
# Tags and character references are no words, unless they join two parts of one (don&#39;t).
_MARKUP = r"</?[a-zA-Z][^<>]*>|&\#?\w+;"
# A word may hold signs that join its parts: don't, e-mail, 9.99.
_WORD = re.compile(
    rf"{_MARKUP}|({ADDRESS.pattern}|[#@]?{_LETTERS}(?:(?:['’.@&_/-]|(?<=\d),(?=\d)|&\#?\w+;){_LETTERS})*)"
)

NEGATIONS = frozenset(
    (
        *("no", "not", "never", "none", "nobody", "nothing", "neither", "nor", "nowhere", "without", "hardly"),
        *("barely", "cannot", "ain't", "aren't", "can't", "couldn't", "didn't", "doesn't", "don't", "hadn't", "hasn't"),
        *("haven't", "isn't", "mustn't", "needn't", "shan't", "shouldn't", "wasn't", "weren't", "won't", "wouldn't"),
        *("n't", "dont", "cant", "wont", "didnt", "doesnt", "isnt", "wasnt"),
    )
)
"""English words that turn the meaning of a text round: ``protect=NEGATIONS`` keeps them where they are."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A text, its words, and which of them may be touched.

    Parameters
    ----------
    text : str
    spans : list of (int, int)
        Start and end of each word.
    free : list of int
        Positions in ``spans`` of the words that may be touched, in order.
    """

    text: str
    spans: list[tuple[int, int]]
    free: list[int]

    def word(self, position: int) -> str:
        """Return the word at a position."""
        start, end = self.spans[position]
        return self.text[start:end]


def find_words(text: str) -> list[tuple[int, int]]:
    """Return start and end of each word: a run of letters and digits, joined by signs that belong to it.

    An address or a number is one word; tags and character references (``<br>``, ``&amp;``) are none. Scripts that put
    no space between words give one word for each run.

    Examples
    --------
    >>> text = "Don't stop: see www.x.org/a, 9.99 only!"
    >>> [text[start:end] for start, end in find_words(text)]
    ["Don't", 'stop', 'see', 'www.x.org/a', '9.99', 'only']
    """
    return [match.span() for match in _WORD.finditer(text) if match.group(1)]


def passage(text: str, protect: frozenset[str], kept: Sequence[tuple[int, int]] = ()) -> Passage:
    """Find the words of a text; those in ``protect`` and those that overlap a span in ``kept`` are not free.

    Parameters
    ----------
    text : str
    protect : frozenset of str
        Words in folded case.
    kept : sequence of (int, int)
        Start and end of stretches that nothing may touch.
    """
    if not isinstance(text, str):
        raise FunctionError(
            f"a transformation function for text got a {type(text).__name__}; in data of named fields, name the one "
            "that holds the text: field='text'."
        )
    spans = find_words(text)
    free = [
        position
        for position, (start, end) in enumerate(spans)
        if not (protect and folded(text[start:end]) in protect)
        and not any(start < stop and begin < end for begin, stop in kept)
    ]
    return Passage(text, spans, free)


def folded(word: str) -> str:
    """Return a word without case, its apostrophes written one way: how words are compared here.

    Examples
    --------
    >>> folded("DON&#39;T"), folded("Don’t")
    ("don't", "don't")
    """
    return word.replace("&#39;", "'").replace("’", "'").casefold()


def cased_as(word: str, model: str) -> str:
    """Write a word in the case of another: all capitals, a capital first, or as it is.

    Examples
    --------
    >>> cased_as("film", "VIDEO"), cased_as("film", "Video"), cased_as("NASA", "they"), cased_as("we", "I")
    ('FILM', 'Film', 'NASA', 'We')
    """
    letters = [sign for sign in model if sign.isalpha()]
    if len(letters) > 1 and all(sign.isupper() for sign in letters):
        return word.upper()
    return word[:1].upper() + word[1:] if model[:1].isupper() else word
