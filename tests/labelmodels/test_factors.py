from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from labelwright.core import PatternCounts, Votes
from labelwright.core.errors import ModelError
from labelwright.labelmodels import factors as factors_module
from labelwright.labelmodels.dependencies.dependency import Dependency
from labelwright.labelmodels.factors import KINDS, Factor, FactorGraph, resolve_factors
from labelwright.labelmodels.problem import Problem


def all_votes(m, k):
    return np.array(list(product(range(-1, k), repeat=m)))


def by_definition(kind, one, other, y):
    """The value of a factor, from the definitions of Ratner et al. (2016); -1 abstains."""
    if kind == "similar":
        return float(one == other)
    if kind == "exclusive":
        return -float(one >= 0 and other >= 0)
    if one < 0 <= other:
        return -1.0
    if kind == "fixing":
        return float(one not in (-1, y) and other == y)
    return float(one == other == y)


def energy(row, y, theta, factors, m):
    """theta . h of one row, source by source, with no table."""
    total = 0.0
    for j, vote in enumerate(row):
        total += theta[j] * (0 if vote < 0 else 1 if vote == y else -1) + theta[m + j] * (vote >= 0)
    return total + sum(
        theta[2 * m + at] * by_definition(f.kind, row[int(f.first)], row[int(f.second)], y)
        for at, f in enumerate(factors)
    )


@pytest.mark.parametrize("k", [2, 3])
def test_log_partition_and_tables_equal_brute_force(k):
    """Five sources, one component of three with every kind of factor, all (k + 1)^5 joint votes."""
    m, rng = 5, np.random.default_rng(k)
    factors = resolve_factors(
        [("similar", 0, 1), ("fixing", 1, 0), ("reinforcing", 1, 2), ("exclusive", 0, 2)], list("01234")
    )
    L = all_votes(m, k)
    problem = Problem.of(PatternCounts.of(Votes(L, classes=k)))
    graph = FactorGraph.of(problem, factors)
    theta = rng.normal(size=2 * m + len(factors))
    tables, log_partition = graph.log_tables(theta)
    energies = np.array([[energy(row, y, theta, factors, m) for y in range(k)] for row in L])
    brute = np.log(np.exp(energies).sum(axis=0))
    assert log_partition.shape == (3, k)
    assert np.allclose(log_partition.sum(axis=0), brute)
    silence = tables[graph.offsets]
    rows = graph.cells(problem.x) @ (tables - silence[graph.component]) + silence.sum(axis=0)
    order = [int(np.flatnonzero((row == L).all(axis=1))[0]) for row in unhot(problem, m, k)]
    assert np.allclose(rows, (energies - brute)[order])


def unhot(problem, m, k):
    hot = problem.x.toarray().reshape(-1, m, k)
    return np.where(hot.any(axis=2), hot.argmax(axis=2), -1)


def test_the_definitions_do_not_copy_the_bug_of_the_sampler():
    """Fixing and reinforcing ask whether the second source votes, not whether it votes for class 1."""
    graph = FactorGraph.of(
        Problem.of(PatternCounts.of(Votes(all_votes(2, 2)))),
        [Factor("fixing", "0", "1"), Factor("reinforcing", "0", "1")],
    )
    values = graph.statistics.toarray()[:, 4:].reshape(3, 3, 2, 2)
    second, first, y = np.meshgrid([-1, 0, 1], [-1, 0, 1], [0, 1], indexing="ij")
    for at, kind in enumerate(["fixing", "reinforcing"]):
        expected = np.vectorize(lambda a, b, c, kind=kind: by_definition(kind, a, b, c))(first, second, y)
        assert np.array_equal(values[..., at], expected)


def test_a_source_that_never_gives_a_code_cannot_give_it():
    votes = Votes([[0, 1, 0], [0, -1, 1], [-1, 1, 1]])
    graph = FactorGraph.of(Problem.of(PatternCounts.of(votes)), [])
    assert np.bincount(graph.component).tolist() == [2, 2, 3]


def test_similar_compares_what_votes_mean():
    """Code 0 of 'b' means class 1."""
    votes = Votes([[0, 0], [1, 0], [-1, -1]], sources=["a", "b"], alphabet={"b": [{1}]})
    graph = FactorGraph.of(Problem.of(PatternCounts.of(votes)), [Factor("similar", "a", "b")])
    same = graph.statistics.toarray()[:, 4].reshape(2, 3, 2)[:, :, 0]
    assert same.tolist() == [[1, 0, 0], [0, 0, 1]]


def test_dependencies_are_read_with_and_without_kinds():
    names = ["a", "b", "c"]
    found = resolve_factors([("b", "a"), ("fixing", 2, 0), ("exclusive", "c", "b"), ("similar", 0, 1)], names)
    assert found == [Factor("exclusive", "b", "c"), Factor("fixing", "c", "a"), Factor("similar", "a", "b")]
    learned = Dependency(first="c", second="a", strength=1.0, p_value=0.01, effect=0.1, stability=1.0, origin="learned")
    assert resolve_factors([learned], names) == [Factor("similar", "a", "c")]
    assert resolve_factors(None, names) == []
    for wrong, what in [
        ([("odd", "a", "b")], "allowed kinds"),
        ([("fixing", "a", "z")], "'z'"),
        ("ab", "pairs"),
        ([("similar", 0, 0)], "itself"),
    ]:
        with pytest.raises(ModelError, match=what):
            resolve_factors(wrong, names)
    assert set(KINDS) == {"similar", "fixing", "reinforcing", "exclusive"}


def test_too_large_a_group_is_refused_with_its_size():
    L = np.random.default_rng(0).integers(-1, 2, (50, 12))
    chain = resolve_factors([(j, j + 1) for j in range(11)], [str(j) for j in range(12)])
    with pytest.raises(ModelError, match=r"tie 12 sources together.*at most 65,536"):
        FactorGraph.of(Problem.of(PatternCounts.of(Votes(L))), chain)


def test_too_many_classes_for_tables_are_refused(monkeypatch):
    monkeypatch.setattr(factors_module, "_MOST_ENTRIES", 20)
    L = np.random.default_rng(0).integers(-1, 5, (100, 5))
    with pytest.raises(ModelError, match="Use a model of accuracies alone"):
        FactorGraph.of(Problem.of(PatternCounts.of(Votes(L, classes=5))), [])
