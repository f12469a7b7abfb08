from __future__ import annotations

import itertools

import numpy as np
import pytest

from labelwright.core import Votes
from labelwright.core.errors import FallbackWarning, ModelError
from labelwright.labelmodels.majority_vote import MajorityVote
from labelwright.labelmodels.spectral.triplet_equations import class_correlations, loadings, weighted_median
from labelwright.labelmodels.spectral.triplets import Triplets

from .. import worlds

AVERAGES = ["median", "mean"]


def population(tables: list[list[list[int]]], balance: list[int], unit: int = 10) -> np.ndarray:
    """Every row as often as it occurs: no chance is left.

    ``tables[j][y]`` counts, out of ``unit``, how often source j abstains, says 0 and says 1 when Y = y; ``balance`` counts
    the classes, out of their sum.
    """
    rows, times = [], []
    for row in itertools.product([-1, 0, 1], repeat=len(tables)):
        count = sum(
            share * int(np.prod([tables[j][y][v + 1] for j, v in enumerate(row)])) for y, share in enumerate(balance)
        )
        if count:
            rows.append(row)
            times.append(count)
    assert sum(times) == sum(balance) * unit ** len(tables)
    return np.repeat(np.array(rows), times, axis=0)


def symmetric(right: int, wrong: int) -> list[list[int]]:
    return [[10 - right - wrong, right, wrong], [10 - right - wrong, wrong, right]]


def learned(model: Triplets) -> np.ndarray:
    """Tables as ``population`` takes them, as shares: source, class, vote with abstains first."""
    votes = model.params_.tables.reshape(-1, 2, 2).transpose(0, 2, 1)
    return np.concatenate([1 - votes.sum(axis=2, keepdims=True), votes], axis=2)


@pytest.mark.parametrize("average", AVERAGES)
@pytest.mark.parametrize("balance", [[1, 1], [4, 1]])
def test_symmetric_sources_are_exact(average, balance):
    """Check C1: also where the classes are uneven and sources abstain."""
    tables = [symmetric(9, 1), symmetric(7, 1), symmetric(6, 3), symmetric(3, 1)]
    p = np.array(balance) / sum(balance)
    model = Triplets(class_balance=p, average=average).fit(population(tables, balance))
    np.testing.assert_allclose(learned(model), np.array(tables) / 10, rtol=0, atol=1e-12)
    np.testing.assert_allclose(model.accuracies_, [0.9, 7 / 8, 6 / 9, 3 / 4], rtol=0, atol=1e-12)
    assert model.outcome_.kind == "closed_form"


@pytest.mark.parametrize("average", AVERAGES)
@pytest.mark.parametrize("balance", [[1, 1], [4, 1], [1, 9]])
def test_one_sided_sources_are_exact(average, balance):
    """Check C2, on which the uncentred triplet fails: sources that fire for one class only, for every P(Y)."""
    tables = [
        [[9, 0, 1], [4, 0, 6]],
        [[8, 0, 2], [5, 0, 5]],
        [[4, 6, 0], [8, 2, 0]],
        [[5, 5, 0], [9, 1, 0]],
    ]
    p = np.array(balance) / sum(balance)
    model = Triplets(class_balance=p, average=average).fit(population(tables, balance))
    np.testing.assert_allclose(learned(model), np.array(tables) / 10, rtol=0, atol=1e-12)


@pytest.mark.parametrize("average", AVERAGES)
def test_posteriors_of_an_exact_population_are_those_of_naive_bayes(average):
    tables = [[[2, 6, 2], [2, 1, 7]], [[1, 8, 1], [3, 3, 4]], [[3, 5, 2], [1, 2, 7]], [[5, 3, 2], [4, 1, 5]]]
    model = Triplets(class_balance=[0.7, 0.3], average=average).fit(population(tables, [7, 3]))
    rows = np.array(list(itertools.product([-1, 0, 1], repeat=4))[1:])
    log = np.log([0.7, 0.3]) + sum(
        np.where(rows[:, [j]] >= 0, np.log(np.array(t)[:, rows[:, j] + 1].T / 10), 0) for j, t in enumerate(tables)
    )
    expected = np.exp(log) / np.exp(log).sum(axis=1, keepdims=True)
    # A row is worth less than one example here, of 100,000, by Laplace's rule.
    np.testing.assert_allclose(model.predict_proba(rows), expected, atol=2e-4)


@pytest.mark.parametrize("average", AVERAGES)
def test_a_source_worse_than_random_is_found(average):
    tables = [symmetric(9, 1), symmetric(8, 2), symmetric(7, 3), symmetric(2, 8)]
    model = Triplets(class_balance=[0.5, 0.5], average=average).fit(population(tables, [1, 1]))
    np.testing.assert_allclose(model.accuracies_, [0.9, 0.8, 0.7, 0.2], atol=1e-12)


def test_each_connected_set_is_better_than_random_on_average():
    u = np.array([0.6, -0.2, 0.5, -0.5, -0.4, 0.3])
    r = np.outer(u, u)
    r[:3, 3:] = r[3:, :3] = 0
    for average in AVERAGES:
        found = class_correlations(r, np.inf, average)
        np.testing.assert_allclose(np.sign(found), [1, -1, 1, 1, 1, -1])


def test_one_sided_sources_that_exclude_each_other_are_not_taken_for_wrong():
    """Two keyword lists without a common text both speak for class 1, though their covariance is negative."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 20_000)
    right = rng.random((20_000, 4)) < [0.85, 0.8, 0.75, 0.7]
    L = np.where(right, truth[:, None], 1 - truth[:, None])
    which = np.where(rng.random(20_000) < 0.5, 0, 1)
    fires = rng.random(20_000) < np.where(truth, 0.6, 0.3)
    lists = [np.where(fires & (which == w), 1, -1) for w in (0, 1)]
    model = Triplets().fit(np.column_stack([L, *lists]))
    assert (model.accuracies_ > 0.6).all()


@pytest.mark.parametrize("average", AVERAGES)
def test_a_one_sided_source_is_not_worse_than_random(average):
    L, truth = worlds.one_sided(0, n=20_000, m=8)
    wrong = np.where((truth == 0) & (np.random.default_rng(1).random(20_000) < 0.3), 1, -1)
    model = Triplets(average=average).fit(np.column_stack([L, wrong]))
    assert "contradicts" in str(model.outcome_)
    assert np.isnan(model.accuracies_[8])
    assert model.params_.scores[17, 1] > model.params_.scores[17, 0]
    noise = np.where(np.random.default_rng(1).random(20_000) < 0.3, 1, -1)
    model = Triplets(average=average).fit(np.column_stack([L, noise]))
    assert abs(model.accuracies_[8] - 0.5) < 0.05


def test_one_dependent_pair_does_not_move_the_median():
    u = np.array([0.6, 0.5, 0.5, 0.4, 0.4, 0.3, 0.3, 0.2])
    r = np.outer(u, u)
    r[6, 7] = r[7, 6] = 0.9
    np.testing.assert_allclose(class_correlations(r, np.inf, "median")[:6], u[:6], atol=1e-9)
    assert np.abs(class_correlations(r, np.inf, "mean") - u).max() > 0.05


def test_many_weak_sources_are_not_shrunk_by_noise():
    """Squares of noisy correlations add up; without the one factor, both averages would be some 20 % low here."""
    rng = np.random.default_rng(0)
    u = np.full(150, 0.12)
    noise = rng.normal(scale=0.01, size=(150, 150))
    for average in AVERAGES:
        found = class_correlations(np.outer(u, u) + np.triu(noise, 1) + np.triu(noise, 1).T, 10_000, average)
        assert abs(found.mean() - 0.12) < 0.004


def test_nothing_is_divided_by_zero():
    for r in (np.zeros((4, 4)), np.eye(3), np.ones((3, 3)), -np.ones((3, 3)), np.zeros((0, 0))):
        for average in AVERAGES:
            assert np.isfinite(class_correlations(r, 100, average)).all()
    d, information = loadings(np.zeros((2, 1)), np.array([0, -1]), np.array([0.5]), "median")
    assert d.tolist() == [0, 0]
    assert information.tolist() == [0, 0.25]
    assert weighted_median(np.empty((2, 0)), np.empty((2, 0))).tolist() == [0, 0]


@pytest.mark.parametrize("average", AVERAGES)
def test_error_falls_with_the_root_of_rows(average):
    accuracies = np.array([0.9, 0.8, 0.75, 0.7, 0.65, 0.6, 0.8, 0.7])
    error = []
    for n in (2_000, 200_000):
        found = [
            Triplets(class_balance=[0.5, 0.5], average=average).fit(worlds.coins(seed, accuracies, n=n)[0]).accuracies_
            for seed in range(6)
        ]
        error.append(np.abs(np.array(found) - accuracies).mean())
    assert 6 < error[0] / error[1] < 16  # sqrt(100) = 10


@pytest.mark.parametrize("average", AVERAGES)
def test_three_classes_are_taken_one_against_the_rest(average):
    L, truth = worlds.several_sided(0, np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.85]), balance=[0.5, 0.3, 0.2], n=20_000)
    model = Triplets(class_balance=[0.5, 0.3, 0.2], average=average).fit(L)
    assert "against the rest" in str(model.outcome_)
    np.testing.assert_allclose(model.accuracies_, [0.9, 0.8, 0.7, 0.6, 0.5, 0.85], atol=0.06)
    assert model.score(L, truth) > MajorityVote().fit(L).score(L, truth) + 0.02


def test_sets_of_classes_are_votes_too():
    L, truth = worlds.several_sided(1, np.array([0.9, 0.8, 0.8, 0.7]), balance=[0.4, 0.3, 0.3], n=20_000)
    for own, classes, k in (([{0, 1}, {2}], 3, 3), ([{0, 1}, {1}], 2, 2)):
        votes = np.minimum(L, k - 1)
        narrow = np.where(votes[:, 3] < 0, -1, (votes[:, 3] == k - 1).astype(int))
        sets = Votes(
            np.column_stack([votes[:, :3], narrow]), classes=classes, sources=list("abcd"), alphabet={"d": own}
        )
        model = Triplets().fit(sets)
        assert np.isfinite(model.predict_proba(sets)).all()
        assert model.accuracies_[3] > 0.7
        assert model.score(sets, np.minimum(truth, k - 1)) > 0.8


def test_where_the_balance_is_from_is_said():
    L, truth = worlds.coins(0, np.array([0.9, 0.8, 0.7, 0.8]), positive=0.2, n=20_000)
    assert "as given" in str(Triplets(class_balance=[0.8, 0.2]).fit(L).outcome_)
    known = np.where(np.arange(len(truth)) < 200, truth, -1)
    model = Triplets().fit(L, known)
    assert "200 known classes" in str(model.outcome_)
    np.testing.assert_allclose(model.class_balance_, [0.8, 0.2], atol=0.08)
    assert "do not tell" in str(Triplets().fit(np.where(np.arange(4) < 3, L, -1)[:500]).outcome_)


def test_an_impossible_balance_is_moved_to_the_nearest_possible_one():
    """Sources right on every example, and one class in ten: even shares would make some probability negative."""
    truth = (np.arange(5000) % 10 == 0).astype(int)
    L = np.repeat(truth[:, None], 4, axis=1)
    model = Triplets().fit(L)
    np.testing.assert_allclose(model.class_balance_, [0.9, 0.1], atol=0.02)
    assert "nearest to even" in str(model.outcome_)
    assert model.score(L, truth) == 1


def test_without_agreement_beyond_chance_it_falls_back_to_equal_votes():
    L = np.random.default_rng(0).integers(-1, 2, (500, 5))
    with pytest.warns(FallbackWarning, match="by chance"):
        model = Triplets().fit(L)
    assert np.isnan(model.accuracies_).all()
    assert np.array_equal(model.predict(L), MajorityVote().fit(L).predict(L))


def test_constant_and_agreeing_sources_give_finite_answers():
    rng = np.random.default_rng(0)
    L = np.repeat(rng.integers(0, 2, (400, 1)), 5, axis=1)
    assert Triplets().fit(L).score(L, L[:, 0]) == 1
    constant = np.column_stack([worlds.coins(1, np.array([0.9, 0.8, 0.7]))[0], np.ones(5000, dtype=int)])
    model = Triplets(class_balance=[0.4, 0.6]).fit(constant)
    assert model.accuracies_[3] == pytest.approx(0.6)
    assert model.params_.scores[7].tolist() == pytest.approx([0, 0])


@pytest.mark.parametrize(
    "options", [{"average": "mode"}, {"class_balance": [0.5, float("nan")]}, {"class_balance": [1.0, 0.0]}]
)
def test_wrong_options_are_refused(options):
    with pytest.raises(ModelError):
        Triplets(**options).fit([[0, 1, 1], [1, 1, 0]])


def test_it_learns_on_sums_without_a_sub_sum():
    votes = Votes(worlds.coins(0, np.array([0.9, 0.8, 0.7, 0.8]))[0])
    model = Triplets().fit(votes)
    left = model.solve(model.stats_.without(3))
    assert np.array_equal(left.tables, model.fit(votes.take(votes.bucket != 3)).params_.tables)


def test_plain_arrays_go_on_where_the_last_one_stopped():
    L = worlds.coins(0, np.array([0.9, 0.8, 0.7, 0.8]), n=600)[0]
    model = Triplets().fit(L[:250]).partial_fit(L[250:])
    assert model.stats_ == Triplets().summarize(L)
