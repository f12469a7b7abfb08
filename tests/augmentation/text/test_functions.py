"""Laws that every declarative function on text keeps."""

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright.augmentation import Sequences, apply_sequences
from labelwright.augmentation.text import (
    Embeddings,
    NgramModel,
    delete_words,
    mask_spans,
    replace_by_neighbours,
    replace_by_ngrams,
    swap_words,
    synonyms,
    train_embeddings,
    typos,
)
from labelwright.augmentation.text.words import find_words, folded
from labelwright.core.errors import FunctionError

VOCABULARY = ["this", "song", "video", "great", "not", "check", "out", "my", "channel", "please", "Don't", "LOVE"]
LEXICON = {
    "song": ["tune"],
    "video": ["clip"],
    "great": ["fine"],
    "not": ["surely"],
    "check": ["look"],
    "love": ["adore"],
}
MODEL = NgramModel.fit(
    ["this song not great", "check out my channel please", "love this video", "my song"], min_count=1
)
VECTORS = Embeddings(VOCABULARY, np.random.default_rng(0).standard_normal((len(VOCABULARY), 3)))
PROTECTED = ["not", "don't"]

MADE = {
    "synonyms": lambda **more: synonyms(LEXICON, high=1.0, **more),
    "ngrams": lambda **more: replace_by_ngrams(MODEL, high=1.0, **more),
    "neighbours": lambda **more: replace_by_neighbours(VECTORS, least=-1.0, high=1.0, **more),
    "delete": lambda **more: delete_words(high=1.0, **more),
    "swap": lambda **more: swap_words(high=1.0, **more),
    "typos": lambda **more: typos(high=1.0, **more),
    "mask": lambda **more: mask_spans(mask="MASK", high=1.0, **more),
}
MAKERS = pytest.mark.parametrize("make", MADE.values(), ids=MADE)

texts = st.lists(
    st.tuples(st.sampled_from(VOCABULARY), st.sampled_from([" ", " ", " ", ", ", "!! ", "\n", " — "])), max_size=12
).map(lambda pairs: "".join(word + gap for word, gap in pairs))
shares = st.floats(0, 1)
seeds = st.integers(0, 2**32)


def words(text):
    return [text[start:end] for start, end in find_words(text)]


def changed_words(before, after):
    """How many words differ in their places, or are gone."""
    if len(after) < len(before):
        return len(before) - len(after)
    return sum(a != b for a, b in zip(before, after, strict=True))


@MAKERS
@settings(max_examples=25)
@given(text=texts, seed=seeds)
def test_magnitude_0_changes_nothing(make, text, seed):
    assert make()(text, magnitude=0.0, rng=np.random.default_rng(seed)) in (text, None)


@MAKERS
@settings(max_examples=25)
@given(text=st.text(max_size=50), share=shares, seed=seeds)
def test_any_text_at_all_is_taken_and_chance_alone_decides(make, text, share, seed):
    function = make()
    once, again = (function(text, magnitude=share, rng=np.random.default_rng(seed)) for _ in range(2))
    assert once == again
    assert once is None or isinstance(once, str)
    if not find_words(text):
        assert once is None


@MAKERS
@settings(max_examples=25)
@given(text=texts, share=shares, seed=seeds)
def test_protected_words_stay_and_are_not_written(make, text, share, seed):
    after = make(protect=PROTECTED)(text, magnitude=share, rng=np.random.default_rng(seed))
    if after is not None:
        kept = [word for word in words(text) if folded(word) in PROTECTED]
        assert [word for word in words(after) if folded(word) in PROTECTED] == kept


@MAKERS
@settings(max_examples=25)
@given(text=texts, share=shares, seed=seeds)
def test_no_more_words_are_touched_than_the_magnitude_says(make, text, share, seed):
    function = make()
    after = function(text, magnitude=share, rng=np.random.default_rng(seed))
    if after is None:
        return
    before = words(text)
    unit = sum(map(len, before)) if function.name == "typos" else len(before)
    bound = math.ceil(round(share * unit, 6)) + (function.name == "swap_words")
    assert changed_words(before, words(after)) <= bound


@MAKERS
@settings(max_examples=25)
@given(text=texts, share=shares, seed=seeds)
def test_punctuation_and_white_space_stay(make, text, share, seed):
    function = make()
    after = function(text, magnitude=share, rng=np.random.default_rng(seed))
    if after is None:
        return

    def rest(of):
        spans = find_words(of)
        edges = [0, *(place for span in spans for place in span), len(of)]
        return "".join(of[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True))

    if function.name == "delete_words":
        assert "".join(rest(after).split()) == "".join(rest(text).split())
        assert len(words(after)) >= 1
    else:
        assert rest(after) == rest(text)


@MAKERS
def test_missing_and_empty_texts_cannot_be_changed(make):
    for text in (None, "", "  ", "...", "!?"):
        assert make()(text, magnitude=1.0, rng=np.random.default_rng(0)) is None


@MAKERS
def test_versions_follow_the_parameters_and_nothing_else(make):
    function = make()
    before = function.version
    function("this song is great", magnitude=0.5, rng=np.random.default_rng(0))
    assert before == make().version != make(protect=["this"]).version


@MAKERS
def test_in_a_sequence_and_with_a_field(make):
    records = [{"text": "check out this great song", "likes": 3}] * 4
    done = Sequences(range(4), [[0]] * 4, [[0.5]] * 4)
    found = apply_sequences([make(field="text")], records, done, np.random.default_rng(0))
    assert found.applied.all()
    assert all(record["likes"] == 3 for record in found.examples)


@MAKERS
def test_arguments_that_mean_nothing_are_refused(make):
    with pytest.raises(FunctionError, match="pass a list"):
        make(protect="not")
    with pytest.raises(FunctionError, match="not empty"):
        make(protect=[""])
    name = make().name
    with pytest.raises(FunctionError, match=r"\(0, 1\]"):
        {"synonyms": lambda: synonyms(LEXICON, high=2), "typos": lambda: typos(high=0)}.get(
            name, lambda: delete_words(high=1.5)
        )()


@pytest.mark.parametrize("name", ["youtube_raw/comments", "sms_raw/messages"])
def test_on_real_texts(data_root, name):
    real = pl.read_parquet(data_root / f"{name}.parquet")["text"].to_list()[:400]
    functions = [
        synonyms({"video": ["clip"], "call": ["ring"], "free": ["gratis"]}),
        replace_by_ngrams(NgramModel.fit(real)),
        replace_by_neighbours(train_embeddings(real, dimensions=20)),
        *(delete_words(), swap_words(), typos(), mask_spans()),
    ]
    rng = np.random.default_rng(0)
    for function in functions:
        found = [function(text, magnitude=function.magnitude.high, rng=rng) for text in real]
        changed = [new for old, new in zip(real, found, strict=True) if new is not None and new != old]
        assert len(changed) > (20 if function.name == "synonyms" else 150), function.name
