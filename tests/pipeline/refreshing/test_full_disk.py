"""A disk that fills up while a project is run: what was there stays whole, and with space again the run completes."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from labelwright.store import Catalog

from ..conftest import FUNCTIONS, rows
from .forking import Forks
from .test_refresh_killed import SETTINGS, edit

STEP = 4096


@pytest.fixture
def small_disk(tmp_path: Path):
    """A folder on a disk of four megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    mounted = sys.platform == "linux" and shutil.which("mount") and subprocess.run(command, check=False).returncode == 0
    if not mounted:
        pytest.skip("no small disk could be mounted: that needs root on Linux")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def used(folder: Path) -> int:
    return shutil.disk_usage(folder).used


def fill(disk: Path, *, leave: int) -> None:
    """Leave so many bytes on the disk."""
    size = shutil.disk_usage(disk).free - leave
    with (disk / "filler").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        for start in range(0, size, STEP):
            file.write(b"x" * min(STEP, size - start))


@pytest.mark.slow
def test_a_disk_that_is_full_at_any_stage_of_a_run(small_disk, make_project, tmp_path):
    source = make_project("project", settings=SETTINGS, functions=FUNCTIONS, table=rows(160))
    with Forks() as forks:
        forks.do("run", source)
        earlier = Catalog(source / ".labelwright" / "catalog.sqlite").latest().run_id
        edit(source)
        whole = shutil.copytree(source, tmp_path / "whole")
        before = used(small_disk)
        folder = shutil.copytree(source, small_disk / "project")
        expected, started = forks.do("run", folder).answer, used(small_disk)
        assert forks.do("rebuild", whole).answer == expected
        shutil.rmtree(folder)
        shutil.copytree(source, folder)
        needs = started - used(small_disk)
        assert used(small_disk) > before
        failed = 0
        for share in (0.1, 0.5, 0.8):
            shutil.rmtree(folder)
            shutil.copytree(source, folder)
            fill(small_disk, leave=int(share * needs))
            done = forks.do("run", folder)
            if done.error:
                failed += 1
                assert f"no space left in {folder}" in done.error, done.trace
                assert "Make room" in done.error
                catalog = Catalog(folder / ".labelwright" / "catalog.sqlite")
                assert [row.run_id for row in catalog.runs()] == [earlier]
                assert forks.do("verify", folder).answer == []
                assert forks.do("export", folder, to=tmp_path / "labels.csv").answer == 160
            (small_disk / "filler").unlink()
            assert forks.do("run", folder).answer == expected
        assert forks.do("verify", folder).answer == []
        assert failed >= 2
