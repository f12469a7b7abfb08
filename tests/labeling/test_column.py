from __future__ import annotations

import polars as pl
import pytest

from labelwright.core.errors import FunctionError
from labelwright.labeling import apply, column_lf


def test_values_vote_for_what_they_are_mapped_to():
    function = column_lf("stars", "rating", {1: "bad", 2: None, 5: "good"})
    frame = pl.DataFrame({"rating": [1, 2, 3, 5, None]})
    assert function.labels == ("bad", "good")
    assert apply([function], frame).values.ravel().tolist() == [0, -1, -1, 1, -1]
    assert [function({"rating": v}) for v in (1, 2, 3, 5, None)] == ["bad", None, None, "good", None]


def test_a_column_may_hold_the_classes_themselves():
    frame = pl.DataFrame({"ann": ["spam", "ham", "?", None]})
    assert apply([column_lf("ann", "ann", ["ham", "spam"])], frame).values.ravel().tolist() == [1, 0, -1, -1]


@pytest.mark.parametrize("mapping", [{}, [], "spam", None, 3])
def test_a_mapping_is_needed(mapping):
    with pytest.raises(FunctionError, match="pass a mapping"):
        column_lf("f", "x", mapping)


def test_an_unknown_column_is_named():
    with pytest.raises(FunctionError, match="'rating'"):
        apply([column_lf("f", "rating", {1: "bad", 2: "good"})], pl.DataFrame({"rate": [1]}))
