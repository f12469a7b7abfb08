"""Databases: a stranger's file, a place without write access and a server that is down are told in words."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from labelwright.core.errors import DataError, MissingExtraError
from labelwright.store import Catalog


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return Catalog(tmp_path / "project" / "catalog.sqlite")


def test_a_file_that_is_no_database_is_refused(catalog):
    catalog.path.parent.mkdir()
    catalog.path.write_text("this is not a database, but it is long enough to look like one" * 20)
    with pytest.raises(DataError, match="cannot be used as a catalog"):
        catalog.latest()


def test_reading_needs_no_write_access(catalog, monkeypatch):
    catalog.add_run("a", seconds=1.0, artifacts={})
    connect = sqlite3.connect

    def read_only(database, **options):
        # As on a read-only disk: nothing is opened for writing, and the file that WAL readers share cannot be made.
        assert "mode=ro" in database
        if "immutable" not in database:
            return _Refusing()
        return connect(database, **options)

    monkeypatch.setattr(sqlite3, "connect", read_only)
    assert catalog.latest().run_id == "a"


class _Refusing:
    def execute(self, _statement):
        raise sqlite3.OperationalError("unable to open database file")

    def close(self):
        pass


@pytest.mark.parametrize("reason", ["attempt to write a readonly database", "unable to open database file"])
def test_no_write_access_is_no_reason_to_delete_the_catalog(catalog, monkeypatch, reason):
    catalog.add_run("a", seconds=1.0, artifacts={})

    def refuse(*_arguments, **_options):
        raise sqlite3.OperationalError(reason)

    monkeypatch.setattr(sqlite3, "connect", refuse)
    with pytest.raises(DataError, match="no write access to") as caught:
        catalog.add_run("b", seconds=1.0, artifacts={})
    assert "delete" not in str(caught.value)
    assert str(catalog.path.parent) in str(caught.value)


def test_a_full_disk_is_told_with_what_is_free(catalog, monkeypatch):
    def full(*_arguments, **_options):
        raise sqlite3.OperationalError("database or disk is full")

    catalog.path.parent.mkdir()
    with monkeypatch.context() as patch:
        patch.setattr(sqlite3, "connect", full)
        with pytest.raises(DataError, match=r"no space left in .*project \([\d,]+ bytes free\)"):
            catalog.add_run("b", seconds=1.0, artifacts={})
    assert catalog.add_run("b", seconds=1.0, artifacts={}).number == 1


def test_readers_and_a_writer_work_at_once(catalog):
    catalog.add_run("a", seconds=1.0, artifacts={})
    with catalog.reading():
        catalog.add_run("b", seconds=1.0, artifacts={})
        assert len(catalog.runs()) == 2


@pytest.mark.parametrize(
    ("place", "named"), [("mysql://x@y/z", "mysql"), ("sqlite://", "sqlite"), ("a b://", "cannot be read")]
)
def test_other_databases_are_refused(place, named):
    with pytest.raises(DataError, match=named):
        Catalog(place)


def test_a_server_that_is_down_is_told_without_its_password(tmp_path):
    pytest.importorskip("psycopg")
    catalog = Catalog(f"postgresql://somebody:secret@/project?host={tmp_path}")
    with pytest.raises(DataError, match="Is the server up") as caught:
        catalog.runs()
    assert "secret" not in str(caught.value)
    assert "secret" not in catalog.place
    assert "somebody" in catalog.place


def test_without_the_driver_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    with pytest.raises(MissingExtraError, match=r"labelwright\[postgres\]"):
        Catalog("postgresql://somebody@/project").runs()
