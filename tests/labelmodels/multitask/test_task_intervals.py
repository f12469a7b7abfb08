from __future__ import annotations

import json

import numpy as np
import pytest

from labelwright.core import TaskGraph
from labelwright.core.errors import ModelError, TaskError
from labelwright.core.task_votes import TaskVotes
from labelwright.core.tasks import Refines, Task
from labelwright.core.votes import Votes
from labelwright.labelmodels import LabelModel, MultiTask
from labelwright.labelmodels.multitask.left_out import learned_without
from labelwright.labelmodels.multitask.readers import read

GRAPH = TaskGraph(
    [Task("finding", ["normal", "abnormal"]), Task("kind", ["mass", "nodule"]), Task("dog", ["no", "yes"])],
    [Refines("kind", "finding", "abnormal")],
)
ACCURACIES, SPEAKS, ELSEWHERE = np.array([0.85, 0.8, 0.75, 0.7]), 0.6, 0.1


def simulated(seed, n=1200, m=4, kinds=4, groups=None):
    """Votes of sources that are independent given the truth: ``m`` on each task, ``kinds`` on the kind."""
    rng = np.random.default_rng(seed)
    finding, dog = (rng.random((2, n)) < [[0.5], [0.4]]).astype(int)
    kind = np.where(finding == 1, rng.random(n) < 0.6, -1)

    def votes(task, truth, number):
        applies = (truth >= 0)[:, None]
        right = rng.random((n, number)) < np.where(applies, ACCURACIES[:number], 0.5)
        said = np.where(right, truth[:, None], 1 - truth[:, None])
        said = np.where(applies, said, rng.integers(2, size=(n, number)))
        said = np.where(rng.random((n, number)) < np.where(applies, SPEAKS, ELSEWHERE), said, -1)
        sources = [f"{task} {j}" for j in range(number)]
        return Votes(said, classes=GRAPH.tasks[GRAPH.names.index(task)].classes, sources=sources, groups=groups)

    drawn = (("finding", finding, m), ("kind", kind, kinds), ("dog", dog, m))
    return TaskVotes(GRAPH, {task: votes(task, truth, number) for task, truth, number in drawn})


@pytest.fixture(scope="module")
def fitted():
    return MultiTask().fit(simulated(0))


@pytest.fixture(scope="module")
def found(fitted):
    return fitted.intervals()


def test_a_task_by_itself_has_the_intervals_of_its_label_model(found):
    votes = simulated(0).by_task["dog"]
    alone = LabelModel().fit(votes).intervals()
    assert repr(alone.accuracies) == repr(found["dog"].accuracies)
    for name in ("estimate", "standard_error", "low", "high"):
        np.testing.assert_array_equal(getattr(alone.class_balance, name), getattr(found["dog"].class_balance, name))


def test_that_a_child_is_not_asked_is_as_sure_as_what_its_parent_is(found):
    parent, child = found["finding"].class_balance, found["kind"].class_balance
    assert child.estimate[2] == pytest.approx(parent.estimate[0])
    assert child.standard_error[2] == pytest.approx(parent.standard_error[0])
    assert (child.low[2], child.high[2]) == pytest.approx((parent.low[0], parent.high[0]))
    assert parent.low[1] == pytest.approx(1 - parent.high[0])


def test_every_task_says_what_is_learned_of_it(found, fitted):
    np.testing.assert_array_equal(found["kind"].accuracies.estimate, fitted.accuracies_["kind"])
    assert found["kind"].classes == ("mass", "nodule", "N/A")
    assert list(found.speaking) == ["kind"]
    where, elsewhere = found.speaking["kind"]
    assert (where.low > elsewhere.high).all()
    assert "kind 0 speaks elsewhere" in repr(found)
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert plain["kind"]["speaks"][0]["low"] == where.low[0]
    assert "speaks" not in plain["finding"]


def test_one_jackknife_gives_intervals_of_every_level(found):
    same, narrow = found.at(0.95), found.at(0.5)
    for task, own in found.by_task.items():
        np.testing.assert_allclose(same[task].accuracies.low, own.accuracies.low, rtol=1e-9)
        assert (narrow[task].class_balance.high < own.class_balance.high).all()
    for one, other in zip(narrow.speaking["kind"], found.speaking["kind"], strict=True):
        assert (other.low < one.low).all()
        assert (one.low < one.estimate).all()


def test_without_a_sub_sum_that_is_empty_nothing_changes():
    nine = np.arange(1200) % 9  # so many groups: most of the 32 sub-sums stay empty
    model = MultiTask().fit(simulated(1, groups=nine))
    whole, stats = model.params_.components[0], model.stats_.within(GRAPH.part(["finding", "kind"]))
    empty = int(np.flatnonzero(stats.tasks["finding"].counts.rows == 0)[0])
    (without,) = learned_without(whole, stats, {}, [empty])
    for task in whole.sources:
        np.testing.assert_allclose(without.accuracies(task), whole.accuracies(task), atol=5e-4)
    np.testing.assert_allclose(without.rates["kind"], whole.rates["kind"], atol=1e-3)


def test_without_a_sub_sum_readers_learn_again_how_common_classes_are(fitted):
    whole, stats = fitted.params_.components[0], fitted.stats_.within(GRAPH.part(["finding", "kind"]))
    (without,) = learned_without(whole, stats, {}, [3])
    again = read(stats.tasks["finding"].without(3))
    np.testing.assert_allclose(without.readers["finding"].balance, again.balance, rtol=1e-12)


@pytest.mark.slow
def test_intervals_of_accuracies_hold_the_truth_about_as_often_as_they_say(found):
    held = []
    for some in (found, *(MultiTask().fit(simulated(100 + seed)).intervals() for seed in range(2))):
        both = np.stack([some[task].accuracies.low for task in ("finding", "kind")])
        held.append((both <= ACCURACIES) & (both >= 0.4))
        held.append(np.stack([some[task].accuracies.high for task in ("finding", "kind")]) >= ACCURACIES)
    # An end misses one time in forty; of 48 ends eight would be a chance of one in ten thousand.
    assert np.mean(held) > 0.84


def test_what_is_guessed_has_a_reason_and_no_interval():
    votes = simulated(2, kinds=2)
    some = MultiTask().fit(votes).intervals()
    assert all("fewer than three sources" in reason for reason in some["kind"].accuracies.reasons)
    assert np.isnan(some["kind"].accuracies.low).all()
    assert not any(some["finding"].accuracies.reasons)
    silent = TaskVotes(GRAPH, {"dog": votes.by_task["dog"]})
    unasked = MultiTask().fit(silent).intervals()
    assert "no source votes" in unasked["kind"].method
    assert np.isnan(unasked["finding"].class_balance.low).all()
    assert unasked["kind"].sources == ()
    few = MultiTask().fit(votes.take(np.arange(3))).intervals()
    assert "sub-sums" in few["finding"].method


def test_wrong_input_is_told(fitted, found):
    with pytest.raises(ModelError, match="between 0 and 1"):
        fitted.intervals(95)
    with pytest.raises(TaskError, match="There are: finding, kind, dog"):
        found["cat"]
    loaded = MultiTask.joined(GRAPH, [fitted.part(["finding", "kind"]), fitted.part(["dog"])])
    with pytest.raises(ModelError, match="loaded without its stats"):
        loaded.intervals()
