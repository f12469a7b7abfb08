"""Wrong files and wrong words: exit code 1, one clear block on stderr, no traceback, nothing on stdout."""

from __future__ import annotations

import errno
import os
import shutil

import polars as pl
import pytest

PROJECT_VERBS = [
    ["run"],
    ["lf", "list"],
    ["lf", "test"],
    ["predict", "comments.csv"],
    ["report"],
    ["export", "--to", "csv"],
]


def assert_one_clear_error(result, *words):
    assert (result.code, result.out) == (1, ""), result.err
    assert result.err.startswith("error: ")
    assert "Traceback" not in result.err
    assert "bug" not in result.err
    for word in words:
        assert word in result.err


@pytest.mark.parametrize("verb", PROJECT_VERBS)
def test_a_folder_that_is_no_project(call, verb, tmp_path):
    (tmp_path / "comments.csv").write_text("body\nx\n")
    assert_one_clear_error(call(*verb), "labelwright.toml", "labelwright init")


@pytest.mark.parametrize("verb", PROJECT_VERBS)
def test_an_unknown_key(call, spam, verb, monkeypatch):
    monkeypatch.chdir(spam)
    with (spam / "labelwright.toml").open("a") as file:
        file.write("\n[label_modle]\n")
    assert_one_clear_error(call(*verb), "'label_modle'", "Did you mean 'label_model'?")


@pytest.mark.parametrize(
    "verb", [["run"], ["lf", "list"], ["lf", "test"], ["predict", "comments.csv", "--model", "label"]]
)
def test_a_supervision_file_that_does_not_import(call, spam, verb, monkeypatch):
    monkeypatch.chdir(spam)
    (spam / "supervision.py").write_text("import labelwright as lw\n\nlw.keyword_lf(\n")
    assert_one_clear_error(call(*verb), "supervision.py, line 3")


@pytest.mark.parametrize("verb", [["run"], ["lf", "test"]])
def test_an_unknown_column_in_a_function(call, spam, verb, monkeypatch):
    monkeypatch.chdir(spam)
    source = (spam / "supervision.py").read_text().replace('field="body"', 'field="bdy"')
    (spam / "supervision.py").write_text(source)
    assert_one_clear_error(call(*verb), "bdy", "body")


def test_a_function_that_raises(call, spam, monkeypatch):
    monkeypatch.chdir(spam)
    with (spam / "supervision.py").open("a") as file:
        file.write("\n@lw.labeling_function(labels=['ham'])\ndef broken(x):\n    return x.body.index('zzz')\n")
    assert_one_clear_error(call("run"), "broken", "ValueError", "c0")


@pytest.mark.parametrize("verb", [["run"], ["lf", "test"]])
def test_duplicate_ids(call, spam, verb, monkeypatch):
    monkeypatch.chdir(spam)
    data = (spam / "comments.csv").read_text().splitlines()
    (spam / "comments.csv").write_text("\n".join([*data, data[1]]) + "\n")
    assert_one_clear_error(call(*verb), "id column 'key' repeats", "c00")


@pytest.mark.parametrize("verb", [["run"], ["lf", "test"], ["predict", "comments.csv"]])
def test_data_that_is_not_utf8(call, spam, verb, monkeypatch):
    monkeypatch.chdir(spam)
    content = (spam / "comments.csv").read_bytes()
    (spam / "comments.csv").write_bytes(content.replace(b"what a song", b"what a s\xf6ng"))
    assert_one_clear_error(call(*verb), "comments.csv", "UTF-8")


@pytest.mark.parametrize("verb", [["run"], ["predict", "comments.parquet"]])
def test_a_truncated_parquet_file(call, spam, verb, monkeypatch):
    monkeypatch.chdir(spam)
    pl.read_csv(spam / "comments.csv").write_parquet(spam / "comments.parquet")
    whole = (spam / "comments.parquet").read_bytes()
    (spam / "comments.parquet").write_bytes(whole[: len(whole) // 2])
    path = spam / "labelwright.toml"
    path.write_text(path.read_text().replace("comments.csv", "comments.parquet"))
    assert_one_clear_error(call(*verb), "comments.parquet")


@pytest.mark.parametrize("verb", [["run"], ["run", "--dry-run"]])
def test_data_that_is_not_there(call, spam, verb, monkeypatch):
    monkeypatch.chdir(spam)
    (spam / "comments.csv").unlink()
    assert_one_clear_error(call(*verb), "comments.csv")


def test_names_that_are_not_there(call, spam):
    assert_one_clear_error(call("lf", "test", "mentions_sng", "--project", spam), "Did you mean 'mentions_song'?")
    assert_one_clear_error(call("lf", "test", "--split", "valid", "--project", spam), "no split 'valid'")
    assert_one_clear_error(call("predict", "absent.csv", "--project", spam), "absent.csv")
    assert_one_clear_error(call("predict", spam / "comments.csv", "--model-folder", "absent"), "absent")
    assert_one_clear_error(call("export", "--to", "csv", "--split", "valid", "--project", spam), "no split 'valid'")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--data", "absent.csv", "--labels", "a,b"], ["absent.csv"]),
        (["--data", "two.csv", "--labels", "a,b"], ["--text", "body, title"]),
        (["--data", "two.csv", "--labels", "a,b", "--text", "bdy"], ["no column 'bdy'", "body, title"]),
        (["--data", "two.csv", "--labels", "a", "--text", "body"], ["--labels", "at least 2"]),
        (["--data", "two.csv", "--labels", "a,b", "--text", "body", "--gold", "y"], ["no column 'y'"]),
    ],
)
def test_init_with_wrong_words(call, tmp_path, options, words):
    (tmp_path / "two.csv").write_text("body,title\nx,y\n")
    assert_one_clear_error(call("init", "mine", *options), *words)
    assert not (tmp_path / "mine" / "labelwright.toml").exists()


def test_a_full_disk_is_named_with_what_makes_room(call, spam, tmp_path, monkeypatch):
    full = tmp_path / "full" / "labels.csv"

    def write(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # of a file that is open: without its name

    monkeypatch.setattr("labelwright.pipeline.predict.write_frames", write)
    usage = shutil.disk_usage(tmp_path)
    (tmp_path / "full").mkdir()
    monkeypatch.setattr("shutil.disk_usage", lambda place: usage._replace(free=0 if place == full.parent else 1))
    result = call("predict", spam / "comments.csv", "--project", spam, "--output", full)
    assert_one_clear_error(result, f"no space left on the disk of {full.parent}", f"labelwright gc --project {spam}")


def test_an_error_as_json_is_on_stdout_too(call):
    result = call("run", "--json")
    assert result.code == 1
    assert result.json["error"]["kind"] == "ProjectError"
    assert "labelwright init" in result.json["error"]["message"]


def test_debug_shows_the_traceback(call):
    result = call("run", "--debug")
    assert result.code == 1
    assert "Traceback (most recent call last)" in result.err


def test_a_bug_of_ours_says_that_it_is_one(call, spam, monkeypatch):
    def bug(*_arguments, **_options):
        raise RuntimeError("no idea")

    monkeypatch.setattr("labelwright.pipeline.Project.run", bug)
    result = call("run", "--project", spam)
    assert (result.code, result.out) == (3, "")
    assert "this is a bug in Labelwright: RuntimeError: no idea" in result.err
    assert "--debug" in result.err


def test_a_folder_that_cannot_be_written_to(call, spam, monkeypatch):
    def refuse(*_arguments, **_options):
        raise PermissionError(13, "Permission denied", "/there/report.html")

    monkeypatch.setattr("labelwright.pipeline.Project.report", refuse)
    assert_one_clear_error(call("report", "--project", spam), "Permission denied: /there/report.html")


def test_control_characters_do_not_reach_the_terminal(call, spam):
    result = call("lf", "test", "\x1b[31mred", "--project", spam)
    assert "\x1b" not in result.err
