"""Drift: the false-alarm rate that is stated is the one that comes out, and a real shift is found."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from labelwright.analysis.drift import AGREEMENT, VOTE_RATE, compare_drift, measure_votes
from labelwright.core import Votes

RATES = np.array([0.01, 0.05, 0.1, 0.1, 0.2, 0.3, 0.5, 0.7])
SOURCES = [f"f{j}" for j in range(len(RATES))]


def world(rng, groups, *, size=1, correlation=0.0, rates=RATES):
    """Votes of functions on groups of examples: each function's rate varies from group to group."""
    trials = 1 + rng.poisson(size - 1, groups)
    unit = np.repeat(np.arange(groups), trials)
    strength = 1 / correlation - 1 if correlation else np.inf
    rate = rng.beta(rates * strength, (1 - rates) * strength, (groups, len(rates))) if correlation else rates
    fires = rng.random((len(unit), len(rates))) < (rate[unit] if correlation else rate)
    truth = (np.full(groups, 0.5) if not correlation else rng.random(groups))[unit] > rng.random(len(unit))
    right = rng.random(fires.shape) < 0.75
    said = np.where(right, truth[:, None], ~truth[:, None]).astype(np.int8)
    return Votes(np.where(fires, said, -1), classes=2, sources=SOURCES), unit


def comparison(rng, before, now, *, level, grouped, rates=RATES, **options):
    sides = [world(rng, before, **options), world(rng, now, rates=rates, **options)]
    old, new = (measure_votes(votes, unit if grouped else None) for votes, unit in sides)
    return compare_drift(old, {"new": new}, level=level)


def alarms(repeats, before, now, *, level=0.1, grouped=True, **options):
    """Comparisons with a false alarm, and the share of single tests below 0.05."""
    rng = np.random.default_rng(7)
    found = [comparison(rng, before, now, level=level, grouped=grouped, **options) for _ in range(repeats)]
    single = [row.p_value for drift in found for row in drift.rows if row.p_value is not None]
    return sum(bool(drift.drifted) for drift in found), np.mean(np.array(single) < 0.05)


# Of 100 comparisons at a level of 0.1, more than 18 raise an alarm with a chance of 0.005.
MOST = 18


@pytest.mark.slow
def test_loose_examples_raise_no_more_false_alarms_than_stated():
    count, single = alarms(100, 1500, 300, grouped=False)
    assert count <= MOST
    assert single <= 0.05


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "now", "size", "correlation"), [(200, 60, 6, 0.3), (100, 8, 15, 0.2), (40, 40, 10, 0.6)]
)
def test_groups_raise_no_more_false_alarms_than_stated(before, now, size, correlation):
    count, single = alarms(100, before, now, size=size, correlation=correlation)
    assert count <= MOST
    assert single <= 0.06
    ignored, _ = alarms(20, before, now, size=size, correlation=correlation, grouped=False)
    assert ignored >= 8  # what would happen if groups were not looked at


@pytest.mark.parametrize("grouped", [False, True])
def test_a_real_shift_is_found(grouped):
    rng = np.random.default_rng(0)
    shifted = RATES.copy()
    shifted[3] = 0.25  # was 0.1
    found = 0
    for _ in range(20):
        options = {"size": 3, "correlation": 0.1} if grouped else {}
        drift = comparison(rng, 1000, 400, level=0.01, grouped=grouped, rates=shifted, **options)
        named = {(row.source, row.measure) for row in drift.drifted}
        found += ("f3", VOTE_RATE) in named
        assert {source for source, _ in named} <= {"f3"}
    assert found >= 18


def test_functions_that_stop_agreeing_are_found():
    rng = np.random.default_rng(0)
    (old, _), (new, _) = world(rng, 2000), world(rng, 800)
    values = new.values.copy()
    values[:, 6] = np.where(values[:, 6] >= 0, 1 - values[:, 6], -1)
    turned = Votes(values, classes=2, sources=SOURCES)
    drift = compare_drift(measure_votes(old), {"new": measure_votes(turned)}, level=0.01)
    assert ("f6", AGREEMENT) in {(row.source, row.measure) for row in drift.drifted}
    assert drift.drifted[0].adjusted <= 0.01
    assert VOTE_RATE not in {row.measure for row in drift.drifted}


def test_small_shifts_are_within_the_tolerance():
    rng = np.random.default_rng(0)
    shifted = RATES.copy()
    shifted[6] += 0.1
    old, new = (measure_votes(world(rng, 4000, rates=rates)[0]) for rates in (RATES, shifted))
    assert [row.source for row in compare_drift(old, {"new": new}, level=0.01).drifted][:1] == ["f6"]
    assert compare_drift(old, {"new": new}, level=0.01, tolerance=0.15).drifted == ()


def plainly(values, k):
    """Agreement with most of the others, one example at a time."""
    hits, judged = np.zeros(values.shape[1], dtype=int), np.zeros(values.shape[1], dtype=int)
    for row in values:
        for j, said in enumerate(row):
            others = [c for i, c in enumerate(row) if i != j and c >= 0]
            if said < 0:
                continue
            own, rival = others.count(said), max((others.count(c) for c in range(k) if c != said), default=0)
            judged[j] += own != rival
            hits[j] += own > rival
    return hits.tolist(), judged.tolist()


@settings(deadline=None)
@given(arrays(np.int8, st.tuples(st.integers(1, 12), st.integers(1, 5)), elements=st.integers(-1, 2)))
def test_measures_are_what_they_say(values):
    votes = Votes(values, classes=3)
    found = measure_votes(votes)
    hits, judged = plainly(values, 3)
    for j, source in enumerate(votes.sources):
        assert found[source, VOTE_RATE].count == (values[:, j] >= 0).sum()
        assert (found[source, AGREEMENT].count, found[source, AGREEMENT].n) == (hits[j], judged[j])
        classes = set(values[:, j].tolist()) - {-1}
        for c in classes if len(classes) > 1 else ():
            assert found[source, f"votes for {c}"].count == (values[:, j] == c).sum()


def test_a_function_that_votes_for_a_new_class_is_compared_with_none():
    old = Votes(np.zeros((200, 1), dtype=np.int8), classes=2, sources=["a"])
    new = Votes(np.repeat([[0], [1]], 100, axis=0).astype(np.int8), classes=2, sources=["a"])
    drift = compare_drift(measure_votes(old), {"new": measure_votes(new)}, level=0.01)
    named = {row.measure for row in drift.drifted}
    assert "votes for 1" in named
    assert drift.to_dict()["rows"][0]["function"] == "a"


def test_a_vote_for_several_classes_counts_as_one_for_a_class_of_its_own():
    sets = {"f": [{0}, {1}, {2}, {0, 2}], "g": [{0}, {1}, {2}, {0, 1}]}
    values = [[3, 0], [3, 3], [1, 1], [-1, 3]]
    found = measure_votes(Votes(values, classes=["a", "b", "c"], sources=["f", "g"], alphabet=sets))
    rates = {key: (tally.count, tally.n) for key, tally in found.items() if key[1] != AGREEMENT}
    assert rates == {
        ("f", VOTE_RATE): (3, 4),
        ("f", "votes for b"): (1, 4),
        ("f", "votes for a or c"): (2, 4),
        ("g", VOTE_RATE): (4, 4),
        ("g", "votes for a"): (1, 4),
        ("g", "votes for b"): (1, 4),
        ("g", "votes for a or b"): (2, 4),
    }
