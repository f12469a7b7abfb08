"""Methods for related tasks: one joint model, and pipelines per task that are put together along the hierarchy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks._multitask_sets import parents
from labelwright.core import Votes
from labelwright.core.task_graph import TaskGraph
from labelwright.core.task_votes import TaskVotes
from labelwright.labelmodels import BaseLabelModel, LabelModel, MajorityVote, MultiTask

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
# Task -> P(class | the task applies), shape (n, classes)
ByTask = dict[str, Floats]


@dataclass(frozen=True)
class Decision:
    """By task: the class chosen where the task applies, and the state chosen in all, both (n,)."""

    given_applicable: Mapping[str, Ints]
    state: Mapping[str, Ints]


def joint(train: TaskVotes, votes: TaskVotes) -> ByTask:
    """Fit one model to all votes."""
    labels = MultiTask().fit(train).soft_labels(votes)
    return {task: labels.given_applicable(task)[0] for task in votes.graph.names}


def separate(train: TaskVotes, votes: TaskVotes) -> ByTask:
    """Fit a label model to each task's own votes."""
    return per_task(LabelModel, train, votes, implied=False)


def separate_implied(train: TaskVotes, votes: TaskVotes) -> ByTask:
    """Fit a label model to each task's own votes and those that votes on its descendants imply."""
    return per_task(LabelModel, train, votes, implied=True)


def majority(train: TaskVotes, votes: TaskVotes) -> ByTask:
    """Count each task's own votes."""
    return per_task(MajorityVote, train, votes, implied=False)


def majority_implied(train: TaskVotes, votes: TaskVotes) -> ByTask:
    """Count each task's own votes and those that votes on its descendants imply."""
    return per_task(MajorityVote, train, votes, implied=True)


METHODS: dict[str, Callable[[TaskVotes, TaskVotes], ByTask]] = {
    "joint": joint,
    "separate": separate,
    "separate, implied": separate_implied,
    "majority": majority,
    "majority, implied": majority_implied,
}


def per_task(kind: type[BaseLabelModel], train: TaskVotes, votes: TaskVotes, *, implied: bool) -> ByTask:
    graph = votes.graph
    before, after = (with_implied(v) if implied else dict(v.by_task) for v in (train, votes))
    found = {}
    for task in graph.tasks:
        k = len(task.classes)
        uniform = np.full((votes.n, k), 1 / k)
        if task.name not in after:
            found[task.name] = uniform
            continue
        own, new = applicable(before[task.name], k), applicable(after[task.name], k)
        found[task.name] = np.asarray(kind().fit(own).predict_proba(new))
    return found


def with_implied(votes: TaskVotes) -> dict[str, Votes]:
    """Hand votes on children up the hierarchy: who says which kind it is says that there is one."""
    graph, above = votes.graph, parents(votes.graph)
    found = dict(votes.by_task)
    for child in reversed(list(above)):
        if child in found:
            relation = above[child]
            lifted = up(graph, found[child], child, relation.parent, relation.classes)
            found[relation.parent] = merged(found.get(relation.parent), lifted)
    return found


def up(graph: TaskGraph, votes: Votes, child: str, parent: str, classes: tuple[object, ...]) -> Votes:
    """Return what votes on a child say about its parent: code 0 "one of ``classes``", code 1 "none of them"."""
    states = graph.states(parent)
    inside = frozenset(i for i, state in enumerate(states) if state in classes)
    rest = frozenset(range(len(states))) - inside
    not_applicable = len(graph.states(child)) - 1
    out = np.full(votes.shape, -1)
    for j, source in enumerate(votes.sources):
        for code, means in enumerate(sets(votes, source)):
            if not_applicable not in means or means == {not_applicable}:
                out[votes.values[:, j] == code, j] = int(not_applicable in means)
    return Votes(
        out,
        classes=states,
        sources=votes.sources,
        example_ids=votes.example_ids,
        alphabet=dict.fromkeys(votes.sources, (inside, rest)),
    )


def merged(own: Votes | None, lifted: Votes) -> Votes:
    """Add columns; what a source says about a task itself goes before what its other votes imply."""
    if own is None:
        return lifted
    values, alphabet, sources = [own.values], dict(own.alphabet), list(own.sources)
    for j, source in enumerate(lifted.sources):
        column = lifted.values[:, j]
        if source in own.sources:
            column = np.where(own.values[:, own.sources.index(source)] >= 0, -1, column)
            source = f"{source} (implied)"
        values.append(column[:, None])
        sources.append(source)
        alphabet[source] = lifted.alphabet[lifted.sources[j]]
    return Votes(
        np.concatenate(values, axis=1),
        classes=lifted.classes,
        sources=sources,
        example_ids=own.example_ids,
        alphabet=alphabet,
    )


def applicable(votes: Votes, k: int) -> Votes:
    """Return votes on the classes of a task alone; a vote that leaves nothing but N/A becomes an abstain."""
    out, alphabet = np.full(votes.shape, -1), {}
    for j, source in enumerate(votes.sources):
        kept = [frozenset(c for c in means if c < k) for means in sets(votes, source)]
        codes = {means: code for code, means in enumerate(dict.fromkeys(means for means in kept if means))}
        for code, means in enumerate(kept):
            if means:
                out[votes.values[:, j] == code, j] = codes[means]
        if codes:
            alphabet[source] = tuple(codes)
    silent = [s for s in votes.sources if s not in alphabet]
    found = Votes(
        out, classes=votes.classes[:k], sources=votes.sources, example_ids=votes.example_ids, alphabet=alphabet
    )
    return found.select([s for s in votes.sources if s not in silent])


def sets(votes: Votes, source: str) -> tuple[frozenset[int], ...]:
    """Return what each code of a source means, as a set of states."""
    return votes.alphabet.get(source, tuple(frozenset([code]) for code in range(votes.k)))


def decide(graph: TaskGraph, probs: ByTask) -> Decision:
    """Choose from the root down: the most probable class, and N/A below a class that does not lead there.

    Ties are broken at random, the same for every method.
    """
    chosen = {}
    for t, name in enumerate(graph.names):
        p = np.asarray(probs[name])
        chosen[name] = (p + np.random.default_rng(t).random(p.shape) * 1e-9).argmax(axis=1)
    state = dict(chosen)
    for child, relation in parents(graph).items():
        codes = [graph.states(relation.parent).index(c) for c in relation.classes]
        applies = np.isin(state[relation.parent], codes)
        state[child] = np.where(applies, chosen[child], len(graph.states(child)) - 1)
    return Decision(chosen, state)
