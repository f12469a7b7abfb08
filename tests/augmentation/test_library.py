"""Laws that hold for every function that the library declares, of all kinds of data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from labelwright.augmentation import (
    Random,
    Sequences,
    TransformationFunction,
    apply_sequences,
    check_functions,
    images,
    series,
    tables,
    text,
)
from labelwright.core.seeds import generator

IMAGES = torch.rand(8, 3, 12, 12, generator=torch.Generator().manual_seed(0))
SERIES = np.random.default_rng(0).normal(size=(8, 2, 20)).cumsum(axis=2)
TABLE = np.random.default_rng(0).normal(size=(8, 4))
TEXTS = ["please check out this great video on my channel", "I love this song so much, really", "so good", ""] * 2
MODEL = text.NgramModel.fit(TEXTS * 4)
EMBEDDINGS = text.train_embeddings(TEXTS * 4, dimensions=4, min_count=1)

BOUNDED = ["blur", "brightness", "colour", "contrast", "cutout", "dilate", "elastic", "erode", "hue", "noise", "rotate"]
BOUNDED += ["shear_x", "shear_y", "swirl", "translate_x", "translate_y", "zoom"]
Made = Callable[..., TransformationFunction]

# How each is made, what it is applied to, and another argument that makes another function.
LIBRARY: dict[str, tuple[Made, Any, dict[str, Any]]] = {
    **{f"images.{name}": (getattr(images, name), IMAGES, {"high": 0.07}) for name in BOUNDED},
    "images.brightness": (images.brightness, IMAGES, {"high": 1.4}),
    "images.colour": (images.colour, IMAGES, {"high": 1.4}),
    "images.contrast": (images.contrast, IMAGES, {"high": 1.4}),
    "images.zoom": (images.zoom, IMAGES, {"high": 1.1}),
    "images.flip_horizontal": (images.flip_horizontal, IMAGES, {}),
    "images.flip_vertical": (images.flip_vertical, IMAGES, {}),
    "text.delete_words": (text.delete_words, TEXTS, {"protect": ["not"]}),
    "text.mask_spans": (text.mask_spans, TEXTS, {"mask": "_"}),
    "text.swap_words": (text.swap_words, TEXTS, {"high": 0.1}),
    "text.typos": (text.typos, TEXTS, {"slips": ["omission"]}),
    "text.synonyms": (
        lambda words=("fine",), **more: text.synonyms({"great": words}, **more),
        TEXTS,
        {"words": ["nice"]},
    ),
    "text.replace_by_ngrams": (
        lambda **more: text.replace_by_ngrams(MODEL, **more),
        TEXTS,
        {"classes": [["song", "video"]]},
    ),
    "text.replace_by_neighbours": (
        lambda **more: text.replace_by_neighbours(EMBEDDINGS, **more),
        TEXTS,
        {"count": 2},
    ),
    "tables.jitter": (lambda by=1.0: tables.jitter(by * TABLE), TABLE, {"by": 2.0}),
    "tables.scale": (tables.scale, TABLE, {"columns": [1]}),
    "tables.drop_features": (lambda by=0.0: tables.drop_features(fill=[by] * 4), TABLE, {"by": 1.0}),
    "tables.swap_noise": (tables.swap_noise, TABLE, {"table": TABLE}),
    "series.jitter": (series.jitter, SERIES, {"high": 0.2}),
    "series.scale": (series.scale, SERIES, {"high": 0.2}),
    "series.drop_channels": (series.drop_channels, SERIES, {"fill": 1.0}),
    "series.flip": (series.flip, SERIES, {"what": "values"}),
    "series.magnitude_warp": (series.magnitude_warp, SERIES, {"waves": 2}),
    "series.permute_segments": (series.permute_segments, SERIES, {"segments": 3}),
    "series.time_warp": (series.time_warp, SERIES, {"waves": 2}),
    "series.window_slice": (series.window_slice, SERIES, {"high": 0.1}),
}


def values(batch):
    return [row if isinstance(row, str) else np.asarray(row) for row in batch]


@pytest.mark.parametrize("name", LIBRARY)
def test_it_keeps_every_rule(name):
    make, examples, _ = LIBRARY[name]
    assert [str(finding) for finding in check_functions([make()], examples, generator(0))] == []
    policy = Random([make()], length=3, copies=4)
    first, again = (policy.apply(examples, generator(0)) for _ in range(2))
    assert first.applied.any()
    for one, other in zip(values(first.examples), values(again.examples), strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("name", [name for name in LIBRARY if "flip" not in name])
def test_neutral_leaves_an_example_as_it_is(name):
    make, examples, _ = LIBRARY[name]
    function = make()
    assert function.magnitude is not None
    neutral = Sequences(
        np.arange(len(examples)), np.zeros((len(examples), 1)), np.full((len(examples), 1), function.magnitude.neutral)
    )
    found = apply_sequences([function], examples, neutral, generator(0)).examples
    for one, other in zip(values(examples), values(found), strict=True):
        assert one == other if isinstance(one, str) else np.allclose(one, other, atol=2e-6)


@pytest.mark.parametrize("name", [name for name, (_, _, more) in LIBRARY.items() if more])
def test_its_version_follows_what_it_was_made_of(name):
    make, _, more = LIBRARY[name]
    assert make().version == make().version != make(**more).version


def test_versions_of_different_functions_differ():
    versions = [make().version for make, _, _ in LIBRARY.values()]
    assert len(set(versions)) == len(versions)
