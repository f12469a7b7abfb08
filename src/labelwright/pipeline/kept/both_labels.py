"""The soft labels of two runs, read once; ids that both hold alike are read once for both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from labelwright.core import SoftLabels

from .keep import KeptRun

__all__ = ["LabelsBySplit", "labels_of_both"]

LabelsBySplit: TypeAlias = Mapping[str, SoftLabels]


def labels_of_both(before: KeptRun, after: KeptRun) -> tuple[LabelsBySplit, LabelsBySplit]:
    """Return the soft labels of two runs, by split.

    Notes
    -----
    Most parts of the data are the same in two runs. Reading the ids of a part takes longer than reading its labels, so
    each is read once.
    """
    known: dict[tuple[str, str], npt.NDArray[Any]] = {}
    return _labels(before, known), _labels(after, known)


def _labels(run: KeptRun, known: dict[tuple[str, str], npt.NDArray[Any]]) -> dict[str, SoftLabels]:
    if "soft_labels" not in run.row.artifacts:
        return {split: run.soft_labels(split) for split in run.splits}
    data, kept = run.kept_data, run.kept_labels

    def ids(part: int) -> npt.NDArray[Any]:
        record = data.parts[part]
        key = (record.data, record.hashes)
        if key not in known:
            known[key] = data.part_ids(part)
        return known[key]

    parts: dict[int, dict[str, npt.NDArray[Any]]] = {}

    def column(part: int, name: str) -> npt.NDArray[Any]:
        if part not in parts:
            parts[part] = kept.part(part)
        return np.asarray(parts[part][name])

    return {
        split: SoftLabels(
            data.take(split, lambda part: column(part, "probs")),
            data.take(split, lambda part: column(part, "covered")),
            classes=kept.record.classes,
            example_ids=data.take(split, ids),
        )
        for split in data.splits
    }
