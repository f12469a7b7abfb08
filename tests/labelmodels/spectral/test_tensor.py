from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright.labelmodels.spectral.tensor import tensor_decomposition
from labelwright.labelmodels.spectral.views import ViewMoments


def exact_moments(balance, tables, rows=1e6):
    """Moments of views with the conditional ``tables``, each (size, k), as if of infinitely many examples."""
    sizes = tuple(len(t) for t in tables)
    stacked = np.concatenate(tables)
    triples = {
        t: rows * np.einsum("y,ay,by,cy->abc", balance, *(tables[v] for v in t))
        for t in combinations(range(len(tables)), 3)
    }
    return ViewMoments(
        sizes,
        rows * (stacked * balance) @ stacked.T,
        np.full((len(tables), len(tables)), rows),
        triples,
        dict.fromkeys(triples, rows),
    )


def random_tables(rng, views, k):
    """Tables whose classes differ enough for the moments to be well conditioned."""
    return list(0.4 * rng.dirichlet(np.ones(k), size=(views, k)).transpose(0, 2, 1) + 0.6 * np.eye(k))


@given(st.integers(0, 10_000), st.integers(2, 5), st.integers(3, 6))
@settings(max_examples=12, deadline=None)
def test_exact_moments_give_the_model_back(seed, k, views):
    rng = np.random.default_rng(seed)
    balance, tables = rng.dirichlet(np.full(k, 5)), random_tables(rng, views, k)
    fit = tensor_decomposition(exact_moments(balance, tables), np.tile(np.eye(k), (views, 1)))
    assert np.allclose(fit.balance, balance, atol=1e-7)
    assert np.allclose(fit.tables, np.concatenate(tables), atol=1e-6)


def test_second_moments_do_not_hold_what_third_moments_hold():
    """Rotations that fix p^1/2 leave every second moment as it is, and move the tables (methods.md, finding 2)."""
    rng = np.random.default_rng(3)
    balance, tables = np.array([0.5, 0.3, 0.2]), [0.8 * t + 0.2 / 3 for t in random_tables(rng, 4, 3)]
    basis = np.linalg.qr(np.concatenate([np.sqrt(balance)[:, None], np.eye(3)[:, :2]], axis=1))[0]
    turn = np.eye(3)
    turn[1:, 1:] = [[np.cos(0.1), -np.sin(0.1)], [np.sin(0.1), np.cos(0.1)]]
    rotation = basis @ turn @ basis.T
    turned = [t * np.sqrt(balance) @ rotation / np.sqrt(balance) for t in tables]
    one, other = exact_moments(balance, tables), exact_moments(balance, turned)
    assert np.allclose(one.pairs, other.pairs, atol=1e-6)
    assert np.abs(np.concatenate(tables) - np.concatenate(turned)).max() > 0.05
    share = np.tile(np.eye(3), (4, 1))
    assert np.allclose(tensor_decomposition(one, share).tables, np.concatenate(tables), atol=1e-7)
    assert np.allclose(tensor_decomposition(other, share).tables, np.concatenate(turned), atol=1e-7)


def test_views_of_any_size_will_do():
    """Sources of one side have two values each: fired or silent."""
    balance = np.array([0.5, 0.3, 0.2])
    firing = np.array(
        [[0.6, 0.1, 0.1], [0.1, 0.7, 0.2], [0.1, 0.1, 0.6], [0.5, 0.2, 0.1], [0.2, 0.6, 0.1], [0.1, 0.1, 0.7]]
    )
    tables = [np.stack([row, 1 - row]) for row in firing]
    share = np.concatenate([[np.eye(3)[j % 3], np.zeros(3)] for j in range(6)])
    fit = tensor_decomposition(exact_moments(balance, tables), share)
    assert np.allclose(fit.balance, balance, atol=1e-6)
    assert np.allclose(fit.tables, np.concatenate(tables), atol=1e-6)


def test_pairs_that_never_meet_are_filled_from_the_others():
    rng = np.random.default_rng(0)
    balance, tables = np.array([0.6, 0.4]), random_tables(rng, 6, 2)
    moments = exact_moments(balance, tables)
    moments.pair_rows[0, 1] = moments.pair_rows[1, 0] = 0
    moments.pairs[:2, 2:4] = moments.pairs[2:4, :2] = 0
    for t in moments.triples:
        if {0, 1} <= set(t):
            moments.triple_rows[t] = 0.0
    fit = tensor_decomposition(moments, np.tile(np.eye(2), (6, 1)))
    assert np.allclose(fit.balance, balance, atol=1e-6)
    assert np.allclose(fit.tables, np.concatenate(tables), atol=1e-6)


@pytest.mark.parametrize("views", [2, 4])
def test_what_cannot_be_identified_is_none(views):
    """Two views; or views that do not depend on Y."""
    tables = [np.full((3, 3), 1 / 3)] * views
    assert tensor_decomposition(exact_moments(np.full(3, 1 / 3), tables), np.tile(np.eye(3), (views, 1))) is None
