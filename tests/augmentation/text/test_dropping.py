import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright.augmentation.text import delete_words, mask_spans, swap_words
from labelwright.core.errors import FunctionError

sentences = st.integers(2, 20).map(lambda n: " ".join(f"w{chr(97 + i)}" for i in range(n)))
seeds = st.integers(0, 2**32)


@settings(max_examples=25)
@given(sentences, st.floats(0, 1), seeds)
def test_deleting_leaves_a_sub_sequence_with_single_spaces(text, share, seed):
    after = delete_words(high=1.0)(text, magnitude=share, rng=np.random.default_rng(seed))
    left = iter(text.split())
    assert all(word in left for word in after.split())
    assert after == " ".join(after.split())
    assert after


@settings(max_examples=25)
@given(sentences, st.floats(0, 1), seeds)
def test_swapping_moves_each_word_by_one_place_at_most(text, share, seed):
    before = text.split()
    after = swap_words(high=1.0)(text, magnitude=share, rng=np.random.default_rng(seed)).split()
    assert sorted(after) == sorted(before)
    assert all(abs(before.index(word) - place) <= 1 for place, word in enumerate(after))


def test_the_mean_share_is_the_magnitude_even_where_texts_are_short():
    text = "one two three four five"
    rng = np.random.default_rng(0)
    deleted = [5 - len(delete_words()(text, magnitude=0.1, rng=rng).split()) for _ in range(2000)]
    masked = [mask_spans()(text, magnitude=0.1, rng=rng).count("[MASK]") for _ in range(2000)]
    assert abs(np.mean(deleted) - 0.5) < 0.05
    assert abs(np.mean(masked) - 0.5) < 0.05


@settings(max_examples=25)
@given(st.floats(0, 1), seeds)
def test_masks_stand_for_words_one_by_one(share, seed):
    text = "look at my new channel, dear friends of music"
    after = mask_spans(mask="_", high=1.0)(text, magnitude=share, rng=np.random.default_rng(seed))
    assert all(new in ("_", "_,") or new == old for old, new in zip(text.split(), after.split(), strict=True))


def test_long_spans_are_longer_than_short_ones():
    text = " ".join(f"w{chr(97 + i % 26)}" for i in range(100))

    def spans(length):
        rng = np.random.default_rng(0)
        made = [mask_spans(mask="_", length=length)(text, magnitude=0.2, rng=rng).split() for _ in range(100)]
        return np.mean([sum(a == "_" and b != "_" for a, b in zip(m, [*m[1:], ""], strict=True)) for m in made])

    assert spans(1) > 1.5 * spans(3) > 1.5 * 1.3 * spans(8)


def test_neighbours_across_punctuation_are_none():
    assert swap_words(high=1.0)("yes, no", magnitude=1.0, rng=np.random.default_rng(0)) is None


def test_arguments():
    with pytest.raises(FunctionError, match="delete_words"):
        mask_spans(mask="")
    with pytest.raises(FunctionError, match="at least 1"):
        mask_spans(length=0.5)
