"""Feasible label vectors and exact sums over them, against listing every vector there is."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from labelwright.core.errors import TaskError
from labelwright.core.task_graph import TaskGraph
from labelwright.core.tasks import Equal, Excludes, Feasible, Implies, Refines, Task


@st.composite
def graphs(draw: st.DrawFn) -> TaskGraph:
    sizes = draw(st.lists(st.integers(2, 3), min_size=1, max_size=6))
    tasks = [Task(f"t{i}", size) for i, size in enumerate(sizes)]
    relations = []
    for i in range(1, len(tasks)):
        kind = draw(st.sampled_from(["none", "refines", "implies", "excludes", "equal", "table"]))
        j = draw(st.integers(0, i - 1))
        a, b = draw(st.integers(0, sizes[j] - 1)), draw(st.integers(0, sizes[i] - 1))
        if kind == "refines":
            relations.append(Refines(f"t{i}", f"t{j}", a))
        elif kind == "implies":
            relations.append(Implies((f"t{j}", a), (f"t{i}", b)))
        elif kind == "excludes":
            relations.append(Excludes((f"t{j}", a), (f"t{i}", b)))
        elif kind == "equal":
            relations.append(Equal(f"t{j}", f"t{i}"))
        elif kind == "table" and i > 1:
            names = [f"t{i}", f"t{j}", f"t{(j + 1) % i}"]
            rows = list(product(*(range(sizes[int(n[1:])]) for n in names)))
            relations.append(Feasible(names, draw(st.lists(st.sampled_from(rows), min_size=4, unique=True))))
    try:
        return TaskGraph(tasks, relations)
    except TaskError:
        assume(False)
        raise


def listed(graph: TaskGraph) -> np.ndarray:
    """Every vector of states that keeps every relation, in words of the relations themselves."""
    kept = []
    for vector in product(*(graph.states(name) for name in graph.names)):
        value = dict(zip(graph.names, vector, strict=True))
        tables = (t for r in graph.relations for t in r.tables({n: graph.states(n) for n in graph.names}))
        if all(tuple(value[name] for name in tasks) in rows for tasks, rows in tables):
            kept.append(graph.coded(vector))
    return np.asarray(kept)


@given(graphs(), st.integers(0, 2**32 - 1))
@settings(max_examples=150, deadline=None)
def test_sums_over_the_tree_are_sums_over_all_vectors(graph: TaskGraph, seed: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = listed(graph)
    evidence = [rng.normal(scale=3, size=(4, size)) for size in graph.sizes]
    weights = [rng.normal(size=len(clique.states)) for clique in graph.tree.cliques]
    scores = sum(e[:, v] for e, v in zip(evidence, vectors.T, strict=True))
    for clique, weight in zip(graph.tree.cliques, weights, strict=True):
        place = {tuple(s): w for s, w in zip(clique.states.tolist(), weight.tolist(), strict=True)}
        scores = scores + np.asarray([place[tuple(v)] for v in vectors[:, list(clique.scope)].tolist()])
    expected = np.exp(scores - scores.max(axis=1, keepdims=True))
    log_sum = np.log(expected.sum(axis=1)) + scores.max(axis=1)
    expected /= expected.sum(axis=1, keepdims=True)
    beliefs, found = graph.tree.propagate(evidence, weights)
    np.testing.assert_allclose(found, log_sum, atol=1e-10)
    for task, marginal in enumerate(graph.tree.marginals(beliefs)):
        brute = np.stack([expected[:, vectors[:, task] == s].sum(axis=1) for s in range(graph.sizes[task])], axis=1)
        np.testing.assert_allclose(marginal, brute, atol=1e-10)
    for clique, belief in zip(graph.tree.cliques, beliefs, strict=True):
        same = (vectors[:, list(clique.scope)][:, None] == clique.states).all(axis=2)
        np.testing.assert_allclose(np.exp(belief), expected @ same, atol=1e-10)


@given(graphs())
@settings(max_examples=100, deadline=None)
def test_what_is_feasible_is_what_keeps_every_relation(graph: TaskGraph) -> None:
    vectors = listed(graph)
    np.testing.assert_array_equal(graph.feasible(), vectors)
    assert graph.count() == len(vectors)
    everything = np.asarray(list(product(*map(range, graph.sizes))))
    assert {tuple(v) for v in everything[graph.is_feasible(everything)].tolist()} == {
        tuple(v) for v in vectors.tolist()
    }


@given(graphs(), st.data())
@settings(max_examples=60, deadline=None)
def test_answers_leave_what_some_feasible_vector_has(graph: TaskGraph, data: st.DataObject) -> None:
    task = data.draw(st.integers(0, len(graph.names) - 1))
    code = data.draw(st.integers(0, graph.sizes[task] - 1))
    vectors = listed(graph)
    fitting = vectors[vectors[:, task] == code]
    left = graph.implied({graph.names[task]: graph.states(graph.names[task])[code]})
    for position, name in enumerate(graph.names):
        assert left[name] == tuple(s for c, s in enumerate(graph.states(name)) if (fitting[:, position] == c).any())


def test_a_vote_on_a_child_implies_its_ancestors() -> None:
    graph = TaskGraph(
        [Task("a", ["x", "y"]), Task("b", ["u", "v"]), Task("c", ["m", "n"])],
        [Refines("b", "a", "x"), Refines("c", "b", "v")],
    )
    assert graph.implied({"c": "n"}) == {"a": ("x",), "b": ("v",), "c": ("n",)}
    assert graph.implied({"a": "y"}) == {"a": ("y",), "b": ("N/A",), "c": ("N/A",)}
    assert graph.implied({"a": "y", "c": "m"}) == {"a": (), "b": (), "c": ()}


def test_labels_of_which_at_most_one_holds_cost_as_many_states() -> None:
    labels = [f"l{i}" for i in range(100)]
    graph = TaskGraph.multi_label(labels, [Excludes(*((label, "yes") for label in labels))])
    assert graph.count() == 101
    assert [len(c.states) for c in graph.tree.cliques] == [101]


def test_a_long_chain_is_linear_and_its_count_exact() -> None:
    # Vectors of a chain without two "yes" in a row: Fibonacci numbers.
    labels = [f"l{i}" for i in range(300)]
    graph = TaskGraph.multi_label(labels, [Excludes((a, "yes"), (b, "yes")) for a, b in pairwise(labels)])
    before, now = 1, 2
    for _ in range(299):
        before, now = now, before + now
    assert graph.count() == now
    assert sum(len(c.states) for c in graph.tree.cliques) == 3 * 299
    with pytest.raises(TaskError, match="more than the limit"):
        graph.feasible()


def test_a_long_table_costs_its_rows_and_not_all_combinations() -> None:
    labels = [f"l{i}" for i in range(40)]
    rows = [["yes" if i == j else "no" for i in range(40)] for j in range(40)]
    graph = TaskGraph.multi_label(labels, [Feasible(labels, rows)])
    assert graph.count() == 40
    assert graph.is_feasible(graph.feasible()).all()
    assert not graph.is_feasible(np.zeros((1, 40), dtype=int)).any()


def test_what_ties_too_much_together_is_refused_with_a_way_out() -> None:
    labels = [f"l{i}" for i in range(20)]
    dense = [
        Feasible([a, b], [("no", "no"), ("yes", "yes"), ("no", "yes"), ("yes", "no")])
        for i, a in enumerate(labels)
        for b in labels[i + 1 :]
    ]
    with pytest.raises(TaskError, match=r"20 tasks depend on each other so closely .* Leave out relations"):
        TaskGraph.multi_label(labels, dense)


@pytest.mark.parametrize(
    ("relations", "message"),
    [
        ([Implies(("a", "yes"), ("b", "yes")), Implies(("b", "yes"), ("a", "no"))], "'a' can never be 'yes'"),
        ([Equal("a", "b"), Feasible(["a", "b"], [("yes", "no")])], "Together they cannot hold: Equal.*; Feasible"),
        ([Implies(("a", "yse"), ("b", "yes"))], "'yse', which task 'a' does not have. It has: no, yes"),
        ([Equal("a", "z")], "a task 'z'. There are: a, b, c"),
        ([Refines("a", "b", "yes"), Refines("b", "a", "yes")], "refines itself"),
    ],
)
def test_contradictions_are_named(relations: list, message: str) -> None:
    with pytest.raises(TaskError, match=message):
        TaskGraph.multi_label(["a", "b", "c"], relations)


def test_names_and_classes_are_checked() -> None:
    with pytest.raises(TaskError, match="two tasks are called 'a'"):
        TaskGraph([Task("a", 2), Task("a", 3)])
    with pytest.raises(TaskError, match="needs a list of Task"):
        TaskGraph([])
    with pytest.raises(TaskError, match="say by Refines"):
        Task("a", ["x", "N/A"])
    with pytest.raises(TaskError, match="at least 2"):
        Task("a", 1)
    with pytest.raises(TaskError, match="of different tasks"):
        Excludes(("a", 0), ("a", 1))


def test_components_are_tied_by_relations_only() -> None:
    graph = TaskGraph([Task(n, 2) for n in "abcd"], [Equal("a", "c"), Implies(("b", 0), ("d", 1))])
    assert graph.components == (("a", "c"), ("b", "d"))
    assert graph.count() == 2 * 3
