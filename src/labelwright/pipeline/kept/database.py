"""The training database of one project: its store, its catalog, and what recipes made before."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import labelwright
from labelwright.core.errors import ArtifactError
from labelwright.store import ArtifactFolder, ArtifactId, Catalog, Derivation, Recipe, Store

from .unwritten import Unwritten

__all__ = ["Database", "library_versions"]


@cache
def library_versions() -> dict[str, str]:
    """Return the versions of the libraries that decide what numbers come out."""
    return {"labelwright": labelwright.__version__, **{name: version(name) for name in ("numpy", "scipy", "polars")}}


class Database:
    """Artifacts and derivations: a recipe that was followed before is not followed again.

    Parameters
    ----------
    store : Store
    catalog : Catalog
    full : bool
        Follow every recipe anew, as if nothing had been kept.
    mend : bool
        Read what a recipe made before relying on it; what is damaged is made again.
    dry : bool
        Record nothing: what a dry run makes is not there afterwards. So it is, too, with a store that keeps nothing.
    """

    def __init__(
        self, store: Store, catalog: Catalog, *, full: bool = False, mend: bool = False, dry: bool = False
    ) -> None:
        self.store = store
        self.catalog = catalog
        self.full = full
        self.mend = mend
        self.dry = dry or isinstance(store, Unwritten)
        self._versions = library_versions()

    def find(self, recipes: Iterable[Recipe]) -> dict[str, ArtifactId]:
        """Return what recipes made, by the recipe's digest, for those that were followed before."""
        if self.full:
            return {}
        found = self.catalog.find(recipe.digest for recipe in recipes)
        store = self.store.kept if isinstance(self.store, Unwritten) else self.store
        if self.mend:
            whole = _whole(store, set(found.values()))
            return {recipe: key for recipe, key in found.items() if key in whole}
        if not isinstance(store, ArtifactFolder):
            return found
        # Files of a folder get deleted by hand; then they are made again. Asking a server for each would take too long.
        there = _present(store.root, set(found.values()))
        return {recipe: key for recipe, key in found.items() if key in there}

    def require(self, keys: Iterable[ArtifactId]) -> None:
        """Look whether artifacts of a folder are there, without reading them.

        Raises
        ------
        ArtifactError
            If one is not.
        """
        wanted = set(keys)
        if isinstance(self.store, ArtifactFolder):
            for key in wanted - _present(self.store.root, wanted):
                raise self.store.missing(key)

    def found(self, recipe: Recipe) -> ArtifactId | None:
        """Return what one recipe made, or ``None``."""
        return self.find([recipe]).get(recipe.digest)

    def record(self, recipes: Iterable[tuple[Recipe, ArtifactId]], *, seconds: float = 0.0, rows: int = 0) -> None:
        """Record in one transaction what recipes made; ``seconds`` are for all of them together."""
        if self.dry:
            return
        made = list(recipes)
        each = seconds / max(1, len(made))
        self.catalog.add_derivations(
            Derivation(recipe, output, seconds=each, rows=rows, versions=self._versions) for recipe, output in made
        )

    def record_each(self, made: Iterable[tuple[Recipe, ArtifactId, float, int]]) -> None:
        """Record in one transaction what recipes made, each with its seconds and its rows."""
        if self.dry:
            return
        self.catalog.add_derivations(
            Derivation(recipe, output, seconds=seconds, rows=rows, versions=self._versions)
            for recipe, output, seconds, rows in made
        )

    def seconds_per_row(self, output: ArtifactId | None) -> float | None:
        """Return what an artifact cost per example when it was made last, where that is known."""
        costs = [] if output is None else [d for d in self.catalog.derivations_of(output) if d.rows and d.seconds]
        return costs[-1].seconds / costs[-1].rows if costs else None

    def put_arrays(self, kind: str, arrays: Mapping[str, Any]) -> ArtifactId:
        """Keep named arrays."""
        return self.store.put_arrays(kind, dict(arrays))


def _whole(store: Store, keys: set[ArtifactId]) -> set[ArtifactId]:
    """Return the artifacts that can be read."""
    found = set()
    for entry in store.entries():
        if entry.key in keys:
            with suppress(ArtifactError):
                # A folder of files has no suffix, or that of an archive.
                _ = store.get_folder(entry.key) if entry.suffix in ("", ".zip") else store.get_bytes(*entry[:2])
                found.add(entry.key)
    return found


def _present(root: Path, keys: set[ArtifactId]) -> set[ArtifactId]:
    """Return the artifacts whose files are there; each of the few hundred folders is listed once."""
    names: dict[tuple[str, str], set[str]] = {}
    for folder in {(key.kind, key.digest[:2]) for key in keys}:
        try:
            names[folder] = {name[:64] for name in os.listdir(root.joinpath(*folder))}  # noqa: PTH208 - names alone
        except FileNotFoundError:
            names[folder] = set()
    return {key for key in keys if key.digest in names[key.kind, key.digest[:2]]}
