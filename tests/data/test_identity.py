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
    "i8": ["3839897b748127bb87d4eb89a669a126", "e0f5eb73b47ac93ab85b5f8cfb26ee8d", "dc3a18c594079448a96e66ec0d08796f"],
    "u64": ["390ba0784e5fbb35918e4fceb991218b", "9c110567e51d3f5537d3a5121da28df2", "e0f5eb73b47ac93ab85b5f8cfb26ee8d"],
    "i128": [
        "3879b8265dd26e65986550f07edcc390",
        "82c3ea906ac9c445165ffef7b7e8ba5d",
        "138ca1ff8c69805b555c189907609188",
    ],
    "f32": ["e9bd18ed436bdea3db5ea8ea7b76944c", "203bbe0c6d56ab70153c23658a6a588c", "e0f5eb73b47ac93ab85b5f8cfb26ee8d"],
    "flag": [
        "d9ca47702b46aaf47e16dd8ffeb39d13",
        "e0f5eb73b47ac93ab85b5f8cfb26ee8d",
        "10c0e6fdffcebcc55f68ba6275c8ec8d",
    ],
    "day": ["1a7f5c58ff604039fcce258e57d87029", "e0f5eb73b47ac93ab85b5f8cfb26ee8d", "dce82e614b57d1c8d286f27ab7851b5a"],
    "at": ["d027c034825510db525e8a1cbc3b4f3c", "e0f5eb73b47ac93ab85b5f8cfb26ee8d", "f7e23ecf1c4da380755f45c119a5fa20"],
    "at_utc": [
        "57ec290c7e603bdbc20e49fc286d5cba",
        "e0f5eb73b47ac93ab85b5f8cfb26ee8d",
        "8b7a3b504979b6340f5e42bc2f2b8d65",
    ],
    "took": [
        "ffe3b2bc25eda574f7fcee6147e8bfcb",
        "e0f5eb73b47ac93ab85b5f8cfb26ee8d",
        "e969d7cc7ea34da6822a0a62913e4408",
    ],
    "time": [
        "7d8674a29af9c4c7cf407f4f1a0ffedb",
        "e0f5eb73b47ac93ab85b5f8cfb26ee8d",
        "c018de6686a379dba34cd40f1ea1f8ba",
    ],
    "price": [
        "4cbcf141bcf11ece83d110b3ce611545",
        "e0f5eb73b47ac93ab85b5f8cfb26ee8d",
        "a6c2f022c0830db1285b201ebcfc19d5",
    ],
    "bytes": [
        "170e99a61e6112549470dfa8e392260f",
        "87583ad8a946b91f1a8d4ef5f0122155",
        "e0f5eb73b47ac93ab85b5f8cfb26ee8d",
    ],
    "text": [
        "9651c30dbb3f0c6299f6bceec0e2baf9",
        "e0f5eb73b47ac93ab85b5f8cfb26ee8d",
        "0b0568703117a42765ae1dd2bd94c1fc",
    ],
    "list": [
        "c3ef3f2b9b4e2bffdbcb24d11e3470c6",
        "762d8e9392925a4f0f6674e03d96117c",
        "e0f5eb73b47ac93ab85b5f8cfb26ee8d",
    ],
    "lists": [
        "8b08d831ed3d069d3fd6691a94eda0e9",
        "cd3b126244ef5ce92ab37a0d2434f8f3",
        "e0f5eb73b47ac93ab85b5f8cfb26ee8d",
    ],
    "pair": [
        "e34657606cb143a66a410369ba02879b",
        "cd53281b762c8e44441f6c0d11fe7338",
        "e0f5eb73b47ac93ab85b5f8cfb26ee8d",
    ],
    "struct": [
        "62e04b16726596e1ae952e125024e01a",
        "e0f5eb73b47ac93ab85b5f8cfb26ee8d",
        "9e056cbbd63965f10b24ba4f5ff5c29f",
    ],
    "structs": [
        "6639e1d3181456a36dc87ecaa1adad7c",
        "b3c41d97f2813e5efd649c32934474e4",
        "e0f5eb73b47ac93ab85b5f8cfb26ee8d",
    ],
    "enum": [
        "4530ed52c42af7122f3b132290ef4782",
        "5db18d54f830c0e4e2f1fe2b4dec109d",
        "e0f5eb73b47ac93ab85b5f8cfb26ee8d",
    ],
    "category": [
        "244411fbc3e7dbbf3a13b810e24189eb",
        "e0f5eb73b47ac93ab85b5f8cfb26ee8d",
        "0fba9139efb1934ab4fd68adc7282dc5",
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
