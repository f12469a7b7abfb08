"""Pairs of labeling functions that share primitives, told from their code."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import labelwright as lw
from labelwright.functions.shared_primitives import primitives_of, shared_primitives

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

KNOWN_SPAMMERS = frozenset({"bob@spam.example", "eve@spam.example"})
PRICE = re.compile(r"\$\d+")
LIMIT = 3


def is_shouting(text: str) -> bool:
    return text.isupper()


@lw.preprocessor
def trimmed(x: Any) -> Any:
    x.short = x.text.strip()
    return x


@lw.labeling_function()
def from_spammer(x: Any) -> Any:
    return 1 if x.sender in KNOWN_SPAMMERS else None


@lw.labeling_function()
def reply_to_spammer(x: Any) -> Any:
    return 1 if x.answered in KNOWN_SPAMMERS else None


@lw.labeling_function()
def names_a_price(x: Any) -> Any:
    return 1 if PRICE.search(x.text) else None


@lw.labeling_function()
def shouts(x: Any) -> Any:
    return 1 if is_shouting(x.text) else None


@lw.labeling_function()
def shouts_in_the_subject(x: Any) -> Any:
    return 1 if is_shouting(x.subject) else None


@lw.labeling_function()
def many_lines(x: Any) -> Any:
    return 0 if x.text.count("\n") > LIMIT else None


@lw.labeling_function()
def many_links(x: Any) -> Any:
    return 1 if x.links > LIMIT else None


UNRELATED = [lw.keyword_lf(name, [name], 0) for name in ("monday", "tuesday", "friday", "sunday")]

free = lw.keyword_lf("free", ["free", "gratis"], 1)
prize = lw.regex_lf("prize", r"(?i)\bfree\b.*\b(?:prize|entry)\b", 1)
entry = lw.regex_lf("entry", r"\bcompetition entry\b", 1)


def told(*functions: Any) -> list[tuple[str, str]]:
    """Ask about functions among others, most of which read the same text and share nothing else."""
    others = [names_a_price, many_lines, many_links, *UNRELATED]
    return shared_primitives([*functions, *(f for f in others if f not in functions)])


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (from_spammer, reply_to_spammer),  # a knowledge base
        (shouts, shouts_in_the_subject),  # a helper function
        (free, prize),  # a word of a list and of a pattern
        (prize, entry),
    ],
)
def test_what_is_shared_is_found(first: Any, second: Any) -> None:
    assert told(first, second) == [(first.name, second.name)]


def test_numbers_and_what_all_read_say_nothing() -> None:
    assert told(many_lines, many_links) == []
    assert told(free, names_a_price) == []


def test_a_preprocessor_and_a_resource_are_shared() -> None:
    def short(x: Any) -> Any:
        return 0 if len(x.short) < 9 else None

    def named(x: Any, names: Any) -> Any:
        return 0 if x.sender in names else None

    one = lw.labeling_function(name="one", pre=[trimmed])(short)
    two = lw.labeling_function(name="two", pre=[trimmed])(lambda x: 1 if "!" in x.short else None)
    assert told(one, two) == [("one", "two")]
    people = ["ann", "joe"]
    three = lw.labeling_function(name="three", resources={"names": people})(named)
    four = lw.labeling_function(name="four", resources={"them": list(people)})(
        lambda x, them: 1 if x.author in them else None
    )
    assert told(three, four) == [("three", "four")]


def test_what_half_of_the_functions_share_is_one_bit_and_what_more_share_is_less() -> None:
    made = [lw.keyword_lf(f"f{i}", ["secret" if i < 4 else "wx" * i, "y" * (i + 3)], 1) for i in range(7)]
    assert len(shared_primitives(made)) == 6  # log2(8 / 4) = 1
    assert shared_primitives(made[:6]) == []  # log2(7 / 4) < 1


def test_the_most_telling_pair_comes_first() -> None:
    functions = [
        lw.keyword_lf("a", ["red", "green"], 1),
        lw.keyword_lf("b", ["green", "blue"], 1),
        lw.keyword_lf("c", ["blue", "black", "white"], 1),
        lw.keyword_lf("d", ["black", "white", "blue"], 0),
        lw.keyword_lf("e", ["grey"], 0),
    ]
    pairs = shared_primitives(functions)
    assert pairs[0] == ("c", "d")
    assert ("a", "b") in pairs
    assert not [pair for pair in pairs if "e" in pair]


def test_plain_functions_and_code_that_cannot_be_read() -> None:
    def plain(x: Any) -> Any:
        return 1 if "lottery" in x.text else None

    def other(x: Any) -> Any:
        return 1 if x["text"].startswith("lottery") else None

    scope: dict[str, Any] = {}
    exec("def unseen(x):\n    return 1 if 'lottery' in x.text else None", scope)
    assert told(plain, other, scope["unseen"]) == [("plain", "other")]
    assert primitives_of(scope["unseen"]) == frozenset()
    assert ("field", "text") in primitives_of(plain) & primitives_of(other)


def module(example: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"{example}_shared", EXAMPLES / example / "supervision.py")
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@pytest.mark.parametrize(
    ("example", "expected", "most"),
    [
        ("youtube_spam", {("names_the_video", "counts_views"), ("judges_the_music", "declares_feelings")}, 0.25),
        ("sms_spam", {("texting_slang", "warm_words"), ("short_message", "makes_plans")}, 0.2),
        ("chest_xray", {("nothing_but_denials", "every_organ_well")}, 0.1),
    ],
)
def test_the_examples(example: str, expected: set[tuple[str, str]], most: float) -> None:
    """Functions behind one preprocessor share it; those that only read the same text share nothing."""
    functions = [f for f in vars(module(example)).values() if hasattr(f, "labels") and hasattr(f, "version")]
    pairs = shared_primitives(functions)
    assert expected <= set(pairs)
    assert len(pairs) <= most * len(functions) * (len(functions) - 1) / 2
    names = {f.name for f in functions}
    assert {name for pair in pairs for name in pair} <= names
