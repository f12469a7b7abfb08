"""Which labeling functions share primitives: what they read, look for, look up and call, found in their code."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from typing import Any

from labelwright.core.errors import VersionError

from .fields import field_access
from .sources import function_source
from .versions import Part, explain

__all__ = ["Primitive", "primitives_of", "shared_primitives"]

Primitive = tuple[str, str]
"""Kind (``field``, ``word``, ``code`` or ``value``) and which: a name, a word, or a hash."""

# As much as to be in half of the functions says.
_ONE_BIT = 1.0

# Letters of a word or a stem; shorter ones are syntax and grammar more often than they are what is looked for.
_WORD = re.compile(r"[^\W\d_]{3,}")

# In a pattern, a letter after a backslash is a class of signs, and a group may carry flags and a name.
_SYNTAX = re.compile(r"\\.|\(\?[a-zA-Z-]*[:)]|\(\?P<\w*>")

# Parameters of a declarative function that say what it is, not what it looks for.
_FORM = frozenset(("case_sensitive", "field", "fields", "flags", "kind", "label", "labels", "polars", "whole_words"))

_VALUES = frozenset(("constant", "closure value", "resource", "parameter", "value", "default"))


def shared_primitives(functions: Iterable[Any]) -> list[tuple[str, str]]:
    """Return the pairs of labeling functions whose code shares primitives that few others have, most telling first.

    Parameters
    ----------
    functions : iterable of LabelingFunction or callable
        Each with its own name (``name``, else ``__name__``).

    Returns
    -------
    list of (str, str)
        Names in the order of ``functions``. Made to be the prior of
        `labelwright.labelmodels.dependencies.learn_dependencies.learn_dependencies`: it guesses, votes decide.

    Notes
    -----
    After Coral (Varma et al., NeurIPS 2017): functions that compute with the same primitives are likely to depend on
    each other, and their code says so before any vote is cast. A primitive that d of m functions share counts
    ``log2((m + 1) / d)`` bits, and one that all share, as the field that all read, nothing. Primitives that go together
    in the very same functions (a helper, and the tables that only it uses) count once. A pair is returned from one bit
    on.

    Examples
    --------
    >>> def loud(x): return 1 if "free money" in x.text else None
    >>> def quiet(x): return 1 if x.text.count("money") > 2 else None
    >>> def short(x): return 0 if x.length < 10 else None
    >>> pairs = shared_primitives([loud, quiet, short])  # a doctest's source may not be at hand
    >>> pairs in ([], [("loud", "quiet")])
    True
    """
    known = [(_name(function), primitives_of(function)) for function in functions]
    users: dict[Primitive, list[int]] = {}
    for place, (_, primitives) in enumerate(known):
        for primitive in primitives:
            users.setdefault(primitive, []).append(place)
    bits: dict[tuple[int, int], float] = {}
    for together in {tuple(places) for places in users.values() if 1 < len(places) < len(known)}:
        for pair in combinations(together, 2):
            bits[pair] = bits.get(pair, 0.0) + math.log2((len(known) + 1) / len(together))
    found = sorted((-telling, pair) for pair, telling in bits.items() if telling >= _ONE_BIT)
    return [(known[first][0], known[second][0]) for _, (first, second) in found]


def primitives_of(function: Any) -> frozenset[Primitive]:
    """Return the primitives of one labeling function.

    Parameters
    ----------
    function : LabelingFunction or callable

    Returns
    -------
    frozenset of (str, str)
        ``("field", name)``: a field it reads. ``("word", word)``: three letters or more that it looks for, in a list of
        keywords, a pattern or a text in its code, in lower case. ``("code", hash)``: a helper function, a class, a
        preprocessor. ``("value", hash)``: a resource or a constant other than a number: a knowledge base, a compiled
        pattern, a list. What cannot be read (a function typed into a shell) has fewer of them.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> told = SimpleNamespace(name="prize", fields=("text",), words=("free entry", "won"), label=1)
    >>> sorted(primitives_of(told))
    [('field', 'text'), ('word', 'entry'), ('word', 'free'), ('word', 'won')]
    """
    fields = _fields(function)
    classes = {str(label).lower() for label in getattr(function, "labels", None) or ()}
    classes.add(str(getattr(function, "label", "")).lower())
    words = {word for text in _texts(function) for word in _words(text)}
    found = {("field", field) for field in fields} | {("word", word) for word in words - fields - classes}
    try:
        parts = explain(function, depends_on=("only parts are asked for",)).parts
    except (VersionError, TypeError, AttributeError, OSError):
        parts = ()
    return frozenset(found | set(_of_parts(parts, classes)))


def _name(function: Any) -> str:
    return str(getattr(function, "name", None) or getattr(function, "__name__", type(function).__name__))


def _fields(function: Any) -> set[str]:
    declared = getattr(function, "fields", None)
    if declared is not None:
        return {str(field) for field in declared}
    access = field_access(_plain(function))
    return set() if access is None else set(access.reads | access.asks)


def _plain(function: Any) -> Any:
    """Return the Python function of a labeling function made of one."""
    return getattr(function, "function", function)


def _texts(function: Any) -> Iterator[str]:
    """Yield what a function looks for in words: keywords, patterns, and the texts in its own code."""
    words = getattr(function, "words", ())
    yield from (str(word) for word in words) if not isinstance(words, str) else [words]
    pattern = getattr(function, "pattern", None)
    if isinstance(pattern, str) and not words:
        yield pattern
    try:
        source = function_source(_plain(function), "")
    except (VersionError, AttributeError, TypeError, OSError):
        return
    for node in ast.walk(source.node) if source is not None else ():
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _words(text: str) -> set[str]:
    return {word.lower() for word in _WORD.findall(_SYNTAX.sub(" ", text))}


def _of_parts(parts: Sequence[Part], classes: set[str]) -> Iterator[Primitive]:
    """Yield the code and the values that a function uses, however deep; not itself, nor its own form."""
    for part in parts:
        used = part.parent >= 0 and not (part.kind == "function" and parts[part.parent].name == part.name)
        label = part.name.rpartition(" > ")[2]
        of_root = part.parent >= 0 and parts[part.parent].parent < 0 and part.kind == "parameter"
        if not used or not part.digest or (of_root and label in _FORM):
            continue
        if part.kind in ("function", "class", "instance"):
            yield "code", part.digest
        elif part.kind in _VALUES and not _is_trivial(part.text, classes):
            yield "value", part.digest


def _is_trivial(text: str, classes: set[str]) -> bool:
    """Whether a value, by its short form, is a number, nothing, or the name of a class: anyone may write it."""
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return False
    if isinstance(value, str):
        return value.lower() in classes
    return value is None or isinstance(value, (bool, int, float, complex)) or value in ((), [], {})
