import itertools

import numpy as np
import pytest

from labelwright.augmentation.text import NgramModel, replace_by_ngrams
from labelwright.core.errors import FunctionError

TEXTS = ["the red car stops", "the blue car stops", "the red bus goes", "a blue bus goes", "a red car goes"]


@pytest.mark.parametrize("order", [2, 3])
def test_a_word_is_drawn_as_the_model_says_given_the_rest_of_the_text(order):
    model = NgramModel.fit(TEXTS, order=order, min_count=1)
    pool = ["red", "blue", "car"]
    function = replace_by_ngrams(model, classes=[[*pool, "big"]], high=1.0)
    text = ["the", "big", "bus", "stops"]

    def whole(words):
        padded = ["<s>", *words, "</s>"]
        return np.prod([model.probability(padded[i], after=padded[:i][-(order - 1) :]) for i in range(1, len(padded))])

    exact = np.array([whole([text[0], word, *text[2:]]) for word in pool])
    rng = np.random.default_rng(0)
    found = [function(" ".join(text), magnitude=0.25, rng=rng).split()[1] for _ in range(1500)]
    shares = np.array([found.count(word) for word in pool]) / len(found)
    assert np.abs(shares - exact / exact.sum()).max() < 0.05


def test_replacements_stay_in_their_class_and_other_words_stay():
    model = NgramModel.fit(TEXTS, min_count=1)
    classes = [["red", "blue"], ["car", "bus"], ["unheard", "stops"]]
    function = replace_by_ngrams(model, classes=classes, high=1.0)
    allowed = {word: set(one) for one in classes for word in one}
    for seed, text in itertools.product(range(10), TEXTS):
        after = function(text, magnitude=1.0, rng=np.random.default_rng(seed)).split()
        for old, new in zip(text.split(), after, strict=True):
            assert new == old or new in allowed[old]
        assert "unheard" not in after


def test_a_word_of_two_classes_may_become_one_of_either():
    model = NgramModel.fit(TEXTS, min_count=1)
    function = replace_by_ngrams(model, classes=[["red", "blue"], ["red", "car"]], high=1.0)
    found = {function("red", magnitude=1.0, rng=np.random.default_rng(seed)) for seed in range(60)}
    assert found == {"blue", "car"}


def test_numbers_addresses_and_marks_are_neither_touched_nor_written():
    model = NgramModel.fit(["call 1 now, see www.x.org!", "call 2 now, see www.y.org!", "go now. see 3"] * 3)
    function = replace_by_ngrams(model, high=1.0)
    for seed in range(30):
        after = function("call 12 now, see www.z.org!", magnitude=1.0, rng=np.random.default_rng(seed))
        assert "<" not in after
        assert after.split()[1] == "12"
        assert after.endswith("www.z.org!")


def test_what_cannot_work_is_refused():
    model = NgramModel.fit(TEXTS, min_count=1)
    with pytest.raises(FunctionError, match="fit"):
        replace_by_ngrams("model")
    with pytest.raises(FunctionError, match="no class has two words"):
        replace_by_ngrams(model, classes=[["red", "unheard"]])
    with pytest.raises(FunctionError, match="pass a list"):
        replace_by_ngrams(model, classes=["red"])
    assert replace_by_ngrams(model, classes=[["red", "blue"]])("no such word", magnitude=0.2, rng=None) is None
