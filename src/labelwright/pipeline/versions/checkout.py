"""Checking out a run: settings and supervision as they were, and the run the current one again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from labelwright.core import atomic_write
from labelwright.core.errors import LabelwrightError, ProjectError
from labelwright.functions.versions import Explanation
from labelwright.pipeline.kept.keep import STORE_FOLDER, KeptRun, open_store
from labelwright.pipeline.source_files import SourceFiles, read_source, source_files
from labelwright.pipeline.supervision import load_supervision, record
from labelwright.store import RunRow, hold_lease

__all__ = ["REPLACED_FOLDER", "Checkout", "checkout_run"]

REPLACED_FOLDER = "replaced"


@dataclass(frozen=True, slots=True)
class Checkout:
    """What a checkout did.

    Parameters
    ----------
    run_id : str
    number : int
        Number of the row that was added to the log: the run is the latest again.
    of : int
        Number of the run that was checked out.
    written, removed : tuple of str
        Files that were put back, and files that were taken away because the run had none such.
    replaced : Path or None
        Where what they replaced was saved.
    different : tuple of str
        Functions that are not what they were although their source is, and why.
    """

    run_id: str
    number: int
    of: int
    written: tuple[str, ...]
    removed: tuple[str, ...]
    replaced: Path | None
    different: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "run_id": self.run_id,
            "number": self.number,
            "of": self.of,
            "written": list(self.written),
            "removed": list(self.removed),
            "replaced": None if self.replaced is None else str(self.replaced),
            "different": list(self.different),
        }


def checkout_run(folder: Path, name: str, *, force: bool = False) -> Checkout:
    """Make a run the current one again: put its settings and supervision back, and record it as the latest.

    Data files are left alone: the run keeps the examples that it labelled, and the next run reads what is there then.

    Parameters
    ----------
    folder : Path
    name : str
        The run, by any of its names.
    force : bool
        Replace files also where they were edited since the last run.

    Returns
    -------
    Checkout

    Raises
    ------
    ProjectError
        If there is no such run, it kept no source, or files were edited since the last run and ``force`` is not given;
        nothing is changed then.
    """
    store, catalog = open_store(folder)
    target, last = KeptRun.named(folder, name), KeptRun.latest(folder)
    if "source" not in target.row.artifacts:
        raise ProjectError(f"run {target.row.number} kept no source: it is older than runs do.")
    wanted = read_source(store, target.artifact("source"))
    known = read_source(store, last.artifact("source")) if "source" in last.row.artifacts else {}
    present = _present(folder, {*wanted, *known})
    write = {path: content for path, content in wanted.items() if present.get(path) != content}
    # Only what a run knew is taken away, and what would stand before the supervision that is put back.
    remove = [path for path in present if path not in wanted and (path in known or _is_supervision(path))]
    if not force:
        _refuse_edited(present, known, [*write, *remove], last.row)
    with hold_lease(catalog, "checkout"):
        replaced = _save(folder, {path: present[path] for path in (*write, *remove) if path in present})
        for path in remove:
            (folder / path).unlink()
        for path, content in write.items():
            atomic_write(folder / path, content)
        row = target.row
        if last.row.number != row.number:
            operations = {"checkout_of": row.number}
            row = catalog.add_run(row.run_id, seconds=0.0, artifacts=row.artifacts, operations=operations)
    return Checkout(
        row.run_id,
        row.number,
        target.row.number,
        tuple(sorted(write)),
        tuple(sorted(remove)),
        replaced,
        tuple(_different(folder, target)),
    )


def _present(folder: Path, paths: set[str]) -> SourceFiles:
    """Return the files that are there now, of those that a run knew and of what supervision is made of."""
    found = source_files(folder)
    found |= {path: (folder / path).read_bytes() for path in sorted(paths - set(found)) if (folder / path).is_file()}
    return found


def _is_supervision(path: str) -> bool:
    return path == "supervision.py" or path.startswith("supervision/")


def _refuse_edited(present: Mapping[str, bytes], known: Mapping[str, bytes], touched: list[str], last: RunRow) -> None:
    edited = [path for path in touched if path in present and present[path] != known.get(path)]
    if edited:
        raise ProjectError(
            f"{', '.join(sorted(edited))} {'was' if len(edited) == 1 else 'were'} edited since the last run (number "
            f"{last.number}). Run the project to keep the edits (labelwright run), or replace them: --force; they are "
            f"saved in {STORE_FOLDER}/{REPLACED_FOLDER} then."
        )


def _save(folder: Path, files: Mapping[str, bytes]) -> Path | None:
    """Save what is about to be replaced, in a folder that no collection touches."""
    if not files:
        return None
    moment = f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%S-%f}"
    place = folder / STORE_FOLDER / REPLACED_FOLDER / moment
    for path, content in files.items():
        atomic_write(place / path, content)
    return place


def _different(folder: Path, target: KeptRun) -> list[str]:
    """Say which functions are not what the run applied: a word list or a package that they use may have changed."""
    try:
        today = load_supervision(folder)
    except LabelwrightError as error:
        return [f"the functions cannot be loaded: {error}"]
    return [
        *_changed(target.function_records(), [record(f, folder) for f in today.functions]),
        *_changed(target.transformation_records(), [record(f, folder) for f in today.transformations]),
        *_changed(target.slicing_records(), [record(f, folder) for f in today.slices]),
    ]


def _changed(kept: Sequence[Mapping[str, Any]], today: Sequence[Mapping[str, Any]]) -> list[str]:
    known = {f["name"]: f for f in kept}
    said = []
    for function in today:
        old = known.get(function["name"])
        if old is not None and old["version"] != function["version"]:
            explained = [Explanation.from_dict(one["explanation"]) for one in (old, function)]
            said.append(f"{function['name']}: {'; '.join(explained[0].changes(explained[1]))}")
    return said
