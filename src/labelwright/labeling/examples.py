"""Examples that a function carries with it: what it reads there, and how it must vote."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from labelwright.core import ABSTAIN, Class
from labelwright.core.errors import FunctionError

__all__ = ["Example", "checked_examples"]

# What the function reads (a mapping of fields, or the value of its one field), and the vote; ``None`` = it abstains.
Example: TypeAlias = tuple[Any, Class | None]


def checked_examples(examples: Iterable[Any], name: object) -> tuple[Example, ...]:
    """Return the examples of a function as pairs, with ``None`` for an abstain.

    Parameters
    ----------
    examples : iterable of (value or mapping of fields, vote)
        As the user wrote them.
    name : str
        Whose they are, for the message.

    Raises
    ------
    FunctionError
        If they are not pairs, or a vote could be no class and no abstain.

    Examples
    --------
    >>> checked_examples([("free money", "spam"), ({"text": "hi", "likes": 3}, -1)], "begging")
    (('free money', 'spam'), ({'text': 'hi', 'likes': 3}, None))
    """
    pair = 'a list of pairs, such as [("free money", "spam"), ({"text": "hello", "likes": 3}, None)]'
    if isinstance(examples, (str, Mapping)) or not isinstance(examples, Iterable):
        raise FunctionError(f"examples of labeling function {name!r} is {examples!r}; pass {pair}.")
    return tuple(_checked(example, name, pair) for example in examples)


def _checked(example: Any, name: object, pair: str) -> Example:
    if not isinstance(example, (tuple, list)) or len(example) != 2:
        raise FunctionError(f"examples of labeling function {name!r} holds {example!r}; pass {pair}.")
    given, vote = example
    if isinstance(vote, bool) or not (vote is None or isinstance(vote, (str, int))):
        raise FunctionError(
            f"examples of labeling function {name!r}: {vote!r} is no vote; say a class, or None where it abstains."
        )
    return dict(given) if isinstance(given, Mapping) else given, None if vote == ABSTAIN else vote
