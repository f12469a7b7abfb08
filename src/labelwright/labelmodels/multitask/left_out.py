"""What the joint label model learns without each sub-sum of its stats, near what it learned from the whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from labelwright.core import PatternCounts, TaskGraph
from labelwright.core.vote_counts import BUCKETS
from labelwright.labelmodels.intervals import can_leave_out

from .components import ComponentParams, Together, learn_together
from .expectation import Coupling, couple
from .families import Sight
from .handed_up import learn_handed_up
from .outside import Outside
from .readers import GUESS, Reader, read
from .recounting import only_cells
from .stats import MultiTaskStats

__all__ = ["learned_without"]

Floats = npt.NDArray[np.float64]

# So often messages are passed on, from what the whole heard to what is heard without a sub-sum.
_PASSES = 2


def learned_without(
    params: ComponentParams, stats: MultiTaskStats, given: Mapping[str, npt.ArrayLike], buckets: Sequence[int]
) -> Iterator[ComponentParams]:
    """Yield what is learned about tasks that relations tie together without each of ``buckets``.

    Parameters
    ----------
    params : ComponentParams
        What was learned about them from the whole.
    stats : MultiTaskStats
        Of these tasks.
    given : mapping of str to array_like of float, shape (k,)
        P(class | the task applies), where it is known.
    buckets : sequence of int

    Notes
    -----
    Choices stay as they are in the whole: who says of a task whether it applies, and on which rows it seems to. What is
    learned given these is learned again: readers, rates of speaking, what goes with what. Readers learn from the start:
    how far the votes on a task tell how common its classes are moves with the examples as well. Where votes are handed
    up, all is learned again but that they are.
    """
    graph = params.graph
    if params.handed_up:
        for bucket in buckets:
            own = stats.without(bucket)
            up = learn_handed_up(graph, own.trees[graph.names].counts, own.tasks, given)
            yield replace(params, readers=up.readers, weights=up.weights)
        return
    whole = learn_together(graph, stats, given)
    rows = {scope: by_bucket(one) for scope, one in stats.meetings.items()}
    readers = {t: _readers(reader, whole.heard[t], given.get(t), buckets) for t, reader in whole.found.readers.items()}
    seen = _Seen.of(graph, stats, whole)
    for place, bucket in enumerate(buckets):
        mine = {task: some[place] for task, some in readers.items()}
        left = [
            replace(one, weights=one.weights - rows[scope][:, bucket])
            for scope, one in zip(rows, whole.meetings, strict=True)
        ]
        found = couple(graph, mine, left, seen.without(bucket))
        for _ in range(_PASSES if seen.messages else 0):
            found = couple(graph, mine, left, seen.without(bucket, found))
        yield replace(params, readers=found.readers, rates=found.rates, weights=found.weights)


def by_bucket(stats: PatternCounts) -> Floats:
    """Return how many examples of each sub-sum lie behind each distinct row, shape (p, 32)."""
    cell = stats.cells[:, 0] * BUCKETS + stats.cells[:, 2]
    out = np.bincount(cell, weights=stats.cell_counts, minlength=len(stats.keys) * BUCKETS)
    return np.asarray(out.reshape(len(stats.keys), BUCKETS))


def _readers(reader: Reader, heard: PatternCounts, given: npt.ArrayLike | None, buckets: Sequence[int]) -> list[Reader]:
    if reader.params is None:
        # Accuracies of few sources are learned beside the rest, from the same start.
        return [replace(reader, accuracies=np.full(reader.frame.m, GUESS))] * len(buckets)
    if not can_leave_out(heard):
        return [reader] * len(buckets)
    there = only_cells(heard, heard.cells, heard.cell_counts)
    return [read(there.without(bucket), given) for bucket in buckets]


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """Who says of tasks whether they apply, and the examples of each sub-sum behind what they saw.

    Parameters
    ----------
    sights : mapping of str to Sight
    rows : mapping of str to ndarray of float, shape (p, 32)
    outside : Outside or None
    messages : frozenset of str
        The tasks of which ``outside`` says it.
    """

    sights: Mapping[str, Sight]
    rows: Mapping[str, Floats]
    outside: Outside | None
    messages: frozenset[str]

    @classmethod
    def of(cls, graph: TaskGraph, stats: MultiTaskStats, whole: Together) -> _Seen:
        """Look where each sight is from."""
        outside, rows = whole.outside, dict[str, Floats]()
        told = frozenset(t for t, one in whole.seen.items() if outside is not None and one.weights is outside.weights)
        for task in whole.seen:
            source = stats.trees[graph.names].counts if task in told else stats.families[graph.above[task][0]]
            rows[task] = by_bucket(source)
        return cls(whole.seen, rows, outside, told)

    def without(self, bucket: int, found: Coupling | None = None) -> dict[str, Sight]:
        """Return what is seen without a sub-sum; where ``found`` was learned without it, messages are its own."""
        fresh = {} if found is None or self.outside is None else self.outside.sights(found)
        sights = {**self.sights, **{task: fresh[task] for task in self.messages & fresh.keys()}}
        return {t: replace(one, weights=one.weights - self.rows[t][:, bucket]) for t, one in sights.items()}
