"""The joint label model: exact sums, the laws, what it may not lose against one model for each task, and bad input."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from labelwright.core import Task, TaskGraph, Votes
from labelwright.core.errors import ModelError, NotFittedError, TaskError, VoteError
from labelwright.core.task_votes import TaskVotes
from labelwright.core.tasks import Excludes, Implies, Refines
from labelwright.labelmodels import LabelModel, MultiTask
from labelwright.labelmodels.multitask import MultiTaskStats
from labelwright.labelmodels.multitask.components import evidence_in_blocks

CHAIN = TaskGraph(
    [
        Task("finding", ["normal", "abnormal"]),
        Task("kind", ["mass", "nodule", "other"]),
        Task("side", ["left", "right"]),
    ],
    [Refines("kind", "finding", "abnormal"), Refines("side", "kind", ["mass", "nodule"])],
)
TIED = TaskGraph.multi_label(
    ["dog", "cat", "pet", "car"],
    [
        Implies(("dog", "yes"), ("pet", "yes")),
        Implies(("cat", "yes"), ("pet", "yes")),
        Excludes(("dog", "yes"), ("cat", "yes")),
    ],
)


def drawn(graph, n, rng, *, m=3, coverage=0.5, elsewhere=0.1, accuracies=(0.6, 0.85), balances=None):
    """True label vectors of a graph, drawn evenly, and votes: rarer and empty of meaning where a task does not apply."""
    feasible = graph.feasible()
    truth = feasible[rng.choice(len(feasible), size=n, p=balances)]
    by_task = {}
    for t, task in enumerate(graph.tasks):
        k, true = len(task.classes), truth[:, t]
        accuracy = rng.uniform(*accuracies, size=m)
        applies = (true < k)[:, None]
        wrong = (true[:, None] + rng.integers(1, k, size=(n, m))) % k
        right = rng.random((n, m)) < accuracy
        said = np.where(applies, np.where(right, true[:, None], wrong), rng.integers(0, k, size=(n, m)))
        by_task[task.name] = np.where(rng.random((n, m)) < np.where(applies, coverage, elsewhere), said, -1)
    return truth, TaskVotes(graph, by_task)


def enumerated(params, votes):
    """P(feasible vector | votes), by listing all of them."""
    (component,) = params.components
    graph = component.graph
    vectors = graph.feasible()
    ((_, evidence),) = evidence_in_blocks(component, votes)
    logs = sum(e[:, vectors[:, t]] for t, e in enumerate(evidence) if e is not None)
    for clique, weights in zip(graph.tree.cliques, component.weights, strict=True):
        place = {tuple(state): w for state, w in zip(clique.states.tolist(), weights, strict=True)}
        logs = logs + np.array([place[tuple(v)] for v in vectors[:, list(clique.scope)].tolist()])
    probs = np.exp(logs - logs.max(axis=1, keepdims=True))
    order = [graph.names.index(task) for task in params.graph.names]
    return vectors[:, order], probs / probs.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("graph", [CHAIN, TIED.part(["dog", "cat", "pet"])], ids=["hierarchy", "constraints"])
def test_labels_are_sums_over_all_feasible_vectors(graph):
    _, votes = drawn(graph, 300, np.random.default_rng(0))
    model = MultiTask().fit(votes)
    vectors, probs = enumerated(model.params_, votes)
    for t, task in enumerate(graph.names):
        sums = np.stack([probs[:, vectors[:, t] == s].sum(axis=1) for s in range(graph.sizes[t])], axis=1)
        np.testing.assert_allclose(model.predict_proba(votes)[task], sums, atol=1e-10)
    best = probs[np.arange(300), [vectors.tolist().index(v) for v in model.predict(votes).tolist()]]
    np.testing.assert_allclose(best, probs.max(axis=1), atol=1e-10)
    for size in (1, 2, 3):
        for chosen in itertools.permutations(range(3), size):
            table = model.joint(votes, [graph.names[t] for t in chosen])
            expected = np.zeros_like(table)
            for vector, p in zip(vectors, probs.T, strict=True):
                expected[(slice(None), *vector[list(chosen)])] += p
            np.testing.assert_allclose(table, expected, atol=1e-10)


def test_a_task_by_itself_is_the_default_label_model_bit_for_bit():
    rng = np.random.default_rng(1)
    _, votes = drawn(TIED, 2000, rng)
    model, alone = MultiTask().fit(votes), LabelModel().fit(votes.by_task["car"])
    np.testing.assert_array_equal(model.predict_proba(votes)["car"], alone.predict_proba(votes.by_task["car"]))
    np.testing.assert_array_equal(model.accuracies_["car"], alone.accuracies_)
    table = model.joint(votes, ["car", "dog"])
    product = model.predict_proba(votes)["car"][:, :, None] * model.predict_proba(votes)["dog"][:, None, :]
    np.testing.assert_allclose(table, product, atol=1e-10)


def test_a_task_is_not_applicable_as_often_as_its_parent_rules_it_out():
    _, votes = drawn(CHAIN, 2000, np.random.default_rng(2))
    probs = MultiTask().fit(votes).predict_proba(votes)
    np.testing.assert_allclose(probs["kind"][:, 3], probs["finding"][:, 0], atol=1e-12)
    np.testing.assert_allclose(probs["side"][:, 2], 1 - probs["kind"][:, :2].sum(axis=1), atol=1e-12)


@pytest.mark.parametrize("graph", [CHAIN, TIED], ids=["hierarchy", "constraints"])
def test_no_answer_breaks_a_relation_whatever_the_votes(graph):
    rng = np.random.default_rng(3)
    by_task = {
        name: np.where(rng.random((10_000, 3)) < 0.5, rng.integers(0, size, (10_000, 3)), -1)
        for name, size in zip(graph.names, graph.sizes, strict=True)
    }
    votes = TaskVotes(graph, by_task)
    assert votes.contradictions().mean() > 0.2  # there is something to mend
    model = MultiTask().fit(votes)
    assert graph.is_feasible(model.predict(votes)).all()
    vectors = graph.feasible()
    joint = model.joint(votes.take(slice(0, 200)), list(graph.names))
    feasible = joint[(slice(None), *vectors.T)].sum(axis=1)
    np.testing.assert_allclose(feasible, 1, atol=1e-10)


def same(a, b, tolerance=0.0):
    for one, other in zip(a.components, b.components, strict=True):
        for x, y in zip(one.weights, other.weights, strict=True):
            np.testing.assert_allclose(x, y, atol=tolerance, rtol=0)
        for task in one.rates:
            np.testing.assert_allclose(one.rates[task], other.rates[task], atol=tolerance, rtol=0)


def test_stats_and_answers_are_those_of_any_partition():
    _, votes = drawn(CHAIN, 600, np.random.default_rng(4))
    whole, order = MultiTaskStats.of(votes), np.random.default_rng(0).permutation(600)
    parts = [MultiTaskStats.of(votes.take(rows)) for rows in np.array_split(order, 5)]
    merged = sum(parts[1:], parts[0])
    assert merged == whole
    assert whole - parts[0] == sum(parts[2:], parts[1])
    same(MultiTask().solve(merged), MultiTask().solve(whole))
    model = MultiTask()
    for rows in np.array_split(np.arange(600), 3):
        model.partial_fit(votes.take(rows))
    same(model.params_, MultiTask().fit(votes).params_)


def test_an_edited_source_is_counted_again_and_other_components_stay_as_they_are():
    _, votes = drawn(TIED, 1000, np.random.default_rng(5))
    stats = MultiTask().summarize(votes)
    params = MultiTask().solve(stats)
    edited = dict(votes.by_task)
    other = edited["car"].values.copy()
    other[:, 0] = 1 - np.abs(other[:, 0])
    edited["car"] = Votes(other, classes=["no", "yes"], sources=edited["car"].sources)
    now = TaskVotes(TIED, edited)
    part = MultiTask().summarize(now, tasks=["car"])
    assert (list(part.tasks), list(part.meetings)) == (["car"], [])
    updated = stats.updated(part)
    assert updated == MultiTask().summarize(now)
    again = MultiTask().solve(updated, before=(stats, params))
    place = {one.graph.names: one for one in params.components}
    for one in again.components:
        assert (one is place[one.graph.names]) == ("car" not in one.graph.names)
    same(again, MultiTask().solve(updated))


def test_the_order_of_rows_sources_and_tasks_moves_nothing_else():
    _, votes = drawn(CHAIN, 1500, np.random.default_rng(6))
    probs = MultiTask().fit(votes).predict_proba(votes)
    rows = np.random.default_rng(0).permutation(1500)
    shuffled = votes.take(rows)
    for task, p in MultiTask().fit(shuffled).predict_proba(shuffled).items():
        np.testing.assert_allclose(p, probs[task][rows], atol=1e-9)
    turned = TaskVotes(CHAIN, {t: v.select(v.sources[::-1]) for t, v in votes.by_task.items()})
    for task, p in MultiTask().fit(turned).predict_proba(turned).items():
        np.testing.assert_allclose(p, probs[task], atol=1e-9)
    graph = TaskGraph(CHAIN.tasks[::-1], CHAIN.relations)
    other = TaskVotes(graph, dict(votes.by_task))
    for task, p in MultiTask().fit(other).predict_proba(other).items():
        np.testing.assert_allclose(p, probs[task], atol=1e-9)


def test_a_source_that_never_votes_changes_nothing():
    _, votes = drawn(CHAIN, 1000, np.random.default_rng(7))
    model = MultiTask().fit(votes)
    more = dict(votes.by_task)
    kind = more["kind"]
    silent = np.hstack([kind.values, np.full((1000, 1), -1)])
    more["kind"] = Votes(silent, classes=kind.classes, sources=[*kind.sources, "silent"])
    wider = TaskVotes(CHAIN, more)
    for task, p in MultiTask().fit(wider).predict_proba(wider).items():
        np.testing.assert_allclose(p, model.predict_proba(votes)[task], atol=1e-9)


def test_sparse_votes_give_the_same_stats_and_labels():
    _, votes = drawn(CHAIN, 500, np.random.default_rng(8))
    sparse = {}
    for task, v in votes.by_task.items():
        row, column = np.nonzero(v.values >= 0)
        entries = (row, column, v.values[row, column])
        sparse[task] = Votes.from_entries(*entries, shape=v.shape, classes=v.classes, sources=v.sources)
    other = TaskVotes(CHAIN, sparse)
    assert MultiTask().summarize(other) == MultiTask().summarize(votes)
    for task, p in MultiTask().fit(other).predict_proba(other).items():
        np.testing.assert_allclose(p, MultiTask().fit(votes).predict_proba(votes)[task], atol=1e-12)


def test_rates_of_speaking_are_learned_from_the_tasks_above():
    _, votes = drawn(CHAIN, 40_000, np.random.default_rng(9), m=5, accuracies=(0.8, 0.9))
    rates = MultiTask().fit(votes).params_.components[0].rates["kind"]
    np.testing.assert_allclose(rates[:, 0, 0], 0.5, atol=0.05)
    np.testing.assert_allclose(rates[:, 1, 0], 0.1, atol=0.05)


def accuracy(probs, truth):
    applies = truth < probs.shape[1]
    return (probs[applies].argmax(axis=1) == truth[applies]).mean()


@pytest.mark.slow
@pytest.mark.parametrize(("elsewhere", "gain"), [(0.05, 0.03), (0.5, -0.01)])
def test_it_beats_a_model_for_each_task_where_silence_tells_and_is_level_where_not(elsewhere, gain):
    joint, separate = [], []
    for seed in range(3):
        truth, votes = drawn(CHAIN, 4000, np.random.default_rng(seed), coverage=0.5, elsewhere=elsewhere)
        labels = MultiTask().fit(votes).soft_labels(votes)
        for t, task in enumerate(CHAIN.names):
            k = len(CHAIN.tasks[t].classes)
            joint.append(accuracy(labels.probs[task][:, :k], truth[:, t]))
            alone = Votes(votes.by_task[task].values, classes=k)
            separate.append(accuracy(LabelModel().fit(alone).predict_proba(alone), truth[:, t]))
    assert np.mean(joint) > np.mean(separate) + gain


def test_a_vote_on_a_child_speaks_for_its_parent_where_the_parent_has_no_source():
    graph = TaskGraph(CHAIN.tasks[:2], CHAIN.relations[:1])
    votes = TaskVotes(graph, {"kind": [[0], [-1], [-1], [-1]]})
    probs = MultiTask().fit(votes).predict_proba(votes)["finding"]
    assert probs[0, 1] > 0.6
    assert probs[0, 1] > probs[1, 1] + 0.1


def test_a_source_that_says_not_applicable_is_heard():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 3000)
    finding = np.where(rng.random((3000, 3)) < 0.8, truth[:, None], 1 - truth[:, None])
    says = np.where(rng.random((3000, 1)) < 0.9, np.where(truth[:, None] == 1, 0, 3), -1)
    graph = TaskGraph(CHAIN.tasks[:2], CHAIN.relations[:1])
    votes = TaskVotes(graph, {"finding": finding, "kind": Votes(says, classes=graph.states("kind"))})
    model, without = MultiTask().fit(votes), LabelModel().fit(finding)
    found = (model.predict_proba(votes)["finding"].argmax(axis=1) == truth).mean()
    assert found > (without.predict(finding) == truth).mean() + 0.03


def test_known_classes_and_balances_reach_the_readers():
    truth, votes = drawn(CHAIN, 800, np.random.default_rng(1))
    known = np.where(np.arange(800) < 100, truth[:, 0], -1)
    assert MultiTask().fit(votes, {"finding": known}).stats_.tasks["finding"].counts.gold.sum() == 100
    model = MultiTask(class_balance={"finding": [0.9, 0.1]}).fit(votes)
    assert (
        model.predict_proba(votes)["finding"][:, 0].mean()
        > MultiTask().fit(votes).predict_proba(votes)["finding"][:, 0].mean()
    )


def test_odd_votes_get_finite_answers():
    for column in ([0] * 50, [-1] * 50, [2] * 49 + [-1]):
        votes = TaskVotes(CHAIN, {"kind": np.array([column] * 3).T, "side": np.array([[0, -1]] * 50)})
        for p in MultiTask().fit(votes).predict_proba(votes).values():
            assert np.isfinite(p).all()


def test_mistakes_are_explained():
    _, votes = drawn(CHAIN, 50, np.random.default_rng(0))
    with pytest.raises(NotFittedError, match="has not been fitted"):
        MultiTask().predict(votes)
    with pytest.raises(ModelError, match="got Votes"):
        MultiTask().fit(votes.by_task["kind"])
    with pytest.raises(ModelError, match="abstain on all examples of every task"):
        MultiTask().fit(TaskVotes(CHAIN, {"kind": np.full((5, 2), -1)}))
    with pytest.raises(ModelError, match="class_balance names a task 'size'"):
        MultiTask(class_balance={"size": [0.5, 0.5]}).fit(votes)
    with pytest.raises(ModelError, match="known classes are given for a task 'size'"):
        MultiTask().fit(votes, {"size": np.full(50, -1)})
    model = MultiTask().fit(votes)
    with pytest.raises(VoteError, match="task 'side' are not those"):
        model.predict(votes.select([s for s in votes.sources if s != "side.0"]))
    with pytest.raises(ModelError, match="the model knows the tasks"):
        model.predict(TaskVotes(TIED, {"dog": [[1]]}))
    with pytest.raises(TaskError, match="joint needs different tasks"):
        model.joint(votes, ["kind", "kind"])
    with pytest.raises(ModelError, match="only stats of the same tasks"):
        model.stats_ + MultiTask().summarize(TaskVotes(CHAIN, {"kind": [[1]]}))
    with pytest.raises(ModelError, match="has no option 'steps'"):
        MultiTask().set_params(steps=3)


def test_a_few_one_sided_sources_do_not_collapse_into_one_class():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 400)
    kind = rng.integers(0, 2, 400)
    graph = TaskGraph([Task("finding", ["normal", "abnormal"]), Task("kind", ["mass", "nodule"])], CHAIN.relations[:1])
    clear = np.where((truth == 0) & (rng.random(400) < 0.9), 0, -1)
    fires = (truth == 1)[:, None] & (kind[:, None] == [0, 0, 1, 1]) & (rng.random((400, 4)) < 0.6)
    votes = TaskVotes(graph, {"finding": clear[:, None], "kind": np.where(fires, [0, 0, 1, 1], -1)})
    labels = MultiTask().fit(votes).soft_labels(votes)
    known = labels.covered[:, 0]
    assert (labels.probs["finding"].argmax(axis=1) == truth)[known].mean() > 0.97


def test_examples_that_were_asked_about_some_tasks_teach_these_alone():
    rng = np.random.default_rng(5)
    _, votes = drawn(CHAIN, 900, rng)
    whole, some = votes.take(slice(0, 600)), votes.take(slice(600, 900))
    model, about = MultiTask(), ("finding", "kind")
    silent = dict(some.by_task) | {"side": votes.by_task["side"].take(slice(600, 900))._with(np.full((300, 3), -1))}
    given = TaskVotes(CHAIN, silent)
    stats = model.summarize(whole) + model.summarize(given, about=about)
    # Tasks that these examples are not about are counted on the others alone, by themselves and beside the rest.
    everything, alone = model.summarize(votes), model.summarize(whole)
    assert stats.tasks["kind"] == everything.tasks["kind"]
    assert stats.tasks["side"] == alone.tasks["side"]
    assert {scope: one == everything.meetings[scope] for scope, one in stats.meetings.items()} == {
        ("finding", "kind"): True,
        ("kind", "side"): False,
    }
    assert stats.meetings["kind", "side"] == alone.meetings["kind", "side"]
    fitted = model.fit_stats(stats)
    labels = fitted.soft_labels(given, about=about)
    # What is not asked about is summed out, and silence on it moves nothing.
    (component,) = fitted.params_.components
    ((_, evidence),) = evidence_in_blocks(component, given, about)
    assert evidence[2] is None
    beliefs, _ = CHAIN.tree.propagate(evidence, component.weights)
    for expected, task in zip(CHAIN.tree.marginals(beliefs), CHAIN.names, strict=True):
        assert np.allclose(labels.probs[task], expected, rtol=0, atol=1e-12)
    assert not np.allclose(labels.probs["kind"], fitted.soft_labels(given).probs["kind"], rtol=0, atol=1e-3)
    assert CHAIN.is_feasible(fitted.predict(given, about=about)).all()
    # No example need be about all tasks, if those that a relation ties are asked about together.
    two = [
        model.summarize(whole.take(slice(0, 99)), about=about),
        model.summarize(given.take(slice(0, 99)), about=["kind", "side"]),
    ]
    assert np.isfinite(MultiTask().fit_stats(two[0] + two[1]).soft_labels(whole, about=about).probs["side"]).all()


def test_sources_that_vote_on_two_tasks_count_once() -> None:
    """Readers say "normal", or name a kind: two of them who name one outweigh one who says "normal"."""
    rng, n = np.random.default_rng(0), 2_000
    tasks = [Task("finding", ["normal", "abnormal"]), Task("kind", ["mass", "nodule"])]
    graph = TaskGraph(tasks, [Refines("kind", "finding", "abnormal")])
    truth = np.array([0, 0, 1, 2])[rng.integers(4, size=n)]
    # Each is right 9 times of 10, else says one of the other two words.
    said = np.where(rng.random((n, 3)) < 0.9, truth[:, None], (truth[:, None] + rng.integers(1, 3, (n, 3))) % 3)
    names = ["a", "b", "c"]
    finding = Votes(np.where(said == 0, 0, -1), classes=tasks[0].classes, sources=names)
    kind = Votes(said - 1, classes=tasks[1].classes, sources=names)
    votes = TaskVotes(graph, {"finding": finding, "kind": kind})
    probs = MultiTask().fit(votes).predict_proba(votes)
    best = ((said == 0).sum(axis=1) < 2).astype(int)
    assert np.array_equal(probs["finding"].argmax(axis=1), best)
    # P("normal" | two say so and one names a kind), by Bayes.
    split = (said == 0).sum(axis=1) == 2
    right = 0.5 * 0.9**2 * 0.1 / (0.5 * 0.9**2 * 0.1 + 0.5 * 0.05**2 * 0.95)
    assert probs["finding"][split, 0].mean() == pytest.approx(right, abs=0.03)
