"""What is a batch and what is none."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from labelwright.augmentation.batches import batch_of, joined, put, stacked, take
from labelwright.core.errors import DataError


@pytest.mark.parametrize(
    ("batch", "said"),
    [
        ("text", r"write \[example\]"),
        ({"a": 1}, r"write \[example\]"),
        (3, "is a tensor, an array or a list"),
        (np.zeros(()), "without axes"),
        (torch.zeros(()), "without axes"),
    ],
)
def test_what_is_no_batch_is_refused(batch, said):
    with pytest.raises(DataError, match=said):
        batch_of(batch)


def test_frames_are_refused_and_columns_are_lists():
    polars = pytest.importorskip("polars")
    with pytest.raises(DataError, match=r"frame.to_dicts\(\)"):
        batch_of(polars.DataFrame({"a": [1]}))
    assert batch_of(polars.Series(["a", "b"])) == ["a", "b"]
    assert batch_of(np.array(["a", "b"])) == ["a", "b"]
    assert type(batch_of(np.array(["a"]))[0]) is str
    assert batch_of(("a", "b")) == ["a", "b"]


@pytest.mark.parametrize("make", [np.array, torch.tensor, list])
def test_taking_copies_and_putting_writes_what_is_done(make):
    batch = make([1.0, 2.0, 3.0])
    taken = take(batch, np.array([2, 0, 2]))
    assert list(taken) == [3, 1, 3]
    taken[0] = 9.0
    assert list(batch) == [1, 2, 3]
    put(batch, np.array([2, 0]), make([7.0, 8.0]), np.array([True, False]))
    assert list(batch) == [1, 2, 7]
    assert list(joined([batch, batch])) == [1, 2, 7] * 2


@pytest.mark.parametrize("make", [np.array, torch.tensor])
def test_stacking_gives_the_kind_of_batch(make):
    found = stacked(make([0.0]), [make([1.0, 2.0]), make([3.0, 4.0])])
    assert type(found) is type(make([0.0]))
    assert found.tolist() == [[1.0, 2.0], [3.0, 4.0]]
