"""Leases: held while the block runs, renewed while the process lives, and outlived by nobody for long."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace

import pytest
import sqlalchemy as sa

from labelwright.store import Catalog, current_leases, hold_lease, plan_collection
from labelwright.store.schema import LEASES

# Only Linux says when a process began; elsewhere every lease ends by time.
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux says when a process began")

PROGRAM = """
import os, signal, sys
from labelwright.store import Catalog, hold_lease
with hold_lease(Catalog(sys.argv[1]), "killed", seconds=float(sys.argv[2])):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_leases_are_held_together_and_end_with_their_block(catalog):
    assert current_leases(catalog) == []
    with hold_lease(catalog, "run"), hold_lease(catalog, "verify"):
        rows = current_leases(catalog)
        assert [row.purpose for row in rows] == ["run", "verify"]
        assert all(row.began < row.until for row in rows)
    assert current_leases(catalog) == []


def test_a_lease_ends_when_its_block_fails(catalog):
    with pytest.raises(ZeroDivisionError), hold_lease(catalog, "run"):
        raise ZeroDivisionError
    assert current_leases(catalog) == []


def test_a_lease_is_renewed_for_as_long_as_the_process_lives(catalog):
    with hold_lease(catalog, "run", seconds=1.0):
        first = current_leases(catalog)[0].until
        time.sleep(1.3)
        (row,) = current_leases(catalog)
        assert row.until > first


@pytest.mark.slow
def test_the_lease_of_a_process_that_was_killed_here_is_held_no_more(place, store):
    subprocess.run([sys.executable, "-c", PROGRAM, place, "600"], check=False)
    with Catalog(place).reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM leases").scalar() == 1
    assert current_leases(Catalog(place)) == []
    assert plan_collection(store, Catalog(place)).in_progress == ()


@pytest.mark.parametrize(
    ("change", "held"),
    [
        ({}, True),
        ({"machine": "another"}, True),
        ({"machine": "another", "process": 2**22 + 1}, True),
        ({"process": 2**22 + 1}, False),  # more than Linux has
        ({"began": 1}, False),  # the number was given out again
        (None, True),  # of a platform that does not say, or of an older version
    ],
)
def test_who_may_live_holds_the_lease(catalog, store, change, held):
    with hold_lease(catalog, "run"):
        (row,) = current_leases(catalog)
        text = None if change is None else replace(row.holder, **change).text
        with catalog.writing() as connection:
            connection.execute(sa.update(LEASES).values(holder=text))
        assert bool(current_leases(catalog)) == held
        assert bool(plan_collection(store, catalog).in_progress) == held


def test_a_lease_says_whose_it_is(catalog):
    with hold_lease(catalog, "run"):
        (row,) = current_leases(catalog)
    assert str(row).endswith(f"UTC (process {os.getpid()})")
    elsewhere = replace(row, holder=replace(row.holder, machine="another", host="gondor"))
    assert f"(process {os.getpid()} on gondor; if it was killed, until {row.until:%H:%M:%S})" in str(elsewhere)
    assert f"(if it was killed, until {row.until:%H:%M:%S})" in str(replace(row, holder=None))


def test_a_lease_that_nobody_renews_ends(catalog):
    with hold_lease(catalog, "killed elsewhere"):
        with catalog.writing() as connection:
            connection.exec_driver_sql("UPDATE leases SET until = '2020-01-01T00:00:00.000+00:00'")
        assert current_leases(catalog) == []
        with hold_lease(catalog, "next"):
            assert [row.purpose for row in current_leases(catalog)] == ["next"]
