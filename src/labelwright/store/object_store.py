"""Artifacts in an object store (S3, GCS, Azure, ...) or any other place that fsspec reaches."""

from __future__ import annotations

import contextlib
import hashlib
import io
import shutil
import tempfile
import uuid
import weakref
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from labelwright.core.errors import DataError, MissingExtraError

from .base import ArtifactId, Entry
from .formats import ByteStore, hash_folder

__all__ = ["ObjectStore"]

# Where an object appears whole, when its upload has ended. Anywhere else it is written beside its place and renamed.
_WHOLE = frozenset({"memory", "s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oss", "oci", "r2"})

_FOLDER = ".zip"
_UNFINISHED = ".new-"

# What file systems of fsspec call the time of an upload.
_TIMES = ("LastModified", "last_modified", "updated", "mtime", "modified", "created")


class ObjectStore(ByteStore):
    """A store behind an address that fsspec knows; needs the extra ``object-store``, and a cloud's own package.

    Parameters
    ----------
    address : str
        ``s3://bucket/folder``, ``gs://bucket/folder``, ``memory://name``. Credentials are found as that cloud's tools
        find them.
    options : mapping, optional
        Further options of fsspec's file system, such as ``{"endpoint_url": "https://..."}``.

    Raises
    ------
    MissingExtraError
        If fsspec is not installed.
    DataError
        If it does not know such addresses, or lacks the package for them.

    Notes
    -----
    What is put is uploaded even where it is kept already: that makes it young, so that no collection takes it, and
    mends what was damaged. Folders are kept as one zip file, so that they too appear whole.

    Examples
    --------
    >>> store = ObjectStore("memory://example")
    >>> store.get_json(store.put_json("metrics", {"accuracy": 0.9}))
    {'accuracy': 0.9}
    """

    def __init__(self, address: str, options: Mapping[str, Any] | None = None) -> None:
        try:
            import fsspec
        except ImportError as error:
            raise MissingExtraError("a store behind an address", "object-store") from error
        self.address = address
        try:
            # Other processes write too, so what was listed before tells nothing.
            found = fsspec.core.url_to_fs(address, **{"use_listings_cache": False, **(options or {})})
        except (ImportError, ValueError) as error:
            raise DataError(f"{address} cannot be opened as a store: {error}") from error
        self._files: Any = found[0]
        self.root: str = found[1].rstrip("/")
        names = self._files.protocol
        self._uploads_whole = bool(_WHOLE & set((names,) if isinstance(names, str) else names))

    def put_bytes(self, kind: str, content: bytes, suffix: str) -> ArtifactId:
        """Keep bytes; ``suffix`` (``".bits"``) names their format."""
        return self.put_many(kind, [content], suffix)[0]

    def put_many(self, kind: str, contents: Iterable[bytes], suffix: str) -> list[ArtifactId]:
        """Keep several at once; uploads go side by side where the file system can."""
        content = [bytes(one) for one in contents]
        keys = [ArtifactId(kind, hashlib.sha256(one).hexdigest()) for one in content]
        self._upload({self._path(key, suffix): one for key, one in zip(keys, content, strict=True)})
        return keys

    def get_bytes(self, key: ArtifactId, suffix: str) -> bytes:
        """Return the bytes kept under ``key``.

        Raises
        ------
        DataError
            If they are missing or damaged; so for every other ``get``.
        """
        content = self._download(key, suffix)
        if hashlib.sha256(content).hexdigest() != key.digest:
            raise self._damaged(key)
        return content

    def put_folder(self, kind: str, folder: Path) -> ArtifactId:
        """Keep a copy of the files in ``folder`` (and below)."""
        key = ArtifactId(kind, hash_folder(folder))
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
            for path in sorted(p for p in folder.rglob("*") if p.is_file()):
                archive.writestr(zipfile.ZipInfo(path.relative_to(folder).as_posix()), path.read_bytes())
        self._upload({self._path(key, _FOLDER): buffer.getvalue()})
        return key

    def get_folder(self, key: ArtifactId) -> Path:
        """Return a copy of the folder kept under ``key``, which lasts as long as this store."""
        copy = self._copies / f"{key.kind}-{key.digest}"
        if not copy.is_dir():
            unfinished = Path(tempfile.mkdtemp(dir=self._copies))
            try:
                with zipfile.ZipFile(io.BytesIO(self._download(key, _FOLDER))) as archive:
                    archive.extractall(unfinished)
            except zipfile.BadZipFile:
                raise self._damaged(key) from None
            with contextlib.suppress(OSError):  # another thread was faster
                unfinished.rename(copy)
        if hash_folder(copy) != key.digest:
            shutil.rmtree(copy)
            raise self._damaged(key)
        return copy

    def exists(self, key: ArtifactId) -> bool:
        """Say whether the artifact is in the store (not whether it is whole)."""
        return bool(self._objects(key))

    def delete(self, key: ArtifactId, *, unless_put_since: datetime | None = None) -> bool:
        """Remove an artifact; say whether something was removed.

        With ``unless_put_since`` an artifact that somebody put again since then stays. An object store cannot look and
        remove in one step: a writer that puts the same content within that moment, and holds no lease, may lose it.
        """
        gone = False
        for path, info in self._objects(key).items():
            if unless_put_since is None or self._modified(path, info) < unless_put_since:
                with contextlib.suppress(FileNotFoundError), self._explaining():
                    self._files.rm_file(path)
                    gone = True
        return gone

    def entries(self) -> Iterator[Entry]:
        """Yield every artifact with its format, size and age."""
        for path, info in self._find(self.root).items():
            place = PurePosixPath(path)
            with contextlib.suppress(ValueError):  # people and programs leave other things about too
                key = ArtifactId(place.parent.parent.name, place.name[:64])
                suffix = "" if place.name[64:] == _FOLDER else place.name[64:]
                yield Entry(key, suffix, int(info["size"]), self._modified(path, info))

    def sweep(self, before: datetime) -> int:
        """Remove what killed writers left behind before that time; return how many files went.

        Uploads in parts that never ended are invisible: give the bucket a rule that drops them.
        """
        gone = 0
        for path, info in self._find(self.root).items():
            if PurePosixPath(path).name.startswith(_UNFINISHED) and self._modified(path, info) < before:
                with contextlib.suppress(FileNotFoundError):
                    self._files.rm_file(path)
                    gone += 1
        return gone

    @cached_property
    def _copies(self) -> Path:
        folder = tempfile.mkdtemp(prefix="labelwright-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return Path(folder)

    def _upload(self, contents: Mapping[str, bytes]) -> None:
        with self._explaining():
            if self._uploads_whole:
                self._files.pipe(dict(contents))
                return
            for path, content in contents.items():
                folder, _, _ = path.rpartition("/")
                self._files.makedirs(folder, exist_ok=True)
                temporary = f"{folder}/{_UNFINISHED}{uuid.uuid4().hex}"
                try:
                    self._files.pipe_file(temporary, content)
                    self._files.mv(temporary, path)
                except BaseException:
                    with contextlib.suppress(OSError):
                        self._files.rm_file(temporary)
                    raise

    def _download(self, key: ArtifactId, suffix: str) -> bytes:
        try:
            with self._explaining():
                return bytes(self._files.cat_file(self._path(key, suffix)))
        except FileNotFoundError:
            raise self.missing(key) from None

    def _open(self, key: ArtifactId, suffix: str) -> Any:
        try:
            with self._explaining():
                return self._files.open(self._path(key, suffix), "rb")
        except FileNotFoundError:
            raise self.missing(key) from None

    def _path(self, key: ArtifactId, suffix: str) -> str:
        return f"{self.root}/{key.kind}/{key.digest[:2]}/{key.digest}{suffix}"

    def _objects(self, key: ArtifactId) -> dict[str, Any]:
        """Return the object of an artifact, whatever its format."""
        found = self._find(self._path(key, "").rpartition("/")[0])
        return {path: info for path, info in found.items() if PurePosixPath(path).name.startswith(key.digest)}

    def _find(self, folder: str) -> dict[str, Any]:
        with self._explaining():
            try:
                found: dict[str, Any] = self._files.find(folder, detail=True)
            except FileNotFoundError:
                return {}
        return found

    def _modified(self, path: str, info: Mapping[str, Any]) -> datetime:
        moment = next((info[name] for name in _TIMES if info.get(name) is not None), None)
        if moment is None:
            moment = self._files.modified(path)
        if isinstance(moment, (int, float)):
            return datetime.fromtimestamp(moment, UTC)
        if isinstance(moment, str):
            moment = datetime.fromisoformat(moment)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    def _where(self, key: ArtifactId) -> str:
        return self._path(key, "")

    @contextlib.contextmanager
    def _explaining(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise
        except OSError as error:
            raise DataError(f"the store at {self.address} cannot be used now: {error}. Try again.") from error
