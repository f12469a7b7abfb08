"""The files that say what a project is: settings and supervision, as a run keeps them and a checkout restores them."""

from __future__ import annotations

import base64
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from labelwright.core.errors import DataError
from labelwright.store import ArtifactId, Store

from .settings import FILE_NAME

__all__ = ["SourceFiles", "keep_source", "read_source", "source_files", "write_source"]

# Path relative to the project's folder, with forward slashes -> content.
SourceFiles = dict[str, bytes]


def source_files(folder: Path) -> SourceFiles:
    """Return the settings and the Python files of a project's supervision, with what it imports from the folder.

    These are ``labelwright.toml``, ``supervision.py`` (or all of the package ``supervision/``), and every module in the
    folder that has been imported: call it after `labelwright.pipeline.supervision.load_functions`. Data and word lists
    that functions read are no source.
    """
    root = folder.resolve()
    package = root / "supervision"
    paths = {root / FILE_NAME, root / "supervision.py", *package.rglob("*.py"), *_imported(root)}
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(paths)
        if path.is_file() and "site-packages" not in path.parts
    }


def keep_source(store: Store, folder: Path) -> ArtifactId:
    """Keep the project's source as one artifact."""
    return store.put_json("source", {name: _as_text(content) for name, content in source_files(folder).items()})


def read_source(store: Store, key: ArtifactId) -> SourceFiles:
    """Return the source that `keep_source` kept.

    Raises
    ------
    DataError
        If a path leads out of the project: a store may be shared, and a file of it must not be written elsewhere.
    """
    found = store.get_json(key)
    for name in found:
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts or "\\" in name or ":" in name:
            raise DataError(f"the source {key.short} has a file {name!r}, which lies outside of a project.")
    return {name: _as_bytes(kept) for name, kept in found.items()}


def write_source(files: Mapping[str, bytes], folder: Path) -> None:
    """Write source files into a folder of their own."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _imported(root: Path) -> Iterable[Path]:
    files = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    # As texts: thousands of modules may be imported.
    inside = f"{root}{os.sep}"
    return {Path(file) for file in files if isinstance(file, str) and file.endswith(".py") and file.startswith(inside)}


def _as_text(content: bytes) -> dict[str, Any]:
    try:
        return {"text": content.decode()}
    except UnicodeDecodeError:  # Python files may be in another encoding
        return {"base64": base64.b64encode(content).decode()}


def _as_bytes(kept: Mapping[str, str]) -> bytes:
    return kept["text"].encode() if "text" in kept else base64.b64decode(kept["base64"])
