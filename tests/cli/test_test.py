"""``labelwright test`` in words and as JSON, with its exit code."""

from __future__ import annotations

FUNCTIONS = (
    "import labelwright as lw\n"
    "song = lw.keyword_lf('song', ['song'], label='ham', field='body', examples=[('a song', 'ham'), ('silence', {})])\n"
    "channel = lw.keyword_lf('channel', ['channel'], label='spam', field='body')\n"
)


def test_examples_that_hold_pass(call, spam):
    (spam / "supervision.py").write_text(FUNCTIONS.format("None"))
    result = call("test", "--project", spam)
    assert (result.code, result.err) == (0, "")
    assert result.out == "Examples: 2 of 2 as expected (1 of 2 functions have some)\n"


def test_an_example_that_does_not_hold_fails_with_its_figures(call, spam):
    (spam / "supervision.py").write_text(FUNCTIONS.format("'ham'"))
    result = call("test", "--project", spam)
    assert result.code == 1
    assert "Examples: 1 of 2 as expected" in result.out
    assert [line.split() for line in result.out.splitlines() if "silence" in line] == [
        ["song", "'silence'", "ham", "abstains"]
    ]
    found = call("test", "--project", spam, "--json")
    assert (found.code, found.json["passed"]) == (1, False)
    assert [e["passed"] for e in found.json["examples"]] == [True, False]


def test_failing_tests_are_shown(call, spam):
    (spam / "supervision.py").write_text(FUNCTIONS.format("None"))
    (spam / "tests").mkdir()
    (spam / "tests" / "test_it.py").write_text("def test_it():\n    assert 1 == 2\n")
    result = call("test", "--project", spam)
    assert result.code == 1
    assert "Tests: tests/: 1 of 1 failed" in result.out
    assert "test_it: assert 1 == 2" in result.out
