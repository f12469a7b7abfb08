"""Artifacts as files in a folder, under the hash of their content: written whole or not at all, checked when read."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import itertools
import os
import shutil
import tempfile
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from .base import ArtifactId, Entry
from .databases import out_of_space
from .formats import ByteStore, hash_folder

__all__ = ["ArtifactFolder"]

# What a writer has not finished begins with a dot, and no reader looks at it.
_UNFINISHED = ".new-"
_numbers = itertools.count()

# By how much the times of files may lag behind the clock of programs: kernels set them by their last tick.
_TICK = timedelta(milliseconds=10)

# Threads that wait for the disk at once.
_WAITING = 16


class ArtifactFolder(ByteStore):
    """A store in one folder: ``<root>/<kind>/<first two digits>/<digest>`` with a suffix for the format.

    Parameters
    ----------
    root : path-like
        The folder; made on the first write.

    Notes
    -----
    A file is written beside its place, made durable and renamed, so a reader never meets half of one, and two writers
    of the same content do no harm. What is read is hashed again: a file that was damaged or edited is an error, never a
    result. A disk that is full is an error that says so, and leaves what was there.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as root:
    ...     store = ArtifactFolder(root)
    ...     key = store.put_json("metrics", {"accuracy": 0.9})
    ...     store.get_json(key)
    {'accuracy': 0.9}
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)

    def put_bytes(self, kind: str, content: bytes, suffix: str) -> ArtifactId:
        """Keep bytes; ``suffix`` (``".bits"``) names their format."""
        return self.put_many(kind, [content], suffix)[0]

    def put_many(self, kind: str, contents: Iterable[bytes], suffix: str) -> list[ArtifactId]:
        """Keep several at once; all are durable when this returns.

        Files are written first and made durable afterwards, side by side, then each folder once: the disk writes its
        journal a few times, and not twice a file.
        """
        keys: list[ArtifactId] = []
        unfinished: dict[Path, Path] = {}
        with _explaining(self.root):
            try:
                for content in contents:
                    keys.append(ArtifactId(kind, hashlib.sha256(content).hexdigest()))
                    path = self._path(keys[-1], suffix)
                    if path not in unfinished and not _is_kept(path, keys[-1].digest):
                        path.parent.mkdir(parents=True, exist_ok=True)
                        unfinished[path] = path.with_name(f"{_UNFINISHED}{os.getpid()}-{next(_numbers)}{suffix}")
                        _write(unfinished[path], content)
                _sync_all(unfinished.values())
                for path, temporary in unfinished.items():
                    os.replace(temporary, path)  # noqa: PTH105 - one call for a thousand files
                _sync_all({path.parent for path in unfinished})
            finally:
                for temporary in unfinished.values():
                    temporary.unlink(missing_ok=True)
        return keys

    def get_bytes(self, key: ArtifactId, suffix: str) -> bytes:
        """Return the bytes kept under ``key``.

        Raises
        ------
        DataError
            If they are missing or damaged; so for every other ``get``.
        """
        try:
            # Text, not Path: a run reads a thousand small files.
            path = f"{self.root}/{key.kind}/{key.digest[:2]}/{key.digest}{suffix}"
            with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - unbuffered, one call for a thousand files
                content = file.readall()
        except FileNotFoundError:
            raise self.missing(key) from None
        if hashlib.sha256(content).hexdigest() != key.digest:
            raise self._damaged(key)
        return content

    def put_folder(self, kind: str, folder: Path) -> ArtifactId:
        """Keep a copy of the files in ``folder`` (and below)."""
        key = ArtifactId(kind, hash_folder(folder))
        target = self._path(key, "")
        with _explaining(self.root):
            if _is_kept(target, key.digest):
                return key
            target.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=target.parent, prefix=_UNFINISHED) as temporary:
                copy = Path(temporary) / "copy"
                shutil.copytree(folder, copy)
                for path in [*copy.rglob("*"), copy]:
                    _sync(path)
                os.utime(copy)
                if target.exists() and not _is_kept(target, key.digest):
                    target.rename(Path(temporary) / "damaged")
                try:
                    copy.rename(target)
                except OSError:
                    if not target.exists():  # another writer of the same content was faster
                        raise
            _sync(target.parent)
        return key

    def get_folder(self, key: ArtifactId) -> Path:
        """Return the folder kept under ``key``; it is not to be written to."""
        path = self._path(key, "")
        if not path.is_dir():
            raise self.missing(key)
        if hash_folder(path) != key.digest:
            raise self._damaged(key)
        return path

    def exists(self, key: ArtifactId) -> bool:
        """Say whether the artifact is in the store (not whether it is whole)."""
        return any(True for _ in self._files(key))

    def delete(self, key: ArtifactId, *, unless_put_since: datetime | None = None) -> bool:
        """Remove an artifact; say whether something was removed.

        With ``unless_put_since`` an artifact that somebody put again since then stays.
        """
        gone = [_delete(path, unless_put_since) for path in list(self._files(key))]
        return any(gone)

    def entries(self) -> Iterator[Entry]:
        """Yield every artifact with its format, size and age."""
        for path in self._all():
            key = self._key(path)
            if key is not None:
                with contextlib.suppress(FileNotFoundError):  # collected meanwhile
                    status = path.stat()
                    size = status.st_size if path.is_file() else _size(path)
                    yield Entry(key, path.name[64:], size, _time(status.st_mtime))

    def sweep(self, before: datetime) -> int:
        """Remove what killed writers left behind before that time; return how many files went."""
        gone = 0
        for path in self._all():
            with contextlib.suppress(FileNotFoundError):
                if path.name.startswith(".") and _time(path.lstat().st_mtime) < before:
                    if path.is_dir():
                        shutil.rmtree(path)
                    else:
                        path.unlink()
                    gone += 1
        return gone

    def _open(self, key: ArtifactId, suffix: str) -> Any:
        try:
            return self._path(key, suffix).open("rb")
        except FileNotFoundError:
            raise self.missing(key) from None

    def _path(self, key: ArtifactId, suffix: str) -> Path:
        return self.root / key.kind / key.digest[:2] / (key.digest + suffix)

    def _files(self, key: ArtifactId) -> Iterator[Path]:
        """Yield the file of an artifact, whatever its format."""
        return self._path(key, "").parent.glob(f"{key.digest}*")

    def _all(self) -> Iterator[Path]:
        """Yield everything that may be an artifact or what became of one."""
        return (path for path in self.root.glob("*/*/*"))

    def _key(self, path: Path) -> ArtifactId | None:
        """Return whose file it is; people and programs leave other things about too."""
        kind, digest = path.parent.parent.name, path.name[:64]
        try:
            return ArtifactId(kind, digest)
        except ValueError:
            return None

    def _where(self, key: ArtifactId) -> str:
        return str(next(self._files(key), self._path(key, "")))


def _is_kept(path: Path, digest: str) -> bool:
    """Say whether a file is there and whole, after making it young: from then on no collection takes it away."""
    try:
        os.utime(path)
        # A damaged one is mended.
        found = hash_folder(path) if path.is_dir() else hashlib.sha256(path.read_bytes()).hexdigest()
        return found == digest
    except FileNotFoundError:
        return False


def _delete(path: Path, unless_put_since: datetime | None) -> bool:
    """Set a file aside, look at its age there, and only then remove it.

    A writer that finds its content kept makes it young before it relies on it. Either it has done so before the file
    was set aside, and then the file is put back; or it finds nothing there any more, and writes it.
    """
    aside = path.with_name(f"{_UNFINISHED}{os.getpid()}-{next(_numbers)}")
    try:
        if _is_young(path, unless_put_since):
            return False
        path.rename(aside)
    except FileNotFoundError:
        return False
    if _is_young(aside, unless_put_since):
        with contextlib.suppress(OSError):  # a folder that was written again meanwhile: the same one
            aside.rename(path)
    if aside.is_dir():
        shutil.rmtree(aside)
    else:
        aside.unlink(missing_ok=True)
    return not path.exists()


def _is_young(path: Path, since: datetime | None) -> bool:
    return since is not None and _time(path.stat().st_mtime) + _TICK >= since


def _write(path: Path, content: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(handle, rest) :]
    finally:
        os.close(handle)


def _sync_all(paths: Collection[Path]) -> None:
    """Make several durable, side by side: what waits together is written together, five times as fast as in turn."""
    if len(paths) < 3:
        for path in paths:
            _sync(path)
        return
    with ThreadPoolExecutor(min(_WAITING, len(paths))) as threads:
        for _ in threads.map(_sync, paths):
            pass


def _sync(path: Path) -> None:
    """Make a file, or the names in a folder, durable."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except PermissionError:  # a platform that opens no folders
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@contextlib.contextmanager
def _explaining(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise out_of_space(next(p for p in (root, *root.absolute().parents) if p.exists())) from error
        raise
