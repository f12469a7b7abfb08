"""Findings about several related tasks: those of each task, and those that only their relations show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.core import PatternCounts, SparseRows
from labelwright.core.errors import ModelError, TaskError
from labelwright.core.task_votes import TaskVotes
from labelwright.labelmodels.base import Params
from labelwright.labelmodels.default.label_model import LabelModel
from labelwright.labelmodels.intervals import Intervals, can_leave_out
from labelwright.labelmodels.multitask.columns import over_classes
from labelwright.labelmodels.multitask.families import children_of
from labelwright.labelmodels.multitask.model import MultiTask
from labelwright.labelmodels.multitask.params import votes_like
from labelwright.labelmodels.multitask.stats import check_gold_tasks
from labelwright.labelmodels.multitask.task_intervals import TaskIntervals

from .diagnose_model import learned_findings, model_findings, outcome_finding
from .diagnose_votes import VoteFacts, vote_findings
from .findings import Finding, Findings, Severity

__all__ = ["TaskFindings", "diagnose_tasks", "findings_across"]

# Contradictions on more than this share of the examples are no stray errors.
_MANY = 0.05
_SHOWN = 3
# Where other tasks tell of a task, these findings about its own votes would mislead; others here stand for them.
_OF_ONE_TASK_ALONE = frozenset({"LW005", "LW008", "LW010", "LW018"})


@dataclass(frozen=True, slots=True, repr=False)
class TaskFindings:
    """What was found about several tasks.

    Parameters
    ----------
    by_task : mapping of str to Findings
        About the votes on each task that has sources.
    across : Findings
        What only the tasks together show.

    Examples
    --------
    >>> from labelwright.core import TaskGraph
    >>> votes = TaskVotes(TaskGraph.multi_label(["dog", "cat"]), {"dog": [[1, 1, 0], [0, 1, 0]]})
    >>> found = diagnose_tasks(votes)
    >>> found.across.codes, found["dog"].codes
    (('LW025',), ('LW002', 'LW007', 'LW020'))
    """

    by_task: Mapping[str, Findings]
    across: Findings

    def __getitem__(self, task: str) -> Findings:
        """Return the findings about the votes on one task."""
        if task not in self.by_task:
            raise TaskError(f"no votes on a task {task!r} were looked at. There are: {', '.join(self.by_task)}.")
        return self.by_task[task]

    def __iter__(self) -> Iterator[Finding]:
        yield from self.across
        for found in self.by_task.values():
            yield from found

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, code: object) -> bool:
        return any(one.code == code for one in self)

    def __repr__(self) -> str:
        return "\n".join(repr(found) for found in (self.across, *self.by_task.values()))

    def _repr_html_(self) -> str:
        return "".join(found._repr_html_() for found in (self.across, *self.by_task.values()))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"across": self.across.to_dict(), "tasks": {t: found.to_dict() for t, found in self.by_task.items()}}


def diagnose_tasks(
    votes: TaskVotes,
    model: MultiTask | None = None,
    *,
    y: Mapping[str, npt.ArrayLike] | None = None,
    resample: bool = True,
    intervals: TaskIntervals | None = None,
) -> TaskFindings:
    """Look for what makes the labels of related tasks worse than they need to be; see `diagnose`.

    Parameters
    ----------
    votes : TaskVotes
    model : MultiTask, optional
        Fitted to these votes. Without one, only the votes are looked at.
    y : mapping of str to array_like, shape (n,), optional
        Known classes of some examples, by task; -1 (or None) where unknown, or where the task does not apply.
    resample : bool
        Whether to solve the model again without each sub-sum, for intervals (LW019).
    intervals : TaskIntervals, optional
        Those of the model, where they are at hand.
    """
    if model is not None and not isinstance(model, MultiTask):
        raise ModelError(f"votes on several tasks are for MultiTask, got {type(model).__name__}.")
    if not votes.n:
        raise ModelError("there are no examples, so there is nothing to diagnose.")
    check_gold_tasks(y, votes.graph)
    found = votes if model is None else votes_like(model._fitted(), votes)
    with_stats = model is not None and hasattr(model, "stats_")
    if intervals is None and model is not None and with_stats and resample:
        intervals = model.intervals()
    learned: Mapping[str, Intervals] = {} if intervals is None else intervals.by_task
    by_task = {task: _of_task(found, task, model, y, learned.get(task)) for task in found.by_task}
    return TaskFindings(by_task, findings_across(found, model))


def findings_across(votes: TaskVotes, model: MultiTask | None = None) -> Findings:
    """Look for what only the tasks together show: a part of `diagnose_tasks` that takes a look at the votes, no more.

    Parameters
    ----------
    votes : TaskVotes
    model : MultiTask, optional
        Fitted to these votes.
    """
    found = votes if model is None else votes_like(model._fitted(), votes)
    checked = f"{len(found.graph.names)} tasks, {len(found.sources)} sources and {found.n:,} examples"
    checks = [_contradicting(found), *_silent_tasks(found), _few_sources(found), *_untold(found), _unnamed(found)]
    if model is not None:
        related = [one for one in model.params_.components if one.single is None]
        checks += [outcome_finding(one.outcome) for one in related]
    return Findings.of([one for one in checks if one is not None], checked)


def _of_task(
    votes: TaskVotes,
    task: str,
    model: MultiTask | None,
    y: Mapping[str, npt.ArrayLike] | None,
    learned: Intervals | None,
) -> Findings:
    """Return the findings about the votes on one task, and about what was learned from them."""
    graph = votes.graph
    own = over_classes(votes.counted[task], graph.tasks[graph.names.index(task)].classes)
    gold = (y or {}).get(task)
    facts = VoteFacts(own, PatternCounts.of(own, gold=gold), gold is not None)
    given = {} if model is None else dict(model.class_balance or {})
    checked = f"votes of {own.m} sources on task {task}, {own.n:,} examples"
    alone = LabelModel(class_balance=given.get(task))
    findings = vote_findings(facts, alone)
    part = next(part for part in graph.parts if task in part.names)
    if len(part.names) > 1:
        low = {"LW009"} if len(graph.states(task)) > own.k else set()
        findings = [one for one in findings if one.code not in _OF_ONE_TASK_ALONE | low]
    if model is None:
        return Findings.of(findings, checked)
    component = next(one for one in model.params_.components if task in one.graph.names)
    if component.single is not None:
        alone.params_ = component.single
        if learned is not None:
            alone.stats_ = model.stats_.tasks[task]
        more, effective = model_findings(facts, alone, None, learned is not None)
        return Findings.of(findings + more, f"{checked}, and {type(model).__name__}", effective)
    known = component.readers.get(task)
    if known is None or known.params is None:
        return Findings.of(findings, checked)
    accuracies = component.accuracies(task)
    params = Params(own.classes, own.sources, (), known.balance, accuracies, component.outcome)
    if learned is not None and not can_leave_out(model.stats_.tasks[task]):
        learned = None
    more = learned_findings(facts, params, learned)
    return Findings.of(findings + more, f"{checked}, and {type(model).__name__}")


def _contradicting(votes: TaskVotes) -> Finding | None:
    """Name the tasks on which votes rule each other out."""
    pairs = sorted(votes.contradicting().items(), key=lambda one: -one[1])
    if not pairs:
        return None
    rows = int(votes.contradictions().sum())
    shown = "; ".join(f"{a} and {b}: {count:,}" for (a, b), count in pairs[:_SHOWN])
    more = f" and {len(pairs) - _SHOWN} more pairs of tasks" if len(pairs) > _SHOWN else ""
    seen = f"{rows:,} of {votes.n:,} examples ({rows / votes.n:.1%}); {shown}{more}"
    todo = "Read some of them: a function is wrong there, or a relation is; the model weighs both."
    severity: Severity = "warning" if rows > _MANY * votes.n else "note"
    return Finding("LW024", severity, "Votes on different tasks contradict each other.", seen, todo)


def _silent_tasks(votes: TaskVotes) -> Iterator[Finding]:
    """Name tasks without a vote: those that others tell of, and those of which nothing is known."""
    voted = _voted_tasks(votes)
    for tied, severity, todo in (
        (True, "note", "Its labels are what related tasks say of it; write functions for it to know more."),
        (False, "error", "No relation ties it to a task with votes, so that its labels are a guess: write functions."),
    ):
        names = [
            task
            for part in votes.graph.parts
            for task in part.names
            if task not in voted and bool(voted.intersection(part.names)) is tied
        ]
        if names:
            level: Any = severity
            yield Finding("LW025", level, "No source votes on a task.", _listed("task", names), todo)


def _few_sources(votes: TaskVotes) -> Finding | None:
    """Name related tasks on which too few sources vote for their accuracies to be learned."""
    related = [task for part in votes.graph.parts if len(part.names) > 1 for task in part.names]
    heard = {t: int(_given_codes(votes, t).any(axis=1).sum()) for t in related if t in votes.by_task}
    few = [f"{task} ({m})" for task, m in heard.items() if 0 < m < 3]
    if not few:
        return None
    todo = "How good they are stays close to a guess of .7, whatever related tasks say; write a third function."
    return Finding("LW026", "warning", "Fewer than three sources vote on a task.", _listed("task", few), todo)


def _untold(votes: TaskVotes) -> Iterator[Finding]:
    """Name tasks that may not apply, of which neither other tasks nor votes for N/A tell whether they do."""
    graph, found = votes.graph, []
    given = _given(votes)
    for t, task in enumerate(graph.tasks):
        applies_always = len(graph.states(task.name)) == len(task.classes)
        if applies_always or task.name not in votes.by_task:
            continue
        below = _with_below(votes, task.name)
        position = votes.answers.task
        others = given & ~np.isin(position, [graph.names.index(name) for name in below])
        low = int(votes.answers.offsets[t])
        says_not = given & (position == t) & ~votes.answers.possible[:, low : low + len(task.classes)].any(axis=1)
        related = np.isin(position, [graph.names.index(n) for n in _component(votes, task.name)])
        if not (others & related).any() and not says_not.any():
            found.append(task.name)
    if found:
        todo = "Write functions for the task above it, or such as say N/A; until then speaking of it is all that tells."
        what = "Nobody tells where a task does not apply."
        yield Finding("LW027", "warning", what, _listed("task", found), todo)


def _unnamed(votes: TaskVotes) -> Finding | None:
    """Name classes of related tasks that no vote on any task tells from the others."""
    graph, given, found = votes.graph, _given(votes), []
    for part in graph.parts:
        for name in part.names:
            t = graph.names.index(name)
            low, k = int(votes.answers.offsets[t]), len(graph.tasks[t].classes)
            classes = votes.answers.possible[given, low : low + k]
            heard = (classes & ~classes.all(axis=1, keepdims=True)).any(axis=0)
            if heard.any() and len(part.names) > 1:
                found += [f"{name} = {graph.tasks[t].classes[c]}" for c in np.flatnonzero(~heard)]
    if not found:
        return None
    todo = "Write functions for it, or leave it out of the classes; it is what is left where others are ruled out."
    return Finding("LW028", "warning", "No vote on any task speaks for a class.", _listed("class", found), todo)


def _component(votes: TaskVotes, task: str) -> tuple[str, ...]:
    return next(part.names for part in votes.graph.parts if task in part.names)


def _with_below(votes: TaskVotes, task: str) -> list[str]:
    """Return a task and all that refine it."""
    found = [task]
    for name in found:
        found.extend(r.child for r in children_of(votes.graph, name))
    return found


def _voted_tasks(votes: TaskVotes) -> set[str]:
    return {task for task, own in votes.by_task.items() if own.m and own.covered.any()}


def _given_codes(votes: TaskVotes, task: str) -> npt.NDArray[np.bool_]:
    """Return whether each source of a task ever gave each of its codes, shape (m, codes)."""
    rows, index = votes.by_task[task].rows, votes.answers.index[task]
    out = np.zeros(index.shape, dtype=bool)
    if isinstance(rows, SparseRows):
        out[rows.columns, rows.codes] = True
    else:
        for code in range(index.shape[1]):
            out[:, code] = (rows == code).any(axis=0)
    return out


def _given(votes: TaskVotes) -> npt.NDArray[np.bool_]:
    """Return whether each answer was ever given, shape (answers,)."""
    out = np.zeros(len(votes.answers.task), dtype=bool)
    for task in votes.by_task:
        out[votes.answers.index[task][_given_codes(votes, task)]] = True
    return out


def _listed(what: str, names: Sequence[str]) -> str:
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return f"{what} {shown}"
