"""Opening the store of a project: its folder, or wherever its settings say."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from .artifacts import ArtifactFolder
from .base import Store
from .catalog import Catalog

__all__ = ["STORE_FOLDER", "StoreSettings", "open_store"]

STORE_FOLDER = ".labelwright"


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Where a team keeps its training database; by default in the project's folder.

    Parameters
    ----------
    catalog : str, optional
        ``postgresql://user@host/database``, or the path of a SQLite file.
    artifacts : str, optional
        ``s3://bucket/folder`` or another address that fsspec knows, or the path of a folder.
    """

    catalog: str | None = None
    artifacts: str | None = None


def open_store(folder: str | os.PathLike[str], settings: StoreSettings | None = None) -> tuple[Store, Catalog]:
    """Return the artifacts and the catalog of the project in ``folder``; nothing is written.

    Parameters
    ----------
    folder : path-like
        The project's folder. Relative paths in ``settings`` start there.
    settings : StoreSettings, optional

    Raises
    ------
    MissingExtraError
        If an address needs an extra that is not installed.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store, catalog = open_store(folder)
    ...     catalog.path.relative_to(folder).as_posix()
    '.labelwright/catalog.sqlite'
    """
    root, chosen = Path(folder), settings or StoreSettings()
    catalog = chosen.catalog or str(Path(STORE_FOLDER) / "catalog.sqlite")
    artifacts = chosen.artifacts or str(Path(STORE_FOLDER) / "artifacts")
    return _open_artifacts(root, artifacts), Catalog(catalog if "://" in catalog else root / catalog)


def _open_artifacts(root: Path, address: str) -> Store:
    if "://" not in address:
        return ArtifactFolder(root / address)
    from .object_store import ObjectStore

    return ObjectStore(address)
