"""Votes that a run kept come back as they were, whether they are held one by one or as a matrix."""

from __future__ import annotations

from types import SimpleNamespace

import msgspec
import numpy as np
import pytest

from labelwright.core import SparseRows
from labelwright.pipeline.kept.kept_votes import KeptVotes, PartVotesRecord, VotesRecord
from labelwright.store import ArtifactFolder
from labelwright.store.bit_planes import SUFFIX, encode


def _kept(folder, matrix, classes):
    """Keep ``matrix`` (n, m) as a run does, as one part."""
    store, (n, m) = ArtifactFolder(folder), matrix.shape
    keys = store.put_many("votes", [encode(column) for column in matrix.T], SUFFIX)
    sources = [f"source {j}" for j in range(m)]
    votes = [(name, str(key)) for name, key in zip(sources, keys, strict=True)]
    part = store.put_json("part_votes", msgspec.to_builtins(PartVotesRecord(votes, {})))
    ids = np.arange(n) + 100
    data = SimpleNamespace(
        n=n, numbers=[0], parts=[SimpleNamespace(rows=n)], part_ids=lambda part: ids, part_groups=lambda part: ids // 2
    )
    return KeptVotes(store, VotesRecord(classes, sources, [str(part)]), data)


@pytest.mark.parametrize(("share", "sparse"), [(0.05, True), (0.0, True), (0.5, False), (1.0, False)])
@pytest.mark.parametrize("k", [2, 300])
def test_votes_of_a_part_are_those_that_were_kept(tmp_path, share, sparse, k):
    rng = np.random.default_rng(0)
    matrix = np.where(rng.random((203, 7)) < share, rng.integers(0, k, (203, 7)), -1)
    kept = _kept(tmp_path, matrix, list(range(k)))
    whole, some = kept.of_part(0), kept.of_part(0, np.array([0, 5, 202]))
    assert whole.is_sparse == some.is_sparse == sparse
    np.testing.assert_array_equal(kept.matrix(0), matrix)
    assert kept.matrix(0).dtype == kept.dtype
    np.testing.assert_array_equal(whole.values, matrix)
    np.testing.assert_array_equal(some.values, matrix[[0, 5, 202]])
    assert (some.example_ids.tolist(), some.groups.tolist()) == ([100, 105, 302], [50, 52, 151])


def test_votes_one_by_one_are_in_the_order_of_the_sources(tmp_path):
    rows = _kept(tmp_path, np.eye(20, dtype=int)[:, ::-1] - 1, ["a", "b"]).of_part(0).rows
    assert isinstance(rows, SparseRows)
    assert rows.columns.tolist() == list(range(19, -1, -1))
