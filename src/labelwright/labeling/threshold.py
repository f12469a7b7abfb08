"""Vote where a number is on one side of a bound."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal

import polars as pl

from labelwright.core.errors import FunctionError

from .declarative import DeclarativeFunction, check_field, read_field
from .examples import Example
from .task_answers import Label, as_tasks

__all__ = ["Comparison", "ThresholdFunction", "threshold_lf"]

Comparison = Literal["<", "<=", ">", ">=", "==", "!="]

_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
# No column holds a number this large as an integer, so larger bounds say the same.
_BEYOND = 2**100


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class ThresholdFunction(DeclarativeFunction):
    """Votes where a number compares with a value as stated; made by `threshold_lf`.

    Parameters
    ----------
    op : {"<", "<=", ">", ">=", "==", "!="}
        The comparison, field first.
    value : int or float
        The bound.
    name, label, fields, examples, tasks
        As for `DeclarativeFunction`; ``fields`` is the one number.
    """

    op: Comparison
    value: float

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.op not in _COMPARISONS:
            raise FunctionError(
                f"op of labeling function {self.name!r} is {self.op!r}; use one of {', '.join(_COMPARISONS)}."
            )
        value = self.value.item() if hasattr(self.value, "item") else self.value
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
            raise FunctionError(
                f"value of labeling function {self.name!r} is {self.value!r}; pass a number that is not NaN."
            )
        object.__setattr__(self, "value", value)

    @property
    def field(self) -> str:
        """The field that holds the number."""
        assert self.fields is not None  # every declarative function names its fields
        return self.fields[0]

    def parameters(self) -> Mapping[str, Any]:
        """Return the field, the comparison and the value."""
        return {"field": self.field, "op": self.op, "value": self.value}

    def fires(self, x: Any) -> bool:
        """Return whether the number of one example compares as stated; a missing one does not."""
        found = read_field(x, self.field, self.name)
        if found is None:
            return False
        if isinstance(found, bool) or not isinstance(found, Real):
            raise FunctionError(
                f"labeling function {self.name!r} reads field {self.field!r}, which is {found!r} "
                f"({type(found).__name__}); it needs a number."
            )
        return bool(_COMPARISONS[self.op](found, self.value))

    def expression(self, schema: pl.Schema) -> pl.Expr:
        """Return where the number compares as stated; see `VectorisedFunction`."""
        kind = self._column(schema, self.field, lambda k: k.is_integer() or k.is_float(), "a number")
        column = pl.col(self.field)
        if kind == pl.Null:
            return column.is_not_null()
        # Python compares integers and floats exactly; Polars would round one to the other's type first.
        whole = kind.is_integer()
        column = column.cast(pl.Int128) if whole else column.cast(pl.Float64).fill_nan(None)
        op, bound = _representable(self.op, self.value, whole=whole)
        if isinstance(bound, bool):
            return column.is_not_null() & bound
        fires: pl.Expr = _COMPARISONS[op](column, pl.lit(bound, pl.Int128 if whole else pl.Float64))
        return fires


def _representable(op: str, value: float, *, whole: bool) -> tuple[str, float | bool]:
    """Return a comparison that says the same with a bound of the column's type, or an answer for every number."""
    if whole:
        near: float = math.floor(min(max(value, -_BEYOND), _BEYOND))
    else:
        near = _as_float(value)
    if near == value:
        return op, near
    if op in ("==", "!="):
        return op, op == "!="
    # No number of the column lies between the bound and its neighbour.
    below = near < value
    return {"<": "<=" if below else "<", ">": ">" if below else ">="}[op[0]], near


def _as_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def threshold_lf(
    name: str,
    field: str,
    op: Comparison,
    value: float,
    label: Label,
    *,
    task: str | None = None,
    examples: Iterable[Example] = (),
) -> ThresholdFunction:
    """Make a labeling function that votes where a number is on one side of a bound.

    Parameters
    ----------
    name : str
        Name of the source.
    field : str
        The column that holds the number. A missing number (null or NaN) never fires, whatever the comparison.
    op : {"<", "<=", ">", ">=", "==", "!="}
        How the field compares with ``value``.
    value : int or float
        The bound.
    label : str or int
        The class to vote for. Over tasks also a list of classes of which one holds, or a mapping of task to either.
    task : str, optional
        The task it votes on, where there are several (`labelwright.core.task_graph.TaskGraph`).
    examples : sequence of (value or mapping of fields, vote), optional
        What it must vote, for ``labelwright test``: see `LabelingFunction`.

    Returns
    -------
    ThresholdFunction

    Raises
    ------
    FunctionError
        If the comparison is unknown, if the value is no number, or if another argument is wrong.

    Examples
    --------
    >>> tall = threshold_lf("tall", "height", ">=", 1.9, "player")
    >>> tall({"height": 2.03})
    'player'
    >>> tall({"height": float("nan")}) is None
    True
    """
    fields = (check_field(field, name),)
    return ThresholdFunction(
        name=name,
        label=label,
        fields=fields,
        op=op,
        value=value,
        tasks=as_tasks(task, None, name),
        examples=examples,  # type: ignore[arg-type]  # made a tuple
    )
