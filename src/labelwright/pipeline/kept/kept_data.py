"""The data of a run, read from its parts: examples of a split in the order of their source."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from labelwright.core.errors import DataError, ProjectError
from labelwright.data.base import id_array
from labelwright.store import ArtifactId, Store

from .data_record import DataRecord, PartRecord
from .example_ids import part_ids, qualified

__all__ = ["KeptData"]

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
    Parts are numbered through all sources. A split lies in one source of each data set; its examples come in the order
    of that source, whatever the order of the rows in the parts. Where there are several data sets, examples are called
    NAME:ID, and groups likewise: what two data sets call alike is not one and the same.

    Attributes
    ----------
    numbers : sequence of int
        The numbers of the parts that are looked at: all, but for what `about` returns.
    """

    def __init__(self, store: Store, record: DataRecord) -> None:
        self.store = store
        self.record = record
        numbered = list(record.parts())
        self.parts: list[PartRecord] = [part for _, part in numbered]
        self.source_of: list[int] = [source for source, _ in numbered]
        self.numbers: Sequence[int] = range(len(self.parts))
        self._ids: dict[int, npt.NDArray[Any]] = {}
        self._index = lru_cache(maxsize=64)(lambda key: store.get_array(ArtifactId.parse(key), "keys"))
        self._arrays = lru_cache(maxsize=64)(lambda key: store.get_arrays(ArtifactId.parse(key)))

    @property
    def splits(self) -> list[str]:
        """Names of the splits that there are, train first."""
        found = [name for name in SPLITS if name in self.record.splits]
        if len(self.numbers) < len(self.parts):
            return [name for name in found if any(len(self.part_rows(part, name)) for part in self.numbers)]
        return found

    @property
    def n(self) -> int:
        """Number of examples, those in no split included."""
        return sum(self.parts[part].rows for part in self.numbers)

    def about(self, tasks: Collection[str]) -> KeptData:
        """Return the data sets that are about any of some tasks; parts keep their numbers.

        Examples are in the same order, and are called the same. Without several data sets this is all the data.
        """
        if not self.record.sets:
            return self
        found = copy.copy(self)
        found.numbers = [part for part in self.numbers if not set(tasks).isdisjoint(self.tasks_of(part) or tasks)]
        return found

    def having(self, columns: Collection[str]) -> KeptData:
        """Return the data sets that have any of some columns; see `about`."""
        if not self.record.sets:
            return self
        found, first = copy.copy(self), {self.source_of[part]: part for part in reversed(self.numbers)}
        there = {source for source, part in first.items() if not set(columns).isdisjoint(self.schema(part))}
        found.numbers = [part for part in self.numbers if self.source_of[part] in there]
        return found

    def of_data_set(self, name: str) -> KeptData:
        """Return one of several data sets; parts keep their numbers."""
        found = copy.copy(self)
        found.numbers = [part for part in self.numbers if self.data_set_of(part) == name]
        return found

    def data_set_of(self, part: int) -> str:
        """Return the name of the data set that a part belongs to, empty where there is but one."""
        return self.record.sources[self.source_of[part]].data_set

    def tasks_of(self, part: int) -> list[str] | None:
        """Return the tasks that the examples of a part are about; ``None`` where there is but one data set: all."""
        name = self.data_set_of(part)
        return self.record.sets[name].tasks if name in self.record.sets else None

    def id_of(self, part: int) -> str | None:
        """Return the column of ids of a part, ``None`` where ids are made from the content."""
        name = self.data_set_of(part)
        return self.record.sets[name].id if name in self.record.sets else self.record.id

    def group_of(self, part: int) -> str | None:
        """Return the column of groups of a part, or ``None``."""
        name = self.data_set_of(part)
        return self.record.sets[name].group if name in self.record.sets else self.record.group

    @property
    def has_groups(self) -> bool:
        """Whether some examples belong to groups."""
        return any(self.group_of(part) is not None for part in self.numbers)

    def scope(self, part: int) -> dict[str, str]:
        """Return what decides, beside the content of a part, what its examples are called."""
        name = self.data_set_of(part)
        return {"data_set": name} if name in self.record.sets else {}

    def within(self, split: str, tasks: Collection[str]) -> npt.NDArray[np.bool_] | None:
        """Say which of a split's examples are about any of some tasks, shape (n,); ``None`` where they all are."""
        return self.inside(split, self.about(tasks))

    def inside(self, split: str, some: KeptData) -> npt.NDArray[np.bool_] | None:
        """Say which of a split's examples are in some of the data sets; see `within`."""
        inside = set(some.numbers)
        if len(inside) == len(self.numbers):
            return None
        return self.take(split, lambda part: np.full(self.parts[part].rows, part in inside))

    def schema(self, part: int = 0) -> pl.Schema:
        """Return names and types of the columns of a part."""
        found = pl.from_arrow(self.store.get_rows(ArtifactId.parse(self.parts[part].data), [0]))
        assert isinstance(found, pl.DataFrame)
        return found.schema

    def schema_of(self, split: str) -> pl.Schema:
        """Return names and types of the columns that a split's examples have, in one data set or another."""
        first = {self.source_of[part]: part for part, _ in reversed(self._places(split))}
        found: dict[str, Any] = {}
        for part in sorted(first.values()):
            found = {**self.schema(part), **found}
        return pl.Schema({**self.schema(min(first.values())), **found})

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

    def part_keys(self, part: int) -> npt.NDArray[np.uint32]:
        """Return 32 bits of a hash of each id of a part, shape (rows,), to find an example by."""
        return np.asarray(self._index(self.parts[part].index))

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
        found = self._own_ids(part)
        if self.record.sets:
            found = np.char.add(qualified(self.data_set_of(part), ""), found.astype(np.str_))
        found.flags.writeable = False
        # Sums, labels and scores ask for the same ids.
        if found.itemsize * self.n <= _HELD_BYTES:
            self._ids[part] = found
        return found

    def _own_ids(self, part: int) -> npt.NDArray[Any]:
        """Return the ids of a part's examples within their data set."""
        kept, name = self.parts[part], self.id_of(part)
        if name is None:
            return part_ids(self._arrays(kept.hashes))
        return id_array(self.part_frame(part, [name]).get_column(name), what="id", start=kept.start)

    def part_groups(self, part: int) -> npt.NDArray[Any] | None:
        """Return the groups of a part's examples, shape (rows,), or ``None``.

        Where another data set has groups, and that of the part has none, each example is a group by itself.
        """
        name = self.group_of(part)
        if name is None:
            return self.part_ids(part) if self.record.sets and self.has_groups else None
        column = self.part_frame(part, [name]).get_column(name)
        found = id_array(column, what="group", start=self.parts[part].start)
        if not self.record.sets:
            return found
        return np.char.add(qualified(self.data_set_of(part), ""), found.astype(np.str_))

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
        if not self.has_groups:
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
        if all(self._gold_key(part, task) is None for part, _ in self._places(split)):
            return None
        return self.take(split, lambda part: self._gold_codes(part, task)).astype(np.int64)

    def _gold_codes(self, part: int, task: str) -> npt.NDArray[Any]:
        key = self._gold_key(part, task)
        # Of several data sets, one may have no such column.
        return np.full(self.parts[part].rows, -1) if key is None else self._arrays(key)["codes"]

    def _gold_key(self, part: int, task: str) -> str | None:
        kept = self.parts[part]
        return kept.golds.get(task) if task else kept.gold

    def frame(self, split: str, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """Return a split's examples with the given columns (default: all)."""
        joined = self._joined([(part, rows) for part, rows in self._places(split)], columns)
        order = self._order(split)
        return joined if order is None else joined[order]

    def _joined(
        self, places: Sequence[tuple[int, npt.NDArray[np.int64]]], columns: Sequence[str] | None = None
    ) -> pl.DataFrame:
        """Put rows of parts under each other; a column that a data set lacks is missing on its examples."""
        if not self.record.sets:
            return pl.concat([self.part_frame(part, columns)[rows] for part, rows in places])
        # No rows of each data set too, so that columns are the same, and of the same kinds, whatever the rows are.
        looked_at = self.numbers if columns is None else range(len(self.parts))
        first = {self.source_of[part]: part for part in reversed(looked_at)}
        nothing = np.empty(0, dtype=np.int64)
        frames = []
        for part, rows in [*((first[source], nothing) for source in sorted(first)), *places]:
            there = self.schema(part)
            own = None if columns is None else [c for c in columns if c in there] or list(there)[:1]
            frames.append(self.part_frame(part, own)[rows])
        try:
            found = pl.concat(frames, how="diagonal_relaxed")
        except pl.exceptions.SchemaError as error:
            raise DataError(
                f"two data sets have a column of the same name and of kinds that do not go together: {error}. Rename "
                "it in one of them."
            ) from None
        return found if columns is None else found.select(columns)

    def rows(self, split: str, rows: npt.NDArray[np.int64]) -> pl.DataFrame:
        """Return some of a split's examples, by their places in it, ascending; parts are not read whole."""
        part_of = self.take(split, lambda part: np.full(self.parts[part].rows, part))[rows]
        row_of = self.take(split, lambda part: np.arange(self.parts[part].rows))[rows]
        wanted = np.unique(part_of).tolist()
        order = np.argsort(np.argsort(part_of, kind="stable"), kind="stable")
        if self.record.sets:
            return self._joined([(part, row_of[part_of == part]) for part in wanted])[order]
        frames = []
        for part in wanted:
            found = pl.from_arrow(
                self.store.get_rows(ArtifactId.parse(self.parts[part].data), row_of[part_of == part].tolist())
            )
            assert isinstance(found, pl.DataFrame)
            frames.append(found)
        return pl.concat(frames)[order]

    def row(self, part: int, row: int) -> dict[str, Any]:
        """Return the fields of one example."""
        found = pl.from_arrow(self.store.get_rows(ArtifactId.parse(self.parts[part].data), [row]))
        assert isinstance(found, pl.DataFrame)
        return found.row(0, named=True)

    def id_at(self, part: int, row: int) -> str | int:
        """Return the id of one example."""
        found = self.own_id_at(part, row)
        return qualified(self.data_set_of(part), found) if self.record.sets else found

    def own_id_at(self, part: int, row: int) -> str | int:
        """Return the id of one example within its data set."""
        name = self.id_of(part)
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
        found = [(part, self.part_rows(part, split)) for part in self.numbers]
        # Of some data sets none need be in the split; then there are no rows, of the right kind.
        return [(part, rows) for part, rows in found if len(rows)] or found[:1]

    def _order(self, split: str) -> npt.NDArray[np.int64] | None:
        """Return the order that puts a split's rows, part by part, into that of their source; ``None`` if they are."""
        places = self._places(split)
        if all(self.parts[part].positions is None for part, _ in places):
            return None
        positions = np.concatenate([self.part_positions(part)[rows] for part, rows in places])
        return np.lexsort(
            (positions, np.repeat([self.source_of[part] for part, _ in places], list(map(_size, places))))
        )


def _size(place: tuple[int, npt.NDArray[np.int64]]) -> int:
    return len(place[1])
