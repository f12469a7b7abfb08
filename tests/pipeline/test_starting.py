"""Starting a project: three functions from frequent words, no label read, nothing overwritten."""

from __future__ import annotations

import csv

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import labelwright as lw
from labelwright.core.errors import DataError, ProjectError
from labelwright.pipeline.starting import frequent_words, start_project

from .conftest import rows, write_csv

WORDS = st.lists(st.sampled_from(["red", "blue", "green", "the", "and", "apple", "pear"]), max_size=6).map(" ".join)


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(WORDS, min_size=1, max_size=40), count=st.integers(1, 4))
def test_words_are_distinct_found_and_counted_right(texts, count):
    found = frequent_words(texts, count=count)
    assert len({word for word, _ in found}) == len(found) <= count
    for word, share in found:
        assert word not in ("the", "and")
        assert share == pytest.approx(sum(word in text.split() for text in texts) / len(texts), abs=1e-4)


def test_words_that_always_come_together_give_one_function():
    texts = ["red apple"] * 5 + ["blue pear"] * 4 + ["nothing"] * 20
    assert [word for word, _ in frequent_words(texts, count=2)] == ["apple", "blue"]


@pytest.mark.parametrize("name", ["body", "it's [odd] #1", "Größe\\text"])
def test_a_started_project_runs_whatever_the_names(tmp_path, name):
    table = [{"key": r["key"], name: r["text"], "gold": r["gold"]} for r in rows()]
    (tmp_path / "data").mkdir()
    write_csv(tmp_path / "data" / "c.csv", table)
    classes = ["not spam", 'spam "x"']
    made = start_project(tmp_path / "new", tmp_path / "data" / "c.csv", text=name, classes=classes, id="key")
    project = lw.Project(tmp_path / "new")
    assert project.settings.data.path == "../data/c.csv"
    assert [f.name for f in project.functions] == list(made.functions)
    assert {f.labels[0] for f in project.functions} == set(classes)
    result = project.run()
    assert result.splits == {"train": 80}


def test_gold_is_named_for_scoring_and_never_read(tmp_path):
    table = rows()
    write_csv(tmp_path / "c.csv", table)
    start_project(tmp_path / "one", tmp_path / "c.csv", text="text", classes=["ham", "spam"], gold="gold")
    write_csv(tmp_path / "c.csv", [{**row, "gold": "ham"} for row in table])
    start_project(tmp_path / "two", tmp_path / "c.csv", text="text", classes=["ham", "spam"], gold="gold")
    for name in ("labelwright.toml", "supervision.py"):
        assert (tmp_path / "one" / name).read_text() == (tmp_path / "two" / name).read_text()
    assert lw.Project(tmp_path / "one").settings.data.splits.kind == "fractions"


def test_nothing_is_overwritten_unless_forced(tmp_path):
    write_csv(tmp_path / "c.csv", rows())
    (tmp_path / "supervision.py").write_text("mine")
    with pytest.raises(ProjectError, match="left alone; --force"):
        start_project(tmp_path, tmp_path / "c.csv", text="text", classes=["a", "b"])
    assert not (tmp_path / "labelwright.toml").exists()
    start_project(tmp_path, tmp_path / "c.csv", text="text", classes=["a", "b"], force=True)
    assert (tmp_path / "supervision.py").read_text() != "mine"


def test_data_without_text_is_refused(tmp_path):
    with (tmp_path / "c.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["n", "text"], [1, ""], [2, ""]])
    with pytest.raises((ProjectError, DataError)):
        start_project(tmp_path, tmp_path / "c.csv", text="text", classes=["a", "b"])
    with pytest.raises(ProjectError, match="has type Int64, which is not text"):
        start_project(tmp_path, tmp_path / "c.csv", text="n", classes=["a", "b"])
