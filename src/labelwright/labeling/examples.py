"""Examples that a function carries with it: what it reads there, and how it must vote."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from labelwright.core import ABSTAIN
from labelwright.core.errors import FunctionError

from .task_answers import Answer, wrong_answer

__all__ = ["Example", "checked_examples"]

# What the function reads (a mapping of fields, or the value of its one field), and the vote; ``None`` = it abstains.
Example: TypeAlias = tuple[Any, Answer]


def checked_examples(
    examples: Iterable[Any], name: object, tasks: tuple[str, ...] | None = None
) -> tuple[Example, ...]:
    """Return the examples of a function as pairs, with ``None`` for an abstain.

    Parameters
    ----------
    examples : iterable of (value or mapping of fields, vote)
        As the user wrote them.
    name : str
        Whose they are, for the message.
    tasks : tuple of str, optional
        The tasks it votes on, where there are several: a vote may then be a list of classes of which one holds, or a
        mapping of task to either.

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
    return tuple(_checked(example, name, pair, tasks) for example in examples)


def _checked(example: Any, name: object, pair: str, tasks: tuple[str, ...] | None) -> Example:
    if not isinstance(example, (tuple, list)) or len(example) != 2:
        raise FunctionError(f"examples of labeling function {name!r} holds {example!r}; pass {pair}.")
    given, vote = example
    if tasks is not None:
        reason = wrong_answer(vote, tasks)
        if reason:
            raise FunctionError(f"examples of labeling function {name!r}: the vote {vote!r} is none: {reason}")
        return dict(given) if isinstance(given, Mapping) else given, vote
    if isinstance(vote, bool) or not (vote is None or isinstance(vote, (str, int))):
        raise FunctionError(
            f"examples of labeling function {name!r}: {vote!r} is no vote; say a class, or None where it abstains."
        )
    return dict(given) if isinstance(given, Mapping) else given, None if vote == ABSTAIN else vote
