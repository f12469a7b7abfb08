"""Labels of every kind, and classifiers that learn from them."""

from __future__ import annotations

import numpy as np
import pytest

from labelwright.augmentation.safety.classes import Recogniser, classes_of, fit_classifier
from labelwright.core import SoftLabels
from labelwright.core.errors import VoteError


def test_every_kind_of_label_is_read() -> None:
    assert classes_of([0, 1, -1, None, float("nan")], 5).codes.tolist() == [0, 1, -1, -1, -1]
    assert classes_of(np.array([3, 7, 3], dtype=np.int8), 3).names == (3, 7)
    soft = SoftLabels([[0.9, 0.1], [0.5, 0.5], [0.2, 0.8]], [True, True, False], classes=["a", "b"])
    found = classes_of(soft, 3)
    assert (found.names, found.codes.tolist()) == (("a", "b"), [0, -1, -1])
    assert found.take(np.array([2, 0])).codes.tolist() == [-1, 0]


def test_labels_that_do_not_fit_are_refused() -> None:
    with pytest.raises(VoteError, match="2 labels came with 3 examples"):
        classes_of([0, 1], 3)
    with pytest.raises(VoteError, match="at least two"):
        classes_of([1, 1, None], 3)


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_classifiers_learn_and_forgive_wrong_labels(noise: float) -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(2, size=1200)
    x = (rng.normal(size=(1200, 4)) + 4 * truth[:, None] * [1, 0, 0, 0]).astype(np.float32)
    seen = np.where(rng.random(1200) < noise, 1 - truth, truth)
    probs = np.eye(2)[seen]
    classify = fit_classifier(x[:600], probs[:600])
    shown = Recogniser(x[:300], probs[:300], rng).shown(x[300:600], probs[300:600])
    for found in (classify(x[600:]), shown(x[600:])):
        assert (found == truth[600:]).mean() > 0.93


def test_being_shown_more_is_learning_from_all() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 3)).astype(np.float32)
    moved = x + np.float32(6)
    probs = np.eye(2)[(x[:, 0] > 0).astype(int)]
    recogniser = Recogniser(x, probs, rng)
    assert (recogniser.shown(x[:1], probs[:1])(moved) == probs.argmax(axis=1)).mean() < 0.8
    assert (recogniser.shown(moved[:300], probs[:300])(moved[300:]) == probs[300:].argmax(axis=1)).mean() > 0.9
