"""Search texts for a Python pattern at the speed of Polars' engine, with the meaning of Python's ``re.search``.

Three translations may exist (`pattern_rewrite`): one that means the same, one that means the same on all but odd
rows, and one that lets too much through. What each buys is said in ``docs/explanation/patterns.md``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache

import polars as pl

from labelwright.core.errors import FunctionError

from .pattern_classes import disguised, odd_characters
from .pattern_rewrite import Fidelity, Translation, Untranslatable, translate

__all__ = ["PatternSearch", "check_pattern"]


def check_pattern(pattern: object, flags: int, owner: str) -> None:
    """Refuse what is not a pattern of Python's ``re`` for text.

    Parameters
    ----------
    pattern : object
        What was passed as the pattern: a string, to be accepted.
    flags : int
        Flags of `re.compile`; ``re.DEBUG`` and ``re.LOCALE`` have no place here.
    owner : str
        Whose pattern it is, for the message.

    Raises
    ------
    FunctionError
        If it is not a string, if it does not compile (the message shows where), or if a flag makes no sense.
    """
    if not isinstance(pattern, str):
        kind = type(pattern).__name__
        raise FunctionError(f"{owner}: a pattern is a string, got {kind}; pass the text of it and `flags` apart.")
    if isinstance(flags, bool) or not isinstance(flags, int) or flags & (re.DEBUG | re.LOCALE):
        raise FunctionError(
            f"{owner}: flags is {flags!r}; pass flags of `re` such as re.IGNORECASE, not DEBUG or LOCALE."
        )
    try:
        re.compile(pattern, flags)
    except re.error as error:
        raise FunctionError(f"{owner}: {_shown(pattern, error)}") from error
    except (OverflowError, RecursionError, ValueError) as error:
        raise FunctionError(f"{owner}: the pattern {pattern!r} cannot be compiled: {error}.") from error


def _shown(pattern: str, error: re.error) -> str:
    line = pattern.splitlines()[error.lineno - 1] if error.lineno and pattern.splitlines() else pattern
    column = (error.colno or 1) - 1
    start = max(0, column - 40)
    return (
        f"the pattern is not valid: {error.msg} at position {error.pos}.\n"
        f"    {line[start : start + 80]}\n    {' ' * (column - start)}^"
    )


# Below this many rows Python answers sooner than the engine has compiled a class of 140,000 characters.
_WORTH_COMPILING = 256


@dataclass(frozen=True)
class PatternSearch:
    r"""Whether a pattern occurs in a text, for one text or a column of them.

    Parameters
    ----------
    pattern : str
        A valid pattern of Python's ``re``.
    flags : int
        Flags of `re.compile`.

    Examples
    --------
    >>> import polars as pl
    >>> search = PatternSearch(r"\bfree\b")
    >>> search("a free gift"), search("freedom")
    (True, False)
    >>> frame = pl.DataFrame({"text": ["a free gift", "freedom", None]})
    >>> frame.select(search.expression("text")).to_series().to_list()
    [True, False, None]
    """

    pattern: str
    flags: int = 0

    def __call__(self, text: str) -> bool:
        """Return whether ``re.search`` finds the pattern in ``text``."""
        return self._compiled.search(text) is not None

    def __reduce__(self) -> tuple[type[PatternSearch], tuple[str, int]]:
        # Translations are worked out anew where they arrive: they depend on that Python's release of Unicode.
        return type(self), (self.pattern, self.flags)

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(self.pattern, self.flags)

    @property
    def slow(self) -> str | None:
        """Why Python's ``re`` must look at rows itself, or ``None`` where it need not (odd rows apart)."""
        return _plan(self.pattern, self.flags).slow

    def expression(self, field: str) -> pl.Expr:
        """Return a Boolean expression: true where the pattern occurs in a column, false or null where that is null.

        Parameters
        ----------
        field : str
            Name of a column of strings.
        """
        plan = _plan(self.pattern, self.flags)
        if plan.exact is not None and plan.near is None:
            return pl.col(field).str.contains(plan.exact)
        if plan.near is not None and plan.blind:
            return _disguised(field).str.contains(plan.near)
        columns = [pl.col(field)] if plan.near is None else [pl.col(field), _odd(field)]
        return pl.map_batches(columns, self._find, return_dtype=pl.Boolean, is_elementwise=True)

    def _find(self, columns: Sequence[pl.Series]) -> pl.Series:
        """Return whether the pattern occurs in each text; a second column, where needed, says which are odd."""
        texts = columns[0]
        plan = _plan(self.pattern, self.flags)
        if plan.near is not None:
            found = texts.str.contains(plan.near)
            return _replaced(found, columns[1].arg_true(), lambda rows: self._on_odd(texts.gather(rows), plan))
        found = texts.is_not_null() if plan.filter is None else texts.str.contains(plan.filter)
        return _replaced(found, found.arg_true(), lambda rows: self._in_python(texts.gather(rows)))

    def _on_odd(self, texts: pl.Series, plan: _Plan) -> pl.Series:
        if plan.exact is None or len(texts) < _WORTH_COMPILING:
            return self._in_python(texts)
        return texts.str.contains(plan.exact)

    def _in_python(self, texts: pl.Series) -> pl.Series:
        search = self._compiled.search
        return pl.Series([search(text) is not None for text in texts.to_list()], dtype=pl.Boolean)


@cache
def _disguised(field: str) -> pl.Expr:
    """Return a column's texts without odd characters; one object per column, so that a plan works it out once."""
    return pl.col(field).map_batches(_disguised_texts, return_dtype=pl.String, is_elementwise=True)


def _disguised_texts(texts: pl.Series) -> pl.Series:
    rows = _wide(texts)
    rows = rows.gather(texts.gather(rows).str.contains(odd_characters()).arg_true())
    # `scatter` changes its own series, which here is the data's.
    return texts.clone().scatter(rows, disguised(texts.gather(rows))) if len(rows) else texts


def _wide(texts: pl.Series) -> pl.Series:
    # Most texts are plain ASCII, which is told at a fraction of the price of a pattern.
    return (texts.str.len_bytes() != texts.str.len_chars()).arg_true()


@cache
def _odd(field: str) -> pl.Expr:
    """Return where a column's texts are odd; one object per column, by which a plan knows to work it out once."""
    return pl.col(field).map_batches(_odd_texts, return_dtype=pl.Boolean, is_elementwise=True)


def _odd_texts(texts: pl.Series) -> pl.Series:
    odd = (texts.str.ends_with("\n") | (texts == "")).fill_null(False)
    return _replaced(
        odd, _wide(texts), lambda rows: odd.gather(rows) | texts.gather(rows).str.contains(odd_characters())
    )


def _replaced(found: pl.Series, rows: pl.Series, again: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """Return ``found`` with another answer on some rows."""
    return found.scatter(rows, again(rows)) if len(rows) else found


@dataclass(frozen=True)
class _Plan:
    """How a pattern is searched for.

    With ``exact`` alone, in one pass; with ``near``, in one pass over disguised texts if it is ``blind``, else in one
    pass and again on odd rows, by ``exact`` or Python; with neither, by Python on what ``filter`` lets through.
    """

    exact: str | None = None
    near: str | None = None
    blind: bool = False
    filter: str | None = None
    slow: str | None = None


@lru_cache(maxsize=4096)
def _plan(pattern: str, flags: int) -> _Plan:
    exact, why = _attempt(pattern, flags, Fidelity.EXACT)
    # A class in front of letters of one case is no burden: the engine still finds candidates by the letters.
    if exact is not None and not (exact.leads and re.compile(pattern, flags).flags & re.IGNORECASE):
        return _Plan(exact.pattern)
    near, still_why = _attempt(pattern, flags, Fidelity.NEAR)
    if exact is not None:
        if near is None or near.leads:
            return _Plan(exact.pattern)
        return _Plan(exact.pattern, near.pattern, near.blind)
    if near is not None:
        return _Plan(near=near.pattern, blind=near.blind)
    superset, _ = _attempt(pattern, flags, Fidelity.SUPERSET)
    # A filter that matches the empty text lets nearly everything through.
    useful = superset is not None and not pl.Series([""]).str.contains(superset.pattern).item()
    return _Plan(filter=superset.pattern if superset is not None and useful else None, slow=still_why or why)


def _attempt(pattern: str, flags: int, fidelity: Fidelity) -> tuple[Translation | None, str | None]:
    try:
        translation = translate(pattern, flags, fidelity)
        pl.Series([""]).str.contains(translation.pattern)
    except Untranslatable as finding:
        return None, str(finding)
    except pl.exceptions.ComputeError:
        return None, "a pattern too large for the linear-time engine"
    return translation, None
