"""Python functions: decorated either way, called on anything, Snorkel's conventions kept."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from labelwright import apply, labeling_function, preprocessor
from labelwright.core.errors import FunctionError, LabelingError
from labelwright.functions.records import record_type

SPAM, HAM, ABSTAIN = 1, 0, -1


@labeling_function
def bare(x: Any) -> Any:
    """Look for a check."""
    return SPAM if "check" in x.text else ABSTAIN


@labeling_function()
def empty_parentheses(x: Any) -> Any:
    return SPAM if "check" in x.text else ABSTAIN


@labeling_function(name="named", resources={"words": {"check"}})
def with_settings(x: Any, words: set[str]) -> Any:
    return SPAM if words & set(x.text.split()) else ABSTAIN


@preprocessor(memoize=True)
def lower(x: Any) -> Any:
    x.text_lower = x.text.lower()
    return x


@preprocessor(pre=[lower])
def words(x: Any) -> Any:
    x.words = x.text_lower.split()
    return x


@labeling_function(pre=[words])
def prepared(x: Any) -> Any:
    return SPAM if "check" in x.words else ABSTAIN


@pytest.mark.parametrize("function", [bare, empty_parentheses, with_settings, prepared])
@pytest.mark.parametrize(
    "kind", [SimpleNamespace, dict, lambda **f: pd.Series(f), lambda **f: record_type(tuple(f))(*f.values())]
)
def test_a_function_can_be_called_on_any_example(function: Any, kind: Any) -> None:
    assert function(kind(text="check this")) == SPAM
    assert function(kind(text="nice")) == ABSTAIN


def test_names_and_docstrings() -> None:
    assert (bare.name, empty_parentheses.name, with_settings.name) == ("bare", "empty_parentheses", "named")
    assert bare.__doc__ == "Look for a check."
    assert repr(bare) == "PythonFunction('bare')"


def test_fields_are_worked_out_through_preprocessors() -> None:
    schema = pl.Schema({"text": pl.String, "bonus": pl.Int64, "other": pl.Int64})
    assert bare.fields == with_settings.fields == prepared.fields == ("text",)

    @labeling_function
    def asks(x: Any) -> Any:
        return x.get("bonus") or x.get("malus") or len(x.text)

    @labeling_function
    def hands_on(x: Any) -> Any:
        return len(dict(x))

    assert asks.columns(schema) == ("text", "bonus")
    assert hands_on.fields is None
    assert hands_on.columns(schema) == ("text", "bonus", "other")


@pytest.mark.parametrize("vote", [None, -1, 0, 7, "spam", np.int64(1), np.str_("spam")])
def test_votes_that_may_be_returned(vote: Any) -> None:
    assert labeling_function(lambda x: vote)({}) == vote


@pytest.mark.parametrize(
    ("vote", "message"),
    [
        (True, "a truth value is no class"),
        (np.bool_(True), "a truth value is no class"),
        (1.5, "not a float"),
        (np.float64(1), "not a float"),
        ([1], "not a list"),
    ],
)
def test_votes_that_may_not(vote: Any, message: str) -> None:
    with pytest.raises(FunctionError, match=f"labeling function 'f' returned .*{message}"):
        labeling_function(name="f")(lambda x: vote)({})


def test_wrong_declarations() -> None:
    with pytest.raises(FunctionError, match="decorate it with @preprocessor first"):
        labeling_function(pre=[len])(lambda x: 1)  # type: ignore[list-item]
    with pytest.raises(FunctionError, match="is a labeling function already"):
        labeling_function(bare)
    with pytest.raises(FunctionError, match="decorates a function of one example, not a int"):
        labeling_function(name="f")(3)  # type: ignore[arg-type]


def test_the_version_follows_the_code_and_what_it_is_given() -> None:
    versions = {bare.version, with_settings.version, prepared.version}
    assert len(versions) == 3
    assert all(len(v) == 64 for v in versions)
    same = labeling_function(name="other", labels=[1])(bare.function)
    assert same.version != bare.version


def test_a_function_that_exits_has_failed_and_ends_nothing_else() -> None:
    @labeling_function(labels=["a"])
    def quits(x: Any) -> Any:
        return sys.exit(3) if x.n == 2 else "a"

    with pytest.raises(LabelingError, match="'quits' raised SystemExit: 3 on example 1; it saw n=2"):
        apply([quits], [{"n": 1}, {"n": 2}], classes=["a", "b"])
    votes = apply([quits], [{"n": 1}, {"n": 2}], classes=["a", "b"], on_error="abstain")
    assert (votes.values.tolist(), votes.failures[0].count) == ([[0], [-1]], 1)
