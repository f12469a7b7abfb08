"""The data of a run, read from its parts: examples of a split in the order of their source."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache, reduce
from operator import or_
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from labelwright.core import hash_ids
from labelwright.core.errors import ProjectError
from labelwright.data.base import id_array
from labelwright.data.identity import content_ids
from labelwright.store import ArtifactId, Store

from .data_record import DataRecord, PartRecord

__all__ = ["KeptData", "index_keys", "part_ids"]

SPLITS = ("train", "valid", "test")

_HELD_BYTES = 128 * 2**20


class KeptData:
    """Reads examples, ids, groups, gold and splits from the parts that a run kept.

    Parameters
    ----------
    store : Store
    record : DataRecord

    Notes
    -----
    Parts are numbered through all sources. A split lies in one source; its examples come in the order of that source,
    whatever the order of the rows in the parts.
    """

    def __init__(self, store: Store, record: DataRecord) -> None:
        self.store = store
        self.record = record
        numbered = list(record.parts())
        self.parts: list[PartRecord] = [part for _, part in numbered]
        self.source_of: list[int] = [source for source, _ in numbered]
        self._ids: dict[int, npt.NDArray[Any]] = {}
        self._index = lru_cache(maxsize=64)(lambda key: store.get_array(ArtifactId.parse(key), "keys"))
        self._arrays = lru_cache(maxsize=64)(lambda key: store.get_arrays(ArtifactId.parse(key)))

    @property
    def splits(self) -> list[str]:
        """Names of the splits that there are, train first."""
        return [name for name in SPLITS if name in self.record.splits]

    @property
    def n(self) -> int:
        """Number of examples, those in no split included."""
        return sum(part.rows for part in self.parts)

    def schema(self, part: int = 0) -> pl.Schema:
        """Return names and types of the columns of a part."""
        found = pl.from_arrow(self.store.get_rows(ArtifactId.parse(self.parts[part].data), [0]))
        assert isinstance(found, pl.DataFrame)
        return found.schema

    def schema_of(self, split: str) -> pl.Schema:
        """Return names and types of the columns that a split's examples have."""
        return self.schema(self._places(split)[0][0])

    def part_frame(self, part: int, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """Return the rows of a part."""
        table = self.store.get_table(ArtifactId.parse(self.parts[part].data), columns)
        found = pl.from_arrow(table)
        assert isinstance(found, pl.DataFrame)
        return found

    def part_hashes(self, part: int) -> npt.NDArray[np.uint64]:
        """Return the row hashes of a part, shape (rows, 2)."""
        return np.asarray(self._arrays(self.parts[part].hashes)["hashes"])

    def part_names(self, part: int) -> npt.NDArray[np.uint64]:
        """Return the hashes that ids from content are made of, shape (rows, 2)."""
        arrays = self._arrays(self.parts[part].hashes)
        return np.asarray(arrays.get("names", arrays["hashes"]))

    def part_positions(self, part: int) -> npt.NDArray[np.int64]:
        """Return the places of a part's rows in their source, shape (rows,)."""
        kept = self.parts[part]
        if kept.positions is not None:
            return np.asarray(self._arrays(kept.positions)["positions"])
        return np.arange(kept.start, kept.start + kept.rows)

    def part_ids(self, part: int) -> npt.NDArray[Any]:
        """Return the ids of a part's examples, shape (rows,), read-only."""
        if part in self._ids:
            return self._ids[part]
        kept, name = self.parts[part], self.record.id
        if name is None:
            found = part_ids(self._arrays(kept.hashes))
        else:
            found = id_array(self.part_frame(part, [name]).get_column(name), what="id", start=kept.start)
        found.flags.writeable = False
        # Sums, labels and scores ask for the same ids.
        if found.itemsize * self.n <= _HELD_BYTES:
            self._ids[part] = found
        return found

    def part_groups(self, part: int) -> npt.NDArray[Any] | None:
        """Return the groups of a part's examples, shape (rows,), or ``None``."""
        name = self.record.group
        if name is None:
            return None
        column = self.part_frame(part, [name]).get_column(name)
        return id_array(column, what="group", start=self.parts[part].start)

    def part_rows(self, part: int, split: str) -> npt.NDArray[np.int64]:
        """Return the rows of a part that are in a split, ascending."""
        codes = self._arrays(self.parts[part].splits)["codes"]
        return np.flatnonzero(codes == SPLITS.index(split))

    def take(self, split: str, of_part: Callable[[int], npt.NDArray[Any]]) -> npt.NDArray[Any]:
        """Return an array over a split's examples, in their order, from arrays over the rows of parts."""
        places = self._places(split)
        joined = np.concatenate([of_part(part)[rows] for part, rows in places])
        order = self._order(split)
        return joined if order is None else joined[order]

    def ids(self, split: str) -> npt.NDArray[Any]:
        """Return the ids of a split's examples, shape (n,)."""
        return self.take(split, self.part_ids)

    def groups(self, split: str) -> npt.NDArray[Any] | None:
        """Return the groups of a split's examples, shape (n,), or ``None`` where there are none."""
        if self.record.group is None:
            return None

        def of_part(part: int) -> npt.NDArray[Any]:
            found = self.part_groups(part)
            assert found is not None
            return found

        return self.take(split, of_part)

    def gold(self, split: str, task: str = "") -> npt.NDArray[np.int64] | None:
        """Return the gold class of each example, shape (n,), -1 where unknown; ``None`` without a gold column.

        ``task`` is one of several tasks, where there are several.
        """
        keys = [self._gold_key(part, task) for part, _ in self._places(split)]
        if None in keys:
            return None
        codes = self.take(split, lambda part: self._arrays(self._gold_key(part, task))["codes"])
        return codes.astype(np.int64)

    def _gold_key(self, part: int, task: str) -> str | None:
        kept = self.parts[part]
        return kept.golds.get(task) if task else kept.gold

    def frame(self, split: str, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """Return a split's examples with the given columns (default: all)."""
        pieces = [self.part_frame(part, columns)[rows] for part, rows in self._places(split)]
        joined = pl.concat(pieces)
        order = self._order(split)
        return joined if order is None else joined[order]

    def rows(self, split: str, rows: npt.NDArray[np.int64]) -> pl.DataFrame:
        """Return some of a split's examples, by their places in it, ascending; parts are not read whole."""
        part_of = self.take(split, lambda part: np.full(self.parts[part].rows, part))[rows]
        row_of = self.take(split, lambda part: np.arange(self.parts[part].rows))[rows]
        frames = []
        for part in np.unique(part_of).tolist():
            wanted = row_of[part_of == part].tolist()
            found = pl.from_arrow(self.store.get_rows(ArtifactId.parse(self.parts[part].data), wanted))
            assert isinstance(found, pl.DataFrame)
            frames.append(found)
        order = np.argsort(np.argsort(part_of, kind="stable"), kind="stable")
        return pl.concat(frames)[order]

    def find(self, example_id: str | int) -> tuple[int, int]:
        """Return ``(part, row)`` of an example.

        Raises
        ------
        ProjectError
            If there is no example of that id.
        """
        wanted = _keys_of(str(example_id), by_content=self.record.id is None)
        for part, kept in enumerate(self.parts):
            keys = self._index(kept.index)
            # One comparison for each key, of which there are one or two: no table of what is wanted.
            for row in np.flatnonzero(reduce(or_, (keys == key for key in wanted), np.zeros(1, bool))).tolist():
                if str(self.id_at(part, row)) == str(example_id):
                    return part, row
        raise ProjectError(
            f"there is no example {example_id!r}; ids are those of the column {self.record.id!r}."
            if self.record.id
            else f"there is no example {example_id!r}; without data.id an id is made from the content, such as "
            f"{self.id_at(0, 0)}. The report, diffs and exports (example_id) show the ids."
        )

    def row(self, part: int, row: int) -> dict[str, Any]:
        """Return the fields of one example."""
        found = pl.from_arrow(self.store.get_rows(ArtifactId.parse(self.parts[part].data), [row]))
        assert isinstance(found, pl.DataFrame)
        return found.row(0, named=True)

    def id_at(self, part: int, row: int) -> str | int:
        """Return the id of one example."""
        name = self.record.id
        if name is not None:
            table = self.store.get_rows(ArtifactId.parse(self.parts[part].data), [row], [name])
            value: str | int = table.column(0)[0].as_py()
            return value
        arrays = self._arrays(self.parts[part].hashes)
        return str(part_ids({name: array[row : row + 1] for name, array in arrays.items()})[0])

    def split_of(self, part: int, row: int) -> str:
        """Return the split of one example, empty where it is in none."""
        code = int(self._arrays(self.parts[part].splits)["codes"][row])
        return SPLITS[code] if code >= 0 else ""

    def _places(self, split: str) -> list[tuple[int, npt.NDArray[np.int64]]]:
        """Return the rows of each part that are in a split, for the parts that have any."""
        if split not in self.record.splits:
            raise ProjectError(f"there is no split {split!r}; there are {', '.join(self.splits)}.")
        found = [(part, self.part_rows(part, split)) for part in range(len(self.parts))]
        return [(part, rows) for part, rows in found if len(rows)]

    def _order(self, split: str) -> npt.NDArray[np.int64] | None:
        """Return the order that puts a split's rows, part by part, into that of their source; ``None`` if they are."""
        places = self._places(split)
        if all(self.parts[part].positions is None for part, _ in places):
            return None
        return np.argsort(np.concatenate([self.part_positions(part)[rows] for part, rows in places]), kind="stable")


def part_ids(arrays: Any) -> npt.NDArray[Any]:
    """Return ids from content, from the arrays that a part keeps."""
    return content_ids(arrays.get("names", arrays["hashes"]), arrays["repeats"])


def index_keys(ids: npt.NDArray[Any]) -> npt.NDArray[np.uint32]:
    """Return 32 bits of a hash of each id, to find examples by."""
    return (hash_ids(ids) & np.uint64(0xFFFFFFFF)).astype(np.uint32)


def _keys_of(example_id: str, *, by_content: bool) -> npt.NDArray[np.uint32]:
    """Return the keys that an example of this id may have: a text of digits may be meant for a number."""
    if by_content:
        digits = example_id[24:32]  # ids from content are a hash already
        return np.array([int(digits, 16)] if re.fullmatch("[0-9a-f]{8}", digits) else [], dtype=np.uint32)
    keys = [index_keys(np.array([example_id]))]
    if re.fullmatch(r"-?\d{1,18}", example_id):
        keys.append(index_keys(np.array([int(example_id)])))
    return np.concatenate(keys)
