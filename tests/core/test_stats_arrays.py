"""Stats survive being kept: of every label model, bit for bit, and only of this package's own classes."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from labelwright import labelmodels
from labelwright.core import Votes
from labelwright.core.errors import DataError
from labelwright.core.stats_arrays import arrays_of_stats, stats_of_arrays
from labelwright.pipeline.settings import LABEL_MODELS


def _votes(n: int = 200, k: int = 2) -> Votes:
    rng = np.random.default_rng(0)
    return Votes(rng.integers(-1, k, size=(n, 4)), classes=k, sources=["a", "b", "c", "d"])


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("method", list(LABEL_MODELS))
def test_stats_of_every_method_come_back_and_merge(method: str, k: int) -> None:
    votes = _votes(k=k)
    model = getattr(labelmodels, LABEL_MODELS[method])()
    parts = [model.summarize(votes.take(slice(start, start + 50))) for start in range(0, votes.n, 50)]
    kept = [arrays_of_stats(part) for part in parts]
    again = [stats_of_arrays(arrays) for arrays in kept if arrays is not None]
    assert again == parts
    total = again[0]
    for part in again[1:]:
        total = total + part
    assert total == model.summarize(votes)


def test_equal_stats_give_equal_arrays() -> None:
    model = labelmodels.LabelModel()
    first, second = (arrays_of_stats(model.summarize(_votes())) for _ in range(2))
    assert first is not None
    assert second is not None
    assert first.keys() == second.keys()
    assert all(np.array_equal(first[name], second[name]) and first[name].dtype == second[name].dtype for name in first)


def test_stats_of_strangers_are_not_kept() -> None:
    @dataclasses.dataclass
    class Own:
        counts: int

    assert arrays_of_stats(Own(1)) is None
    assert arrays_of_stats([1, 2]) is None


@pytest.mark.parametrize(
    "header",
    [
        {"class": "os:path", "fields": {}},
        {"class": "labelwright.core.files:os", "fields": {}},
        {"class": "labelwright.core.votes:merge_failures", "fields": {}},
        {"class": "labelwright.core.nowhere:Nothing", "fields": {}},
    ],
)
def test_only_stats_are_made_of_what_was_kept(header: dict[str, object]) -> None:
    with pytest.raises(DataError, match="are no stats"):
        stats_of_arrays({"header": np.array(json.dumps(header))})
    with pytest.raises(DataError, match="are no stats"):
        stats_of_arrays({})
