"""Keeping what the user wrote: nothing that a verb writes may take the place of settings, functions or data."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterable
from pathlib import Path

from labelwright.core.errors import DataError

from .examples import data_files
from .kept.keep import STORE_FOLDER
from .settings import FILE_NAME, Settings

__all__ = ["refuse_other_ending", "refuse_sources"]

_ENDINGS = {"parquet": ".parquet", "jsonl": ".jsonl", "csv": ".csv"}


def refuse_sources(
    target: Path, *, folder: Path | None, settings: Settings | None = None, inputs: Iterable[str | Path] = ()
) -> None:
    """Refuse to write to ``target`` where that would replace what a project is made of, or what is being read.

    Parameters
    ----------
    target : Path
        Where a verb is about to write.
    folder : Path or None
        The project's folder: its settings, functions and store are left alone.
    settings : Settings, optional
        Name the project's data: files, folders and globs, which are left alone too.
    inputs : iterable of path-like
        Further files that are being read.

    Raises
    ------
    DataError
        If ``target`` is one of these, or would be read as one of them the next time.

    Examples
    --------
    >>> refuse_sources(Path("spam/labelwright.toml"), folder=Path("spam"))
    Traceback (most recent call last):
    labelwright.core.errors.DataError: spam/labelwright.toml holds a project's settings; write to another file.
    """
    place = target.resolve()
    if place.name == FILE_NAME:
        raise _refusal(target, "holds a project's settings")
    if any(_covers(path, place) for path in inputs):
        raise _refusal(target, "is the data itself")
    if folder is None:
        return
    if any(_covers(folder / name, place) for name in ("supervision.py", "supervision")):
        raise _refusal(target, "holds the project's labeling functions")
    if _covers(folder / STORE_FOLDER, place):
        raise _refusal(target, "is in the store of the project's runs")
    if settings is not None and any(_covers(path, place) for path in data_files(settings, folder)):
        raise _refusal(target, "is the project's own data")


def refuse_other_ending(target: Path, to: str) -> None:
    """Refuse a file whose ending is not that of the format ``to``; a folder (``"hf"``) may be called anything.

    Raises
    ------
    DataError
        If a reader would take the file for something that it is not.
    """
    ending = _ENDINGS.get(to)
    if ending is not None and target.suffix.lower() != ending:
        raise DataError(f"{target} must end in {ending}, because it is written as {to}.")


def _covers(path: str | Path, place: Path) -> bool:
    """Say whether ``place`` is what ``path`` (a file, a folder or a glob) stands for, or would become a part of it."""
    own = os.path.realpath(path)
    if Path(own) == place or Path(own) in place.parents or fnmatch.fnmatchcase(str(place), own):
        return True
    # Another name of the same file: a hard link, or other capitals on a disk that does not tell them apart.
    return Path(own).exists() and place.exists() and place.samefile(own)


def _refusal(target: Path, what: str) -> DataError:
    return DataError(f"{target} {what}; write to another file.")
