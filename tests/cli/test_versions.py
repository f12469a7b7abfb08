"""The verbs about versions: in words, as JSON, and where something is wrong."""

from __future__ import annotations

import re

import pytest


@pytest.fixture
def edited(spam, call):
    """The project, named first, then edited and run again."""
    assert call("snapshot", "first", "--project", spam, "--note", "as it came").code == 0
    source = (spam / "supervision.py").read_text(encoding="utf-8")
    source += (
        "\n\n@lw.labeling_function(labels=['ham'])\ndef loved(x):\n    return 'ham' if 'love' in x.body else None\n"
    )
    (spam / "supervision.py").write_text(source, encoding="utf-8")
    assert call("run", "--project", spam).code == 0
    return spam


def test_snapshot_names_a_run_once(edited, call):
    made = call("snapshot", "second", "--project", edited)
    assert (made.code, made.out.splitlines()[0]) == (0, "Run 2 is second.")
    assert f"labelwright diff second latest --project {edited}" in made.out
    again = call("snapshot", "first", "--project", edited)
    assert again.code == 1
    assert "--force" in again.err
    assert call("snapshot", "first", "--force", "--project", edited, "--json").json["number"] == 2
    gone = call("snapshot", "--remove", "second", "--project", edited)
    assert gone.out == "Removed the name second; run 2 stays until labelwright gc.\n"
    assert call("snapshot", "--remove", "first", "--note", "x", "--project", edited).code == 2


def test_log_lists_newest_first(edited, call):
    found = call("log", "--project", edited)
    assert found.code == 0
    assert re.search(r"2 .*\+loved", found.out)
    assert found.out.index("+loved") < found.out.index("first run")
    assert found.out.endswith("first: as it came\n")
    assert "1 of 2; --limit 2 shows all." in call("log", "--limit", "1", "--project", edited).out
    runs = call("log", "--snapshots", "--project", edited, "--json").json
    assert [run["number"] for run in runs["runs"]] == [1]
    assert runs["total"] == 1


def test_diff_answers_in_four_ways(edited, call, tmp_path):
    found = call("diff", "--project", edited)
    assert found.code == 0
    assert "added: loved" in found.out
    assert re.search(r"train +\d+ +\d+", found.out)
    payload = call("diff", "first", "2", "--json", "--limit", "2", "--project", edited).json
    assert [f["name"] for f in payload["functions"]] == ["loved"]
    assert len(payload["movers"]) <= 2
    assert payload["before"]["name"] == "first"
    page = tmp_path / "d.html"
    wrote = call("diff", "first", "--html", page, "--markdown", tmp_path / "d.md", "--project", edited)
    assert [line.split()[0] for line in wrote.out.splitlines()] == ["Wrote", "Wrote"]
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    printed = call("diff", "first", "--markdown", "-", "--project", edited)
    assert printed.out == (tmp_path / "d.md").read_text(encoding="utf-8")
    assert printed.out.startswith("### Training set of")


def test_a_name_that_is_not_there_names_the_closest(edited, call):
    wrong = call("diff", "fist", "--project", edited)
    assert (wrong.code, wrong.out) == (1, "")
    assert "no snapshot or run is called 'fist'. Did you mean 'first'?" in wrong.err
    for verb in ("verify", "checkout"):
        assert "Did you mean 'first'?" in call(verb, "fist", "--project", edited).err
    assert "Did you mean 'first'?" in call("export", "--to", "csv", "--snapshot", "fist", "--project", edited).err


def test_a_diff_needs_two_runs(spam, call):
    wrong = call("diff", "--project", spam)
    assert wrong.code == 1
    assert "has one run, so there is no latest~1. Edit something and run again" in wrong.err
