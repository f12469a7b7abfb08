"""Leases: held while the block runs, renewed while the process lives, and outlived by nobody for long."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from labelwright.store import Catalog, current_leases, hold_lease

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
def test_the_lease_of_a_killed_process_ends_by_itself(place):
    subprocess.run([sys.executable, "-c", PROGRAM, place, "600"], check=False)
    assert [row.purpose for row in current_leases(Catalog(place))] == ["killed"]
    with Catalog(place).writing() as connection:
        connection.exec_driver_sql("UPDATE leases SET until = '2020-01-01T00:00:00.000+00:00'")
    assert current_leases(Catalog(place)) == []
    with hold_lease(Catalog(place), "next"):
        assert [row.purpose for row in current_leases(Catalog(place))] == ["next"]
