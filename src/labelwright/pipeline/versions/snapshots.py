"""Names for runs that shall be kept, and the log of all runs."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from labelwright.core.errors import DataError, LabelwrightError, ProjectError
from labelwright.pipeline.kept.naming import check_snapshot_name, find_row
from labelwright.pipeline.kept.placing import open_store
from labelwright.pipeline.settings import Settings
from labelwright.store import ArtifactId, Catalog, RunRow, SnapshotRow, Store

from .since_run import touched_since

__all__ = ["LogEntry", "add_snapshot", "read_log", "remove_snapshot"]

# What a difference of an artifact means, in the order in which it is told. What follows from another is not told.
_CAUSES = {
    "settings": "settings",
    "functions": "functions",
    "transformations": "transformations",
    "slicing_functions": "slices",
    "data": "data",
    "votes": "votes",
    "label_model": "label model",
    "soft_labels": "labels",
    "task_votes": "votes",
    "task_models": "label model",
    "task_labels": "labels",
    "task_end_models": "end model",
    "policy": "policy",
    "augmentation": "augmented copies",
    "end_model": "end model",
    "metrics": "scores",
}
_EFFECTS = ("votes", "label model", "labels", "policy", "augmented copies", "end model", "scores")
_NAMES_SHOWN = 3


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A run as the log shows it.

    Parameters
    ----------
    number : int
    run_id : str
    finished : datetime.datetime
    seconds : float
    snapshots : tuple of SnapshotRow
        Its names.
    changed : str
        What differs from the run before, in a few words.
    headline : str
        Its main metric, or "" where nothing was scored.
    flags : tuple of str
        What a reader must know: ``"collected"``, ``"end model stale"``; of the last run also what was touched since
        (see `labelwright.pipeline.versions.since_run.touched_since`).
    """

    number: int
    run_id: str
    finished: datetime
    seconds: float
    snapshots: tuple[SnapshotRow, ...]
    changed: str
    headline: str
    flags: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "number": self.number,
            "run_id": self.run_id,
            "finished": self.finished.isoformat(timespec="seconds"),
            "seconds": round(self.seconds, 3),
            "snapshots": [{"name": s.name, "note": s.note, "made": s.made.isoformat()} for s in self.snapshots],
            "changed": self.changed,
            "headline": self.headline,
            "flags": list(self.flags),
        }


def add_snapshot(folder: Path, name: str, *, run: str = "latest", note: str = "", force: bool = False) -> SnapshotRow:
    """Give a run a name, under which it is kept.

    Parameters
    ----------
    folder : Path
    name : str
        1 to 64 letters, digits, dots, hyphens and underscores.
    run : str
        The run, by any of its names.
    note : str
    force : bool
        Move a name that another run has.

    Raises
    ------
    ProjectError
        If there is no run, or another run has the name already.
    DataError
        If the run has been collected.
    """
    _, catalog = open_store(folder)
    row = find_row(catalog, folder, run)
    before = catalog.snapshot(check_snapshot_name(name))
    if before is None:
        return catalog.add_snapshot(name, row.number, note)
    if not force:
        if (before.number, note) in ((row.number, ""), (row.number, before.note)):
            return before  # it says so already
        raise ProjectError(
            f"the snapshot {name!r} is of run {before.number} since {before.made:%Y-%m-%d %H:%M} UTC; choose another "
            "name, or move it: --force."
        )
    catalog.remove_snapshot(name)
    try:
        return catalog.add_snapshot(name, row.number, note)
    except DataError:
        catalog.add_snapshot(name, before.number, before.note)
        raise


def remove_snapshot(folder: Path, name: str) -> SnapshotRow:
    """Take a name away; the run stays until `labelwright gc` removes what it made.

    Raises
    ------
    ProjectError
        If there is no snapshot of that name.
    """
    _, catalog = open_store(folder)
    found = catalog.snapshot(name)
    if found is None or not catalog.remove_snapshot(name):
        raise ProjectError(_no_snapshot(catalog, name))
    return found


def read_log(folder: Path, *, limit: int | None = None, snapshots_only: bool = False) -> tuple[list[LogEntry], int]:
    """Return the runs, newest first, and how many there are in all.

    Parameters
    ----------
    folder : Path
    limit : int, optional
        The most entries to return; only for these are artifacts read.
    snapshots_only : bool
        Leave out runs without a name.
    """
    store, catalog = open_store(folder)
    rows = catalog.runs()
    names: dict[int, list[SnapshotRow]] = {}
    for snapshot in catalog.snapshots():
        names.setdefault(snapshot.number, []).append(snapshot)
    shown = [i for i in reversed(range(len(rows))) if not snapshots_only or rows[i].number in names]
    entries = []
    for i in shown[:limit]:
        row, before = rows[i], rows[i - 1] if i else None
        entries.append(
            LogEntry(
                row.number,
                row.run_id,
                row.finished,
                row.seconds,
                tuple(names.get(row.number, ())),
                _what_changed(store, before, row),
                _headline(store, row),
                _flags(row) + (touched_since(folder, store, row) if row is rows[-1] else ()),
            )
        )
    return entries, len(shown)


def _what_changed(store: Store, before: RunRow | None, row: RunRow) -> str:
    if "checkout_of" in row.operations:
        return f"checkout of run {row.operations['checkout_of']}"
    if before is None:
        return "first run"
    differ = [word for kind, word in _CAUSES.items() if _of_kind(before, kind) != _of_kind(row, kind)]
    for role in ("functions", "transformations", "slicing_functions"):
        word = _CAUSES[role]
        if word in differ:
            differ[differ.index(word)] = _changed_functions(store, before, row, role)
    if "settings" in differ and _same_settings(store, before, row):
        differ.remove("settings")
    differ = list(dict.fromkeys(word for word in differ if word))
    causes = [word for word in differ if word not in _EFFECTS]
    return ", ".join(causes or differ) or "nothing"


def _same_settings(store: Store, before: RunRow, row: RunRow) -> bool:
    """Say whether two runs had the same settings, though one may be of a version that knew fewer of them."""
    try:
        old, new = (msgspec.convert(store.get_json(one.artifacts["settings"]), Settings) for one in (before, row))
    except (LabelwrightError, KeyError, OSError, msgspec.ValidationError):
        return False
    return old == new


def _of_kind(row: RunRow, kind: str) -> dict[str, ArtifactId]:
    return {role: key for role, key in row.artifacts.items() if role.partition(".")[0] == kind}


def _changed_functions(store: Store, before: RunRow, row: RunRow, role: str) -> str:
    """Name the functions that were added, removed or changed; "" where only their texts were."""
    try:
        old, new = (
            {f["name"]: f["version"] for f in (store.get_json(one.artifacts[role]) if role in one.artifacts else [])}
            for one in (before, row)
        )
    except (LabelwrightError, OSError):
        return _CAUSES[role]
    told = [
        *(f"+{name}" for name in new if name not in old),
        *(f"-{name}" for name in old if name not in new),
        *(f"~{name}" for name in new if name in old and old[name] != new[name]),
    ]
    rest = len(told) - _NAMES_SHOWN
    return " ".join(told[:_NAMES_SHOWN]) + (f" and {rest} more {_CAUSES[role]}" if rest > 0 else "")


def _headline(store: Store, row: RunRow) -> str:
    """Return the accuracy of the end model, or else of the label model, on test or else on valid.

    Of several tasks it is the mean over those with gold of what the joint labels reach.
    """
    try:
        boards: Mapping[str, Any] = store.get_json(row.artifacts["metrics"])
    except (LabelwrightError, KeyError, OSError):
        return ""
    for split in ("test", "valid"):
        models = boards.get(split, {}).get("models", {})
        for role in ("end model", "label model"):
            found = models.get(role, {}).get("accuracy", {})
            if found.get("value") is not None:
                return f"{100 * found['value']:.1f}% {role} on {split}"
        if "task_votes" in row.artifacts and boards.get(split):
            values = [one["accuracy"]["value"] for one in boards[split].values()]
            mean, count = 100 * sum(values) / len(values), len(values)
            return f"{mean:.1f}% labels on {split}" + (f", mean of {count} tasks" if count > 1 else "")
    return ""


def _flags(row: RunRow) -> tuple[str, ...]:
    flags: Sequence[tuple[bool, str]] = (
        (row.collected, "collected"),
        (bool(row.operations.get("end_models_stale")), "end model stale"),
    )
    return tuple(word for holds, word in flags if holds)


def _no_snapshot(catalog: Catalog, name: str) -> str:
    names = [row.name for row in catalog.snapshots()]
    close = difflib.get_close_matches(name, names, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    known = f"are: {', '.join(names[-10:])}" if names else "are none"
    return f"there is no snapshot {name!r}.{hint} There {known}."
