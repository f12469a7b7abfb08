"""Killed at any moment, and run several times at once: the project opens, and the next run is what it would have been."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest

import labelwright as lw
from labelwright.store import Catalog, current_leases

from ..conftest import FUNCTIONS, rows, write_csv
from .forking import Forks

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
POINTS = int(os.environ.get("LABELWRIGHT_KILLS", "6"))


@pytest.fixture
def make(make_project):
    return lambda name: make_project(name, settings=SETTINGS, functions=FUNCTIONS, table=rows(160))


@pytest.fixture(scope="module")
def forks():
    with Forks() as found:
        yield found


def edit(folder: Path) -> None:
    """Change a function, and edit, remove and add rows."""
    edit_function(folder, '"song" in', '"best song" in')
    table = rows(170)
    table[7]["text"] = "see http://a.b for a song"
    del table[40]
    write_csv(folder / "comments.csv", table)


def edit_function(folder: Path, before: str, after: str) -> None:
    source = (folder / "supervision.py").read_text()
    assert before in source
    (folder / "supervision.py").write_text(source.replace(before, after))


def catalog_of(folder: Path) -> Catalog:
    return Catalog(folder / ".labelwright" / "catalog.sqlite")


@pytest.mark.slow
@pytest.mark.timeout(600 + 60 * POINTS)
def test_killed_anywhere_the_next_run_is_what_it_would_have_been(make, forks, tmp_path):
    """Half of the points are in a first run, half in one after edits; LABELWRIGHT_KILLS=200 is the full form."""
    states = [make("first"), make("edited")]
    forks.do("run", states[1])
    edit(states[1])
    whole = [Path(shutil.copytree(state, tmp_path / f"{state.name}-whole")) for state in states]
    expected = [forks.do("rebuild", folder).answer for folder in whole]
    # What no other process has loaded yet counts too, so these are as long as runs get.
    seconds = [forks.do("run", shutil.copytree(state, tmp_path / f"{state.name}-timed")).seconds for state in states]
    killed, chance = 0, random.Random(POINTS)
    for point in range(POINTS):
        folder = Path(shutil.copytree(states[point % 2], tmp_path / f"killed-{point}"))
        done = forks.do("run", folder, seconds=seconds[point % 2] * chance.random())
        killed += done.killed
        if not done.killed:  # the machine has become faster
            seconds[point % 2] = done.seconds
        assert current_leases(catalog_of(folder)) == []
        if point % 2:  # the run before stands as it was
            assert forks.do("verify", folder).answer == []
        assert forks.do("run", folder).answer == expected[point % 2]
        if point % 2 == 0 or point % 10 == 1:
            assert forks.do("verify", folder).answer == []
        if point % 10 == 1:  # what the killed run left goes, and no more
            assert forks.do("collect", folder).answer > 0
            assert forks.do("verify", folder).answer == []
        shutil.rmtree(folder)
        print(f"{killed} of {point + 1} runs were killed before their end", flush=True)
    assert killed >= POINTS // 4


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 4])
def test_processes_that_refresh_one_project_at_once_all_finish(make, forks, count):
    folder = make("shared")
    run = {"what": "run", "folder": str(folder)}
    first = {done.answer for done in forks.together(*[run] * count)}
    edit_function(folder, '"song" in', '"best song" in')
    second = {done.answer for done in forks.together(*[run] * count)}
    assert len(first) == len(second) == 1
    assert first != second
    assert [row.number for row in catalog_of(folder).runs()] == list(range(1, 2 * count + 1))
    assert {forks.do("rebuild", folder).answer} == second
    assert forks.do("verify", folder).answer == []


@pytest.mark.slow
def test_an_edit_while_others_run_belongs_to_one_run_or_the_next(make, forks):
    folder = make("edited")
    before = forks.do("run", folder).answer
    edit_function(folder, '"song" in', '"best song" in')
    after = forks.do("run", folder).answer
    edit_function(folder, '"best song" in', '"song" in')
    run = {"what": "run", "folder": str(folder), "times": 2}
    done = forks.together(run, run, {"what": "edit", "folder": str(folder)})
    assert not any(one.error for one in done), [one.trace for one in done]
    assert {one for each in done[:2] for one in each.answers} <= {before, after}
    assert forks.do("run", folder).answer == after
    assert forks.do("verify", folder).answer == []


@pytest.mark.slow
def test_readers_and_a_collection_beside_runs(make, forks):
    folder = make("read")
    forks.do("run", folder)
    edit(folder)
    forks.do("run", folder)
    lw.Project(folder).snapshot("second")
    edit_function(folder, '"love" in', '"lovely" in')
    names = [("run", 2), ("read", 4), ("collect", 6)]
    done = forks.together(*({"what": what, "folder": str(folder), "times": times} for what, times in names))
    assert not any(one.error for one in done[:1]), done[0].trace
    for one in done[1].answers:
        assert one[0] in (2, 3, 4)
    # A reader may ask for a run that was just collected; then that is said.
    assert not done[1].error or "collected" in done[1].error, done[1].trace
    assert not done[2].error, done[2].trace
    assert all(isinstance(one, int) or "nothing was collected: run since" in one for one in done[2].answers)
    assert forks.do("verify", folder).answer == []
    assert forks.do("rebuild", folder).answer == done[0].answers[-1]


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
