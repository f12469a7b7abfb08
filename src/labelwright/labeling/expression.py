"""Vote where a condition over the columns holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from labelwright.functions.conditions import Condition, make_condition

from .declarative import DeclarativeFunction
from .examples import Example
from .task_answers import Label, as_tasks

__all__ = ["ExpressionFunction", "expression_lf"]


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class ExpressionFunction(DeclarativeFunction):
    """Votes where a condition over the columns holds; made by `expression_lf`.

    Parameters
    ----------
    condition : str or polars.Expr
        The condition.
    name, label, fields, examples, tasks
        As for `DeclarativeFunction`.
    """

    condition: str | pl.Expr

    def parameters(self) -> Mapping[str, Any]:
        """Return the condition."""
        return {"expression": str(self.condition)}

    def __version_parts__(self) -> dict[str, Any]:
        """What the version is made of: the condition in one spelling; for Polars' own, also the version of Polars."""
        return {
            "kind": type(self).__name__,
            "label": self.label,
            **self._stated.version_parts(instead="batch_lf"),
            **self._task_parts(),
        }

    @property
    def _stated(self) -> Condition:
        return Condition(self.condition, _owner(self.name), self.fields or ())

    def fires(self, x: Any) -> bool:
        """Return whether the condition holds for one example, taken as a frame of one row."""
        return self._stated.holds(x)

    def expression(self, schema: pl.Schema) -> pl.Expr:
        """Return where the condition holds; see `VectorisedFunction`."""
        return self._stated.expression(schema)


def _owner(name: object) -> str:
    return f"labeling function {name!r}"


def expression_lf(
    name: str,
    expression: str | pl.Expr,
    label: Label,
    *,
    task: str | None = None,
    examples: Iterable[Example] = (),
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
        The class to vote for. Over tasks also a list of classes of which one holds, or a mapping of task to either.
    task : str, optional
        The task it votes on, where there are several (`labelwright.core.task_graph.TaskGraph`).
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
    fields = make_condition(expression, _owner(name)).fields
    return ExpressionFunction(
        name=name,
        label=label,
        fields=fields,
        condition=expression,
        tasks=as_tasks(task, None, name),
        examples=examples,  # type: ignore[arg-type]  # made a tuple
    )
