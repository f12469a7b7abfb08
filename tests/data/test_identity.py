"""What an example is: rows that a function could tell apart differ, others do not, wherever and however they are held."""

from __future__ import annotations

import datetime as dt
import math
import subprocess
import sys
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright.core.errors import DataError
from labelwright.data import content_ids, row_hashes
from labelwright.data.identity import Repeats, value_hashes

UTC = dt.UTC
EVERY_KIND = {
    "i8": pl.Series([1, None, -3], dtype=pl.Int8),
    "u64": pl.Series([2**64 - 1, 1, None], dtype=pl.UInt64),
    "i128": pl.Series([2**100, 1, -1], dtype=pl.Int128),
    "f32": pl.Series([0.5, math.nan, None], dtype=pl.Float32),
    "flag": [True, None, False],
    "day": [dt.date(2020, 1, 1), None, dt.date(1, 1, 1)],
    "at": [dt.datetime(2020, 1, 1, 5), None, dt.datetime(1, 1, 1)],
    "at_utc": pl.Series([dt.datetime(2020, 1, 1, tzinfo=UTC), None, dt.datetime(9999, 1, 1, tzinfo=UTC)]),
    "took": [dt.timedelta(1), None, dt.timedelta(microseconds=-1)],
    "time": [dt.time(1), None, dt.time(2, 3, 4, 5)],
    "price": [Decimal("1.10"), None, Decimal("-3")],
    "bytes": [b"", b"\0", None],
    "text": ["", None, "straße \U0001f600"],
    "list": [[1, None], [], None],
    "lists": [[["a"], []], [None], None],
    "pair": pl.Series([[1, 2], [3, 4], None], dtype=pl.Array(pl.Int8, 2)),
    "struct": [{"a": 1, "b": "x"}, None, {"a": None, "b": ""}],
    "structs": [[{"q": 1.5}], [], None],
    "enum": pl.Series(["a", "b", None], dtype=pl.Enum(["a", "b"])),
    "category": pl.Series(["a", None, "b"], dtype=pl.Categorical),
    "nothing": [None, None, None],
}


def hex_of(frame: pl.DataFrame) -> list[str]:
    return [f"{a:016x}{b:016x}" for a, b in row_hashes(frame).tolist()]


def hash_of(value: Any, kind: Any = None, name: str = "x") -> str:
    return hex_of(pl.DataFrame({name: pl.Series([value], dtype=kind, strict=False)}))[0]


# What a kind holds hashes to this, for ever: kept votes are found again by it.
GOLDEN = {
    "i8": ["68a4d8ff7ec08abc62de19f458c8e114", "e0f5eb73b47ac93ab85b5f8cfb26ee8d", "b7b22c65240155af2d2f70e183fd91ae"],
    "u64": ["fe6859f9dfe146e4ed7c6819bb094fc4", "1ae2f261217a4f2eb55e8303c1274511", "e0f5eb73b47ac93ab85b5f8cfb26ee8d"],
    "i128": [
        "fc87be3bb1dec225a57201b27c0af2f0",
        "5537301dd443d5b3ca9b81d3df0c4108",
        "9bc094e7d102bc58fa0c5bbf9b1b047b",
    ],
    "f32": ["2a30a8e4145acd6fea8262cf4edb73e3", "ae50dfc6aac1c8b93dae6ab1483d3f5f", "e0f5eb73b47ac93ab85b5f8cfb26ee8d"],
    "flag": [
        "6c9c12fe55df7ab4b3f5cb056edfc0c7",
        "e0f5eb73b47ac93ab85b5f8cfb26ee8d",
        "e2e479c410f5cc288fcfb78922a481d9",
    ],
    "day": ["3ba45411d806b75b7061668b20b64ed7", "e0f5eb73b47ac93ab85b5f8cfb26ee8d", "c05f0e9ea97b2fea375d440fe453bdb0"],
    "at": ["0e081fd5900f6381380e874ea619fabf", "e0f5eb73b47ac93ab85b5f8cfb26ee8d", "0cc9ce57aa2b11b02b6e3fcc7fe36e22"],
    "at_utc": [
        "df3b4e74ae5ac92cdddb444c5f034497",
        "e0f5eb73b47ac93ab85b5f8cfb26ee8d",
        "cd7a65c71975b9211e0742ba36905932",
    ],
    "took": [
        "bb718e79c1c95567dc6603891fa427bc",
        "e0f5eb73b47ac93ab85b5f8cfb26ee8d",
        "f483770b7d58d486ad410de369a9bd2c",
    ],
    "time": [
        "0307fad76335ded0bc67cb34c3e308d6",
        "e0f5eb73b47ac93ab85b5f8cfb26ee8d",
        "5851f67f9456cb32d7ef6632f61ecc10",
    ],
    "price": [
        "6c830e34d06bf82af5752ddb67d3752c",
        "e0f5eb73b47ac93ab85b5f8cfb26ee8d",
        "dc8c34e991ab710e979d441abbe09dbb",
    ],
    "bytes": [
        "a077f40525643749271d6038fce06925",
        "a4cb60694dbbcec0edb8c38850620c9b",
        "e0f5eb73b47ac93ab85b5f8cfb26ee8d",
    ],
    "text": [
        "d4023cb7da1552eba1e12e296173d1aa",
        "e0f5eb73b47ac93ab85b5f8cfb26ee8d",
        "1d9563228cc15b188d9e8762900f26e7",
    ],
    "list": [
        "8e14d06af004b0d3c6b578f0c8d31463",
        "6280f30e3ce801f0b318f919416fd83d",
        "e0f5eb73b47ac93ab85b5f8cfb26ee8d",
    ],
    "lists": [
        "0044a14d86af583167ec40ae7966f668",
        "dc605185b72d4177119d4da9723dc02e",
        "e0f5eb73b47ac93ab85b5f8cfb26ee8d",
    ],
    "pair": [
        "148e96beda56066dfb2fdb492714aedb",
        "69eb4f0b531a7ce81ad7bd2b9bcf1aaa",
        "e0f5eb73b47ac93ab85b5f8cfb26ee8d",
    ],
    "struct": [
        "44591d3c0953ab372b0772605c6a3931",
        "e0f5eb73b47ac93ab85b5f8cfb26ee8d",
        "101d4ddb1d8c678a7233d99c84a0b17a",
    ],
    "structs": [
        "e99b209e53cbfe82b658838ae445397e",
        "725dd3eb65fd248547acfae4301efec2",
        "e0f5eb73b47ac93ab85b5f8cfb26ee8d",
    ],
    "enum": [
        "9e87526ceed1d0f9fe318c760b2bed34",
        "2573a77894bebe2f6a2665f5dcf6774e",
        "e0f5eb73b47ac93ab85b5f8cfb26ee8d",
    ],
    "category": [
        "fb4decd846b4a091c901dd5e38ba318c",
        "e0f5eb73b47ac93ab85b5f8cfb26ee8d",
        "b4244026a1765211789cee5386271e57",
    ],
    "nothing": [
        "e0f5eb73b47ac93ab85b5f8cfb26ee8d",
        "e0f5eb73b47ac93ab85b5f8cfb26ee8d",
        "e0f5eb73b47ac93ab85b5f8cfb26ee8d",
    ],
}


@pytest.mark.parametrize("name", EVERY_KIND)
def test_hashes_stay_what_they_are_for_ever(name: str) -> None:
    assert hex_of(pl.DataFrame({name: EVERY_KIND[name]})) == GOLDEN[name]


def test_another_process_finds_the_same() -> None:
    code = (
        "import polars as pl; from labelwright.data import row_hashes;"
        "print(row_hashes(pl.DataFrame({'text': ['a', 'b'], 'n': [1, 2]})).tolist())"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == str(row_hashes(pl.DataFrame({"text": ["a", "b"], "n": [1, 2]})).tolist())


def test_a_row_hashes_alone_as_it_does_among_others() -> None:
    frame = pl.DataFrame(EVERY_KIND)
    whole = row_hashes(frame)
    for i in range(3):
        assert (row_hashes(frame.slice(i, 1)) == whole[i]).all()
        assert (row_hashes(frame[[i]]) == whole[i]).all()
    chunked = pl.concat([frame, frame, frame], rechunk=False).slice(2, 5)
    assert (row_hashes(chunked) == np.concatenate([whole, whole, whole])[2:7]).all()


def test_the_way_it_is_stored_does_not_count() -> None:
    frame = pl.DataFrame(EVERY_KIND)
    assert (row_hashes(frame.select(reversed(frame.columns))) == row_hashes(frame)).all()
    for value, kinds in (
        (3, [pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt32, pl.UInt64, pl.Int128]),
        (2**63, [pl.UInt64, pl.Int128]),
        (0.5, [pl.Float32, pl.Float64]),
        ("a", [pl.String, pl.Categorical, pl.Enum(["a", "b"]), pl.Enum(["b", "a"])]),
        (dt.datetime(1969, 12, 31, 23, 59, 59), [pl.Datetime("ms"), pl.Datetime("us"), pl.Datetime("ns")]),
        (dt.timedelta(seconds=-3), [pl.Duration("ms"), pl.Duration("us"), pl.Duration("ns")]),
        ([1, 2], [pl.List(pl.Int8), pl.List(pl.Int64), pl.Array(pl.Int32, 2)]),
        (None, [pl.Null, pl.String, pl.Int64, pl.Float64, pl.List(pl.String), pl.Struct({"a": pl.Int8}), pl.Date]),
    ):
        assert len({hash_of(value, kind) for kind in kinds}) == 1, value


def test_what_a_function_can_tell_apart_differs() -> None:
    values = [
        (None, pl.String), ("", pl.String), (b"", pl.Binary), (0, pl.Int64), (0.0, pl.Float64), (-0.0, pl.Float64),
        (math.nan, pl.Float64), (False, pl.Boolean), ("0", pl.String), ("null", pl.String), ("\0", pl.String),
        (1, pl.Int64), (1.0, pl.Float64), ("1", pl.String), (True, pl.Boolean), (Decimal(1), pl.Decimal(5, 0)),
        (-1, pl.Int64), (2**64 - 1, pl.UInt64), (2**64, pl.Int128), ("18446744073709551615", pl.String),
        ([], pl.List(pl.Int64)), ([None], pl.List(pl.Int64)), ([0], pl.List(pl.Int64)), ([[]], pl.List(pl.List(pl.Int64))),
        (["ab", "c"], pl.List(pl.String)), (["a", "bc"], pl.List(pl.String)), (["c", "ab"], pl.List(pl.String)),
        ({"a": None}, pl.Struct({"a": pl.String})), ({"a": ""}, pl.Struct({"a": pl.String})),
        ({"b": ""}, pl.Struct({"b": pl.String})),
        (dt.date(1970, 1, 1), pl.Date), (dt.datetime(1970, 1, 1), pl.Datetime("us")), (dt.time(0), pl.Time),
        (dt.datetime(1970, 1, 1), pl.Datetime("us", "UTC")), (dt.timedelta(0), pl.Duration("us")),
    ]  # fmt: skip
    hashes = [hash_of(value, kind) for value, kind in values]
    assert len(set(hashes)) == len(values)
    assert hash_of("a", name="x") != hash_of("a", name="y")


def test_all_nan_are_one() -> None:
    patterns = np.array([0x7FF8 << 48, 0xFFF8 << 48, (0x7FF8 << 48) + 1], dtype=np.uint64)
    assert len(set(hex_of(pl.DataFrame({"x": patterns.view(np.float64)})))) == 1


def test_borders_between_columns_count() -> None:
    rows = [{"a": "x", "b": "y"}, {"a": "xy", "b": ""}, {"a": "", "b": "xy"}, {"a": "y", "b": "x"}, {"a": "xy"}]
    assert len(set(hex_of(pl.DataFrame(rows)))) == 5
    assert hex_of(pl.DataFrame({"a": [{"b": 1}]})) != hex_of(pl.DataFrame({"a": [1], "b": [1]}))


def test_a_null_is_a_field_that_is_not_there() -> None:
    old = pl.DataFrame({"text": ["a", "b"]})
    new = pl.DataFrame({"text": ["a", "b"], "stars": [None, 5]})
    assert (row_hashes(new) == row_hashes(old)).all(axis=1).tolist() == [True, False]
    assert hash_of({"a": 1, "b": None}) == hash_of({"a": 1})
    # But a struct without values is there.
    assert hash_of({"a": None}, pl.Struct({"a": pl.Int8})) != hash_of(None)


SCALARS = st.one_of(st.none(), st.text(max_size=12), st.integers(-(2**63), 2**63 - 1), st.booleans(), st.floats())


def _told_apart(value: Any) -> Any:
    """What Python tells apart, all NaN taken as one."""
    if isinstance(value, float):
        return "float", "nan" if math.isnan(value) else value.hex()
    return type(value).__name__, value


@settings(max_examples=200, deadline=None)
@given(st.lists(SCALARS, min_size=1, max_size=8))
def test_hashes_are_equal_where_values_are(values: list[Any]) -> None:
    hashes = [hash_of(value) for value in values]
    kinds = [_told_apart(value) for value in values]
    assert len(set(hashes)) == len(set(kinds))
    for i in range(len(values)):
        assert hashes.index(hashes[i]) == kinds.index(kinds[i])


def test_objects_are_refused() -> None:
    with pytest.raises(DataError, match="'x' holds Object"):
        row_hashes(pl.DataFrame({"x": pl.Series([object()], dtype=pl.Object)}))


def test_no_rows_and_no_columns() -> None:
    assert row_hashes(pl.DataFrame(EVERY_KIND).head(0)).shape == (0, 2)
    assert row_hashes(pl.DataFrame()).shape == (0, 2)
    assert content_ids(np.zeros((0, 2), dtype=np.uint64)).shape == (0,)


def test_the_name_of_a_column_does_not_count_for_its_values() -> None:
    assert (value_hashes(pl.Series("a", [1, 2])) == value_hashes(pl.Series("b", [1, 2], dtype=pl.Int8))).all()


SMALL_HASHES = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), max_size=30)


@given(SMALL_HASHES, st.integers(1, 5))
def test_repeats_are_counted_over_the_stream(pairs: list[tuple[int, int]], step: int) -> None:
    """However it is cut; also where rows that differ share their first 64 bits."""
    hashes = np.array(pairs, dtype=np.uint64).reshape(-1, 2)
    repeats = Repeats()
    found = [int(c) for i in range(0, len(pairs), step) for c in repeats.count(hashes[i : i + step])]
    assert found == [pairs[:i].count(pair) for i, pair in enumerate(pairs)]


@given(SMALL_HASHES)
def test_ids_from_content_are_the_hash_and_a_number(pairs: list[tuple[int, int]]) -> None:
    ids = content_ids(np.array(pairs, dtype=np.uint64).reshape(-1, 2)).tolist()
    assert len(set(ids)) == len(ids)
    for i, (a, b) in enumerate(pairs):
        count = pairs[:i].count((a, b))
        assert ids[i] == f"{a:016x}{b:016x}" + (f"-{count + 1}" if count else "")
