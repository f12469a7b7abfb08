"""The seam: put and get artifacts by content address."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy.typing as npt

from labelwright.core.errors import DataError

__all__ = ["ArtifactId", "Store"]


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
        if not re.fullmatch(r"[a-z][a-z_]*", self.kind) or not re.fullmatch(r"[0-9a-f]{64}", self.digest):
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


class Store(Protocol):
    """Where artifacts are kept; they are never changed, so putting the same content twice is putting it once."""

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

    def put_folder(self, kind: str, folder: Path) -> ArtifactId:
        """Keep a copy of the files in ``folder``."""
        ...

    def get_folder(self, key: ArtifactId) -> Path:
        """Return a folder with the files kept under ``key``; it is not to be written to."""
        ...
