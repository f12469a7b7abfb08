"""Where a project's training database is: in its folder, or where ``[store]`` in its settings says."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec

from labelwright import store
from labelwright.core.errors import ProjectError
from labelwright.pipeline.settings import FILE_NAME, StoreSettings
from labelwright.store import STORE_FOLDER, Catalog, Store

__all__ = ["STORE_FOLDER", "open_store"]


def open_store(folder: Path) -> tuple[Store, Catalog]:
    """Return the artifacts and the catalog of the project in ``folder``.

    Only ``[store]`` is read: a mistake elsewhere in the settings is no reason not to show what was kept.

    Raises
    ------
    ProjectError
        If the settings are there, but ``[store]`` in them cannot be read.

    Examples
    --------
    >>> open_store(Path("reviews"))[1].path.as_posix()
    'reviews/.labelwright/catalog.sqlite'
    """
    path = folder / FILE_NAME
    try:
        content = tomllib.loads(path.read_bytes().decode())
        said = msgspec.convert(content.get("store", {}), StoreSettings)
    except (FileNotFoundError, NotADirectoryError):
        said = StoreSettings()
    except (ValueError, msgspec.ValidationError) as error:
        raise ProjectError(f"{path} does not say where the store is: {error}.") from None
    return store.open_store(folder, store.StoreSettings(said.catalog, said.artifacts))
