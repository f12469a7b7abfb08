"""A store that keeps nothing: what a dry run puts is there for that run alone."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from labelwright.store import ArtifactId, Store
from labelwright.store.base import Entry
from labelwright.store.formats import ByteStore

__all__ = ["Unwritten"]


class Unwritten(ByteStore):
    """Reads from a store, and holds in memory what is put, so that a plan can be made without writing anything.

    Parameters
    ----------
    store : Store
    """

    def __init__(self, store: Store) -> None:
        self.kept = store
        self._held: dict[ArtifactId, bytes] = {}

    def put_bytes(self, kind: str, content: bytes, suffix: str) -> ArtifactId:
        """Hold bytes."""
        del suffix
        key = ArtifactId(kind, hashlib.sha256(content).hexdigest())
        self._held[key] = content
        return key

    def get_bytes(self, key: ArtifactId, suffix: str) -> bytes:
        """Return what is held, or kept."""
        return self._held[key] if key in self._held else self.kept.get_bytes(key, suffix)

    def exists(self, key: ArtifactId) -> bool:
        """Say whether it is held or kept."""
        return key in self._held or self.kept.exists(key)

    def entries(self) -> Iterator[Entry]:
        """Yield what is kept."""
        return self.kept.entries()

    def get_folder(self, key: ArtifactId) -> Path:
        """Return a folder that is kept."""
        return self.kept.get_folder(key)

    def put_folder(self, kind: str, folder: Path) -> ArtifactId:
        """Refuse: a plan makes no folders."""
        raise NotImplementedError(f"a dry run keeps no folder ({kind}, {folder}).")

    def delete(self, key: ArtifactId, *, unless_put_since: datetime | None = None) -> bool:
        """Remove nothing."""
        del key, unless_put_since
        return False

    def sweep(self, before: datetime) -> int:
        """Remove nothing."""
        del before
        return 0

    def _open(self, key: ArtifactId, suffix: str) -> Any:
        return io.BytesIO(self.get_bytes(key, suffix))
