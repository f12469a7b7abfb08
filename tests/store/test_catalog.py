"""The catalog: runs come back in order, strangers' files and newer schemas are refused."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from labelwright.core.errors import DataError
from labelwright.store import ArtifactId, Catalog

KEY = ArtifactId("votes", "ab" * 32)


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return Catalog(tmp_path / "project" / "catalog.sqlite")


def test_reading_an_empty_project_writes_nothing(catalog):
    assert catalog.runs() == []
    assert catalog.latest() is None
    assert not catalog.path.parent.exists()


def test_runs_come_back_in_the_order_in_which_they_ended(catalog):
    first = catalog.add_run("same", seconds=1.0, artifacts={"votes.train": KEY})
    second = catalog.add_run("same", seconds=2.0, artifacts={})
    assert [r.number for r in catalog.runs()] == [1, 2]
    assert catalog.latest() is not None
    assert catalog.latest().seconds == second.seconds
    assert catalog.runs()[0].artifacts == {"votes.train": KEY} == first.artifacts
    assert catalog.runs()[0].finished.utcoffset() is not None


def test_a_writer_killed_before_its_first_commit_leaves_an_empty_catalog(catalog):
    catalog.path.parent.mkdir()
    catalog.path.touch()
    assert catalog.latest() is None
    assert catalog.add_run("a", seconds=1.0, artifacts={}).number == 1


def test_a_newer_schema_is_refused(catalog):
    catalog.add_run("a", seconds=1.0, artifacts={})
    with sqlite3.connect(catalog.path) as connection:
        connection.execute("UPDATE schema_version SET version = 99")
    connection.close()
    with pytest.raises(DataError, match="schema version 99"):
        catalog.latest()


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


@pytest.mark.slow
def test_two_processes_write_at_once(catalog):
    program = (
        "import sys; from labelwright.store import Catalog\n"
        "for _ in range(10): Catalog(sys.argv[1]).add_run('a', seconds=0.0, artifacts={})"
    )
    workers = [subprocess.Popen([sys.executable, "-c", program, str(catalog.path)]) for _ in range(2)]
    assert [worker.wait(timeout=60) for worker in workers] == [0, 0]
    assert [r.number for r in catalog.runs()] == list(range(1, 21))
