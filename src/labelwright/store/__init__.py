"""The store: artifacts under the hash of their content, and a catalog of the runs that made them."""

from .artifacts import ArtifactFolder, hash_folder
from .base import ArtifactId, Store
from .catalog import Catalog, RunRow

__all__ = ["ArtifactFolder", "ArtifactId", "Catalog", "RunRow", "Store", "hash_folder"]
