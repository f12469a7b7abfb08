from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.labelmodels.identifiability import identifiability


@given(st.lists(st.integers(1, 4), min_size=1, max_size=6))
def test_rank_and_singular_values_are_those_of_the_system_written_out(blocks):
    group = np.repeat(np.arange(len(blocks)), blocks)
    pairs = [(i, j) for i in range(len(group)) for j in range(i) if group[i] != group[j]]
    system = np.zeros((len(pairs) + 1, len(group)))
    for row, pair in enumerate(pairs):
        system[row, list(pair)] = 1
    values = np.linalg.svd(system, compute_uv=False)
    values = np.concatenate([values, np.zeros(len(group) - len(values))]) if len(values) < len(group) else values
    found = identifiability(blocks)
    assert found.columns == len(group)
    assert found.rank == np.linalg.matrix_rank(system)
    assert found.identified == (len(blocks) >= 3)
    if found.identified:
        assert found.smallest_singular_value == pytest.approx(values.min())
        assert found.condition == pytest.approx(values.max() / values.min())


@pytest.mark.parametrize("blocks", [[], [0, 0], [2], [3, 1], [0, 2, 2]])
def test_two_groups_are_not_enough(blocks):
    found = identifiability(blocks)
    assert not found.identified
    assert found.smallest_singular_value == 0
    assert "Not identifiable" in found.sentence


def test_more_dependencies_leave_a_worse_system():
    alone, paired, tripled = (identifiability(b) for b in ([1] * 9, [2, 2, 2, 1, 1, 1], [3, 3, 3]))
    assert alone.smallest_singular_value > paired.smallest_singular_value > tripled.smallest_singular_value


def test_a_crowd_costs_nothing():
    assert identifiability([2] * 100_000).identified
