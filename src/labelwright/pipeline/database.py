"""The training database of one project: its store, its catalog, and what recipes made before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import version
from typing import Any

import labelwright
from labelwright.store import ArtifactId, Catalog, Derivation, Recipe, Store

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
    """

    def __init__(self, store: Store, catalog: Catalog, *, full: bool = False) -> None:
        self.store = store
        self.catalog = catalog
        self.full = full
        self._versions = library_versions()

    def find(self, recipes: Iterable[Recipe]) -> dict[str, ArtifactId]:
        """Return what recipes made, by the recipe's digest, for those that were followed before."""
        return {} if self.full else self.catalog.find(recipe.digest for recipe in recipes)

    def found(self, recipe: Recipe) -> ArtifactId | None:
        """Return what one recipe made, or ``None``."""
        return self.find([recipe]).get(recipe.digest)

    def record(self, recipes: Iterable[tuple[Recipe, ArtifactId]], *, seconds: float = 0.0, rows: int = 0) -> None:
        """Record in one transaction what recipes made; ``seconds`` are for all of them together."""
        made = list(recipes)
        each = seconds / max(1, len(made))
        self.catalog.add_derivations(
            Derivation(recipe, output, seconds=each, rows=rows, versions=self._versions) for recipe, output in made
        )

    def seconds_per_row(self, output: ArtifactId | None) -> float | None:
        """Return what an artifact cost per example when it was made last, where that is known."""
        costs = [] if output is None else [d for d in self.catalog.derivations_of(output) if d.rows and d.seconds]
        return costs[-1].seconds / costs[-1].rows if costs else None

    def put_arrays(self, kind: str, arrays: Mapping[str, Any]) -> ArtifactId:
        """Keep named arrays."""
        return self.store.put_arrays(kind, dict(arrays))
