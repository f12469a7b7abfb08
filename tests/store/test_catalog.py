"""The catalog: what is written comes back, of several writers each does its part, reading writes nothing."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from labelwright.core.errors import DataError
from labelwright.store import ArtifactId, Catalog, Derivation, Recipe

KEY = ArtifactId("votes", "ab" * 32)
OTHER = ArtifactId("votes", "cd" * 32)


def recipe(number: int) -> Recipe:
    return Recipe("votes", {"part": KEY}, {"function": f"v{number}"})


def test_an_empty_catalog_answers_everything(catalog):
    assert catalog.runs() == catalog.snapshots() == catalog.derivations_of(KEY) == []
    assert catalog.latest() is catalog.run(1) is catalog.snapshot("a") is catalog.head("a") is None
    assert catalog.find([recipe(1).digest]) == catalog.heads() == {}


def test_reading_an_empty_project_writes_nothing(tmp_path):
    catalog = Catalog(tmp_path / "project" / "catalog.sqlite")
    assert catalog.runs() == []
    assert catalog.latest() is None
    assert not catalog.path.parent.exists()


def test_runs_come_back_in_the_order_in_which_they_ended(catalog):
    first = catalog.add_run("same", seconds=1.0, artifacts={"votes.train": KEY}, operations={"applications": 2**40})
    second = catalog.add_run("same", seconds=2.0, artifacts={})
    assert [r.number for r in catalog.runs()] == [1, 2]
    assert catalog.latest() is not None
    assert catalog.latest().seconds == second.seconds
    assert catalog.run(1).artifacts == {"votes.train": KEY} == first.artifacts
    assert catalog.run(1).operations == {"applications": 2**40} == first.operations
    assert catalog.run(2).operations == {}
    assert catalog.run(3) is None
    assert catalog.runs()[0].finished.utcoffset() is not None
    assert not catalog.runs()[0].collected


def test_the_last_runs_come_back_alone_and_those_asked_for_with_them(catalog):
    for _ in range(5):
        catalog.add_run("a", seconds=1.0, artifacts={})
    assert [r.number for r in catalog.runs(last=2)] == [4, 5]
    assert [r.number for r in catalog.runs(last=2, also=[1, 5, 9])] == [1, 4, 5]
    assert [r.number for r in catalog.runs(last=9)] == [1, 2, 3, 4, 5]
    assert catalog.runs(last=0) == []


def test_a_writer_that_fails_writes_nothing_and_takes_no_number(catalog):
    with pytest.raises(TypeError):
        catalog.add_run("a", seconds=1.0, artifacts={}, operations={"applications": object()})
    with pytest.raises(ZeroDivisionError), catalog.writing():
        raise ZeroDivisionError
    assert catalog.runs() == []
    assert catalog.add_run("a", seconds=1.0, artifacts={}).number == 1


def test_snapshots_name_runs_once_and_may_be_taken_away(catalog):
    for _ in range(2):
        catalog.add_run("a", seconds=1.0, artifacts={})
    made = catalog.add_snapshot("first", 1, "before the ü change")
    catalog.add_snapshot("second", 2)
    assert [(s.name, s.number, s.note) for s in catalog.snapshots()] == [
        ("first", 1, "before the ü change"),
        ("second", 2, ""),
    ]
    assert abs((catalog.snapshot("first").made - made.made).total_seconds()) < 0.001
    with pytest.raises(DataError, match="a snapshot 'first' already"):
        catalog.add_snapshot("first", 2)
    assert catalog.snapshot("first").number == 1
    with pytest.raises(DataError, match="has no run 9"):
        catalog.add_snapshot("third", 9)
    for name in ("", " a", "a\nb", "a" * 201):
        with pytest.raises(DataError, match="cannot name a snapshot"):
            catalog.add_snapshot(name, 1)
    assert catalog.remove_snapshot("first")
    assert not catalog.remove_snapshot("first")
    assert [s.name for s in catalog.snapshots()] == ["second"]
    assert len(catalog.runs()) == 2


def test_a_head_moves_only_from_where_it_is_expected(catalog):
    assert catalog.swap_head("main", None, "a")
    assert not catalog.swap_head("main", None, "b")
    assert not catalog.swap_head("main", "x", "b")
    assert catalog.head("main") == "a"
    assert catalog.swap_head("main", "a", "b")
    assert catalog.heads() == {"main": "b"}
    assert not catalog.swap_head("main", "a", None)
    assert not catalog.swap_head("main", None, None)
    assert catalog.swap_head("main", "b", None)
    assert catalog.swap_head("main", None, None)
    assert catalog.head("main") is None


def test_derivations_are_found_by_recipe_and_told_by_output(catalog):
    made = datetime(2026, 11, 23, 4, 5, 6, 789000, UTC)
    one = Derivation(recipe(1), KEY, 1.5, 65_536, made, {"numpy": "2.4"})
    catalog.add_derivations([one, Derivation(recipe(2), OTHER)])
    catalog.add_derivations([])
    asked = [recipe(n).digest for n in (1, 2, 3)]
    assert catalog.find(asked) == {asked[0]: KEY, asked[1]: OTHER}
    assert catalog.find([]) == {}
    assert catalog.derivations_of(KEY) == [one]
    catalog.add_derivations([Derivation(recipe(1), OTHER)])
    assert catalog.find(asked[:1]) == {asked[0]: OTHER}
    assert catalog.derivations_of(KEY) == []
    assert len(catalog.derivations_of(OTHER)) == 2


def test_thousands_of_derivations_are_found_in_one_call(catalog):
    catalog.add_derivations(Derivation(recipe(n), KEY) for n in range(3000))
    asked = [recipe(n).digest for n in range(2000, 4000)]
    assert list(catalog.find(iter(asked))) != []
    assert set(catalog.find(iter(asked))) == set(asked[:1000])


def test_all_derivations_are_written_or_none(catalog):
    def some():
        yield Derivation(recipe(1), KEY)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        catalog.add_derivations(some())
    assert catalog.find([recipe(1).digest]) == {}


def test_a_writer_killed_before_its_first_commit_leaves_an_empty_catalog(tmp_path):
    catalog = Catalog(tmp_path / "catalog.sqlite")
    catalog.path.touch()
    assert catalog.latest() is None
    assert catalog.add_run("a", seconds=1.0, artifacts={}).number == 1


PROGRAM = """
import sys
from labelwright.store import ArtifactId, Catalog, Derivation, Recipe
place, me = sys.argv[1], sys.argv[2]
catalog, won = Catalog(place), 0
for i in range(10):
    catalog.add_derivations(Derivation(Recipe("votes", {}, {"i": j}), ArtifactId("votes", "ab" * 32)) for j in range(i, i + 20))
    catalog.add_run(me, seconds=0.0, artifacts={})
    while True:
        old = catalog.head("count")
        if catalog.swap_head("count", old, str(int(old or 0) + 1)):
            break
"""


@pytest.mark.slow
def test_several_processes_write_at_once(place):
    # A first writer makes the tables: all of them may be it.
    workers = [subprocess.Popen([sys.executable, "-c", PROGRAM, place, str(i)]) for i in range(3)]
    assert [worker.wait(timeout=100) for worker in workers] == [0, 0, 0]
    catalog = Catalog(place)
    assert [r.number for r in catalog.runs()] == list(range(1, 31))
    assert {i: sum(r.run_id == i for r in catalog.runs()) for i in "012"} == {"0": 10, "1": 10, "2": 10}
    assert catalog.head("count") == "30"
    assert len(catalog.find(Recipe("votes", {}, {"i": j}).digest for j in range(100))) == 29


def test_a_path_a_text_and_an_address_of_sqlite_are_the_same(tmp_path):
    path = tmp_path / "catalog.sqlite"
    Catalog(path).add_run("a", seconds=1.0, artifacts={})
    for place in (str(path), f"sqlite:///{path}"):
        assert Catalog(place).latest().run_id == "a"
        assert Catalog(place).path == path == Path(Catalog(place).place)
