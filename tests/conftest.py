"""What every test shares: the real data, and a PostgreSQL server that the tests start themselves."""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import vl_convert

# Before any file of it is collected for its doctests: a file that is collected first would be imported a second time,
# and its classes would not be those that tests know.
import labelwright.labelmodels  # noqa: F401

# Machines are shared: how long one example takes says nothing about the code.
hypothesis.settings.register_profile("labelwright", deadline=None)
hypothesis.settings.load_profile("labelwright")

ROOT = Path(__file__).resolve().parents[1]

_schemas = itertools.count()


@pytest.fixture(scope="session")
def data_root() -> Path:
    """Folder of the real data sets with gold; tests that need it skip where it is absent."""
    root = Path(os.environ.get("LABELWRIGHT_DATA", ROOT.parent / "shared" / "data"))
    if not root.is_dir():
        pytest.skip(f"real data not found at {root}; set LABELWRIGHT_DATA to its folder")
    return root


@pytest.fixture(scope="session", autouse=True)
def _charts_drawn_once() -> Iterator[None]:
    """Draw each chart once: the runs of small projects show the same ones, and would draw for a third of their time."""
    draw = vl_convert.vegalite_to_svg
    drawn: dict[str, str] = {}

    @functools.wraps(draw)
    def remembered(spec: dict[str, object]) -> str:
        said = json.dumps(spec)
        if said not in drawn:
            drawn[said] = draw(spec)
        return drawn[said]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vl_convert, "vegalite_to_svg", remembered)
        yield


def _program(name: str) -> str | None:
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda p: int(p.parts[-3]))
    return str(installed[-1]) if installed else shutil.which(name)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Address of a server of this test process alone, on a socket in a temporary folder."""
    initdb, pg_ctl = _program("initdb"), _program("pg_ctl")
    if initdb is None or pg_ctl is None:
        pytest.skip("no PostgreSQL server is installed (Debian's package: postgresql)")
    pytest.importorskip("psycopg")
    # A short path: the name of a socket may have 107 characters.
    with tempfile.TemporaryDirectory(prefix="lw-pg-", ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary)
        user: dict[str, object] = {}
        if os.geteuid() == 0:  # the server refuses root
            names = {entry.pw_name for entry in pwd.getpwall()}
            account = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
            os.chown(folder, account.pw_uid, account.pw_gid)
            user = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}

        def call(*command: str) -> None:
            # Output to a file: a server that inherits a pipe keeps it open.
            with (Path(os.devnull)).open("r+") as null, tempfile.TemporaryFile() as log:
                done = subprocess.run(command, cwd=folder, stdin=null, stdout=log, stderr=log, check=False, **user)
                log.seek(0)
                assert done.returncode == 0, log.read().decode()

        data = str(folder / "data")
        call(initdb, "-D", data, "-U", "tester", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
        options = f"-k {folder} -c listen_addresses='' -c fsync=off -c max_connections=40 -c shared_buffers=16MB"
        call(pg_ctl, "-D", data, "-l", str(folder / "log"), "-w", "-o", options, "start")
        try:
            yield f"postgresql://tester@/postgres?host={folder}"
        finally:
            with contextlib.suppress(AssertionError):
                call(pg_ctl, "-D", data, "-m", "immediate", "stop")


@pytest.fixture
def postgres_place(postgres_server: str) -> str:
    """Address of a catalog of this test's own: another schema in the same server."""
    import psycopg

    name = f"test_{next(_schemas)}"
    with psycopg.connect(postgres_server) as connection:
        connection.execute(f"CREATE SCHEMA {name}")
    return f"{postgres_server}&options=-csearch_path%3D{name}"
