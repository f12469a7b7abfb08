"""``labelwright explain`` in words, as JSON and as a page."""

from __future__ import annotations

import pytest


def test_an_example_is_explained(call, spam):
    result = call("explain", "c08", "--project", spam)
    assert result.code == 0, result.err
    assert result.out.startswith("Example c08, ")
    assert "log-odds" in result.out
    assert "without it" in result.out
    found = call("explain", "c08", "--project", spam, "--json").json
    assert found["id"] == "c08"
    added = found["log_odds"]["prior"] + sum(v["log_odds"] for v in found["votes"])
    assert added == pytest.approx(found["log_odds"]["total"], abs=1e-9)


def test_everything_can_be_asked_for_at_once(call, spam, tmp_path):
    page = tmp_path / "why.html"
    result = call(
        "explain", "c08", "--project", spam, "--refit", "--interval", "--check", "--html", page, "--snapshot", "1"
    )
    assert result.code == 0, result.err
    assert "refitted" in result.out
    assert "Checked: Holds" in result.out
    assert f"Wrote {page}" in result.out
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_a_page_is_not_written_over_the_project(call, spam):
    before = (spam / "supervision.py").read_text(encoding="utf-8")
    result = call("explain", "c08", "--project", spam, "--html", spam / "supervision.py")
    assert result.code == 1
    assert "write to another file" in result.err
    assert (spam / "supervision.py").read_text(encoding="utf-8") == before


def test_a_function_is_explained(call, spam):
    result = call("explain", "--function", "mentions_song", "--project", spam, "--limit", 2)
    assert result.code == 0, result.err
    assert result.out.startswith("mentions_song (")
    assert "labels would be others without it" in result.out
    found = call("explain", "--function", "mentions_song", "--project", spam, "--limit", 2, "--json").json
    assert len(found["examples"]) == 2
    assert found["flips"] <= found["votes"]


def test_what_is_not_there_is_said_with_what_is_close(call, spam):
    result = call("explain", "c008", "--project", spam)
    assert result.code == 1
    assert "no example 'c008'" in result.err
    assert "Did you mean 'c08' or " in result.err
    result = call("explain", "--function", "mentions_songs", "--project", spam)
    assert "Did you mean 'mentions_song'" in result.err
    result = call("explain", "c08", "--project", spam, "--snapshot", "nope")
    assert result.code == 1
    assert "nope" in result.err


def test_one_thing_is_explained_at_a_time(call, spam):
    for arguments in ((), ("c08", "--function", "mentions_song")):
        result = call("explain", *arguments, "--project", spam)
        assert result.code == 2
        assert "name one example" in result.err
