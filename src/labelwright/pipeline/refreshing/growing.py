"""Files that came after those that were read before: only they, and the last part, are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from labelwright.data import Dataset, read
from labelwright.data.identity import Repeats
from labelwright.pipeline.kept.data_record import DataRecord, FileRecord, SourceRecord
from labelwright.pipeline.kept.kept_data import KeptData
from labelwright.pipeline.settings import DataSettings
from labelwright.store import Store

__all__ = ["Grown", "grown"]

# More new bytes than this for each old one are read with the old ones: the rows would all be held in memory.
_MOST_NEW = 0.5


@dataclass(frozen=True)
class Grown:
    """What has to be read of a source that has grown.

    Parameters
    ----------
    tail : Dataset
        The rows of the last part, and the new ones after them.
    start : int
        The place of its first row in the source.
    repeats : Repeats
        What the parts before hold, for ids from content.
    """

    tail: Dataset
    start: int
    repeats: Repeats


def grown(
    store: Store, source: SourceRecord | None, files: Sequence[FileRecord], folder: Path, data: DataSettings
) -> Grown | None:
    """Return what is new where files were added after those of an earlier run; ``None`` where all must be read.

    A part begins where the one before ended, whatever comes later; so all parts but the last stay what they are.
    """
    if source is None or data.group is not None or list(files[: len(source.files)]) != source.files:
        return None
    if sum(f.size for f in files[len(source.files) :]) > _MOST_NEW * sum(f.size for f in source.files):
        return None
    added = read([str(folder / file.path) for file in files[len(source.files) :]], id=data.id)
    kept = KeptData(store, DataRecord([source], data.id, None, {}))
    if added.schema != kept.schema(0):
        return None
    last, new = len(kept.parts) - 1, added.frame()
    repeats = Repeats()
    for part in range(last):
        if data.id is None:
            repeats.count(kept.part_names(part))
        elif np.isin(kept.part_ids(part), new.get_column(data.id).to_numpy()).any():
            return None  # reading all of it gives the error that says which id repeats, and how often
    tail = read(pl.concat([kept.part_frame(last), new]), id=data.id)
    return Grown(tail, kept.parts[last].start, repeats)
