from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright.core import Votes
from labelwright.core.errors import FallbackWarning, ModelError
from labelwright.core.sparse import SparseRows
from labelwright.labelmodels import MajorityVote
from labelwright.labelmodels.crowds.dawid_skene import DawidSkene
from labelwright.labelmodels.crowds.hierarchical_dawid_skene import HierarchicalDawidSkene
from labelwright.testing import check_label_model

from ..worlds import one_sided, snorkel_votes

OPTIONS = [{}, {"one_coin": True}, {"shrinkage": 0.0}, {"shrinkage": 1.0, "one_coin": True}]


def crowd(seed, *, n=600, m=40, k=4, votes=7, strength=np.inf):
    """Workers of accuracies Beta(6, 3), whose rows vary around one coin and shared errors with ``strength``."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(k, size=n)
    errors = np.full((k, k), 1 / k) if strength == np.inf else rng.dirichlet(np.full(k, 1.5), k)
    right = rng.beta(6, 3, m)[:, None, None]
    means = right * np.eye(k) + (1 - right) * errors
    tables = means
    if strength < np.inf:
        tables = np.array([[rng.dirichlet(strength * row + 1e-3) for row in table] for table in means])
    L = np.full((n, m), -1)
    for i in range(n):
        for j in rng.choice(m, votes, replace=False):
            L[i, j] = rng.choice(k, p=tables[j, truth[i]])
    return L, truth, tables


def log_loss(model, L, truth):
    probs = np.clip(model.fit(L).predict_proba(L), 1e-3, 1)
    return -np.log(probs[np.arange(len(L)), truth]).mean()


def maximum_likelihood(L, k, steps):
    """Dawid & Skene's equations, one by one, on a small dense matrix."""
    fired = L >= 0
    q = np.stack([np.count_nonzero(c == L, axis=1) for c in range(k)], axis=1) / fired.sum(axis=1, keepdims=True)
    likelihoods = []
    for _ in range(steps):
        balance = q.mean(axis=0)
        tables = np.stack([[q[L[:, j] == c].sum(axis=0) for c in range(k)] for j in range(L.shape[1])])
        tables /= tables.sum(axis=1, keepdims=True)
        joint = np.tile(balance, (len(L), 1))
        for j in range(L.shape[1]):
            joint *= np.where(fired[:, [j]], tables[j][L[:, j]], 1)
        likelihoods.append(np.log(joint.sum(axis=1)).sum())
        q = joint / joint.sum(axis=1, keepdims=True)
    return q, likelihoods


# The others are among the models of which every law is asked elsewhere.
@pytest.mark.parametrize("options", OPTIONS[2:], ids=str)
def test_laws(options):
    check_label_model(DawidSkene(**options))


@given(st.integers(0, 10_000), st.integers(2, 4), st.integers(1, 6))
@settings(max_examples=25, deadline=None)
def test_without_shrinkage_it_is_the_em_of_1979(seed, k, steps):
    rng = np.random.default_rng(seed)
    truth = rng.integers(k, size=150)
    L = np.where(rng.random((150, 5)) < 0.7, truth[:, None], rng.integers(k, size=(150, 5)))
    L = np.where(rng.random(L.shape) < 0.8, L, -1)
    L[:, 0] = np.where((L < 0).all(axis=1), truth, L[:, 0])
    expected, likelihoods = maximum_likelihood(L, k, steps)
    model = DawidSkene(k, shrinkage=0.0, max_steps=steps, tolerance=0.0)
    np.testing.assert_allclose(model.fit(L).predict_proba(L), expected, atol=1e-6)
    assert (np.diff(likelihoods) > -1e-9).all()


def test_where_all_classes_are_known_tables_are_counts():
    L = np.array([[0, 1, 2], [0, 0, 2], [1, 1, 0], [2, -1, 2]])
    model = DawidSkene(3, shrinkage=0.5).fit(L, [0, 0, 1, 2])
    tables = np.exp(model.params_.tables).reshape(3, 3, 3)
    np.testing.assert_allclose(tables[0][:, 0], np.array([2.5, 0.5, 0.5]) / 3.5)
    np.testing.assert_allclose(tables[1][:, 2], 1 / 3)
    np.testing.assert_allclose(tables.sum(axis=1), 1)
    np.testing.assert_allclose(model.class_balance_, [3 / 7, 2 / 7, 2 / 7])


@pytest.mark.parametrize("k", [2, 4])
def test_tables_are_recovered(k):
    L, _, tables, without, _ = snorkel_votes(0, n=20_000, k=k)
    model = DawidSkene(k).fit(L)
    expected = (tables[:, 1:] / tables[:, 1:].sum(axis=1, keepdims=True)).reshape(-1, k)
    assert np.abs(np.exp(model.params_.tables) - expected).mean() < 0.03
    ideal = without.argmax(axis=1) == model.predict(L)
    assert ideal[(L >= 0).any(axis=1)].mean() > 0.93


@pytest.mark.slow
def test_hierarchical_shrinkage_is_worth_the_better_of_one_coin_and_full_tables():
    def losses(strength, options):
        worlds = [crowd(s, n=300, votes=4, strength=strength)[:2] for s in range(4)]
        return np.mean([log_loss(DawidSkene(4, **options), *world) for world in worlds])

    coin = [losses(np.inf, o) for o in ({}, {"one_coin": True}, {"shrinkage": 1.0})]
    assert coin[0] < coin[1] + 0.03
    assert coin[0] < coin[2] - 0.05
    free = [losses(8.0, o) for o in ({}, {"one_coin": True}, {"shrinkage": 1.0})]
    assert free[0] < free[1] - 0.02
    assert free[0] < free[2] - 0.02


@pytest.mark.slow
def test_on_a_real_crowd_one_coin_beats_weakly_shrunk_tables(data_root):
    pq = pytest.importorskip("pyarrow.parquet")
    read = {name: pq.read_table(data_root / "crowd_weather" / f"{name}.parquet") for name in ("answers", "truth")}
    item, worker, label = (read["answers"][c].to_numpy() for c in ("item", "worker", "label"))
    L = np.full((item.max() + 1, worker.max() + 1), -1)
    L[item, worker] = label
    rows, truth = (read["truth"][c].to_numpy() for c in ("item", "label"))
    models = {
        "coin": DawidSkene(5, one_coin=True),
        "weak": DawidSkene(5, shrinkage=0.01),
        "some": DawidSkene(5, shrinkage=1.0),
        "items": HierarchicalDawidSkene(5),
    }
    score = {name: (model.fit(L).predict(L)[rows] == truth).mean() for name, model in models.items()}
    # The crowd of check D3 in methods: .995, .961 and .984 on the half of the items whose truth is published there.
    assert score["coin"] > 0.97
    assert score["coin"] > max(score["weak"], score["some"]) + 0.05
    assert score["items"] > max(score["weak"], score["some"]) + 0.01


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_two_thousand_votes_on_one_item_do_not_underflow(options):
    rng = np.random.default_rng(0)
    truth = np.array([0, 1, 2, 1])
    L = np.where(rng.random((4, 2000)) < 0.6, truth[:, None], rng.integers(3, size=(4, 2000)))
    probs = DawidSkene(3, **options).fit(L).predict_proba(L)
    assert np.isfinite(probs).all()
    np.testing.assert_array_equal(probs.argmax(axis=1), truth)


def test_sparse_and_dense_votes_give_the_same():
    L, *_ = crowd(1, n=200)
    row, column = np.nonzero(L >= 0)
    sparse = Votes(SparseRows.from_entries(row, column, L[row, column], shape=L.shape), classes=4)
    dense = DawidSkene(4).fit(L)
    np.testing.assert_allclose(DawidSkene(4).fit(sparse).predict_proba(sparse), dense.predict_proba(L), atol=1e-9)


@pytest.mark.parametrize("options", OPTIONS[:3], ids=str)
def test_one_sided_sources_do_not_draw_the_balance(options):
    L, _ = one_sided(0, k=2, positive=[0.7, 0.3])
    model = DawidSkene(2, **options).fit(L)
    np.testing.assert_allclose(model.class_balance_, 0.5)
    assert "kept uniform" in str(model.outcome_)


def test_sources_of_codes_for_sets_are_pooled_apart():
    rng = np.random.default_rng(0)
    truth = rng.integers(3, size=800)
    plain = np.where(rng.random((800, 4)) < 0.8, truth[:, None], rng.integers(3, size=(800, 4)))
    is_two = np.where(rng.random(800) < 0.9, truth == 2, truth != 2).astype(int)
    L = np.column_stack([plain, is_two])
    votes = Votes(L, classes=3, sources=list("abcde"), alphabet={"e": [{0, 1}, {2}]})
    model = DawidSkene().fit(votes)
    assert model.accuracies_[4] == pytest.approx(0.9, abs=0.03)
    table = np.exp(model.params_.tables[-2:])
    np.testing.assert_allclose(table, [[0.9, 0.9, 0.1], [0.1, 0.1, 0.9]], atol=0.05)


def test_known_classes_turn_a_crowd_that_is_mostly_wrong():
    rng = np.random.default_rng(0)
    truth = rng.integers(2, size=1000)
    L = np.where(rng.random((1000, 6)) < 0.35, truth[:, None], 1 - truth[:, None])
    gold = np.where(np.arange(1000) < 300, truth, -1)
    assert DawidSkene().fit(L).score(L[300:], truth[300:]) < 0.3
    assert DawidSkene().fit(L, gold).score(L[300:], truth[300:]) > 0.7


def test_a_given_balance_is_kept():
    L, *_ = crowd(0, n=100)
    given = [0.4, 0.3, 0.2, 0.1]
    np.testing.assert_allclose(DawidSkene(4, class_balance=given).fit(L).class_balance_, given)


def test_votes_that_all_agree_give_that_class():
    probs = DawidSkene(2).fit(np.ones((20, 4), dtype=int)).predict_proba(np.ones((1, 4), dtype=int))
    assert probs[0, 1] > 0.95


def test_two_sources_fall_back_to_the_majority():
    L = np.array([[0, 0], [1, 1], [1, 0], [-1, 1]])
    with pytest.warns(FallbackWarning, match="every vote alike"):
        model = DawidSkene(2).fit(L)
    decided = [0, 1, 3]
    np.testing.assert_array_equal(model.predict(L)[decided], MajorityVote(2).fit(L).predict(L)[decided])


@pytest.mark.parametrize(
    "options", [{"shrinkage": -1.0}, {"shrinkage": "weak"}, {"shrinkage": np.inf}, {"max_steps": 0}]
)
def test_options_out_of_range_are_named(options):
    with pytest.raises(ModelError, match=next(iter(options))):
        DawidSkene(2, **options).fit([[0, 1, 1], [1, 1, 0]])


def test_tables_that_do_not_fit_in_memory_are_refused():
    rows = SparseRows.from_entries(range(4), range(4), [0, 1, 2, 3], shape=(4, 2000))
    with pytest.raises(ModelError, match="model without tables"):
        DawidSkene().fit(Votes(rows, classes=1500))
