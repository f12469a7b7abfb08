"""What was touched since a run, as far as a look at files tells: no function is imported and no data is read."""

from __future__ import annotations

from pathlib import Path

from labelwright.core.errors import LabelwrightError
from labelwright.pipeline.kept.data_record import DataRecord
from labelwright.pipeline.source_files import read_source
from labelwright.store import RunRow, Store

__all__ = ["touched_since"]


def touched_since(folder: Path, store: Store, row: RunRow) -> tuple[str, ...]:
    """Say what of a project was touched since a run: ``"source edited since"``, ``"data changed since"``.

    Notes
    -----
    A file of data counts as changed where its size is another, or it is gone; one of the same size that was written
    later counts as ``"data touched since"``: only reading it tells, which `labelwright run --dry-run` does.
    """
    flags = []
    try:
        source = read_source(store, row.artifacts["source"])
        if any(_content(folder / path) != content for path, content in source.items()):
            flags.append("source edited since")
        files = [file for one in DataRecord.read(store, row.artifacts["data"]).sources for file in one.files]
    except (LabelwrightError, KeyError, OSError):
        return tuple(flags)
    sizes = [(folder / file.path, file.size) for file in files]
    if any(not path.is_file() or path.stat().st_size != size for path, size in sizes):
        flags.append("data changed since")
    elif any(path.stat().st_mtime > row.finished.timestamp() for path, _ in sizes):
        flags.append("data touched since")
    return tuple(flags)


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
