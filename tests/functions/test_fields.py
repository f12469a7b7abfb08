"""Which fields a function reads: told only where it is certain."""

from __future__ import annotations

from typing import Any

import pytest

from labelwright.functions.fields import field_access

KEY = "text"


def attributes_items_and_get(x: Any) -> Any:
    return x.text.lower() in x["words"] or x.get("bonus", 0)


def within_a_comprehension(x: Any) -> Any:
    return any(word in x.text for word in x.words)


def with_resources(x: Any, words: Any) -> Any:
    return x.text in words


def handed_on(x: Any) -> Any:
    return len(x) + len(x.text)


def computed_name(x: Any) -> Any:
    return x[KEY]


def shadowed(x: Any) -> Any:
    return (lambda x: x.other)(x.text)


def rebound(x: Any) -> Any:
    x = x.text
    return x.upper()


def method_handed_on(x: Any) -> Any:
    return map(x.get, ["a"])


def writes(x: Any) -> Any:
    x.seen = True
    return None


def prepared(x: Any) -> Any:
    x.lower = x.text.lower()
    x.count += 1
    return x


def builds_on_its_own(x: Any) -> Any:
    x.text = x.text.lower()
    x.words = x.text.split()
    x.count = len(x.words)
    x.count += 1
    return x


def writes_at_times(x: Any) -> Any:
    if x.text:
        x.words = x.text.split()
    x.count = len(x.words)
    return x


def test_field_access_is_found() -> None:
    access = field_access(attributes_items_and_get)
    assert access is not None
    assert (access.reads, access.asks) == ({"text", "words"}, {"bonus"})


@pytest.mark.parametrize(
    ("function", "fields"), [(within_a_comprehension, {"text", "words"}), (with_resources, {"text"})]
)
def test_only_the_first_parameter_counts(function: Any, fields: set[str]) -> None:
    access = field_access(function)
    assert access is not None
    assert access.reads == fields


@pytest.mark.parametrize(
    "function", [handed_on, computed_name, shadowed, rebound, method_handed_on, writes, len, print]
)
def test_where_it_is_not_certain_it_is_not_told(function: Any) -> None:
    assert field_access(function) is None


def test_preprocessors_may_write_and_return_the_example() -> None:
    access = field_access(prepared, preprocessor=True)
    assert access is not None
    assert (access.reads, access.writes) == ({"text", "count"}, {"lower", "count"})
    assert field_access(prepared) is None


def test_what_a_preprocessor_has_written_is_no_column() -> None:
    access = field_access(builds_on_its_own, preprocessor=True)
    assert access is not None
    assert access.reads == {"text"}
    # On the other path the words must come from the data.
    access = field_access(writes_at_times, preprocessor=True)
    assert access is not None
    assert access.reads == {"text", "words"}
