"""The task that engines run: membership in all slices on one part."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

import numpy as np
import numpy.typing as npt
import polars as pl

from labelwright.core.errors import FunctionError, SlicingError
from labelwright.core.failures import Failure, failures_of
from labelwright.data import Part
from labelwright.data.base import id_array
from labelwright.functions.calls import failed_on, prepared, summary
from labelwright.functions.one_pass import Run
from labelwright.functions.records import rows

from .base import SlicingFunction
from .expression import ExpressionSlice
from .python import PythonSlice

__all__ = ["OnError", "PartSlices", "SliceTask"]

OnError = Literal["raise", "outside"]


@dataclass(frozen=True, slots=True)
class PartSlices:
    """Membership on one part.

    Parameters
    ----------
    member : ndarray of bool, shape (rows, s)
    ids : ndarray, shape (rows,)
        Example ids.
    failures : tuple of Failure
        Functions that raised.
    seconds : float
        Time it took.
    failed : mapping of str to tuple of (int, str)
        For each function that raised, every row on which it did, and what it said.
    """

    member: npt.NDArray[np.bool_]
    ids: npt.NDArray[Any]
    failures: tuple[Failure, ...]
    seconds: float
    failed: Mapping[str, tuple[tuple[int, str], ...]]

    @property
    def rows(self) -> int:
        """Number of examples."""
        return len(self.member)


class SliceTask:
    """Applies slicing functions to parts; see `labelwright.slicing.apply`.

    Parameters
    ----------
    functions : sequence of SlicingFunction
        With different names.
    schema : polars.Schema
        Names and types of the columns that the data has.
    on_error : {"raise", "outside"}
        What to do when user code raises.

    Raises
    ------
    FunctionError
        If a function reads a column that the data lacks, or one of a type it cannot read.
    """

    def __init__(self, functions: Sequence[SlicingFunction], schema: pl.Schema, *, on_error: OnError = "raise") -> None:
        self.functions = tuple(functions)
        self.schema = schema
        self.on_error = on_error
        self.python = [(j, f) for j, f in enumerate(functions) if isinstance(f, PythonSlice)]
        self.stated = [(j, f) for j, f in enumerate(functions) if isinstance(f, ExpressionSlice)]
        self._expressions = {j: self._bound(f) for j, f in self.stated}

    @property
    def prefers(self) -> Literal["threads", "processes", "inline"]:
        """Python holds the interpreter's lock; Polars does not."""
        return "processes" if self.python else "threads"

    @property
    def main_thread(self) -> bool:
        """Nothing ties it to the main thread."""
        return False

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the functions read; never empty, since a frame without columns has no rows."""
        found = dict.fromkeys(c for _, f in (*self.python, *self.stated) for c in f.columns(self.schema))
        return tuple(found) or tuple(self.schema)[:1]

    def setup(self) -> None:
        """Nothing to prepare: expressions travel with the task."""

    def __call__(self, part: Part) -> PartSlices:
        """Return membership on one part.

        Raises
        ------
        SlicingError
            If a function raises, or returns what is no truth value.
        DataError
            If the part cannot be read.
        """
        started = time.perf_counter()
        names = dict.fromkeys([*self.columns, *([] if part.id is None else [part.id])])
        frame = part.frame(tuple(names))
        ids = (
            np.arange(part.start, part.start + part.rows)
            if part.id is None
            else id_array(frame.get_column(part.id), what="id", start=part.start)
        )
        member = np.zeros((frame.height, len(self.functions)), dtype=bool)
        failed: dict[str, list[tuple[int, str]]] = {}
        for j, function in self.stated:
            member[:, j] = self._holds(function, self._expressions[j], frame)
        self._call_python(frame, ids, member, failed)
        failures = failures_of(failed, lambda row: ids[row].item())
        by_name = {name: tuple(found) for name, found in failed.items()}
        return PartSlices(member, ids, failures, time.perf_counter() - started, by_name)

    def _bound(self, function: ExpressionSlice) -> pl.Expr:
        """Return a slice's expression, after checking that it fits the data."""
        function.columns(self.schema)
        expression = function.expression(self.schema)
        # Polars finds some wrong types only when it computes, so it computes on no rows.
        kind = self._evaluated(function, expression, pl.DataFrame(schema=self.schema)).dtype
        if kind not in (pl.Boolean, pl.Null):
            raise FunctionError(
                f"the expression of slicing function {function.name!r} gives {kind}, but it must be true or false."
            )
        return expression

    def _evaluated(self, function: ExpressionSlice, expression: pl.Expr, frame: pl.DataFrame) -> pl.Series:
        try:
            # Columns are added first, so that an expression without any column still gets one value per row.
            return frame.with_columns(expression.alias(_HOLDS)).get_column(_HOLDS)
        except pl.exceptions.PolarsError as error:
            raise FunctionError(
                f"slicing function {function.name!r} does not fit the data: {str(error).splitlines()[0]}; columns: "
                f"{', '.join(f'{name} ({kind})' for name, kind in self.schema.items())}."
            ) from error

    def _holds(self, function: ExpressionSlice, expression: pl.Expr, frame: pl.DataFrame) -> npt.NDArray[np.bool_]:
        # Unknown (a missing value) does not hold.
        found = self._evaluated(function, expression, frame)
        return found.cast(pl.Boolean).fill_null(value=False).to_numpy()

    def _call_python(
        self,
        frame: pl.DataFrame,
        ids: npt.NDArray[Any],
        member: npt.NDArray[np.bool_],
        failed: dict[str, list[tuple[int, str]]],
    ) -> None:
        """Call the Python functions: examples in the outer loop, so that each record is built once and shared."""
        if not self.python:
            return
        run = Run([f.pre for _, f in self.python if f.pre])
        fields = {f.name: f.columns(self.schema) for _, f in self.python}
        calls = [(j, f.name, _call(f, run)) for j, f in self.python]
        records = rows(frame, tuple(dict.fromkeys(c for names in fields.values() for c in names)))
        for position, x in enumerate(prepared(records, run)):
            for j, name, call in calls:
                try:
                    member[position, j] = call(x)
                except (Exception, SystemExit) as error:  # sys.exit in a function is a failure of it
                    said = f"raised {summary(error)}"
                    if self.on_error == "raise":
                        seen = {field: x[field] for field in fields[name]}
                        self._stop(name, error, said, ids[position].item(), seen)
                    failed.setdefault(name, []).append((position, said))

    def _stop(self, name: str, error: BaseException, said: str, example_id: Any, fields: Mapping[str, Any]) -> NoReturn:
        """Raise an error that says where."""
        raise SlicingError(
            failed_on(f"slicing function {name!r}", said, example_id, fields, error),
            source=name,
            example_id=example_id,
            fields=fields,
        ) from error


# A column of the data can hardly be called this.
_HOLDS = "\0holds"


def _call(function: PythonSlice, run: Run) -> Callable[[Any], bool]:
    if not function.pre:
        return function.belongs
    return lambda x: function.belongs(run.apply(function.pre, x))
