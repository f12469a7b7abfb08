"""Killed at any moment, and run twice at once: the project opens, and the next run is what it would have been."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import labelwright as lw
from labelwright.pipeline.kept.keep import KeptRun
from labelwright.store import Catalog

from ..conftest import FUNCTIONS, rows

SETTINGS = """
[data]
path = "comments.csv"
id = "key"
[data.splits]
column = "split"
train = "train"
test = "test"
[task]
classes = ["ham", "spam"]
gold = "gold"
"""
RUN = """
import sys, warnings
from unittest import mock
import labelwright as lw
from labelwright.pipeline.refreshing import reading
reading.MEAN_ROWS = 16
with mock.patch("labelwright.pipeline.refreshing.run.render_report", lambda content: content.run_id):
    print(lw.Project(sys.argv[1]).run().run_id)
"""
# Forks a process for each line that it reads, and kills it after so many seconds: imports are paid for once.
KILLER = """
import os, signal, sys, time, warnings
from unittest import mock
import labelwright as lw
import labelwright.endmodels, labelwright.labelmodels, labelwright.pipeline, pyarrow.parquet, scipy.stats, sqlalchemy
from labelwright.pipeline.refreshing import reading
reading.MEAN_ROWS = 16
length = None
for line in sys.stdin:
    folder, share = line.split()
    child = os.fork()
    if not child:
        with mock.patch("labelwright.pipeline.refreshing.run.render_report", lambda content: content.run_id):
            lw.Project(folder).run()
        os._exit(0)
    began = time.perf_counter()
    if length is not None:
        time.sleep(length * float(share))
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    length = length or time.perf_counter() - began
    print(os.WIFSIGNALED(status), length, flush=True)
"""
POINTS = int(os.environ.get("LABELWRIGHT_KILLS", "12"))


def _start(folder: Path, program: str = RUN) -> subprocess.Popen[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", program, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def _finish(process: subprocess.Popen[str]) -> str:
    out, error = process.communicate(timeout=120)
    assert process.returncode == 0, error
    return out.strip()


@pytest.fixture
def make(make_project):
    return lambda name: make_project(name, settings=SETTINGS, functions=FUNCTIONS, table=rows(160))


@pytest.mark.slow
def test_killed_anywhere_the_next_run_is_what_it_would_have_been(make):
    whole, folder = make("whole"), make("killed")
    killer = _start(folder, KILLER)
    print(whole, 1, file=killer.stdin, flush=True)
    assert killer.stdout.readline().startswith("False")  # it came to its end, and says how long that takes
    killed = 0
    for point in range(POINTS):
        # Runs that are killed leave work done, so that later ones are shorter; some come to their end.
        print(folder, (point * 0.618034 % 1) ** 2, file=killer.stdin, flush=True)
        killed += killer.stdout.readline().startswith("True")
        catalog = Catalog(folder / ".labelwright" / "catalog.sqlite")
        for row in catalog.runs():  # it opens, and what a run names is there
            kept = KeptRun(folder, KeptRun.latest(folder).store, row)
            assert all(kept.store.exists(key) for key in row.artifacts.values())
    killer.communicate(timeout=60)
    assert killed >= POINTS // 4
    assert _finish(_start(folder)) == KeptRun.latest(whole).row.run_id
    kept, other = KeptRun.latest(folder), KeptRun.latest(whole)
    for role in ("votes", "stats", "label_model", "soft_labels", "data", "metrics"):
        assert kept.artifact(role) == other.artifact(role)
    assert kept.votes("train").n == 120


@pytest.mark.slow
def test_two_processes_that_refresh_one_project_both_finish(make):
    folder = make("shared")
    first = [_start(folder) for _ in range(2)]
    ids = {_finish(process) for process in first}
    source = (folder / "supervision.py").read_text()
    (folder / "supervision.py").write_text(source.replace('"song" in', '"best song" in'))
    ids |= {_finish(process) for process in [_start(folder) for _ in range(2)]}
    catalog = Catalog(folder / ".labelwright" / "catalog.sqlite")
    assert [row.number for row in catalog.runs()] == [1, 2, 3, 4]
    assert {row.run_id for row in catalog.runs()} == ids
    assert len(ids) == 2
    alone = make("alone")
    (alone / "supervision.py").write_text((folder / "supervision.py").read_text())
    assert _finish(_start(alone)) == KeptRun.latest(folder).row.run_id


def test_a_killed_run_goes_on_where_it_was(make, monkeypatch):
    folder = make("resumed")
    monkeypatch.setattr("labelwright.pipeline.refreshing.reading.MEAN_ROWS", 16)
    seen = []

    def stop(self, *arguments, **options):
        seen.append(arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("labelwright.pipeline.kept.learning.Learning.summarise", stop)
        lw.Project(folder).run()
    assert seen
    result = lw.Project(folder).run()
    assert result.number == 1
    assert result.operations["function_applications"] == 0
    assert result.operations["votes_kept"] == 4 * 160
