"""Vote where one of some words occurs in a text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from labelwright.core.errors import FunctionError

from .declarative import check_field
from .examples import Example
from .regex import RegexFunction
from .task_answers import Label, as_tasks

__all__ = ["KeywordFunction", "keyword_lf"]


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class KeywordFunction(RegexFunction):
    """Votes where one of some words occurs in a text; made by `keyword_lf`.

    Parameters
    ----------
    words : tuple of str
        The words or phrases.
    case_sensitive, whole_words : bool
        As for `keyword_lf`.
    name, label, fields, examples, tasks, pattern, flags
        As for `RegexFunction`; the pattern says the same as the words.
    """

    words: tuple[str, ...]
    case_sensitive: bool
    whole_words: bool

    def parameters(self) -> Mapping[str, Any]:
        """Return the words, how they are compared, and the field."""
        return {
            "words": self.words,
            "field": self.field,
            "case_sensitive": self.case_sensitive,
            "whole_words": self.whole_words,
        }


def keyword_lf(
    name: str,
    words: Iterable[str],
    label: Label,
    field: str = "text",
    *,
    case_sensitive: bool = False,
    whole_words: bool = True,
    task: str | None = None,
    examples: Iterable[Example] = (),
) -> KeywordFunction:
    """Make a labeling function that votes where at least one of some words occurs in a text.

    Parameters
    ----------
    name : str
        Name of the source.
    words : iterable of str
        Words or phrases, taken literally.
    label : str or int
        The class to vote for. Over tasks also a list of classes of which one holds, or a mapping of task to either.
    field : str, default "text"
        The column that holds the text. A missing text never fires.
    case_sensitive : bool, default False
        Whether case matters. By default "Free" and "FREE" are found by "free".
    whole_words : bool, default True
        Whether letters, digits and underscores next to a word spoil it: "ham" is not found in "shampoo". Pass False for
        stems, so that "subscri" finds "subscribe" and "subscription". An end of a word that is itself a sign, as in
        "$$$" or "c++", is free.
    task : str, optional
        The task it votes on, where there are several (`labelwright.core.task_graph.TaskGraph`).
    examples : sequence of (value or mapping of fields, vote), optional
        What it must vote, for ``labelwright test``: see `LabelingFunction`.

    Returns
    -------
    KeywordFunction

    Raises
    ------
    FunctionError
        If there are no words, if one is empty, or if another argument is wrong.

    Examples
    --------
    >>> begging = keyword_lf("begging", ["subscribe", "check out"], "spam")
    >>> begging({"text": "Check out my page"})
    'spam'
    >>> begging({"text": "I subscribed"}) is None
    True
    """
    kept = _checked(words, name)
    return KeywordFunction(
        name=name,
        label=label,
        fields=(check_field(field, name),),
        pattern=_pattern(kept, whole_words),
        flags=0 if case_sensitive else int(re.IGNORECASE),
        words=kept,
        case_sensitive=bool(case_sensitive),
        whole_words=bool(whole_words),
        tasks=as_tasks(task, None, name),
        examples=examples,  # type: ignore[arg-type]  # the base class checks them and makes a tuple of them
    )


def _checked(words: Iterable[str], name: object) -> tuple[str, ...]:
    if isinstance(words, (str, bytes)) or not isinstance(words, Iterable):
        raise FunctionError(f"words of labeling function {name!r} is {words!r}; pass a list, such as [{words!r}].")
    # Sorted, so that the version does not depend on the order of a set.
    kept = list(dict.fromkeys(words))
    wrong = [word for word in kept if not isinstance(word, str) or not word.strip()]
    if wrong:
        raise FunctionError(f"labeling function {name!r} has the word {wrong[0]!r}; each must be text, and not empty.")
    if not kept:
        raise FunctionError(f"labeling function {name!r} has no words; it would never fire. Pass at least one.")
    return tuple(sorted(kept))


def _pattern(words: tuple[str, ...], whole_words: bool) -> str:
    if not whole_words:
        return "|".join(map(re.escape, words))

    def ends(word: str) -> tuple[bool, bool]:
        return re.match(r"\w", word) is not None, re.match(r"\w", word[-1]) is not None

    parts = []
    for (starts, stops), group in groupby(sorted(words, key=ends), key=ends):
        inner = "|".join(map(re.escape, group))
        parts.append((r"(?<!\w)" if starts else "") + f"(?:{inner})" + (r"(?!\w)" if stops else ""))
    return "|".join(parts)
