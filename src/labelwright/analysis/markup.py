"""HTML from values. A plain string is data and is escaped; only what these functions return is markup."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import TypeAlias

__all__ = ["EMPTY", "Child", "Markup", "clean", "tag"]


class Markup(str):
    """HTML that is safe to place: every piece of data in it has been escaped."""

    __slots__ = ()


Child: TypeAlias = str | Iterable["Child"] | None

EMPTY = Markup("")

_VOID = frozenset({"meta", "br", "hr", "wbr", "img"})


def clean(text: str) -> str:
    """Replace what HTML and UTF-8 cannot hold (control characters, lone surrogates) with a replacement mark.

    Examples
    --------
    >>> clean("a" + chr(0) + "b" + chr(10)) == "a" + chr(0xFFFD) + "b" + chr(10)
    True
    """
    return "".join("\ufffd" if _unfit(c) else c for c in text)


def _unfit(c: str) -> bool:
    code = ord(c)
    return (code < 32 and c not in "\t\n") or 127 <= code < 160 or 0xD800 <= code < 0xE000 or code & 0xFFFE == 0xFFFE


def render(child: Child) -> Markup:
    """Join children to markup; plain strings are escaped, ``None`` is nothing."""
    if child is None:
        return EMPTY
    if isinstance(child, Markup):
        return child
    if isinstance(child, str):
        return Markup(html.escape(clean(child)))
    return Markup("".join(render(c) for c in child))


def tag(element: str, /, *children: Child, **attributes: str | bool | None) -> Markup:
    """Return one element.

    Parameters
    ----------
    name : str
        Tag name.
    *children : str, Markup or iterable of them
        Strings are escaped.
    **attributes : str, bool or None
        ``class_`` stands for ``class``, and ``_`` inside a name for ``-``. ``True`` gives a bare attribute; ``None``
        and ``False`` give none.

    Examples
    --------
    >>> tag("p", "1 < 2", class_="note")
    '<p class="note">1 &lt; 2</p>'
    """
    parts = [element]
    for key, value in attributes.items():
        attribute = key.rstrip("_").replace("_", "-")
        if value is True:
            parts.append(attribute)
        elif isinstance(value, str):
            parts.append(f'{attribute}="{html.escape(clean(value))}"')
    inner = "" if element in _VOID else f"{render(children)}</{element}>"
    return Markup(f"<{' '.join(parts)}>{inner}")
