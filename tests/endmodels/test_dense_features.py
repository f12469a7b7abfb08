"""Features for networks: the directions in which texts differ most."""

from __future__ import annotations

import numpy as np
import pytest

from labelwright.endmodels.dense_features import LatentTextFeatures, dense_features
from labelwright.endmodels.persistence import packed, unpacked
from labelwright.endmodels.text_features import TextFeatures

TEXTS = [f"{colour} {thing} {n % 3}" for n, colour in enumerate(["red", "blue", "green"]) for thing in ["car", "bus"]]


def test_with_all_directions_texts_are_as_alike_as_their_terms_are() -> None:
    latent = LatentTextFeatures().fit_transform(TEXTS)
    terms = TextFeatures().fit_transform(TEXTS).toarray()
    alike, before = latent @ latent.T, terms @ terms.T
    np.testing.assert_allclose(alike / alike[0, 0], before / before[0, 0], atol=1e-5)
    assert np.mean(latent**2) == pytest.approx(1, abs=1e-5)


def test_features_are_the_same_each_time_and_after_saving(tmp_path) -> None:
    first = dense_features("text", random_state=3).fit(TEXTS)
    again = dense_features("text", random_state=3).fit(TEXTS)
    np.testing.assert_array_equal(first.transform(TEXTS), again.transform(TEXTS))
    payload = packed(first)
    assert payload == packed(again)
    np.testing.assert_array_equal(unpacked(payload, tmp_path).transform(TEXTS), first.transform(TEXTS))


def test_texts_without_terms_differ_in_nothing() -> None:
    features = LatentTextFeatures(width=4).fit(["", "", ""])
    assert not features.transform(["", "word"]).any()
