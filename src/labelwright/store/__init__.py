"""The store: artifacts under the hash of their content, and a catalog of how they came to be."""

from . import bit_planes
from .artifacts import ArtifactFolder
from .base import ArtifactId, Entry, Store
from .catalog import Catalog, RunRow, SnapshotRow
from .collect import Collected, CollectionPlan, collect, plan_collection
from .formats import hash_folder
from .leases import LeaseRow, current_leases, hold_lease
from .object_store import ObjectStore
from .opening import STORE_FOLDER, StoreSettings, open_store
from .recipes import Derivation, Recipe

__all__ = [
    "STORE_FOLDER",
    "ArtifactFolder",
    "ArtifactId",
    "Catalog",
    "Collected",
    "CollectionPlan",
    "Derivation",
    "Entry",
    "LeaseRow",
    "ObjectStore",
    "Recipe",
    "RunRow",
    "SnapshotRow",
    "Store",
    "StoreSettings",
    "bit_planes",
    "collect",
    "current_leases",
    "hash_folder",
    "hold_lease",
    "open_store",
    "plan_collection",
]
