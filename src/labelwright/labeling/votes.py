"""What a function may return as its vote."""

from __future__ import annotations

from typing import Any

from labelwright.core.errors import FunctionError

from .base import LabelingFunction
from .task_answers import Answer, wrong_answer

__all__ = ["checked", "wrong_kind"]


def checked(function: LabelingFunction, vote: Any) -> Answer:
    """Return a vote, if its type is that of a class or an abstain; over tasks, if it has the form of an answer.

    Raises
    ------
    FunctionError
        If it is not.
    """
    reason = wrong_kind(vote) if function.tasks is None else wrong_answer(vote, function.tasks)
    if reason:
        raise FunctionError(f"labeling function {function.name!r} returned {vote!r}: {reason}")
    return vote


def wrong_kind(vote: Any) -> str | None:
    """Say what is wrong with the type of a vote, or return ``None`` where it could be a class or an abstain."""
    if vote is None or (isinstance(vote, (str, int)) and not isinstance(vote, bool)):
        return None
    name = type(vote).__name__
    if name in ("bool", "bool_"):
        return "a truth value is no class; return a class where it is true, and None or -1 to abstain."
    if type(vote).__module__ == "numpy" and name.startswith(("int", "uint")):
        return None
    if isinstance(vote, float) or (type(vote).__module__ == "numpy" and name.startswith("float")):
        return "a vote is the name of a class or a whole number, not a float; return None or -1 to abstain."
    return f"a vote is the name of a class, a whole number, None or -1, not a {name}."
