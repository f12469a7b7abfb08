"""What a policy decides, as arrays that check themselves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.augmentation import Sequences
from labelwright.core.errors import FunctionError

NAN = float("nan")
drawn = st.integers(0, 6).flatmap(
    lambda s: st.lists(st.lists(st.integers(-1, 3), min_size=2, max_size=2), min_size=s, max_size=s)
)


@given(drawn)
def test_steps_counts_and_taking_agree_with_the_arrays(rows):
    codes = np.array(rows, dtype=int).reshape(-1, 2)
    found = Sequences(np.arange(len(rows)), codes, np.full(codes.shape, NAN))
    assert len(found) == len(rows)
    assert found.length == 2
    assert np.array_equal(np.stack([step for step, _ in found.steps()], axis=1), codes)
    assert found.counts(4).tolist() == [(codes == code).sum() for code in range(4)]
    taken = found.take(np.arange(len(rows))[::-1])
    assert np.array_equal(taken.functions, codes[::-1])
    assert np.array_equal(taken.origins, np.arange(len(rows))[::-1])


def test_it_is_read_only_and_nobody_elses():
    codes = np.zeros((1, 1), dtype=int)
    found = Sequences([0], codes, [[NAN]])
    codes[0, 0] = 5
    assert found.functions[0, 0] == 0
    with pytest.raises(ValueError, match="read-only"):
        found.functions[0, 0] = 1


def test_words():
    found = Sequences([0, 0], [[1, -1], [-1, -1]], [[0.25, NAN], [NAN, NAN]])
    assert found.words(["flip", "turn"]) == ["turn(0.25)", "nothing"]


@pytest.mark.parametrize(
    ("origins", "functions", "magnitudes", "said"),
    [
        ([0], [[0]], [[NAN, NAN]], "shapes"),
        ([0, 1], [[0]], [[NAN]], "shapes"),
        ([0], [0], [NAN], "shapes"),
        ([0], [[-2]], [[NAN]], "start at -1"),
        ([-1], [[0]], [[NAN]], "origins at 0"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(origins, functions, magnitudes, said):
    with pytest.raises(FunctionError, match=said):
        Sequences(origins, functions, magnitudes)
