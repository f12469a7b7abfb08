"""Samples of whole rows: the same in any partition and order, of as many examples as asked, and honest about loss."""

from __future__ import annotations

from functools import reduce
from operator import add

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright.core import Votes
from labelwright.core.errors import ModelError
from labelwright.labelmodels.multitask.whole_rows import WholeRows

TASKS = ("dog", "cat", "car")


def drawn(n, seed, *, sparse=False):
    rng = np.random.default_rng(seed)
    found = {}
    for task in TASKS[:2]:
        values = rng.integers(-1, 2, (n, 2))
        row, column = np.nonzero(values >= 0)
        names = [f"{task}.{j}" for j in range(2)]
        found[task] = (
            Votes.from_entries(row, column, values[row, column], shape=(n, 2), classes=["no", "yes"], sources=names)
            if sparse
            else Votes(values, classes=["no", "yes"], sources=names)
        )
    return found


def taken(votes, rows):
    return {task: one.take(rows) for task, one in votes.items()}


@given(n=st.integers(1, 120), seed=st.integers(0, 99), most=st.integers(1, 60), parts=st.integers(1, 5))
@settings(deadline=None, max_examples=25)
def test_any_partition_gives_the_same_sample(n, seed, most, parts):
    votes = drawn(n, seed)
    whole = WholeRows.of(votes, TASKS, most=most)
    order = np.random.default_rng(seed).permutation(n)
    merged = reduce(add, [WholeRows.of(taken(votes, rows), TASKS, most=most) for rows in np.array_split(order, parts)])
    assert merged == whole
    kept = int(whole.counts.cell_counts.sum())
    assert kept <= most
    assert whole.level == 0 or kept < n
    # What is kept of a sample is counted as if nothing else had been there.
    assert (whole.counts.counts.rows.sum(), whole.level == 0) == (kept, kept == n)
    assert WholeRows.of(drawn(n, seed, sparse=True), TASKS, most=most) == whole


def test_no_smaller_level_would_do():
    votes = drawn(1000, 0)
    found = WholeRows.of(votes, TASKS, most=100)
    looser = WholeRows.of(votes, TASKS, most=1000)
    depth, rows = looser.counts.cells[:, 3], looser.counts.cell_counts
    assert found.level > 0
    assert rows[depth >= found.level].sum() == found.counts.cell_counts.sum()
    assert rows[depth >= found.level - 1].sum() > 100


def test_rows_are_taken_away_from_all_of_them_and_not_from_a_sample():
    votes = drawn(60, 1)
    part, rest = taken(votes, slice(0, 20)), taken(votes, slice(20, 60))
    whole = WholeRows.of(votes, TASKS, most=60)
    assert whole - WholeRows.of(part, TASKS, most=60) == WholeRows.of(rest, TASKS, most=60)
    thin = WholeRows.of(votes, TASKS, most=30)
    with pytest.raises(ModelError, match="more than 30 examples of related tasks hold a sample"):
        thin - WholeRows.of(part, TASKS, most=30)


def test_rows_outside_of_a_sub_sum():
    votes = drawn(200, 2)
    bucket = int(votes["dog"].bucket[0])
    others = taken(votes, votes["dog"].bucket != bucket)
    assert WholeRows.of(votes, TASKS, most=200).without(bucket) == WholeRows.of(others, TASKS, most=200)
    thin = WholeRows.of(votes, TASKS, most=50).without(bucket)
    assert thin.counts.weights.sum() == (WholeRows.of(votes, TASKS, most=50).counts.cells[:, 2] != bucket).sum()
