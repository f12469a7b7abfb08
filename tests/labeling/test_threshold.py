from __future__ import annotations

import math
import operator

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright.core.errors import FunctionError
from labelwright.labeling import threshold_lf

OPS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne}
BIG = 2**53
KINDS = {
    pl.Int64: st.integers(-(2**63), 2**63 - 1) | st.integers(BIG - 2, BIG + 2) | st.integers(-3, 3),
    pl.UInt64: st.integers(0, 2**64 - 1) | st.integers(0, 3),
    pl.Int8: st.integers(-128, 127),
    pl.Float64: st.floats() | st.integers(-3, 3).map(float) | st.just(float(BIG)),
    pl.Float32: st.floats(width=32) | st.just(float(np.float32(0.1))),
}
bounds = st.one_of(
    st.integers(-3, 3), st.integers(BIG - 2, BIG + 2), st.integers(-(2**70), 2**70), st.floats(allow_nan=False), st.just(0.1),
    st.sampled_from([2.5, -0.5, math.inf, -math.inf, 10**400, -(10**400)]),
)  # fmt: skip


@settings(deadline=None, max_examples=150)
@given(st.data(), st.sampled_from(list(KINDS)), st.sampled_from(list(OPS)), bounds)
def test_it_compares_exactly_as_python_does(data, kind, op, bound):
    values = data.draw(st.lists(st.none() | KINDS[kind], min_size=1, max_size=6))
    function = threshold_lf("f", "x", op, bound, 1)
    frame = pl.DataFrame({"x": pl.Series(values, dtype=kind)})
    expected = [v is not None and v == v and OPS[op](v, bound) for v in frame["x"].to_list()]
    assert frame.select(function.expression(frame.schema)).to_series().fill_null(False).to_list() == expected
    assert [function({"x": v}) == 1 for v in frame["x"].to_list()] == expected


@pytest.mark.parametrize("op", OPS)
def test_missing_numbers_never_fire(op):
    function = threshold_lf("f", "x", op, 0, 1)
    frame = pl.DataFrame({"x": [None, math.nan]}, schema={"x": pl.Float64})
    assert frame.select(function.expression(frame.schema)).to_series().fill_null(False).to_list() == [False, False]
    empty = pl.DataFrame({"x": [None]})
    assert empty.select(function.expression(empty.schema)).to_series().to_list() == [False]


def test_numpy_scalars_are_numbers():
    assert threshold_lf("f", "x", ">", np.float64(1.5), 1)({"x": np.float32(2)}) == 1
    assert threshold_lf("f", "x", ">", np.int64(1), 1).value == 1


@pytest.mark.parametrize(
    ("op", "value", "said"),
    [
        ("=", 1, "op of labeling function 'f' is '='; use one of <, <=, >, >=, ==, !="),
        (None, 1, "op"),
        ("<", math.nan, "not NaN"),
        ("<", "3", "pass a number"),
        ("<", None, "pass a number"),
        ("==", True, "pass a number"),
    ],
)
def test_its_parts_are_checked(op, value, said):
    with pytest.raises(FunctionError, match=said):
        threshold_lf("f", "x", op, value, 1)


def test_wrong_types_and_unknown_columns():
    function = threshold_lf("f", "likes", ">", 1, 1)
    with pytest.raises(FunctionError, match=r"which is String; it needs a number. Columns: likes \(String\)"):
        function.expression(pl.Schema({"likes": pl.String}))
    with pytest.raises(FunctionError, match="did you mean 'like'"):
        function.expression(pl.Schema({"like": pl.Int64}))
    for wrong in ("3", True):
        with pytest.raises(FunctionError, match="needs a number"):
            function({"likes": wrong})
