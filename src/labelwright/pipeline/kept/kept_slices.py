"""Slices as a run keeps them: who belongs, a bit for each row, by slicing function and part, with counted failures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from labelwright.core.failures import Failure
from labelwright.core.slices import Slices
from labelwright.store import ArtifactId, Recipe, Store
from labelwright.store.bit_planes import SUFFIX, at, decode, encode

from .kept_data import KeptData
from .kept_votes import Failures, count_failures

__all__ = ["KeptSlices", "SlicesRecord", "keep_members", "slice_recipe"]

# Who belongs; and, where a function raised on some rows, that together with what it said.
MEMBERS, FAILED = "slice", "slice_failed"


class SlicesRecord(msgspec.Struct, frozen=True):
    """The slices of a run: their names, and for each part of the data the artifact of each slice, in their order.

    An empty text stands for a slice that reads what the data set of a part does not have: nobody of it belongs.
    """

    names: list[str]
    parts: list[list[str]]


class _FailedSlice(msgspec.Struct, frozen=True):
    """Who belongs, and on which rows the function raised: these are outside."""

    members: str
    failures: Failures


def slice_recipe(part: str, version: str) -> Recipe:
    """Return the recipe of a slice on a part: the part's digest, and the version of the slicing function."""
    return Recipe(MEMBERS, {"part": ArtifactId("part", part)}, {"function": version})


def keep_members(store: Store, inside: npt.NDArray[np.bool_], failed: Sequence[tuple[int, str]] = ()) -> ArtifactId:
    """Keep who belongs to a slice on a part, and on which rows its function raised."""
    # As votes are kept: one bit for each row.
    members = store.put_bytes(MEMBERS, encode(np.where(inside, 0, -1)), SUFFIX)
    if not failed:
        return members
    return store.put_json(FAILED, msgspec.to_builtins(_FailedSlice(str(members), Failures.of(failed))))


class KeptSlices:
    """Reads who belongs to which slice from what a run kept.

    Parameters
    ----------
    store : Store
    record : SlicesRecord
    data : KeptData
    """

    def __init__(self, store: Store, record: SlicesRecord, data: KeptData) -> None:
        self.store = store
        self.record = record
        self.data = data
        self.names = tuple(record.names)

    def of(self, split: str) -> Slices:
        """Return the slices of a split."""
        member = self.data.take(split, self.members)
        return Slices(member, self.names, example_ids=self.data.ids(split), failures=self.failures())

    def members(self, part: int) -> npt.NDArray[np.bool_]:
        """Return who belongs on a part, shape (rows, s)."""
        nobody = np.zeros(self.data.parts[part].rows, dtype=bool)
        return np.column_stack([nobody if key is None else decode(self._bits(key)) == 0 for key in self._keys(part)])

    def of_row(self, part: int, row: int) -> tuple[str, ...]:
        """Return the slices that one example belongs to."""
        keys = zip(self.names, self._keys(part), strict=True)
        return tuple(name for name, key in keys if key is not None and at(self._bits(key), row) == 0)

    def failures(self) -> list[Failure]:
        """Return what failed on the examples, in the order of the functions."""
        parts = range(len(self.record.parts))
        return count_failures(self.data, self.names, ((part, self._failures_of(part)) for part in parts))

    def _failures_of(self, part: int) -> dict[str, Failures]:
        keys = zip(self.names, self._keys(part), strict=True)
        return {name: self._failed(key).failures for name, key in keys if key is not None and key.kind == FAILED}

    def asked(self, part: int) -> list[str]:
        """Return the slices that were looked for on a part."""
        return [name for name, key in zip(self.names, self._keys(part), strict=True) if key is not None]

    def _keys(self, part: int) -> list[ArtifactId | None]:
        return [ArtifactId.parse(text) if text else None for text in self.record.parts[part]]

    def _bits(self, key: ArtifactId) -> bytes:
        held = ArtifactId.parse(self._failed(key).members) if key.kind == FAILED else key
        return self.store.get_bytes(held, SUFFIX)

    def _failed(self, key: ArtifactId) -> _FailedSlice:
        content: Any = self.store.get_json(key)
        return msgspec.convert(content, _FailedSlice)
