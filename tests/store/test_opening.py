"""Opening a project's store: its own folder by default, or wherever its settings say."""

from __future__ import annotations

from labelwright.store import ArtifactFolder, ObjectStore, StoreSettings, open_store


def test_a_project_keeps_its_store_in_its_folder(tmp_path):
    store, catalog = open_store(tmp_path)
    assert isinstance(store, ArtifactFolder)
    assert store.root == tmp_path / ".labelwright" / "artifacts"
    assert catalog.path == tmp_path / ".labelwright" / "catalog.sqlite"
    assert list(tmp_path.iterdir()) == []


def test_relative_paths_start_at_the_project_and_addresses_stand_alone(tmp_path):
    store, catalog = open_store(tmp_path, StoreSettings(catalog="../c.sqlite", artifacts="kept"))
    assert store.root == tmp_path / "kept"
    assert catalog.path == tmp_path / ".." / "c.sqlite"
    store, catalog = open_store(tmp_path, StoreSettings("postgresql://me:secret@host/project", "memory://opened"))
    assert isinstance(store, ObjectStore)
    assert catalog.place == "postgresql://me:***@host/project"


def test_a_team_shares_a_server_and_a_bucket(tmp_path, postgres_place):
    settings = StoreSettings(postgres_place, "memory://shared")
    store, catalog = open_store(tmp_path / "one", settings)
    row = catalog.add_run("a", seconds=1.0, artifacts={"metrics": store.put_json("metrics", {"a": 1})})
    other, theirs = open_store(tmp_path / "two", settings)
    assert other.get_json(theirs.latest().artifacts["metrics"]) == {"a": 1}
    assert theirs.latest().number == row.number
