"""Two databases for every test of the catalog: a SQLite file, and a PostgreSQL server."""

from __future__ import annotations

from pathlib import Path

import pytest

from labelwright.store import ArtifactFolder, Catalog


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a catalog is: tests that ask for it run on both databases."""
    if request.param == "sqlite":
        return str(tmp_path / "project" / "catalog.sqlite")
    return request.getfixturevalue("postgres_place")


@pytest.fixture
def catalog(place: str) -> Catalog:
    return Catalog(place)


@pytest.fixture
def store(tmp_path: Path) -> ArtifactFolder:
    return ArtifactFolder(tmp_path / "artifacts")
