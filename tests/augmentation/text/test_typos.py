import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright.augmentation.text import QWERTY, typos
from labelwright.core.errors import FunctionError

TEXT = "Subscribe to the wonderful channel about painting"
LETTERS = sum(len(word) for word in TEXT.split())
counts = st.integers(0, 6)
seeds = st.integers(0, 2**32)


def slipped(kind, count, seed):
    return typos(slips=[kind], high=1.0)(TEXT, magnitude=count / LETTERS, rng=np.random.default_rng(seed))


@settings(max_examples=25)
@given(counts, seeds)
def test_keys_beside_change_exactly_so_many_letters(count, seed):
    pairs = [(a, b) for a, b in zip(TEXT, slipped("neighbour", count, seed), strict=True) if a != b]
    assert len(pairs) == count
    assert all(b in QWERTY[a] for a, b in pairs)


@settings(max_examples=25)
@given(counts, seeds)
def test_omissions_and_doublings_change_the_length_by_exactly_so_much(count, seed):
    assert len(slipped("omission", count, seed)) == len(TEXT) - count
    doubled = slipped("doubling", count, seed)
    assert len(doubled) == len(TEXT) + count
    assert sum(a == b for a, b in itertools.pairwise(doubled)) == count + TEXT.count("nn")


@settings(max_examples=25)
@given(counts, seeds)
def test_exchanges_keep_the_letters_and_move_exactly_twice_as_many(count, seed):
    after = slipped("exchange", count, seed)
    assert sorted(after) == sorted(TEXT)
    assert sum(a != b for a, b in zip(TEXT, after, strict=True)) == 2 * count


@settings(max_examples=25)
@given(seeds)
def test_first_letters_short_words_and_words_with_signs_stay(seed):
    text = "The www.wonderful.org 0800number don't WONDERFUL painting"
    after = typos(high=1.0)(text, magnitude=1.0, rng=np.random.default_rng(seed))
    assert after.split()[:4] == text.split()[:4]
    assert [word[0] for word in after.split()] == [word[0] for word in text.split()]
    assert after.split()[4].isupper()


def test_scripts_that_the_keyboard_does_not_have():
    rng = np.random.default_rng(0)
    assert typos(slips=["neighbour"], high=1.0)("Здравствуйте", magnitude=0.5, rng=rng) == "Здравствуйте"
    assert typos(high=1.0)("Здравствуйте", magnitude=0.5, rng=rng) != "Здравствуйте"


def test_arguments():
    for slips in ([], "omission", ["sneeze"]):
        with pytest.raises(FunctionError, match="neighbour, exchange, omission, doubling"):
            typos(slips=slips)
    with pytest.raises(FunctionError, match="at least 3"):
        typos(shortest=2)
