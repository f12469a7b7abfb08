from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright.core.errors import FunctionError
from labelwright.labeling import keyword_lf

SIGNS = "aBk$+ _é\u0301ſK."
words = st.lists(st.text(SIGNS, min_size=1, max_size=3).filter(str.strip), min_size=1, max_size=4)
texts = st.lists(st.none() | st.text(SIGNS, max_size=8), min_size=1, max_size=20)


def is_word(c: str) -> bool:
    return c.isalnum() or c == "_"


def plainly(word: str, text: str) -> bool:
    """Find a whole word, in the plainest way."""
    for i in range(len(text) - len(word) + 1):
        before, after = text[i - 1 : i], text[i + len(word) : i + len(word) + 1]
        if text[i : i + len(word)] != word:
            continue
        glued = (before and is_word(before) and is_word(word[0])) or (after and is_word(after) and is_word(word[-1]))
        if not glued:
            return True
    return False


@settings(deadline=None, max_examples=60)
@given(words, texts)
def test_it_finds_what_a_plain_loop_finds(words, texts):
    whole = keyword_lf("f", words, 1, case_sensitive=True)
    anywhere = keyword_lf("g", words, 1, case_sensitive=True, whole_words=False)
    frame = pl.DataFrame({"text": texts}, schema={"text": pl.String})
    for function, find in ((whole, plainly), (anywhere, lambda word, text: word in text)):
        expected = [text is not None and any(find(word, text) for word in words) for text in texts]
        assert [function({"text": text}) == 1 for text in texts] == expected
        found = frame.select(function.expression(frame.schema)).to_series().fill_null(False)
        assert found.to_list() == expected


@settings(deadline=None, max_examples=60)
@given(words, texts, st.booleans(), st.booleans())
def test_a_column_means_what_one_example_means(words, texts, case_sensitive, whole_words):
    function = keyword_lf("f", words, 1, case_sensitive=case_sensitive, whole_words=whole_words)
    frame = pl.DataFrame({"text": texts}, schema={"text": pl.String})
    found = frame.select(function.expression(frame.schema)).to_series().fill_null(False)
    assert found.to_list() == [function({"text": text}) == 1 for text in texts]
    assert function.slow_path(frame.schema) is None


def test_case_and_whole_words_by_default():
    free = keyword_lf("f", ["free", "c++", "$$$", "check out"], "spam")
    assert [free({"text": t}) for t in ("FREE!", "a Free gift", "c++11", "get$$$now", "Check out this")] == ["spam"] * 5
    assert [free({"text": t}) for t in ("freedom", "carefree", "xc++", "free_", "check\nout", "²free")] == [None] * 6
    stem = keyword_lf("f", ["subscri"], "spam", whole_words=False)
    assert stem({"text": "SUBSCRIPTION"}) == "spam"


def test_words_are_taken_literally():
    assert keyword_lf("f", ["a.c"], 1)({"text": "abc"}) is None
    assert keyword_lf("f", ["[x]"], 1)({"text": "see [x] there"}) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "has no words"),
        ("free", r"pass a list, such as \['free'\]"),
        (None, "pass a list"),
        (["free", ""], "the word ''"),
        (["  "], "and not empty"),
        (["free", 3], "the word 3"),
    ],
)
def test_words_are_checked(words, said):
    with pytest.raises(FunctionError, match=said):
        keyword_lf("f", words, 1)


def test_a_thousand_words_are_one_function():
    function = keyword_lf("f", [f"word{i}" for i in range(1000)], 1)
    frame = pl.DataFrame({"text": ["a Word77 b", "word1000", "sword5"]})
    assert frame.select(function.expression(frame.schema)).to_series().to_list() == [True, False, False]
