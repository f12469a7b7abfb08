"""The small language, and Polars expressions, as conditions."""

from __future__ import annotations

import math

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright.core.errors import FunctionError, VersionError
from labelwright.functions.expression_language import parse_expression
from labelwright.labeling import apply, expression_lf

SCHEMA = {"x": pl.Float64, "n words": pl.Int64, "text": pl.String, "ok": pl.Boolean}
numbers = st.recursive(
    st.sampled_from(["x", "`n words`", "1", "2.5", "0", "len(text)"]),
    lambda n: st.builds("({} {} {})".format, n, st.sampled_from(["+", "-", "*", "/", "//", "%"]), n)
    | n.map("abs({})".format) | n.map("-{}".format),
    max_leaves=3,
)  # fmt: skip
strings = st.sampled_from(["text", "'a'", "lower(text)", "upper(text)", "'É'"])
conditions = st.recursive(
    st.builds("{} {} {}".format, numbers, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), numbers)
    | st.builds("{} < {} <= {}".format, numbers, numbers, numbers)
    | st.builds("{} {} {}".format, strings, st.sampled_from(["in", "not in", "==", "<"]), strings)
    | st.builds("contains({}, {})".format, strings, strings)
    | st.builds("startswith({}, {})".format, strings, strings)
    | st.sampled_from(["ok", "is_null(text)", "is_null(x)", "x in [1, -2.5]", "text not in ('a', 'É')", "ok == True"]),
    lambda c: c.map("not ({})".format) | st.builds("({} {} {})".format, c, st.sampled_from(["and", "or"]), c),
    max_leaves=4,
)
rows = st.fixed_dictionaries({
    "x": st.none() | st.sampled_from([0.0, 1.0, -2.5, math.nan, math.inf, 1e300]),
    "n words": st.none() | st.integers(-3, 3),
    "text": st.none() | st.text("aAéÉ b", max_size=3),
    "ok": st.none() | st.booleans(),
})  # fmt: skip


@settings(deadline=None, max_examples=80)
@given(conditions, st.lists(rows, min_size=1, max_size=6))
def test_a_column_means_what_one_example_means(condition, rows):
    frame = pl.DataFrame(rows, schema=SCHEMA)
    try:
        function = expression_lf("f", condition, 1)
    except FunctionError:
        return  # it reads no column
    before = frame.clone()
    found = frame.select(function.expression(frame.schema).fill_null(False).alias("found"))
    expected = [function(row) == 1 for row in rows]
    assert found.to_series().to_list() in (expected, expected[:1])
    assert frame.equals(before)


@settings(deadline=None, max_examples=80)
@given(conditions.filter(lambda c: "//" not in c and "%" not in c and "/" not in c), rows)
def test_where_nothing_is_missing_it_means_what_python_means(condition, row):
    known = {**row, "x": 1.0 if row["x"] is None or not math.isfinite(row["x"]) or row["x"] > 1e9 else row["x"]}
    known = {name: {"n words": 1, "text": "a", "ok": False}.get(name) if v is None else v for name, v in known.items()}
    names = {
        "contains": lambda a, b: b in a, "startswith": str.startswith, "lower": str.lower, "upper": str.upper,
        "len": len, "abs": abs, "is_null": lambda v: v is None, "n_words": known["n words"], **known,
    }  # fmt: skip
    python = bool(eval(condition.replace("`n words`", "n_words"), {"__builtins__": {}}, names))
    try:
        function = expression_lf("f", condition, 1)
    except FunctionError:
        return
    assert (function(known) == 1) is python


@pytest.mark.parametrize(
    ("condition", "fires"),
    [
        ("x > 3", [True, False, False, False]),
        ("not x > 3", [False, True, False, False]),
        ("x != 3", [True, True, False, False]),
        ("x > 3 or ok", [True, True, True, False]),
        ("x > 3 and ok", [True, False, False, False]),
        ("is_null(x)", [False, False, True, True]),
        ("x / 0 == x / 0", [True, False, False, False]),
        ("x in []", [False] * 4),
    ],
)
def test_missing_and_not_a_number_make_a_condition_unknown(condition, fires):
    frame = pl.DataFrame({"x": [5.0, 0.0, None, math.nan], "ok": [True, True, True, None]})
    votes = apply([expression_lf("f", condition, 1)], frame, classes=2)
    assert (votes.values.ravel() == 1).tolist() == fires


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("x >", r"not an expression: .*\n    x >\n       \^"),
        ("x = 3", "not an expression"),
        ("", "pass a condition"),
        (None, "pass a condition"),
        (3, "pass a condition"),
        ("1 > 0", "reads no column"),
        ("__import__('os').system('true')", "no such function"),
        ("().__class__", "not part of the language"),
        ("x.real > 3", r"not part of the language.*\n    x\.real > 3\n    \^"),
        ("open(text)", "no such function"),
        ("[y for y in x]", "not part of the language"),
        ("x if ok else ok", "not part of the language"),
        ("x ** 2 > 1", "not part of the language"),
        ("(y := x)", "not part of the language"),
        ("lambda: x", "not part of the language"),
        ("f'{x}' == text", "not part of the language"),
        ("x == None", r"write is_null\(column\).\n    x == None\n         \^"),
        ("x is None", r"write == or is_null"),
        ("contains(text)", "takes 2 arguments, got 1"),
        ("x in [text]", "numbers and text only"),
        ("x == [1]", "a list stands only after 'in'"),
        ("é" * 3 + " > 3 and ().a", "\n    ééé > 3 and \\(\\)\\.a\n                \\^"),
        ("not " * 3000 + "ok", "nested too deeply|not an expression"),
    ],
)
def test_what_is_not_in_the_language_is_refused_with_its_place(condition, said):
    with pytest.raises(FunctionError, match=said):
        expression_lf("f", condition, 1)


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("like > 3", "no column 'like'; Columns: x, n words, text, ok"),
        ("txt == 'a'", "did you mean 'text'"),
        ("text > 3", r"text cannot be compared with a number.\n    text > 3\n           \^"),
        ("x > 'a'", "a number cannot be compared with text"),
        ("len(x) > 2", "this is a number, but text is needed"),
        ("text + 'a' == 'ba'", "this is text, but a number is needed"),
        ("x", "must be a condition"),
        ("x + 1", "must be a condition"),
        ("not text", "this is text, but true or false is needed"),
        ("text in ['a', 2]", "text cannot be compared with a number"),
        ("x > 1 and `n words`", "this is a number, but true or false is needed"),
        ("x > 1\n  and text > 3", r"\n      and text > 3\n                 \^"),
    ],
)
def test_kinds_are_checked_against_the_data(condition, said):
    with pytest.raises(FunctionError, match=said):
        expression_lf("f", condition, 1).expression(pl.Schema(SCHEMA))


def test_names_in_backticks_and_backticks_in_text():
    parsed = parse_expression("`n words` > 1 and text == '`x`' and `é ü` < 2 and ok", "f")
    assert parsed.fields == ("n words", "text", "é ü", "ok")
    assert expression_lf("f", "`class` == 'a'", 1)({"class": "a"}) == 1


def test_integers_compare_exactly():
    function = expression_lf("f", "x == 9007199254740993", 1)
    frame = pl.DataFrame({"x": [9007199254740992, 9007199254740993]})
    assert frame.select(function.expression(frame.schema)).to_series().to_list() == [False, True]


def test_no_integer_is_too_large_to_write():
    frame = pl.DataFrame({"x": [2**63 - 1, -(2**63)]})
    for condition, expected in ((f"x < {10**400}", [True, True]), (f"x < -{10**400}", [False, False])):
        function = expression_lf("f", condition, 1)
        assert frame.select(function.expression(frame.schema)).to_series().to_list() == expected


def test_small_integers_do_not_overflow():
    frame = pl.DataFrame({"x": pl.Series([1, 200], dtype=pl.UInt8)})
    function = expression_lf("f", "x - 2 < 0 or x + 100 > 299", 1)
    assert frame.select(function.expression(frame.schema)).to_series().to_list() == [True, True]


def test_a_polars_expression_is_taken_as_it_is():
    function = expression_lf("f", (pl.col("x") > 1) & pl.col("text").str.starts_with("a"), "spam")
    assert function.fields == ("x", "text")
    assert function({"x": 2, "text": "ab"}) == "spam"
    with pytest.raises(FunctionError, match="did you mean 'txt'"):
        function.expression(pl.Schema({"x": pl.Int64, "txt": pl.String}))


def test_a_missing_value_has_no_type_and_needs_none():
    function = expression_lf("f", (pl.col("text").str.len_chars() > 3) | pl.col("x").is_nan(), 1)
    assert function({"text": None, "x": None}) is None
    assert function({"text": None, "x": 1.0}) is None
    assert function({"text": "long", "x": None}) == 1
    with pytest.raises(FunctionError, match="does not fit the example"):
        function({"text": 3, "x": 1.0})


@pytest.mark.parametrize(
    "expression",
    [
        pl.col("x") > pl.col("x").mean(),
        pl.col("x").shift() > 1,
        pl.col("x").sum().over("y") > 1,
        pl.col("x").is_duplicated() & pl.col("ok"),
        pl.col("x").cum_sum() > 1,
        pl.col("x").filter(pl.col("ok")) > 1,
        pl.int_range(pl.len()) > pl.col("x"),
    ],
)
def test_an_expression_over_several_rows_is_refused(expression):
    with pytest.raises(FunctionError, match="more than one row"):
        expression_lf("f", expression, 1)


def test_what_gives_no_single_condition_is_refused():
    with pytest.raises(FunctionError, match="several columns"):
        expression_lf("f", pl.all() > 1, 1)
    with pytest.raises(FunctionError, match="reads no column"):
        expression_lf("f", pl.lit(True), 1)
    with pytest.raises(FunctionError, match="must be true or false"):
        apply([expression_lf("f", pl.col("x") + 1, 1)], pl.DataFrame({"x": [1]}), classes=2)


def test_python_inside_an_expression_has_no_version():
    function = expression_lf("f", pl.col("x").map_batches(lambda s: s > 1, return_dtype=pl.Boolean), 1)
    with pytest.raises(VersionError, match="Use batch_lf"):
        function.version  # noqa: B018


def test_a_column_may_be_called_like_a_node():
    assert len(expression_lf("f", pl.col("AnonymousFunction") > 1, 1).version) == 64
