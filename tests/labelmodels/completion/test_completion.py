from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.labelmodels.completion.completion import class_tables, complete
from labelwright.labelmodels.completion.completion_balance import (
    Skewness,
    balance_from_skewness,
    combine_with_known,
    skewness,
)

from .. import exact

world = exact.world

ALONE = ((0,), (1,), (2,), (3,), (4,))
SHAPES = {"independent": ALONE, "one edge": ((0, 3), (1,), (2,), (4,)), "a triangle": ((0, 1, 2), (3,), (4,))}


def tables_of(one, balance=None):
    means, moments = one.moments
    found = complete(means, moments, one.group, one.side)
    return class_tables(means, found.loadings, one.balance if balance is None else balance, np.repeat(np.arange(5), 2))


@pytest.mark.parametrize("kind", ["several", "always", "one"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("positive", [0.5, 0.3, 0.1])
def test_exact_moments_give_every_conditional_table(kind, shape, positive):
    # Check A1 of Ratner et al. 2019: errors below 1e-10, one-sided sources and one edge too.
    for seed in range(5):
        one = world(seed, SHAPES[shape], positive=positive, kind=kind)
        assert np.abs(tables_of(one) - one.tables).max() < 1e-10


def test_an_edge_that_is_not_declared_does_harm():
    one = world(0, SHAPES["one edge"])
    means, moments = one.moments
    found = complete(means, moments, np.repeat(np.arange(5), 2), one.side)
    wrong = class_tables(means, found.loadings, one.balance, np.repeat(np.arange(5), 2))
    assert np.abs(wrong - one.tables).max() > 1e-3


@pytest.mark.parametrize("kind", ["several", "always", "one"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("positive", [0.5, 0.3, 0.1])
def test_exact_moments_give_the_class_balance(kind, shape, positive):
    one = world(1, SHAPES[shape], positive=positive, kind=kind)
    means, moments = one.moments
    found = complete(means, moments, one.group, one.side)
    skew = skewness(means, moments, one.third, found.loadings, found.weights, one.group, one.side, np.inf)
    assert balance_from_skewness(skew) == pytest.approx(one.balance, abs=1e-10)
    assert np.abs(tables_of(one, balance_from_skewness(skew)) - one.tables).max() < 1e-9


@given(st.integers(0, 50), st.permutations(range(10)))
def test_the_order_of_votes_does_not_matter(seed, order):
    one = world(seed, ALONE)
    means, moments = one.moments
    noise = np.random.default_rng(seed).normal(scale=0.003, size=moments.shape)
    moments = moments + np.where(one.group[:, None] == one.group, 0, noise + noise.T)
    found = complete(means, moments, one.group, one.side, rows=30_000)
    order = np.array(order)
    moved = complete(means[order], moments[np.ix_(order, order)], one.group[order], one.side[order], rows=30_000)
    assert moved.loadings == pytest.approx(found.loadings[order], abs=1e-9)


def test_a_source_that_says_nothing_has_no_loading():
    one = world(2, ALONE)
    x = np.concatenate([one.indicators, np.ones((len(one.rows), 1))], axis=1)
    means, moments = x.T @ one.weights, (x.T * one.weights) @ x
    # A constant, and a fair coin that nobody else sees.
    means, moments = np.append(means, 0.5), np.pad(moments, (0, 1))
    moments[-1], moments[:, -1] = 0.5 * means, 0.5 * means
    moments[-1, -1] = 0.5
    found = complete(means, moments, np.append(one.group, [5, 6]), np.append(one.side, [1, 1]))
    assert found.loadings[-2:] == pytest.approx(0, abs=1e-12)
    assert found.loadings[:-2] == pytest.approx(complete(*one.moments, one.group, one.side).loadings, abs=1e-10)


def test_a_copy_that_is_not_declared_gives_a_finite_answer():
    one = world(3, ALONE, kind="always")
    x = np.concatenate([one.indicators, one.indicators[:, :2]], axis=1)
    means, moments = x.T @ one.weights, (x.T * one.weights) @ x
    found = complete(means, moments, np.append(one.group, [5, 5]), np.append(one.side, [-1, 1]))
    assert found.ridge > 0
    assert np.isfinite(found.loadings).all()


@pytest.mark.parametrize("seed", range(5))
def test_added_noise_leaves_the_identity_exact(seed, monkeypatch):
    monkeypatch.setattr("labelwright.labelmodels.completion.completion._SINGULAR", 3.0)
    one = world(seed, SHAPES["one edge"])
    assert complete(*one.moments, one.group, one.side).ridge > 1
    assert np.abs(tables_of(one) - one.tables).max() < 1e-10


@pytest.mark.parametrize("shape", ["independent", "one edge"])
@pytest.mark.parametrize("kind", ["several", "always", "one"])
def test_what_is_too_large_to_invert_is_solved_from_covariances(kind, shape, monkeypatch):
    monkeypatch.setattr("labelwright.labelmodels.completion.completion._MOST_INVERTED", 0)
    one = world(1, SHAPES[shape], kind=kind)
    means, moments = one.moments
    large = complete(means, moments, one.group, one.side)
    assert np.abs(tables_of(one) - one.tables).max() < 1e-7
    monkeypatch.undo()
    small = complete(means, moments, one.group, one.side)
    assert large.loadings == pytest.approx(small.loadings, abs=1e-7)
    assert large.weights / large.weights.max() == pytest.approx(small.weights / small.weights.max(), abs=1e-6)


@pytest.mark.parametrize("groups", [1, 2])
def test_fewer_than_three_groups_identify_nothing(groups):
    one = world(0, ALONE)
    kept = one.group < groups
    means, moments = one.moments
    found = complete(means[kept], moments[np.ix_(kept, kept)], one.group[kept], one.side[kept])
    assert not found.loadings.any()


def test_tables_stay_probabilities():
    even, one = np.array([0.5, 0.5]), np.zeros(2, dtype=np.int64)
    for loadings in ([0.3, 0.2], [0.6, -0.6], [-0.9, 0.9]):
        tables = class_tables(np.array([0.55, 0.45]), np.array(loadings), even, one)
        assert tables.min() >= 0
        assert (tables.sum(axis=0) <= 1 + 1e-12).all()


def test_stopping_early_is_told(monkeypatch):
    one = world(6, ALONE)
    means, moments = one.moments
    noise = np.random.default_rng(6).normal(scale=0.003, size=moments.shape)
    moments = moments + np.where(one.group[:, None] == one.group, 0, noise + noise.T)
    assert complete(means, moments, one.group, one.side, rows=30_000).converged
    monkeypatch.setattr("labelwright.labelmodels.completion.completion._STEPS", 1)
    assert not complete(means, moments, one.group, one.side, rows=30_000).converged


def test_what_the_votes_say_of_the_balance_counts_as_they_are_sure():
    even = np.array([0.5, 0.5])
    known = np.array([40, 10])
    sure, unsure = (combine_with_known(even, Skewness(0.0, error), known) for error in (0.001, 10.0))
    assert unsure == pytest.approx([41 / 52, 11 / 52])
    assert sure == pytest.approx([(40 + 50) / 150, (10 + 50) / 150])
