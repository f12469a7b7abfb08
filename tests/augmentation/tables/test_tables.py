"""Laws of functions on tables."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from labelwright.augmentation import Sequences, apply_sequences, transformation_function
from labelwright.augmentation.tables import drop_features, jitter, scale, swap_categories, swap_noise
from labelwright.core.errors import FunctionError, TransformationError

D = 6
REFERENCE = np.random.default_rng(0).normal(5, [0, 1, 2, 3, 4, 5], (200, D))
MADE = {
    "jitter": lambda **more: jitter(REFERENCE, **more),
    "scale": lambda **more: scale(**more),
    "drop": lambda **more: drop_features(REFERENCE, **more),
    "swap": lambda **more: swap_noise(REFERENCE, **more),
    "swap in batch": lambda **more: swap_noise(**more),
}
MAKERS = pytest.mark.parametrize("make", MADE.values(), ids=MADE)
tables = st.sampled_from([np.float32, np.float64, np.float16]).flatmap(
    lambda dtype: arrays(dtype, st.tuples(st.integers(0, 5), st.just(D)), elements=st.floats(-100, 100, width=16))
)
seeds = st.integers(0, 2**32)


@MAKERS
@settings(max_examples=25)
@given(x=tables, seed=seeds)
def test_shapes_and_dtypes_stay_and_magnitude_0_changes_nothing(make, x, seed):
    rng = np.random.default_rng(seed)
    kept = x.copy()
    same = make(high=0.5)(x, magnitude=np.zeros(len(x)), rng=rng)
    assert np.array_equal(same, x)
    after = make(high=0.5)(x, magnitude=np.full(len(x), 0.5), rng=rng)
    assert (after.shape, after.dtype) == (x.shape, x.dtype)
    assert np.array_equal(x, kept)
    assert np.isfinite(after).all()


@MAKERS
@settings(max_examples=25)
@given(x=tables, seed=seeds)
def test_chance_alone_decides_and_each_row_has_its_magnitude(make, x, seed):
    function = make(high=1.0)
    sizes = np.where(np.arange(len(x)) % 2, 0.8, 0.0)
    once, again = (function(x, magnitude=sizes, rng=np.random.default_rng(seed)) for _ in range(2))
    assert np.array_equal(once, again)
    assert np.array_equal(once[::2], x[::2])


@MAKERS
def test_columns_that_are_not_named_stay(make):
    x = REFERENCE[:50]
    after = make(columns=[1, 4], high=1.0)(x, magnitude=np.ones(50), rng=np.random.default_rng(0))
    assert np.array_equal(np.delete(after, [1, 4], axis=1), np.delete(x, [1, 4], axis=1))
    assert (after[:, [1, 4]] != x[:, [1, 4]]).any(axis=0).all()


@MAKERS
def test_missing_values_do_no_harm(make):
    x = REFERENCE[:20].copy()
    x[::2, 3] = np.nan
    after = make()(x, magnitude=np.full(20, 0.1), rng=np.random.default_rng(0))
    assert np.isfinite(after[:, :3]).all()


def test_jitter_is_measured_in_each_columns_standard_deviation():
    x = np.tile(REFERENCE[:1], (4000, 1))
    after = jitter(REFERENCE)(x, magnitude=np.full(4000, 0.1), rng=np.random.default_rng(1))
    assert np.allclose((after - x).std(axis=0), 0.1 * REFERENCE.std(axis=0), rtol=0.06)
    given_scales = jitter(scales=[2.0] * D)(x, magnitude=np.full(4000, 0.1), rng=np.random.default_rng(1))
    assert np.allclose((given_scales - x).std(axis=0), 0.2, rtol=0.06)


@settings(max_examples=25)
@given(seed=seeds, factor=st.floats(0.1, 10))
def test_scale_is_linear_and_keeps_signs(seed, factor):
    x = np.random.default_rng(0).standard_normal((4, D))
    one, many = (scale()(y, magnitude=np.full(4, 0.3), rng=np.random.default_rng(seed)) for y in (x, factor * x))
    assert np.allclose(many, factor * one)
    assert np.array_equal(np.sign(one), np.sign(x))


@pytest.mark.parametrize("make", [MADE["drop"], MADE["swap"]], ids=["drop", "swap"])
@settings(max_examples=25)
@given(share=st.floats(0, 1), seed=seeds)
def test_no_more_columns_change_than_the_magnitude_says(make, share, seed):
    x = np.full((30, D), 1e3)
    after = make(high=1.0)(x, magnitude=np.full(30, share), rng=np.random.default_rng(seed))
    changed = (after != x).sum(axis=1)
    assert changed.max() <= np.ceil(np.round(share * D, 6))
    assert changed.min() >= np.floor(np.round(share * D, 4)) - 1e-9


def test_the_mean_share_of_columns_is_the_magnitude():
    x = np.full((3000, D), 1e3)
    after = drop_features(REFERENCE)(x, magnitude=np.full(3000, 0.1), rng=np.random.default_rng(0))
    assert abs((after != x).mean() - 0.1) < 0.01
    assert np.allclose(after.min(axis=0), REFERENCE.mean(axis=0))


def test_numbers_may_go_missing_where_the_user_says_so():
    function = drop_features(fill=[np.nan] * D, high=1.0)
    done = Sequences(range(20), [[0]] * 20, [[0.5]] * 20)
    for batch in (REFERENCE[:20], REFERENCE[:20].astype(np.float32)):
        found = apply_sequences([function], batch, done, np.random.default_rng(0))
        assert found.applied.all()
        assert (np.isnan(found.examples).sum(axis=1) == D / 2).all()
    infinite = transformation_function("f", batched=True, may_change="missing")(lambda x: x * np.inf)
    with pytest.raises(TransformationError, match="infinity"):
        apply_sequences([infinite], REFERENCE[:20], done, np.random.default_rng(0))
    for may_change, count in (((), 1), ("missing", 0)):
        lose = transformation_function("g", may_change=may_change)(lambda x: {**x, "a": float("nan")})
        found = apply_sequences(
            [lose], [{"a": 1.0}], done.take(np.arange(1)), np.random.default_rng(0), on_error="skip"
        )
        assert len(found.failures) == count


def test_swapped_values_come_from_the_same_column():
    after = swap_noise(REFERENCE, high=1.0)(REFERENCE[:40], magnitude=np.ones(40), rng=np.random.default_rng(0))
    assert all(np.isin(after[:, j], REFERENCE[:, j]).all() for j in range(D))
    assert (after[:, 1:] != REFERENCE[:40, 1:]).mean() > 0.9
    alone = swap_noise(high=1.0)(REFERENCE[:1], magnitude=np.ones(1), rng=np.random.default_rng(0))
    assert np.array_equal(alone, REFERENCE[:1])


def test_tensors_come_back_as_tensors():
    torch = pytest.importorskip("torch")
    x = torch.tensor(REFERENCE[:8], dtype=torch.float32)
    sizes = torch.full((8,), 0.1)
    after = jitter(REFERENCE)(x, magnitude=sizes, rng=np.random.default_rng(0))
    expected = jitter(REFERENCE)(x.numpy(), magnitude=sizes.numpy(), rng=np.random.default_rng(0))
    assert isinstance(after, torch.Tensor)
    assert after.dtype == torch.float32
    assert np.array_equal(after.numpy(), expected)


def test_in_a_sequence():
    done = Sequences(range(20), [[0, 1]] * 20, [[0.1, 0.2]] * 20)
    found = apply_sequences([jitter(REFERENCE), swap_noise(REFERENCE)], REFERENCE[:20], done, np.random.default_rng(0))
    assert found.applied.all()
    assert found.examples.shape == (20, D)


def test_versions_follow_what_was_learned():
    assert jitter(REFERENCE).version == jitter(REFERENCE.copy()).version != jitter(REFERENCE[:50]).version


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: jitter(), "either a table"),
        (lambda: jitter(REFERENCE, scales=[1.0]), "either a table"),
        (lambda: jitter([1.0, 2.0]), r"\(rows, columns\)"),
        (lambda: jitter(scales=[-1.0]), "0 or more"),
        (lambda: jitter(scales=[1.0], high=0), "positive"),
        (lambda: drop_features(fill=[np.inf]), "must be a number"),
        (lambda: drop_features(REFERENCE, high=1.5), r"\(0, 1\]"),
        (lambda: swap_noise(np.empty((0, 3))), "not empty"),
        (lambda: scale(columns=[0, 0]), "each once"),
        (lambda: scale(columns=[]), "positions"),
        (lambda: scale(columns=[9])(REFERENCE, magnitude=0.1, rng=np.random.default_rng(0)), "no column 9"),
        (lambda: jitter(REFERENCE)(REFERENCE[:, :2], magnitude=0.1, rng=None), "made for 6"),
        (lambda: scale()(np.ones((2, 2), dtype=int), magnitude=0.1, rng=None), "floating"),
        (lambda: scale()(np.ones(2), magnitude=0.1, rng=None), "shape"),
    ],
)
def test_what_cannot_work_is_said(call, said):
    with pytest.raises(FunctionError, match=said):
        call()


@settings(max_examples=25)
@given(share=st.floats(0, 1), seed=seeds)
def test_categories_change_within_their_fields(share, seed):
    values = {"colour": ["red", "blue", "green"], "size": [1, 2], "shape": ["round"]}
    record = {"colour": "red", "size": 1, "shape": "round", "id": 3}
    after = swap_categories(values, high=1.0)(record, magnitude=share, rng=np.random.default_rng(seed))
    changed = [field for field in record if after[field] != record[field]]
    assert len(changed) <= np.ceil(np.round(share * 3, 6))
    assert set(changed) <= {"colour", "size"}
    assert all(after[field] in values[field] for field in changed)
    if share == 1:
        assert len(changed) == 2


def test_categories_are_drawn_as_often_as_they_stand_there():
    swap = swap_categories({"c": ["a", "b", "b", "b", "x"]}, high=1.0)
    rng = np.random.default_rng(0)
    found = [swap({"c": "x"}, magnitude=1.0, rng=rng)["c"] for _ in range(800)]
    assert abs(found.count("b") / 800 - 0.75) < 0.06


def test_categories_that_cannot_be_changed():
    assert swap_categories({"c": ["a"]})({"c": "a"}, magnitude=0.3, rng=np.random.default_rng(0)) is None
    with pytest.raises(FunctionError, match="no field 'c'"):
        swap_categories({"c": ["a"]})({"d": "a"}, magnitude=0.3, rng=None)
    with pytest.raises(FunctionError, match="records"):
        swap_categories({"c": ["a"]})("a", magnitude=0.3, rng=None)
    for values, said in (({}, "no field"), ({"c": []}, "no value of field 'c'")):
        with pytest.raises(FunctionError, match=said):
            swap_categories(values)
    with pytest.raises(FunctionError, match=r"\(0, 1\]"):
        swap_categories({"c": ["a"]}, high=2)
