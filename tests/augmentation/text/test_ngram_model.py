import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright.augmentation.text import NgramModel
from labelwright.core.errors import ModelError
from labelwright.functions.versions import version_of

LETTERS = "abcde"
corpora = st.lists(st.lists(st.sampled_from(LETTERS), min_size=1, max_size=6).map(" ".join), min_size=1, max_size=12)


@settings(max_examples=40)
@given(corpus=corpora, order=st.integers(2, 4), context=st.lists(st.sampled_from([*LETTERS, "z", "<s>"]), max_size=3))
def test_probabilities_sum_to_one_in_every_context(corpus, order, context):
    model = NgramModel.fit(corpus, order=order, min_count=1)
    ids = model.ids(context)[-(order - 1) :]
    everything = np.array([[*ids, word] for word in range(len(model.words))])
    p = model.probabilities(everything)
    assert p.sum() == pytest.approx(1, abs=1e-12)
    assert p[0] == 0
    assert (p[1:] > 0).all()


def by_the_book(corpus, order, word, context):
    """Interpolated Kneser-Ney with loops and dictionaries."""
    rows = [["<s>", *text.split(), "</s>"] for text in corpus]
    vocabulary = {w for row in rows for w in row} - {"<s>"} | {"<unknown>"}

    def grams(n):
        return [tuple(row[i : i + n]) for row in rows for i in range(len(row) - n + 1)]

    def counts(n):
        raw = {g: grams(n).count(g) for g in set(grams(n))}
        if n < order:
            longer = set(grams(n + 1))
            raw = {g: c if g[0] == "<s>" else sum(h[1:] == g for h in longer) for g, c in raw.items()}
        raw.pop(("<s>",), None)
        return raw

    def p(word, context):
        shorter = p(word, context[1:]) if context else 1 / len(vocabulary)
        table = counts(len(context) + 1)
        once, twice = (sum(c == k for c in table.values()) for k in (1, 2))
        discount = once / (once + 2 * twice) if once and twice else 0.5
        here = {g[-1]: c for g, c in table.items() if g[:-1] == tuple(context)}
        if not here:
            return shorter
        total = sum(here.values())
        return max(here.get(word, 0) - discount, 0) / total + discount * len(here) / total * shorter

    return p(word, context)


@settings(max_examples=8)
@given(corpus=corpora, order=st.integers(2, 3))
def test_it_is_kneser_ney_by_the_book(corpus, order):
    model = NgramModel.fit(corpus, order=order, min_count=1)
    known = [w for w in LETTERS if any(w in text.split() for text in corpus)]
    for context in itertools.chain([[]], ([a] for a in [*known, "<s>"]), itertools.product(known, repeat=order - 1)):
        context = list(context)[-(order - 1) :]
        for word in [*known, "</s>"]:
            assert model.probability(word, after=context) == pytest.approx(by_the_book(corpus, order, word, context))


def test_starts_on_the_left_that_fill_up_change_nothing():
    model = NgramModel.fit(["a b c", "b a c", "a c"], order=3, min_count=1)
    assert model.probability("a", after=["<s>", "<s>"]) == model.probability("a", after=["<s>"])


def test_candidates_were_seen_beside_the_neighbours():
    model = NgramModel.fit(["a x b", "a y c", "d z b", "e w f"], order=3, min_count=1)
    left, right = model.ids(["a", "b"])
    assert {model.words[i] for i in model.candidates(left, right, 10)} == {"x", "y", "z"}
    unknown = model.ids(["never seen"])[0]
    assert not len(model.candidates(unknown, unknown, 10))


def test_candidates_are_the_most_common_ones():
    model = NgramModel.fit(["a x", "a x", "a x", "c y", "a y", "a y", "a z", "b z", "b z"], order=2, min_count=1)
    a, b, end = [*model.ids(["a", "b"]), model.words.index("</s>")]
    assert [model.words[i] for i in model.candidates(a, a, 1)] == ["x"]
    assert {model.words[i] for i in model.candidates(a, a, 2)} == {"x", "y"}
    assert [model.words[i] for i in model.candidates(b, b, 2)] == ["z"]
    assert {model.words[i] for i in model.candidates(end, end, 3)} == {"x", "y", "z"}


def test_rare_words_numbers_and_addresses():
    model = NgramModel.fit(["call 0800 now at www.x.org", "call 0900 now at www.y.org", "call rare now"], min_count=2)
    assert "rare" not in model.words
    assert not [word for word in model.words if "0" in word or "www" in word]
    assert model.ids(["rare"]) == model.ids(["<unknown>"])
    assert model.probability("0700", after=["call"]) > 0.3


def test_what_cannot_be_learned_is_said():
    with pytest.raises(ModelError, match="order"):
        NgramModel.fit(["a"], order=1)
    with pytest.raises(ModelError, match="no word occurs 2 times"):
        NgramModel.fit(["a b", None, ""])
    with pytest.raises(ModelError, match="list of texts"):
        NgramModel.fit("a b a b")


def test_versions_are_made_of_the_counts():
    first, again = (version_of(NgramModel.fit(["a b a b"])) for _ in range(2))
    assert first == again != version_of(NgramModel.fit(["a b a b a"]))
