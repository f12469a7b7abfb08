from __future__ import annotations

import numpy as np
import pytest

from labelwright.core import PatternCounts, Votes
from labelwright.labelmodels.combinations import Combinations
from labelwright.labelmodels.problem import Problem


def problem(*, coverage, n=20_000, m=11, seed=0):
    rng = np.random.default_rng(seed)
    L = rng.integers(0, 4, (n, m))
    # Two sources have fewer codes, and one of them never speaks.
    L[:, 3], L[:, 7] = L[:, 3] % 2, -1
    L[rng.random(L.shape) >= coverage] = -1
    repeated = np.concatenate([L, L[: n // 2]])
    return Problem.of(PatternCounts.of(Votes(repeated, classes=4), limit=1 << 20))


@pytest.mark.parametrize(("coverage", "fewer"), [(1.0, 3), (0.5, 1.5), (0.1, 1)])
def test_sums_and_counts_are_those_of_single_votes(coverage, fewer):
    votes = problem(coverage=coverage)
    found = Combinations.of(votes)
    assert found.x.nnz * fewer <= votes.x.nnz
    rng = np.random.default_rng(1)
    values, q = rng.normal(size=(len(votes.source), 3)), rng.random((len(votes.weights), 3))
    np.testing.assert_allclose(found.sums(values), votes.x @ values, atol=1e-12)
    np.testing.assert_allclose(found.counts(q), votes.xt @ (votes.weights[:, None] * q), rtol=1e-12)


def test_few_rows_and_many_sources_stay_as_they_are():
    for votes in (problem(coverage=1.0, n=1000), problem(coverage=1.0, m=70)):
        assert Combinations.of(votes).x.nnz == votes.x.nnz
