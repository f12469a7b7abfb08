from __future__ import annotations

import numpy as np

from labelwright.core import VoteFrame
from labelwright.labelmodels.crowds.slots import Slots


def test_sources_of_the_same_codes_share_slots():
    own = (("b", (frozenset([0]), frozenset([1, 2]))),)
    slots = Slots.of(VoteFrame((0, 1, 2), ("a", "b", "c"), own))
    assert slots.slot.tolist() == [0, 1, 2, 3, 4, 0, 1, 2]
    assert slots.alphabet.tolist() == [0, 0, 0, 1, 1]
    np.testing.assert_allclose(slots.careful[3:], [[1, 0, 0], [0, 1, 1]])
    np.testing.assert_allclose(slots.pooled(np.ones((8, 1)))[:, 0], [2, 2, 2, 1, 1])


def test_one_who_is_right_says_any_code_of_a_class_that_no_code_means():
    slots = Slots.of(VoteFrame((0, 1, 2), ("a",), (("a", (frozenset([0]), frozenset([0, 1]))),)))
    np.testing.assert_allclose(slots.careful, [[0.5, 0, 0.5], [0.5, 1, 0.5]])
    np.testing.assert_allclose(slots.normalised(slots.careful).sum(axis=0), 1)
