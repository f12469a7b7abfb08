from __future__ import annotations

import io
import json

import numpy as np
import pytest
from scipy.special import expit, logit, stdtrit

from labelwright.core import VoteCounts, Votes
from labelwright.core.errors import ModelError
from labelwright.labelmodels import BaseLabelModel, LabelModel, MajorityVote, Params, from_dict, to_dict
from labelwright.labelmodels.base import Outcome
from labelwright.labelmodels.completion.matrix_completion import MatrixCompletion
from labelwright.labelmodels.intervals import intervals, replicates

from . import worlds


class Share(BaseLabelModel[VoteCounts, Params]):
    """The share of class 1 in each source's votes: a mean, of which everything is known."""

    def __init__(self, cardinality=None):
        self.cardinality = cardinality

    def summarize(self, votes, *, gold=None):
        return VoteCounts.of(self._votes(votes), gold=gold)

    def solve(self, stats):
        counts = stats.votes.sum(axis=0).reshape(-1, stats.frame.k).astype(float)
        votes = counts.sum(axis=1)
        share = np.where(votes > 0, counts[:, 1] / np.maximum(votes, 1), np.nan)
        frame = stats.frame
        balance = np.full(frame.k, 1 / frame.k)
        return Params(frame.classes, frame.sources, frame.alphabet, balance, share, Outcome("closed_form", "A mean."))

    def posterior(self, params, votes):
        raise NotImplementedError


def test_the_error_of_a_mean_is_known():
    rng = np.random.default_rng(0)
    L = (rng.random((20_000, 40)) < 0.3).astype(int)
    found = Share().fit(L).intervals().accuracies
    expected = np.sqrt(0.3 * 0.7 / 20_000)
    assert np.sqrt((found.standard_error**2).mean()) == pytest.approx(expected, rel=0.08)
    half = stdtrit(31, 0.975) * found.standard_error / (found.estimate * (1 - found.estimate))
    np.testing.assert_allclose(found.low, expit(logit(found.estimate) - half))
    np.testing.assert_allclose(found.high, expit(logit(found.estimate) + half))


def test_examples_of_one_group_count_as_one():
    rng = np.random.default_rng(1)
    L = np.repeat((rng.random((1000, 40)) < 0.3).astype(int), 9, axis=0)
    alone = Share().fit(Votes(L, classes=2)).intervals().accuracies.standard_error
    grouped = Share().fit(Votes(L, classes=2, groups=np.arange(9000) // 9)).intervals().accuracies.standard_error
    assert np.sqrt((alone**2).mean()) == pytest.approx(np.sqrt(0.21 / 9000), rel=0.15)
    assert np.sqrt((grouped**2).mean()) == pytest.approx(np.sqrt(0.21 / 1000), rel=0.15)


def test_the_intervals_of_a_mean_hold_it_as_often_as_they_say():
    hits = []
    for seed in range(60):
        L = (np.random.default_rng(seed).random((400, 20)) < 0.85).astype(int)
        found = Share().fit(L).intervals(0.8).accuracies
        hits.append((found.low <= 0.85) & (found.high >= 0.85))
    assert np.mean(hits) == pytest.approx(0.8, abs=0.04)


def test_what_is_not_known_has_a_reason_and_no_interval():
    L, _ = worlds.coins(0, [0.9, 0.8, 0.7, 0.6, 0.8], n=400)
    L[:, 3] = -1
    L[1:, 4] = -1
    found = LabelModel().fit(L).intervals()
    assert found.accuracies.reasons == ("", "", "", "it never votes", "its votes lie in one sub-sum")
    for values in (found.accuracies.standard_error, found.accuracies.low, found.accuracies.high):
        assert np.isnan(values[3:]).all()
        assert np.isfinite(values[:3]).all()
    assert repr(found).splitlines()[4] == "3       it never votes"
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["accuracies"][3]["low"] is None


@pytest.mark.parametrize("model", [LabelModel(class_balance=[0.4, 0.6]), MajorityVote()])
def test_a_balance_that_was_not_learned_has_no_interval(model):
    L, _ = worlds.coins(0, [0.9, 0.8, 0.7], n=400)
    found = model.fit(L).intervals().class_balance
    assert np.isfinite(found.estimate).all()
    assert np.isnan([found.low, found.high, found.standard_error]).all()
    assert set(found.reasons) == {"given or assumed, not learned"}
    assert repr(found).splitlines()[0].endswith("[no interval: given or assumed, not learned]")


class Bound(Share):
    """Source 0 at .995, nearer to 1 than twenty rows can tell; source 1 stays at .7 whatever is left out."""

    def solve(self, stats):
        params = super().solve(stats)
        rows = (stats if isinstance(stats, VoteCounts) else stats.counts).rows.sum()
        params.accuracies[:2] = 0.995 - 0.001 * (rows < 20), 0.7
        return params


def test_an_interval_has_a_width_and_holds_the_estimate():
    found = Bound().fit(worlds.coins(0, [0.9, 0.8, 0.7], n=20)[0]).intervals().accuracies
    assert found.reasons == (
        "it is nearer to 0 or 1 than so few examples can tell",
        "it does not vary between sub-samples",
        "",
    )
    assert np.isnan([found.low[:2], found.high[:2], found.standard_error[:2]]).all()
    assert found.low[2] < found.estimate[2] < found.high[2]


def test_too_few_sub_sums_are_said():
    votes = Votes(worlds.coins(0, [0.9, 0.8, 0.7], n=400)[0], classes=2, groups=np.zeros(400, dtype=int))
    found = LabelModel().fit(votes).intervals()
    assert np.isnan(found.accuracies.low).all()
    assert found.accuracies.reasons[0] == found.method == "the rows with votes fill 1 of 32 sub-sums, and 6 are needed"


def test_falling_back_leaves_accuracies_unknown():
    with pytest.warns(UserWarning, match="majority vote"):
        model = LabelModel().fit([[0, 1], [1, 1], [0, 0]] * 40)
    assert set(model.intervals().accuracies.reasons) == {"it is unknown"}


def test_perfect_agreement_keeps_within_0_and_1():
    found = Share().fit(np.repeat([[0, 1, 1], [1, 1, 1]], [1, 49], axis=0)).intervals()
    assert np.isfinite(found.accuracies.low).any()
    for values in (found.accuracies, found.class_balance):
        known = np.isfinite(values.low)
        assert ((values.low[known] >= 0) & (values.low[known] <= values.estimate[known])).all()
        assert ((values.high[known] <= 1) & (values.high[known] >= values.estimate[known])).all()


@pytest.mark.parametrize("level", [0, 1, 95])
def test_a_level_is_a_share(level):
    model = LabelModel().fit(worlds.coins(0, [0.9, 0.8, 0.7], n=50)[0])
    for asked in (model.intervals, model.intervals().at):
        with pytest.raises(ModelError, match=r"as 0\.95"):
            asked(level)


@pytest.mark.parametrize("model", [Share(), Bound()])
@pytest.mark.parametrize("groups", [None, np.zeros(400, dtype=int)])
def test_what_is_known_at_one_level_is_known_at_every_other(model, groups):
    model.fit(Votes(worlds.coins(0, [0.9, 0.8, 0.7], n=400)[0], classes=2, groups=groups))
    asked, found = model.intervals(0.8), model.intervals(0.99).at(0.8)
    assert (found.level, found.method) == (asked.level, asked.method)
    for one, other in ((found.accuracies, asked.accuracies), (found.class_balance, asked.class_balance)):
        assert one.reasons == other.reasons
        np.testing.assert_allclose([one.low, one.high], [other.low, other.high], rtol=1e-9)


def test_a_model_without_stats_says_so():
    model = MajorityVote().fit([[0, 1], [1, 1]])
    with pytest.raises(ModelError, match="fit it again"):
        from_dict(to_dict(model)).intervals()
    model.stats_ = 1
    with pytest.raises(ModelError, match="without"):
        model.intervals()


def test_order_of_rows_and_sources_does_not_matter():
    votes = Votes(worlds.coins(2, [0.9, 0.8, 0.7, 0.6], n=500)[0], classes=2, sources=list("abcd"))
    one = intervals(LabelModel().fit(votes)).accuracies
    moved = votes.take(np.random.default_rng(0).permutation(500)).select(list("dcba"))
    other = intervals(LabelModel().fit(moved)).accuracies
    np.testing.assert_allclose(other.standard_error[::-1], one.standard_error, atol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "sets", "world"),
    [
        (MatrixCompletion(), 20, {}),
        (MatrixCompletion(), 20, {"positive": 0.1}),
        (MatrixCompletion(), 20, {"coverage": 0.6}),
        (LabelModel(), 20, {}),
        (LabelModel(), 20, {"positive": 0.1}),
    ],
)
def test_intervals_hold_the_truth(model, sets, world):
    accuracies, hits = np.linspace(0.65, 0.9, 6), []
    for seed in range(sets):
        L, _ = worlds.coins(seed, accuracies, n=1500, **world)
        found = model.fit(L).intervals()
        truth = np.r_[accuracies, world.get("positive", 0.5)]
        low, high = (np.r_[getattr(found.accuracies, e), getattr(found.class_balance, e)[1]] for e in ("low", "high"))
        hits.append((low <= truth) & (truth <= high))
    # 140 intervals, those of a set related: three standard errors of a share of .95 and more. The figures that count
    # are those of `python -m benchmarks.intervals --sets 2000`.
    assert np.mean(hits) >= 0.87


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_is_told_how_far_it_is(monkeypatch):
    model = Share().fit(worlds.coins(0, [0.9, 0.8, 0.7], n=400)[0])
    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setattr("sys.__stderr__", screen)
    replicates(model)
    assert not screen.getvalue()  # it took less than two seconds
    monkeypatch.setattr("labelwright.labelmodels.intervals._PATIENCE", -1.0)
    replicates(model)
    assert "32 of 32" in screen.getvalue()
    assert screen.getvalue().endswith("\r\x1b[K")
    # Nothing on what is no terminal, or has been taken over by another progress display.
    for other in (io.StringIO(), Terminal()):
        monkeypatch.setattr("sys.stderr", other)
        replicates(model)
        assert not other.getvalue()


def test_it_can_be_stopped_and_nothing_is_lost():
    def stop(done, total):
        told.append((done, total))
        if done == 3:
            raise KeyboardInterrupt

    model, told = Share().fit(worlds.coins(0, [0.9, 0.8, 0.7], n=400)[0]), []
    before = model.params_
    with pytest.raises(KeyboardInterrupt):
        replicates(model, progress=stop)
    assert told == [(0, 32), (1, 32), (2, 32), (3, 32)]
    assert model.params_ is before
    assert np.isfinite(model.intervals().accuracies.low).all()
