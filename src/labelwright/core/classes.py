"""Classes: what a vote may say. Users name them; arrays hold their codes 0..k-1."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TypeAlias

import numpy as np

from .errors import VoteError

__all__ = ["Class", "check_classes", "numbered_classes"]

# Codes of votes are int16, from 0 on.
_MOST_CLASSES = int(np.iinfo(np.int16).max) + 1

Class: TypeAlias = str | int


def numbered_classes(k: int) -> tuple[int, ...]:
    """Return the classes ``0..k-1`` of a task whose classes have no names.

    Parameters
    ----------
    k : int
        Cardinality, at least 2.

    Raises
    ------
    VoteError
        If ``k`` is below 2, or above the 32,768 codes that a vote can have.

    Examples
    --------
    >>> numbered_classes(3)
    (0, 1, 2)
    """
    if k < 2:
        raise VoteError(f"cardinality is {k}, but a task needs at least 2 classes.")
    if k > _MOST_CLASSES:
        raise VoteError(f"cardinality is {k:,}, but votes tell at most {_MOST_CLASSES:,} classes apart.")
    return tuple(range(k))


def check_classes(classes: int | Iterable[Class]) -> tuple[Class, ...]:
    """Return ``classes`` as a tuple: names (strings), or the integers ``0..k-1`` in order.

    Parameters
    ----------
    classes : int or iterable of (str or int)
        The cardinality, or every class in the order of its code.

    Raises
    ------
    VoteError
        If there are fewer than two classes, if one is repeated, or if integers are not exactly ``0..k-1``.

    Examples
    --------
    >>> check_classes(["ham", "spam"])
    ('ham', 'spam')
    >>> check_classes(2)
    (0, 1)
    """
    if isinstance(classes, (int, np.integer)):
        return numbered_classes(int(classes))
    if isinstance(classes, str):
        raise VoteError(f"classes is the string {classes!r}; pass a list of names, such as ['ham', 'spam'].")
    found: tuple[Class, ...] = tuple(c.item() if isinstance(c, np.generic) else c for c in classes)
    _check_kinds(found)
    repeated = sorted(str(c) for c, times in Counter(found).items() if times > 1)
    if repeated:
        raise VoteError(f"classes repeats {', '.join(repeated)}; name each class once.")
    if len(found) < 2:
        raise VoteError(f"classes is {list(found)}, but a task needs at least 2 classes.")
    if not isinstance(found[0], str) and found != tuple(range(len(found))):
        raise VoteError(f"integer classes must be 0..k-1 in order, got {list(found)}; give other classes names.")
    return found


def _check_kinds(classes: Sequence[object]) -> None:
    for c in classes:
        if isinstance(c, bool) or not isinstance(c, (str, int)):
            raise VoteError(f"a class is a string or an integer, got {c!r} ({type(c).__name__}).")
    if len({isinstance(c, str) for c in classes}) > 1:
        raise VoteError(f"classes mixes names and integers: {list(classes)}; use one or the other.")
