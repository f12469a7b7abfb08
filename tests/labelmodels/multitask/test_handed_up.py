"""Votes handed up: functions that look for one class each, and what they say of the tasks above."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from labelwright.core import Votes
from labelwright.core.task_votes import TaskVotes
from labelwright.labelmodels import LabelModel, MultiTask, from_dict, to_dict
from labelwright.labelmodels.multitask import MultiTaskStats
from labelwright.labelmodels.multitask.components import evidence_in_blocks
from labelwright.labelmodels.multitask.handed_up import handed_up

from .wear import TREE


def drawn(n, seed, *, elsewhere=0.02, right=0.5, wrong=0.1, each=2):
    """Functions that look for one class each, on every task; ``elsewhere`` is how often they fire where it is N/A."""
    rng = np.random.default_rng(seed)
    vectors = TREE.feasible()
    truth = vectors[rng.integers(0, len(vectors), n)]
    by_task = {}
    for t, task in enumerate(TREE.tasks):
        looks_for, k, true = np.repeat(np.arange(len(task.classes)), each), len(task.classes), truth[:, t, None]
        rate = np.where(true == looks_for, right, np.where(true < k, wrong, elsewhere))
        by_task[task.name] = np.where(rng.random(rate.shape) < rate, looks_for, -1)
    return truth, TaskVotes(TREE, by_task)


def test_what_is_said_of_a_task_is_a_vote_on_all_above_it():
    sources = {"wear": ["w"], "bag": ["b"], "shoe": ["s", "both"], "heel": ["h", "both"]}
    said = {
        "wear": [[-1], [2], [-1], [-1]],
        "bag": [[-1], [0], [2], [-1]],
        "shoe": [[-1, 1], [-1, -1], [0, -1], [-1, -1]],
        "heel": [[1, -1], [-1, -1], [-1, -1], [-1, 0]],
    }
    given = {task: Votes(said[task], classes=TREE.states(task), sources=names) for task, names in sources.items()}
    found = handed_up(TaskVotes(TREE, given).counted, TREE)
    meant = {
        task: [
            {
                source: {votes.classes[c] for c in votes.alphabet[source][code]}
                for source, code in zip(votes.sources, row, strict=True)
                if code >= 0
            }
            for row in votes.rows.tolist()
        ]
        for task, votes in found.items()
    }
    # The columns of a task are its own, and then those of the tasks below: bag, shoe, heel. N/A says something of the
    # task just above alone, and a source of two tasks is heard once.
    assert meant["wear"] == [
        {"3 h": {"shoes"}, "2 both": {"shoes"}},
        {"0 w": {"none"}, "1 b": {"bags"}},
        {"1 b": {"shoes", "none"}, "2 s": {"shoes"}},
        {"2 both": {"shoes"}},
    ]
    assert meant["shoe"] == [{"0 both": {"heel"}, "1 h": {"heel"}}, {}, {"0 s": {"flat"}}, {"0 both": {"heel"}}]
    assert meant["heel"] == [{"0 h": {"high"}}, {}, {}, {"0 both": {"low"}}]


def test_labels_are_sums_over_all_feasible_vectors_and_better_than_a_model_for_each_task():
    truth, votes = drawn(2000, 0)
    model = MultiTask().fit(votes)
    (component,) = model.params_.components
    assert component.handed_up
    assert component.rates == {}
    graph = component.graph
    vectors = graph.feasible()
    ((_, evidence),) = evidence_in_blocks(component, votes)
    logs = sum(e[:, vectors[:, t]] for t, e in enumerate(evidence))
    for clique, weights in zip(graph.tree.cliques, component.weights, strict=True):
        place = {tuple(state): w for state, w in zip(clique.states.tolist(), weights, strict=True)}
        logs = logs + np.array([place[tuple(v)] for v in vectors[:, list(clique.scope)].tolist()])
    probs = np.exp(logs - logs.max(axis=1, keepdims=True))
    probs /= probs.sum(axis=1, keepdims=True)
    for t, task in enumerate(graph.names):
        sums = np.stack([probs[:, vectors[:, t] == s].sum(axis=1) for s in range(graph.sizes[t])], axis=1)
        np.testing.assert_allclose(model.predict_proba(votes)[task], sums, atol=1e-10)
    alone = LabelModel().fit(votes.by_task["wear"]).predict(votes.by_task["wear"])
    wear = TREE.names.index("wear")
    assert (model.predict(votes)[:, wear] == truth[:, wear]).mean() > (alone == truth[:, wear]).mean() + 0.1
    assert all(len(found) == 2 * len(TREE.tasks[t].classes) for t, found in enumerate(model.accuracies_.values()))


@pytest.mark.parametrize(
    "case", [{"elsewhere": 0.3}, {"several": True}, {"one_child": True}], ids=["noise", "several-sided", "one child"]
)
def test_rates_of_speaking_are_learned_elsewhere(case):
    _, votes = drawn(2000, 1, elsewhere=case.get("elsewhere", 0.02))
    if "several" in case:  # one source for all classes of a task
        votes = TaskVotes(TREE, {t: v.values.max(axis=1, keepdims=True) for t, v in votes.by_task.items()})
    if "one_child" in case:
        graph = TREE.part(["wear", "shoe", "heel"])
        votes = TaskVotes(graph, {task: votes.by_task[task] for task in graph.names})
    (component,) = MultiTask().fit(votes).params_.components
    assert not component.handed_up
    assert component.rates


def test_a_merge_is_a_rebuild_and_what_is_saved_is_read_again():
    _, votes = drawn(900, 2, right=0.6, wrong=0.02, elsewhere=0.003, each=3)
    model, rows = MultiTask().fit(votes), np.arange(900) % 3
    parts = [MultiTaskStats.of(votes.take(rows == r)) for r in (2, 0, 1)]
    merged = MultiTask().fit_stats(parts[0] + parts[1] + parts[2])
    again = from_dict(to_dict(model))
    shown = votes.take(np.arange(100))
    for other in (merged, again):
        assert other.params_.components[0].handed_up
        for task, probs in model.predict_proba(shown).items():
            np.testing.assert_array_equal(other.predict_proba(shown)[task], probs)
    one = np.concatenate([model.predict_proba(votes.take([row]))["wear"] for row in range(100)])
    np.testing.assert_array_equal(one, model.predict_proba(shown)["wear"])


def test_known_classes_say_how_common_classes_are():
    truth, votes = drawn(900, 3)
    gold = {"wear": np.where(np.arange(900) < 200, truth[:, TREE.names.index("wear")], -1)}
    (component,) = MultiTask().fit(votes, gold).params_.components
    assert component.handed_up
    known = np.bincount(gold["wear"][:200], minlength=3) + 1
    np.testing.assert_allclose(component.readers["wear"].balance, known / known.sum())


def test_votes_for_sets_that_were_never_voted_for_count_too():
    _, votes = drawn(900, 4)
    model = MultiTask().fit(votes)
    wear = votes.by_task["wear"]
    new = {source: (frozenset([0, 1]), frozenset([2])) for source in wear.sources}
    said = np.full((2, wear.m), -1)
    said[1, 0] = 0
    by_task = {
        task: Votes(np.full((2, one.m), -1), classes=one.classes, sources=one.sources)
        for task, one in votes.by_task.items()
    }
    by_task["wear"] = Votes(said, classes=wear.classes, sources=wear.sources, alphabet=new)
    probs = model.predict_proba(TaskVotes(TREE, by_task))["wear"]
    assert probs[1, :2].sum() > probs[0, :2].sum()


def surely(model, votes, truth):
    """The mean log-probability of the true state of "wear"."""
    probs = model.predict_proba(votes)["wear"]
    return np.log(np.maximum(probs[np.arange(len(probs)), truth[:, TREE.names.index("wear")]], 1e-6)).mean()


def test_a_reader_is_surer_where_votes_foretell_who_speaks_elsewhere():
    truth, votes = drawn(2000, 5, right=0.6, wrong=0.02, elsewhere=0.003, each=3)
    model = MultiTask().fit(votes)
    (component,) = model.params_.components
    sharp = component.readers["wear"].sharpness
    assert 1 < sharp <= 4
    model.params_ = replace(
        model.params_,
        components=(replace(component, readers={t: replace(r, sharpness=1.0) for t, r in component.readers.items()}),),
    )
    careful = surely(model, votes, truth)
    assert surely(MultiTask().fit(votes), votes, truth) > careful + 0.02
    # Below these there is one child, or none: nothing contradicts.
    assert [component.readers[task].sharpness for task in ("bag", "shoe", "heel")] == [1, 1, 1]


def test_votes_that_tell_little_of_other_tasks_stay_as_they_are_read():
    _, votes = drawn(2000, 6, right=0.3, wrong=0.1, elsewhere=0.06)
    (component,) = MultiTask().fit(votes).params_.components
    assert component.handed_up
    assert component.readers["wear"].sharpness == 1
