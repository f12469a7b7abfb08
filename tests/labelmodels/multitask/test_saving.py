"""A joint label model and its stats survive being kept, as a whole and component by component, bit for bit."""

from __future__ import annotations

import json

import numpy as np
import pytest

from labelwright.core import Task, TaskGraph, Votes
from labelwright.core.errors import ModelError, TaskError, VoteError
from labelwright.core.stats_arrays import arrays_of_stats, stats_of_arrays
from labelwright.core.task_labels import TaskLabels
from labelwright.core.task_votes import TaskVotes
from labelwright.core.tasks import Equal, Excludes, Feasible, Implies, Refines
from labelwright.labelmodels import MultiTask, from_dict, to_dict
from labelwright.labelmodels.multitask.saving import graph_of, plain_graph

# Four components: a hierarchy, tied labels, a task by itself, and one without sources.
GRAPH = TaskGraph(
    [
        Task("silent", [0, 1]),
        Task("kind", ["mass", "nodule", "other"]),
        Task("dog", ["no", "yes"]),
        Task("alone", ["a", "b", "c"]),
        Task("finding", ["normal", "abnormal"]),
        Task("pet", ["no", "yes"]),
    ],
    [Refines("kind", "finding", "abnormal"), Implies(("dog", "yes"), ("pet", "yes"))],
)


def given(n=400, graph=GRAPH):
    """Votes of three sources on each task but one; some on the kind are on two classes at once."""
    rng = np.random.default_rng(0)
    by_task = {}
    for name, size in zip(graph.names, graph.sizes, strict=True):
        if name == "silent":
            continue
        codes = np.where(rng.random((n, 3)) < 0.5, rng.integers(0, size, (n, 1)), rng.integers(-1, size, (n, 3)))
        sources = [f"{name}.{j}" for j in range(3)]
        alphabet = {"kind.0": [[0], [1], [2], [0, 1]]} if name == "kind" else {}
        by_task[name] = Votes(codes, classes=graph.states(name), sources=sources, alphabet=alphabet)
    return TaskVotes(graph, by_task)


@pytest.fixture(scope="module")
def votes():
    return given()


@pytest.fixture(scope="module")
def model(votes):
    return MultiTask(class_balance={"alone": [0.2, 0.3, 0.5]}).fit(votes, {"finding": [0, 1] + [-1] * 398})


def kept(model):
    return from_dict(json.loads(json.dumps(to_dict(model), allow_nan=False)))


def equal(labels, others):
    assert labels.probs.keys() == others.probs.keys()
    for task, probs in labels.probs.items():
        np.testing.assert_array_equal(probs, others.probs[task])
        mine, theirs = (one.covered[:, one.graph.names.index(task)] for one in (labels, others))
        np.testing.assert_array_equal(mine, theirs)


def test_json_keeps_every_bit(votes, model):
    again = kept(model)
    equal(again.soft_labels(votes), model.soft_labels(votes))
    np.testing.assert_array_equal(again.predict(votes), model.predict(votes))
    assert again.outcome_ == model.outcome_
    assert again.get_params() == model.get_params()
    assert again.accuracies_.keys() == model.accuracies_.keys()
    for task, found in model.accuracies_.items():
        np.testing.assert_array_equal(again.accuracies_[task], found)
    assert to_dict(again) == to_dict(model)
    with pytest.raises(ModelError, match="loaded without its stats"):
        again.partial_fit(votes)


def test_each_component_by_itself_is_the_whole_bit_for_bit(votes, model):
    whole, models, labels = model, [], []
    gold = np.array([0, 1] + [-1] * 398)
    for names in GRAPH.components:
        model, own = MultiTask(whole.class_balance).part(names), votes.part(names[::-1])
        parts = [
            model.summarize(own.take(rows), gold={"finding": gold[rows]} if "finding" in names else None)
            for rows in np.array_split(np.arange(votes.n), 3)
        ]
        stats = stats_of_arrays(arrays_of_stats(sum(parts[1:], parts[0])))
        assert stats == whole.stats_.part(names)
        models.append(kept(model.fit_stats(stats, allow_silence=True)))
        labels.append(models[-1].soft_labels(own))
        places = [GRAPH.names.index(name) for name in labels[-1].graph.names]
        np.testing.assert_array_equal(models[-1].predict(own), whole.predict(votes)[:, places])
        equal(labels[-1], whole.part(names).soft_labels(own))
    equal(TaskLabels.joined(GRAPH, labels), whole.soft_labels(votes))
    again = MultiTask.joined(GRAPH, models[::-1])
    equal(again.soft_labels(votes), whole.soft_labels(votes))
    assert again.get_params() == whole.get_params()


def test_a_component_is_replaced_alone(votes, model):
    other = MultiTask().fit(votes.take(slice(0, 200)).part(["alone"]))
    parts = [model.part(names) for names in GRAPH.components if "alone" not in names]
    mixed = MultiTask.joined(GRAPH, [*parts, other]).soft_labels(votes)
    np.testing.assert_array_equal(mixed.probs["dog"], model.soft_labels(votes).probs["dog"])
    np.testing.assert_array_equal(mixed.probs["alone"], other.soft_labels(votes.part(["alone"])).probs["alone"])


def test_components_that_do_not_belong_are_refused(votes, model):
    parts = [model.part(names) for names in GRAPH.components]
    with pytest.raises(TaskError, match="no model for the tasks dog, pet"):
        MultiTask.joined(GRAPH, [one for one in parts if "dog" not in one.params_.graph.names])
    with pytest.raises(TaskError, match="alone are no component"):
        MultiTask.joined(GRAPH.part(["dog", "pet"]), [parts[2], parts[3]])
    loose = GRAPH.part(["dog", "pet"])
    tied = TaskGraph(loose.tasks, [Equal("dog", "pet")])
    with pytest.raises(TaskError, match="other classes or relations of the tasks dog, pet"):
        MultiTask.joined(tied, [model.part(["dog", "pet"])])
    with pytest.raises(TaskError, match="not the tasks of one component"):
        model.part(["dog"])
    with pytest.raises(VoteError, match="different examples"):
        TaskLabels.joined(GRAPH, [model.soft_labels(votes.take([0])), model.soft_labels(votes.take([1]))])
    with pytest.raises(VoteError, match="each of which is needed once"):
        TaskLabels.joined(GRAPH, [model.soft_labels(votes)] * 2)


def test_every_relation_is_kept():
    names = "abcdef"
    relations = [
        Refines("b", "a", ["x", "z"]),
        Implies(("a", "x"), ("c", "x")),
        Excludes(("a", "z"), ("d", "x"), ("e", "x")),
        Equal("e", "f"),
        Feasible(["d", "f"], [("x", "z"), ("y", "x"), ("x", "y"), ("z", "z")]),
    ]
    graph = TaskGraph([Task(name, ["x", "y", "z"]) for name in names], relations, most_states=9_999)
    again = graph_of(json.loads(json.dumps(plain_graph(graph))))
    assert (again.tasks, again.relations, again.most_states) == (graph.tasks, graph.relations, graph.most_states)


@pytest.mark.parametrize(
    "broken",
    [
        lambda saved: saved.pop("graph"),
        lambda saved: saved["components"].pop(),
        lambda saved: saved["components"][1].pop("readers"),
        lambda saved: saved["components"][1]["weights"].pop(),
        lambda saved: saved["components"][1]["readers"]["finding"]["accuracies"]["values"].pop(),
        lambda saved: saved["components"][1].update(sources={"finding": ["one"], "kind": ["two"]}),
        lambda saved: saved["graph"]["relations"][0].update(kind="no such"),
    ],
)
def test_what_is_no_saved_model_is_refused(broken, model):
    saved = json.loads(json.dumps(to_dict(model)))
    broken(saved)
    with pytest.raises(ModelError, match="not a saved label model"):
        from_dict(saved)


def test_equal_stats_give_equal_arrays(votes):
    first, second = (arrays_of_stats(MultiTask().summarize(votes)) for _ in range(2))
    assert first.keys() == second.keys()
    assert all(np.array_equal(first[name], second[name]) for name in first)
    assert stats_of_arrays(first) == MultiTask().summarize(votes)
