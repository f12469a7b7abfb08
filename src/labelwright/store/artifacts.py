"""Artifacts as files in a folder: JSON, npz and whole folders, each under the hash of its content; never pickle."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.core.errors import DataError
from labelwright.core.files import atomic_write

from .base import ArtifactId

__all__ = ["ArtifactFolder", "hash_folder"]


class ArtifactFolder:
    """A store in one folder: ``<root>/<kind>/<first two digits>/<digest>`` with a suffix for the format.

    Parameters
    ----------
    root : path-like
        The folder; made on the first write.

    Notes
    -----
    A file is written beside its place and renamed, so a reader never meets half of one, and two writers of the same
    content do no harm. What is read is hashed again: a file that was damaged or edited is an error, never a result.

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

    def put_json(self, kind: str, content: Any) -> ArtifactId:
        """Keep a JSON-able value; keys are sorted, so equal values have equal ids.

        Raises
        ------
        ValueError
            If the value holds NaN or infinity, which JSON does not have.
        """
        text = json.dumps(content, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return self._put_bytes(kind, text.encode(), ".json")

    def get_json(self, key: ArtifactId) -> Any:
        """Return the value kept under ``key``.

        Raises
        ------
        DataError
            If it is missing or damaged; so for every other ``get``.
        """
        return json.loads(self._get_bytes(key, ".json"))

    def put_text(self, kind: str, content: str) -> ArtifactId:
        """Keep a text, such as a page of HTML."""
        return self._put_bytes(kind, content.encode(), ".txt")

    def get_text(self, key: ArtifactId) -> str:
        """Return the text kept under ``key``."""
        return self._get_bytes(key, ".txt").decode()

    def put_arrays(self, kind: str, arrays: Mapping[str, npt.NDArray[Any]]) -> ArtifactId:
        """Keep named arrays as one npz file; equal arrays have equal ids.

        Raises
        ------
        DataError
            If an array holds Python objects, which only pickle could keep.
        """
        buffer = io.BytesIO()
        # Written member by member: numpy.savez stamps nothing today, but the id must not hang on that.
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
            for name in sorted(arrays):
                if arrays[name].dtype.hasobject:
                    raise DataError(f"array {name!r} of {kind} holds Python objects; only numbers and text are kept.")
                content = io.BytesIO()
                np.lib.format.write_array(content, np.asarray(arrays[name], order="C"), allow_pickle=False)
                archive.writestr(zipfile.ZipInfo(f"{name}.npy"), content.getvalue())
        return self._put_bytes(kind, buffer.getvalue(), ".npz")

    def get_arrays(self, key: ArtifactId) -> dict[str, npt.NDArray[Any]]:
        """Return the arrays kept under ``key``."""
        with np.load(io.BytesIO(self._get_bytes(key, ".npz")), allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}

    def put_folder(self, kind: str, folder: Path) -> ArtifactId:
        """Keep a copy of the files in ``folder`` (and below)."""
        key = ArtifactId(kind, hash_folder(folder))
        target = self._path(key, "")
        if target.exists():
            return key
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".new-") as temporary:
            copy = Path(temporary) / "copy"
            shutil.copytree(folder, copy)
            try:
                copy.rename(target)
            except OSError:
                if not target.exists():  # another writer of the same content was faster
                    raise
        return key

    def get_folder(self, key: ArtifactId) -> Path:
        """Return the folder kept under ``key``; it is not to be written to."""
        path = self._path(key, "")
        if not path.is_dir():
            raise self._missing(key, path)
        if hash_folder(path) != key.digest:
            raise self._damaged(key, path)
        return path

    def _put_bytes(self, kind: str, content: bytes, suffix: str) -> ArtifactId:
        key = ArtifactId(kind, hashlib.sha256(content).hexdigest())
        path = self._path(key, suffix)
        # A file of the same name has the same content, unless it was damaged: then this mends it.
        if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != key.digest:
            atomic_write(path, content)
        return key

    def _get_bytes(self, key: ArtifactId, suffix: str) -> bytes:
        path = self._path(key, suffix)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            raise self._missing(key, path) from None
        if hashlib.sha256(content).hexdigest() != key.digest:
            raise self._damaged(key, path)
        return content

    def _path(self, key: ArtifactId, suffix: str) -> Path:
        return self.root / key.kind / key.digest[:2] / (key.digest + suffix)

    def _missing(self, key: ArtifactId, path: Path) -> DataError:
        return DataError(f"artifact {key.kind} {key.short} is not in the store (no {path}); run the project again.")

    def _damaged(self, key: ArtifactId, path: Path) -> DataError:
        return DataError(
            f"artifact {key.kind} {key.short} was changed after it was written ({path} no longer has its hash); delete "
            "that file or folder and run the project again."
        )


def hash_folder(folder: Path) -> str:
    """Return the digest under which a store keeps ``folder``: a hash of its files' relative paths and contents."""
    digest = hashlib.sha256()
    for path in sorted((p for p in folder.rglob("*") if p.is_file()), key=lambda p: p.relative_to(folder).as_posix()):
        digest.update(f"{path.relative_to(folder).as_posix()}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
