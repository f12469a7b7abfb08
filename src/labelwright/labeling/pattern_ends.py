"""What kind of character a piece of a pattern may start or end with: word characters, others, or both."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, TypeAlias

from .pattern_classes import folded, name_of

__all__ = ["EITHER", "OTHER", "WORD", "Kinds", "combined", "ends", "neighbour"]

Kinds: TypeAlias = frozenset[str]

WORD: Kinds = frozenset({"word"})
OTHER: Kinds = frozenset({"other"})
EITHER: Kinds = WORD | OTHER


def combined(flags: int, added: int, removed: int) -> int:
    """Return the flags within a group that adds some and removes some."""
    if added & (re.ASCII | re.UNICODE):
        flags &= ~(re.ASCII | re.UNICODE)
    return (flags | added) & ~removed


def neighbour(items: list[Any], flags: int, beyond: Kinds, *, last: bool) -> Kinds:
    """Return the kinds of character that may stand next to a place, nearest item first."""
    if not items:
        return beyond
    kinds, may_be_empty = _in_order(items, flags, last=last)
    return kinds | (beyond or EITHER) if may_be_empty else kinds


def ends(items: list[Any], flags: int, *, last: bool) -> tuple[Kinds, bool]:
    """Return the kinds of a sequence's first (or last) character, and whether it may match nothing."""
    return _in_order(items[::-1] if last else items, flags, last=last)


def _in_order(items: Iterable[Any], flags: int, *, last: bool) -> tuple[Kinds, bool]:
    kinds: Kinds = frozenset()
    for code, value in items:
        more, may_be_empty = _ends_of(code.name, value, flags, last=last)
        kinds |= more
        if not may_be_empty:
            return kinds, False
    return kinds, True


def _ends_of(code: str, value: Any, flags: int, *, last: bool) -> tuple[Kinds, bool]:
    """Return the kinds of an item's first (or last) character, and whether it may match nothing."""
    if code in ("LITERAL", "IN"):
        return _kinds([(code, value)] if code == "LITERAL" else value, flags), False
    if code in ("ANY", "NOT_LITERAL"):
        return EITHER, False
    if code == "SUBPATTERN":
        return ends(list(value[3]), combined(flags, value[1], value[2]), last=last)
    if code in ("MAX_REPEAT", "MIN_REPEAT"):
        kinds, may_be_empty = ends(list(value[2]), flags, last=last)
        return kinds, may_be_empty or value[0] == 0
    if code == "BRANCH":
        found = [ends(list(branch), flags, last=last) for branch in value[1]]
        return frozenset().union(*(kinds for kinds, _ in found)), any(empty for _, empty in found)
    if code == "AT" and value.name.startswith("AT_BEGINNING" if last else "AT_END"):
        return OTHER, False  # the border of the text, or a newline
    if code in ("AT", "ASSERT", "ASSERT_NOT"):
        return frozenset(), True
    return EITHER, True


def _kinds(items: list[Any], flags: int) -> Kinds:
    """Return whether a class may hold word characters and others; both where that takes more than a look."""
    if items and name_of(items[0][0]) == "NEGATE":
        if flags & re.ASCII:
            return EITHER
        names = {value.name for code, value in items[1:] if name_of(code) == "CATEGORY"}
        without_word = OTHER if "CATEGORY_WORD" in names else EITHER
        return without_word & (WORD if "CATEGORY_NOT_WORD" in names else EITHER)
    return frozenset().union(*(_kinds_of(name_of(code), value, flags) for code, value in items))


def _kinds_of(code: str, value: Any, flags: int) -> Kinds:
    if code == "LITERAL":
        character = chr(value)
        same = character
        if flags & re.IGNORECASE:
            same += folded(re.escape(character), bool(flags & re.ASCII))[0]
        return frozenset("word" if re.match(r"\w", c) else "other" for c in same)
    if code == "RANGE":
        ends = "".join(map(chr, value))
        if ends.isascii() and (ends.isdigit() or (ends.isalpha() and (ends.islower() or ends.isupper()))):
            return WORD
        return EITHER
    if code == "CATEGORY" and not value.name.startswith("CATEGORY_NOT"):
        return OTHER if value.name.endswith("SPACE") else WORD
    if code == "CATEGORY" and value.name == "CATEGORY_NOT_WORD" and not flags & re.ASCII:
        return OTHER
    return EITHER
