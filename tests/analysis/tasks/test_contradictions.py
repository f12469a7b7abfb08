"""Contradictions between sources: each is found once, and the labels follow at most one side."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from labelwright.analysis.tasks.contradictions import find_contradictions
from labelwright.core import SparseRows, TaskGraph, Votes
from labelwright.core.task_votes import TaskVotes
from labelwright.core.tasks import Excludes, Implies, Refines, Task

GRAPH = TaskGraph(
    [
        Task("finding", ["normal", "abnormal"]),
        Task("kind", ["mass", "nodule"]),
        Task("urgent", ["no", "yes"]),
        Task("other", ["a", "b"]),
    ],
    [
        Refines("kind", "finding", "abnormal"),
        Implies(("urgent", "yes"), ("finding", "abnormal")),
        Excludes(("urgent", "yes"), ("kind", "nodule")),
    ],
)


def drawn(seed: int, *, sparse: bool) -> tuple[TaskVotes, np.ndarray]:
    rng, by_task = np.random.default_rng(seed), {}
    for task in ("finding", "kind", "urgent", "other"):
        values = rng.integers(-1, len(GRAPH.states(task)), size=(60, 3))
        rows = np.nonzero(values >= 0)
        indptr = np.concatenate([[0], np.cumsum((values >= 0).sum(axis=1))])
        held = SparseRows(indptr, rows[1], values[rows], values.shape) if sparse else values
        sources = [f"{task} {j}" for j in range(3)]
        by_task[task] = Votes(held, classes=GRAPH.states(task), sources=sources)
    feasible = GRAPH.feasible()
    return TaskVotes(GRAPH, by_task), feasible[rng.integers(len(feasible), size=60)]


def apart(answers: dict[str, int]) -> bool:
    """Whether no label vector has all of these states."""
    columns = [GRAPH.names.index(task) for task in answers]
    return not (GRAPH.feasible()[:, columns] == list(answers.values())).all(axis=1).any()


@pytest.mark.parametrize("sparse", [False, True])
def test_every_pair_of_votes_is_judged_as_the_graph_judges_it(sparse: bool) -> None:
    votes, vectors = drawn(3, sparse=sparse)
    expected: dict[tuple[tuple[str, str], tuple[str, str]], list[int]] = {}
    for i, (first, second) in itertools.product(range(60), itertools.combinations(GRAPH.names, 2)):
        for a, b in itertools.product(range(3), repeat=2):
            said, denied = (int(votes.by_task[t].values[i, j]) for t, j in ((first, a), (second, b)))
            if min(said, denied) < 0:
                continue
            if apart({first: said, second: denied}):
                count = expected.setdefault(((first, second), (f"{first} {a}", f"{second} {b}")), [0, 0, 0])
                label = dict(zip(GRAPH.names, vectors[i].tolist(), strict=True))
                for k, one in enumerate((1, label[first] == said, label[second] == denied)):
                    count[k] += one
    found = find_contradictions(votes, vectors)
    assert {(p.tasks, p.sources): [p.examples, p.first_kept, p.second_kept] for p in found.pairs} == expected
    assert [p.examples for p in found.pairs] == sorted((p.examples for p in found.pairs), reverse=True)
    assert found.examples == votes.contradictions().sum() == found.repaired
    assert all(p.neither_kept >= 0 for p in found.pairs)


def test_labels_that_break_a_relation_repair_nothing() -> None:
    votes, vectors = drawn(4, sparse=False)
    vectors[:, GRAPH.names.index("kind")] = 0
    vectors[:, GRAPH.names.index("finding")] = 0
    assert find_contradictions(votes, vectors).repaired == 0


def test_partial_votes_are_followed_where_the_label_is_one_of_their_classes() -> None:
    graph = TaskGraph(
        [Task("kind", ["a", "b", "c"]), Task("odd", ["no", "yes"])], [Implies(("odd", "yes"), ("kind", "c"))]
    )
    kind = Votes([[3]], classes=["a", "b", "c"], sources=["one"], alphabet={"one": [[0], [1], [2], [0, 1]]})
    odd = Votes([[1]], classes=["no", "yes"], sources=["two"])
    (pair,) = find_contradictions(TaskVotes(graph, {"kind": kind, "odd": odd}), [[1, 0]]).pairs
    assert (pair.first_kept, pair.second_kept) == (1, 0)


def test_where_nothing_contradicts_nothing_is_found() -> None:
    votes = TaskVotes(GRAPH, {"finding": [[1]], "kind": [[0]]})
    found = find_contradictions(votes, [[1, 0, 0, 0]])
    assert (found.examples, found.repaired, found.pairs, found.by_tasks) == (0, 0, (), {})
