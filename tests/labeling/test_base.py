"""What every labeling function checks at birth."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from labelwright.core.errors import FunctionError
from labelwright.labeling import PythonFunction


def make(**settings: Any) -> PythonFunction:
    return PythonFunction(**({"name": "f", "function": lambda x: None} | settings))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": ""}, "needs a name"),
        ({"name": None}, "needs a name"),
        ({"labels": "spam"}, r"labels of labeling function 'f' is 'spam'; pass a list, such as \['spam'\]"),
        ({"labels": 1}, "labels of labeling function 'f' is 1; pass a list"),
        ({"labels": [1.5]}, r"must be a list of str or int, got \[1.5\]"),
        ({"labels": [True]}, "must be a list of str or int"),
        ({"labels": []}, "must be a list of str or int"),
        ({"fields": "text"}, "fields of labeling function 'f' is 'text'"),
        ({"fields": [1]}, "must be a list of str"),
    ],
)
def test_a_wrong_declaration_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(FunctionError, match=message):
        make(**settings)


def test_abstain_may_stand_among_the_labels() -> None:
    assert make(labels=[0, 1, -1]).labels == (0, 1)


def test_functions_are_frozen() -> None:
    with pytest.raises(AttributeError):
        make().name = "g"  # type: ignore[misc]


def test_columns() -> None:
    schema = pl.Schema({"text": pl.String, "n": pl.Int64})
    assert make(fields=["n"]).columns(schema) == ("n",)
    with pytest.raises(FunctionError, match="'f' reads field 'm', which the data does not have; Columns: text, n"):
        make(fields=["m"]).columns(schema)
    with pytest.raises(FunctionError, match=r"Columns: text;n\. Is ';' the separator of the file"):
        make(fields=["text"]).columns(pl.Schema({"text;n": pl.String}))
