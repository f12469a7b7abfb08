"""``labelwright augment``: what it prints, and what it tells other programs."""

from __future__ import annotations

from pathlib import Path

import pytest

TRANSFORMATIONS = """

@lw.transformation_function(field="body", magnitude=(0.0, 1.0))
def other_words(text, magnitude, rng):
    return " ".join("clip" if word == "song" and rng.random() < magnitude else word for word in text.split())


@lw.transformation_function(field="body")
def broken(text):
    return 1 / 0 if "subscribe" in text else text.upper()
"""
SETTINGS = '\n[augmentation]\npolicy = "random"\non_error = "skip"\n'


@pytest.fixture
def augmented(spam: Path) -> Path:
    """The project with transformation functions, not run since."""
    source = spam / "supervision.py"
    source.write_text(source.read_text(encoding="utf-8") + TRANSFORMATIONS, encoding="utf-8")
    settings = spam / "labelwright.toml"
    settings.write_text(settings.read_text(encoding="utf-8") + SETTINGS, encoding="utf-8")
    return spam


def test_show_lists_functions_with_bounds_and_examples(call, augmented):
    said = call("augment", "--show", "--project", augmented, "--limit", "2")
    assert said.code == 0
    assert "other_words" in said.out
    assert "0 to 1" in said.out
    assert "clip" in said.out
    assert "FAILED" in said.out
    assert not list(augmented.glob(".labelwright/learning/*"))


def test_show_as_json_names_one_function(call, augmented):
    found = call("augment", "--show", "other_words", "--project", augmented, "--json").json
    (one,) = found["functions"]
    assert one["name"] == "other_words"
    assert one["magnitude"] == [0.0, 1.0, 0.0, ""]
    assert one["changed"] > 0
    assert all(shown["before"] != shown["after"] for shown in one["examples"])


def test_show_of_a_function_that_is_not_there_names_the_closest(call, augmented):
    said = call("augment", "--show", "other_word", "--project", augmented)
    assert said.code == 1
    assert "Did you mean 'other_words'?" in said.err


def test_names_go_with_show_alone(call, augmented):
    said = call("augment", "other_words", "--project", augmented)
    assert said.code == 2
    assert "--show" in said.err


def test_augment_settles_and_says_what_is_next(call, augmented):
    said = call("augment", "--project", augmented)
    assert said.code == 0
    assert "Policy: random" in said.out
    assert "Next: labelwright run" in said.out
    found = call("augment", "--project", augmented, "--json").json
    assert [f["name"] for f in found["functions"]] == ["other_words", "broken"]
    assert set(found["artifacts"]) == {"policy"}


def test_dry_run_writes_nothing(call, augmented):
    def files() -> dict[Path, int]:
        found = [path for path in augmented.rglob("*") if path.is_file() and "sqlite-" not in path.name]
        return {path: path.stat().st_mtime_ns for path in found}

    before = files()
    found = call("augment", "--dry-run", "--project", augmented, "--json").json
    assert found["plan"]["steps"] == []  # a random policy has nothing to learn
    assert files() == before


def test_run_plans_and_uses_it(call, augmented):
    said = call("run", "--dry-run", "--project", augmented)
    assert "augmented copies: augmentation is new" in said.out
    done = call("run", "--project", augmented, "--json").json
    assert "plain end model" in done["scores"]["test"]["models"]
    assert done["operations"]["examples_augmented"] == done["splits"]["train"]
    assert any("broken failed on" in text for text in done["warnings"])


def test_without_the_table_it_says_what_to_write(call, spam):
    said = call("augment", "--project", spam)
    assert said.code == 1
    assert "[augmentation]" in said.err
    assert 'policy = "random"' in said.err
