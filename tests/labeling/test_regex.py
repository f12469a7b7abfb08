from __future__ import annotations

import re
import warnings

import polars as pl
import pytest

from labelwright.core.errors import FunctionError, SlowPathWarning
from labelwright.labeling import apply, regex_lf


def test_it_votes_where_the_pattern_is_found():
    function = regex_lf("link", r"https?://\S+", "spam")
    assert function({"text": "see http://x.org"}) == "spam"
    assert function({"text": "see http://"}) is None
    assert (function.labels, function.fields, function.field) == (("spam",), ("text",), "text")
    assert repr(function) == "RegexFunction('link', label='spam', pattern='https?://\\\\S+', flags=0, field='text')"


def test_flags_and_fields():
    function = regex_lf("f", "^free$", 1, "title", flags=re.IGNORECASE | re.MULTILINE)
    rows = [{"title": "so\nFREE\nnow"}, {"title": "free now"}]
    assert [function(row) for row in rows] == [1, None]
    assert apply([function], rows, classes=2).values.tolist() == [[1], [-1]]


def test_a_slow_pattern_warns_and_means_the_same():
    rows = [{"text": "free"}, {"text": "freedom"}, {"text": None}, {"text": "free freedom"}]
    function = regex_lf("f", "free(?!dom)", "spam")
    reason = function.slow_path(pl.Schema({"text": pl.String}))
    assert reason is not None
    assert "look-ahead" in reason
    assert "without bound" in reason
    with pytest.warns(SlowPathWarning, match="look-ahead"):
        votes = apply([function], rows, classes=["ham", "spam"])
    assert votes.values.tolist() == [[1], [-1], [-1], [1]]


def test_a_fast_pattern_does_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        apply([regex_lf("f", r"\bfree\b.*\bgift\b", "spam")], [{"text": "free gift"}], classes=["ham", "spam"])


def test_what_is_no_text_is_refused():
    function = regex_lf("f", "a", 1)
    with pytest.raises(FunctionError, match=r"which is Int64; it needs text \(String\). Columns: text \(Int64\)"):
        function.expression(pl.Schema({"text": pl.Int64}))
    with pytest.raises(FunctionError, match=r"which is 3 \(int\); it needs text"):
        function({"text": 3})


def test_a_column_of_nothing_but_nulls_never_fires():
    assert apply([regex_lf("f", "a*", 1)], pl.DataFrame({"text": [None, None]}), classes=2).values.tolist() == [
        [-1],
        [-1],
    ]


def test_a_wrong_pattern_is_shown_with_its_place():
    with pytest.raises(FunctionError, match=r"labeling function 'f': the pattern is not valid: .* at position 4"):
        regex_lf("f", "free(", 1)
