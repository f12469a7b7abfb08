"""Codes of classes: what may be voted, and what the classes are when nobody says."""

from __future__ import annotations

import enum
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright.core.errors import FunctionError, LabelingError, VoteError
from labelwright.labeling import labeling_function
from labelwright.labeling.codebook import Codebook, declared_classes, final_classes


class Color(enum.StrEnum):
    RED = "red"


class Number(enum.IntEnum):
    TWO = 2


any_label = labeling_function(name="any")(lambda x: None)
only_red = labeling_function(name="red", labels=["red"])(lambda x: None)


def where(position: int) -> int:
    return position + 100


@settings(deadline=None)
@given(st.lists(st.none() | st.just(-1) | st.sampled_from(["red", "blue", "green"]), max_size=20))
def test_learned_codes_say_what_was_voted(votes: list[Any]) -> None:
    book = Codebook(["red"], closed=False)
    codes = book.encode(votes, any_label, where)
    assert [None if c == -1 else book.classes[c] for c in codes] == [None if v == -1 else v for v in votes]


def test_enumerations_and_numpy_values_are_classes() -> None:
    book = Codebook(["red"], closed=False)
    assert book.encode([Color.RED, np.str_("blue"), np.int64(-1)], any_label, where).tolist() == [0, 1, -1]
    assert book.classes == ["red", "blue"]
    assert type(book.classes[1]) is str
    numbers = Codebook([], closed=False)
    assert numbers.encode([Number.TWO, np.uint8(5)], any_label, where).tolist() == [0, 1]
    assert [type(c) for c in numbers.classes] == [int, int]


def test_codes_of_named_classes_are_taken() -> None:
    book = Codebook(["ham", "red"], closed=True)
    assert book.encode([0, "red", 1, None], any_label, where).tolist() == [0, 1, 1, -1]
    assert book.encode([1, "red"], only_red, where).tolist() == [1, 1]


@pytest.mark.parametrize(
    ("function", "closed", "votes", "message"),
    [
        (only_red, False, [None, "blue"], "'red' voted 'blue' on example 101: allowed: 'red', or None or -1"),
        (only_red, True, ["ham"], "'red' voted 'ham' on example 100: allowed: 'red'"),
        (any_label, True, ["red", "blue"], "'any' voted 'blue' on example 101: allowed: 'red', 'ham'.*classes="),
        (any_label, False, [-3], "'any' voted -3 on example 100"),
        (any_label, True, [1, True], "'any' voted True on example 101: a truth value"),
        (any_label, True, [1.0], "'any' voted 1.0 on example 100: .*not a float"),
        (any_label, True, [{}], "'any' voted {} on example 100: .*not a dict"),
    ],
)
def test_a_bad_vote_is_named(function: Any, closed: bool, votes: list[Any], message: str) -> None:
    with pytest.raises(LabelingError, match=message) as caught:
        Codebook(["red", "ham"], closed=closed).encode(votes, function, where)
    assert caught.value.source == function.name


def test_classes_of_a_run() -> None:
    assert final_classes([], []) == (0, 1)
    assert final_classes([3], [1]) == (0, 1, 2, 3)
    assert final_classes(["b", "a"], ["d", "c", "a"]) == ("b", "a", "c", "d")
    with pytest.raises(FunctionError, match="names and numbers"):
        final_classes(["a"], [1])
    with pytest.raises(FunctionError, match="only class"):
        final_classes(["a"], [])
    with pytest.raises((FunctionError, VoteError)):
        final_classes([], ["a"])


def test_declared_classes_keep_their_order() -> None:
    def declare(name: str, *labels: Any) -> Any:
        return labeling_function(name=name, labels=labels)(lambda x: None)

    assert declared_classes([declare("f", "b", "a"), any_label, declare("g", "c", "b")]) == ("b", "a", "c")
    with pytest.raises(FunctionError, match="'g' votes for class 1 and 'f' for 'b'"):
        declared_classes([declare("f", "b"), declare("g", 1)])
