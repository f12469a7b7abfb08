"""Codes at the border of int8: 127 is the last that fits, and 1 more does not."""

from __future__ import annotations

import numpy as np
import pytest

from labelwright.core import VoteCounts, Votes


@pytest.mark.parametrize("k", [127, 128, 129])
def test_the_last_code_is_counted_where_it_belongs(k):
    L = np.array([[k - 1, 3], [k - 1, -1], [0, k - 1]])
    row, column = np.nonzero(L >= 0)
    dense = VoteCounts.of(Votes(L, classes=k))
    assert dense.by_source("0").tolist() == [1, *[0] * (k - 2), 2]
    assert dense == VoteCounts.of(Votes.from_entries(row, column, L[row, column], shape=L.shape, classes=k))
