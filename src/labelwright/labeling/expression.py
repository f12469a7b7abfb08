"""Vote where a condition over the columns holds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, product
from typing import Any

import polars as pl

from labelwright.core import Class
from labelwright.core.errors import FunctionError, VersionError

from .declarative import DeclarativeFunction, read_field, unknown_field
from .examples import Example
from .expression_language import ParsedExpression, parse_expression

__all__ = ["ExpressionFunction", "expression_lf"]

_KINDS = (pl.Null, pl.String, pl.Float64, pl.Boolean)
_TRIES = 256


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class ExpressionFunction(DeclarativeFunction):
    """Votes where a condition over the columns holds; made by `expression_lf`.

    Parameters
    ----------
    condition : str or polars.Expr
        The condition.
    name, label, fields, examples
        As for `DeclarativeFunction`.
    """

    condition: str | pl.Expr

    def parameters(self) -> Mapping[str, Any]:
        """Return the condition."""
        return {"expression": str(self.condition)}

    def __version_parts__(self) -> dict[str, Any]:
        """What the version is made of: the condition in one spelling; for Polars' own, also the version of Polars."""
        kind = {"kind": type(self).__name__, "label": self.label}
        if isinstance(self.condition, str):
            return {**kind, "expression": _parsed(self.condition, self._owner).normal}
        # What Polars writes is stable for one version of Polars only, so another version is another function.
        return {**kind, "expression": _written(self.condition, self.name), "polars": pl.__version__}

    @property
    def _owner(self) -> str:
        return f"expression of labeling function {self.name!r}"

    def fires(self, x: Any) -> bool:
        """Return whether the condition holds for one example, taken as a frame of one row."""
        row = {field: read_field(x, field, self.name) for field in self.fields or ()}
        missing = [field for field, value in row.items() if value is None]
        # A missing value does not tell the type of its column, which Polars' functions insist on.
        for kinds in islice(product(_KINDS, repeat=len(missing)), _TRIES):
            types = dict(zip(missing, kinds, strict=True))
            frame = pl.DataFrame({field: [value] for field, value in row.items()}, schema_overrides=types, strict=False)
            try:
                return frame.select(self.expression(frame.schema)).item() is True
            except pl.exceptions.PolarsError as error:
                failure = error
        raise FunctionError(f"{self._owner} does not fit the example {row!r}: {failure}") from failure

    def expression(self, schema: pl.Schema) -> pl.Expr:
        """Return where the condition holds; see `VectorisedFunction`."""
        if isinstance(self.condition, str):
            return _parsed(self.condition, self._owner).bind(schema)
        for field in self.fields or ():
            if field not in schema:
                raise FunctionError(
                    f"{self._owner} reads column {field!r}, which the data does not have; "
                    f"{unknown_field(field, schema)}"
                )
        return self.condition


@lru_cache(maxsize=1024)
def _parsed(text: str, owner: str) -> ParsedExpression:
    return parse_expression(text, owner)


def expression_lf(
    name: str, expression: str | pl.Expr, label: Class, *, examples: Iterable[Example] = ()
) -> ExpressionFunction:
    """Make a labeling function that votes where a condition over the columns holds.

    Parameters
    ----------
    name : str
        Name of the source.
    expression : str or polars.Expr
        Either text in a small language that can do no harm: columns by name (in backticks where the name is no
        identifier), numbers, text in quotes, ``True`` and ``False``, comparisons (also chained), ``and``, ``or``,
        ``not``, ``in`` and ``not in`` (a list, or text within text), ``+ - * / // %``, and the functions ``contains``,
        ``startswith``, ``endswith``, ``len``, ``lower``, ``upper``, ``abs`` and ``is_null``. Or any Polars expression
        that gives one Boolean per row and depends on that row alone.
    label : str or int
        The class to vote for.
    examples : sequence of (value or mapping of fields, vote), optional
        What it must vote, for ``labelwright test``: see `LabelingFunction`.

    Returns
    -------
    ExpressionFunction

    Raises
    ------
    FunctionError
        If the text is not in the language (the message points at the place), or if the Polars expression is not one
        value per row.

    Notes
    -----
    Missing values make a condition unknown, and an unknown condition does not fire: with no price, neither
    ``price > 3`` nor ``not price > 3`` holds. ``and`` and ``or`` are decided by the other side where that is enough. In
    the language NaN counts as missing; a Polars expression keeps Polars' rules, by which NaN is above all numbers.

    The version of a Polars expression includes Polars' version. One with Python code inside has no version.

    Examples
    --------
    >>> short_praise = expression_lf("short_praise", "len(text) < 20 and contains(lower(text), 'love')", "ham")
    >>> short_praise({"text": "Love this song"})
    'ham'
    >>> import polars as pl
    >>> popular = expression_lf("popular", pl.col("likes") > 100, "ham")
    >>> popular({"likes": 3}) is None
    True
    """
    if isinstance(expression, pl.Expr):
        _check_expression(expression, name)
        fields = tuple(dict.fromkeys(expression.meta.root_names()))
    elif isinstance(expression, str) and expression.strip():
        fields = _parsed(expression, f"expression of labeling function {name!r}").fields
    else:
        raise FunctionError(
            f"expression of labeling function {name!r} is {expression!r}; pass a condition, such as 'likes > 100', "
            "or a Polars expression."
        )
    if not fields:
        raise FunctionError(f"expression of labeling function {name!r} reads no column; name at least one.")
    return ExpressionFunction(name=name, label=label, fields=fields, condition=expression, examples=examples)  # type: ignore[arg-type]  # made a tuple


def _check_expression(expression: pl.Expr, name: object) -> None:
    owner = f"expression of labeling function {name!r}"
    if expression.meta.has_multiple_outputs():
        raise FunctionError(f"{owner} gives several columns; join them with pl.any_horizontal or pl.all_horizontal.")
    for piece in _pieces(expression):
        if not _row_by_row(piece):
            raise FunctionError(
                f"{owner}: {piece} depends on more than one row, so votes would depend on how the data is cut into "
                "parts; compute that column first."
            )


def _pieces(expression: pl.Expr) -> Iterator[pl.Expr]:
    yield expression
    for piece in expression.meta.pop():
        yield from _pieces(piece)


def _row_by_row(piece: pl.Expr) -> bool:
    # Within a list's own expressions, rows are the elements of one list.
    if piece.meta.is_literal(allow_aliasing=True) or "element()" in str(piece):
        return True
    try:
        # Older versions of Polars cannot tell.
        asked = [getattr(piece.meta, f"is_{law}", None) for law in ("row_separable", "length_preserving")]
        return all(law() for law in asked if law is not None)
    except pl.exceptions.PolarsError:  # Python code, of which Polars knows nothing without a schema
        return True


def _written(expression: pl.Expr, name: str) -> str:
    try:
        written = expression.meta.serialize(format="json")
    except (pl.exceptions.PolarsError, TypeError, ValueError) as error:
        raise VersionError(
            f"the version of labeling function {name!r} cannot be worked out: its expression has no written form "
            f"({error})."
        ) from error
    if any("anonymous" in key.lower() or "python" in key.lower() for key in _keys(json.loads(written))):
        raise VersionError(
            f"the version of labeling function {name!r} cannot be worked out: its expression calls Python code "
            "(map_batches or map_elements). Use batch_lf, whose code is versioned."
        )
    return written


def _keys(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from node
        for value in node.values():
            yield from _keys(value)
    elif isinstance(node, list):
        for value in node:
            yield from _keys(value)
