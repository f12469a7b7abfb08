r"""Sets of characters: what Python's ``re`` means by a class, written for Polars' engine.

The two engines follow different releases of Unicode and different definitions: Python's ``\w`` is ``str.isalnum`` or
an underscore, Rust's adds combining marks and joiners and leaves out superscripts. So nothing here is taken on trust:
the sets are measured, once per process, over every code point in use, and written as a property plus its exceptions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Any

import polars as pl

__all__ = [
    "NEVER",
    "Untranslatable",
    "any_of",
    "digit_class",
    "disguised",
    "escape",
    "folded",
    "name_of",
    "odd_characters",
    "one_character",
    "sees_through",
    "space_class",
    "word_class",
    "write_inside",
]

NEVER = r"[a&&b]"
"""A class that holds no character."""

_SURROGATES = range(0xD800, 0xE000)
_META = frozenset(r"\.+*?()|[]{}^$#&-~/")


class Untranslatable(Exception):  # noqa: N818 - a finding that is always caught, not an error
    """The pattern uses something that Polars' engine does not have; the message names it."""


def escape(character: str) -> str:
    r"""Return ``character`` as Polars' engine must read it, within a class or outside.

    Examples
    --------
    >>> escape("a"), escape("."), escape("é")
    ('a', '\\.', '\\x{e9}')
    """
    if character in _META:
        return "\\" + character
    if " " <= character <= "~":
        return character
    return f"\\x{{{ord(character):x}}}"


def any_of(characters: Iterable[str]) -> str:
    r"""Return the inside of a class that holds exactly ``characters``, as ranges.

    Lone surrogates are left out: no Polars string holds one.

    Examples
    --------
    >>> any_of("abcxé")
    'a-cx\\x{e9}'
    """
    runs: list[list[int]] = []
    for code in sorted({ord(c) for c in characters}):
        if code in _SURROGATES:
            continue
        if runs and runs[-1][1] == code - 1:
            runs[-1][1] = code
        else:
            runs.append([code, code])
    return "".join(_run(low, high) for low, high in runs)


def _run(low: int, high: int) -> str:
    if high - low < 2:
        return "".join(escape(chr(code)) for code in range(low, high + 1))
    return f"{escape(chr(low))}-{escape(chr(high))}"


@cache
def _every_character() -> str:
    # Unicode uses planes 0 to 3 and 14, and two for private use; a test looks at every code point.
    used = (range(_SURROGATES.start), range(_SURROGATES.stop, 0x40000), range(0xE0000, 0xF0000))
    return "".join(chr(code) for codes in used for code in codes)


def _in_rust(pattern: str, text: str) -> str:
    """Return the characters of ``text`` that Polars' engine finds in the class ``pattern``."""
    runs = pl.Series([text]).str.extract_all(f"{pattern}+").item()
    return "".join(runs.to_list())


def _in_python(pattern: str, text: str) -> str:
    return "".join(re.findall(f"{pattern}+", text))


def _differences(python: str, rust: str, *, not_python: str, not_rust: str) -> tuple[str, str]:
    """Return the characters that Python's class has and Rust's lacks, and the other way round."""
    everything = _every_character()
    return (
        _in_rust(not_rust, _in_python(python, everything)),
        _in_python(not_python, _in_rust(rust, everything)),
    )


def _corrected(inside: str, missing: str, extra: str) -> str:
    whole = f"[{inside}{any_of(missing)}]"
    return f"[{whole}--[{any_of(extra)}]]" if extra else whole


@cache
def word_class() -> str:
    r"""Return the class that holds what Python's ``\w`` holds."""
    missing, extra = _differences(r"\w", r"[\p{L}\p{N}_]", not_python=r"\W", not_rust=r"[^\p{L}\p{N}_]")
    return _corrected(r"\p{L}\p{N}_", missing, extra)


@cache
def digit_class() -> str:
    r"""Return the class that holds what Python's ``\d`` holds."""
    return _corrected(r"\d", *_differences(r"\d", r"\d", not_python=r"\D", not_rust=r"\D"))


@cache
def space_class() -> str:
    r"""Return the class that holds what Python's ``\s`` holds: Rust's, and the four separators U+001C to U+001F."""
    return _corrected(r"\s", *_differences(r"\s", r"\s", not_python=r"\S", not_rust=r"\S"))


@cache
def _odd() -> tuple[str, str]:
    return _differences(r"\w", r"\w", not_python=r"\W", not_rust=r"\W")


@cache
def odd_characters() -> str:
    r"""Return the class of the characters that are word characters for one engine alone."""
    return f"[{any_of(''.join(_odd()))}]"


# One letter and one sign, without case, on which the engines agree.
_LETTER, _SIGN = "\u01c0", "\ufffc"


def disguised(texts: pl.Series) -> pl.Series:
    r"""Put a letter or a sign on which the engines agree in the place of each odd character.

    In the new texts Rust's ``\b`` holds where Python's holds in the old ones.

    Examples
    --------
    >>> disguised(pl.Series(["5\u00b2", "o\u0301"])).to_list() == ["5\u01c0", "o\ufffc"]
    True
    """
    letters, signs = (f"[{any_of(characters)}]" for characters in _odd())
    return texts.str.replace_all(letters, _LETTER).str.replace_all(signs, _SIGN)


@cache
def _telling() -> frozenset[str]:
    return frozenset("".join(_odd()) + _LETTER + _SIGN)


def sees_through(items: list[Any], flags: int) -> bool:
    """Return whether a class may tell an odd character from what stands in its place."""
    members = items[1:] if items and name_of(items[0][0]) == "NEGATE" else items
    for code, value in members:
        kind = name_of(code)
        if kind == "LITERAL" and chr(value) in _telling():
            return True
        if kind == "RANGE" and value[1] > 127 and any(value[0] <= ord(c) <= value[1] for c in _telling()):
            return True
    if not flags & re.IGNORECASE:
        return False
    changed = "".join(folded(_python_class(members), bool(flags & re.ASCII)))
    return not _telling().isdisjoint(changed)


@cache
def _cased() -> str:
    # No script beyond the second plane has case; a test looks at every code point.
    return "".join(c for c in map(chr, range(0x20000)) if c.lower() != c or c.upper() != c)


@lru_cache(maxsize=4096)
def folded(python_class: str, ascii_only: bool) -> tuple[str, str]:
    """Return what ignoring case adds to a class of Python's, and what it takes away.

    Case changes cased characters only, so it is enough to ask Python about each of those (about 2,900).

    Parameters
    ----------
    python_class : str
        A pattern for one character, in Python's syntax.
    ascii_only : bool
        Whether ``re.ASCII`` holds.

    Returns
    -------
    tuple of (str, str)
        Characters added, characters removed (``İ`` is not in ``[İ-İ]`` once case is ignored).

    Examples
    --------
    >>> folded("s", False)
    ('Sſ', '')
    """
    flags = re.ASCII if ascii_only else 0
    plain = set(re.findall(python_class, _cased(), flags))
    ignoring = set(re.findall(python_class, _cased(), flags | re.IGNORECASE))
    return "".join(sorted(ignoring - plain)), "".join(sorted(plain - ignoring))


def name_of(code: Any) -> str:
    """Return the name of a node's kind, which is a string or one of the parser's named constants."""
    return code if isinstance(code, str) else str(code.name)


def one_character(items: list[Any], flags: int) -> str:
    """Write the class of a parse tree's ``IN`` node."""
    if items and name_of(items[0][0]) == "NEGATE":
        return f"[^{write_inside(items[1:], flags)}]"
    return f"[{write_inside(items, flags)}]"


def write_inside(items: list[Any], flags: int) -> str:
    """Write the inside of a class, as nested classes where case is ignored."""
    inside = "".join(_member(name_of(code), value, flags) for code, value in items) or NEVER
    if not flags & re.IGNORECASE:
        return inside
    added, removed = folded(_python_class(items), bool(flags & re.ASCII))
    whole = inside + "".join(map(escape, added))
    return f"[{whole}]--[{''.join(map(escape, removed))}]" if removed else whole


def _member(code: str, value: Any, flags: int) -> str:
    if code == "LITERAL":
        return "" if 0xD800 <= value < 0xE000 else escape(chr(value))
    if code == "RANGE":
        low, high = value
        low = 0xE000 if 0xD800 <= low < 0xE000 else low
        high = 0xD7FF if 0xD800 <= high < 0xE000 else high
        return f"{escape(chr(low))}-{escape(chr(high))}" if low <= high else ""
    if code == "CATEGORY":
        return _category(value.name.removeprefix("CATEGORY_"), flags)
    raise Untranslatable(f"the construct {code} in a class")


def _category(name: str, flags: int) -> str:
    kind = name.removeprefix("NOT_")
    if flags & re.ASCII:
        written = {"WORD": "[0-9A-Za-z_]", "DIGIT": "[0-9]", "SPACE": r"[\t-\r ]"}.get(kind)
    else:
        known = {"WORD": word_class, "DIGIT": digit_class, "SPACE": space_class}.get(kind)
        written = known() if known else None
    if written is None:
        raise Untranslatable(f"the class {name}")
    return written if kind == name else f"[^{written}]"


def _python_class(items: list[Any]) -> str:
    return "[" + "".join(_python_member(name_of(code), value) for code, value in items) + "]"


def _python_member(code: str, value: Any) -> str:
    if code == "LITERAL":
        return f"\\U{value:08x}"
    if code == "RANGE":
        return f"\\U{value[0]:08x}-\\U{value[1]:08x}"
    name = value.name.removeprefix("CATEGORY_")
    letter = name.removeprefix("NOT_")[0].lower()
    return f"\\{letter.upper() if name.startswith('NOT_') else letter}"
