"""Parts with content-defined borders: an edit of a few rows leaves all parts but theirs as they were."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from polars.datatypes import DataTypeClass

from labelwright.core.errors import DataError

from .base import PART_ROWS, Dataset, id_array
from .identity import Repeats, content_ids, row_hashes, value_hashes

__all__ = ["ContentPart", "divide"]

# A part that no border ends is cut at this many times the mean; of random ids, one part in 55 is.
_LONGEST = 4

_CHANGED = (
    "the data changed while it was read: its groups are read first, and then there were other rows; read it again."
)


@dataclass(frozen=True, slots=True, eq=False)
class ContentPart:
    """Some of a dataset's rows, with an address that depends on what they hold and not on where they stand.

    Parameters
    ----------
    digest : str
        64 hexadecimal digits: a hash of the schema, the names of the columns of ids and groups, and the rows in their
        order. Two parts with the same digest have equal frames.
    frame : polars.DataFrame, shape (n, number of columns)
        All columns of the dataset.
    example_ids : ndarray, shape (n,)
        From the id column, or from the content; the latter may gain or lose a ``-2`` where an equal row in another
        part comes or goes.
    row_hashes : ndarray of uint64, shape (n, 2)
    positions : ndarray of int64, shape (n,)
        Place of each row in the dataset; ascending within each group.
    groups : ndarray, shape (n,), or None
        Groups of integers or texts.
    """

    digest: str
    frame: pl.DataFrame
    example_ids: npt.NDArray[Any]
    row_hashes: npt.NDArray[np.uint64]
    positions: npt.NDArray[np.int64]
    groups: npt.NDArray[Any] | None = None

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(self.positions)


def divide(dataset: Dataset, *, mean_rows: int = PART_ROWS) -> Iterator[ContentPart]:
    """Cut a dataset into parts whose borders depend on its rows, not on their number.

    Parameters
    ----------
    dataset : Dataset
    mean_rows : int, default 65536
        Rows of a part on average; the largest part has four times as many, or one group.

    Yields
    ------
    ContentPart
        In the order of the rows; a group stands where its first row does, whole.

    Raises
    ------
    DataError
        If the data cannot be read, an id or a group is missing, or ids repeat.

    Examples
    --------
    >>> from labelwright.data import read
    >>> frame = pl.DataFrame({"id": range(1000), "text": [f"comment {i}" for i in range(1000)]})
    >>> before = {part.digest for part in divide(read(frame, id="id"), mean_rows=50)}
    >>> after = {part.digest for part in divide(read(frame.filter(pl.col("id") != 500), id="id"), mean_rows=50)}
    >>> len(before), len(after), len(before - after), len(after - before)
    (20, 20, 1, 1)
    """
    if mean_rows < 1:
        raise DataError(f"mean_rows is {mean_rows}; it must be a number of rows, 1 or more.")
    if dataset.group is None:
        return _ungrouped(dataset, mean_rows)
    return _grouped(dataset, mean_rows)


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Rows on their way into a part."""

    frame: pl.DataFrame
    ids: npt.NDArray[Any]
    hashes: npt.NDArray[np.uint64]
    positions: npt.NDArray[np.int64]
    groups: npt.NDArray[Any] | None
    # What decides on borders, where there are no groups.
    marks: npt.NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.positions)

    def slice(self, start: int, end: int) -> _Rows:
        frame = self.frame.slice(start, end - start)
        return self._with(frame, *(None if a is None else a[start:end] for a in self._arrays()))

    def take(self, rows: npt.NDArray[np.int64]) -> _Rows:
        return self._with(self.frame[rows], *(None if a is None else a[rows] for a in self._arrays()))

    def _arrays(self) -> tuple[npt.NDArray[Any] | None, ...]:
        return self.ids, self.hashes, self.positions, self.groups, self.marks

    @staticmethod
    def _with(frame: pl.DataFrame, *arrays: Any) -> _Rows:
        return _Rows(frame, *arrays)

    @classmethod
    def joined(cls, pieces: list[_Rows]) -> _Rows:
        if len(pieces) == 1:
            return pieces[0]
        frame = pl.concat([piece.frame for piece in pieces])
        columns = zip(*(piece._arrays() for piece in pieces), strict=True)
        return cls._with(frame, *(None if c[0] is None else np.concatenate(c) for c in columns))


def _read(dataset: Dataset) -> Iterator[_Rows]:
    """Yield the rows in their order, with ids that are known to differ."""
    repeats = Repeats()
    for part in dataset.parts():
        frame = part.frame()
        hashes = row_hashes(frame)
        positions = np.arange(part.start, part.start + frame.height)
        groups = None
        if dataset.group is not None:
            groups = id_array(frame.get_column(dataset.group), what="group", start=part.start)
        if dataset.id is None:
            marks = hashes[:, 0]
            ids = content_ids(hashes, repeats.count(hashes))
        else:
            ids = id_array(frame.get_column(dataset.id), what="id", start=part.start)
            named = value_hashes(frame.get_column(dataset.id))
            marks = named[:, 0]
            if repeats.count(named).any():
                raise _repeated(dataset, dataset.id)
        yield _Rows(frame, ids, hashes, positions, groups, marks)


def _repeated(dataset: Dataset, column: str) -> DataError:
    """Return the error of ids that repeat; they are read once more, to say how often."""
    try:
        check_unique(np.concatenate([part.example_ids for part in dataset.parts([column])]), column)
    except DataError as error:
        return error
    return DataError(
        f"the data changed while it was read: ids of {column!r} repeated, and no longer do; read it again."
    )


def check_unique(ids: npt.NDArray[Any], column: str | None) -> None:
    """Check that ids differ.

    Raises
    ------
    DataError
        That names an id that repeats, and says how often.
    """
    values, counts = np.unique(ids, return_counts=True)
    if (counts > 1).any():
        repeats = int((counts - 1).sum())
        raise DataError(
            f"the id column {column!r} repeats: {values[counts > 1][0]!s} stands {int(counts.max())} times ({repeats} "
            "repeats in all). Ids must differ; without an id column they come from the content."
        )


def _ungrouped(dataset: Dataset, mean_rows: int) -> Iterator[ContentPart]:
    longest = _LONGEST * mean_rows
    limit = np.uint64((2**64 - 1) // mean_rows)
    waiting: list[_Rows] = []
    held = 0
    for rows in _read(dataset):
        borders = np.flatnonzero(rows.marks <= limit) + 1
        start = 0
        while start < len(rows):
            following = np.searchsorted(borders, start, side="right")
            natural = int(borders[following]) if following < len(borders) else len(rows) + longest
            end = min(natural, start + longest - held, len(rows))
            waiting.append(rows.slice(start, end))
            held += end - start
            start = end
            if end == natural:
                yield _made(dataset, _Rows.joined(waiting))
                waiting, held = [], 0
            elif held == longest:
                whole = _Rows.joined(waiting)
                cut = _forced(whole.marks)
                yield _made(dataset, whole.slice(0, cut))
                waiting, held = [whole.slice(cut, longest)] if cut < longest else [], longest - cut
    if waiting:
        yield _made(dataset, _Rows.joined(waiting))


def _forced(marks: npt.NDArray[np.uint64]) -> int:
    """Return where to cut rows without a border: after the lowest mark of the second half, the last one of equals.

    It is a place that the rows themselves choose, so that a row more or less before it does not move it.
    """
    half = len(marks) // 2
    return len(marks) - int(np.argmin(marks[half:][::-1]))


def _made(dataset: Dataset, rows: _Rows) -> ContentPart:
    digest = hashlib.sha256()
    for text in (dataset.id or "", dataset.group or "", *(f"{n}\0{type_text(t)}" for n, t in dataset.schema.items())):
        digest.update(text.encode() + b"\0\0")
    digest.update(rows.hashes.astype("<u8").tobytes())
    return ContentPart(digest.hexdigest(), rows.frame, rows.ids, rows.hashes, rows.positions, rows.groups)


def type_text(kind: pl.DataType | DataTypeClass) -> str:
    """Return the name of a type: our own words, since a library's change from version to version."""
    name = kind.__name__ if isinstance(kind, type) else type(kind).__name__
    if isinstance(kind, (pl.List, pl.Array)):
        shape = f", {kind.size}" if isinstance(kind, pl.Array) else ""
        return f"{name}({type_text(kind.inner)}{shape})"
    if isinstance(kind, pl.Struct):
        return f"{name}({', '.join(f'{f.name!r}: {type_text(f.dtype)}' for f in kind.fields)})"
    if isinstance(kind, pl.Enum):
        return f"{name}({kind.categories.to_list()})"
    if isinstance(kind, pl.Decimal):
        return f"{name}({kind.precision}, {kind.scale})"
    if isinstance(kind, pl.Datetime):
        return f"{name}({kind.time_unit}, {kind.time_zone})"
    return f"{name}({kind.time_unit})" if isinstance(kind, pl.Duration) else name


def _grouped(dataset: Dataset, mean_rows: int) -> Iterator[ContentPart]:
    units, parts = _plan(dataset, mean_rows)
    sizes = np.bincount(parts)
    pending: dict[int, list[_Rows]] = {}
    arrived = np.zeros(len(sizes), dtype=np.int64)
    following = 0
    for rows in _read(dataset):
        of_rows = parts[rows.positions[0] : rows.positions[-1] + 1]
        if len(of_rows) < len(rows):
            raise DataError(_CHANGED)
        for part in np.unique(of_rows):
            inside = np.flatnonzero(of_rows == part)
            pending.setdefault(int(part), []).append(rows if len(inside) == len(rows) else rows.take(inside))
            arrived[part] += len(inside)
        while following < len(sizes) and arrived[following] == sizes[following]:
            whole = _Rows.joined(pending.pop(following))
            order = np.argsort(units[whole.positions], kind="stable")
            yield _made(dataset, whole.take(order))
            following += 1
    if following < len(sizes):
        raise DataError(_CHANGED)


def _plan(dataset: Dataset, mean_rows: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Read the groups alone; say of every row which group it is in, by order of first appearance, and which part."""
    assert dataset.group is not None
    column = []
    for part in dataset.parts([dataset.group]):
        values = part.frame([dataset.group]).get_column(dataset.group)
        id_array(values, what="group", start=part.start)
        column.append(values)
    if not column:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    table = pl.DataFrame({"group": pl.concat(column)})
    found = table.group_by("group", maintain_order=True).len().with_row_index("unit")
    joined = table.join(found, on="group", how="left", maintain_order="left")
    units = joined["unit"].cast(pl.Int64).to_numpy()
    sizes, marks = found["len"].cast(pl.Int64).to_numpy(), value_hashes(found["group"])[:, 0]
    return units, _parts_of_groups(sizes, marks, mean_rows)[units]


def _parts_of_groups(
    sizes: npt.NDArray[np.int64], marks: npt.NDArray[np.uint64], mean_rows: int
) -> npt.NDArray[np.int64]:
    """Return the part of each group. The larger a group, the likelier it ends one: so that rows decide, not groups."""
    chance = np.uint64((2**64 - 1) // mean_rows)
    likely = np.minimum(sizes, mean_rows).astype(np.uint64)
    natural = marks <= likely * chance
    ends = np.cumsum(sizes)
    cuts = []
    start = 0
    for border in [*(np.flatnonzero(natural) + 1).tolist(), len(sizes)]:
        while start < border and ends[border - 1] - (base := ends[start] - sizes[start]) > _LONGEST * mean_rows:
            start = _forced_group(start, border, ends - base, marks, _LONGEST * mean_rows)
            cuts.append(start)
        if start < border:
            cuts.append(border)
            start = border
    parts = np.zeros(len(sizes) + 1, dtype=np.int64)
    parts[cuts] = 1
    return np.cumsum(parts)[:-1]


def _forced_group(
    start: int, border: int, ends: npt.NDArray[np.int64], marks: npt.NDArray[np.uint64], longest: int
) -> int:
    """Return the group to begin the next part with: as `_forced`, and after a group that is too large by itself."""
    low, high = np.searchsorted(ends[start:border], [longest // 2, longest], side="right") + start
    if low == high:
        return max(int(high), start + 1)
    return int(high - np.argmin(marks[low:high][::-1]))
