"""Fingerprints of files: what tells whether data has changed, by content and never by modification time alone."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal

from labelwright.core.errors import DataError

from .files import find_files

__all__ = ["FileChange", "FileFingerprint", "appended_to", "check_unchanged", "file_changes", "fingerprint"]

_CHUNK = 1 << 20

# Clocks of file systems stand still for some milliseconds (for 2 s on FAT): what is younger may change unseen.
_SETTLED_NANOSECONDS = 3 * 10**9


@dataclass(frozen=True, slots=True)
class FileFingerprint:
    """What a file held when it was read.

    Parameters
    ----------
    path : str
        As it was found.
    size : int
        Bytes.
    modified : int
        Time of its last modification, nanoseconds since 1970.
    digest : str
        64 hexadecimal digits: SHA-256 of the content.
    changed : int
        Time of the last change of its entry, which no program can set back, nanoseconds since 1970.
    inode, device : int
        What the file system calls it.
    settled : bool
        Whether it was so old when it was read that a later change must show in its times. Does not count for equality.
    """

    path: str
    size: int
    modified: int
    digest: str
    changed: int = 0
    inode: int = 0
    device: int = 0
    settled: bool = field(default=False, compare=False)

    @property
    def content(self) -> tuple[int, str]:
        """What counts when two are compared: size and digest."""
        return self.size, self.digest

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> FileFingerprint:
        """Return the fingerprint that `to_dict` was called on."""
        return cls(**values)


@dataclass(frozen=True, slots=True)
class FileChange:
    """What became of a file between two fingerprints.

    Parameters
    ----------
    path : str
    kind : {"added", "removed", "renamed", "appended", "edited"}
    before : str, optional
        The old path of a file that was renamed.
    size : int
        Bytes by which it grew.
    """

    path: str
    kind: Literal["added", "removed", "renamed", "appended", "edited"]
    before: str | None = None
    size: int = 0

    def __str__(self) -> str:
        name = Path(self.path).name
        if self.kind == "renamed":
            return f"{name}: renamed from {Path(str(self.before)).name}"
        return f"{name}: {self.kind}" + (f" ({self.size:+,} bytes)" if self.size else "")


def fingerprint(
    paths: str | Path | Iterable[str | Path], *, known: Sequence[FileFingerprint] = ()
) -> tuple[FileFingerprint, ...]:
    r"""Return the fingerprints of the files that paths, folders and globs name, in the order in which they are read.

    Parameters
    ----------
    paths : path or iterable of path
        As `labelwright.data.read` takes them.
    known : sequence of FileFingerprint
        From an earlier time. A file is not read again where its size, both its times, its inode and its device are
        those of a known one of the same path, which was settled then.

    Raises
    ------
    DataError
        If nothing is found, a file cannot be read, or it changes while it is read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "a.csv").write_text("text\nhello\n")
    ...     before = fingerprint(folder)
    ...     _ = Path(folder, "b.csv").write_text("text\nhello\n")
    ...     after = fingerprint(folder, known=before)
    >>> [Path(f.path).name for f in after], after[0] == before[0], after[0].content == after[1].content
    (['a.csv', 'b.csv'], True, True)
    """
    given = [paths] if isinstance(paths, (str, Path)) else list(paths)
    files, _ = find_files(given)
    by_path = {f.path: f for f in known}
    return tuple(_fingerprint(path, by_path.get(str(path))) for path in files)


def appended_to(known: FileFingerprint, path: str | Path) -> bool:
    """Say whether a file has grown, and still begins with what it held: an append-only log.

    Raises
    ------
    DataError
        If the file cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            return os.fstat(file.fileno()).st_size > known.size and _digest(file, known.size) == known.digest
    except OSError as error:
        raise _unreadable(path, error) from error


def check_unchanged(fingerprints: Iterable[FileFingerprint]) -> None:
    """Check that files are still those that were fingerprinted: what was read of them since is what they held then.

    Their sizes, times and inodes are compared, so this takes no time; the window in which a clock stands still stays
    open here, and closes with the next fingerprint.

    Raises
    ------
    DataError
        If one has changed or is gone.
    """
    for known in fingerprints:
        try:
            status = Path(known.path).stat()
        except OSError as error:
            raise _unreadable(known.path, error) from error
        if _stamps(status) != _known_stamps(known):
            raise _changed(known.path)


def file_changes(before: Sequence[FileFingerprint], after: Sequence[FileFingerprint]) -> list[FileChange]:
    """Return what became of the files between two fingerprints, in the order of ``after``, removed ones last.

    Parameters
    ----------
    before, after : sequence of FileFingerprint
        Of ``after``, files that have grown are read as far as they went before.

    Returns
    -------
    list of FileChange
        Files whose content is the same under the same path are not in it.

    Raises
    ------
    DataError
        If a file that has grown cannot be read.
    """
    old, now = {f.path: f for f in before}, {f.path for f in after}
    gone = {f.content: f.path for f in before if f.path not in now}
    changes = []
    for found in after:
        was = old.get(found.path)
        if was is None:
            origin = gone.pop(found.content, None)
            changes.append(FileChange(found.path, "renamed" if origin else "added", origin))
        elif was.content != found.content:
            kind: Literal["appended", "edited"] = "appended" if appended_to(was, found.path) else "edited"
            changes.append(FileChange(found.path, kind, size=found.size - was.size))
    renamed = {change.before for change in changes}
    removed = [f.path for f in before if f.path not in now and f.path not in renamed]
    return [*changes, *(FileChange(path, "removed") for path in removed)]


def _fingerprint(path: Path, known: FileFingerprint | None) -> FileFingerprint:
    try:
        with path.open("rb") as file:
            began = time.time_ns()
            before = os.fstat(file.fileno())
            if known is not None and known.settled and _stamps(before) == _known_stamps(known):
                return known
            digest = _digest(file, before.st_size)
            after = os.fstat(file.fileno())
    except OSError as error:
        raise _unreadable(path, error) from error
    if _stamps(before) != _stamps(after):
        raise _changed(path)
    size, modified, changed, inode, device = _stamps(before)
    settled = max(modified, changed) < began - _SETTLED_NANOSECONDS
    return FileFingerprint(str(path), size, modified, digest, changed, inode, device, settled)


def _stamps(status: os.stat_result) -> tuple[int, int, int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev


def _known_stamps(known: FileFingerprint) -> tuple[int, int, int, int, int]:
    return known.size, known.modified, known.changed, known.inode, known.device


def _digest(file: BinaryIO, size: int) -> str:
    """Hash the next ``size`` bytes."""
    digest = hashlib.sha256()
    left = size
    while left and (chunk := file.read(min(left, _CHUNK))):
        digest.update(chunk)
        left -= len(chunk)
    return digest.hexdigest()


def _changed(path: str | Path) -> DataError:
    return DataError(f"{path} changed while it was read; run again when no program writes to it.")


def _unreadable(path: str | Path, error: OSError) -> DataError:
    return DataError(f"{path} cannot be read: {error.strerror or error}. Was it moved while the data was read?")
