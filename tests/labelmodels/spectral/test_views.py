from __future__ import annotations

import numpy as np
import pytest

from labelwright.core import PatternCounts, Votes
from labelwright.labelmodels.problem import Problem
from labelwright.labelmodels.spectral.views import ViewMoments, make_views

from .. import worlds


def problem_of(L, k):
    return Problem.of(PatternCounts.of(Votes(L, classes=k)))


def test_moments_are_means_over_examples_where_all_views_are_seen():
    L, _ = worlds.several_sided(0, [0.9, 0.7, 0.6, 0.6], balance=(0.5, 0.3, 0.2), n=400)
    problem = problem_of(L, 3)
    moments = ViewMoments.of(make_views(problem), problem.x, problem.weights)
    order = sorted(range(4), key=lambda j: (-(L[:, j] >= 0).sum(), str(j)))
    seen = L[:, order] >= 0
    hot = np.where(seen[:, :, None], L[:, order][:, :, None] == np.arange(3), 0).astype(float)
    assert np.array_equal(moments.pair_rows, (seen.T * 1.0) @ seen)
    assert np.array_equal(moments.pairs, np.einsum("nua,nvb->uavb", hot, hot).reshape(12, 12))
    for (u, v, w), table in moments.triples.items():
        assert np.allclose(table, np.einsum("na,nb,nc->abc", hot[:, u], hot[:, v], hot[:, w]))
        assert moments.triple_rows[u, v, w] == seen[:, [u, v, w]].all(axis=1).sum()


def test_moments_of_parts_subtract():
    L, _ = worlds.several_sided(0, [0.9, 0.7, 0.6], balance=(0.5, 0.5), n=300)
    problem = problem_of(L, 2)
    views, first = make_views(problem), np.arange(len(problem.weights)) < 7
    whole = ViewMoments.of(views, problem.x, problem.weights)
    left = whole - ViewMoments.of(views, problem.x, problem.weights * first)
    again = ViewMoments.of(views, problem.x, problem.weights * ~first)
    assert np.allclose(left.pairs, again.pairs)
    assert np.allclose(left.triples[0, 1, 2], again.triples[0, 1, 2])
    assert left.triple_rows == again.triple_rows


@pytest.mark.parametrize(("m", "k", "views"), [(5, 3, 5), (40, 3, 12), (40, 6, 8)])
def test_many_sources_are_dealt_into_few_views_of_each_kind(m, k, views):
    several, _ = worlds.several_sided(0, np.full(m, 0.8), balance=np.full(k, 1 / k), n=600)
    assert len(make_views(problem_of(several, k))) == views
    single, _ = worlds.one_sided(0, n=600, m=m, k=k)
    both = make_views(problem_of(np.concatenate([several, single], axis=1), k))
    assert len(both) == min(2 * m, 12 if k <= 4 else 8)
    assert min(sum(v.silence for v in both), sum(not v.silence for v in both)) >= 3


def test_the_parts_of_every_view_sum_to_one_or_are_all_zero():
    several, _ = worlds.several_sided(0, np.full(20, 0.8), balance=(0.5, 0.5), n=300, coverage=0.2)
    single, _ = worlds.one_sided(0, n=300, m=20)
    problem = problem_of(np.concatenate([several, single], axis=1), 2)
    for view in make_views(problem):
        z, seen = view.values(problem.x)
        assert np.allclose(z.sum(axis=1), seen)
        assert not view.silence or seen.all()
