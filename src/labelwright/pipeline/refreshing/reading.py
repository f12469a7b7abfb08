"""Reading a project's data into parts: only sources whose files changed, and of these only new parts are written."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

import labelwright
from labelwright.core import atomic_write
from labelwright.core.errors import DataError
from labelwright.data import ContentPart, Dataset, FileFingerprint, check_unchanged, divide, fingerprint, row_hashes
from labelwright.data.base import PART_ROWS
from labelwright.data.identity import Repeats
from labelwright.pipeline.data_checks import check_apart, check_columns, check_groups_whole, check_shared_columns
from labelwright.pipeline.examples import (
    gold_codes,
    gold_of,
    membership,
    open_dataset,
    source_paths,
    units_of_content,
)
from labelwright.pipeline.kept.data_record import DataRecord, DataSetRecord, FileRecord, PartRecord, SourceRecord
from labelwright.pipeline.kept.database import Database
from labelwright.pipeline.kept.example_ids import index_keys
from labelwright.pipeline.kept.kept_data import SPLITS, KeptData
from labelwright.pipeline.settings import FILE_NAME, Settings
from labelwright.store import ArtifactId, Recipe, Store

from .growing import Grown, grown

__all__ = ["DataChanges", "Fingerprints", "data_changes", "read_data"]

_KNOWN = "fingerprints.json"

# Rows of a part on average.
MEAN_ROWS = PART_ROWS


class Fingerprints:
    """Fingerprints of files from the last look, so that a file that nothing touched is not hashed again.

    Parameters
    ----------
    folder : Path
        Where they are remembered; they may be lost, and then files are hashed.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / _KNOWN
        try:
            self._known = [FileFingerprint.from_dict(one) for one in json.loads(self._path.read_text())]
        except (OSError, ValueError, TypeError):
            self._known = []

    def of(self, paths: Sequence[str]) -> tuple[FileFingerprint, ...]:
        """Return the fingerprints of the files that the paths name."""
        found = fingerprint(paths, known=self._known)
        fresh = {f.path for f in found}
        self._known = [f for f in self._known if f.path not in fresh] + list(found)
        return found

    def remember(self) -> None:
        """Write them down for the next time."""
        atomic_write(self._path, json.dumps([f.to_dict() for f in self._known]))


def read_data(
    folder: Path, settings: Settings, database: Database, prints: Fingerprints, base: DataRecord | None
) -> DataRecord:
    """Return what the project's data is now, with its parts in the store.

    Parameters
    ----------
    folder : Path
    settings : Settings
    database : Database
    prints : Fingerprints
    base : DataRecord or None
        Of an earlier run: a source whose files and settings are as they were is taken from there, unread.

    Raises
    ------
    DataError
        If files or columns are missing or unreadable, ids repeat within or across splits, a group is in two splits,
        gold is not among the classes, a split is empty, or a file changes while it is read.
    """
    known = {} if base is None else {(source.data_set, source.name): source for source in base.sources}
    sources = []
    for data_set, data in settings.sets.items():
        for name, paths in source_paths(settings, folder, data_set).items():
            found = prints.of(paths)
            files = [_relative(folder, f) for f in found]
            reading = _reading(settings, name, data_set)
            source = known.get((data_set, name))
            if source is None or (source.files, source.reading) != (files, reading):
                before = None if source is None or source.reading != reading else source
                new = grown(database.store, before, files, folder, data)
                source = _read_source(database, settings, (data_set, name), paths, files, reading, before, new)
                # Else what was read might not be what the fingerprints say.
                check_unchanged(found)
            sources.append(source)
    record = DataRecord(
        sources, settings.data.id, settings.data.group, _split_sizes(database.store, sources), _data_sets(settings)
    )
    kept = KeptData(database.store, record)
    for data_set in settings.sets:
        _check(folder, settings, kept, data_set, unchanged=sources == list(known.values()))
    if record.sets:
        check_shared_columns(settings, {name: kept.schema(_first(kept, name)).names() for name in record.sets})
    return record


def _data_sets(settings: Settings) -> dict[str, DataSetRecord]:
    """Return what is kept of each data set, where there are several."""
    named = {name: one for name, one in settings.sets.items() if name}
    return {n: DataSetRecord(one.id, one.group, list(settings.tasks_about(n))) for n, one in named.items()}


def _first(kept: KeptData, data_set: str, source: str | None = None) -> int:
    """Return the number of the first part of a data set, or of one of its sources."""
    sources = kept.record.sources
    places = [(sources[number].data_set, sources[number].name) for number in kept.source_of]
    return next(i for i, place in enumerate(places) if place == (data_set, place[1] if source is None else source))


def _reading(settings: Settings, name: str, data_set: str) -> dict[str, Any]:
    """Return everything beside the files that decides what is read, as JSON gives it back."""
    data = settings.sets[data_set]
    splits = name or msgspec.to_builtins(data.splits)
    content = {"id": data.id, "group": data.group, "splits": splits, "gold": settings.task.gold}
    content |= {"classes": settings.task.classes, "labelwright": labelwright.__version__}
    if settings.has_tasks:
        about = settings.tasks_about(data_set)
        states = {name: settings.graph.states(name) for name in about}
        content |= {"gold": {t: c for t, c in settings.gold_columns.items() if t in about}, "classes": states}
    return dict(json.loads(json.dumps(content)))


def _relative(folder: Path, print_: FileFingerprint) -> FileRecord:
    # Links stay as they are: a link in the project that points elsewhere is still the project's.
    path, root = Path(print_.path).absolute(), folder.absolute()
    shown = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
    return FileRecord(shown, print_.size, print_.digest)


def _read_source(
    database: Database,
    settings: Settings,
    place: tuple[str, str],
    paths: list[str],
    files: list[FileRecord],
    reading: Any,
    before: SourceRecord | None,
    new: Grown | None,
) -> SourceRecord:
    """Read a source, called by its data set and its name there.

    Where it has ``new`` rows after those of ``before``, only these are read, and the last part.
    """
    data_set, name = place
    divided = settings.sets[data_set].splits
    old = before.parts[:-1] if before is not None and new is not None else []
    dataset, start = (open_dataset(settings, paths, data_set), 0) if new is None else (new.tail, new.start)
    golds = gold_of(settings, dataset.columns, data_set)
    kept = [c for c in dict.fromkeys((*golds.values(), divided.column)) if c is not None]
    parts, frames, units = [], [], []
    for part, ids in _identified(dataset, set(golds.values()), Repeats() if new is None else new.repeats):
        parts.append(_keep_part(database, part, ids, start))
        frames.append(part.frame.select(kept) if kept else part.frame.select([]))
        units.append(ids["units"] if part.groups is None else part.groups)
    if not parts:
        raise DataError(f"{', '.join(paths)}: the data has no examples.")
    table, bounds = pl.concat(frames), np.cumsum([part.rows for part in parts])[:-1]
    codes = np.full(sum(part.rows for part in parts), -1, dtype=np.int8)
    for split, inside in membership(divided, name, table, np.concatenate(units)).items():
        codes[inside] = SPLITS.index(split)
    store = database.store
    splits = [str(store.put_arrays("splits", {"codes": one})) for one in np.split(codes, bounds)]
    known = {
        task: [
            str(store.put_arrays("gold", {"codes": one}))
            for one in np.split(gold_codes(table[column], settings, task).astype(np.int32), bounds)
        ]
        for task, column in golds.items()
    }
    whole = [
        msgspec.structs.replace(part, splits=splits[i], **_golds({task: keys[i] for task, keys in known.items()}))
        for i, part in enumerate(parts)
    ]
    return SourceRecord(name, reading, files, [*old, *whole], data_set)


def _golds(keys: Mapping[str, str]) -> dict[str, Any]:
    """Return what a part keeps of gold, of the one task or of several."""
    return {"gold": keys[""]} if "" in keys else {"golds": dict(keys)}


def _identified(
    dataset: Dataset, gold: Collection[str], repeats: Repeats
) -> Iterator[tuple[ContentPart, dict[str, npt.NDArray[Any]]]]:
    """Yield parts with the arrays that say who their examples are.

    Gold is for scoring: an id that is made from the content leaves it out, or splits would move with it.
    """
    for part in divide(dataset, mean_rows=MEAN_ROWS):
        arrays: dict[str, npt.NDArray[Any]] = {"hashes": part.row_hashes}
        if dataset.id is not None:
            yield part, {**arrays, "units": part.example_ids, "keys": index_keys(part.example_ids)}
            continue
        names = part.row_hashes
        if gold:
            names = arrays["names"] = row_hashes(part.frame.drop(gold))
        arrays["repeats"] = repeats.count(names)
        keys = (names[:, 1] & np.uint64(0xFFFFFFFF)).astype(np.uint32)
        yield part, {**arrays, "units": units_of_content(names), "keys": keys}


def _keep_part(
    database: Database, part: ContentPart, arrays: Mapping[str, npt.NDArray[Any]], offset: int
) -> PartRecord:
    store = database.store
    recipe = Recipe("data", {"part": ArtifactId("part", part.digest)})
    table = database.found(recipe)
    if table is None:
        table = store.put_table("data", part.frame.to_arrow())
        database.record([(recipe, table)], rows=part.n)
    hashes = {name: array for name, array in arrays.items() if name not in ("units", "keys")}
    positions = part.positions + offset
    start = int(positions[0])
    in_order = np.array_equal(positions, np.arange(start, start + part.n))
    return PartRecord(
        digest=part.digest,
        rows=part.n,
        data=str(table),
        hashes=str(store.put_arrays("row_hashes", hashes)),
        index=str(store.put_arrays("id_index", {"keys": arrays["keys"]})),
        splits="",
        start=start,
        positions=None if in_order else str(store.put_arrays("positions", {"positions": positions})),
    )


def _split_sizes(store: Store, sources: Sequence[SourceRecord]) -> dict[str, int]:
    counts = np.zeros(len(SPLITS), dtype=np.int64)
    for part in (part for source in sources for part in source.parts):
        codes = store.get_arrays(ArtifactId.parse(part.splits))["codes"]
        counts += np.bincount(codes[codes >= 0], minlength=len(SPLITS))
    return {name: int(count) for name, count in zip(SPLITS, counts, strict=True) if count}


def _check(folder: Path, settings: Settings, whole: KeptData, data_set: str, *, unchanged: bool) -> None:
    """Check one data set: its splits, and the columns that the settings name of it."""
    data, kept = settings.sets[data_set], whole.of_data_set(data_set)
    table = f"data_sets.{data_set}" if data_set else "data"
    wanted = list(data.splits.given) or ["train"]
    empty = [name for name in wanted if name not in kept.splits]
    if empty:
        raise DataError(f"the split {empty[0]!r} has no examples; look at [{table}.splits] in {folder / FILE_NAME}.")
    for name, paths in source_paths(settings, folder, data_set).items():
        check_columns(settings, kept.schema(_first(kept, data_set, name)).names(), paths, data_set)
    if unchanged:
        return
    if data.id is not None and data.splits.kind == "paths":
        check_apart({name: kept.ids(name) for name in kept.splits})
    if data.group is not None and data.splits.kind in ("paths", "column"):
        groups = {name: kept.groups(name) for name in kept.splits}
        check_groups_whole({name: found for name, found in groups.items() if found is not None}, data)


@dataclass(frozen=True, slots=True)
class DataChanges:
    """How many rows were added, edited and removed between two states of the data, and in which files."""

    added: int
    edited: int
    removed: int
    files: tuple[str, ...]

    def __str__(self) -> str:
        counts = [(self.added, "added"), (self.edited, "edited"), (self.removed, "removed")]
        said = [f"{n:,} row{'' if n == 1 else 's'} {what}" for n, what in counts if n]
        where = (
            f" in {', '.join(self.files[:3])}" + (" and others" if len(self.files) > 3 else "") if self.files else ""
        )
        return (", ".join(said) or "the same rows in another order or with other settings") + where


def data_changes(store: Store, before: DataRecord, after: DataRecord) -> DataChanges | None:
    """Compare two states of the data; ``None`` where they are the same. Only parts that differ are read."""
    if before.sources == after.sources:
        return None
    old, new = ({p.digest for _, p in record.parts()} for record in (before, after))
    gone, come = _rows(store, before, new), _rows(store, after, old)
    both = gone.join(come, on="id", how="inner")
    same = both.filter((pl.col("high") == pl.col("high_right")) & (pl.col("low") == pl.col("low_right"))).height
    files = {f.path: f.digest for source in before.sources for f in source.files}
    touched = [f.path for source in after.sources for f in source.files if files.get(f.path) != f.digest]
    left = [path for path in files if path not in {f.path for source in after.sources for f in source.files}]
    return DataChanges(come.height - both.height, both.height - same, gone.height - both.height, (*touched, *left))


def _rows(store: Store, record: DataRecord, known: set[str]) -> pl.DataFrame:
    """Return ids and hashes of the rows of the parts that are not among ``known``."""
    kept = KeptData(store, record)
    frames = [pl.DataFrame(schema={"id": pl.String, "high": pl.UInt64, "low": pl.UInt64})]
    for part, one in enumerate(kept.parts):
        if one.digest not in known:
            hashes = kept.part_hashes(part)
            ids = pl.Series("id", kept.part_ids(part)).cast(pl.String)
            frames.append(pl.DataFrame([ids, pl.Series("high", hashes[:, 0]), pl.Series("low", hashes[:, 1])]))
    return pl.concat(frames)
