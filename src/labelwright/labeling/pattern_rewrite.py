r"""From a Python pattern to one for Polars' engine: Python's own parser reads it, this file writes it again.

The parse tree comes from ``re._parser``, which is private but has kept its shape from 3.11 to 3.14. It is touched in
this file alone, and a node that is not known here is not translated, so a change there costs speed, never meaning.
"""

from __future__ import annotations

import importlib
import re
from enum import Enum
from functools import cached_property
from typing import Any, NamedTuple

from .pattern_classes import (
    NEVER,
    Untranslatable,
    escape,
    folded,
    name_of,
    one_character,
    sees_through,
    word_class,
    write_inside,
)
from .pattern_ends import EITHER, OTHER, WORD, Kinds, combined, ends, neighbour

__all__ = ["Fidelity", "Translation", "Untranslatable", "translate"]

_EDGE: Kinds = frozenset()


class Fidelity(Enum):
    """How close the translation must come."""

    EXACT = "matches the texts that Python matches"
    NEAR = "the same, on texts without `odd_characters` that are not empty and do not end in a newline"
    SUPERSET = "matches every text that Python matches, and perhaps more"


class _Context(NamedTuple):
    """What stands next to an item: the kinds of character possible there, or nothing at all (``_EDGE``).

    At an edge of the whole pattern one more character may be consumed without changing whether there is a match: this
    is how one character of look-around is written in an engine that has none.
    """

    left: Kinds
    right: Kinds


class Translation(NamedTuple):
    """A pattern for Polars' engine.

    Attributes
    ----------
    pattern : str
        The pattern.
    leads : bool
        Whether it may begin with a class written for a look behind.
    blind : bool
        Whether it cannot tell odd characters from what `disguised` puts in their place, nor how a text ends: then what
        is near on texts as they are is exact on disguised ones.
    """

    pattern: str
    leads: bool
    blind: bool


def translate(pattern: str, flags: int, fidelity: Fidelity) -> Translation:
    r"""Write a Python pattern for Polars' engine.

    Parameters
    ----------
    pattern : str
        A valid pattern of Python's ``re``; ``re.search`` is its meaning.
    flags : int
        Flags of `re.compile`.
    fidelity : Fidelity
        How close the translation must come.

    Returns
    -------
    Translation
        The pattern for ``polars.Expr.str.contains``, and whether it begins with a class that hides its literals.

    Raises
    ------
    Untranslatable
        If Polars' engine has no such thing.

    Examples
    --------
    >>> translate(r"^caf[eé]$", 0, Fidelity.EXACT).pattern
    '\\Acaf[e\\x{e9}](?:\\n?\\z)'
    """
    try:
        parser: Any = importlib.import_module("re._parser")
        tree = parser.parse(pattern, flags)
        writer = _Writer(fidelity)
        written = writer.sequence(list(tree), tree.state.flags, _Context(_EDGE, _EDGE))
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise Untranslatable(f"a construct that this version does not know ({error})") from error
    return Translation(written, writer.leads, writer.blind)


class _Writer:
    """Writes a parse tree. Repetition is always greedy: whether there is a match does not depend on it."""

    def __init__(self, fidelity: Fidelity) -> None:
        self.fidelity = fidelity
        self.leads = False
        self.blind = True
        self.groups: dict[int, tuple[list[Any], int]] = {}
        self.anchors = True

    def sequence(self, items: list[Any], flags: int, context: _Context) -> str:
        out = []
        for i, (code, value) in enumerate(items):
            method = getattr(self, f"_on_{code.name.lower()}", None)
            if method is None:
                raise Untranslatable(f"the construct {code.name}")
            here = _Context(
                neighbour(items[:i][::-1], flags, context.left, last=True),
                neighbour(items[i + 1 :], flags, context.right, last=False),
            )
            out.append(method(value, flags, here))
        return "".join(out)

    @cached_property
    def _superset(self) -> bool:
        return self.fidelity is Fidelity.SUPERSET

    # characters

    def _on_literal(self, code: int, flags: int, _: _Context) -> str:
        character = chr(code)
        self._see([("LITERAL", code)], flags)
        if 0xD800 <= code < 0xE000:
            return NEVER
        if flags & re.IGNORECASE and any(folded(re.escape(character), bool(flags & re.ASCII))):
            return f"[{write_inside([('LITERAL', code)], flags)}]"
        return escape(character)

    def _on_not_literal(self, code: int, flags: int, _: _Context) -> str:
        self._see([("LITERAL", code)], flags)
        return f"[^{write_inside([('LITERAL', code)], flags)}]"

    def _on_in(self, items: list[Any], flags: int, _: _Context) -> str:
        self._see(items, flags)
        return one_character(items, flags)

    def _see(self, items: list[Any], flags: int) -> None:
        if self.fidelity is Fidelity.NEAR and sees_through(items, flags):
            self.blind = False

    def _on_any(self, _value: None, flags: int, _: _Context) -> str:
        return "(?s:.)" if flags & re.DOTALL else r"[^\n]"

    # structure

    def _on_branch(self, value: tuple[None, list[Any]], flags: int, context: _Context) -> str:
        return "(?:" + "|".join(self.sequence(list(branch), flags, context) for branch in value[1]) + ")"

    def _on_subpattern(self, value: tuple[int | None, int, int, Any], flags: int, context: _Context) -> str:
        group, added, removed, tree = value
        flags = combined(flags, added, removed)
        if group is not None:
            self.groups[group] = (list(tree), flags)
        return f"(?:{self.sequence(list(tree), flags, context)})"

    def _on_max_repeat(self, value: tuple[int, int, Any], flags: int, context: _Context) -> str:
        low, high, tree = value
        items = list(tree)
        if high != 1:
            context = _Context(
                (context.left or EITHER) | ends(items, flags, last=True)[0],
                (context.right or EITHER) | ends(items, flags, last=False)[0],
            )
        # MAXREPEAT compares as an integer above every bound that a pattern may state.
        upper = "" if high >= importlib.import_module("re._constants").MAXREPEAT else str(int(high))
        short = {(0, "1"): "?", (0, ""): "*", (1, ""): "+"}.get((low, upper))
        bounds = short or (f"{{{low}}}" if str(low) == upper else f"{{{low},{upper}}}")
        return f"(?:{self.sequence(items, flags, context)}){bounds}"

    _on_min_repeat = _on_max_repeat

    # what Polars' engine does not have

    def _on_possessive_repeat(self, value: tuple[int, int, Any], flags: int, context: _Context) -> str:
        self._only_superset("a possessive quantifier")
        return self._on_max_repeat(value, flags, context)

    def _on_atomic_group(self, tree: Any, flags: int, context: _Context) -> str:
        self._only_superset("an atomic group")
        return f"(?:{self.sequence(list(tree), flags, context)})"

    def _on_groupref(self, group: int, flags: int, _: _Context) -> str:
        """Write the group once more: what a back-reference matches, the group matched elsewhere."""
        self._only_superset("a back-reference")
        if flags & re.IGNORECASE or group not in self.groups:
            return "(?s:.)*"
        items, group_flags = self.groups[group]
        anchors, self.anchors = self.anchors, False
        again = self.sequence(items, group_flags, _Context(EITHER, EITHER))
        self.anchors = anchors
        return f"(?:{again})"

    def _on_groupref_exists(self, value: tuple[int, Any, Any], flags: int, context: _Context) -> str:
        self._only_superset("a condition on a group")
        _, yes, no = value
        return self._on_branch((None, [yes, no or []]), flags, context)

    def _only_superset(self, what: str) -> None:
        if not self._superset:
            raise Untranslatable(what)

    # places

    def _on_assert(self, value: tuple[int, Any], flags: int, context: _Context) -> str:
        direction, tree = value
        ahead = direction > 0
        if (context.right if ahead else context.left) == _EDGE and self.anchors:
            return f"(?:{self.sequence(list(tree), flags, context)})"
        if self._superset:
            return ""
        raise Untranslatable("look-ahead" if ahead else "look-behind")

    def _on_assert_not(self, value: tuple[int, Any], flags: int, context: _Context) -> str:
        direction, tree = value
        ahead = direction > 0
        items = list(tree)
        if self.fidelity is Fidelity.NEAR and _is_word(items, flags):
            return r"\b{end-half}" if ahead else r"\b{start-half}"
        forbidden = _negated(items, flags)
        if forbidden:
            self._see(items if items[0][0].name == "LITERAL" else items[0][1], flags)
        if forbidden and (context.right if ahead else context.left) == _EDGE and self.anchors:
            return rf"(?:{forbidden}|\z)" if ahead else self._leading(rf"(?:\A|{forbidden})")
        if self._superset:
            return ""
        raise Untranslatable("look-ahead" if ahead else "look-behind")

    def _on_failure(self, _value: Any, _flags: int, _: _Context) -> str:
        return NEVER

    def _on_at(self, where: Any, flags: int, context: _Context) -> str:
        if not self.anchors:
            return ""
        name = where.name.removeprefix("AT_")
        if name == "BOUNDARY":
            return self._boundary(flags, context)
        if name == "NON_BOUNDARY":
            return self._non_boundary(flags)
        if name == "BEGINNING" or name == "END":
            name += "_LINE" if flags & re.MULTILINE else ""
        simple = {"BEGINNING": r"\A", "BEGINNING_STRING": r"\A", "BEGINNING_LINE": "(?m:^)", "END_LINE": "(?m:$)"}
        if name in simple:
            return simple[name]
        if name == "END_STRING":
            return r"\z"
        if name != "END":
            raise Untranslatable(f"the construct {where.name}")
        return self._end(context)

    def _end(self, context: _Context) -> str:
        """Write ``$``: the end, or before a newline there."""
        if context.right == _EDGE:
            return r"(?:\n?\z)"
        if self.fidelity is Fidelity.NEAR:
            self.blind = False
            return r"\z"
        if self._superset:
            return ""
        raise Untranslatable("$ within the pattern")

    def _non_boundary(self, flags: int) -> str:
        if self._superset:
            return ""
        if self.fidelity is Fidelity.NEAR and not flags & re.ASCII:
            self.blind = False
            return r"\B"
        raise Untranslatable(r"\B")

    def _boundary(self, flags: int, context: _Context) -> str:
        if flags & re.ASCII:
            return r"(?-u:\b)"
        if self.fidelity is Fidelity.NEAR:
            return r"\b"
        written = _resolved_boundary(context)
        if written is not None:
            left = context.left == _EDGE and written not in ("", NEVER)
            return self._leading(written) if left else written
        if self._superset:
            return ""
        raise Untranslatable(r"\b within the pattern")

    def _leading(self, written: str) -> str:
        # A class in front hides the literals by which the engine finds candidates; a filter does better without it.
        self.leads = True
        return "" if self._superset else written


def _resolved_boundary(context: _Context) -> str | None:
    r"""Write ``\b`` without ``\b``, from what stands on either side; ``None`` where that is not known."""
    word, other = word_class(), f"[^{word_class()}]"
    left, right = context
    if left == _EDGE and right == _EDGE:
        return word
    if left == _EDGE:
        return {WORD: rf"(?:\A|{other})", OTHER: word}.get(right)
    if right == _EDGE:
        return {WORD: rf"(?:{other}|\z)", OTHER: word}.get(left)
    if len(left) == len(right) == 1:
        return "" if left != right else NEVER
    return None


def _is_word(items: list[Any], flags: int) -> bool:
    r"""Return whether a sequence is ``\w`` alone."""
    if len(items) != 1 or flags & re.ASCII or items[0][0].name != "IN":
        return False
    members = items[0][1]
    return len(members) == 1 and name_of(members[0][0]) == "CATEGORY" and members[0][1].name == "CATEGORY_WORD"


def _negated(items: list[Any], flags: int) -> str | None:
    """Write the complement of a sequence that is one character; ``None`` where it is not."""
    if len(items) != 1:
        return None
    code, value = items[0]
    if code.name == "LITERAL":
        return f"[^{write_inside([(code, value)], flags)}]"
    if code.name != "IN":
        return None
    if value and name_of(value[0][0]) == "NEGATE":
        return one_character(value[1:], flags)
    return one_character([("NEGATE", None), *value], flags)
