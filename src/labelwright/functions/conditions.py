"""A condition over columns, in the small language or as a Polars expression: checked, versioned, on rows and frames."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, product
from typing import Any

import polars as pl

from labelwright.core.errors import FunctionError, VersionError

from .expression_language import ParsedExpression, parse_expression
from .reading import read_field, unknown_field

__all__ = ["Condition", "make_condition"]

_KINDS = (pl.Null, pl.String, pl.Float64, pl.Boolean)
_TRIES = 256


@dataclass(frozen=True, eq=False, slots=True)
class Condition:
    """A condition over columns; made by `make_condition`, which checks it.

    Parameters
    ----------
    stated : str or polars.Expr
        As the user stated it.
    owner : str
        Whose condition it is, for messages: ``"labeling function 'short'"``.
    fields : tuple of str
        The columns that it reads.
    """

    stated: str | pl.Expr
    owner: str
    fields: tuple[str, ...]

    def version_parts(self, *, instead: str) -> dict[str, str]:
        """Return what a version is made of: the condition in one spelling; for Polars' own, also Polars' version.

        Parameters
        ----------
        instead : str
            What to use where the expression calls Python code, whose version cannot be told.
        """
        if isinstance(self.stated, str):
            return {"expression": _parsed(self.stated, self._whose).normal}
        # What Polars writes is stable for one version of Polars only, so another version is another function.
        return {"expression": _written(self.stated, self.owner, instead), "polars": pl.__version__}

    @property
    def _whose(self) -> str:
        return f"expression of {self.owner}"

    def expression(self, schema: pl.Schema) -> pl.Expr:
        """Return the Polars expression, Boolean, for data with these columns.

        Raises
        ------
        FunctionError
            If a column is missing, or kinds of value do not go together.
        """
        if isinstance(self.stated, str):
            return _parsed(self.stated, self._whose).bind(schema)
        for field in self.fields:
            if field not in schema:
                raise FunctionError(
                    f"{self._whose} reads column {field!r}, which the data does not have; "
                    f"{unknown_field(field, schema)}"
                )
        return self.stated

    def holds(self, x: Any) -> bool:
        """Return whether it holds for one example, taken as a frame of one row.

        Raises
        ------
        FunctionError
            If the example lacks a field, or has a value that does not fit.
        """
        row = {field: read_field(x, field, self.owner) for field in self.fields}
        missing = [field for field, value in row.items() if value is None]
        # A missing value does not tell the type of its column, which Polars' functions insist on.
        for kinds in islice(product(_KINDS, repeat=len(missing)), _TRIES):
            types = dict(zip(missing, kinds, strict=True))
            frame = pl.DataFrame({field: [value] for field, value in row.items()}, schema_overrides=types, strict=False)
            try:
                return frame.select(self.expression(frame.schema)).item() is True
            except pl.exceptions.PolarsError as error:
                failure = error
        raise FunctionError(f"{self._whose} does not fit the example {row!r}: {failure}") from failure


@lru_cache(maxsize=1024)
def _parsed(text: str, owner: str) -> ParsedExpression:
    return parse_expression(text, owner)


def make_condition(stated: str | pl.Expr, owner: str) -> Condition:
    """Return a condition that has been checked.

    Parameters
    ----------
    stated : str or polars.Expr
        Text in the small language (`labelwright.functions.expression_language`), or a Polars expression that gives one
        Boolean per row and depends on that row alone.
    owner : str
        Whose condition it is, for messages.

    Raises
    ------
    FunctionError
        If the text is not in the language, the expression looks at more than one row, or no column is read.

    Examples
    --------
    >>> condition = make_condition("len(text) < 5 and likes > 3", "slice 'short'")
    >>> condition.fields, condition.holds({"text": "wow", "likes": 9})
    (('text', 'likes'), True)
    """
    whose = f"expression of {owner}"
    if isinstance(stated, pl.Expr):
        _check_expression(stated, whose)
        fields = tuple(dict.fromkeys(stated.meta.root_names()))
    elif isinstance(stated, str) and stated.strip():
        fields = _parsed(stated, whose).fields
    else:
        raise FunctionError(f"{whose} is {stated!r}; pass a condition, such as 'likes > 100', or a Polars expression.")
    if not fields:
        raise FunctionError(f"{whose} reads no column; name at least one.")
    return Condition(stated, owner, fields)


def _check_expression(expression: pl.Expr, owner: str) -> None:
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


def _written(expression: pl.Expr, owner: str, instead: str) -> str:
    try:
        written = expression.meta.serialize(format="json")
    except (pl.exceptions.PolarsError, TypeError, ValueError) as error:
        raise VersionError(
            f"the version of {owner} cannot be worked out: its expression has no written form ({error})."
        ) from error
    if any("anonymous" in key.lower() or "python" in key.lower() for key in _keys(json.loads(written))):
        raise VersionError(
            f"the version of {owner} cannot be worked out: its expression calls Python code "
            f"(map_batches or map_elements). Use {instead}, whose code is versioned."
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
