"""Slices described by a condition over the columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labelwright.functions.conditions import Condition, make_condition

from .base import SlicingFunction

if TYPE_CHECKING:
    import polars as pl

__all__ = ["ExpressionSlice", "expression_slice"]


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class ExpressionSlice(SlicingFunction):
    """Examples on which a condition over the columns holds; made by `expression_slice`.

    Parameters
    ----------
    condition : Condition
    name, fields
        As for `SlicingFunction`.
    """

    condition: Condition

    def __version_parts__(self) -> dict[str, Any]:
        """What the version is made of: the condition in one spelling."""
        return {"kind": type(self).__name__, **self.condition.version_parts(instead="slicing_function")}

    def __call__(self, x: Any) -> bool:
        """Return whether the condition holds for one example; where it is unknown, it does not."""
        return self.condition.holds(x)

    def expression(self, schema: pl.Schema) -> pl.Expr:
        """Return where the condition holds, a Boolean expression for data with these columns.

        Raises
        ------
        FunctionError
            If a column is missing or of a type that does not fit.
        """
        return self.condition.expression(schema)


def expression_slice(name: str, expression: str | pl.Expr) -> ExpressionSlice:
    """Make a slice of the examples on which a condition over the columns holds.

    Parameters
    ----------
    name : str
        Name of the slice.
    expression : str or polars.Expr
        Text in the small language of `labelwright.labeling.expression_lf`, or a Polars expression that gives one
        Boolean per row and depends on that row alone. An unknown condition (a missing value) does not hold.

    Raises
    ------
    FunctionError
        If the text is not in the language, or the expression looks at more than one row.

    Examples
    --------
    >>> long_reads = expression_slice("long_reads", "len(text) > 40 and not contains(text, 'http')")
    >>> long_reads({"text": "http://short"})
    False
    """
    condition = make_condition(expression, f"slicing function {name!r}")
    return ExpressionSlice(name=name, fields=condition.fields, condition=condition)
