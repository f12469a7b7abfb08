"""Shares of classes by majority of the votes: closed forms, and close to the truth where functions seldom err."""

from __future__ import annotations

import numpy as np

from labelwright.core import Task, TaskGraph, Votes
from labelwright.core.task_votes import TaskVotes
from labelwright.core.tasks import Refines
from labelwright.labelmodels import MultiTask
from labelwright.labelmodels.multitask import vote_balances

TREE = TaskGraph(
    [Task("finding", ["normal", "abnormal"]), Task("kind", ["mass", "nodule"]), Task("side", ["left", "right"])],
    [Refines("kind", "finding", "abnormal"), Refines("side", "kind", ["mass", "nodule"])],
)


def test_votes_on_grandchildren_tell_of_grandparents():
    votes = TaskVotes(TREE, {"finding": [[0], [-1], [-1]], "side": [[-1], [0], [0]]})
    found = vote_balances(votes)
    assert found["finding"].tolist() == [2 / 5, 3 / 5]
    assert found["kind"].tolist() == [1 / 2, 1 / 2]
    assert found["side"].tolist() == [3 / 4, 1 / 4]


def test_not_applicable_and_no_vote_count_for_nothing():
    votes = TaskVotes(TREE, {"kind": [[2], [-1], [0]]})
    assert vote_balances(votes)["kind"].tolist() == [2 / 3, 1 / 3]
    assert vote_balances(votes)["side"].tolist() == [1 / 2, 1 / 2]


def test_a_vote_for_several_classes_is_spread_over_them():
    graph = TaskGraph([Task("size", ["small", "medium", "large"])])
    told = Votes(np.array([[0], [1]]), classes=graph.states("size"), sources=["a"], alphabet={"a": [{0}, {1, 2}]})
    assert vote_balances(TaskVotes(graph, {"size": told}))["size"].tolist() == [2 / 5, 3 / 10, 3 / 10]


def test_one_sided_functions_of_an_uneven_task_are_believed():
    rng = np.random.default_rng(0)
    graph = TaskGraph([Task("usage", ["casual", "formal", "sports", "ethnic"])])
    truth = rng.choice(4, size=4000, p=[0.85, 0.05, 0.05, 0.05])
    # Three functions for each class: each fires on half of its class, and on every fiftieth of the rest.
    classes = np.repeat(np.arange(4), 3)
    fires = rng.random((4000, 12)) < np.where(truth[:, None] == classes, 0.5, 0.02)
    votes = TaskVotes(graph, {"usage": np.where(fires, classes, -1)})
    shares = vote_balances(votes)
    assert np.abs(shares["usage"] - np.bincount(truth) / 4000).max() < 0.08
    covered = fires.any(axis=1)

    def log_loss(model):
        probs = model.fit(votes).predict_proba(votes)["usage"]
        return -np.log(probs[np.arange(4000), truth])[covered].mean()

    assert log_loss(MultiTask(class_balance=shares)) < log_loss(MultiTask()) - 0.05
