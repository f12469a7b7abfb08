"""Rates of speaking are learned from the votes on a task's siblings too, where these tell better whether it applies."""

from __future__ import annotations

import numpy as np
import pytest

from labelwright.core import Task, TaskGraph, Votes
from labelwright.core.task_votes import TaskVotes
from labelwright.core.tasks import Refines
from labelwright.labelmodels import MultiTask
from labelwright.labelmodels.multitask import MultiTaskStats
from labelwright.labelmodels.multitask.families import family_votes

GRAPH = TaskGraph(
    [Task("kind", ["a", "b", "c"]), *(Task(f"of {c}", ["x", "y"]) for c in "abc")],
    [Refines(f"of {c}", "kind", c) for c in "abc"],
)


def given(n, *, accuracy, precision, seed=0):
    """Votes on the parent of some accuracy, and on children of some precision: who speaks of one is so often right."""
    rng = np.random.default_rng(seed)
    kind, fine = rng.integers(0, 3, n), rng.integers(0, 2, n)
    said = np.where(rng.random((n, 4)) < accuracy, kind[:, None], (kind[:, None] + rng.integers(1, 3, (n, 4))) % 3)
    by_task = {"kind": np.where(rng.random((n, 4)) < 0.5, said, -1)}
    for c in range(3):
        applies = (kind == c)[:, None]
        stray = 0.4 * (1 - precision) / precision / 2
        speaks = rng.random((n, 4)) < np.where(applies, 0.4, stray)
        told = np.where(applies & (rng.random((n, 4)) < 0.8), fine[:, None], rng.integers(0, 2, (n, 4)))
        by_task[f"of {'abc'[c]}"] = np.where(speaks, told, -1)
    return kind, TaskVotes(GRAPH, by_task)


def right(votes, kind):
    return (MultiTask().fit(votes).predict(votes)[:, 0] == kind).mean()


def test_implied_votes_of_children_stand_beside_those_on_the_parent():
    kind = Votes([[0], [-1], [2]], classes=GRAPH.states("kind"), sources=["k"])
    first = Votes([[1], [2], [-1]], classes=GRAPH.states("of a"), sources=["f"])
    second = Votes([[-1], [0], [-1]], classes=GRAPH.states("of c"), sources=["s"])
    found = family_votes({"kind": kind, "of a": first, "of c": second}, GRAPH, "kind")
    assert found.sources == ("0 k", "1 f", "2 s")
    assert found.values.tolist() == [[0, 0, -1], [-1, 1, 0], [2, -1, -1]]
    assert found.alphabet["1 f"] == (frozenset([0]), frozenset([1, 2]))
    assert family_votes({"kind": kind, "of a": first}, GRAPH, "kind") is None
    assert family_votes({"of a": first, "of c": second}, GRAPH, "kind").sources == ("1 f", "2 s")


def test_families_are_counted_in_parts_and_again_where_a_member_changed():
    _, votes = given(300, accuracy=0.7, precision=0.9)
    whole = MultiTaskStats.of(votes)
    parts = [MultiTaskStats.of(votes.take(rows)) for rows in np.array_split(np.arange(300), 3)]
    assert list(whole.families) == ["kind"]
    assert parts[2] + parts[0] + parts[1] == whole
    assert whole - parts[1] == parts[0] + parts[2]
    assert whole.without(3) == MultiTaskStats.of(votes.take(votes.bucket != 3))
    changed = dict(votes.by_task)
    changed["of b"] = Votes(changed["of b"].values[::-1], classes=GRAPH.states("of b"), sources=changed["of b"].sources)
    now = TaskVotes(GRAPH, changed)
    part = MultiTaskStats.of(now, tasks=["of b"])
    assert (list(part.tasks), list(part.families)) == (["of b"], ["kind"])
    assert whole.updated(part) == MultiTaskStats.of(now)
    assert whole.updated(part) != whole


def test_rates_are_those_of_the_sources_although_the_parent_is_read_badly():
    _, votes = given(1500, accuracy=0.45, precision=0.95, seed=1)
    rates = MultiTask().fit(votes).params_.components[0].rates["of a"]
    # From the parent's own votes alone they come out as .27 and .07.
    np.testing.assert_allclose(rates[:, 0, 0].mean(), 0.4, atol=0.07)
    np.testing.assert_allclose(rates[:, 1, 0].mean(), 0.01, atol=0.04)


@pytest.mark.parametrize(("accuracy", "precision", "least"), [(0.45, 0.95, 0.89), (0.85, 0.34, 0.85)])
def test_good_children_mend_a_poor_parent_and_poor_children_do_not_spoil_a_good_one(accuracy, precision, least):
    kind, votes = given(1500, accuracy=accuracy, precision=precision, seed=1)
    assert right(votes, kind) > least


def test_the_order_of_tasks_and_sources_moves_nothing_else():
    _, votes = given(500, accuracy=0.6, precision=0.9)
    probs = MultiTask().fit(votes).predict_proba(votes)
    graph = TaskGraph(GRAPH.tasks[::-1], GRAPH.relations[::-1])
    turned = TaskVotes(graph, {task: v.select(v.sources[::-1]) for task, v in votes.by_task.items()})
    for task, p in MultiTask().fit(turned).predict_proba(turned).items():
        np.testing.assert_allclose(p, probs[task], atol=1e-8)
