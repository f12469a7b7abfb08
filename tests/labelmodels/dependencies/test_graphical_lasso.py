"""The latent-variable graphical lasso: optimality, and edges that thresholding cannot find (check B2)."""

from __future__ import annotations

import numpy as np
import pytest

from labelwright.labelmodels.dependencies.graphical_lasso import latent_graphical_lasso

from ..dependent import weak_edges


def correlation_of(states, p):
    mean = p @ states
    covariance = (states * p[:, None]).T @ states - np.outer(mean, mean)
    scale = np.sqrt(np.diag(covariance))
    return covariance / np.outer(scale, scale)


def decomposed(correlation, penalty):
    m = len(correlation)
    return latent_graphical_lasso(correlation, penalty=np.full((m, m), penalty), trace_penalty=2 * penalty)


def top(matrix, edges):
    m = len(matrix)
    strength = np.abs(matrix) / np.sqrt(np.outer(np.diag(matrix), np.diag(matrix)))
    upper = np.triu_indices(m, 1)
    best = np.argsort(-strength[upper])[: len(edges)]
    return np.mean([(upper[0][b], upper[1][b]) in edges for b in best])


def test_the_answer_meets_the_conditions_of_optimality() -> None:
    states, p, _ = weak_edges(0)
    c, penalty = correlation_of(states, p), 0.02
    found = latent_graphical_lasso(c, penalty=np.full((12, 12), penalty), trace_penalty=2 * penalty, tolerance=1e-8)
    assert found.converged
    r = found.sparse - found.low_rank
    assert np.linalg.eigvalsh(r).min() > 0
    assert np.linalg.eigvalsh(found.low_rank).min() > -1e-9
    gradient = c - np.linalg.inv(r)
    off = ~np.eye(12, dtype=bool)
    # By S: within the penalty where S is 0, and at it, against the sign, where it is not; nothing on the diagonal.
    assert np.abs(gradient[off]).max() < penalty + 1e-5
    kept = off & (np.abs(found.sparse) > 1e-6)
    assert np.abs(gradient[kept] + penalty * np.sign(found.sparse[kept])).max() < 1e-5
    assert np.abs(np.diag(gradient)).max() < 1e-5
    # By L: the largest eigenvalue is the trace penalty, on the space of L.
    values = np.linalg.eigvalsh(gradient)
    assert values.max() == pytest.approx(2 * penalty, abs=1e-5)
    assert np.trace(gradient @ found.low_rank) == pytest.approx(2 * penalty * np.trace(found.low_rank), abs=1e-5)


def test_with_a_large_penalty_nothing_depends() -> None:
    states, p, _ = weak_edges(0)
    found = decomposed(correlation_of(states, p), 5.0)
    assert np.abs(found.sparse - np.diag(np.diag(found.sparse))).max() == 0
    assert np.abs(found.low_rank).max() < 1e-6


def test_one_start_or_another_gives_one_answer() -> None:
    states, p, _ = weak_edges(1)
    c = correlation_of(states, p)
    cold = latent_graphical_lasso(c, penalty=np.full((12, 12), 0.02), trace_penalty=0.04, tolerance=1e-8)
    other = decomposed(c, 0.1)
    warm = latent_graphical_lasso(
        c, penalty=np.full((12, 12), 0.02), trace_penalty=0.04, tolerance=1e-8, start=other.state
    )
    assert np.allclose(cold.sparse, warm.sparse, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n", "precision"), [(None, 0.95), (50_000, 0.95), (10_000, 0.95), (3_000, 0.93), (1_000, 0.75)]
)
def test_weak_edges_are_the_strongest_entries(n, precision) -> None:
    """Known of this program: .95/.95/.95/.95/.75; of principal component pursuit .85 down to .50.

    A ranking needs half of the penalty that a choice does: where there are few rows, a larger one makes true entries 0.
    """
    scores, raw = [], []
    for seed in range(20):
        if n is None:
            states, p, edges = weak_edges(seed)
            c = correlation_of(states, p)
        else:
            L, edges = weak_edges(seed, n=n)
            c = np.corrcoef(L.T)
        scores.append(top(decomposed(c, 0.8 / np.sqrt(n or 50_000)).sparse, edges))
        raw.append(top(np.linalg.inv(c), edges))
    assert np.mean(scores) >= precision
    assert np.mean(scores) >= np.mean(raw) + 0.15


def test_blocks_of_a_source_stand_or_fall_together() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4000, 6))
    x[:, 2] += x[:, 0]
    source = np.array([0, 0, 1, 1, 2, 2])
    found = latent_graphical_lasso(
        np.corrcoef(x.T), penalty=np.full((6, 6), 0.1), trace_penalty=0.4, source=source
    ).sparse
    blocks = np.abs(found).reshape(3, 2, 3, 2).transpose(0, 2, 1, 3).reshape(3, 3, 4)
    assert (blocks[0, 1] > 0).all()
    assert (blocks[0, 2] == 0).all()
    assert (blocks[1, 2] == 0).all()
