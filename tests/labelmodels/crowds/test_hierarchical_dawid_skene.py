from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright.core.errors import FallbackWarning, ModelError
from labelwright.labelmodels.crowds.dawid_skene import DawidSkene
from labelwright.labelmodels.crowds.hierarchical_dawid_skene import HierarchicalDawidSkene, _without_own

from ..worlds import one_sided
from .test_dawid_skene import crowd


def log_loss(probs, truth):
    return -np.log(np.clip(probs[np.arange(len(truth)), truth], 1e-3, 1)).mean()


def hard_items(seed, *, n=500, m=12, strength=4.0):
    """A crowd of which all workers vote on each item, whose answers vary from item to item."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(3, size=n)
    means = np.full((3, 3), 0.15) + 0.55 * np.eye(3)
    own = np.array([rng.dirichlet(strength * means[y]) for y in truth])
    return (rng.random((n, m, 1)) > own.cumsum(axis=1)[:, None, :2]).sum(axis=2), truth


def test_shared_errors_of_items_are_expected():
    ours, plain, strengths = [], [], []
    for seed in range(4):
        L, truth = hard_items(seed)
        model = HierarchicalDawidSkene(3).fit(L)
        ours.append(log_loss(model.predict_proba(L), truth))
        plain.append(log_loss(DawidSkene(3).fit(L).predict_proba(L), truth))
        strengths.append(model.params_.item_strengths)
    assert np.mean(ours) < np.mean(plain) - 0.1
    # What independence already took for certain looks less variable.
    assert 2 < np.median(strengths) < 12


@pytest.mark.slow
def test_without_effects_of_items_it_is_worth_dawid_skene():
    worlds = [crowd(s, n=300, votes=5, strength=8.0)[:2] for s in range(4)]
    ours = [log_loss(HierarchicalDawidSkene(4).fit(L).predict_proba(L), truth) for L, truth in worlds]
    plain = [log_loss(DawidSkene(4).fit(L).predict_proba(L), truth) for L, truth in worlds]
    assert np.mean(ours) < np.mean(plain) + 0.03


def test_two_thousand_votes_on_one_item_do_not_underflow():
    rng = np.random.default_rng(0)
    truth = np.array([0, 1, 2, 1])
    L = np.where(rng.random((4, 2000)) < 0.6, truth[:, None], rng.integers(3, size=(4, 2000)))
    probs = HierarchicalDawidSkene(3).fit(L).predict_proba(L)
    assert np.isfinite(probs).all()
    np.testing.assert_array_equal(probs.argmax(axis=1), truth)


def test_one_sided_sources_leave_balance_and_items_alone():
    L, _ = one_sided(0, k=2, positive=[0.7, 0.3])
    model = HierarchicalDawidSkene(2).fit(L)
    np.testing.assert_allclose(model.class_balance_, 0.5)
    assert not model.params_.item_strengths.any()


def test_known_classes_count():
    L, truth = hard_items(0)
    gold = np.where(np.arange(500) < 200, truth, -1)
    with_gold, without = (HierarchicalDawidSkene(3).fit(L, y) for y in (gold, None))
    rest = slice(200, None)
    known = log_loss(with_gold.predict_proba(L[rest]), truth[rest])
    assert known < log_loss(without.predict_proba(L[rest]), truth[rest])


@given(st.integers(0, 10_000), st.sampled_from([1.0, 150.0]))
@settings(max_examples=20, deadline=None)
def test_own_votes_are_taken_away(seed, scale):
    rng = np.random.default_rng(seed)
    L = rng.integers(-1, 3, size=(30, 4))
    L[0] = [0, 1, 2, 0]
    stats = HierarchicalDawidSkene(3).summarize(L)
    ballots = HierarchicalDawidSkene(3)._ballots(stats)
    q = rng.dirichlet(np.full(3, 0.3), len(ballots.problem.weights))
    tables = ballots.counts(q) + scale * rng.uniform(0.9, 1.1, (12, 3))
    expected = np.zeros_like(q)
    for i, row in enumerate(ballots.x.toarray()):
        for pair in np.flatnonzero(row):
            whole = tables[3 * (pair // 3) : 3 * (pair // 3) + 3].sum(axis=0)
            expected[i] += np.log((tables[pair] - q[i]) / (whole - q[i]))
    np.testing.assert_allclose(_without_own(ballots, tables, q), expected, atol=1e-5)


def test_what_is_said_of_a_known_class_does_not_hear_it():
    L, truth = crowd(1, n=200, votes=4, strength=8.0)[:2]
    gold = np.where(np.arange(200) < 40, truth, -1)
    model = HierarchicalDawidSkene(4)
    ballots = model._ballots(model.summarize(L, gold=gold))
    state, found = model._climb(ballots)
    known = np.flatnonzero(ballots.problem.gold >= 0)
    balance = np.full(4, 0.25)
    for row in known[:5]:
        other = found.q.copy()
        other[row] = np.roll(found.q[row], 1)
        before, after = (state.left_out(q, balance)[row] for q in (found.q, other))
        np.testing.assert_allclose(after, before, atol=1e-6)
        assert not (before == found.q[row]).any()


def test_left_out_answers_are_those_of_a_fit_without_the_class():
    L, truth = crowd(2, n=300, votes=5, strength=8.0)[:2]
    gold = np.where(np.arange(300) < 60, truth, -1)
    model = HierarchicalDawidSkene(4, class_balance=np.full(4, 0.25))
    stats = model.summarize(L, gold=gold)
    params, found = model.solve_with_left_out(stats)
    np.testing.assert_array_equal(params.tables, model.solve(stats).tables)
    cells = stats.cells[stats.cells[:, 1] > 0]
    assert found.shape == (len(cells), 4)
    # As good as predictions of examples that were never known, and no better.
    labels = cells[:, 1] - 1
    unknown = model.fit(L, gold).predict_proba(L)[60:]
    assert abs(log_loss(found, labels) - log_loss(unknown, truth[60:])) < 0.15


def test_two_sources_fall_back():
    with pytest.warns(FallbackWarning, match="every vote alike"):
        model = HierarchicalDawidSkene(2).fit([[0, 0], [1, 1], [1, -1]])
    assert model.predict([[1, -1]])[0] == 1


def test_steps_out_of_range_are_named():
    with pytest.raises(ModelError, match="max_steps"):
        HierarchicalDawidSkene(2, max_steps=0).fit([[0, 1, 1]])


def grouped_errors(seed, n=800):
    """Four of ten sources are wrong together on a third of the examples."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(2, size=n)
    right = np.full((n, 10), 0.75)
    right[:, :4] = np.where(rng.random(n) < 0.3, 0.15, 0.75)[:, None]
    return np.where(rng.random((n, 10)) < right, truth[:, None], 1 - truth[:, None]), truth


def test_effects_of_items_do_not_take_the_place_of_classes():
    for seed in range(2):
        L, truth = grouped_errors(seed)
        assert HierarchicalDawidSkene(2).fit(L).score(L, truth) > DawidSkene(2).fit(L).score(L, truth) - 0.01


@pytest.mark.slow
def test_a_class_that_loses_its_meaning_is_learned_with_effects_of_items(data_root):
    pq = pytest.importorskip("pyarrow.parquet")
    read = {name: pq.read_table(data_root / "crowd_weather" / f"{name}.parquet") for name in ("answers", "truth")}
    item, worker, label = (read["answers"][c].to_numpy() for c in ("item", "worker", "label"))
    L = np.full((item.max() + 1, worker.max() + 1), -1)
    L[item, worker] = label
    model = HierarchicalDawidSkene(5).fit(L)
    assert "and the effects of items" in str(model.outcome_)
    # "I can't tell" is the answer of few; without effects of items it becomes the class of every hard tweet.
    assert model.class_balance_[4] < 0.02
    assert DawidSkene(5).fit(L).class_balance_[4] > 0.05


def test_a_crowd_whose_classes_lose_their_meaning_is_told_so():
    rng = np.random.default_rng(0)
    truth = rng.integers(3, size=600)
    # Class 2 is nearly always called 1.
    said = np.where((truth == 2)[:, None] & (rng.random((600, 8)) < 0.8), 1, truth[:, None])
    L = np.where(rng.random((600, 8)) < 0.8, said, rng.integers(3, size=(600, 8)))
    gold = np.where(np.arange(600) < 300, truth, -1)
    model = HierarchicalDawidSkene(3).fit(L, gold)
    assert "lost its meaning" in str(model.outcome_)
