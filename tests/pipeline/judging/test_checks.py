"""The examples that functions carry, and the project's own tests."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

import labelwright as lw
from labelwright.labeling import (
    batch_lf,
    column_lf,
    expression_lf,
    keyword_lf,
    labeling_function,
    lookup_lf,
    regex_lf,
    threshold_lf,
)
from labelwright.pipeline.judging import checks
from labelwright.pipeline.judging.checks import check_examples, run_pytest

CLASSES = ["ham", "spam"]


def long(part: Any) -> list[int | None]:
    return [1 if len(text) > 5 else None for text in part["text"]]


def by_length(x: Any) -> str | None:
    return "spam" if len(x.text) > x.limit else None


def by_text(x: Any) -> int:
    return 1 if "http" in x.text else -1


FUNCTIONS = {
    "keyword": keyword_lf("f", ["free"], "spam", examples=[("so free", "spam"), ({"text": "no"}, None)]),
    "regex": regex_lf("f", "fr+ee", "spam", field="body", examples=[("frree", "spam"), ({"body": "no"}, -1)]),
    "threshold": threshold_lf("f", "likes", ">", 3, "spam", examples=[(4, "spam"), ({"likes": 3}, None)]),
    "lookup": lookup_lf("f", "name", ["Ann"], "spam", examples=[("Ann", "spam"), ("Bo", None)]),
    "expression": expression_lf("f", "len(text) > n", "spam", examples=[({"text": "abcd", "n": 3}, 1)]),
    "column": column_lf("f", "stars", {1: "spam"}, examples=[(1, "spam"), (2, None)]),
    "batch": batch_lf("f", fields=["text"], examples=[("abcdef", "spam"), ("abc", None)])(long),
    "python": labeling_function("f", examples=[("http", "spam"), ("http", 1), ("", -1)])(by_text),
    "fields": labeling_function("f", examples=[({"text": "abc", "limit": 2}, "spam")])(by_length),
}


def nothing_is_asked() -> list[str]:
    raise AssertionError("the columns of the data were asked for")


@pytest.mark.parametrize("kind", FUNCTIONS)
def test_every_kind_of_function_passes_its_examples_without_data(kind: str) -> None:
    found = check_examples([FUNCTIONS[kind]], CLASSES, nothing_is_asked)
    assert len(found) == len(FUNCTIONS[kind].examples)
    assert [str(e) for e in found if not e.passed] == []


def test_what_fails_says_what_was_expected_and_what_came() -> None:
    @labeling_function(
        examples=[("http", "ham"), ("http", None), ("", "spam"), ({"body": "http"}, "spam"), ("http", "eggs")]
    )
    def link(x: Any) -> str | None:
        return "spam" if "http" in x.text else None

    found = check_examples([link], CLASSES, nothing_is_asked)
    assert [e.passed for e in found] == [False] * 5
    assert str(found[0]) == "link on 'http': expected ham, got spam"
    assert str(found[1]) == "link on 'http': expected abstains, got spam"
    assert str(found[2]) == "link on '': expected spam, got abstains"
    assert "text" in found[3].error
    assert "test_checks.py, line" in found[3].error
    assert found[4].error == "'eggs' is no class; allowed: 'ham', 'spam'"


def test_a_vote_that_is_no_class_fails() -> None:
    function = labeling_function("f", examples=[("a", "spam"), ("b", None)])(lambda x: "eggs" if "a" in x.text else 0.5)
    first, second = check_examples([function], CLASSES, nothing_is_asked)
    assert first.error == "it voted 'eggs', which is no class"
    assert "not a float" in second.error


def test_a_bare_text_goes_to_the_one_text_field_of_the_data() -> None:
    both = labeling_function("f", examples=[("abc", "spam")])(lambda x: by_any(x))  # no field can be told
    assert both.fields is None

    def by_any(x: Any) -> str:
        return "spam" if x.text == "abc" else "ham"

    (found,) = check_examples([both], CLASSES, lambda: ["text"])
    assert found.passed, found
    (found,) = check_examples([both], CLASSES, lambda: ["text", "title"])
    assert "it reads text, title; name the field in the example" in found.error
    (found,) = check_examples([FUNCTIONS["fields"]], CLASSES, lambda: ["text", "title"])
    assert found.passed


def test_a_bare_text_goes_to_the_one_text_field_that_the_function_reads() -> None:
    declared = labeling_function("f", fields=["text", "likes"], examples=[("abc", "spam")])(lambda x: x.text and "spam")
    (found,) = check_examples([declared], CLASSES, lambda: ["title", "text"])
    assert found.passed, found


def test_numbers_are_classes_where_classes_are_numbers() -> None:
    function = labeling_function("f", examples=[("a", 1), ("a", 2), ("b", -1)])(lambda x: 1 if x.text == "a" else -1)
    found = check_examples([function], [0, 1], nothing_is_asked)
    assert [e.passed for e in found] == [True, False, True]
    assert found[1].error == "2 is no class; allowed: 0, 1"


def write_tests(folder: Path, text: str) -> Path:
    (folder / "tests").mkdir(parents=True)
    (folder / "tests" / "test_functions.py").write_text(text)
    return folder


def test_the_projects_own_tests_are_run(make_project) -> None:
    folder = make_project()
    assert run_pytest(folder).status == "no folder"
    write_tests(
        folder,
        "import supervision\n\ndef test_link():\n    assert supervision.has_link({'text': 'http://a'}) == 'spam'\n\n"
        "def test_wrong():\n    assert supervision.song({'text': 'quiet'}) == 'ham', 'no song'\n",
    )
    found = run_pytest(folder)
    assert (found.status, found.tests, found.passed) == ("failed", 2, False)
    (failure,) = found.failures
    assert failure.test.endswith("test_functions::test_wrong")
    assert "no song" in failure.message
    assert "1 failed, 1 passed" in found.output
    (folder / "tests" / "test_functions.py").write_text("def test_it():\n    pass\n")
    assert (run_pytest(folder).status, run_pytest(folder).tests) == ("passed", 1)
    (folder / "tests" / "test_functions.py").write_text("")
    assert run_pytest(folder).status == "no tests"
    (folder / "tests" / "conftest.py").write_text("1 / 0\n")
    found = run_pytest(folder)
    assert found.status == "failed"
    assert found.failures


def test_tests_that_cannot_be_run_are_no_pass(tmp_path, monkeypatch) -> None:
    write_tests(tmp_path, "")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    found = checks.run_pytest(tmp_path)
    assert (found.status, found.passed) == ("not installed", False)
    assert "pip install pytest" in str(found)


def test_a_project_tests_itself(make_project) -> None:
    functions = (
        "import labelwright as lw\n"
        "song = lw.keyword_lf('song', ['song'], label='ham', examples=[('a song', 'ham'), ('songs', None)])\n"
        "@lw.labeling_function(labels=['spam'], examples=[('http://a', 'spam'), ('hello', 'spam')])\n"
        "def link(x):\n    return 'spam' if 'http' in x.text else None\n"
    )
    found = lw.Project(make_project(functions=functions)).test()
    assert not found.passed
    assert [e.passed for e in found.examples] == [True, True, True, False]
    assert found.to_dict()["examples"][3] == {
        "function": "link",
        "example": "hello",
        "expected": "spam",
        "got": None,
        "passed": False,
        "error": "",
    }
