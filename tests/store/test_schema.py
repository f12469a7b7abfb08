"""The schema: files of version 1 are read as they are and brought up to date by the first write; newer ones are refused."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from labelwright.core.errors import DataError
from labelwright.store import Catalog, current_leases, hold_lease
from labelwright.store.schema import SCHEMA_VERSION

# Written by Labelwright when its catalog had version 1.
VERSION_1 = Path(__file__).parent / "files" / "catalog-1.sqlite"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return Path(shutil.copy(VERSION_1, tmp_path / "catalog.sqlite"))


def columns(catalog: Catalog) -> dict[str, set[str]]:
    with catalog.database.reading() as connection:
        inspector = sa.inspect(connection)
        return {table: {c["name"] for c in inspector.get_columns(table)} for table in inspector.get_table_names()}


def version(catalog: Catalog) -> int:
    with catalog.database.reading() as connection:
        return connection.exec_driver_sql("SELECT version FROM schema_version").scalar()


def test_an_old_catalog_is_read_without_changing_it(old):
    before = old.read_bytes()
    catalog = Catalog(old)
    assert [(r.number, r.run_id, r.operations, r.collected) for r in catalog.runs()] == [
        (1, "c0ffee0123456789", {}, False),
        (2, "decaf00123456789", {}, False),
    ]
    assert str(catalog.run(1).artifacts["metrics"]) == "metrics:" + "cd" * 32
    assert catalog.snapshots() == catalog.derivations_of(catalog.run(1).artifacts["metrics"]) == []
    assert catalog.find(["0" * 64]) == catalog.heads() == {}
    assert old.read_bytes() == before


def test_the_first_write_brings_an_old_catalog_up_to_date(old, tmp_path):
    catalog, new = Catalog(old), Catalog(tmp_path / "new.sqlite")
    catalog.add_snapshot("before", 1)
    new.add_run("a", seconds=1.0, artifacts={})
    assert version(catalog) == SCHEMA_VERSION
    assert columns(catalog) == columns(new)
    assert catalog.add_run("c", seconds=1.0, artifacts={}, operations={"a": 1}).number == 3
    assert [(r.run_id[:5], r.operations) for r in catalog.runs()] == [("c0ffe", {}), ("decaf", {}), ("c", {"a": 1})]


def test_a_migration_that_fails_leaves_the_old_catalog(old, monkeypatch):
    from labelwright.store import schema

    def fail(connection):
        schema._from_1(connection)
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setitem(schema._MIGRATIONS, 1, fail)
        with pytest.raises(ZeroDivisionError):
            Catalog(old).swap_head("main", None, "a")
    catalog = Catalog(old)
    assert version(catalog) == 1
    assert set(columns(catalog)) == {"runs", "schema_version"}
    assert catalog.swap_head("main", None, "a")
    assert len(catalog.runs()) == 2


def test_a_server_is_migrated_as_a_file_is(postgres_place):
    catalog = Catalog(postgres_place)
    with catalog.database.writing() as connection:
        for statement in (
            "CREATE TABLE schema_version (version INTEGER PRIMARY KEY)",
            "INSERT INTO schema_version VALUES (1)",
            "CREATE TABLE runs (number INTEGER PRIMARY KEY, run_id VARCHAR(64) NOT NULL, finished VARCHAR(32) NOT NULL, "
            "seconds FLOAT NOT NULL, artifacts TEXT NOT NULL)",
            "INSERT INTO runs VALUES (1, 'a', '2026-11-23T03:25:35.793+00:00', 1.5, '{}')",
        ):
            connection.exec_driver_sql(statement)
    assert [(r.number, r.operations) for r in catalog.runs()] == [(1, {})]
    assert catalog.add_run("b", seconds=1.0, artifacts={}, operations={"a": 1}).number == 2
    assert [r.collected for r in catalog.runs()] == [False, False]
    assert version(catalog) == SCHEMA_VERSION


def test_leases_of_version_2_are_read_without_changing_it_and_say_later_who_holds_them(catalog):
    with hold_lease(catalog, "run"):
        with catalog.database.writing() as connection:
            connection.exec_driver_sql("ALTER TABLE leases DROP COLUMN holder")
            connection.exec_driver_sql("UPDATE schema_version SET version = 2")
        assert [row.purpose for row in current_leases(catalog)] == ["run"]
        assert version(catalog) == 2
        with hold_lease(catalog, "next"):
            assert [row.holder is None for row in current_leases(catalog)] == [True, sys.platform != "linux"]
        assert version(catalog) == SCHEMA_VERSION


def test_a_newer_schema_is_refused(catalog):
    catalog.add_run("a", seconds=1.0, artifacts={})
    with catalog.writing() as connection:
        connection.exec_driver_sql("UPDATE schema_version SET version = 99")
    with pytest.raises(DataError, match="schema version 99"):
        catalog.latest()
    with pytest.raises(DataError, match="update it"):
        catalog.add_run("b", seconds=1.0, artifacts={})
