"""The store: artifacts under the hash of their content, and a catalog of how they came to be."""

from . import bit_planes
from .artifacts import ArtifactFolder
from .base import ArtifactId, Entry, Store
from .catalog import Catalog, RunRow, SnapshotRow
from .formats import hash_folder
from .recipes import Derivation, Recipe

__all__ = [
    "ArtifactFolder",
    "ArtifactId",
    "Catalog",
    "Derivation",
    "Entry",
    "Recipe",
    "RunRow",
    "SnapshotRow",
    "Store",
    "bit_planes",
    "hash_folder",
]
