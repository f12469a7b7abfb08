"""Fingerprints of files: what tells whether data has changed, by content and never by modification time alone."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from labelwright.core.errors import DataError

from .files import find_files

__all__ = ["FileFingerprint", "appended_to", "fingerprint"]

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class FileFingerprint:
    """What a file held when it was read.

    Parameters
    ----------
    path : str
        As it was found.
    size : int
        Bytes.
    modified, changed : int
        Time of the last modification and of the last change of its entry, nanoseconds.
    inode, device : int
        What the file system calls it.
    digest : str
        64 hexadecimal digits: BLAKE2b of the content.
    """

    path: str
    size: int
    modified: int
    digest: str
    changed: int = 0
    inode: int = 0
    device: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> FileFingerprint:
        """Return what `to_dict` was called on."""
        return cls(**values)

    @property
    def content(self) -> tuple[int, str]:
        """What counts when two are compared: size and digest."""
        return self.size, self.digest


def fingerprint(
    paths: str | Path | Iterable[str | Path], *, known: Sequence[FileFingerprint] = ()
) -> tuple[FileFingerprint, ...]:
    r"""Return the fingerprints of the files that paths, folders and globs name, in the order in which they are read.

    Parameters
    ----------
    paths : path or iterable of path
        As `labelwright.data.read` takes them.
    known : sequence of FileFingerprint
        From an earlier time. A file whose size, times, inode and device are those of a known one is not read again.

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
            if os.fstat(file.fileno()).st_size <= known.size:
                return False
            return _digest(file, known.size) == known.digest
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error


def _fingerprint(path: Path, known: FileFingerprint | None) -> FileFingerprint:
    try:
        with path.open("rb") as file:
            before = os.fstat(file.fileno())
            if known is not None and _stamps(before) == (known.size, known.modified, known.changed, known.inode):
                return known
            digest = _digest(file, before.st_size)
            after = os.fstat(file.fileno())
            grown = file.read(1)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error
    if grown or _stamps(before) != _stamps(after):
        raise DataError(f"{path} changed while it was read; run again when nothing writes to it.")
    size, modified, changed, inode = _stamps(before)
    return FileFingerprint(str(path), size, modified, digest, changed, inode, before.st_dev)


def _stamps(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def _digest(file: BinaryIO, size: int) -> str:
    """Hash the first ``size`` bytes."""
    digest = hashlib.blake2b(digest_size=32)
    left = size
    while left and (chunk := file.read(min(left, _CHUNK))):
        digest.update(chunk)
        left -= len(chunk)
    return digest.hexdigest()
