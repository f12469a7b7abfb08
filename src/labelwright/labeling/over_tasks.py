"""Applying labeling functions over a task graph: what an engine runs, and putting the parts together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from labelwright.core import Votes
from labelwright.core.task_graph import TaskGraph
from labelwright.core.task_votes import TaskVotes
from labelwright.core.votes import merge_failures

from .base import LabelingFunction
from .task import ApplyTask, Context, OnError, PartVotes
from .task_codebook import ColumnSets, FunctionTasks, TaskCodebook, places

__all__ = ["ApplyOverTasks", "alphabet", "joined", "merged_sets", "same_sets"]


class ApplyOverTasks(ApplyTask):
    """Applies functions to parts, and gives each a column for every task it votes on.

    Parameters
    ----------
    functions, schema, on_error, timeout
        As for `ApplyTask`.
    graph : TaskGraph

    Raises
    ------
    FunctionError
        As `ApplyTask`; or if a function names a task or class that the graph does not have.
    """

    def __init__(
        self,
        functions: Sequence[LabelingFunction],
        schema: pl.Schema,
        graph: TaskGraph,
        *,
        on_error: OnError = "raise",
        timeout: float | None = None,
    ) -> None:
        self.places = places(functions, graph)
        super().__init__(functions, schema, (), closed=True, on_error=on_error, timeout=timeout)

    def _codebook(self) -> TaskCodebook:
        return TaskCodebook(self.places)

    def _encoded(
        self, function: LabelingFunction, votes: list[Any], codebook: Any, frame: pl.DataFrame, context: Context
    ) -> npt.NDArray[Any]:
        encoded = super()._encoded(function, votes, codebook, frame, context)
        for position, error in codebook.contradictory:
            seen = {column: frame[position, column] for column in function.columns(self.schema)}
            context.failed(function.name, error, position, seen)
        return encoded

    def _assembled(
        self, frame: pl.DataFrame, columns: Mapping[int, npt.NDArray[Any]], codebook: Any
    ) -> npt.NDArray[Any]:
        fixed = {j: codebook.fixed(function) for j, function in self.vectorised}
        width = sum(len(place.tasks) for place in self.places)
        values = np.full((frame.height, width), -1, dtype=np.int8 if codebook.fits else np.int16)
        for j, place in enumerate(self.places):
            own = values[:, place.first : place.first + len(place.tasks)]
            if j in fixed:
                own[self._fires(j, frame, columns) >= 0] = fixed[j]
            else:
                own[:] = columns[j]
        return values


def same_sets(parts: Sequence[tuple[npt.NDArray[Any], ColumnSets]], sizes: Sequence[int]) -> list[npt.NDArray[Any]]:
    """Give equal sets of states equal codes in every part; the sets are then those of `merged_sets`.

    Parameters
    ----------
    parts : sequence of (array, shape (rows, columns); sets by column)
    sizes : sequence of int
        How many states the task of each column has.
    """
    merged = merged_sets([sets for _, sets in parts])
    return [_recoded(values, sets, merged, sizes) for values, sets in parts]


def merged_sets(parts: Sequence[ColumnSets]) -> ColumnSets:
    """Return, for each column, the sets of all parts in an order that does not depend on the parts.

    Examples
    --------
    >>> merged_sets([((frozenset({1, 2}),),), ((frozenset({0, 2}), frozenset({1, 2})),)]) == (
    ...     (frozenset({0, 2}), frozenset({1, 2})),
    ... )
    True
    """
    columns = zip(*parts, strict=True)
    return tuple(tuple(sorted({s for sets in column for s in sets}, key=sorted)) for column in columns)


def alphabet(size: int, sets: Sequence[frozenset[int]]) -> list[frozenset[int]]:
    """Return what the codes of a column mean: each state, then the sets."""
    return [*(frozenset({state}) for state in range(size)), *sets]


def joined(graph: TaskGraph, functions: Sequence[FunctionTasks], values: Sequence[PartVotes]) -> TaskVotes:
    """Put the votes on all parts together, task by task."""
    sizes = [len(graph.states(task)) for place in functions for task in place.tasks]
    sets = merged_sets([value.sets for value in values])
    codes = np.concatenate(same_sets([(value.values, value.sets) for value in values], sizes))
    failed = merge_failures(f for value in values for f in value.failures)
    ids, groups = (_stacked([getattr(value, what) for value in values]) for what in ("ids", "groups"))
    by_task = {}
    for task in graph.names:
        own = {p.function.name: p.first + p.tasks.index(task) for p in functions if task in p.tasks}
        if own:
            by_task[task] = Votes(
                codes[:, list(own.values())],
                classes=graph.states(task),
                sources=own,
                example_ids=ids,
                groups=groups,
                alphabet={name: alphabet(sizes[j], sets[j]) for name, j in own.items() if sets[j]},
                # In the order of the functions: which of them failed first depends on the parts.
                failures=[failed[name] for name in own if name in failed],
            )
    return TaskVotes(graph, by_task)


def _recoded(values: npt.NDArray[Any], sets: ColumnSets, merged: ColumnSets, sizes: Sequence[int]) -> npt.NDArray[Any]:
    if sets == merged:
        return values
    widest = max(size + len(found) for size, found in zip(sizes, merged, strict=True))
    out = values.astype(np.int8 if widest <= np.iinfo(np.int8).max else np.int16)
    for j, (size, found) in enumerate(zip(sizes, sets, strict=True)):
        if found != merged[j]:
            # The last entry answers for -1, abstain.
            table = np.array([*range(size), *(size + merged[j].index(s) for s in found), -1], dtype=out.dtype)
            out[:, j] = table[values[:, j]]
    return out


def _stacked(arrays: list[npt.NDArray[Any] | None]) -> npt.NDArray[Any] | None:
    present = [a for a in arrays if a is not None]
    return np.concatenate(present) if present else None
