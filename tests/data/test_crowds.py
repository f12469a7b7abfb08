"""Long tables: the same votes from every kind of table, repeats by a stated policy, and errors that name the row."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.core.errors import DataError, VoteError
from labelwright.data.crowds import read_claims, read_votes

ROWS = [("q2", "bob", "cat"), ("q1", "ann", "dog"), ("q2", "ann", "dog"), ("q1", "cleo", "cat")]
FRAME = pl.DataFrame(ROWS, schema=["task", "worker", "answer"], orient="row")


def kinds(folder):
    FRAME.write_csv(folder / "a.csv")
    FRAME.write_ndjson(folder / "a.jsonl")
    FRAME.write_parquet(folder / "a.parquet")
    return {
        "tuples": ROWS,
        "dictionaries": FRAME.to_dicts(),
        "polars": FRAME,
        "lazy": FRAME.lazy(),
        "pandas": pd.DataFrame(ROWS, columns=["task", "worker", "answer"]),
        "arrow": FRAME.to_arrow(),
        "csv": str(folder / "a.csv"),
        "jsonl": folder / "a.jsonl",
        "parquet": folder / "a.parquet",
    }


def test_every_kind_of_table_gives_the_same_votes(tmp_path):
    for kind, data in kinds(tmp_path).items():
        votes = read_votes(data)
        assert votes.is_sparse, kind
        assert votes.sources == ("ann", "bob", "cleo"), kind
        assert votes.classes == ("cat", "dog"), kind
        assert votes.example_ids.tolist() == ["q2", "q1"], kind
        assert votes.values.tolist() == [[1, 0, -1], [1, -1, 0]], kind


def test_columns_can_be_named():
    frame = FRAME.rename({"task": "a", "worker": "b", "answer": "c"})
    votes = read_votes(frame, item="a", worker="b", label="c")
    assert votes.values.tolist() == [[1, 0, -1], [1, -1, 0]]


answers = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=15)


@given(answers, st.sampled_from(["first", "last", "majority"]))
def test_one_vote_for_each_pair_by_the_policy(rows, repeats):
    votes = read_votes(rows, classes=3, repeats=repeats)
    by_pair = {}
    for item, worker, label in rows:
        by_pair.setdefault((item, worker), []).append(label)
    for (item, worker), said in by_pair.items():
        # max keeps the first of equally frequent labels, in the order in which they were said.
        wanted = {"first": said[0], "last": said[-1], "majority": max(said, key=said.count)}[repeats]
        row = votes.example_ids.tolist().index(item)
        assert votes.values[row, votes.sources.index(str(worker))] == wanted
    assert (votes.values >= 0).sum() == len(by_pair)


def test_repeats_are_refused_unless_something_is_said_about_them():
    rows = [("q", "ann", "cat"), ("r", "ann", "dog"), ("q", "ann", "cat"), ("q", "ann", "dog")]
    with pytest.raises(DataError) as error:
        read_votes(rows)
    for word in ["worker 'ann'", "item 'q'", "'cat' in row 0 and 'cat' in row 2", "2, of which 1 differ", "majority"]:
        assert word in str(error.value)


def test_missing_labels_are_abstains_and_cannot_contradict():
    rows = [("q", "ann", None), ("q", "ann", "cat"), ("r", "bob", None), ("r", "cleo", "dog")]
    votes = read_votes(rows)
    assert votes.sources == ("ann", "bob", "cleo")
    assert votes.values.tolist() == [[0, -1, -1], [-1, -1, 1]]
    assert read_votes([(1, 1, -1), (1, 2, 0), (2, 1, 1)]).values.tolist() == [[-1, 0], [1, -1]]


def test_numbers_that_pandas_made_decimals_are_whole_again():
    frame = pd.DataFrame({"item": [1, 1, 2], "worker": [7, 8, 7], "label": [0.0, np.nan, 2.0]})
    votes = read_votes(frame)
    assert votes.classes == (0, 1, 2)
    assert votes.values.tolist() == [[0, -1], [2, -1]]


@pytest.mark.parametrize(
    ("labels", "classes", "named", "codes"),
    [
        ([0, 3], None, (0, 1, 2, 3), [0, 3]),
        ([1, 5], None, ("1", "5"), [0, 1]),
        ([1, 2], ["1", "2"], ("1", "2"), [0, 1]),
        ([1, 0], ["no", "yes"], ("no", "yes"), [1, 0]),
        ([True, False], None, (0, 1), [1, 0]),
        (["b", "b"], ["a", "b"], ("a", "b"), [1, 1]),
        (["1", "0"], 2, (0, 1), [1, 0]),
    ],
)
def test_what_labels_mean(labels, classes, named, codes):
    votes = read_votes([(i, "w", x) for i, x in enumerate(labels)], classes=classes)
    assert votes.classes == named
    assert votes.values[:, 0].tolist() == codes


def test_all_examples_in_the_order_wanted():
    votes = read_votes(ROWS, items=["q1", "q0", "q2"])
    assert votes.example_ids.tolist() == ["q1", "q0", "q2"]
    assert votes.values.tolist() == [[1, -1, 0], [-1, -1, -1], [1, 0, -1]]


@pytest.mark.parametrize(
    ("data", "options", "words"),
    [
        (FRAME.drop("worker"), {}, ["recognised as the worker", "worker='...'", "columns: task, answer"]),
        (FRAME, {"worker": "workers"}, ["no column 'workers'", "Did you mean 'worker'"]),
        (FRAME, {"worker": "task"}, ["'task' would be item and worker"]),
        (
            FRAME.with_columns(Item_ID=pl.lit("x"), item_id=pl.lit("y")).drop("task"),
            {},
            ["'Item_ID' and 'item_id' might both"],
        ),
        (ROWS, {"repeats": "mean"}, ["repeats is 'mean'", "'majority'"]),
        (ROWS, {"classes": ["cat", "dig"]}, ["row 1: 'dog'", "['cat', 'dig']", "Did you mean 'dig'"]),
        (ROWS, {"items": ["q1"]}, ["row 0: item 'q2' is not among the 1 items given"]),
        (ROWS, {"items": [1]}, ["kind, text"]),
        (ROWS, {"item": "task"}, ["no columns to name"]),
        ([*ROWS, ("q1", "ann")], {}, ["row 4", "(item, worker, label)"]),
        ([("q", None, "cat")], {}, ["(worker) is empty at row 0"]),
        ([("q", "ann", "cat")], {}, ["only the label 'cat'", "classes=[...]"]),
        ([("q", "ann", 0.5)], {}, ["fractions"]),
        ([("q", "ann", -3), ("q", "bob", 2)], {}, ["holds -3"]),
        ([(0.5, "ann", 1)], {"classes": 2}, ["(item) has type Float64"]),
    ],
)
def test_errors_say_what_where_and_what_is_allowed(data, options, words):
    with pytest.raises(DataError) as error:
        read_votes(data, **options)
    for word in words:
        assert word in str(error.value)


def test_claims_keep_the_values_of_each_item():
    rows = [("s2", 7, "x"), ("s1", 7, "y"), ("s1", 8, None), ("s3", 9, "x")]
    claims = read_claims(rows)
    assert claims.sources == ("s1", "s2", "s3")
    assert claims.items.tolist() == [7, 9]
    assert claims.values[claims.value].tolist() == ["y", "x", "x"]


def test_claims_of_numbers_and_repeats():
    frame = pl.DataFrame({"store": ["a", "a", "a"], "object": ["o", "o", "o"], "claim": [1.5, 2.0, 2.0]})
    assert read_claims(frame, repeats="majority").values.tolist() == [2.0]
    with pytest.raises(DataError, match="source 'a' gives a value for item 'o' more than once"):
        read_claims(frame)


def test_many_workers_stay_sparse():
    rng = np.random.default_rng(0)
    frame = pl.DataFrame(
        {"item": np.arange(20_000), "worker": rng.permutation(20_000), "label": rng.integers(0, 2, 20_000)}
    )
    votes = read_votes(frame)
    assert votes.shape == (20_000, 20_000)
    assert len(votes.rows.codes) == 20_000


def test_real_crowd(data_root):
    votes = read_votes(data_root / "crowd_rte" / "answers.parquet")
    assert (votes.n, votes.m, votes.k) == (800, 164, 2)


def test_codes_are_checked_before_there_are_as_many_classes():
    with pytest.raises(DataError, match=r"'label' \(label\) holds 1000000000000, but codes .* to 32,767"):
        read_votes([("a", "w", 10**12), ("b", "w", 0)])
    with pytest.raises(VoteError, match="32,768"):
        read_votes([("a", "w", 1)], classes=10**12)
    assert read_votes([("a", "w", 32767), ("b", "w", 0)]).k == 32768
    with pytest.raises(DataError, match=r"\(label\) holds whole numbers past 2\^63"):
        read_votes([("a", "w", 10**30), ("b", "w", 0)])


def test_ids_past_64_bits_are_text(tmp_path):
    large = 10**30
    (tmp_path / "a.csv").write_text(f"item,worker,label\n{large},w,1\n3,w,0\n")
    for data in ([(large, "w", 1), (3, "w", 0)], tmp_path / "a.csv"):
        assert read_votes(data).example_ids.tolist() == [str(large), "3"]
    assert read_votes([("a", large, 1), ("b", 1, 0)]).sources == ("1", str(large))
    assert set(read_claims([("a", large, large), ("b", 1, 2)]).items) == {"1", str(large)}
    narrow = pl.DataFrame({"item": pl.Series([7, 3], dtype=pl.Int128), "worker": ["w", "w"], "label": [1, 0]})
    assert read_votes(narrow).example_ids.tolist() == [7, 3]


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_whole_numbers_that_lost_digits_are_refused(frame):
    with pytest.raises(DataError, match="as text"):
        read_votes(frame({"item": [1e30, 1.0], "worker": ["a", "b"], "label": [1, 0]}))


def test_pandas_objects_past_64_bits_are_refused():
    with pytest.raises(DataError, match="'item' of the pandas frame"):
        read_votes(pd.DataFrame({"item": [10**30, 1], "worker": ["a", "b"], "label": [1, 0]}))


def test_tables_without_rows_are_refused(tmp_path):
    (tmp_path / "a.csv").write_text("source,item,value\n")
    with pytest.raises(DataError, match=r"'value' \(value\) holds no value"):
        read_claims(tmp_path / "a.csv")
    with pytest.raises(DataError, match=r"'value' \(label\) holds no label"):
        read_votes(tmp_path / "a.csv")
    with pytest.raises(DataError, match=r"list is empty; it should hold tuples \(item, worker, label\)"):
        read_votes([])


def test_a_column_that_is_not_there_is_named_in_a_sentence():
    with pytest.raises(DataError) as error:
        read_votes(pl.DataFrame({"x": [1], "worker": ["a"]}), item="worke")
    assert str(error.value) == "there is no column 'worke'; columns: x, worker. Did you mean 'worker'?"
