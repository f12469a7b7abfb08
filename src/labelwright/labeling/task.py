"""The task that engines run: the votes of all functions on one part."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from labelwright.core import ABSTAIN, Class, Failure
from labelwright.core.errors import FunctionError, LabelingError, LabelingTimeoutError
from labelwright.core.failures import failures_of
from labelwright.data import Part
from labelwright.data.base import id_array
from labelwright.functions.calls import failed_on, prepared, summary
from labelwright.functions.one_pass import Run
from labelwright.functions.records import rows

from .base import LabelingFunction, VectorisedFunction
from .batch import BatchFunction
from .codebook import Codebook
from .limits import Overrun, limited, time_limits
from .python import PythonFunction
from .task_codebook import ColumnSets, ContradictionError

__all__ = ["ApplyTask", "Context", "OnError", "PartVotes"]

OnError = Literal["raise", "abstain"]


@dataclass(frozen=True, slots=True)
class PartVotes:
    """The votes on one part, in codes of the part's own list of classes.

    Parameters
    ----------
    values : array of int8 or int16, shape (rows, m)
        Codes, -1 = abstain.
    classes : tuple
        What the codes mean.
    ids, groups : array or None, shape (rows,)
        Example ids and groups, where the data has them.
    failures : tuple of Failure
        Functions that raised.
    seconds : float
        Time it took.
    failed : mapping of str to tuple of (int, str)
        For each function that raised, every row on which it did, and what it said.
    sets : tuple of tuples of frozenset of int
        Over tasks: a column stands for one task of a function, its codes are those of the states of the task, and the
        first code beyond them means the first of the column's sets of states. ``classes`` is empty then.
    """

    values: npt.NDArray[Any]
    classes: tuple[Class, ...]
    ids: npt.NDArray[Any] | None
    groups: npt.NDArray[Any] | None
    failures: tuple[Failure, ...]
    seconds: float
    failed: Mapping[str, tuple[tuple[int, str], ...]] = field(default_factory=dict)
    sets: ColumnSets = ()

    @property
    def rows(self) -> int:
        """Number of examples."""
        return len(self.values)


class ApplyTask:
    """Applies functions to parts; see `labelwright.labeling.apply`.

    Parameters
    ----------
    functions : sequence of LabelingFunction
        With different names.
    schema : polars.Schema
        Names and types of the columns that the data has.
    classes : sequence of (str or int)
        The classes known ahead.
    closed : bool
        Whether there are no others.
    on_error : {"raise", "abstain"}
        What to do when user code raises.
    timeout : float or None
        Seconds that a Python function may take on one example.

    Raises
    ------
    FunctionError
        If a function reads a column that the data lacks, or one of a type it cannot read.
    """

    def __init__(
        self,
        functions: Sequence[LabelingFunction],
        schema: pl.Schema,
        classes: Sequence[Class],
        *,
        closed: bool,
        on_error: OnError = "raise",
        timeout: float | None = None,
    ) -> None:
        self.functions = tuple(functions)
        self.schema = schema
        self.classes = tuple(classes)
        self.closed = closed
        self.on_error = on_error
        self.timeout = timeout
        self.vectorised = [(j, f) for j, f in enumerate(functions) if isinstance(f, VectorisedFunction)]
        self.python = [(j, f) for j, f in enumerate(functions) if isinstance(f, PythonFunction)]
        self.batch = [(j, f) for j, f in enumerate(functions) if isinstance(f, BatchFunction)]
        self._expressions = self._bind()

    @property
    def prefers(self) -> Literal["threads", "processes", "inline"]:
        """Python holds the interpreter's lock; Polars does not; a model had better not be copied."""
        return "processes" if self.python else "inline" if self.batch else "threads"

    @property
    def main_thread(self) -> bool:
        """Whether a time limit ties it to the main thread."""
        return bool(self.python) and self.timeout is not None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the functions read; never empty, since a frame without columns has no rows."""
        found = dict.fromkeys(c for _, f in (*self.python, *self.batch) for c in f.columns(self.schema))
        for expression in self._expressions.values():
            found |= dict.fromkeys(expression.meta.root_names())
        return tuple(found) or tuple(self.schema)[:1]

    def setup(self) -> None:
        """Nothing to prepare: expressions travel with the task."""

    def __call__(self, part: Part) -> PartVotes:
        """Return the votes on one part.

        Raises
        ------
        LabelingError
            If a function raises, or votes for what is no class.
        DataError
            If the part cannot be read.
        """
        started = time.perf_counter()
        codebook = self._codebook()
        frame = self._collect(part, codebook)
        ids = None if part.id is None else id_array(frame.get_column(part.id), what="id", start=part.start)
        groups = None if part.group is None else id_array(frame.get_column(part.group), what="group", start=part.start)
        context = Context(part.start, ids, self.on_error)
        columns: dict[int, npt.NDArray[Any]] = {}
        for j, function in self.vectorised:
            if _vote_name(j) not in frame.columns:
                columns[j] = self._isolated(function, frame, codebook, context)
        for j, batch in self.batch:
            columns[j] = self._encoded(batch, self._batch_votes(batch, frame, context), codebook, frame, context)
        for (j, python), votes in zip(self.python, self._python_votes(frame, context), strict=True):
            columns[j] = self._encoded(python, votes, codebook, frame, context)
        values = self._assembled(frame, columns, codebook)
        return PartVotes(
            values,
            tuple(codebook.classes),
            ids,
            groups,
            context.failures(),
            time.perf_counter() - started,
            context.all_failures(),
            codebook.sets,
        )

    def _codebook(self) -> Any:
        """Return what turns the votes on a part into codes."""
        return Codebook(self.classes, closed=self.closed)

    def _encoded(
        self, function: LabelingFunction, votes: list[Any], codebook: Any, frame: pl.DataFrame, context: Context
    ) -> npt.NDArray[Any]:
        """Turn what a function returned on a part into codes."""
        del frame
        encoded: npt.NDArray[np.int16] = codebook.encode(votes, function, context.example_id)
        return encoded

    def _bind(self) -> dict[int, pl.Expr]:
        """Ask every vectorised function for its expression, and check that it fits the data."""
        bound = {}
        # Polars finds some wrong types only when it computes, so it computes on no rows.
        empty = pl.DataFrame(schema=self.schema)
        for j, function in self.vectorised:
            bound[j] = function.expression(self.schema)
            try:
                (kind,) = empty.select(bound[j]).dtypes
            except pl.exceptions.PolarsError as error:
                raise FunctionError(
                    f"labeling function {function.name!r} does not fit the data: {str(error).splitlines()[0]}; "
                    f"columns: {', '.join(f'{name} ({dtype})' for name, dtype in self.schema.items())}."
                ) from error
            if kind not in (pl.Boolean, pl.Null):
                raise FunctionError(
                    f"the expression of labeling function {function.name!r} gives {kind}, but it must be true or false."
                )
        return bound

    def _collect(self, part: Part, codebook: Any) -> pl.DataFrame:
        """Run one plan for the part: the votes of vectorised functions, and the columns that the others read."""
        others = dict.fromkeys(c for _, f in (*self.python, *self.batch) for c in f.columns(self.schema))
        others |= dict.fromkeys(c for c in (part.id, part.group) if c is not None)
        votes = [_coded(self._expressions[j], codebook.code_of(f), _vote_name(j)) for j, f in self.vectorised]
        names = [*others, *(_vote_name(j) for j, _ in self.vectorised)] or [self.columns[0]]
        try:
            # Columns are added first, so that an expression without any column still gets one value per row.
            return part.lazy().with_columns(votes).select(names).collect(engine="streaming")
        except Exception:
            # (Polars hands on what Python code inside an expression raises.) Data that cannot be read raises again
            # here; otherwise a function failed, and is found one by one.
            return part.frame()

    def _isolated(
        self, function: VectorisedFunction, frame: pl.DataFrame, codebook: Any, context: Context
    ) -> npt.NDArray[np.int16]:
        """Evaluate one vectorised function alone; halve the rows until those on which it fails are found."""
        expression = _coded(function.expression(self.schema), codebook.code_of(function), _vote_name(0))
        out = np.full(frame.height, ABSTAIN, dtype=np.int16)
        fields = expression.meta.root_names()

        def vote(piece: pl.DataFrame) -> npt.NDArray[Any]:
            return piece.with_columns(expression).get_column(_vote_name(0)).to_numpy()

        for start, votes in _halved(vote, frame):
            if isinstance(votes, Exception):
                context.failed(function.name, votes, start, {c: frame[start, c] for c in fields})
            else:
                out[start : start + len(votes)] = votes
        return out

    def _batch_votes(self, function: BatchFunction, frame: pl.DataFrame, context: Context) -> list[Any]:
        columns = function.columns(self.schema)
        seen = frame.select(columns) if columns else frame
        out: list[Any] = [None] * frame.height
        try:
            for start, votes in _halved(function.votes, seen):
                if isinstance(votes, Exception):
                    context.failed(function.name, votes, start, {c: seen[start, c] for c in columns})
                else:
                    out[start : start + len(votes)] = votes
        except FunctionError as error:
            raise LabelingError(
                f"labeling function {function.name!r} did not vote on a part of {frame.height} examples: {error}",
                source=function.name,
                example_id=context.example_id(0),
            ) from error
        return out

    def _python_votes(self, frame: pl.DataFrame, context: Context) -> list[list[Any]]:
        """Call the Python functions: examples in the outer loop, so that each record is built once and shared."""
        if not self.python:
            return []
        run = Run([f.pre for _, f in self.python if f.pre])
        fields = {f.name: f.columns(self.schema) for _, f in self.python}
        votes: list[list[Any]] = [[] for _ in self.python]
        steps = [
            (f.name, limited(_call(f, run), self.timeout), out.append)
            for (_, f), out in zip(self.python, votes, strict=True)
        ]
        records = rows(frame, tuple(dict.fromkeys(c for names in fields.values() for c in names)))
        with time_limits(self.timeout):
            for position, x in enumerate(prepared(records, run)):
                for name, call, append in steps:
                    try:
                        append(call(x))
                    except (Exception, SystemExit, Overrun) as error:  # sys.exit in a function is a failure of it
                        seen = {field: x[field] for field in fields[name]}
                        context.failed(name, error, position, seen, self.timeout)
                        append(None)
        return votes

    def _assembled(
        self, frame: pl.DataFrame, columns: Mapping[int, npt.NDArray[Any]], codebook: Any
    ) -> npt.NDArray[Any]:
        planned = [(j, _vote_name(j)) for j, _ in self.vectorised if _vote_name(j) in frame.columns]
        fits = len(codebook.classes) <= np.iinfo(np.int8).max
        if fits and len(planned) == len(self.functions):
            return np.ascontiguousarray(frame.select([name for _, name in planned]).to_numpy())
        values = np.full((frame.height, len(self.functions)), ABSTAIN, dtype=np.int8 if fits else np.int16)
        for j, name in planned:
            values[:, j] = frame.get_column(name).to_numpy()
        for j, column in columns.items():
            values[:, j] = column
        return values

    def _fires(self, j: int, frame: pl.DataFrame, columns: Mapping[int, npt.NDArray[Any]]) -> npt.NDArray[Any]:
        """Return the codes of a vectorised function, wherever they were worked out, shape (rows,)."""
        return columns[j] if j in columns else frame.get_column(_vote_name(j)).to_numpy()


class Context:
    """Which example is at hand, and what failed so far, within one part."""

    def __init__(self, start: int, ids: npt.NDArray[Any] | None, on_error: OnError) -> None:
        self.start = start
        self.ids = ids
        self.on_error = on_error
        self._failed: dict[str, list[tuple[int, str]]] = {}

    def example_id(self, position: int) -> Any:
        """Return the id of a row of the part."""
        return self.start + position if self.ids is None else self.ids[position].item()

    def failed(
        self,
        name: str,
        error: BaseException,
        position: int,
        fields: Mapping[str, Any],
        timeout: float | None = None,
    ) -> None:
        """Raise an error that says where, or count it."""
        slow, apart = isinstance(error, Overrun), isinstance(error, ContradictionError)
        said = f"took longer than {timeout:g} s" if slow else str(error) if apart else f"raised {summary(error)}"
        if self.on_error == "abstain":
            self._failed.setdefault(name, []).append((position, said))
            return
        example_id = self.example_id(position)
        message = failed_on(f"labeling function {name!r}", said, example_id, fields, error)
        kind = LabelingTimeoutError if slow else LabelingError
        raise kind(message, source=name, example_id=example_id, fields=fields) from (None if slow or apart else error)

    def failures(self) -> tuple[Failure, ...]:
        """Return what failed, with the first few examples of each function."""
        return failures_of(self.all_failures(), self.example_id)

    def all_failures(self) -> dict[str, tuple[tuple[int, str], ...]]:
        """Return every row on which each function failed, and what it said."""
        return {name: tuple(sorted(found)) for name, found in self._failed.items()}


def _halved(vote: Callable[[pl.DataFrame], Any], frame: pl.DataFrame) -> Iterator[tuple[int, Any]]:
    """Yield ``(first row, votes)`` of pieces in order; where a piece raises, its halves, down to ``(row, exception)``.

    So what fails is an example, and never depends on how the data was cut into parts.
    """
    waiting = [(0, frame.height)]
    while waiting:
        start, height = waiting.pop()
        try:
            votes = vote(frame.slice(start, height))
        except FunctionError:
            # An answer of the wrong shape is no failure of an example: one row might even fit it by chance.
            raise
        except Exception as error:
            if height > 1:
                half = height // 2
                waiting += [(start + half, height - half), (start, half)]
                continue
            votes = error
        yield start, votes


def _vote_name(j: int) -> str:
    # A column of the data can hardly be called this.
    return f"\0vote {j}"


def _coded(expression: pl.Expr, code: int, name: str) -> pl.Expr:
    kind = pl.Int8 if code <= np.iinfo(np.int8).max else pl.Int16
    return pl.when(expression).then(pl.lit(code, kind)).otherwise(pl.lit(ABSTAIN, kind)).alias(name)


def _call(function: PythonFunction, run: Run) -> Callable[[Any], Any]:
    if function.pre:
        return lambda x: function.answer(run.apply(function.pre, x))
    return function.function if function.only_reads and not function.resources else function.answer
