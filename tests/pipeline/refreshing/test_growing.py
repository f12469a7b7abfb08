"""Files added after others: only they are read, and the outcome is that of reading all."""

from __future__ import annotations

import csv
import warnings

import pytest

import labelwright as lw
from labelwright.core.errors import DataError
from labelwright.pipeline.kept.keep import KeptRun
from labelwright.pipeline.refreshing import reading

SETTINGS = """
[data]
path = "logs"
{id}
[data.splits]
train = 0.7
test = 0.3
[task]
classes = ["ham", "spam"]
gold = "gold"
"""
FUNCTIONS = """
import labelwright as lw
FUNCTIONS = [lw.keyword_lf(word, [word], label) for word, label in
             [("http", "spam"), ("song", "ham"), ("love", "ham"), ("free", "spam")]]
"""
TEXTS = ["see http now", "a song", "love song", "free http", "nothing", "love love"]


def _rows(start, n):
    # Texts repeat, also from file to file: ids from content have to count on.
    return [(f"k{i}", TEXTS[i % 6] if i % 3 else f"{TEXTS[i % 6]} {i}", "ham") for i in range(start, start + n)]


def _write(folder, name, rows):
    with (folder / "logs" / name).open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("key", "text", "gold"), *rows])


def _project(folder, *, ids):
    (folder / "logs").mkdir(parents=True)
    (folder / "labelwright.toml").write_text(SETTINGS.replace("{id}", 'id = "key"' if ids else ""))
    (folder / "supervision.py").write_text(FUNCTIONS)
    return lw.Project(folder)


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(reading, "MEAN_ROWS", 12)
    monkeypatch.setattr("labelwright.pipeline.refreshing.run.render_report", lambda content: content.run_id)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize("ids", [True, False])
def test_added_files_are_read_alone_and_the_outcome_is_that_of_all(tmp_path, monkeypatch, ids):
    grown, whole = _project(tmp_path / "grown", ids=ids), _project(tmp_path / "whole", ids=ids)
    _write(grown.folder, "a.csv", _rows(0, 80))
    grown.run()
    opened = []
    real = reading.open_dataset
    monkeypatch.setattr(reading, "open_dataset", lambda *given: (opened.append(given), real(*given))[1])
    for name, start, n in (("b.csv", 80, 7), ("c.csv", 87, 30)):
        _write(grown.folder, name, _rows(start, n))
        result = grown.run()
    assert opened == []
    for name, start, n in (("a.csv", 0, 80), ("b.csv", 80, 7), ("c.csv", 87, 30)):
        _write(whole.folder, name, _rows(start, n))
    assert whole.run().run_id == result.run_id
    assert len(opened) == 1
    kept = KeptRun.latest(grown.folder)
    assert sum(kept.frame(split).height for split in kept.splits) == 117
    assert result.operations["function_applications"] == 30 * 4


def test_what_does_not_come_after_is_read_with_all_the_rest(tmp_path):
    project = _project(tmp_path / "one", ids=True)
    _write(project.folder, "b.csv", _rows(0, 60))
    project.run()
    _write(project.folder, "a.csv", _rows(60, 5))
    other = _project(tmp_path / "two", ids=True)
    for name, start, n in (("a.csv", 60, 5), ("b.csv", 0, 60)):
        _write(other.folder, name, _rows(start, n))
    assert project.run().run_id == other.run().run_id


def test_an_id_that_repeats_in_a_new_file_is_an_error(tmp_path):
    project = _project(tmp_path / "one", ids=True)
    _write(project.folder, "a.csv", _rows(0, 60))
    project.run()
    _write(project.folder, "b.csv", _rows(3, 1))
    with pytest.raises(DataError, match="'key' repeats: k3 stands 2 times"):
        project.run()
