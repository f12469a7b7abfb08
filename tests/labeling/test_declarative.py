"""What all declarative functions share."""

from __future__ import annotations

import math
import pickle
import subprocess
import sys
from types import SimpleNamespace

import pandas as pd
import polars as pl
import pytest

from labelwright.core.errors import FunctionError, SlowPathWarning
from labelwright.functions import record_type
from labelwright.labeling import apply, column_lf, expression_lf, keyword_lf, lookup_lf, regex_lf, threshold_lf
from labelwright.labeling.declarative import read_field

MAKERS = {
    "keyword": "keyword_lf('f', ['free', 'gift'], 'spam')",
    "regex": r"regex_lf('f', r'\bfree\b.*(?!x)y', 'spam', flags=2)",
    "threshold": "threshold_lf('f', 'likes', '>=', 3, 'spam')",
    "expression": "expression_lf('f', 'likes > 3 and len(text) < 9', 'spam')",
    "polars": "expression_lf('f', pl.col('likes').is_in([3, 4]), 'spam')",
    "lookup": "lookup_lf('f', 'text', {'free', 'gift', 'win', 'a', 'b'}, 'spam')",
    "column": "column_lf('f', 'text', {'a': 'spam', 'b': 'ham'})",
}
NAMES = {
    "pl": pl, "keyword_lf": keyword_lf, "regex_lf": regex_lf, "threshold_lf": threshold_lf,
    "expression_lf": expression_lf, "lookup_lf": lookup_lf, "column_lf": column_lf,
}  # fmt: skip


@pytest.fixture(params=MAKERS)
def function(request):
    return eval(MAKERS[request.param], NAMES)


def test_it_is_frozen_readable_and_travels(function):
    with pytest.raises(AttributeError):
        function.name = "other"
    there = pickle.loads(pickle.dumps(function))
    assert repr(there) == repr(function)
    assert "'f'" in repr(function)
    assert there.version == function.version
    assert there({"text": "x", "likes": 1}) == function({"text": "x", "likes": 1})


@pytest.mark.slow
def test_versions_are_equal_in_another_process():
    here = {kind: eval(made, NAMES).version for kind, made in MAKERS.items()}
    code = f"""
import polars as pl
from labelwright.labeling import *
print({{kind: eval(made).version for kind, made in {MAKERS!r}.items()}})
"""
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert eval(there.stdout) == here
    assert len(set(here.values())) == len(here)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("keyword_lf('f', ['a', 'b'], 1)", "keyword_lf('f', ['a', 'c'], 1)"),
        ("keyword_lf('f', ['a'], 1)", "keyword_lf('f', ['a'], 2)"),
        ("keyword_lf('f', ['a'], 1)", "keyword_lf('f', ['a'], 1, field='title')"),
        ("keyword_lf('f', ['a'], 1)", "keyword_lf('f', ['a'], 1, case_sensitive=True)"),
        ("keyword_lf('f', ['a'], 1)", "keyword_lf('f', ['a'], 1, whole_words=False)"),
        ("regex_lf('f', 'a', 1)", "regex_lf('f', 'b', 1)"),
        ("regex_lf('f', 'a', 1)", "regex_lf('f', 'a', 1, flags=2)"),
        ("threshold_lf('f', 'x', '<', 1, 1)", "threshold_lf('f', 'x', '<=', 1, 1)"),
        ("threshold_lf('f', 'x', '<', 1, 1)", "threshold_lf('f', 'x', '<', 2, 1)"),
        ("expression_lf('f', 'x > 1', 1)", "expression_lf('f', 'x > 2', 1)"),
        ("expression_lf('f', pl.col('x') > 1, 1)", "expression_lf('f', pl.col('x') > 2, 1)"),
        ("expression_lf('f', pl.col('x').is_in([1]), 1)", "expression_lf('f', pl.col('x').is_in([2]), 1)"),
        ("lookup_lf('f', 'x', {1}, 1)", "lookup_lf('f', 'x', {2}, 1)"),
        ("column_lf('f', 'x', {1: 0})", "column_lf('f', 'x', {1: 1})"),
    ],
)
def test_a_version_changes_with_each_parameter(one, other):
    assert eval(one, NAMES).version != eval(other, NAMES).version


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("keyword_lf('f', ['a', 'b'], 1)", "keyword_lf('renamed', {'b', 'a'}, 1)"),
        ("expression_lf('f', 'x>1 and (y<2)', 1)", "expression_lf('f', '(x > 1)  and `y` < 2', 1)"),
        ("lookup_lf('f', 'x', ['a', 'b', 'a'], 1)", "lookup_lf('f', 'x', {'b', 'a'}, 1)"),
    ],
)
def test_a_version_does_not_change_with_what_changes_nothing(one, other):
    assert eval(one, NAMES).version == eval(other, NAMES).version


def test_every_way_to_hold_an_example():
    function = keyword_lf("f", ["free"], "spam")
    held = [
        {"text": "free"},
        SimpleNamespace(text="free"),
        record_type(("text",))("free"),
        pd.Series({"text": "free"}),
        next(pd.DataFrame({"text": ["free"]}).itertuples(index=False)),
    ]
    assert [function(x) for x in held] == ["spam"] * 5


@pytest.mark.parametrize("missing", [None, math.nan, pd.NA, pd.NaT])
def test_a_missing_value_never_fires(missing):
    x = {"text": missing, "likes": missing}
    for kind, made in MAKERS.items():
        if kind != "column":
            assert eval(made, NAMES)(x) is None


def test_a_field_named_like_a_method_of_pandas_is_the_field():
    assert read_field(pd.Series({"index": "free"}), "index", "f") == "free"


def test_unknown_fields_are_named_with_what_there_is():
    for made in ("keyword_lf('f', ['a'], 1)", "regex_lf('f', 'a', 1)", "lookup_lf('f', 'text', ['a'], 1)"):
        function = eval(made, NAMES)
        with pytest.raises(FunctionError, match=r"'f' reads field 'text', .* did you mean 'txt'\? Columns: txt, n"):
            function.expression(pl.Schema({"txt": pl.String, "n": pl.Int64}))
        with pytest.raises(FunctionError, match=r"'f' reads field 'text', .* did you mean 'txt'\? Fields: txt"):
            function({"txt": "a"})
        with pytest.raises(FunctionError, match="Fields: txt"):
            function(SimpleNamespace(txt="a"))


@pytest.mark.parametrize("label", [None, True, 1.0, -1, ["spam"], b"spam"])
def test_a_label_is_a_class(label):
    with pytest.raises(FunctionError, match="label"):
        keyword_lf("f", ["a"], label)


@pytest.mark.parametrize("name", ["", "  ", None, 3])
def test_a_name_is_text(name):
    with pytest.raises(FunctionError, match="needs a name"):
        threshold_lf(name, "x", "<", 1, 1)


@pytest.mark.parametrize("field", ["", None, 3, ["text"]])
def test_a_field_is_the_name_of_one_column(field):
    for make in (lambda: keyword_lf("f", ["a"], 1, field), lambda: threshold_lf("f", field, "<", 1, 1)):
        with pytest.raises(FunctionError, match="field"):
            make()


def test_all_kinds_run_together_and_agree_with_one_example_at_a_time():
    rows = [
        {"text": "free", "likes": 3}, {"text": "a gift", "likes": 4}, {"text": None, "likes": None}, {"text": "b", "likes": 9},
    ]  # fmt: skip
    functions = []
    for j, made in enumerate(MAKERS.values()):
        functions.append(eval(made.replace("'f'", f"'f{j}'", 1), NAMES))
    with pytest.warns(SlowPathWarning, match="look-ahead"):
        votes = apply(functions, rows)
    expected = [[-1 if (vote := f(row)) is None else votes.classes.index(vote) for f in functions] for row in rows]
    assert votes.values.tolist() == expected
    assert (votes.values >= 0).any(axis=0).sum() >= 6
