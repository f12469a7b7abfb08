"""What kind of example becomes what numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from labelwright.augmentation.safety.encoding import Directions, Features, columns_of
from labelwright.core.errors import FunctionError


def encoder(examples: Any, *, encode: Any = None, seed: int = 0) -> Callable[[Any], Features]:
    columns = columns_of(examples, encode=encode)
    directions = Directions(columns.read(examples), columns.scaled, seed)
    return lambda more: directions(columns.read(more))


def lengths(rows: np.ndarray) -> np.ndarray:
    return np.asarray(np.sqrt((rows.astype(np.float64) ** 2).sum(axis=1)))


def test_few_columns_keep_all_distances() -> None:
    x = np.random.default_rng(0).normal(size=(50, 3)) * [1, 10, 100]
    rows = encoder(x)(x)
    assert rows.shape == (50, 4)
    assert rows[:, 3].tolist() == [0] * 50
    assert np.allclose(rows[:, :3].std(axis=0), 1, atol=1e-4)  # every column counts as much


@pytest.mark.parametrize("width", [100, 1200])
def test_what_lies_outside_of_the_directions_is_kept_as_its_length(width: int) -> None:
    rng = np.random.default_rng(0)
    latent = rng.normal(size=(400, 5)) @ rng.normal(size=(5, width))
    x = latent + 0.01 * rng.normal(size=(400, width))
    rows = encoder(x, seed=1)(x)
    assert rows.shape == (400, 41)
    standardised = (x - x.mean(axis=0)) / x.std(axis=0)
    assert np.allclose(lengths(rows), lengths(standardised), rtol=1e-3)
    noisy = encoder(x, seed=1)(x + rng.normal(size=x.shape))
    assert noisy[:, -1].mean() > 10 * rows[:, -1].mean()


def test_images_are_averaged_over_blocks() -> None:
    rng = np.random.default_rng(0)
    images = rng.random((60, 1, 64, 96)).astype(np.float32)
    small = images.reshape(60, 1, 21, 3, 32, 3) if images.shape[2] % 3 == 0 else images[:, :, :63]
    small = small.reshape(60, 1, 21, 3, 32, 3).mean(axis=(3, 5)).reshape(60, -1)
    centred = small - small.mean(axis=0)
    assert np.allclose(lengths(encoder(images)(images)), lengths(centred), rtol=1e-2)


def test_tensors_are_read_without_torch_being_named() -> None:
    torch = pytest.importorskip("torch")
    images = np.random.default_rng(0).random((50, 1, 8, 8)).astype(np.float32)
    assert np.array_equal(encoder(images)(images), encoder(torch.from_numpy(images))(torch.from_numpy(images)))


def test_texts_know_words_their_order_and_their_spelling() -> None:
    rng = np.random.default_rng(0)
    words = np.array(["the", "cat", "sat", "on", "a", "mat", "and", "saw", "some", "big", "red", "dogs", "run", "by"])
    texts = [" ".join(rng.choice(words, 6)) for _ in range(200)]
    encode = encoder(texts)
    (one,) = encode(["the cat sat on a mat"])
    for other in ("mat a on sat cat the", "thx czt sqt oj b mtt", "the cat sat"):
        assert np.linalg.norm(encode([other])[0] - one) > 0.05
    assert encode(["thx czt sqt oj b mtt"])[0, -1] > encode([texts[0]])[0, -1]


def test_records_know_numbers_and_words_by_field() -> None:
    rng = np.random.default_rng(0)
    records = [
        {"size": float(rng.normal(50, 10)), "name": str(rng.choice(["red", "blue"])), "tag": "x"} for _ in range(80)
    ]
    encode = encoder(records)
    base = {"size": 50.0, "name": "red", "tag": "x"}
    for changed in ({"size": 90.0}, {"name": "blue"}, {"name": "x", "tag": "red"}):
        assert np.linalg.norm(encode([base | changed])[0] - encode([base])[0]) > 0.1
    missing = encode([base | {"size": None}, {"name": "red"}])
    assert np.isfinite(missing).all()


def test_an_encoding_of_ones_own_is_checked() -> None:
    x = np.zeros((50, 2))
    assert encoder(x, encode=lambda rows: np.arange(2.0 * len(rows)).reshape(-1, 2))(x).shape == (50, 3)
    with pytest.raises(FunctionError, match=r"returned shape \(50,\) for 50 examples"):
        encoder(x, encode=lambda rows: np.zeros(len(rows)))
    with pytest.raises(FunctionError, match="finite"):
        encoder(x, encode=lambda rows: np.full((len(rows), 2), np.nan))
    with pytest.raises(FunctionError, match="hand in encode="):
        encoder([object()] * 50)


def test_numbers_of_records_are_standardised_beside_words_and_alone() -> None:
    rng = np.random.default_rng(0)
    sizes = rng.normal(50, 10, size=(80, 2))
    alone = [{"size": a, "weight": 100 * b} for a, b in sizes]
    found = encoder(alone)(alone)
    assert np.allclose(found[:, :2].std(axis=0), 1, atol=1e-4)
    beside = [one | {"name": "red"} for one in alone]
    assert lengths(encoder(beside)(beside)).std() > 0.3  # not drowned by the words that all have


def test_what_is_missing_counts_as_the_mean() -> None:
    years = np.random.default_rng(0).normal(2020, 5, size=(80, 2))
    gaps = years.copy()
    gaps[::4, 0] = np.nan
    records = [{"year": None if np.isnan(a) else a, "other": b, "word": "x"} for a, b in gaps]
    for examples in (gaps, records):
        found = encoder(examples)(examples)
        assert np.isfinite(found).all()
        assert np.abs(found[:, :2]).max() < 5
