"""Features of sources: how they become numbers, and what is refused."""

import numpy as np
import pytest

from labelwright.core.errors import ModelError
from labelwright.labelmodels.fusion.source_features import SourceFeatures

ABOUT = {
    "a": {"kind": "regex", "age": 1, "ours": True},
    "b": {"kind": "model", "age": 3, "ours": True},
    "c": {"kind": "model", "ours": True, "age": None},
    "d": {},
}


def test_numbers_are_standardised_and_texts_become_columns():
    features = SourceFeatures.of(ABOUT, ["a", "b", "c", "d"])
    assert [(c.feature, c.value) for c in features.columns] == [
        ("age", None),
        ("kind", "model"),
        ("kind", "regex"),
        ("ours", "yes"),
    ]
    table = features.table(ABOUT, ["a", "b", "c", "d", "unheard of"])
    assert table.tolist() == [[-1, 0, 1, 1], [1, 1, 0, 1], [0, 1, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0]]


def test_what_is_the_same_for_all_tells_nothing():
    assert SourceFeatures.of({"a": {"x": 1, "y": "z"}, "b": {"x": 1, "y": "z"}}, ["a", "b"]).columns == ()
    assert SourceFeatures.of(None, ["a"]).table(None, ["a"]).shape == (1, 0)


def test_order_does_not_matter_and_json_keeps_all():
    one = SourceFeatures.of(ABOUT, ["a", "b", "c", "d"])
    other = SourceFeatures.of(dict(reversed(ABOUT.items())), ["d", "c", "b", "a"])
    assert one == other
    assert SourceFeatures.from_json(one.to_json()) == one


def test_values_not_seen_are_unknown():
    features = SourceFeatures.of(ABOUT, ["a", "b"])
    new = features.table({"n": {"kind": "oracle", "age": float("nan")}}, ["n"])
    assert not new.any()


@pytest.mark.parametrize(
    ("about", "words"),
    [
        ({"a": {"age": 1}, "b": {"age": "old"}}, "feature 'age' holds the text 'old' and the number 1.0"),
        ({"a": {"age": [1]}}, "feature 'age' holds [1]"),
        ({"a": {"age": np.inf}}, "finite numbers"),
        ({"a": 3}, "must map each source"),
        ({"x": {"age": 1}}, "describe none of the sources: they name ['x'], the sources are ['a', 'b']"),
    ],
)
def test_refusals(about, words):
    with pytest.raises(ModelError) as error:
        SourceFeatures.of(about, ["b", "a"])
    assert words in str(error.value)


def test_text_for_a_number_is_refused_later_too():
    features = SourceFeatures.of(ABOUT, ["a", "b"])
    with pytest.raises(ModelError, match="feature 'age' of source 'n' is 'old'; it is a number"):
        features.table({"n": {"age": "old"}}, ["n"])
