from __future__ import annotations

import importlib.util
import json
import warnings
from pathlib import Path

import numpy as np
import pytest

from labelwright.core import PatternCounts, Votes
from labelwright.core.errors import FallbackWarning, ModelError
from labelwright.labelmodels import from_dict, to_dict
from labelwright.labelmodels.completion.completion import complete
from labelwright.labelmodels.completion.completion_scores import CellMoments, cell_scores, cell_tables
from labelwright.labelmodels.completion.matrix_completion import MatrixCompletion
from labelwright.labelmodels.dependencies.cliques import CliqueCells
from labelwright.testing.label_models import LABEL_MODEL_LAWS, example_votes


def _load(name):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parents[1] / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


worlds, exact = _load("worlds"), _load("exact")

CHAIN = [("a", "b"), ("b", "c")]


def example_3_1(seed, n=1000):
    """Ratner et al., VLDB 2018, Example 3.1: one coin flip that five sources copy, and five sources right on 99 %."""
    rng = np.random.default_rng(seed)
    truth, junk = rng.integers(0, 2, n), rng.integers(0, 2, n)
    good = np.where(rng.random((n, 5)) < 0.99, truth[:, None], 1 - truth[:, None])
    return np.concatenate([np.tile(junk[:, None], 5), good], axis=1), truth


def edged(seed, n, accuracies, *, positive=0.5, coverage=0.7, copied=0.6):
    """Coins of which the second copies the first now and then."""
    L, truth = worlds.coins(seed, accuracies, n=n, positive=positive, coverage=coverage)
    rng = np.random.default_rng(seed + 10_000)
    L[:, 1] = np.where(rng.random(n) < copied, L[:, 0], L[:, 1])
    return L, truth


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"use_abstains": False}, {"dependencies": CHAIN}])
@pytest.mark.parametrize("unipolar", [False, True])
@pytest.mark.parametrize("k", [2, 3])
def test_laws_with_options(options, unipolar, k):
    for name, law in LABEL_MODEL_LAWS.items():
        # Dependencies by name need the names: not plain arrays, nor fewer sources.
        if "dependencies" in options and name in ("soft labels", "few sources"):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FallbackWarning)
            law(MatrixCompletion(**options), example_votes(k=k, unipolar=unipolar))


@pytest.mark.parametrize("kind", ["several", "always", "one"])
def test_exact_moments_give_the_joint_table_of_a_clique(kind):
    one = exact.world(4, ((0, 1), (2,), (3,), (4,)), kind=kind)
    means, moments = one.moments
    found = complete(means, moments, one.group, one.side)
    votes = Votes(one.rows, classes=2)
    cells = CliqueCells.of(PatternCounts.of(votes).frame, (0, 1))
    code = cells.code(one.rows)
    onto = np.zeros((cells.count, len(code)))
    onto[code, np.arange(len(code))] = 1
    beside = np.concatenate([one.indicators, np.ones((len(code), 1))], axis=1)
    together = onto @ (beside * one.weights[:, None])
    covariance = moments - np.outer(means, means)
    seen = CellMoments.of(together, covariance, found.loadings, found.weights, one.group != 0)
    assert np.abs(cell_tables(seen, one.balance) - onto @ one.given).max() < 1e-10
    there = together[:, -1] > 0
    odds = np.diff(cell_scores(seen, one.balance, np.full((cells.count, 2), 0.5), np.inf), axis=1)[there, 0]
    told = onto @ one.given
    assert odds == pytest.approx(np.log(told[there, 1] / told[there, 0]), abs=1e-9)


def test_clique_aware_model_sees_through_five_copies_of_a_coin():
    # Check A3: without dependencies the coin becomes the truth, with them labels are as good as the good sources. Where
    # the copies are perfect, they are seen without.
    L, truth = example_3_1(0)
    slips = np.random.default_rng(1).random(L.shape) < [0.005] * 5 + [0.0] * 5
    fooled = MatrixCompletion().fit(np.where(slips, 1 - L, L))
    assert (fooled.predict(L) == truth).mean() < 0.6
    assert (MatrixCompletion().fit(L).predict(L) == truth).mean() > 0.995
    pairs = [(j, j + 1) for j in range(4)]
    aware = MatrixCompletion(dependencies=pairs).fit(L)
    assert aware.accuracies_ == pytest.approx([0.5] * 5 + [0.99] * 5, abs=0.03)
    assert (aware.predict(L) == truth).mean() > 0.995
    assert "1 clique" in str(aware.outcome_)


@pytest.mark.parametrize("seed", range(3))
def test_copies_count_once(seed):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, 5000)
    weak = np.where(rng.random(5000) < 0.6, truth, 1 - truth)
    good = np.where(rng.random((5000, 4)) < 0.75, truth[:, None], 1 - truth[:, None])
    L = np.concatenate([np.tile(weak[:, None], 6), good], axis=1)
    model = MatrixCompletion(class_balance=[0.5, 0.5], dependencies=[(0, j) for j in range(1, 6)]).fit(L)
    once = MatrixCompletion(class_balance=[0.5, 0.5]).fit(L[:, 5:])
    assert (model.predict(L) == truth).mean() > 0.85
    # A copy tells nothing that the first one did not.
    assert np.abs(model.predict_proba(L) - once.predict_proba(L[:, 5:])).max() < 0.05


def test_a_copy_is_found_and_counts_once():
    L, truth = worlds.coins(0, [0.6] + [0.75] * 4, n=5000)
    copied = np.concatenate([np.tile(L[:, [0]], 5), L], axis=1)
    model = MatrixCompletion(dependencies="learn").fit(copied)
    assert model.params_.clique.tolist() == [0] * 6 + [-1] * 4
    alone = MatrixCompletion().fit(L)
    assert (model.predict(copied) == truth).mean() > (alone.predict(L) == truth).mean() - 0.01


def test_nothing_is_found_where_there_is_nothing():
    L, _ = worlds.coins(0, np.linspace(0.6, 0.9, 8), n=5000, coverage=0.5)
    learned = MatrixCompletion(dependencies="learn").fit(L)
    assert (learned.params_.clique == -1).all()
    assert learned.predict_proba(L) == pytest.approx(MatrixCompletion().fit(L).predict_proba(L), abs=1e-9)


@pytest.mark.parametrize("positive", [0.1, 0.5])
@pytest.mark.parametrize("coverage", [0.3, 1.0])
def test_balance_and_accuracies_are_learned(positive, coverage):
    accuracies = np.linspace(0.65, 0.9, 10)
    L, _ = worlds.coins(0, accuracies, n=40_000, positive=positive, coverage=coverage)
    model = MatrixCompletion().fit(L)
    assert model.class_balance_[1] == pytest.approx(positive, abs=0.02)
    assert model.accuracies_ == pytest.approx(accuracies, abs=0.03)
    assert "third cumulants" in str(model.outcome_)


def test_one_sided_sources_are_solved():
    L, _ = worlds.one_sided(0, n=40_000, positive=[0.8, 0.2])
    model = MatrixCompletion().fit(L)
    tables = model.params_.tables.reshape(12, 2, 2)
    for j in range(12):
        own = tables[j, j % 2]
        assert own[j % 2] == pytest.approx(0.3, abs=0.03)
        assert own[1 - j % 2] == pytest.approx(0.05, abs=0.02)
    assert model.class_balance_[1] == pytest.approx(0.2, abs=0.02)


def test_labels_are_those_of_the_true_model():
    L, truth, tables, _, log_odds = worlds.snorkel_votes(0, n=10_000)
    model = MatrixCompletion().fit(L)
    ideal = (log_odds.argmax(axis=1) == truth).mean()
    assert (model.predict(L) == truth).mean() > ideal - 0.003
    assert np.abs(model.params_.tables.reshape(10, 2, 2) - tables[:, 1:]).mean() < 0.008


def test_abstains_are_evidence_unless_they_are_not():
    L, truth, _, without, with_abstains = worlds.snorkel_votes(1, n=10_000)
    for use, logits in ((True, with_abstains), (False, without)):
        model = MatrixCompletion(use_abstains=use).fit(L)
        assert (model.predict(L) == truth).mean() > (logits.argmax(axis=1) == truth).mean() - 0.005


def test_silence_moves_nothing_where_it_is_no_evidence():
    L, *_ = worlds.snorkel_votes(2, n=5000)
    for use, moves in ((True, True), (False, False)):
        params = MatrixCompletion(use_abstains=use).fit(L).params_
        gap = np.diff(params.start) - np.diff(np.log(params.class_balance))
        assert (abs(gap[0]) > 0.1) == moves


def test_more_classes_need_third_moments_and_the_model_says_so():
    # Check A4: nothing is drawn and nothing starts anywhere, so that there is no start to move the answer.
    balance = np.array([0.5, 0.3, 0.2])
    accuracies = np.array([0.9, 0.8, 0.8, 0.7, 0.7, 0.6])
    L, _ = worlds.several_sided(0, accuracies, balance=balance, n=30_000, coverage=1.0)
    model = MatrixCompletion().fit(L)
    assert model.accuracies_ == pytest.approx(accuracies, abs=0.02)
    assert model.class_balance_ == pytest.approx(balance, abs=0.02)
    assert "Second moments do not identify 3 classes" in str(model.outcome_)
    assert np.isnan(model.params_.rank)
    other = MatrixCompletion(random_state=7).fit(L)
    assert np.array_equal(other.predict_proba(L), model.predict_proba(L))


def test_cliques_of_many_classes_count_once():
    L, truth = worlds.several_sided(0, [0.7] * 6, balance=np.full(3, 1 / 3), n=8000, coverage=1.0)
    rng = np.random.default_rng(1)
    junk = rng.integers(0, 3, 8000)
    copied = np.concatenate([np.tile(junk[:, None], 4), L], axis=1)
    model = MatrixCompletion(dependencies=[(0, 1), (1, 2), (2, 3)]).fit(copied)
    assert model.accuracies_[:4] == pytest.approx(1 / 3, abs=0.05)
    alone = MatrixCompletion().fit(L)
    assert (model.predict(copied) == truth).mean() > (alone.predict(L) == truth).mean() - 0.01


def test_the_larger_clique_is_told_apart_by_its_tally():
    L, truth = worlds.coins(0, [0.6] + [0.8] * 5, n=5000)
    copied = np.concatenate([np.tile(L[:, [0]], 8), L[:, 1:]], axis=1)
    model = MatrixCompletion(dependencies=[(j, j + 1) for j in range(7)]).fit(copied)
    assert model.params_.cliques[0].by_tally
    assert model.accuracies_[:8] == pytest.approx(0.6, abs=0.05)
    alone = MatrixCompletion().fit(L)
    assert (model.predict(copied) == truth).mean() > (alone.predict(L) == truth).mean() - 0.005
    again = from_dict(json.loads(json.dumps(to_dict(model), allow_nan=False)))
    assert np.array_equal(again.predict_proba(copied), model.predict_proba(copied))


def test_known_classes_settle_balance_and_sign():
    L, truth = worlds.coins(0, [0.2, 0.25, 0.3, 0.3, 0.35], n=4000, positive=0.3)
    assert (MatrixCompletion().fit(L).predict(L) == truth).mean() < 0.2
    gold = np.full(4000, -1)
    gold[:100] = truth[:100]
    model = MatrixCompletion().fit(L, gold)
    assert (model.predict(L) == truth).mean() > 0.8
    assert "known classes and third cumulants" in str(model.outcome_)
    assert model.class_balance_[1] == pytest.approx(0.3, abs=0.06)


@pytest.mark.parametrize(
    "values",
    [
        np.ones((20, 5), dtype=int),  # everybody says one thing
        np.tile(np.arange(20)[:, None] % 2, 5),  # all agree
        np.where(np.arange(5) == 0, np.arange(20)[:, None] % 2, -1),  # one source alone
        np.array([[0, 1, 0, 1, 1]]),  # one example
        np.tile([0, 0, 1, -1, -1], (20, 1)),  # constants
        np.array([[0, 1], [1, 0], [1, 1]]),  # two sources
    ],
)
@pytest.mark.filterwarnings("ignore::labelwright.core.errors.FallbackWarning")
def test_bad_votes_give_finite_labels_and_an_honest_outcome(values):
    model = MatrixCompletion(cardinality=2).fit(values)
    assert np.isfinite(model.predict_proba(values)).all()
    kind = model.outcome_.kind
    assert kind == "fell_back" or model.params_.smallest_singular_value > 0


def test_too_few_groups_fall_back():
    L, _ = worlds.coins(0, [0.8] * 4)
    with pytest.warns(FallbackWarning, match="2 independent groups"):
        model = MatrixCompletion(dependencies=[(0, 1), (1, 2)]).fit(L)
    assert np.isfinite(model.predict_proba(L)).all()


@pytest.mark.parametrize(
    "options", [{"dependencies": "learnt"}, {"dependencies": [(0, 9)]}, {"class_balance": [np.nan, 1]}]
)
def test_wrong_options_are_refused(options):
    with pytest.raises(ModelError):
        MatrixCompletion(**options).fit(worlds.coins(0, [0.8] * 5, n=50)[0])


@pytest.mark.filterwarnings("ignore::labelwright.core.errors.FallbackWarning")
def test_votes_for_very_many_classes_fall_back():
    rng = np.random.default_rng(0)
    row, column = np.repeat(np.arange(500), 3), np.tile(np.arange(3), 500)
    votes = Votes.from_entries(row, column, rng.integers(0, 1500, 1500), shape=(500, 3), classes=1500)
    model = MatrixCompletion().fit(votes)
    assert model.outcome_.kind == "fell_back"
    assert np.isfinite(model.predict_proba(votes)).all()


def test_stats_of_other_dependencies_do_not_mix():
    L, _ = worlds.coins(0, [0.8] * 5, n=50)
    plain, edge = MatrixCompletion(), MatrixCompletion(dependencies=[(0, 1)])
    with pytest.raises(ModelError, match="different dependencies"):
        plain.summarize(L) + edge.summarize(L)
    assert plain.summarize(L) != edge.summarize(L)


def test_stats_without_a_part_are_those_of_the_rest():
    votes = example_votes(k=2)
    model = MatrixCompletion(dependencies=CHAIN)
    gold = np.arange(votes.n) % 3 - 1
    stats = model.summarize(votes, gold=gold)
    for bucket in (0, 17):
        rest = votes.bucket != bucket
        assert stats.without(bucket) == model.summarize(votes.take(rest), gold=gold[rest])


@pytest.mark.slow
@pytest.mark.parametrize("edge", [False, True])
def test_errors_fall_with_the_root_of_the_examples(edge):
    # Check A2: the log-log slope of the error of P(vote | Y) is that of n^-1/2.
    accuracies, sizes = np.linspace(0.6, 0.85, 8), [1000, 4000, 16_000, 64_000]
    truth = np.array([[a, 1 - a] for a in accuracies]) * 0.7
    errors = np.zeros((8, len(sizes)))
    for seed in range(8):
        for at, n in enumerate(sizes):
            if edge:
                L, _ = edged(seed, n, accuracies)
                pairs = [(0, 1)]
            else:
                L, _ = worlds.coins(seed, accuracies, n=n, coverage=0.7)
                pairs = None
            model = MatrixCompletion(class_balance=[0.5, 0.5], dependencies=pairs).fit(L)
            found = model.params_.tables.reshape(8, 2, 2)[2:, 0]
            errors[seed, at] = np.abs(found - truth[2:]).mean()
    slope = np.polyfit(np.log(sizes), np.log(errors.mean(axis=0)), 1)[0]
    assert -0.58 < slope < -0.42
