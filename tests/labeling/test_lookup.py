from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright.core.errors import FunctionError
from labelwright.labeling import lookup_lf

names = st.sampled_from(["Ann", "Bo", "cy", "", "Ann "])


@settings(deadline=None, max_examples=50)
@given(st.sets(st.tuples(names, names), min_size=1), st.lists(st.tuples(st.none() | names, names), max_size=8))
def test_an_example_fires_if_its_entry_is_known(known, rows):
    function = lookup_lf("f", ["a", "b"], known, 1)
    frame = pl.DataFrame(rows, schema={"a": pl.String, "b": pl.String}, orient="row")
    expected = [row in known for row in rows]
    assert frame.select(function.expression(frame.schema)).to_series().to_list() == expected
    assert [function(x) == 1 for x in frame.to_dicts()] == expected


def test_one_field_takes_plain_values():
    function = lookup_lf("f", "word", ["a", "b", None], 1)
    assert repr(function) == "LookupFunction('f', label=1, fields=('word',), 2 known)"
    assert [function({"word": w}) for w in ("a", "A", None)] == [1, None, None]


@pytest.mark.parametrize(
    ("fields", "known", "said"),
    [
        ("a", [], "knows no entry"),
        ("a", [None], "knows no entry"),
        ("a", "abc", "pass a set or list"),
        ("a", 3, "pass a set or list"),
        (["a", "b"], [("x",)], "an entry is 2 values"),
        (["a", "b"], ["xy"], "an entry is 2 values"),
        (["a", ""], [("x", "y")], "field"),
    ],
)
def test_the_knowledge_base_is_checked(fields, known, said):
    with pytest.raises(FunctionError, match=said):
        lookup_lf("f", fields, known, 1)


def test_a_nested_column_is_refused():
    with pytest.raises(FunctionError, match="needs plain values"):
        lookup_lf("f", "a", ["x"], 1).expression(pl.Schema({"a": pl.List(pl.String)}))
