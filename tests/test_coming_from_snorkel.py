"""A module of functions written for Snorkel runs with only the imports changed, on real comments."""

from __future__ import annotations

import re

import numpy as np
import polars as pl
import pytest

import labelwright as lw

# The lines below the imports are what a user of Snorkel has on disk.
from labelwright import labeling_function, preprocessor

ABSTAIN = -1
HAM = 0
SPAM = 1

CALLS: list[str] = []


@preprocessor(memoize=True)
def with_mood(x):
    CALLS.append(x.text)
    good = sum(word in x.text.lower() for word in ("love", "great", "best", "amazing"))
    bad = sum(word in x.text.lower() for word in ("hate", "worst", "awful"))
    x.mood = good - bad
    x.words = x.text.split()
    return x


@preprocessor(pre=[with_mood])
def with_length(x):
    x.length = len(x.words)
    return x


@labeling_function()
def asks_to_look(x):
    return SPAM if re.search(r"check.{0,3}out", x.text, flags=re.IGNORECASE) else ABSTAIN


@labeling_function(name="kind", pre=[with_mood])
def kind_words(x):
    return HAM if x.mood > 0 else ABSTAIN


@labeling_function(pre=[with_length])
def short(x):
    return HAM if x.length < 5 else ABSTAIN


@labeling_function(resources={"words": {"subscribe", "channel"}})
def advertises(x, words):
    return SPAM if words & set(x.text.lower().split()) else ABSTAIN


FUNCTIONS = [asks_to_look, kind_words, short, advertises]


@pytest.fixture
def comments(data_root) -> pl.DataFrame:
    frame = pl.read_parquet(data_root / "youtube_raw" / "comments.parquet")
    return frame.filter(pl.col("video") != "Shakira").select("text")


def by_hand(text: str) -> list[int]:
    mood = sum(w in text.lower() for w in ("love", "great", "best", "amazing")) - sum(
        w in text.lower() for w in ("hate", "worst", "awful")
    )
    return [
        SPAM if re.search(r"check.{0,3}out", text, flags=re.IGNORECASE) else ABSTAIN,
        HAM if mood > 0 else ABSTAIN,
        HAM if len(text.split()) < 5 else ABSTAIN,
        SPAM if {"subscribe", "channel"} & set(text.lower().split()) else ABSTAIN,
    ]


def test_the_same_votes_from_any_kind_of_data(comments):
    expected = np.array([by_hand(t) for t in comments["text"]])
    for data in (comments, comments.to_pandas(), comments.to_arrow(), comments.to_dicts()):
        votes = lw.apply(FUNCTIONS, data)
        np.testing.assert_array_equal(votes.values, expected)
        assert votes.sources == ("asks_to_look", "kind", "short", "advertises")
        assert votes.classes == (0, 1)


def test_a_shared_preprocessor_runs_once_per_example_and_leaves_the_data_alone(comments):
    few = comments.head(50)
    before = few.clone()
    CALLS.clear()
    with_mood.reset_cache()
    lw.apply(FUNCTIONS, few)
    assert len(CALLS) == len(set(few["text"]))
    assert few.equals(before)


def test_a_function_is_still_a_function(comments):
    row = comments.to_pandas().iloc[0]
    assert [f(row) for f in FUNCTIONS] == by_hand(row.text)


def test_the_matrix_of_an_applier_goes_into_a_label_model(comments):
    L = np.array([by_hand(t) for t in comments["text"]])
    proba = lw.LabelModel(cardinality=2).fit(L).predict_proba(L)
    assert proba.shape == (len(L), 2)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
