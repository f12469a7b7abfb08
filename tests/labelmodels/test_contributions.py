"""What votes add to log-odds: they add up for every model, agree with closed forms, and say how exact they are."""

from __future__ import annotations

from functools import cache
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright.core import Votes
from labelwright.core.errors import ModelError, NotFittedError, VoteError
from labelwright.labelmodels import DawidSkene, LabelModel, MajorityVote, contributions

from .test_every_model import MODELS, fitted
from .worlds import several_sided

M = 15
each_model = pytest.mark.parametrize("name", MODELS)


@cache
def learned(name, k):
    L, _ = several_sided(1, np.linspace(0.85, 0.6, M), balance=np.arange(1, k + 1) / sum(range(1, k + 1)), n=200)
    return fitted(MODELS[name], Votes(L, classes=k, sources=list("abcdefghijklmno")))


def row(codes, k, **more):
    return Votes([codes], classes=k, sources=list("abcdefghijklmno"), **more)


def centred(probs):
    return np.log(probs) - np.log(probs).mean()


@each_model
@given(
    st.integers(2, 3).flatmap(lambda k: st.tuples(st.just(k), st.lists(st.integers(-1, k - 1), min_size=M, max_size=M)))
)
@settings(max_examples=12, deadline=None)
def test_the_prior_and_what_votes_add_is_the_log_odds(name, drawn):
    k, codes = drawn
    votes = row(codes, k)
    model = learned(name, k)
    [found] = model.contributions(votes)
    said = [j for j, code in enumerate(codes) if code >= 0]
    assert found.sources == tuple(votes.sources[j] for j in said)
    assert found.codes.tolist() == [codes[j] for j in said]
    np.testing.assert_allclose(found.prior + found.values.sum(axis=0), found.total, rtol=0, atol=1e-9)
    probs = model.predict_proba(votes)[0]
    np.testing.assert_allclose(found.probs, probs, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.total, centred(np.maximum(probs, found.floor)), rtol=0, atol=1e-9)
    np.testing.assert_allclose(found.prior, centred(model.class_balance_), rtol=0, atol=1e-9)
    before, added, after = found.odds(1, 0)
    assert before + added.sum() == pytest.approx(after, abs=1e-9)
    for at, j in enumerate(said):
        silenced = [c if i != j else -1 for i, c in enumerate(codes)]
        rest = model.predict_proba(row(silenced, k))[0]
        np.testing.assert_allclose(found.without[at], rest, rtol=0, atol=1e-12)
        last = found.total - centred(np.maximum(rest, found.floor))
        np.testing.assert_allclose(found.last[at], last, rtol=0, atol=1e-9)
        alone = model.predict_proba(row([c if i == j else -1 for i, c in enumerate(codes)], k))[0]
        np.testing.assert_allclose(
            found.alone[at], centred(np.maximum(alone, found.floor)) - found.prior, rtol=0, atol=1e-9
        )


@pytest.mark.parametrize("size", [4, M])
def test_where_log_odds_add_up_a_vote_adds_its_likelihood_ratio(size):
    model = learned("Dawid-Skene", 3)
    codes = [j % 3 if j < size else -1 for j in range(M)]
    [found] = model.contributions(row(codes, 3))
    tables = model.params_.tables.reshape(M, 3, 3)
    scores = np.stack([tables[j, codes[j]] for j in range(size)])
    np.testing.assert_allclose(found.values, scores - scores.mean(axis=1, keepdims=True), rtol=0, atol=1e-9)
    np.testing.assert_allclose(found.alone, found.values, rtol=0, atol=1e-9)
    np.testing.assert_allclose(found.last, found.values, rtol=0, atol=1e-9)
    assert found.additive
    assert found.exact
    assert not found.errors.any()


@pytest.mark.parametrize("name", ["default", "majority vote", "GLAD", "hierarchical"])
def test_the_value_is_the_mean_over_all_orders(name):
    k, said = 3, {0: 1, 3: 1, 7: 0, 9: 2, 14: 1}
    model = learned(name, k)

    @cache
    def worth(sources):
        codes = [said[j] if j in sources else -1 for j in range(M)]
        probs = model.predict_proba(row(codes, k))[0]
        return centred(np.maximum(probs, found.floor))

    [found] = model.contributions(row([said.get(j, -1) for j in range(M)], k))
    expected = np.zeros((5, k))
    for order in permutations(said):
        for at, j in enumerate(order):
            expected[sorted(said).index(j)] += worth(frozenset(order[: at + 1])) - worth(frozenset(order[:at]))
    np.testing.assert_allclose(found.values, expected / 120, rtol=0, atol=1e-9)
    assert not found.additive


def test_sampled_values_are_as_far_off_as_they_say(monkeypatch):
    codes = np.random.default_rng(0).integers(0, 3, size=M)
    codes[:2] = -1
    votes = Votes(
        np.tile(codes, (40, 1)), classes=3, sources=list("abcdefghijklmno"), example_ids=[f"id{i}" for i in range(40)]
    )
    model = learned("default", 3)
    drawn = model.contributions(votes)
    monkeypatch.setattr(contributions, "MOST_EXACT", M)
    [exact] = model.contributions(votes.take([0]))
    assert exact.exact
    assert not exact.errors.any()
    assert not any(found.exact for found in drawn)
    off = np.stack([(found.values - exact.values) / found.errors for found in drawn])
    assert np.sqrt((off**2).mean()) == pytest.approx(1, abs=0.15)


def test_what_is_drawn_hangs_on_the_example_and_not_on_the_order_of_sources():
    codes = np.random.default_rng(0).integers(0, 2, size=M)
    model = learned("default", 2)
    names = list("abcdefghijklmno")
    votes = Votes(np.tile(codes, (2, 1)), classes=2, sources=names, example_ids=["x", "y"])
    first, second = model.contributions(votes)
    [again] = model.contributions(votes.take([1]))
    np.testing.assert_array_equal(second.values, again.values)
    assert (first.values != second.values).any()
    assert (first.values != model.contributions(votes, random_state=1)[0].values).any()
    L, _ = several_sided(1, np.linspace(0.85, 0.6, M), balance=[1 / 3, 2 / 3], n=200)
    turned = fitted(LabelModel(), Votes(L[:, ::-1], classes=2, sources=names[::-1]))
    [other] = turned.contributions(Votes([codes[::-1]], classes=2, sources=names[::-1], example_ids=["x"]))
    np.testing.assert_allclose(other.values[::-1], first.values, rtol=0, atol=1e-9)


def test_equal_votes_share_equally_and_a_vote_that_changes_nothing_adds_nothing():
    every = {0, 1}
    L = np.array([[1, 1, 0], [0, 0, 0], [1, 0, 0]])
    votes = Votes(L, classes=2, sources=["a", "b", "z"], alphabet={"z": [every]})
    with pytest.warns(match="Fell back"):
        model = LabelModel().fit(votes.select(["a", "b"]))
    [found] = model.contributions(votes.select(["a", "b"]).take([0]))
    assert found.values[0].tolist() == pytest.approx(found.values[1].tolist())
    model = DawidSkene().fit(votes)
    assert np.abs(model.contributions(votes.take([0]))[0].values[2]).max() < 1e-9


def test_classes_that_one_vote_rules_out_have_finite_log_odds():
    model = MajorityVote().fit([[1, 1], [0, 1]])
    sure, torn = model.contributions([[1, 1], [0, 1]])
    assert sure.floor == 1e-9
    np.testing.assert_allclose(sure.total[1] - sure.total[0], np.log(1e9))
    np.testing.assert_allclose(sure.values[:, 1] - sure.values[:, 0], np.log(1e9) / 2)
    np.testing.assert_allclose(torn.total, 0, atol=1e-12)


def test_log_odds_past_what_a_number_holds_stay_finite():
    L, truth = several_sided(6, np.full(900, 0.9), balance=[0.5, 0.5], n=40, coverage=1)
    model = DawidSkene(class_balance=[0.5, 0.5]).fit(L)
    [found] = model.contributions(Votes(L[:1], classes=2))
    assert np.isfinite(found.values).all()
    assert found.total.argmax() == truth[0]
    np.testing.assert_allclose(found.prior + found.values.sum(axis=0), found.total, rtol=0, atol=1e-9)


def test_no_votes_add_nothing():
    model = learned("default", 2)
    [found] = model.contributions(row([-1] * M, 2))
    assert found.values.shape == (0, 2)
    assert found.exact
    np.testing.assert_array_equal(found.probs, model.class_balance_)


@each_model
def test_sparse_votes_are_explained_alike(name):
    codes = np.array([1, 0, -1, 1, 1, -1, -1, 0, -1, -1, -1, -1, -1, 1, 0])
    model = learned(name, 2)
    said = np.flatnonzero(codes >= 0)
    thin = Votes.from_entries(
        np.zeros(len(said)), said, codes[said], shape=(1, M), classes=2, sources=list("abcdefghijklmno")
    )
    [one], [other] = model.contributions(row(codes.tolist(), 2)), model.contributions(thin)
    np.testing.assert_allclose(other.values, one.values, rtol=0, atol=1e-9)
    assert other.sources == one.sources


def test_what_cannot_be_explained_is_refused():
    with pytest.raises(NotFittedError):
        LabelModel().contributions([[0, 1]])
    with pytest.raises(ModelError, match="differ in their sources"):
        learned("default", 2).contributions(Votes([[0]], sources=["a"]))
    with pytest.raises(VoteError, match="voted 2"):
        learned("default", 2).contributions([[2] * M])
