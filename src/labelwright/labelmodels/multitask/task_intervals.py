"""How sure the joint label model can be of what it learned: intervals for each task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from labelwright.core.errors import TaskError
from labelwright.core.vote_counts import BUCKETS
from labelwright.labelmodels.default.label_model import LabelModel
from labelwright.labelmodels.intervals import (
    GIVEN,
    STILL,
    UNKNOWN,
    Intervals,
    Range,
    can_leave_out,
    check_level,
    fitted_stats,
    intervals,
    jackknife,
    progress_line,
    quantile,
    too_few,
    without_interval,
)

from .columns import APPLIES
from .components import ComponentParams
from .left_out import learned_without
from .stats import MultiTaskStats

__all__ = ["TaskIntervals", "task_intervals"]

Floats = npt.NDArray[np.float64]

_METHOD = "block jackknife over {} sub-sums of the votes, on the log-odds; choices stay as the whole made them"
_NO_VOTES = "no source votes on this task or on any that is related to it"
_FEW_SOURCES = "fewer than three sources vote on the task, so that it is a guess for the most part"
_NOTHING_LEARNED = "nothing was learned from the votes on the task alone, so that it is a guess for the most part"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class TaskIntervals:
    """How sure a fitted joint label model can be of what it learned about each task.

    Parameters
    ----------
    by_task : mapping of str to Intervals
        For each task its sources' accuracies where it applies; and, as ``class_balance``, the share of each of its
        states before any vote, N/A included.
    speaking : mapping of str to (Range, Range), shape (m,)
        For each task that may not apply, how often each of its sources names a class: where it applies, and where not.

    Examples
    --------
    >>> from labelwright.core import TaskGraph
    >>> from labelwright.core.task_votes import TaskVotes
    >>> from labelwright.labelmodels import MultiTask
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.integers(2, size=(2000, 1))
    >>> votes = np.where(rng.random((2000, 4)) < [0.9, 0.8, 0.8, 0.7], truth, 1 - truth)
    >>> found = MultiTask().fit(TaskVotes(TaskGraph.multi_label(["dog"]), {"dog": votes})).intervals()
    >>> bool((found["dog"].accuracies.low < [0.9, 0.8, 0.8, 0.7]).all())
    True
    """

    by_task: Mapping[str, Intervals]
    speaking: Mapping[str, tuple[Range, Range]]

    def __getitem__(self, task: str) -> Intervals:
        """Return the intervals of one task."""
        if task not in self.by_task:
            raise TaskError(f"there is no task {task!r}. There are: {', '.join(self.by_task)}.")
        return self.by_task[task]

    def at(self, level: float) -> TaskIntervals:
        """Return the intervals of another level, from the same standard errors."""
        speaking = {}
        for task, (inside, outside) in self.speaking.items():
            reach = quantile(level, self.by_task[task].buckets)
            speaking[task] = (inside.reaching(reach), outside.reaching(reach))
        return TaskIntervals({task: own.at(level) for task, own in self.by_task.items()}, speaking)

    def __repr__(self) -> str:
        return "\n".join(line for task in self.by_task for line in self._lines(task))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; None where nothing is known."""
        out = {}
        for task, found in self.by_task.items():
            out[task] = found.to_dict()
            for key, told in zip(("speaks", "speaks_elsewhere"), self.speaking.get(task, ()), strict=False):
                out[task][key] = told.named(found.sources)
        return out

    def _lines(self, task: str) -> list[str]:
        found = self.by_task[task]
        named = [(str(n), line) for n, line in zip(found.sources, found.accuracies.lines(), strict=True)]
        named += [(f"P({task}={c})", x) for c, x in zip(found.classes, found.class_balance.lines(), strict=True)]
        for where, told in zip(("where it applies", "elsewhere"), self.speaking.get(task, ()), strict=False):
            named += [(f"{n} speaks {where}", x) for n, x in zip(found.sources, told.lines(), strict=True)]
        width = max(len(name) for name, _ in named)
        return [
            f"{task}: {found.level:.0%} intervals; {found.method}",
            *(f"  {name:{width}}  {x}" for name, x in named),
        ]


def task_intervals(model: Any, level: float = 0.95) -> TaskIntervals:
    """Return standard errors and intervals of what a fitted joint label model learned.

    Parameters
    ----------
    model : MultiTask
        Fitted, with its stats.
    level : float
        How often an interval should hold the true value, between 0 and 1.

    Returns
    -------
    TaskIntervals

    Raises
    ------
    ModelError
        If the level is not between 0 and 1, or the model was loaded without its stats.

    Notes
    -----
    As for one task (`labelwright.labelmodels.intervals.intervals`), each of the 32 sub-sums of the examples is left out
    in turn and the rest learned from again. Who tells whether a task applies, and on which rows it seems to, stay as
    the whole had them, so that rates of speaking of tasks far below the root have intervals that are too narrow. A task
    that no relation ties to another has the intervals of its `LabelModel`.
    """
    check_level(level)
    stats: Any = fitted_stats(model)
    params = model._fitted()
    by_task: dict[str, Intervals] = {}
    speaking: dict[str, tuple[Range, Range]] = {}
    with threadpool_limits(limits=1, user_api="blas"):
        for graph, component in zip(stats.graph.parts, params.components, strict=True):
            own = stats.within(graph)
            given = {task: p for task, p in (model.class_balance or {}).items() if task in graph.names}
            if component.single is not None:
                task = graph.names[0]
                alone = LabelModel(class_balance=given.get(task))
                alone.params_, alone.stats_ = component.single, own.tasks[task]
                by_task[task] = intervals(alone, level)
            else:
                _Component(own, component, given, level).into(by_task, speaking)
    return TaskIntervals(
        {task: by_task[task] for task in params.graph.names},
        {task: speaking[task] for task in params.graph.names if task in speaking},
    )


class _Component:
    """Several related tasks, and what is learned about them without each sub-sum."""

    def __init__(
        self, stats: MultiTaskStats, params: ComponentParams, given: Mapping[str, npt.ArrayLike], level: float
    ) -> None:
        self.stats, self.params, self.level = stats, params, level
        rows = [one.counts.rows for one in stats.tasks.values()]
        self.rows = np.max(rows, axis=0) if rows else np.zeros(BUCKETS, dtype=np.int64)
        self.buckets = [int(b) for b in np.flatnonzero(self.rows)]
        self.why_not = self._why_not()
        self.left_out: list[ComponentParams] = []
        self.shares: list[dict[str, Floats]] = []
        if self.why_not:
            return
        with progress_line() as report:
            for one in learned_without(params, stats, given, self.buckets):
                self.left_out.append(one)
                self.shares.append(_shares(one))
                report(len(self.left_out), len(self.buckets))

    def into(self, by_task: dict[str, Intervals], speaking: dict[str, tuple[Range, Range]]) -> None:
        """Add what is found of each task."""
        shares = _shares(self.params)
        method = self.why_not or _METHOD.format(len(self.buckets))
        for task, share in shares.items():
            balance = self._range(task, share, [one[task] for one in self.shares], GIVEN)
            sources, accuracies = self.params.sources.get(task, ()), self._accuracies(task)
            states = self.params.graph.states(task)
            by_task[task] = Intervals(self.level, sources, states, accuracies, balance, method, len(self.buckets))
            if task in self.params.rates:
                speaking[task] = (self._speaks(task, 0), self._speaks(task, 1))

    def _why_not(self) -> str:
        voiced = [one for one in self.stats.tasks.values() if one.counts.votes.any()]
        if not voiced:
            return _NO_VOTES
        return "" if any(can_leave_out(one) for one in voiced) else too_few(voiced[0])

    def _accuracies(self, task: str) -> Range:
        if task not in self.params.sources:
            return without_interval(np.zeros(0), "")
        sources, stats, estimate = self.params.sources[task], self.stats.tasks[task], self.params.accuracies(task)
        voiced = [bool(stats.counts.by_source(source).any()) for source in sources]
        if self.params.readers[task].params is None:
            return without_interval(estimate, _FEW_SOURCES if sum(voiced) < 3 else _NOTHING_LEARNED)
        if not can_leave_out(stats):
            return without_interval(estimate, too_few(stats))
        why = [UNKNOWN if one else "it never votes" for one in voiced]
        return self._range(task, estimate, [one.accuracies(task) for one in self.left_out], STILL, why)

    def _speaks(self, task: str, side: int) -> Range:
        some = [one.rates[task][:, side, APPLIES] for one in self.left_out]
        return self._range(task, self.params.rates[task][:, side, APPLIES], some, STILL)

    def _range(
        self, task: str, estimate: Floats, left_out: Sequence[Floats], still: str, why: Sequence[str] = ()
    ) -> Range:
        if self.why_not:
            return without_interval(estimate, self.why_not)
        rows = self.stats.tasks[task].counts.rows if task in self.stats.tasks else self.rows
        there = [place for place, bucket in enumerate(self.buckets) if rows[bucket]]
        some = np.stack([left_out[place] for place in there])
        sizes = np.asarray(rows)[[self.buckets[place] for place in there]]
        return jackknife(estimate, some, sizes, self.level, why or [UNKNOWN] * len(estimate), still)


def _shares(component: ComponentParams) -> dict[str, Floats]:
    """Return the share of each state of each task before any vote."""
    graph = component.graph
    beliefs, _ = graph.tree.propagate([None] * len(graph.tasks), component.weights)
    found = graph.tree.marginals(beliefs)
    return {task: one[0] / one[0].sum() for task, one in zip(graph.names, found, strict=True)}
