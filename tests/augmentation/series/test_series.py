"""Laws of functions on time series."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from labelwright.augmentation import Sequences, apply_sequences
from labelwright.augmentation.series import (
    drop_channels,
    flip,
    jitter,
    magnitude_warp,
    permute_segments,
    scale,
    time_warp,
    window_slice,
)
from labelwright.augmentation.series.warping import read_at, smooth_curves
from labelwright.core.errors import FunctionError

MADE = {
    "jitter": jitter,
    "scale": scale,
    "magnitude warp": magnitude_warp,
    "channels": drop_channels,
    "time warp": time_warp,
    "slice": window_slice,
    "permute": permute_segments,
}
MAKERS = pytest.mark.parametrize("make", MADE.values(), ids=MADE)
batches = st.sampled_from([np.float32, np.float64, np.float16]).flatmap(
    lambda dtype: arrays(
        dtype,
        st.tuples(st.integers(0, 4), st.integers(1, 3), st.integers(1, 9)),
        elements=st.floats(-100, 100, width=16),
    )
)
seeds = st.integers(0, 2**32)
strengths = st.floats(0, 1)


@MAKERS
@settings(max_examples=25)
@given(x=batches, seed=seeds)
def test_shapes_and_dtypes_stay_and_magnitude_0_changes_nothing(make, x, seed):
    function = make()
    rng = np.random.default_rng(seed)
    kept = x.copy()
    assert np.array_equal(function(x, magnitude=np.zeros(len(x)), rng=rng), x)
    after = function(x, magnitude=np.full(len(x), function.magnitude.high), rng=rng)
    assert (after.shape, after.dtype) == (x.shape, x.dtype)
    assert np.array_equal(x, kept)
    assert np.isfinite(after).all()


@MAKERS
@settings(max_examples=25)
@given(x=batches, seed=seeds)
def test_chance_alone_decides_and_each_series_has_its_magnitude(make, x, seed):
    function = make()
    sizes = np.where(np.arange(len(x)) % 2, function.magnitude.high, 0.0)
    once, again = (function(x, magnitude=sizes, rng=np.random.default_rng(seed)) for _ in range(2))
    assert np.array_equal(once, again)
    assert np.array_equal(once[::2], x[::2])


@MAKERS
@settings(max_examples=25)
@given(seed=seeds, factor=st.floats(0, 5))
def test_series_twice_as_high_come_out_twice_as_high(make, seed, factor):
    x = np.random.default_rng(0).standard_normal((3, 2, 12))
    function = make()
    sizes = np.full(3, function.magnitude.high)
    one, many = (function(y, magnitude=sizes, rng=np.random.default_rng(seed)) for y in (x, factor * x))
    assert np.allclose(many, factor * one)


@pytest.mark.parametrize("make", [time_warp, window_slice, permute_segments])
@settings(max_examples=25)
@given(seed=seeds)
def test_sums_of_series_come_out_as_sums(make, seed):
    x, y = np.random.default_rng(0).standard_normal((2, 3, 2, 12))
    function = make()
    sizes = np.full(3, function.magnitude.high)
    a, b, both = (function(z, magnitude=sizes, rng=np.random.default_rng(seed)) for z in (x, y, x + y))
    assert np.allclose(a + b, both)


@settings(max_examples=25)
@given(length=st.integers(2, 40), share=strengths, seed=seeds)
def test_warped_time_never_runs_backwards_and_ends_where_it_should(length, share, seed):
    ramp = np.tile(np.arange(length, dtype=float), (5, 2, 1))
    after = time_warp(high=1.0)(ramp, magnitude=np.full(5, share), rng=np.random.default_rng(seed))
    assert (np.diff(after, axis=2) > 0).all()
    assert (after[:, :, 0] == 0).all()
    assert (after[:, :, -1] == length - 1).all()
    assert np.array_equal(after[:, 0], after[:, 1])


@settings(max_examples=25)
@given(length=st.integers(2, 40), share=st.floats(0, 0.9), seed=seeds)
def test_windows_are_as_long_as_said_and_lie_within(length, share, seed):
    ramp = np.tile(np.arange(length, dtype=float), (5, 1, 1))
    after = window_slice(high=0.9)(ramp, magnitude=np.full(5, share), rng=np.random.default_rng(seed))
    assert np.allclose(after[:, :, -1] - after[:, :, 0], (1 - share) * (length - 1))
    assert after.min() >= 0
    assert after.max() <= length - 1
    steps = np.diff(after, axis=2)
    assert np.allclose(steps, steps[:, :, :1])


@settings(max_examples=25)
@given(length=st.integers(1, 20), segments=st.integers(2, 5), share=strengths, seed=seeds)
def test_segments_change_places_and_nothing_is_lost(length, segments, share, seed):
    ramp = np.tile(np.arange(length, dtype=float), (6, 1, 1))
    after = permute_segments(segments=segments)(ramp, magnitude=np.full(6, share), rng=np.random.default_rng(seed))
    assert np.array_equal(np.sort(after, axis=2), ramp)
    # So many segments leave at most so many places where the next value is not the next in time.
    assert ((np.diff(after, axis=2) != 1).sum(axis=2) <= segments - 1).all()


def test_segments_do_change_places():
    ramp = np.tile(np.arange(40.0), (200, 1, 1))
    after = permute_segments()(ramp, magnitude=np.ones(200), rng=np.random.default_rng(0))
    assert (after != ramp).any(axis=(1, 2)).mean() > 0.9
    two = permute_segments()(ramp, magnitude=np.full(200, 0.5), rng=np.random.default_rng(0))
    assert 0.3 < (two != ramp).any(axis=(1, 2)).mean() < 0.7


def test_jitter_is_measured_in_each_channels_spread():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((40, 2, 500)) * np.array([1.0, 10.0])[None, :, None]
    noise = jitter()(x, magnitude=np.full(40, 0.1), rng=rng) - x
    assert np.allclose(noise.std(axis=(0, 2)), [0.1, 1.0], rtol=0.05)
    given_scales = jitter(scales=[5.0, 0.0])(x, magnitude=np.full(40, 0.1), rng=rng) - x
    assert np.allclose(given_scales.std(axis=(0, 2)), [0.5, 0.0], rtol=0.05)


def test_scale_has_one_factor_for_a_channel_and_a_warp_a_smooth_one():
    x = np.ones((300, 2, 50))
    rng = np.random.default_rng(0)
    factors = np.log(scale()(x, magnitude=np.full(300, 0.1), rng=rng))
    assert np.allclose(factors, factors[:, :, :1])
    assert abs(factors[:, :, 0].std() - 0.1) < 0.01
    curves = np.log(magnitude_warp()(x, magnitude=np.full(300, 0.1), rng=rng))
    assert abs(curves.std() - 0.1) < 0.01
    assert np.abs(np.diff(curves, axis=2)).max() < 0.15
    assert np.abs(np.diff(curves, axis=2)).max() > 0


def test_smooth_curves_have_variance_1_at_any_number_of_waves():
    for waves in (1, 4, 9):
        curves = smooth_curves((4000,), 64, waves, np.random.default_rng(0))
        assert abs(curves.var() - 1) < 0.06


@settings(max_examples=25)
@given(channels=st.integers(1, 5), share=strengths, seed=seeds)
def test_whole_channels_go_and_one_stays(channels, share, seed):
    x = np.random.default_rng(0).standard_normal((9, channels, 4)) + 10
    after = drop_channels(fill=-1.0, high=1.0)(x, magnitude=np.full(9, share), rng=np.random.default_rng(seed))
    gone = (after == -1).all(axis=2)
    assert np.array_equal(after[~gone], x[~gone])
    assert (gone.sum(axis=1) <= min(channels - 1, np.ceil(np.round(share * channels, 6)))).all()


def test_values_are_read_between_two_and_missing_ones_stay_alone():
    x = np.array([[[0.0, 2.0, np.nan, 6.0]]])
    found = read_at(x, np.array([[0.5, 1.0, 1.5, 3.0]]))[0, 0]
    assert found[0] == 1
    assert found[1] == 2
    assert np.isnan(found[2])
    assert found[3] == 6


@pytest.mark.parametrize("what", ["time", "values"])
def test_flipping_twice_changes_nothing(what):
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).standard_normal((3, 2, 5))
    function = flip(what=what)
    assert np.array_equal(function(function(x)), x)
    assert not np.array_equal(function(x), x)
    assert np.array_equal(function(torch.tensor(x)).numpy(), function(x))


@MAKERS
def test_in_a_sequence_and_on_tensors(make):
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).standard_normal((6, 3, 16)).astype(np.float32)
    function = make()
    done = Sequences(range(6), [[0, 1]] * 6, [[function.magnitude.high, float("nan")]] * 6)
    for batch in (x, torch.tensor(x)):
        found = apply_sequences([function, flip()], batch, done, np.random.default_rng(0))
        assert found.applied.all()
        assert type(found.examples) is type(batch)
    assert function.version == make().version


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: time_warp(waves=0), "at least 1"),
        (lambda: magnitude_warp(waves=0), "at least 1"),
        (lambda: permute_segments(segments=1), "at least 2"),
        (lambda: permute_segments(high=1.1), r"\(0, 1\]"),
        (lambda: window_slice(high=0), "positive"),
        (lambda: jitter(scales=[-1.0]), "0 or more"),
        (lambda: jitter(scales=[1.0])(np.ones((2, 3, 4)), magnitude=0.1, rng=None), "3 channels"),
        (lambda: drop_channels(fill=np.nan), "finite"),
        (lambda: flip(what="colour"), "allowed"),
        (lambda: scale()(np.ones((2, 3)), magnitude=0.1, rng=None), "n, channels, length"),
    ],
)
def test_what_cannot_work_is_said(call, said):
    with pytest.raises(FunctionError, match=said):
        call()
