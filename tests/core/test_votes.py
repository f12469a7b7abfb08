from __future__ import annotations

import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given

from labelwright.core import ABSTAIN, Failure, Votes, class_codes
from labelwright.core.errors import VoteError
from labelwright.core.task_graph import TaskGraph
from labelwright.core.task_votes import TaskVotes

matrices = hnp.arrays(
    np.int8, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12), elements=st.integers(-1, 4)
)


def sparse(L: np.ndarray, **fields) -> Votes:
    row, column = np.nonzero(L >= 0)
    return Votes.from_entries(row, column, L[row, column], shape=L.shape, **fields)


def same(a: Votes, b: Votes) -> None:
    np.testing.assert_array_equal(a.values, b.values)
    np.testing.assert_array_equal(a.example_ids, b.example_ids)
    assert (a.sources, a.classes) == (b.sources, b.classes)


@given(matrices, st.randoms())
def test_sparse_and_dense_rows_answer_alike(L, random):
    a, b = Votes(L, classes=5), sparse(L, classes=5)
    assert b.is_sparse
    assert not a.is_sparse
    same(a, b)
    np.testing.assert_array_equal(a.covered, b.covered)
    rows = [random.randrange(len(L)) for _ in range(3)]
    rows = sorted(set(rows))
    same(a.take(rows), b.take(rows))
    some = list(a.sources)
    random.shuffle(some)
    same(a.select(some[:2]), b.select(some[:2]))
    size = random.randint(1, 5)
    for (i, x), (j, y) in zip(a.blocks(size), b.blocks(size), strict=True):
        assert i == j
        np.testing.assert_array_equal(x, y)


@given(matrices, st.integers(0, 12))
def test_cut_and_stacked_again_is_the_same(L, cut):
    for votes in (Votes(L, classes=5, groups=np.arange(len(L)) // 2), sparse(L, classes=5)):
        again = Votes.concat([votes.take(slice(0, cut)), votes.take(slice(cut, None))])
        same(again, votes)
        np.testing.assert_array_equal(again.bucket, votes.bucket)


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_a_data_frame_names_the_sources_by_its_columns(frame):
    L = np.array([[0, 1, -1], [1, 1, 0]])
    votes = Votes(frame(dict(zip(("link", "short", "song"), L.T, strict=True))))
    same(votes, Votes(L, sources=["link", "short", "song"]))
    assert Votes(frame({"link": [0, 1]}), sources=["other"]).sources == ("other",)
    graph = TaskGraph.multi_label(["dog", "cat"])
    of_tasks = TaskVotes(graph, {"dog": frame({"a": [1, 0], "b": [1, 1]}), "cat": [[0], [1]]})
    assert of_tasks.sources == ("a", "b", "cat.0")


def test_columns_without_text_names_are_numbered():
    L = np.array([[0, 1, -1], [1, 1, 0]])
    assert Votes(pd.DataFrame(L)).sources == ("0", "1", "2")
    assert Votes(pd.DataFrame(L, columns=["a", 1, ("b", "c")])).sources == ("0", "1", "2")
    with pytest.raises(VoteError, match="source name 'a' stands more than once"):
        Votes(pd.DataFrame(L, columns=["a", "a", "b"]))


def test_votes_are_read_only_and_cut_from_the_callers_array():
    L = np.array([[0, 1]])
    votes = Votes(L)
    L[0, 0] = 1
    assert votes.values[0, 0] == 0
    with pytest.raises(ValueError, match="read-only"):
        votes.values[0, 0] = 1
    with pytest.raises(AttributeError):
        votes.classes = (0, 1, 2)


@pytest.mark.parametrize(
    ("values", "fields", "says"),
    [
        ([[0, 1], [1]], {}, "rows differ in length"),
        ([[0, 7]], {"classes": 2}, "example 0, source '1' voted 7; allowed: -1 .* to 1"),
        ([[0, -2]], {}, "-2 is outside"),
        ([[0.5]], {}, "row 0, column 0 holds 0.5"),
        ([[np.nan]], {}, "not an integer code"),
        ([[-2, 0]], {"classes": ["a", "b"]}, r"a vote of -2 is outside -1 \(abstain\) to 1\."),
        ([["spam"]], {}, r"dtype.*labelwright\.core\.class_codes\(names, classes\)"),
        ([["spam", None]], {"classes": ["ham", "spam"]}, r"dtype object.*class_codes"),
        ([0, 1], {}, "2 dimensions"),
        (None, {}, "votes are a NoneType; pass Votes, or a table of n rows and m columns: integer codes"),
        ("votes.csv", {}, "votes are a str; pass Votes"),
        ([[0, 1]], {"sources": ["a", "a"]}, "'a' stands more than once"),
        ([[0, 1]], {"sources": ["a"]}, "2 columns of votes but 1 source names"),
        ([[0], [1]], {"example_ids": ["x", "x"]}, "example id x stands more than once"),
        ([[0]], {"example_ids": [0.5]}, "integers or strings"),
        ([[0]], {"groups": ["x", "y"]}, "groups has shape"),
        ([[0]], {"classes": ["spam"]}, "at least 2 classes"),
        ([[0]], {"classes": ["spam", "spam"]}, "repeats spam"),
        ([[0]], {"classes": ["spam", 1]}, "mixes names and integers"),
        ([[0]], {"classes": "spam"}, "is the string"),
        ([[1]], {"sources": ["a"], "alphabet": {"a": [{0, 1}]}}, "allowed: -1 .* to 0"),
        ([[0]], {"sources": ["a"], "alphabet": {"b": [{0, 1}]}}, "not among the sources"),
        ([[0]], {"sources": ["a"], "alphabet": {"a": [set()]}}, "non-empty set"),
    ],
)
def test_bad_votes_say_where_and_what_is_allowed(values, fields, says):
    with pytest.raises(VoteError, match=says):
        Votes(values, **fields)


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        (([0, 0], [0, 0], [1, 0]), "voted twice on example 0"),
        (([2], [0], [0]), "row 2, outside 0..1"),
        (([0], [-1], [0]), "column -1"),
        (([0], [0], [-2]), "-2 is outside"),
        (([0], [0, 1], [0]), "differ in shape"),
        (([0], [0], [0.9]), "not all integers"),
        (([0], [0], ["spam"]), "not all integers"),
    ],
)
def test_bad_entries_say_where(entries, says):
    with pytest.raises(VoteError, match=says):
        Votes.from_entries(*entries, shape=(2, 2))


def test_concat_refuses_votes_of_other_sources():
    with pytest.raises(VoteError, match="differ in their sources"):
        Votes.concat([Votes([[0]], sources=["a"]), Votes([[0]], sources=["b"], example_ids=[7])])


def test_concat_adds_failures_up():
    a = Votes([[0]], failures=[Failure("0", 2, ((0, "boom"),))])
    b = Votes([[0]], example_ids=[9], failures=[Failure("0", 3, ((9, "bang"),))])
    assert Votes.concat([a, b]).failures == (Failure("0", 5, ((0, "boom"), (9, "bang"))),)


def test_an_abstain_is_minus_one_and_many_classes_take_int16():
    assert ABSTAIN == -1
    assert Votes([[200, -1]]).values.dtype == np.int16
    assert Votes([[127]]).values.dtype == np.int8


def test_no_rows_are_allowed_and_know_their_sources():
    votes = Votes(np.empty((0, 3), dtype=int))
    assert votes.shape == (0, 3)
    assert "no rows" in repr(votes)


@given(st.lists(st.sampled_from(["ham", "spam", None, float("nan"), -1, 0, 1, np.int64(1), 1.0])))
def test_class_codes_take_names_codes_and_unknowns(labels):
    expected = {"ham": 0, "spam": 1, None: -1, -1: -1, 0: 0, 1: 1}
    got = class_codes(labels, ["ham", "spam"])
    assert got.tolist() == [-1 if label != label else expected[label] for label in labels]


def test_a_label_outside_the_classes_is_named():
    with pytest.raises(VoteError, match="'eggs' at position 1"):
        class_codes(["ham", "eggs"], ["ham", "spam"])


def test_parts_of_rows_are_read_only_and_take_each_row_once():
    votes = Votes([[0], [1]], failures=[Failure("0", 3)], groups=[1, 2])
    assert votes.take([1]).failures == votes.failures
    assert not votes.take([1]).example_ids.flags.writeable
    assert votes.take([]).shape == (0, 1)
    with pytest.raises(VoteError, match="taken twice"):
        votes.take([0, 0])
    with pytest.raises(VoteError, match="'0' stands more than once"):
        votes.select(["0", "0"])


def test_sparse_votes_outside_the_alphabet_are_named_without_a_dense_block():
    n = m = 200_000
    with pytest.raises(VoteError, match="example 3, source '5' voted 2; allowed: -1"):
        Votes.from_entries([1, 3], [1, 5], [1, 2], shape=(n, m), classes=2)
