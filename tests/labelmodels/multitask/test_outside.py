"""What is seen of a task from outside: exact, and it carries evidence past tasks on which nobody speaks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from labelwright.core import TaskGraph, Votes
from labelwright.core.task_votes import TaskVotes
from labelwright.core.tasks import Implies
from labelwright.labelmodels import MultiTask
from labelwright.labelmodels.multitask import MultiTaskStats
from labelwright.labelmodels.multitask.columns import apart
from labelwright.labelmodels.multitask.components import _clique
from labelwright.labelmodels.multitask.expectation import Meeting, couple
from labelwright.labelmodels.multitask.outside import Outside
from labelwright.labelmodels.multitask.readers import read
from labelwright.labelmodels.multitask.recounting import pattern_votes

from .wear import TREE

BELOW = {"shoe": {"shoe", "heel"}, "bag": {"bag"}, "heel": {"heel"}}


def drawn(n, seed, *, silent=0.0, elsewhere=0.02):
    """Votes on a tree; on a share of the rows nobody speaks of shoes, and on the others nobody of heels."""
    rng = np.random.default_rng(seed)
    vectors = TREE.feasible()
    truth = vectors[rng.integers(0, len(vectors), n)]
    hidden = rng.random(n) < silent
    by_task = {}
    for t, task in enumerate(TREE.tasks):
        k, true = len(task.classes), truth[:, t]
        applies = (true < k)[:, None]
        right = np.where(rng.random((n, 4)) < 0.8, true[:, None], (true[:, None] + 1) % k)
        rate = np.where(applies, 0.5, elsewhere)
        if silent and task.name in ("shoe", "heel"):
            rate = rate * (hidden if task.name == "heel" else ~hidden)[:, None]
        said = np.where(applies, right, rng.integers(0, k, (n, 4)))
        by_task[task.name] = np.where(rng.random((n, 4)) < rate, said, -1)
    return truth, TaskVotes(TREE, by_task)


def test_messages_are_sums_over_all_feasible_vectors():
    _, votes = drawn(400, 0)
    stats = MultiTaskStats.of(votes)
    meetings = [
        Meeting(_clique(TREE, scope), one.weights.astype(float), apart(pattern_votes(one), TREE, scope))
        for scope, one in stats.meetings.items()
    ]
    found = couple(TREE, {task: read(one) for task, one in stats.tasks.items()}, meetings)
    outside = Outside.of(TREE, stats.trees[TREE.names].counts)
    vectors = TREE.feasible()
    prior = np.zeros(len(vectors))
    for clique, weights in zip(TREE.tree.cliques, found.weights, strict=True):
        place = {tuple(state): w for state, w in zip(clique.states.tolist(), weights, strict=True)}
        prior += [place[tuple(v)] for v in vectors[:, list(clique.scope)].tolist()]
    for task, sight in outside.sights(found).items():
        logs = prior + sum(
            outside._evidence(found, name)[:, vectors[:, t]]
            for t, name in enumerate(TREE.names)
            if name not in BELOW[task]
        )
        probs = np.exp(logs - logs.max(axis=1, keepdims=True))
        probs /= probs.sum(axis=1, keepdims=True)
        t = TREE.names.index(task)
        applies = vectors[:, t] < len(TREE.tasks[t].classes)
        np.testing.assert_allclose(sight.applies, probs[:, applies].sum(axis=1), atol=1e-10)
        assert sight.weights.sum() == 400


def test_rates_of_grandchildren_are_learned_where_nobody_speaks_of_children():
    truth, votes = drawn(1500, 1, silent=0.5)
    stats = MultiTaskStats.of(votes)
    right = []
    for known in (stats, replace(stats, trees={})):
        model = MultiTask().fit_stats(known)
        right.append((model.predict(votes) == truth)[:, TREE.names.index("heel")].mean())
        if known is stats:  # half of the rows say anything of heels
            rates = model.params_.components[0].rates["heel"][:, :, 0].mean(axis=0)
            np.testing.assert_allclose(rates, [0.25, 0.01], atol=0.06)
    assert right[0] > right[1] + 0.02


def test_only_trees_of_three_tasks_or_more_are_kept_whole():
    _, votes = drawn(50, 2)
    assert list(MultiTaskStats.of(votes).trees) == [TREE.names]
    two = TREE.part(["wear", "bag"])
    assert MultiTaskStats.of(TaskVotes(two, {"wear": votes.by_task["wear"]})).trees == {}
    tied = TaskGraph(TREE.tasks, [*TREE.relations, Implies(("bag", "hand"), ("heel", "N/A"))])
    assert MultiTaskStats.of(TaskVotes(tied, dict(votes.by_task))).trees == {}


def test_an_edit_of_a_source_reads_the_same_rows_again():
    _, votes = drawn(300, 3)
    stats = MultiTaskStats.of(votes)
    edited = dict(votes.by_task)
    bag = edited["bag"]
    edited["bag"] = Votes(bag.values[::-1], classes=bag.classes, sources=bag.sources)
    now = TaskVotes(TREE, edited)
    part = MultiTaskStats.of(now, tasks=["bag"])
    assert stats.updated(part) == MultiTaskStats.of(now)
    assert stats.updated(part) != stats
    rows = np.arange(300) % 3
    parts = [MultiTaskStats.of(votes.take(rows == r)) for r in range(3)]
    assert parts[2] + parts[0] + parts[1] == stats
    assert stats - parts[1] == parts[0] + parts[2]
    assert stats.without(5) == MultiTaskStats.of(votes.take(votes.bucket != 5))


@pytest.mark.parametrize("column", [[0] * 40, [-1] * 40, [2] * 40])
def test_odd_votes_get_finite_answers(column):
    votes = TaskVotes(TREE, {"bag": np.array([column] * 3).T, "heel": np.array([[0, -1]] * 40)})
    for p in MultiTask().fit(votes).predict_proba(votes).values():
        assert np.isfinite(p).all()
