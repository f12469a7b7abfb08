import numpy as np
import pytest
from scipy import sparse

from labelwright.augmentation.text import Embeddings, train_embeddings
from labelwright.augmentation.text.embeddings import _largest, _positive_information
from labelwright.core.errors import ModelError
from labelwright.functions.versions import version_of


def test_words_in_the_same_places_are_near():
    rng = np.random.default_rng(0)
    slots = [["the", "a"], ["red", "blue", "green"], ["car", "bus", "train"], ["stops", "goes", "waits"]]
    texts = [" ".join(rng.choice(words) for words in slots) for _ in range(500)]
    made = train_embeddings(texts, dimensions=6)
    for words in slots:
        for word in words:
            near = {other for other, _ in made.neighbours(word, count=len(words) - 1)}
            assert near == set(words) - {word}


def test_the_decomposition_is_the_exact_one():
    rng = np.random.default_rng(0)
    # A spectrum that falls as those of texts do.
    left, right = (np.linalg.qr(rng.standard_normal((n, 60)))[0] for n in (80, 120))
    dense = (left * 0.9 ** np.arange(60)) @ right.T
    vectors, values = _largest(sparse.csr_array(dense), 10, np.random.default_rng(1))
    assert np.allclose(values, 0.9 ** np.arange(10), rtol=1e-6)
    assert np.allclose(np.abs(np.sum(vectors * left[:, :10], axis=0)), 1, atol=1e-4)


def test_information_is_positive_where_words_meet_more_often_than_by_chance():
    counts = sparse.csr_array(np.array([[8.0, 1.0], [1.0, 8.0]]))
    found = _positive_information(counts).toarray()
    assert found[0, 1] == found[1, 0] == 0
    assert found[0, 0] == pytest.approx(np.log(8 * 18 / (9 * 9)))


def test_same_texts_same_vectors():
    texts = ["a b c d", "b c d a", "a c b d"] * 5
    first, again = train_embeddings(texts), train_embeddings(texts)
    assert np.array_equal(first.vectors, again.vectors)
    assert version_of(first) == version_of(again)
    first.neighbours("a")
    assert version_of(first) == version_of(again)


def test_neighbours_are_the_nearest_by_cosine():
    rng = np.random.default_rng(3)
    vectors = rng.standard_normal((30, 4))
    made = Embeddings([f"w{i}" for i in range(30)], 7 * vectors)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = unit @ unit[4]
    expected = [f"w{i}" for i in np.argsort(-cosines) if i != 4][:5]
    found = made.neighbours("W4", count=5)
    assert [word for word, _ in found] == expected
    assert all(cosine >= 0.5 for _, cosine in made.neighbours("w4", count=30, least=0.5))
    assert made.neighbours("unheard") == ()
    assert "w4" in made
    assert "unheard" not in made


def test_numbers_addresses_and_punctuation_are_no_words():
    made = train_embeddings(["call 12 now, or see www.x.org!"] * 6, dimensions=3)
    assert set(made.words) == {"call", "now", "or", "see"}


def test_what_cannot_be_learned_is_said():
    with pytest.raises(ModelError, match="at least 3"):
        train_embeddings(["a b"] * 9)
    with pytest.raises(ModelError, match="shape"):
        Embeddings(["a"], [1.0, 2.0])
    with pytest.raises(ModelError, match="'b' is not finite"):
        Embeddings(["a", "b"], [[1.0], [np.nan]])
