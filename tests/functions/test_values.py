"""Values written as bytes: equal for equal values, different otherwise."""

from __future__ import annotations

import datetime as dt
import decimal
import re
import zoneinfo
from fractions import Fraction
from pathlib import Path, PurePosixPath
from uuid import UUID

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from labelwright.functions.values import Unwritable, sealed, write_leaf

ATOMS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(),
    st.binary(),
    st.complex_numbers(allow_nan=False),
    st.dates(),
    st.datetimes(),
    st.timedeltas(),
    st.decimals(allow_nan=False),
    st.uuids(),
)


@given(ATOMS, ATOMS)
def test_bytes_are_equal_exactly_where_values_are(one, other):
    same = type(one) is type(other) and (one == other) and str(one) == str(other)
    assert (write_leaf(one) == write_leaf(other)) == same


@given(st.lists(st.binary()), st.lists(st.binary()))
def test_pieces_do_not_run_into_each_other(one, other):
    assert (sealed("a", one) == sealed("a", other)) == (one == other)
    assert sealed("a", one) != sealed("b", one)


UTC = dt.UTC
DIFFERENT = [
    *(
        0,
        False,
        0.0,
        -0.0,
        0j,
        "",
        b"",
        None,
        ...,
        NotImplemented,
        bytearray(),
        "0",
        range(0),
        range(0, 1),
        range(0, 2),
    ),
    *(float("nan"), float("inf"), 2**100, "\ud800", "\u00e9", "e\u0301"),
    *(re.compile("a"), re.compile("a", re.I), re.compile(b"a"), decimal.Decimal("1.0"), decimal.Decimal("1.00")),
    *(Fraction(1, 3), UUID(int=1), PurePosixPath("a"), dt.timedelta(1), dt.date(2020, 1, 1), dt.datetime(2020, 1, 1)),
    *(dt.datetime(2020, 1, 1, tzinfo=UTC), dt.datetime(2020, 1, 1, fold=1), dt.time(1), UTC, zoneinfo.ZoneInfo("UTC")),
    *(np.zeros(2), np.zeros((2, 1)), np.zeros(2, "f4"), np.zeros(2, "i4"), np.float64(0), np.int64(0), np.dtype("f4")),
    *(np.array(["a"]), np.array(["a", "b"]), np.datetime64("2020-01-01"), np.ma.masked_array([1, 2], [0, 1])),
    *(np.ma.masked_array([1, 2], [1, 0]), np.zeros(1, [("a", "f4")]), np.zeros(1, [("b", "f4")])),
    *(pl.Series([1]), pl.Series([1], dtype=pl.Int8), pl.Series([None, 1]), pl.Series(["1"]), pl.Series("a", [1])),
    *(pl.DataFrame({"a": [1]}), pl.DataFrame({"a": [1], "b": [1]}), pl.col("a"), pl.col("a") + 1, pl.Int8, pl.Int16),
    *(pd.Series([1]), pd.Series([1.0]), pd.Series(["a"]), pd.Series([1], index=[1]), pd.DataFrame({"a": [1]})),
    *(pa.table({"a": [1]}), pa.table({"a": [2]}), pa.table({"b": [1]}), pa.array([1]), pa.chunked_array([[1, 2]])),
    *(sparse.eye(2), sparse.eye(3), sparse.csr_matrix((2, 3)), 2 * sparse.eye(2)),
    *(pd.DataFrame({"b": [1]}), pd.Index([1]), pd.NA, pd.NaT, pd.Timestamp(0), pd.Timedelta(0)),
]


def test_different_values_have_different_bytes():
    found = [write_leaf(value) for value in DIFFERENT]
    assert None not in found
    assert len(set(found)) == len(found)


def test_files_count_by_content_alone(tmp_path):
    one, other = tmp_path / "a.csv", tmp_path / "b.txt"
    one.write_text("x")
    other.write_text("x")
    assert write_leaf(one) == write_leaf(other)
    other.write_text("y")
    assert write_leaf(one) != write_leaf(other)


def test_folders_count_where_they_are_declared(tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "a").write_text("1")
    before = write_leaf(tmp_path, folders=True)
    assert write_leaf(tmp_path, folders=True) == before
    (tmp_path / "inner" / "a").rename(tmp_path / "inner" / "b")
    assert write_leaf(tmp_path, folders=True) != before
    with pytest.raises(Unwritable, match="is a folder"):
        write_leaf(tmp_path)


def test_what_has_nothing_stable_is_refused():
    for value in (Path("/no/such/file"), pl.LazyFrame({"a": [1]}), pd.Series([object()])):
        with pytest.raises(Unwritable):
            write_leaf(value)
    assert write_leaf(object()) is None
    assert write_leaf(np.array([None])) is None


def test_a_slice_of_a_series_is_what_it_holds():
    assert write_leaf(pl.Series([1, 2, 3])[1:]) == write_leaf(pl.Series([2, 3]))
    assert write_leaf(pl.DataFrame({"a": ["x", "y"]})[1:]) == write_leaf(pl.DataFrame({"a": ["y"]}))


def test_a_sparse_matrix_is_what_it_holds():
    dense = np.array([[1.0, 0.0, 2.0]])
    assert (
        write_leaf(sparse.coo_array(dense))
        == write_leaf(sparse.csr_array(dense))
        == write_leaf(sparse.csc_array(dense))
    )


@pytest.mark.slow
def test_tensors_count_by_value():
    torch = pytest.importorskip("torch", reason="torch comes with the extra `torch`")
    tensors = [torch.zeros(2), torch.ones(2), torch.zeros(2, dtype=torch.int32), torch.zeros(2, 1)]
    assert len({write_leaf(tensor) for tensor in tensors}) == len(tensors)
    assert write_leaf(torch.zeros(2, requires_grad=True)) == write_leaf(tensors[0])
    with pytest.raises(Unwritable, match="is a tensor"):
        write_leaf(torch.zeros(2, dtype=torch.bfloat16))
