"""From what is said of each task where it applies, to probabilities that keep every relation, and answers that do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelwright.core.errors import ModelError
from labelwright.core.task_graph import TaskGraph
from labelwright.core.tasks import Refines

__all__ = ["Parent", "compose", "decode", "parents_in"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Parent:
    """What a task is refined from.

    Parameters
    ----------
    task : str
    codes : tuple of int
        The parent's states at which the child applies.
    """

    task: str
    codes: tuple[int, ...]


def parents_in(graph: TaskGraph) -> dict[str, Parent]:
    """Return for each refined task what it is refined from.

    Raises
    ------
    ModelError
        If a task is refined from two parents: probabilities are composed along a tree.

    Examples
    --------
    >>> from labelwright.core.tasks import Task
    >>> tasks = [Task("finding", ["normal", "abnormal"]), Task("kind", ["mass", "nodule"])]
    >>> parents_in(TaskGraph(tasks, [Refines("kind", "finding", "abnormal")]))
    {'kind': Parent(task='finding', codes=(1,))}
    """
    found: dict[str, Parent] = {}
    for relation in graph.relations:
        if not isinstance(relation, Refines):
            continue
        if relation.child in found:
            raise ModelError(
                f"task {relation.child!r} is refined from {found[relation.child].task!r} and {relation.parent!r}; "
                "heads are composed along a tree. Keep one of the two, and say the other with Implies."
            )
        states = graph.states(relation.parent)
        found[relation.child] = Parent(relation.parent, tuple(sorted({states.index(c) for c in relation.classes})))
    return found


def compose(given: Mapping[str, Floats], graph: TaskGraph) -> dict[str, Floats]:
    """Turn distributions given that a task applies into distributions over its states that keep every relation.

    Parameters
    ----------
    given : mapping of str to numpy.ndarray of float, shape (n, classes)
        One for each task.
    graph : TaskGraph

    Returns
    -------
    dict of str to numpy.ndarray of float, shape (n, states)
        A refined task's classes share the probability that its parent is in one of the classes at which it applies; N/A
        has exactly 1 minus that.

    Notes
    -----
    Along a hierarchy this is the chain rule, ``P(parent) P(child | applies)``. Where the graph holds other relations
    too, it is the product of the heads restricted to feasible label vectors, summed exactly in the junction tree.

    Examples
    --------
    >>> from labelwright.core.tasks import Task
    >>> tasks = [Task("finding", ["normal", "abnormal"]), Task("kind", ["mass", "nodule"])]
    >>> graph = TaskGraph(tasks, [Refines("kind", "finding", "abnormal")])
    >>> compose({"finding": np.array([[0.25, 0.75]]), "kind": np.array([[0.5, 0.5]])}, graph)["kind"].tolist()
    [[0.375, 0.375, 0.25]]
    """
    parents = parents_in(graph)
    tied = _has_other_relations(graph)
    joint = dict(zip(graph.names, graph.tree.marginals(_beliefs(given, graph)), strict=True)) if tied else {}
    done: dict[str, Floats] = {}

    def of(name: str) -> Floats:
        if name not in done:
            own = joint[name] if tied else given[name]
            if name in parents:
                applies = of(parents[name].task)[:, list(parents[name].codes)].sum(axis=1)
                classes = own[:, :-1] if tied else own * applies[:, None]
                own = np.column_stack([classes, 1 - applies])
            done[name] = own
        return done[name]

    return {name: of(name) for name in graph.names}


def decode(given: Mapping[str, Floats], graph: TaskGraph) -> dict[str, Integers]:
    """Return an answer to each task, codes of states, such that together they are a feasible label vector.

    From the top: the most probable class of a task that nothing is refined from, and then, where it applies, the most
    probable class of each child. So an answer further up never depends on how finely it is refined. Where the graph
    holds other relations, tasks that these tie together are answered together, clique after clique of its junction
    tree.

    Parameters
    ----------
    given, graph
        As for `compose`.

    Examples
    --------
    >>> from labelwright.core.tasks import Task
    >>> tasks = [Task("finding", ["normal", "abnormal"]), Task("kind", ["mass", "nodule"])]
    >>> graph = TaskGraph(tasks, [Refines("kind", "finding", "abnormal")])
    >>> answers = decode({"finding": np.array([[0.4, 0.6], [0.9, 0.1]]), "kind": np.array([[0.5, 0.5]] * 2)}, graph)
    >>> {task: codes.tolist() for task, codes in answers.items()}
    {'finding': [1, 0], 'kind': [0, 2]}
    """
    if _has_other_relations(graph):
        return _decode_cliques(given, graph)
    parents = parents_in(graph)
    done: dict[str, Integers] = {}

    def of(name: str) -> Integers:
        if name not in done:
            best = given[name].argmax(axis=1)
            if name in parents:
                applies = np.isin(of(parents[name].task), parents[name].codes)
                best = np.where(applies, best, given[name].shape[1])
            done[name] = best
        return done[name]

    return {name: of(name) for name in graph.names}


def _has_other_relations(graph: TaskGraph) -> bool:
    return any(not isinstance(relation, Refines) for relation in graph.relations)


def _beliefs(given: Mapping[str, Floats], graph: TaskGraph) -> list[Floats]:
    """Return the log-probability of each state of each clique of the junction tree."""
    evidence: list[Floats | None] = []
    for name, size in zip(graph.names, graph.sizes, strict=True):
        # A head that has become quite sure must not rule out all that is feasible.
        logs = np.log(np.maximum(given[name], np.finfo(np.float64).tiny))
        # Where the task does not apply, its head is not asked.
        evidence.append(np.column_stack([logs, np.zeros(len(logs))]) if size > logs.shape[1] else logs)
    return graph.tree.propagate(evidence)[0]


def _decode_cliques(given: Mapping[str, Floats], graph: TaskGraph) -> dict[str, Integers]:
    tree, beliefs = graph.tree, _beliefs(given, graph)
    chosen: dict[int, Integers] = {}
    answers: dict[str, Integers] = {}
    for c in range(len(tree.cliques) - 1, -1, -1):  # parents come after their children
        clique, belief = tree.cliques[c], beliefs[c]
        if clique.parent >= 0:
            agrees = clique.up[None, :] == clique.down[chosen[clique.parent]][:, None]
            belief = np.where(agrees, belief, -np.inf)
        chosen[c] = belief.argmax(axis=1)
        for position, task in enumerate(clique.scope):
            answers[graph.names[task]] = clique.states[chosen[c], position]
    return {name: answers[name] for name in graph.names}
