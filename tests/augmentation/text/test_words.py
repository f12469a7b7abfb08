import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.augmentation.text.words import NEGATIONS, cased_as, find_words, folded, passage
from labelwright.core.errors import FunctionError


def words(text):
    return [text[start:end] for start, end in find_words(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't stop, it’s e-mail!", ["Don't", "stop", "it’s", "e-mail"]),
        ("don&#39;t &amp; won&#39;t<br />ever", ["don&#39;t", "won&#39;t", "ever"]),
        (
            "see http://x.org/a?b=1. Or a.b@c.org, adf.ly/x",
            ["see", "http://x.org/a?b=1", "Or", "a.b@c.org", "adf.ly/x"],
        ),
        ("1,700,000 views, 9.99 each; 1, 2", ["1,700,000", "views", "9.99", "each", "1", "2"]),
        ("#tag @you ... !!! \ufeff", ["#tag", "@you"]),
        ("cafe\u0301 नमस्ते दुनिया", ["cafe\u0301", "नमस्ते", "दुनिया"]),
        ("один, два", ["один", "два"]),
        ("", []),
    ],
)
def test_words_are_what_people_call_words(text, expected):
    assert words(text) == expected


@given(st.text(max_size=60))
def test_words_lie_in_order_and_hold_something(text):
    spans = find_words(text)
    flat = [place for span in spans for place in span]
    assert flat == sorted(flat)
    assert all(text[start:end].strip() for start, end in spans)


@pytest.mark.parametrize("unit", ["*", "a", "@", ".", "a@", "a.", "<a", "&a", "http://", "-", "+"])
def test_no_text_takes_more_than_linear_time(unit):
    started = time.process_time()
    find_words(unit * 20_000)
    assert time.process_time() - started < 1


@given(st.text(st.characters(categories=["Lu", "Ll"]), min_size=1, max_size=10))
def test_case_never_changes_the_word_itself(word):
    assert cased_as(word, word).casefold() == word.casefold()


def test_negations_are_found_however_they_are_written():
    for written in ("Don't", "DON’T", "don&#39;t", "dont", "Not"):
        assert folded(written) in NEGATIONS


def test_words_that_touch_a_kept_span_are_not_free():
    found = passage("Ann wed Bob", frozenset(), [(0, 3), (10, 11)])
    assert [found.word(i) for i in found.free] == ["wed"]


def test_a_record_in_place_of_a_text_is_refused():
    with pytest.raises(FunctionError, match="field='text'"):
        passage({"text": "a"}, frozenset())
