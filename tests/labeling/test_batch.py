"""Batch functions: a whole part in, one vote per row out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from labelwright import apply, batch_lf
from labelwright.core.errors import FunctionError, LabelingError
from labelwright.data import read

FRAME = pl.DataFrame({"text": ["a", "bb", "ccc", "dd"], "n": [1, 2, 3, 4]})
LENGTHS = [1, 2, 3, 2]


@pytest.mark.parametrize(
    "kind", [list, tuple, np.array, pd.Series, pl.Series, lambda v: [None if c == 2 else c for c in v]]
)
def test_any_sequence_will_do(kind: Any) -> None:
    @batch_lf(fields=["text"])
    def length(part: pl.DataFrame) -> Any:
        assert part.columns == ["text"]
        return kind([len(t) for t in part["text"]])

    expected = [-1 if kind([2])[0] is None and c == 2 else c for c in LENGTHS]
    for part_rows in (1, 3, 10):
        assert apply([length], read(FRAME, part_rows=part_rows)).values[:, 0].tolist() == expected


def test_resources_and_single_examples() -> None:
    @batch_lf(name="scaled", resources={"by": 2}, labels=[0, 1, 2, 3])
    def function(part: pl.DataFrame, by: int) -> Any:
        return (part["n"] // by).to_numpy()

    assert apply([function], FRAME).values[:, 0].tolist() == [0, 1, 1, 2]
    assert function({"n": 5}) == 2
    assert (function.name, len(function.version)) == ("scaled", 64)


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (lambda part: [1], "returned 1 votes for a part of 4 examples"),
        (lambda part: np.zeros((4, 2)), r"returned an array of shape \(4, 2\)"),
        (lambda part: 1, "returned a int"),
        (lambda part: "aaaa", "returned a str"),
        (lambda part: part["text"].str.to_integer(), "raised ComputeError: .* on example 0"),
        (lambda part: part["n"] > 2, "a truth value is no class"),
        (lambda part: part["n"] / 2, "not a float"),
    ],
)
def test_what_it_may_not_return(returned: Any, message: str) -> None:
    with pytest.raises(LabelingError, match=f"labeling function 'f' .*{message}") as caught:
        apply([batch_lf(name="f")(returned)], FRAME)
    assert (caught.value.source, caught.value.example_id) == ("f", 0)


def test_a_failing_part_is_counted_by_its_examples() -> None:
    @batch_lf
    def fails(part: pl.DataFrame) -> Any:
        raise ValueError("no model")

    votes = apply([fails], FRAME, on_error="abstain", classes=2)
    assert votes.values[:, 0].tolist() == [-1] * 4
    assert votes.failures[0].count == 4
    assert "no model" in votes.failures[0].first[0][1]


def test_wrong_declarations() -> None:
    with pytest.raises(FunctionError, match="decorates a function of a frame, not a int"):
        batch_lf()(3)  # type: ignore[arg-type]
