"""Votes are read by what they mean: whatever the codes, and also for sets of states that were never voted for."""

from __future__ import annotations

import numpy as np
import pytest

from labelwright.core import Task, TaskGraph, Votes
from labelwright.core.task_votes import TaskVotes
from labelwright.core.tasks import Refines
from labelwright.labelmodels import MultiTask
from labelwright.labelmodels.multitask.columns import over_classes

GRAPH = TaskGraph(
    [
        Task("finding", ["normal", "abnormal"]),
        Task("kind", ["mass", "nodule", "other"]),
        Task("alone", ["a", "b", "c"]),
    ],
    [Refines("kind", "finding", "abnormal")],
)
PLAIN = {task: [frozenset([c]) for c in range(size)] for task, size in zip(GRAPH.names, GRAPH.sizes, strict=True)}
SETS = {"finding": [], "kind": [frozenset([0, 1]), frozenset([2, 3])], "alone": [frozenset([1, 2])]}


def given(n=600, seed=0, sets=SETS, order=1):
    """Votes of three sources; the first of each task says sets now and then. ``order`` = -1 turns its codes round."""
    rng = np.random.default_rng(seed)
    by_task = {}
    for task, size in zip(GRAPH.names, GRAPH.sizes, strict=True):
        truth = rng.integers(0, size, (n, 1))
        codes = np.where(rng.random((n, 3)) < 0.7, truth, rng.integers(-1, size, (n, 3)))
        letters = [*PLAIN[task], *sets[task]][::order]
        table = np.array([letters.index(one) for one in PLAIN[task]] + [-1])
        codes[:, 0] = table[codes[:, 0]]
        for one in sets[task]:
            codes[rng.random(n) < 0.1, 0] = letters.index(one)
        sources = [f"{task}.{j}" for j in range(3)]
        by_task[task] = Votes(codes, classes=GRAPH.states(task), sources=sources, alphabet={sources[0]: letters})
    return TaskVotes(GRAPH, by_task)


@pytest.fixture(scope="module")
def model():
    return MultiTask().fit(given())


def test_other_codes_of_the_same_votes_get_the_same_labels_bit_for_bit(model):
    one, other = (model.soft_labels(given(seed=1, order=order)) for order in (1, -1))
    for task, probs in one.probs.items():
        np.testing.assert_array_equal(probs, other.probs[task])
    np.testing.assert_array_equal(model.predict(given(seed=1, order=-1)), model.predict(given(seed=1)))


def test_votes_without_sets_are_read_by_a_model_that_knows_some(model):
    votes = given(seed=2, sets={task: [] for task in GRAPH.names})
    plain = {task: Votes(v.values, classes=v.classes, sources=v.sources) for task, v in votes.by_task.items()}
    for task, probs in model.soft_labels(TaskVotes(GRAPH, plain)).probs.items():
        np.testing.assert_array_equal(probs, model.soft_labels(votes).probs[task])


@pytest.mark.parametrize(("task", "new"), [("kind", [0, 2]), ("kind", [1, 3]), ("alone", [0, 1])])
def test_a_set_that_was_never_voted_for_speaks_for_its_classes_and_against_others(model, task, new):
    def said(codes):
        by_task = {t: np.full((len(codes), 3), -1) for t in GRAPH.names}
        by_task[task][:, 0] = codes
        alphabet = {f"{task}.0": [*PLAIN[task], frozenset(new)]}
        votes = {
            t: Votes(v, classes=GRAPH.states(t), sources=[f"{t}.{j}" for j in range(3)], alphabet=alphabet)
            if t == task
            else Votes(v, classes=GRAPH.states(t), sources=[f"{t}.{j}" for j in range(3)])
            for t, v in by_task.items()
        }
        return model.soft_labels(TaskVotes(GRAPH, votes)).probs[task]

    k = 3
    silent, spoken = said([-1, len(PLAIN[task])])
    given_classes = spoken[:k] / spoken[:k].sum()
    before = silent[:k] / silent[:k].sum()
    meant = [c for c in new if c < k]
    others = [c for c in range(k) if c not in new]
    assert (given_classes[meant] > before[meant]).all()
    assert (given_classes[others] < before[others]).all()
    if task == "kind":  # tasks are drawn each by itself here, so that who names classes does not say that it applies
        assert spoken[:k].sum() == pytest.approx(silent[:k].sum(), abs=0.01)


def test_stats_of_different_alphabets_are_summed_by_meaning():
    parts = [given(200, seed=0), given(200, seed=1, order=-1), given(200, seed=2, sets={**SETS, "kind": []})]
    ids = np.array_split(np.arange(600), 3)
    moved = [
        TaskVotes(
            GRAPH,
            {
                task: Votes(v.values, classes=v.classes, sources=v.sources, alphabet=v.alphabet, example_ids=own)
                for task, v in part.by_task.items()
            },
        )
        for part, own in zip(parts, ids, strict=True)
    ]
    one, two, three = (MultiTask().summarize(part) for part in moved)
    whole = MultiTask().summarize(TaskVotes.concat(moved))
    assert one + two + three == whole
    assert three + (two + one) == whole
    assert MultiTask().fit_stats(whole).soft_labels(moved[1]).n == 200


def test_sets_that_nobody_voted_for_and_the_order_of_codes_change_nothing():
    votes = given(300)
    more = {
        task: Votes(
            v.values,
            classes=v.classes,
            sources=v.sources,
            alphabet={s: [*letters, frozenset([0, len(v.classes) - 1])] for s, letters in v.alphabet.items()},
        )
        for task, v in votes.by_task.items()
    }
    stats = MultiTask().summarize(votes)
    assert MultiTask().summarize(TaskVotes(GRAPH, more)) == stats
    assert MultiTask().summarize(given(300, order=-1)) == stats


def test_letters_that_mean_the_same_classes_have_one_code():
    letters = [frozenset([2, 3]), frozenset([2]), frozenset([3]), frozenset([0, 1, 2, 3])]
    kind = Votes([[0], [1], [2], [3], [-1]], classes=GRAPH.states("kind"), sources=["x"], alphabet={"x": letters})
    found = over_classes(kind, ["mass", "nodule", "other"])
    assert found.alphabet == {"x": (frozenset([2]), frozenset([0, 1, 2]))}
    assert found.values.tolist() == [[0], [0], [-1], [1], [-1]]
