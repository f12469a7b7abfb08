"""How common the states of related tasks are, as log-weights of the cliques of the junction tree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from labelwright.core import TaskGraph

from .readers import Reader

__all__ = ["WORTH_OF_PRIOR", "conditional_weights", "shares_of_cliques", "weights_from_balances"]

Floats = npt.NDArray[np.float64]

# What the balance of a task's own votes, and a guess of an accuracy, are worth beside what related tasks say, in rows
# for each row: with more rows of a wrong model that would not be more right, and one-sided sources identify neither.
WORTH_OF_PRIOR = 2.0


def shares_of_cliques(graph: TaskGraph, weights: Sequence[Floats]) -> list[Floats]:
    """Return the probability of each state of each clique before any vote, from the log-weights."""
    beliefs, _ = graph.tree.propagate([None] * len(graph.tasks), weights)
    return [np.exp(one[0]) for one in beliefs]


def weights_from_balances(graph: TaskGraph, readers: Mapping[str, Reader]) -> list[Floats]:
    """Return log-weights as the tasks' own votes suggest them: each task's classes as balanced as they say."""
    tree = graph.tree
    weights = [np.zeros(len(clique.states)) for clique in tree.cliques]
    for t, task in enumerate(graph.tasks):
        k, clique = len(task.classes), tree.cliques[tree.home[t]]
        known = readers.get(task.name)
        shares = np.append(np.full(k, 1 / k) if known is None else np.maximum(known.balance, 1e-9), 1.0)
        weights[tree.home[t]] += np.log(shares)[np.minimum(clique.states[:, clique.scope.index(t)], k)]
    return weights


def conditional_weights(graph: TaskGraph, c: int, states: Floats, prior: Floats) -> Floats:
    """Return log P(state of clique ``c`` | what it shares with the clique above) from expected rows of each."""
    clique, rows = graph.tree.cliques[c], max(float(states.sum()), 1.0)
    shares = states + WORTH_OF_PRIOR * rows * prior + 1e-9
    shares /= shares.sum()
    if clique.parent < 0:
        return np.log(shares)
    return np.log(shares) - np.log(np.bincount(clique.up, weights=shares))[clique.up]
