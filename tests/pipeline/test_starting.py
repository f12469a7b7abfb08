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


@pytest.mark.parametrize(
    ("content", "options", "words"),
    [
        ("k,text\n1,a song\n1,my channel\n2,love\n", {"id": "k"}, r"id column 'k' repeats: 1 stands 2 times"),
        ("text;team\na song;red\n", {}, r"no column 'text'.* Is ';' the separator of the file\?"),
        ("texts,team\na song,red\n", {}, r"c.csv has no column 'text'; did you mean 'texts'\? Columns: texts, team"),
        ("text,team\n", {}, r"c.csv has columns \(text, team\), but no rows"),
        ('text,team\n"",red\n', {}, r"c.csv: the column 'text' has no text; say with --text"),
    ],
)
def test_data_that_no_run_could_read_is_refused(tmp_path, content, options, words):
    (tmp_path / "c.csv").write_text(content)
    with pytest.raises((ProjectError, DataError), match=words):
        start_project(tmp_path / "new", tmp_path / "c.csv", text="text", classes=["a", "b"], **options)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("texts", "introduced"),
    [
        (["1 2", "of it"], "No word is frequent enough"),
        (["song", "song"], "This one is made of a frequent word"),
        (["song", "channel"], "These two are made"),
        (["song", "channel", "love", "video"], "These three are made"),
    ],
)
def test_the_file_says_how_many_functions_it_holds(tmp_path, texts, introduced):
    write_csv(tmp_path / "c.csv", [{"k": f"k{i}", "text": text} for i, text in enumerate(texts)])
    made = start_project(tmp_path, tmp_path / "c.csv", text="text", classes=["a", "b"])
    written = (tmp_path / "supervision.py").read_text()
    assert introduced in written
    assert ("# my_words = lw.keyword_lf(" in written) == (not made.functions)
    if not made.functions:  # the example, uncommented, is a function
        (tmp_path / "supervision.py").write_text(written.replace("# my_words", "my_words"))
    assert lw.Project(tmp_path).functions
