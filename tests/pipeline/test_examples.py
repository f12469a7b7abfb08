"""Splits: a partition by column, paths or hash; groups are never cut; leaks are errors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright.core.errors import DataError, DataWarning
from labelwright.pipeline.examples import example_texts, open_sources
from labelwright.pipeline.settings import parse_settings

TASK = '[task]\nclasses = ["a", "b"]\n'


def splits_of(folder: Path, text: str):
    sources = open_sources(parse_settings(text), folder)
    return {split.name: split for source in sources for split in source.splits}


def hashed(folder: Path, ids, groups, more="") -> dict:
    pl.DataFrame({"id": ids, "group": groups}).write_parquet(folder / "x.parquet")
    return splits_of(
        folder,
        f'[data]\npath = "x.parquet"\nid = "id"\n{more}[data.splits]\ntrain = 0.5\nvalid = 0.2\ntest = 0.3\n{TASK}',
    )


@settings(max_examples=25, deadline=None)
@given(
    groups=st.lists(st.integers(0, 200), min_size=150, max_size=200, unique=True),
    copies=st.integers(1, 3),
    by_group=st.booleans(),
)
def test_fractions_partition_the_rows_and_never_cut_a_group(tmp_path_factory, groups, copies, by_group):
    groups = groups * copies
    folder = tmp_path_factory.mktemp("data")
    ids = [f"e{i}" for i in range(len(groups))]
    found = hashed(folder, ids, groups, 'group = "group"\n' if by_group else "")
    rows = np.concatenate([s.rows for s in found.values()])
    assert sorted(rows.tolist()) == list(range(len(groups)))
    if by_group:
        held = [set(np.array(groups)[s.rows].tolist()) for s in found.values()]
        assert not held[0] & held[1]
        assert not held[0] & held[2]
        assert not held[1] & held[2]


def test_an_example_keeps_its_split_when_rows_are_added_or_moved(tmp_path):
    ids = [f"e{i}" for i in range(300)]
    before = {i: name for name, s in hashed(tmp_path, ids, [0] * 300).items() for i in s.example_ids}
    more = [f"new{i}" for i in range(100)] + ids[::-1]
    after = {i: name for name, s in hashed(tmp_path, more, [0] * 400).items() for i in s.example_ids}
    assert all(after[i] == before[i] for i in ids)


def test_fractions_are_about_what_they_say(tmp_path):
    found = hashed(tmp_path, list(range(20_000)), [0] * 20_000)
    # Five standard deviations of a binomial share.
    for name, share in (("train", 0.5), ("valid", 0.2), ("test", 0.3)):
        assert abs(found[name].n / 20_000 - share) < 5 * np.sqrt(share * (1 - share) / 20_000)


def test_a_column_divides_by_its_values_and_says_what_is_left_out(tmp_path):
    pl.DataFrame({"s": [1, 2, 3, 1, None], "y": ["a", "b", "a", None, "b"]}).write_parquet(tmp_path / "x.parquet")
    text = f'[data]\npath = "x.parquet"\n[data.splits]\ncolumn = "s"\ntrain = 1\ntest = [2]\n{TASK}gold = "y"\n'
    with pytest.warns(DataWarning, match="2 examples are in no split"):
        found = splits_of(tmp_path, text)
    assert found["train"].rows.tolist() == [0, 3]
    assert found["train"].gold.tolist() == [0, -1]
    assert found["test"].gold.tolist() == [1]


def write_two(folder: Path, first, second) -> str:
    pl.DataFrame({"id": first, "y": ["a"] * len(first)}).write_csv(folder / "one.csv")
    pl.DataFrame({"id": second, "y": ["b"] * len(second)}).write_csv(folder / "two.csv")
    return f'[data]\nid = "id"\n[data.splits]\ntrain = "one.csv"\ntest = "two.csv"\n{TASK}gold = "y"\n'


def test_a_path_for_each_split(tmp_path):
    found = splits_of(tmp_path, write_two(tmp_path, [1, 2], [3]))
    assert found["train"].example_ids.tolist() == [1, 2]
    assert found["test"].gold.tolist() == [1]


def test_an_example_in_two_splits_is_a_leak(tmp_path):
    with pytest.raises(DataError, match="in train and in test, such as 2"):
        splits_of(tmp_path, write_two(tmp_path, [1, 2], [2, 3]))


GROUPED = '[data]\nid = "id"\ngroup = "patient"\n'


def test_a_column_of_splits_must_not_cut_a_group(tmp_path):
    frame = pl.DataFrame(
        {"id": range(6), "patient": list("aabbbc"), "s": ["train", "train", "train", "test", "test", "test"]}
    )
    text = GROUPED + f'path = "x.parquet"\n[data.splits]\ncolumn = "s"\ntrain = "train"\ntest = "test"\n{TASK}'
    frame.write_parquet(tmp_path / "x.parquet")
    with pytest.raises(
        DataError, match="the splits cut 1 group of 'patient', such as b: of its examples, 1 in train and 2 in test"
    ):
        splits_of(tmp_path, text)
    # Examples that are in no split cut nothing.
    frame.with_columns(s=pl.when(pl.col("id") == 2).then(pl.lit("x")).otherwise("s")).write_parquet(
        tmp_path / "x.parquet"
    )
    with pytest.warns(DataWarning, match="1 examples are in no split"):
        found = splits_of(tmp_path, text)
    assert found["test"].groups.tolist() == ["b", "b", "c"]


def test_files_of_splits_must_not_cut_a_group(tmp_path):
    text = f'{GROUPED}[data.splits]\ntrain = "one.csv"\ntest = "two.csv"\n{TASK}'
    pl.DataFrame({"id": [1, 2], "patient": [7, 8]}).write_csv(tmp_path / "one.csv")
    pl.DataFrame({"id": [3, 4], "patient": [8, 9]}).write_csv(tmp_path / "two.csv")
    with pytest.raises(DataError, match=r"such as 8: of its examples, 1 in train and 1 in test.*take data\.group out"):
        splits_of(tmp_path, text)
    pl.DataFrame({"id": [4], "patient": [9]}).write_csv(tmp_path / "two.csv")
    assert splits_of(tmp_path, text)["test"].groups.tolist() == [9]


def test_without_ids_equal_examples_go_to_one_split_whatever_their_gold(tmp_path):
    text = f'[data]\npath = "x.parquet"\n[data.splits]\ntrain = 0.5\ntest = 0.5\n{TASK}gold = "y"\n'
    texts = [f"text {i % 40}" for i in range(200)]

    def texts_of(gold, order):
        frame = pl.DataFrame({"text": texts, "y": gold})[order]
        frame.write_parquet(tmp_path / "x.parquet")
        return {name: frame[split.rows]["text"].to_list() for name, split in splits_of(tmp_path, text).items()}

    found = texts_of(["a", "b"] * 100, list(range(200)))
    assert not set(found["train"]) & set(found["test"])
    again = texts_of([None] * 200, list(range(199, -1, -1)))
    assert {name: set(t) for name, t in found.items()} == {name: set(t) for name, t in again.items()}


@pytest.mark.parametrize(
    ("frame", "more", "words"),
    [
        ({"id": [1, 1, 2]}, 'id = "id"\n', "the id column 'id' repeats: 1 stands 2 times"),
        ({"id": [1]}, 'id = "key"\n', "toml: data.id is 'key', which is not a column of .*x.parquet; Columns: id"),
        ({"id": [1]}, 'group = "g"\n', "labelwright.toml: data.group is 'g', which is not a column of"),
        ({"id": [1], "y": ["c"]}, "", "label 'c' at position 0 is not among the classes"),
    ],
)
def test_wrong_data_is_refused(tmp_path, frame, more, words):
    pl.DataFrame(frame).write_parquet(tmp_path / "x.parquet")
    gold = 'gold = "y"\n' if "y" in frame else ""
    with pytest.raises(DataError, match=words):
        splits_of(tmp_path, f'[data]\npath = "x.parquet"\n{more}{TASK}{gold}')


def test_an_unknown_column_names_the_key_and_the_columns(tmp_path):
    pl.DataFrame({"text": ["x"]}).write_parquet(tmp_path / "x.parquet")
    for more, key in (
        (f'{TASK}gold = "y"\n', "task.gold is 'y'"),
        (f'{TASK}[end_model]\nkind = "text"\nfields = ["text", "body"]\n', r"end_model.fields\[1\] is 'body'"),
        (f'[data.splits]\ncolumn = "s"\ntrain = "t"\n{TASK}', "data.splits.column is 's'"),
    ):
        with pytest.raises(DataError, match=f"{key}.*Columns: text"):
            splits_of(tmp_path, f'[data]\npath = "x.parquet"\n{more}')


def test_rows_of_a_split_come_in_order_across_parts(tmp_path):
    pl.DataFrame({"n": range(10), "text": [f"t{i}" for i in range(10)]}).write_csv(tmp_path / "x.csv")
    text = f'[data]\npath = "x.csv"\nid = "n"\n[data.splits]\ntrain = 0.5\ntest = 0.5\n{TASK}'
    parsed = parse_settings(text)
    (source,) = open_sources(parsed, tmp_path)
    for split in source.splits:
        assert source.frame(split, ["n"])["n"].to_list() == split.example_ids.tolist()
        assert example_texts(parsed, source, split)(0) == f"t{split.example_ids[0]}"
        assert example_texts(parsed, source, split, fields=["n", "text"])(0).startswith("n = ")
        assert example_texts(parsed, source, split, fields=())(0) == f"t{split.example_ids[0]}"
