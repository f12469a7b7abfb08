"""Preprocessors: Snorkel's semantics, and a memo that keeps to its key."""

from __future__ import annotations

import copy
import pickle
import threading
from types import SimpleNamespace

import cloudpickle
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.core.errors import FunctionError
from labelwright.functions import preprocessors
from labelwright.functions.preprocessors import Layer, Preprocessor, apply_preprocessors, preprocessor
from labelwright.functions.records import record_type
from labelwright.functions.versions import version_of


def counted(**options):
    """A preprocessor that adds the length of the text, with the texts that it saw."""
    seen: list[str] = []

    @preprocessor(**options)
    def length(x):
        seen.append(x.text)
        x.length = len(x.text)
        return x

    return length, seen


def examples():
    return [
        {"text": "abc", "n": 1},
        SimpleNamespace(text="abc", n=1),
        pd.Series({"text": "abc", "n": 1}),
        record_type(("text", "n"))("abc", 1),
        Layer({"text": "abc", "n": 1}),
    ]


@pytest.mark.parametrize("example", examples(), ids=lambda x: type(x).__name__)
def test_the_original_is_left_alone(example):
    @preprocessor
    def edit(x):
        x.text = x.text.upper()
        x.added = [x["n"]]
        return x

    before = copy.deepcopy(example)
    result = edit(example)
    assert (result.text, result.added, result["text"], result.get("n"), result.get("none", 5)) == (
        "ABC",
        [1],
        "ABC",
        1,
        5,
    )
    assert {"text", "n", "added"} <= set(result.keys())
    assert "added" in result
    assert "none" not in result
    assert (example["text"] if isinstance(example, dict) else example.text) == "abc"
    assert not hasattr(example, "added")
    assert repr(example) == repr(before)


def test_changing_a_value_in_place_stays_in_the_copy():
    row = {"words": ["a"], "nested": {"b": [1]}, "vector": np.zeros(2), "tags": {"x"}}

    @preprocessor
    def edit(x):
        x.words.append("b")
        x.nested["b"].append(2)
        x.vector[0] = 1
        x.tags.add("y")
        return x

    result = edit(row)
    assert (result.words, result.nested, result.vector[0], result.tags) == (["a", "b"], {"b": [1, 2]}, 1, {"x", "y"})
    assert row["words"] == ["a"]
    assert row["nested"] == {"b": [1]}
    assert row["vector"][0] == 0
    assert row["tags"] == {"x"}


def test_snorkel_signature_by_position():
    first, _ = counted()
    made = preprocessor("named", [first], True, lambda x: x.text)(lambda x: x)
    assert (made.name, made.pre, made.memoize) == ("named", (first,), True)


def test_decorator_with_and_without_parentheses():
    @preprocessor
    def one(x):
        return x

    @preprocessor()
    def other(x):
        return x

    assert (one.name, other.name) == ("one", "other")
    assert isinstance(other, Preprocessor)


def test_pre_goes_first_and_only_once():
    order = []

    def step(name, *pre):
        def function(x):
            order.append(name)
            x.path = (*x.get("path", ()), name)
            return x

        return Preprocessor(function, name=name, pre=pre)

    first = step("first")
    second, third = step("second", first), step("third", first)
    last = step("last", second, third)
    assert last({"text": ""}).path == ("first", "second", "third", "last")
    assert order == ["first", "second", "third", "last"]
    assert apply_preprocessors([first, last], {"text": ""}).path == ("first", "second", "third", "last")


def test_returning_none_is_an_error_that_names_the_preprocessor():
    @preprocessor
    def forgets(x):
        x.a = 1

    with pytest.raises(FunctionError, match="'forgets' returned None"):
        forgets({"text": ""})


def test_a_new_object_may_be_returned():
    @preprocessor(memoize=True)
    def other(x):
        return SimpleNamespace(text=x.text, more=1)

    assert other({"text": "a"}).more == 1
    assert other({"text": "a"}).more == 1


def test_what_is_no_preprocessor_is_refused():
    with pytest.raises(FunctionError, match="decorate it with @preprocessor"):
        preprocessor(pre=[len])(lambda x: x)
    with pytest.raises(FunctionError, match="needs a function"):
        Preprocessor("text")


def test_the_memo_is_by_content_unless_told_otherwise():
    length, seen = counted(memoize=True)
    for text, n in [("a", 1), ("a", 1), ("a", 2)]:
        length({"text": text, "n": n})
    assert seen == ["a", "a"]
    length.reset_cache()
    length({"text": "a", "n": 1})
    assert len(seen) == 3

    by_field, seen = counted(memoize=True, fields=["text"])
    assert [by_field({"text": "a", "n": n}).n for n in range(3)] == [0, 1, 2]  # the rest is the example's own
    assert seen == ["a"]

    by_key, seen = counted(memoize=True, memoize_key=lambda x: x.text.lower())
    assert [by_key({"text": text}).length for text in ("a", "A", "b")] == [1, 1, 1]
    assert seen == ["a", "b"]


def test_the_memo_keeps_what_was_added_here_and_not_what_came_before():
    @preprocessor
    def number(x):
        x.number = x.n * 10
        return x

    length, seen = counted(memoize=True, fields=["text"], pre=[number])
    assert [length({"text": "a", "n": n}).number for n in range(3)] == [0, 10, 20]
    assert seen == ["a"]


def test_the_memo_tells_equal_values_of_different_types_apart():
    @preprocessor(memoize=True)
    def kind(x):
        x.kind = type(x.value).__name__
        return x

    values = [1, 1.0, True, [1], (1,), {1}, {1: 1}, np.array([1]), np.array([1.0])]
    assert [kind({"value": value}).kind for value in values] == [type(value).__name__ for value in values]


def test_the_memo_refuses_what_has_no_hash():
    class Unhashable:
        __hash__ = None  # type: ignore[assignment]

    length, _ = counted(memoize=True)
    with pytest.raises(FunctionError, match="by field 'odd': a Unhashable has no hash; give memoize_key="):
        length({"text": "a", "odd": Unhashable()})


def test_the_memo_is_bounded(monkeypatch):
    monkeypatch.setattr(preprocessors, "MEMO_SIZE", 3)
    length, seen = counted(memoize=True)
    for text in "abcda":
        length({"text": text})
    assert seen == list("abcda")  # a was forgotten when d came
    for text in "cda":
        length({"text": text})
    assert len(seen) == 5


def test_the_memo_may_be_used_by_several_threads(monkeypatch):
    monkeypatch.setattr(preprocessors, "MEMO_SIZE", 5)
    length, _ = counted(memoize=True)
    wrong = []

    def work():
        for i in range(500):
            text = "a" * (i % 11)
            if length({"text": text}).length != i % 11:
                wrong.append(i)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_preprocessors_travel_without_their_memo():
    length, _ = counted(memoize=True)
    length({"text": "a"})
    sent = cloudpickle.loads(cloudpickle.dumps(length))
    assert sent({"text": "abcd"}).length == 4
    assert pickle.loads(pickle.dumps(Layer({"text": "a"}, {"b": 1}))).b == 1


def test_versions_follow_the_function_and_those_that_go_first():
    def make(limit, pre=(), **options):
        return preprocessor(pre=pre, **options)(lambda x: limit)

    versions = {make(*given).version for given in [(1,), (2,), (1, [make(1)]), (1, [make(2)]), (1, [make(1), make(2)])]}
    assert len(versions) == 5
    assert make(1).version == make(1).version == version_of(make(1))
    assert make(1, depends_on=["1"]).version != make(1, depends_on=["2"]).version
    assert make(1, memoize=True, memoize_key=lambda x: x.a).version != make(1, memoize=True).version


@given(
    st.dictionaries(st.sampled_from("abcde"), st.integers()), st.dictionaries(st.sampled_from("defg"), st.integers())
)
def test_a_layer_reads_like_the_two_dictionaries_merged(example, added):
    layer = Layer(example, added)
    merged = example | added
    assert set(layer.keys()) == set(merged)
    assert {name: layer[name] for name in layer} == merged
    deeper = Layer(layer, {"z": 1})
    assert {name: deeper[name] for name in deeper} == merged | {"z": 1}
    assert set(layer.keys()) == set(merged)
    with pytest.raises(KeyError):
        layer["none"]
    with pytest.raises(AttributeError):
        _ = layer.none
