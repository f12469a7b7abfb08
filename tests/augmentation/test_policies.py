"""Policies that need no learning: what they may draw, how often they draw it, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from labelwright.augmentation import (
    ApplyAll,
    ApplyEach,
    ApplyOne,
    Magnitude,
    MeanField,
    RandAugment,
    Random,
    TransformationFunction,
    TrivialAugment,
    transformation_function,
)
from labelwright.core.errors import FunctionError
from labelwright.core.seeds import generator

# Runs of a test under its own seed are all the same, so a tiny level only says how far off a distribution may look.
LEVEL = 1e-6


def function(name: str, magnitude: Magnitude | None = None) -> TransformationFunction:
    return TransformationFunction(name=name, function=lambda x: x, magnitude=magnitude)


BOTH = function("both", Magnitude(-30.0, 10.0, neutral=-5.0, unit="degrees"))
RIGHT = function("right", Magnitude(0.0, 0.5))
LEFT = function("left", Magnitude(-4.0, 0.0))
PLAIN = function("plain")
FUNCTIONS = [BOTH, RIGHT, LEFT, PLAIN]

magnitudes = st.tuples(
    st.floats(-100, 100), st.floats(-100, 100), st.sampled_from(["low", "high", "middle", "none"])
).map(
    lambda t: (
        None
        if t[2] == "none" or abs(t[0] - t[1]) < 1e-3
        else Magnitude(
            min(t[:2]), max(t[:2]), neutral={"low": min(t[:2]), "high": max(t[:2]), "middle": (t[0] + t[1]) / 2}[t[2]]
        )
    )
)
function_lists = st.lists(magnitudes, min_size=1, max_size=5).map(
    lambda found: [function(f"f{i}", m) for i, m in enumerate(found)]
)
options = st.fixed_dictionaries({"copies": st.integers(1, 3), "keep_originals": st.booleans()})


def policies(functions, more):
    m = len(functions)
    return [
        ApplyAll(functions, **more),
        ApplyEach(functions, **more),
        ApplyOne(functions, **more),
        Random(functions, length=3, **more),
        MeanField(functions, np.full(m, 1 / m), **more),
        MeanField(functions, np.full((m, 4), 1 / m / 4), **more),
        RandAugment(functions, strength=0.7, **more),
        TrivialAugment(functions, **more),
        TrivialAugment(functions, levels=None, **more),
    ]


@given(function_lists, options, st.integers(0, 6), st.integers(0, 10_000))
def test_what_is_drawn_lies_within_bounds_and_on_the_sides_there_are(functions, more, n, seed):
    for policy in policies(functions, more):
        drawn = policy.sample([None] * n, generator(seed))
        assert ((drawn.functions >= -1) & (drawn.functions < len(functions))).all()
        asked = np.full(drawn.functions.shape, False)
        for code, one in enumerate(functions):
            found = drawn.magnitudes[drawn.functions == code]
            if one.magnitude is None:
                continue
            asked |= drawn.functions == code
            room = 1e-9 * (1 + abs(one.magnitude.low) + abs(one.magnitude.high))
            assert (found >= one.magnitude.low - room).all()
            assert (found <= one.magnitude.high + room).all()
        # A number where the function has a magnitude, and nowhere else.
        assert np.array_equal(~np.isnan(drawn.magnitudes), asked)


@given(function_lists, options, st.integers(0, 6), st.integers(0, 10_000))
def test_origins_count_copies_and_originals_come_first(functions, more, n, seed):
    for policy in policies(functions, more):
        drawn = policy.sample([None] * n, generator(seed))
        each = more["copies"] * (len(functions) if isinstance(policy, ApplyEach) else 1) + more["keep_originals"]
        assert drawn.origins.tolist() == np.repeat(np.arange(n), each).tolist()
        untouched = (drawn.functions == -1).all(axis=1)
        expected = np.tile([more["keep_originals"]] + [False] * (each - 1), n)
        assert np.array_equal(untouched, expected)


@given(function_lists, st.integers(0, 10_000))
def test_the_same_chance_gives_the_same_and_another_gives_another(functions, seed):
    for policy in policies(functions, {}):
        first, again = (policy.sample([None] * 50, generator(seed)) for _ in range(2))
        assert np.array_equal(first.functions, again.functions)
        assert np.array_equal(first.magnitudes, again.magnitudes, equal_nan=True)
    policy = Random([BOTH, RIGHT])
    other = policy.sample([None] * 50, generator(seed + 1))
    assert not np.array_equal(other.magnitudes, policy.sample([None] * 50, generator(seed)).magnitudes, equal_nan=True)


@given(st.permutations(range(4)))
def test_order_of_functions_permutes_the_distribution_of_mean_field(order):
    probabilities = np.array([0.1, 0.2, 0.3, 0.4])
    moved = MeanField([FUNCTIONS[i] for i in order], probabilities[list(order)], length=1)
    counts = moved.sample([None] * 4000, generator(0)).counts(4)
    assert stats.chisquare(counts, 4000 * probabilities[list(order)]).pvalue > LEVEL


def uniform(policy, n=6000):
    """Codes and magnitudes of n sequences, flat."""
    drawn = policy.sample([None] * n, generator(7))
    return drawn.functions.ravel(), drawn.magnitudes.ravel()


@pytest.mark.parametrize(
    "policy",
    [
        ApplyAll(FUNCTIONS),
        ApplyEach(FUNCTIONS),
        ApplyOne(FUNCTIONS, copies=3),
        Random(FUNCTIONS),
        TrivialAugment(FUNCTIONS, levels=None),
        MeanField(FUNCTIONS, [0.25] * 4),
    ],
    ids=repr,
)
def test_functions_are_equally_frequent_and_strengths_uniform_on_their_sides(policy):
    codes, magnitudes = uniform(policy)
    assert stats.chisquare(np.bincount(codes)).pvalue > LEVEL
    for code, ends in enumerate([(-1, 1), (0, 1), (-1, 0)]):
        strengths = FUNCTIONS[code].magnitude.strength(magnitudes[codes == code])
        assert stats.kstest(strengths, "uniform", (ends[0], ends[1] - ends[0])).pvalue > LEVEL


def test_apply_all_keeps_the_order_given():
    drawn = ApplyAll(FUNCTIONS, copies=2).sample([None] * 3, generator(0))
    assert drawn.functions.tolist() == [[0, 1, 2, 3]] * 6


def test_apply_each_gives_each_function_alone():
    drawn = ApplyEach(FUNCTIONS).sample([None] * 2, generator(0))
    assert drawn.functions.ravel().tolist() == [0, 1, 2, 3] * 2


def test_apply_one_deals_different_functions_to_the_copies_of_an_example():
    drawn = ApplyOne(FUNCTIONS, copies=6).sample([None] * 100, generator(0)).functions.reshape(100, 6)
    assert all(set(row[:4]) == {0, 1, 2, 3} and row[4] != row[5] for row in drawn)


def test_steps_of_random_are_independent():
    codes = Random(FUNCTIONS, length=2).sample([None] * 8000, generator(3)).functions
    table = np.zeros((4, 4))
    np.add.at(table, (codes[:, 0], codes[:, 1]), 1)
    assert stats.chisquare(table.ravel()).pvalue > LEVEL


def test_mean_field_over_levels_has_the_joint_distribution():
    probabilities = np.array([[0.1, 0.0, 0.2], [0.05, 0.05, 0.1], [0.2, 0.1, 0.0], [0.1, 0.1, 0.0]])
    policy = MeanField(FUNCTIONS, probabilities)
    codes, magnitudes = uniform(policy)
    counts = np.zeros((3, 3))
    for code in range(3):
        levels = FUNCTIONS[code].magnitude.at(FUNCTIONS[code].magnitude.levels(3))
        found = magnitudes[codes == code]
        assert np.isin(found.round(9), levels.round(9)).all()
        counts[code] = [(np.abs(found - level) < 1e-9).sum() for level in levels]
    observed = np.append(counts.ravel(), (codes == 3).sum())
    expected = np.append(probabilities[:3].ravel(), probabilities[3].sum()) * len(codes)
    assert (observed[expected == 0] == 0).all()
    assert stats.chisquare(observed[expected > 0], expected[expected > 0]).pvalue > LEVEL


def test_mean_field_takes_strengths_of_its_own():
    policy = MeanField([BOTH, PLAIN], [[0.5, 0.0], [0.0, 0.5]], strengths=[-1.0, 0.5])
    codes, magnitudes = uniform(policy, 50)
    assert set(magnitudes[codes == 0]) == {-30.0}
    assert np.isnan(magnitudes[codes == 1]).all()


def test_randaugment_has_one_strength_and_either_side():
    codes, magnitudes = uniform(RandAugment(FUNCTIONS, length=3, strength=0.5))
    assert stats.chisquare(np.bincount(codes)).pvalue > LEVEL
    assert set(magnitudes[codes == 1]) == {0.25}
    assert set(magnitudes[codes == 2]) == {-2.0}
    sides = magnitudes[codes == 0]
    assert set(sides) == {-17.5, 2.5}
    assert stats.binomtest(int((sides > 0).sum()), len(sides)).pvalue > LEVEL


def test_trivialaugment_draws_the_published_31_levels():
    codes, magnitudes = uniform(TrivialAugment(FUNCTIONS), 20_000)
    levels = np.round(magnitudes[codes == 1] / 0.5 * 30, 9)
    values, counts = np.unique(levels, return_counts=True)
    assert values.tolist() == list(range(31))
    assert stats.chisquare(counts).pvalue > LEVEL


@pytest.mark.parametrize("make", [ApplyAll, ApplyEach, ApplyOne, Random, RandAugment, TrivialAugment])
def test_functions_are_checked(make):
    with pytest.raises(FunctionError, match="at least one"):
        make([])
    with pytest.raises(FunctionError, match=r"names of their own; used twice: \['plain'\]"):
        make([PLAIN, BOTH, function("plain")])
    with pytest.raises(FunctionError, match="decorate it with @transformation_function"):
        make([lambda x: x])
    with pytest.raises(FunctionError, match=r"write \[plain\]"):
        make(PLAIN)


@pytest.mark.parametrize("count", [0, -1, 1.5, True, None])
def test_counts_are_checked(count):
    for make in (ApplyAll, ApplyEach, ApplyOne, Random, RandAugment, TrivialAugment):
        with pytest.raises(FunctionError, match="copies is"):
            make([PLAIN], copies=count)
    for make in (Random, RandAugment):
        with pytest.raises(FunctionError, match="length is"):
            make([PLAIN], length=count)


@pytest.mark.parametrize(
    ("probabilities", "said"),
    [
        ([0.5, 0.4], "add up to 0.9"),
        ([1.5, -0.5], "0 or more"),
        ([float("nan"), 1.0], "0 or more"),
        ([1.0], r"shape \(2,\) or \(2, levels\)"),
        ([[[0.5]], [[0.5]]], "shape"),
    ],
)
def test_probabilities_are_checked(probabilities, said):
    with pytest.raises(FunctionError, match=said):
        MeanField([BOTH, RIGHT], probabilities)


def test_settings_are_checked():
    for strength in (-0.1, 1.1, float("nan")):
        with pytest.raises(FunctionError, match="strength is"):
            RandAugment([BOTH], strength=strength)
    with pytest.raises(FunctionError, match="levels is 1"):
        TrivialAugment([BOTH], levels=1)
    with pytest.raises(FunctionError, match="give probabilities of shape"):
        MeanField([BOTH], [1.0], strengths=[0.5])
    with pytest.raises(FunctionError, match="strengths need shape"):
        MeanField([BOTH], [[0.5, 0.5]], strengths=[0.5, 2.0])
    with pytest.raises(FunctionError, match="'right' lie on a side that it does not have"):
        MeanField([BOTH, RIGHT], [[0.5], [0.5]], strengths=[-1.0])


@transformation_function(magnitude=(0.0, 1.0))
def fade(value, magnitude):
    return value * (1 - magnitude)


def test_the_version_of_a_policy_follows_its_functions_and_settings():
    assert Random([fade]).version == Random([fade]).version
    others = [
        Random([fade], length=3),
        Random([fade, PLAIN]),
        RandAugment([fade]),
        RandAugment([fade], strength=0.4),
        MeanField([fade, PLAIN], [0.5, 0.5]),
        MeanField([fade, PLAIN], [0.4, 0.6]),
    ]
    assert len({policy.version for policy in [Random([fade]), *others]}) == 7
