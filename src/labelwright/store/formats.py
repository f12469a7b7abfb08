"""What every store shares: JSON, text, arrays and tables as bytes, and the words of its errors. Never pickle."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from labelwright.core.errors import ArtifactError, DataError

from .base import ArtifactId, Entry

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ByteStore", "hash_folder"]

# Small enough that one row is read fast, large enough that a column still compresses.
_ROW_GROUP = 8192


class ByteStore(ABC):
    """A store that only has to say how bytes are kept; formats are bytes of one or another suffix."""

    @abstractmethod
    def put_bytes(self, kind: str, content: bytes, suffix: str) -> ArtifactId:
        """Keep bytes; ``suffix`` (``".bits"``) names their format."""

    @abstractmethod
    def get_bytes(self, key: ArtifactId, suffix: str) -> bytes:
        """Return the bytes kept under ``key``.

        Raises
        ------
        DataError
            If they are missing or damaged; so for every other ``get``.
        """

    @abstractmethod
    def entries(self) -> Iterator[Entry]:
        """Yield every artifact with its format, size and age."""

    @abstractmethod
    def _open(self, key: ArtifactId, suffix: str) -> Any:
        """Return a file, open for reading at any place, whose content has not been checked."""

    def put_many(self, kind: str, contents: Iterable[bytes], suffix: str) -> list[ArtifactId]:
        """Keep several at once; all are durable when this returns."""
        return [self.put_bytes(kind, content, suffix) for content in contents]

    def list(self) -> Iterator[tuple[ArtifactId, int]]:
        """Yield every artifact and its size in bytes."""
        for entry in self.entries():
            yield entry.key, entry.size

    def put_json(self, kind: str, content: Any) -> ArtifactId:
        """Keep a JSON-able value; keys are sorted, so equal values have equal ids.

        Raises
        ------
        ValueError
            If the value holds NaN or infinity, which JSON does not have.
        """
        text = json.dumps(content, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return self.put_bytes(kind, text.encode(), ".json")

    def get_json(self, key: ArtifactId) -> Any:
        """Return the value kept under ``key``."""
        return json.loads(self.get_bytes(key, ".json"))

    def put_text(self, kind: str, content: str) -> ArtifactId:
        """Keep a text, such as a page of HTML."""
        return self.put_bytes(kind, content.encode(), ".txt")

    def get_text(self, key: ArtifactId) -> str:
        """Return the text kept under ``key``."""
        return self.get_bytes(key, ".txt").decode()

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
        return self.put_bytes(kind, buffer.getvalue(), ".npz")

    def get_arrays(self, key: ArtifactId) -> dict[str, npt.NDArray[Any]]:
        """Return the arrays kept under ``key``."""
        with np.load(io.BytesIO(self.get_bytes(key, ".npz")), allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}

    def get_array(self, key: ArtifactId, name: str) -> npt.NDArray[Any]:
        """Return one of the arrays kept under ``key``; its own checksum is checked, and not the hash of the file.

        Looking up an example reads the index of every part, where hashing would take longer than all the rest.
        """
        with self._open(key, ".npz") as file:
            content = file.read()
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as archive:
                return np.asarray(archive[name])
        except (zipfile.BadZipFile, ValueError, KeyError, EOFError) as error:
            raise self._damaged(key) from error

    def put_table(self, kind: str, table: pa.Table) -> ArtifactId:
        """Keep a table as Parquet, in row groups of 8,192 rows.

        Equal tables have equal ids under one version of pyarrow: the file says which version wrote it.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        buffer = pa.BufferOutputStream()
        # Each page carries a checksum, so that one row can be read without hashing the whole file.
        pq.write_table(table, buffer, row_group_size=_ROW_GROUP, compression="zstd", write_page_checksum=True)
        return self.put_bytes(kind, buffer.getvalue().to_pybytes(), ".parquet")

    def get_table(self, key: ArtifactId, columns: Sequence[str] | None = None) -> pa.Table:
        """Return the table kept under ``key``, or some of its columns in the order asked for."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        names = None if columns is None else list(columns)
        with pq.ParquetFile(pa.BufferReader(self.get_bytes(key, ".parquet"))) as table:
            return _named(table.read(columns=names, use_threads=False), names, key)

    def get_rows(self, key: ArtifactId, rows: Sequence[int], columns: Sequence[str] | None = None) -> pa.Table:
        """Return some rows of a table, by position and in the order asked for, without reading all of it.

        Only the row groups that hold them are read, and only their checksums are checked.

        Raises
        ------
        IndexError
            If the table has no such row.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        names = None if columns is None else list(columns)
        with self._open(key, ".parquet") as file:
            try:
                with pq.ParquetFile(file, page_checksum_verification=True) as table:
                    n = table.metadata.num_rows
                    if any(not 0 <= row < n for row in rows):
                        raise IndexError(f"artifact {key.kind} {key.short} has rows 0 to {n - 1}.")
                    groups = sorted({row // _ROW_GROUP for row in rows})
                    place = {group: i * _ROW_GROUP for i, group in enumerate(groups)}
                    found = table.read_row_groups(groups, columns=names, use_threads=False)
            except (OSError, pa.ArrowInvalid) as error:  # a wrong checksum, and what is no Parquet at all
                raise self._damaged(key) from error
        at = np.array([place[row // _ROW_GROUP] + row % _ROW_GROUP for row in rows], dtype=np.int64)
        # Not pa.array(at), which imports pandas, wherever that is installed, to ask whether it was given any.
        return _named(found.take(pa.Array.from_buffers(pa.int64(), len(at), [None, pa.py_buffer(at)])), names, key)

    def _where(self, key: ArtifactId) -> str:
        """Say where an artifact is, or would be."""
        return str(key)

    def missing(self, key: ArtifactId) -> ArtifactError:
        """Return the error that says that an artifact is not there, and what to do."""
        return ArtifactError(
            f"artifact {key.kind} {key.short} is not in the store (no {self._where(key)}): it was collected or "
            "deleted. If it belongs to the last run, labelwright run --full makes it again; other runs are kept if "
            "they have a name: labelwright snapshot NAME."
        )

    def _damaged(self, key: ArtifactId) -> ArtifactError:
        return ArtifactError(
            f"artifact {key.kind} {key.short} was changed after it was written ({self._where(key)} no longer has its "
            "hash). If it belongs to the last run, labelwright run --full makes it again."
        )


def _named(table: pa.Table, names: list[str] | None, key: ArtifactId) -> pa.Table:
    """Put columns into the order asked for; Parquet leaves out in silence what it does not have."""
    if names is None:
        return table
    missing = [name for name in names if name not in table.column_names]
    if missing:
        raise DataError(f"artifact {key.kind} {key.short} has no column {missing[0]!r}.")
    return table.select(names)


def hash_folder(folder: Path) -> str:
    """Return the digest under which a store keeps ``folder``: a hash of its files' relative paths and contents."""
    digest = hashlib.sha256()
    for path in sorted((p for p in folder.rglob("*") if p.is_file()), key=lambda p: p.relative_to(folder).as_posix()):
        digest.update(f"{path.relative_to(folder).as_posix()}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
