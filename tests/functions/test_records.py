"""Records: attribute and item access for any column name."""

from __future__ import annotations

import pickle

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright.functions.records import record_type, rows

AWKWARD = [
    "class",
    "a b",
    "1st",
    "_id",
    "__class__",
    "__dict__",
    "__init__",
    "keys",
    "get",
    "_fields",
    "_slots",
    "",
    "é",
]


@settings(deadline=None)
@given(st.lists(st.text(max_size=6) | st.sampled_from(AWKWARD), unique=True, max_size=8))
def test_every_column_name_can_be_read_as_an_item(names: list[str]) -> None:
    x = record_type(tuple(names))(*range(len(names)))
    assert [x[name] for name in names] == list(range(len(names)))
    assert all(name in x for name in names)
    assert len(x) == len(names)


@pytest.mark.parametrize("name", ["text", "class", "_id", "keys", "get", "é"])
def test_names_that_python_can_spell_are_attributes(name: str) -> None:
    assert getattr(record_type((name,))(7), name) == 7


def test_a_field_that_is_not_there_names_those_that_are() -> None:
    x = record_type(("text", "stars"))("nice", 5)
    with pytest.raises(AttributeError, match="no field 'txt'; it has text, stars"):
        x.txt  # noqa: B018
    with pytest.raises(KeyError, match="no field 'txt'"):
        x["txt"]
    assert x.get("txt", 3) == 3
    assert x.get("stars") == 5
    assert dict(x) == {"text": "nice", "stars": 5}


def test_records_travel() -> None:
    x = record_type(("text", "a b"))("nice", 5)
    assert pickle.loads(pickle.dumps(x)) == x


def test_nulls_are_none_and_nan_stays_nan() -> None:
    frame = pl.DataFrame({"text": ["a", None], "score": [float("nan"), None]})
    first, second = rows(frame)
    assert first.score != first.score
    assert (second.text, second.score) == (None, None)


def test_only_the_columns_asked_for_are_built() -> None:
    frame = pl.DataFrame({"text": ["a", "b"], "score": [1, 2]})
    assert [list(x) for x in rows(frame, ["score"])] == [["score"], ["score"]]
    assert len(list(rows(frame, []))) == 2
