"""Applying slicing functions to data: a map over parts, from examples to membership."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, get_args

import numpy as np

from labelwright.core.errors import DataError, FunctionError
from labelwright.core.failures import merge_failures
from labelwright.core.slices import Slices
from labelwright.data import Dataset, read
from labelwright.engines import Engine, LocalEngine
from labelwright.engines.pieces import closing, run_pieces
from labelwright.engines.progress import Progress, reporting

from .base import SlicingFunction
from .expression import ExpressionSlice
from .python import PythonSlice
from .task import OnError, PartSlices, SliceTask

__all__ = ["apply", "check_slices"]


def apply(
    functions: Iterable[SlicingFunction],
    data: Any,
    *,
    engine: Engine | None = None,
    on_error: OnError = "raise",
    progress: Progress = None,
    id: str | None = None,
) -> Slices:
    """Apply slicing functions to data and return which examples belong to which slice.

    Parameters
    ----------
    functions : iterable of SlicingFunction
        With different names; they become the slices, in this order.
    data : object
        Anything that `labelwright.data.read` takes, or what it returns.
    engine : Engine, optional
        Where the work is done. Default: this machine.
    on_error : {"raise", "outside"}, default "raise"
        What happens when a function raises, or returns what is no truth value: stop, or leave the example out of the
        slice and count it in ``Slices.failures``.
    progress : bool or callable, optional
        As for `labelwright.labeling.apply`.
    id : str, optional
        Column with the example ids. Default: positions.

    Returns
    -------
    Slices
        Of n examples and s slices; the same for every engine and every size of parts.

    Raises
    ------
    FunctionError
        If there are no functions, names repeat, or a function does not fit the columns.
    DataError
        If the data is empty or cannot be read.
    SlicingError
        If a function fails on an example; it names both.
    SliceError
        If example ids repeat.

    Examples
    --------
    >>> from labelwright.slicing import expression_slice, slicing_function
    >>> @slicing_function
    ... def question(x):
    ...     return x.text.endswith("?")
    >>> short = expression_slice("short", "len(text) < 8")
    >>> apply([question, short], [{"text": "why?"}, {"text": "because it is"}, {"text": "who said that?"}])
    Slices(n=3, question=2, short=1)
    """
    chosen = check_slices(functions)
    if on_error not in get_args(OnError):
        raise FunctionError(f"on_error is {on_error!r}; allowed: 'raise' or 'outside'.")
    dataset = read(data, id=id)
    if not dataset.columns or dataset.rows == 0:
        raise DataError("the data holds no examples; there is nothing to apply functions to.")
    task = SliceTask(chosen, dataset.schema, on_error=on_error)
    values = list(_run(task, dataset, engine or LocalEngine(), progress))
    if not values:
        raise DataError("the data holds no examples; there is nothing to apply functions to.")
    failed = merge_failures(failure for value in values for failure in value.failures)
    return Slices(
        np.concatenate([value.member for value in values]),
        [f.name for f in chosen],
        example_ids=np.concatenate([value.ids for value in values]),
        # In the order of the functions: which of them failed first depends on the parts.
        failures=[failed[f.name] for f in chosen if f.name in failed],
    )


def check_slices(functions: Iterable[Any]) -> tuple[SlicingFunction, ...]:
    """Return the functions as a tuple, after checking that they can be applied together.

    Raises
    ------
    FunctionError
        If there are none, if one is no slicing function, or if two share a name.
    """
    if isinstance(functions, SlicingFunction):
        raise FunctionError(f"functions is the single function {functions.name!r}; pass a list, [{functions.name}].")
    chosen = tuple(functions)
    if not chosen:
        raise FunctionError("the list of slicing functions is empty; pass at least one.")
    for position, function in enumerate(chosen):
        if not isinstance(function, (PythonSlice, ExpressionSlice)):
            name = getattr(function, "__name__", repr(function))
            raise FunctionError(f"{name} is not a slicing function; decorate it with @slicing_function.")
        if function.name in {other.name for other in chosen[:position]}:
            raise FunctionError(f"two slicing functions are called {function.name!r}; give one of them another name.")
    return chosen


def _run(task: SliceTask, dataset: Dataset, engine: Engine, progress: Progress) -> Iterator[PartSlices]:
    done = 0
    values = run_pieces(engine, task, dataset.parts(task.columns), dataset.rows, cut=bool(task.python))
    with reporting(progress, "Slicing", dataset.rows) as report, closing(values):
        for value in values:
            done += value.rows
            report(done, dataset.rows)
            yield value
