import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from labelwright.augmentation.significance import (
    Share,
    benjamini_hochberg,
    binomial_tail,
    hypergeometric_tail,
    share_of,
)


def share(hits, of):
    return share_of(np.arange(of) < hits, np.arange(of))


counts = st.integers(1, 40).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of)))


@given(counts)
def test_intervals_are_wilsons(case):
    hits, of = case
    found = share(hits, of)
    exact = stats.binomtest(hits, of).proportion_ci(0.95, method="wilson")
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high), abs=1e-9)
    assert found.low <= found.value <= found.high


@given(counts, st.integers(1, 5))
def test_copies_of_one_example_count_as_one(case, copies):
    hits, of = case
    rows = np.repeat(np.arange(of), copies)
    found, alone = share_of(rows < hits, rows), share(hits, of)
    assert (found.value, found.low, found.high) == pytest.approx((alone.value, alone.low, alone.high))
    assert found.of == copies * of


@given(counts, st.floats(0.01, 0.99))
def test_the_binomial_tail_is_exact(case, chance):
    hits, of = case
    exact = stats.binomtest(hits, of, chance, alternative="greater").pvalue
    assert binomial_tail(share(hits, of), chance) == pytest.approx(exact, abs=1e-9)


@settings(max_examples=40)
@given(counts, counts)
def test_the_hypergeometric_tail_is_fishers(one, other):
    table = [[one[0], one[1] - one[0]], [other[0], other[1] - other[0]]]
    exact = stats.fisher_exact(table, alternative="greater").pvalue
    assert hypergeometric_tail(share(*one), share(*other)) == pytest.approx(exact, abs=1e-9)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.floats(0.01, 0.5))
def test_what_passes_is_what_the_adjusted_values_say(p, rate):
    adjusted = stats.false_discovery_control(p)
    clear = np.abs(adjusted - rate) > 1e-9
    assert np.array_equal(benjamini_hochberg(p, rate)[clear], (adjusted <= rate)[clear])


def test_nothing_counted_says_nothing():
    nothing = share(0, 0)
    assert math.isnan(nothing.value)
    assert str(nothing) == "none"
    assert binomial_tail(nothing, 0.5) == hypergeometric_tail(nothing, share(1, 2)) == 1.0
    assert isinstance(nothing, Share)
    assert not len(benjamini_hochberg([], 0.1))
