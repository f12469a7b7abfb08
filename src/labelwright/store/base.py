"""The seam: put and get artifacts by content address."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy.typing as npt

from labelwright.core.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ArtifactId", "Entry", "Store"]

_FORM = re.compile(r"[a-z][a-z_]*:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, order=True)
class ArtifactId:
    """What an artifact is, and the SHA-256 of its content: equal ids mean equal bytes.

    Parameters
    ----------
    kind : str
        Lower-case words joined by underscores, such as ``"soft_labels"``.
    digest : str
        64 hexadecimal digits.

    Raises
    ------
    DataError
        If kind or digest are not of that form (ids come from files, so nothing else may become part of a path).

    Examples
    --------
    >>> key = ArtifactId("votes", "ab" * 32)
    >>> str(key)[:14], ArtifactId.parse(str(key)) == key
    ('votes:abababab', True)
    """

    kind: str
    digest: str

    def __post_init__(self) -> None:
        if not _FORM.fullmatch(f"{self.kind}:{self.digest}"):
            raise DataError(f"{self.kind}:{self.digest} is not an artifact id; it looks like votes:<64 hex digits>.")

    @classmethod
    def parse(cls, text: str) -> ArtifactId:
        """Read an id as ``str`` writes it."""
        kind, _, digest = text.partition(":")
        return cls(kind, digest)

    @property
    def short(self) -> str:
        """The first 12 digits: enough to tell artifacts of one project apart."""
        return self.digest[:12]

    def __str__(self) -> str:
        return f"{self.kind}:{self.digest}"


class Entry(NamedTuple):
    """One artifact as it lies in a store.

    Parameters
    ----------
    key : ArtifactId
    suffix : str
        How its format is told: ``".json"``, ``".parquet"``; empty for a folder of files.
    size : int
        Bytes.
    modified : datetime.datetime
        When it was last put (UTC): putting the same content again makes it young again.
    """

    key: ArtifactId
    suffix: str
    size: int
    modified: datetime


class Store(Protocol):
    """Where artifacts are kept; they are never changed, so putting the same content twice is putting it once.

    Every ``get`` raises `DataError` where the artifact is missing, or is not what was put. A reader never meets half of
    an artifact. `labelwright.testing.check_store` checks all of it.
    """

    def put_bytes(self, kind: str, content: bytes, suffix: str) -> ArtifactId:
        """Keep bytes; ``suffix`` (``".bits"``) names their format, and is asked for again by ``get_bytes``."""
        ...

    def put_many(self, kind: str, contents: Iterable[bytes], suffix: str) -> list[ArtifactId]:
        """Keep several at once, which is faster than one by one; all are durable when this returns."""
        ...

    def get_bytes(self, key: ArtifactId, suffix: str) -> bytes:
        """Return the bytes kept under ``key``."""
        ...

    def put_table(self, kind: str, table: pa.Table) -> ArtifactId:
        """Keep a table as Parquet, in row groups of 8,192 rows."""
        ...

    def get_table(self, key: ArtifactId, columns: Sequence[str] | None = None) -> pa.Table:
        """Return the table kept under ``key``, or some of its columns."""
        ...

    def get_rows(self, key: ArtifactId, rows: Sequence[int], columns: Sequence[str] | None = None) -> pa.Table:
        """Return some rows of a table, by position and in the order asked for, without reading all of it."""
        ...

    def exists(self, key: ArtifactId) -> bool:
        """Say whether the artifact is in the store (not whether it is whole)."""
        ...

    def delete(self, key: ArtifactId, *, unless_put_since: datetime | None = None) -> bool:
        """Remove an artifact; say whether something was removed.

        With ``unless_put_since`` an artifact that somebody put again since then stays.
        """
        ...

    def list(self) -> Iterator[tuple[ArtifactId, int]]:
        """Yield every artifact and its size in bytes."""
        ...

    def entries(self) -> Iterator[Entry]:
        """Yield every artifact with its format, size and age."""
        ...

    def sweep(self, before: datetime) -> int:
        """Remove what killed writers left behind before that time; return how many files went."""
        ...

    def put_json(self, kind: str, content: Any) -> ArtifactId:
        """Keep a JSON-able value."""
        ...

    def get_json(self, key: ArtifactId) -> Any:
        """Return the value kept under ``key``."""
        ...

    def put_text(self, kind: str, content: str) -> ArtifactId:
        """Keep a text, such as a page of HTML."""
        ...

    def get_text(self, key: ArtifactId) -> str:
        """Return the text kept under ``key``."""
        ...

    def put_arrays(self, kind: str, arrays: Mapping[str, npt.NDArray[Any]]) -> ArtifactId:
        """Keep named arrays of numbers, Booleans or text."""
        ...

    def get_arrays(self, key: ArtifactId) -> dict[str, npt.NDArray[Any]]:
        """Return the arrays kept under ``key``."""
        ...

    def get_array(self, key: ArtifactId, name: str) -> npt.NDArray[Any]:
        """Return one of the arrays kept under ``key``; its own checksum is checked, and not the hash of the file."""
        ...

    def put_folder(self, kind: str, folder: Path) -> ArtifactId:
        """Keep a copy of the files in ``folder``."""
        ...

    def get_folder(self, key: ArtifactId) -> Path:
        """Return a folder with the files kept under ``key``; it is not to be written to."""
        ...
