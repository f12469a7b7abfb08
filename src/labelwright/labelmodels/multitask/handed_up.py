"""Votes handed up a hierarchy: who names a kind of something has voted that it is there.

A function that looks for one class speaks by firing: that is its vote, and its silence says little, since functions for
other classes are silent for the same reason. Where most sources of the tasks below are such functions, no rates of
speaking are learned. What they say counts as a vote on every task above, whose accuracy the default label model learns
beside the votes on that task; on the task itself it tells the classes apart, where that applies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelwright.core import PatternCounts, SparseRows, TaskGraph, Votes
from labelwright.core.tasks import Refines
from labelwright.labelmodels.majority_vote import gold_balance
from labelwright.labelmodels.problem import Problem

from .columns import apart
from .families import beside_implied, children_of
from .outside import is_tree
from .readers import Reader, read
from .recounting import pattern_votes
from .shares import conditional_weights, shares_of_cliques, weights_from_balances
from .sharpness import sharpened

__all__ = ["HandedUp", "fires_for_one_class", "handed_up", "learn_handed_up", "log_weights"]

Floats = npt.NDArray[np.float64]

# So often readers learn again, from the rows on which their task seems to apply.
_ROUNDS = 2
_STEPS, _SETTLED = 200, 1e-4
# Numbers that stand in memory at a time while rows are looked through (64 MiB).
_MOST_NUMBERS = 8_388_608


@dataclass(frozen=True, slots=True, eq=False)
class HandedUp:
    """What is learned of a tree from votes that are handed up.

    Parameters
    ----------
    readers : mapping of str to Reader
        For each task, of its own sources and all below; see `handed_up`.
    weights : tuple of ndarray of float, shape (f,)
        As in `labelwright.labelmodels.multitask.expectation.Coupling`.
    steps : int
    settled : bool
    """

    readers: Mapping[str, Reader]
    weights: tuple[Floats, ...]
    steps: int
    settled: bool


def fires_for_one_class(graph: TaskGraph, tasks: Mapping[str, PatternCounts]) -> bool:
    """Say whether functions on the tasks below look for one class each, and tell of the root by that.

    So it may be in a tree whose root is refined in two ways or more, where sources that take one side give most of the
    votes on the tasks below. Votes on one child alone imply one and the same class, and never contradict each other:
    nothing could be learned from how they agree.

    Parameters
    ----------
    graph : TaskGraph
        One connected component.
    tasks : mapping of str to PatternCounts
        The votes on the classes of each task that has sources.
    """
    if not is_tree(graph):
        return False
    above = {r.child for r in graph.relations if isinstance(r, Refines)}
    (root,) = (name for name in graph.names if name not in above)
    if sum(any(task in tasks for task in _with_below(graph, r.child)) for r in children_of(graph, root)) < 2:
        return False
    one_sided = total = 0.0
    for task in above.intersection(tasks):
        problem = Problem.of(tasks[task])
        one_sided += float(problem.totals[~problem.multipolar[problem.source]].sum())
        total += float(problem.totals.sum())
    return one_sided > total / 2


def handed_up(
    counted: Mapping[str, Votes], graph: TaskGraph, own: Mapping[str, Votes] | None = None
) -> dict[str, Votes]:
    """Return the votes on each task of a tree, over its classes, beside what all votes below it imply.

    A task without sources of its own, below which all votes imply one class, is left out. ``own`` has the votes that
    stand for those on each task itself, in letters that its reader knows; default: the votes themselves.
    """
    found = {}
    for task in graph.names:
        below = [other for other in _with_below(graph, task)[1:] if other in counted]
        ways = sum(any(t in counted for t in _with_below(graph, r.child)) for r in children_of(graph, task))
        if task in counted or ways > 1:
            found[task] = beside_implied({**counted, **_only(own, task)}, graph, task, below)
    return found


def learn_handed_up(
    graph: TaskGraph, whole: PatternCounts, tasks: Mapping[str, PatternCounts], given: Mapping[str, npt.ArrayLike]
) -> HandedUp:
    """Learn from whole rows of votes on the tasks of a tree.

    Parameters
    ----------
    graph : TaskGraph
    whole : PatternCounts
        Rows that hold the votes on all tasks side by side.
    tasks : mapping of str to PatternCounts
        The votes on the classes of each task that has sources; known classes of these say how common classes are.
    given : mapping of str to array_like of float, shape (k,)
        P(class | the task applies), where it is known.
    """
    counted = apart(pattern_votes(whole), graph, graph.names)
    votes = handed_up(counted, graph)
    rows = whole.weights.astype(np.float64)
    known = {t: gold_balance(one.counts) for t, one in tasks.items() if one.counts.gold.any()} | dict(given)
    refined = [t for t in votes if len(graph.states(t)) > len(graph.tasks[graph.names.index(t)].classes)]
    readers, applies = dict[str, Reader](), dict.fromkeys(votes, np.ones(len(rows)))
    weights: list[Floats] = []
    for tasks_anew in (list(votes), *[refined] * _ROUNDS):
        for task in tasks_anew:
            stats = _counted(votes[task], rows * applies[task])
            reader = read(stats, known.get(task))
            readers[task] = sharpened(reader, graph, task, stats, _numbers_below(counted, graph, task))
        weights, applies, steps, settled = _settle(graph, readers, votes, rows, weights)
    return HandedUp(readers, tuple(weights), steps, settled)


def log_weights(
    graph: TaskGraph,
    readers: Mapping[str, Reader],
    votes: Mapping[str, Votes],
    task: str,
    unheard: Votes | None = None,
) -> Floats | None:
    """Return the log-weight that votes give to the states of a task, shape (n, states); see `Reader.log_evidence`."""
    if task not in readers or task not in votes:
        return None
    read = readers[task].log_evidence(votes[task], unheard)
    return np.column_stack([read, np.zeros(len(read))]) if len(graph.states(task)) > read.shape[1] else read


def _numbers_below(counted: Mapping[str, Votes], graph: TaskGraph, task: str) -> dict[str, tuple[int, ...]]:
    """Return for each child of a task the numbers that columns of it, and of all below, have in `handed_up`."""
    below = [other for other in _with_below(graph, task)[1:] if other in counted]
    return {
        r.child: tuple(below.index(other) + 1 for other in _with_below(graph, r.child) if other in counted)
        for r in children_of(graph, task)
    }


def _only(own: Mapping[str, Votes] | None, task: str) -> dict[str, Votes]:
    return {task: own[task]} if own is not None and task in own else {}


def _with_below(graph: TaskGraph, task: str) -> list[str]:
    """Return a task and all that refine it, from above down."""
    found = [task]
    for name in found:
        found.extend(r.child for r in children_of(graph, name))
    return found


def _counted(votes: Votes, amounts: Floats) -> PatternCounts:
    """Count each row so many times, as near as whole numbers come; their sum stays right."""
    times = np.diff(np.rint(np.cumsum(amounts)), prepend=0).astype(np.int64)
    index = np.repeat(np.arange(votes.n), times)
    rows = votes.rows.take(index) if isinstance(votes.rows, SparseRows) else votes.rows[index]
    again = Votes(rows, classes=votes.classes, sources=votes.sources, alphabet=dict(votes.alphabet))
    return PatternCounts.of(again)


def _settle(
    graph: TaskGraph,
    readers: Mapping[str, Reader],
    votes: Mapping[str, Votes],
    rows: Floats,
    near: Sequence[Floats],
) -> tuple[list[Floats], dict[str, Floats], int, bool]:
    """Learn by EM which states go together, from log-weights that are ``near`` or, if there are none, from balances.

    Returns log-weights, P(each task applies) on each row, the number of steps, and whether it settled.
    """
    told = [log_weights(graph, readers, votes, task) for task in graph.names]
    start = weights_from_balances(graph, readers)
    prior = shares_of_cliques(graph, start)
    weights = list(near) or start
    step, settled = 0, False
    while step < _STEPS and not settled:
        step += 1
        before = shares_of_cliques(graph, weights)
        states = _expected(graph, told, weights, rows)[0]
        weights = [conditional_weights(graph, c, one, prior[c]) for c, one in enumerate(states)]
        after = shares_of_cliques(graph, weights)
        settled = all(np.abs(a - b).max() < _SETTLED for a, b in zip(before, after, strict=True))
    marginals = _expected(graph, told, weights, rows)[1]
    return weights, {t: 1 - one[:, -1] for t, one in zip(graph.names, marginals, strict=True)}, step, settled


def _expected(
    graph: TaskGraph, told: Sequence[Floats | None], weights: Sequence[Floats], rows: Floats
) -> tuple[list[Floats], list[Floats]]:
    """Return the expected rows of each state of each clique, and P(state) of each task, shape (p, states)."""
    states = [np.zeros(len(clique.states)) for clique in graph.tree.cliques]
    marginals = [np.empty((len(rows), size)) for size in graph.sizes]
    size = max(1, _MOST_NUMBERS // sum(len(one) for one in states))
    for start in range(0, len(rows), size):
        some = slice(start, start + size)
        beliefs, _ = graph.tree.propagate([None if one is None else one[some] for one in told], weights)
        for total, belief in zip(states, beliefs, strict=True):
            total += rows[some] @ np.exp(belief)
        for out, part in zip(marginals, graph.tree.marginals(beliefs), strict=True):
            out[some] = part
    return states, marginals
