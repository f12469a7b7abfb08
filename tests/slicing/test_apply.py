"""Applying slicing functions: the laws of partition and failure, and what is refused."""

from __future__ import annotations

import sys

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright.core.errors import DataError, FunctionError, SliceError, SlicingError
from labelwright.data import read
from labelwright.engines import LocalEngine
from labelwright.functions import preprocessor
from labelwright.slicing import apply, expression_slice, slicing_function


@slicing_function
def question(x):
    return x.text.endswith("?")


@slicing_function
def odd(x):
    if x.number is None:
        raise ValueError("no number")
    return x.number % 2 == 1


short = expression_slice("short", "len(text) < 4")
texts = st.lists(st.tuples(st.sampled_from(["", "why?", "so", "so?"]), st.integers(0, 9)), min_size=1, max_size=30)


@given(texts, st.integers(1, 7))
@settings(max_examples=25)
def test_membership_is_the_same_for_every_partition(found, part_rows: int) -> None:
    frame = pl.DataFrame(found, schema=["text", "number"], orient="row")
    slices = apply([question, short, odd], read(frame, part_rows=part_rows))
    expected = [[text.endswith("?"), len(text) < 4, number % 2 == 1] for text, number in found]
    assert slices.member.tolist() == expected
    assert slices.names == ("question", "short", "odd")
    # The same as asking each function about each example.
    assert slices.member.tolist() == [[f(row) for f in (question, short, odd)] for row in frame.to_dicts()]


@pytest.mark.slow
def test_membership_is_the_same_in_other_processes() -> None:
    frame = pl.DataFrame({"text": ["why?", "no", "so?"] * 200, "number": [1, 2, 3] * 200})
    engine = LocalEngine(workers=2, kind="processes")
    there = apply([question, short, odd], read(frame, part_rows=100), engine=engine)
    engine.close()
    assert np.array_equal(there.member, apply([question, short, odd], frame).member)


def test_ids_come_from_their_column() -> None:
    frame = pl.DataFrame({"key": ["b", "a"], "text": ["why?", "no"]})
    assert apply([question], frame, id="key").example_ids.tolist() == ["b", "a"]
    assert apply([question], frame).example_ids.tolist() == [0, 1]
    with pytest.raises(SliceError, match="more than once"):
        apply([question], pl.DataFrame({"key": ["b", "b"], "text": ["why?", "no"]}), id="key")


def test_a_function_that_exits_has_failed_and_ends_nothing_else() -> None:
    quits = slicing_function(name="quits")(lambda x: sys.exit(3) if x.n == 2 else True)
    frame = pl.DataFrame({"n": [1, 2]})
    with pytest.raises(SlicingError, match="'quits' raised SystemExit: 3 on example 1; it saw n=2"):
        apply([quits], frame)
    assert apply([quits], frame, on_error="outside").failures[0].count == 1


def test_a_failure_names_slice_and_example() -> None:
    frame = pl.DataFrame({"key": ["u", "v"], "number": [1, None]})
    with pytest.raises(SlicingError, match=r"'odd' raised ValueError: no number on example 'v'.*number=None") as caught:
        apply([odd], frame, id="key")
    assert (caught.value.source, caught.value.example_id, caught.value.fields) == ("odd", "v", {"number": None})


def test_failures_are_counted_where_that_is_asked_for() -> None:
    frame = pl.DataFrame({"number": [None, 1, *[None] * 8], "text": ["a?"] * 10})
    for part_rows in (1, 3, 10):
        slices = apply([question, odd], read(frame, part_rows=part_rows), on_error="outside")
        assert slices.sizes.tolist() == [10, 1]
        (failure,) = slices.failures
        assert (failure.source, failure.count) == ("odd", 9)
        assert [example_id for example_id, _ in failure.first] == [0, 2, 3, 4, 5]


def test_missing_values_do_not_belong() -> None:
    popular = expression_slice("popular", "likes > 3")
    unpopular = expression_slice("unpopular", "not likes > 3")
    polars = expression_slice("polars", pl.col("likes") > 3)
    frame = pl.DataFrame({"likes": [None, 5.0, 1.0, float("nan")]})
    member = apply([popular, unpopular, polars], frame).member
    assert member[:, 0].tolist() == [False, True, False, False]
    assert member[:, 1].tolist() == [False, False, True, False]
    assert member[0].tolist() == [False, False, False]
    assert apply([popular], pl.DataFrame({"likes": pl.Series([None, None])})).sizes.tolist() == [0]


def test_preprocessors_run_once_per_example() -> None:
    calls = []

    @preprocessor
    def words(x):
        calls.append(x.text)
        x.words = x.text.split()
        return x

    @slicing_function(pre=[words])
    def long(x):
        return len(x.words) > 1

    @slicing_function(pre=[words], resources={"known": {"so"}})
    def knows(x, known):
        return bool(known & set(x.words))

    slices = apply([long, knows], [{"text": "so what"}, {"text": "no"}])
    assert slices.member.tolist() == [[True, True], [False, False]]
    assert calls == ["so what", "no"]


@pytest.mark.parametrize("answer", [True, None, np.True_, False])
def test_truth_values_of_every_kind(answer) -> None:
    one = slicing_function("one")(lambda x: answer)
    assert apply([one], [{"a": 1}]).member.tolist() == [[bool(answer)]]


@pytest.mark.parametrize("answer", [1, "yes", float("nan"), 0.7])
def test_what_is_no_truth_value_is_refused(answer) -> None:
    one = slicing_function("one")(lambda x: answer)
    with pytest.raises(SlicingError, match=r"returned .*return True or False"):
        apply([one], [{"a": 1}])


@pytest.mark.parametrize(
    ("functions", "said"),
    [
        ([], "empty"),
        (question, "single function 'question'"),
        ([question, question], "two slicing functions are called 'question'"),
        ([len], "not a slicing function"),
        ([odd], r"'odd' reads field 'number'.*did you mean 'numbers'"),
        ([expression_slice("many", "likes > 3")], "column 'likes'|field 'likes'"),
        ([expression_slice("sum", pl.col("text") + 1)], "does not fit|gives"),
    ],
)
def test_functions_that_do_not_fit_are_refused(functions, said: str) -> None:
    with pytest.raises(FunctionError, match=said):
        apply(functions, [{"text": "a", "numbers": 1}])


def test_there_must_be_examples_and_a_known_policy() -> None:
    with pytest.raises(DataError, match="no examples"):
        apply([question], pl.DataFrame({"text": pl.Series([], dtype=pl.String)}))
    with pytest.raises(FunctionError, match="'raise' or 'outside'"):
        apply([question], [{"text": "a"}], on_error="abstain")


def test_versions_follow_what_a_function_does() -> None:
    def longer_than(limit: int):
        @slicing_function("long", resources={"limit": limit})
        def long(x, limit):
            return len(x.text) > limit

        return long

    assert longer_than(3).version == longer_than(3).version != longer_than(4).version
    assert expression_slice("a", "x>1").version == expression_slice("a", "(x > 1)").version
    assert expression_slice("a", "x > 1").version != expression_slice("a", "x > 2").version


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: slicing_function(" ")(len), "needs a name"),
        (lambda: slicing_function("a", pre=[len])(len), "decorate it with @preprocessor"),
        (lambda: slicing_function("a", fields="text")(len), "list of columns"),
        (lambda: slicing_function("a")(question), "already"),
        (lambda: slicing_function("a")(3), "not a int"),
        (lambda: expression_slice("a", "len("), "slicing function 'a'"),
        (lambda: expression_slice("a", pl.col("x").mean() > 1), "more than one row"),
        (lambda: expression_slice("a", "1 < 2"), "reads no column"),
    ],
)
def test_wrong_declarations_are_refused(make, said: str) -> None:
    with pytest.raises(FunctionError, match=said):
        make()
