"""What a run keeps of its data: files with their fingerprints, and parts with the artifacts that hold them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from labelwright.store import ArtifactId

__all__ = ["DataRecord", "DataSetRecord", "FileRecord", "PartRecord", "SourceRecord"]


class FileRecord(msgspec.Struct, frozen=True):
    """A file that was read: its path (relative to the project where it lies in it), size, and a hash of its content."""

    path: str
    size: int
    digest: str


class PartRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """A part of a source.

    Parameters
    ----------
    digest : str
        Address of its content (`labelwright.data.partition.ContentPart`).
    rows : int
    data : str
        The table of its rows.
    hashes : str
        Arrays: ``hashes`` (rows, 2); for ids from content also ``repeats``, and ``names`` where not all columns count.
    index : str
        Array ``keys``: 32 bits of a hash of each id, to find an example by.
    splits : str
        Array ``codes``: the split of each row, -1 for none.
    gold : str or None
        Array ``codes``: the gold class of each row, -1 where unknown.
    start : int
        Place of its first row in the source.
    positions : str or None
        Array ``positions`` where the rows do not follow one another in the source.
    golds : dict of str to str
        As ``gold``, by task, in a project with several tasks.
    """

    digest: str
    rows: int
    data: str
    hashes: str
    index: str
    splits: str
    gold: str | None = None
    start: int = 0
    positions: str | None = None
    golds: dict[str, str] = {}

    @property
    def artifacts(self) -> list[ArtifactId]:
        """Everything that the part is made of."""
        found = (self.data, self.hashes, self.index, self.splits, self.gold, self.positions, *self.golds.values())
        return [ArtifactId.parse(text) for text in found if text]


class SourceRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """One dataset: all the data, or the data of one split (then it has that split's name).

    ``reading`` holds the settings that decide how its files are read and divided; ``data_set`` is the name of the data
    set that it belongs to, where there are several.
    """

    name: str
    reading: dict[str, Any]
    files: list[FileRecord]
    parts: list[PartRecord]
    data_set: str = ""


class DataSetRecord(msgspec.Struct, frozen=True):
    """One of several data sets: its columns of ids and groups, and the tasks that its examples are about."""

    id: str | None
    group: str | None
    tasks: list[str]


class DataRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """All sources, the columns of ids and groups, and the number of examples of each split.

    ``sets`` holds what is of one data set, by name, where there are several; then the columns are theirs.
    """

    sources: list[SourceRecord]
    id: str | None
    group: str | None
    splits: dict[str, int]
    sets: dict[str, DataSetRecord] = {}

    def parts(self) -> Iterator[tuple[int, PartRecord]]:
        """Yield ``(number of the source, part)`` of every part, in order."""
        for number, source in enumerate(self.sources):
            for part in source.parts:
                yield number, part

    @classmethod
    def read(cls, store: Any, key: ArtifactId) -> DataRecord:
        """Return the record kept under ``key``."""
        return msgspec.convert(store.get_json(key), cls)
