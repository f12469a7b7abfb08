"""What a network says: probabilities that keep every relation, and answers that are feasible, also against enumeration."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from labelwright.core.errors import ModelError
from labelwright.core.task_graph import TaskGraph
from labelwright.core.tasks import Excludes, Implies, Refines, Task
from labelwright.endmodels.torch import seeded
from labelwright.endmodels.torch.multitask import MultiTaskNetwork, compose, decode, predict_task_probs

TREE = TaskGraph(
    [Task("grade", 2), Task("kind", 3), Task("finding", 3), Task("part", 2), Task("apart", 4)],
    [Refines("kind", "finding", [1, 2]), Refines("grade", "kind", 0), Refines("part", "finding", 2)],
)
TIED = TaskGraph(
    [Task("a", 3), Task("b", ["no", "yes"]), Task("c", ["no", "yes"]), Task("d", 2), Task("e", 2)],
    [Refines("d", "a", [0, 1]), Implies(("a", 0), ("b", "yes")), Excludes(("b", "yes"), ("c", "yes"))],
)


def _given(graph, seed, n=40):
    chance = np.random.default_rng(seed)
    return {task.name: softmax(3 * chance.normal(size=(n, len(task.classes))), axis=1) for task in graph.tasks}


def _enumerated(own, graph):
    """Marginals and probabilities of all feasible vectors, by listing them."""
    vectors = graph.feasible()
    weight = np.ones((len(next(iter(own.values()))), len(vectors)))
    for t, name in enumerate(graph.names):
        k = own[name].shape[1]
        weight *= np.column_stack([own[name], np.ones(len(weight))])[:, np.minimum(vectors[:, t], k)]
    weight /= weight.sum(axis=1, keepdims=True)
    found = {
        name: np.stack([weight[:, vectors[:, t] == s].sum(axis=1) for s in range(graph.sizes[t])], axis=1)
        for t, name in enumerate(graph.names)
    }
    return found, vectors, weight


@given(st.integers(0, 10**6), st.sampled_from([TREE, TIED]))
def test_probabilities_are_the_marginals_of_feasible_vectors(seed, graph):
    own = _given(graph, seed)
    expected, _, _ = _enumerated(own, graph)
    for name, probs in compose(own, graph).items():
        np.testing.assert_allclose(probs, expected[name], atol=1e-12)


@given(st.integers(0, 10**6), st.sampled_from([TREE, TIED]))
def test_a_child_is_not_applicable_with_exactly_what_its_parent_leaves(seed, graph):
    probs = compose(_given(graph, seed), graph)
    for relation in graph.relations:
        if isinstance(relation, Refines):
            applies = probs[relation.parent][:, list(relation.classes)].sum(axis=1)
            assert (probs[relation.child][:, -1] == 1 - applies).all()


@given(st.integers(0, 10**6), st.sampled_from([TREE, TIED]))
def test_answers_are_feasible_together(seed, graph):
    answers = decode(_given(graph, seed), graph)
    assert graph.is_feasible(np.stack(list(answers.values()), axis=1)).all()


def test_answers_go_from_the_top():
    own = _given(TREE, 0, n=200)
    answers, probs = decode(own, TREE), compose(own, TREE)
    for name in ("finding", "apart"):
        assert (answers[name] == probs[name].argmax(axis=1)).all()
    applies = answers["kind"] < 3
    assert (applies == (answers["finding"] > 0)).all()
    assert (answers["kind"][applies] == own["kind"].argmax(axis=1)[applies]).all()


def test_where_relations_tie_tasks_the_answers_are_those_of_the_tied():
    tied = TaskGraph(
        [Task("b", 2), Task("c", 2), Task("d", 2)], [Excludes(("b", 1), ("c", 1)), Excludes(("c", 1), ("d", 1))]
    )
    own = {"b": np.array([[0.4, 0.6]]), "c": np.array([[0.1, 0.9]]), "d": np.array([[0.4, 0.6]])}
    assert [int(codes[0]) for codes in decode(own, tied).values()] == [0, 1, 0]


def test_a_head_that_is_quite_sure_of_what_cannot_be_gives_way():
    own = {name: np.eye(probs.shape[1])[[0]] for name, probs in _given(TIED, 0, n=1).items()}
    own["c"] = np.array([[0.0, 1.0]])
    probs = compose(own, TIED)
    assert all(np.isfinite(p).all() for p in probs.values())
    assert TIED.is_feasible(np.stack(list(decode(own, TIED).values()), axis=1)).all()


@pytest.mark.parametrize("settings", [{}, {"head_width": 5, "reads": "hidden"}, {"reads": "predicted"}])
def test_a_network_keeps_the_hierarchy_in_blocks_of_any_size(settings):
    with seeded(0):
        network = MultiTaskNetwork(torch.nn.Linear(4, 6), TREE, **settings)
    X = np.random.default_rng(0).normal(size=(50, 4))
    probs = predict_task_probs(network, X, device="cpu")
    assert list(probs) == list(TREE.names)
    for name, found in predict_task_probs(network, X, batch_size=7, device="cpu").items():
        np.testing.assert_allclose(found, probs[name], atol=1e-6)
    assert (probs["kind"][:, -1] == 1 - probs["finding"][:, 1:].sum(axis=1)).all()
    assert (probs["grade"][:, -1] == 1 - probs["kind"][:, :1].sum(axis=1)).all()
    for found in probs.values():
        np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)


def test_two_parents_are_refused():
    graph = TaskGraph([Task("a", 2), Task("b", 2), Task("c", 2)], [Refines("c", "a", 1), Refines("c", "b", 1)])
    with pytest.raises(ModelError, match="refined from 'a' and 'b'"):
        MultiTaskNetwork(torch.nn.Linear(1, 1), graph)
