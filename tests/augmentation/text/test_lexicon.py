import numpy as np
import pytest

from labelwright.augmentation.text import synonyms
from labelwright.core.errors import FunctionError


def all_of(text, lexicon, seed=0, **more):
    return synonyms(lexicon, high=1.0, **more)(text, magnitude=1.0, rng=np.random.default_rng(seed))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Check out  my VIDEO", "Look at  my CLIP"),
        ("check, out", None),
        ("video videos", "clip videos"),
        ("CHECK OUT!", "LOOK AT!"),
    ],
)
def test_phrases_and_case(text, expected):
    assert all_of(text, {"check out": ["look at"], "video": ["clip"]}) == expected


def test_the_longest_phrase_wins():
    assert all_of("a big new car", {"big": ["large"], "big new car": ["limousine"]}) == "a limousine"


def test_every_choice_is_drawn_equally_often():
    found = [all_of("song", {"song": ["tune", "track", "hit"]}, seed) for seed in range(300)]
    counts = [found.count(word) for word in ("tune", "track", "hit")]
    assert sum(counts) == 300
    assert min(counts) > 70


@pytest.mark.parametrize(
    ("lexicon", "said"),
    [
        ({}, "no replacement"),
        ({"song": ["Song"]}, "no replacement"),
        ({"!!": ["a"]}, "no word"),
        ({"song": "tune"}, "pass a list"),
        ({"song": [""]}, "not empty"),
    ],
)
def test_lexicons_that_change_nothing_are_refused(lexicon, said):
    with pytest.raises(FunctionError, match=said):
        synonyms(lexicon)


def test_protected_phrases_and_replacements():
    assert all_of("not good", {"not good": ["bad"], "good": ["fine"]}, protect=["not"]) == "not fine"
    assert all_of("good not bad", {"good not bad": ["fine"], "good": ["nice"]}, protect=["not"]) == "nice not bad"
    with pytest.raises(FunctionError, match="no replacement"):
        synonyms({"good": ["not"]}, protect=["not"])
