"""Applying labeling functions part by part: the votes of a part are handed over as soon as it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from labelwright.core import Class
from labelwright.core.failures import failed_rows, merge_failures
from labelwright.core.task_graph import TaskGraph
from labelwright.data import Part
from labelwright.engines import Engine, LocalEngine
from labelwright.engines.pieces import run_by_part

from .apply import check_functions, check_no_tasks, known_classes, note_slow_paths
from .base import LabelingFunction
from .limits import check_timeout
from .over_tasks import ApplyOverTasks, merged_sets, same_sets
from .task import ApplyTask, OnError, PartVotes

__all__ = ["apply_by_part", "apply_tasks_by_part"]


def apply_by_part(
    functions: Iterable[LabelingFunction],
    parts: Iterable[Part],
    schema: pl.Schema,
    *,
    classes: Sequence[Class],
    engine: Engine | None = None,
    on_error: OnError = "raise",
    timeout: float | None = None,
    rows: int | None = None,
    report: Callable[[int], None] | None = None,
) -> Iterator[PartVotes]:
    """Yield the votes on each part, in the order of the parts, as soon as they are there.

    Parameters
    ----------
    functions : iterable of LabelingFunction
        At least one, with different names; they become the columns, in this order.
    parts : iterable of Part
        Read lazily: only as many are held as are at work.
    schema : polars.Schema
        Names and types of the columns that functions may read; parts may carry more.
    classes : sequence of (str or int)
        The classes in the order of their codes; there are no others.
    engine, on_error, timeout
        As for `labelwright.labeling.apply`.
    rows : int, optional
        Number of rows in all, by which an engine judges whether starting workers is worth it.
    report : callable, optional
        Told how many rows are done.

    Raises
    ------
    FunctionError, DataError, LabelingError, LabelingTimeoutError
        As `labelwright.labeling.apply`.

    Examples
    --------
    >>> from labelwright.data import read
    >>> from labelwright.labeling import labeling_function
    >>> @labeling_function(labels=["spam"])
    ... def link(x):
    ...     return "spam" if "http" in x.text else None
    >>> data = read([{"text": "http://a.b"}, {"text": "nice"}])
    >>> [p.values.tolist() for p in apply_by_part([link], data.parts(), data.schema, classes=["ham", "spam"])]
    [[[1], [-1]]]
    """
    chosen, limit = check_functions(functions), check_timeout(timeout)
    check_no_tasks(chosen)
    known, closed = known_classes(chosen, classes, tuple(classes))
    task = ApplyTask(chosen, schema, known, closed=closed, on_error=on_error, timeout=limit)
    yield from _votes_by_part(task, parts, engine, rows, report, _whole)


def apply_tasks_by_part(
    functions: Iterable[LabelingFunction],
    parts: Iterable[Part],
    schema: pl.Schema,
    *,
    tasks: TaskGraph,
    engine: Engine | None = None,
    on_error: OnError = "raise",
    timeout: float | None = None,
    rows: int | None = None,
    report: Callable[[int], None] | None = None,
) -> Iterator[PartVotes]:
    """Yield the votes on each part over a task graph: a column for each function and each of its tasks.

    Parameters
    ----------
    functions, parts, schema, engine, on_error, timeout, rows, report
        As for `apply_by_part`.
    tasks : TaskGraph
        Its states are the classes.

    Raises
    ------
    FunctionError, DataError, LabelingError, LabelingTimeoutError
        As `labelwright.labeling.apply`.

    Examples
    --------
    >>> from labelwright.data import read
    >>> from labelwright.labeling import labeling_function
    >>> @labeling_function(tasks=["dog", "cat"])
    ... def pets(x):
    ...     return {pet: True for pet in ("dog", "cat") if pet in x.text}
    >>> data = read([{"text": "a dog"}, {"text": "dog and cat"}])
    >>> graph = TaskGraph.multi_label(["dog", "cat"])
    >>> [p.values.tolist() for p in apply_tasks_by_part([pets], data.parts(), data.schema, tasks=graph)]
    [[[1, -1], [1, 1]]]
    """
    chosen, limit = check_functions(functions), check_timeout(timeout)
    task = ApplyOverTasks(chosen, schema, tasks, on_error=on_error, timeout=limit)
    sizes = [len(tasks.states(one)) for place in task.places for one in place.tasks]

    def whole(pieces: Sequence[PartVotes]) -> PartVotes:
        # The order in which sets first appeared depends on how the part was cut.
        values = same_sets([(piece.values, piece.sets) for piece in pieces], sizes)
        sets = merged_sets([piece.sets for piece in pieces])
        return _whole([replace(piece, values=v, sets=sets) for piece, v in zip(pieces, values, strict=True)])

    yield from _votes_by_part(task, parts, engine, rows, report, whole)


def _votes_by_part(
    task: ApplyTask,
    parts: Iterable[Part],
    engine: Engine | None,
    rows: int | None,
    report: Callable[[int], None] | None,
    whole: Callable[[Sequence[PartVotes]], PartVotes],
) -> Iterator[PartVotes]:
    note_slow_paths(task)
    for pieces in run_by_part(engine or LocalEngine(), task, parts, rows, cut=bool(task.python), report=report):
        yield whole(pieces)


def _whole(pieces: Sequence[PartVotes]) -> PartVotes:
    """Put the pieces of one part together; rows are counted from the beginning of the part."""

    def stacked(what: str) -> Any:
        present = [getattr(piece, what) for piece in pieces if getattr(piece, what) is not None]
        return np.concatenate(present) if present else None

    return PartVotes(
        np.concatenate([piece.values for piece in pieces]),
        pieces[0].classes,
        stacked("ids"),
        stacked("groups"),
        tuple(merge_failures(failure for piece in pieces for failure in piece.failures).values()),
        sum(piece.seconds for piece in pieces),
        failed_rows((piece.rows, piece.failed) for piece in pieces),
        pieces[0].sets,
    )
