"""Applying part by part: the same votes and failures as applying at once, each part as soon as it is done."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import labelwright as lw
from labelwright.core.errors import FunctionError, LabelingError
from labelwright.data import read
from labelwright.engines import LocalEngine
from labelwright.labeling.by_part import apply_by_part


@lw.labeling_function(labels=["spam"])
def link(x):
    return "spam" if "http" in x.text else None


@lw.labeling_function(labels=["ham"])
def fragile(x):
    if "!" in x.text:
        raise ValueError("no shouting")
    return "ham" if len(x.text) < 6 else None


praise = lw.keyword_lf("praise", ["love"], "ham")
FUNCTIONS = [link, fragile, praise]
CLASSES = ["ham", "spam"]
TEXTS = st.lists(st.sampled_from(["http://a", "love", "hi", "stop!", "a long one", "love!"]), min_size=1, max_size=40)


@settings(deadline=None, max_examples=40)
@given(texts=TEXTS, part_rows=st.integers(1, 17))
def test_parts_are_the_rows_of_the_whole(texts, part_rows):
    data = read(pl.DataFrame({"text": texts}))
    whole = lw.apply(FUNCTIONS, data, classes=CLASSES, on_error="abstain", engine=LocalEngine(kind="inline"))
    cut = type(data)(data.source, part_rows=part_rows)
    parts = list(
        apply_by_part(FUNCTIONS, cut.parts(), data.schema, classes=CLASSES, on_error="abstain", rows=len(texts))
    )
    np.testing.assert_array_equal(np.concatenate([p.values for p in parts]), whole.values)
    starts = np.cumsum([0, *(len(p.values) for p in parts)])
    failed = [start + row for start, p in zip(starts, parts, strict=False) for row, _ in p.failed.get("fragile", ())]
    assert failed == [row for row, text in enumerate(texts) if "!" in text]


def test_a_part_is_handed_over_before_the_next_is_asked_for():
    data = type(read([{"text": "hi"}]))(read([{"text": "hi"}] * 6).source, part_rows=2)
    asked: list[int] = []

    def watched():
        for part in data.parts():
            asked.append(part.index)
            yield part

    done: list[int] = []
    stream = apply_by_part(
        [link], watched(), data.schema, classes=CLASSES, engine=LocalEngine(kind="inline"), report=done.append
    )
    next(stream)
    assert asked == [0]
    assert done == [2]
    stream.close()


def test_an_error_names_the_example_and_what_came_before_is_there():
    data = type(read([{"text": "hi"}]))(read([{"text": "hi"}, {"text": "stop!"}]).source, part_rows=1)
    stream = apply_by_part([fragile], data.parts(), data.schema, classes=CLASSES)
    assert next(stream).values.tolist() == [[0]]
    with pytest.raises(LabelingError, match="example 1"):
        next(stream)


def test_functions_are_checked_before_anything_is_read():
    with pytest.raises(FunctionError, match="two labeling functions"):
        next(apply_by_part([link, link], iter(()), pl.Schema({"text": pl.String}), classes=CLASSES))
