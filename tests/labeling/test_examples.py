"""Examples that functions carry: every kind takes them, none counts them."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from labelwright.core.errors import FunctionError
from labelwright.labeling import (
    LabelingFunction,
    batch_lf,
    column_lf,
    expression_lf,
    keyword_lf,
    labeling_function,
    lookup_lf,
    nlp_labeling_function,
    regex_lf,
    threshold_lf,
)


def one_per_row(frame: pl.DataFrame) -> list[None]:
    return [None] * frame.height


def never(x: Any) -> None:
    return None


KINDS = {
    "keyword": lambda **more: keyword_lf("f", ["free"], "spam", **more),
    "regex": lambda **more: regex_lf("f", "free", "spam", **more),
    "threshold": lambda **more: threshold_lf("f", "likes", ">", 3, "spam", **more),
    "lookup": lambda **more: lookup_lf("f", "name", ["Ann"], "spam", **more),
    "expression": lambda **more: expression_lf("f", "likes > 3", "spam", **more),
    "column": lambda **more: column_lf("f", "stars", {1: "spam"}, **more),
    "batch": lambda **more: batch_lf("f", **more)(one_per_row),
    "python": lambda **more: labeling_function("f", **more)(never),
    "spacy": lambda **more: nlp_labeling_function("f", language="en", **more)(never),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_takes_examples_and_counts_none_of_them(kind: str) -> None:
    if kind == "spacy":
        pytest.importorskip("spacy")
    plain: LabelingFunction = KINDS[kind]()
    told: LabelingFunction = KINDS[kind](examples=[("a text", "spam"), ({"text": "b", "likes": 3}, -1)])
    assert plain.examples == ()
    assert told.examples == (("a text", "spam"), ({"text": "b", "likes": 3}, None))
    assert told.version == plain.version
    assert told.labels == plain.labels
    assert told.fields == plain.fields


def test_abstains_are_none() -> None:
    assert [vote for _, vote in KINDS["regex"](examples=[["a", None], ["b", -1], ["c", 0]]).examples] == [None, None, 0]


def test_examples_are_kept_as_they_were_given() -> None:
    given = {"text": "a"}
    told = KINDS["regex"](examples=iter([(given, "spam")]))
    given["text"] = "changed"
    assert told.examples == (({"text": "a"}, "spam"),)


@pytest.mark.parametrize(
    ("examples", "message"),
    [
        ("text", "examples of labeling function 'f' is 'text'; pass a list of pairs"),
        ({"text": "spam"}, "pass a list of pairs"),
        (3, "pass a list of pairs"),
        (["free money"], "holds 'free money'; pass a list of pairs"),
        ([("a", "b", "c")], "holds .*; pass a list of pairs"),
        ([("a", 0.5)], "0.5 is no vote; say a class, or None"),
        ([("a", True)], "True is no vote"),
    ],
)
def test_what_is_no_list_of_pairs_is_refused(examples: Any, message: str) -> None:
    with pytest.raises(FunctionError, match=message):
        KINDS["regex"](examples=examples)
