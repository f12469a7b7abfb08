"""Collection: what a kept run reaches stays, what is young or in use stays, what went is no answer any more."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright.core.errors import DataError
from labelwright.store import (
    ArtifactFolder,
    ArtifactId,
    Catalog,
    Derivation,
    ObjectStore,
    Recipe,
    collect,
    hold_lease,
    plan_collection,
)

NOW = timedelta(0)


def add_run(store, catalog, *votes: int, derive: bool = True) -> dict[str, ArtifactId]:
    """Record a run with a manifest that names one artifact for each of ``votes``."""
    keys = [store.put_bytes("votes", b"%d" % vote, ".bits") for vote in votes]
    manifest = store.put_json("manifest", {"parts": [{"votes": str(key)} for key in keys]})
    if derive:
        recipes = [Recipe("votes", {}, {"vote": vote}) for vote in votes]
        catalog.add_derivations(Derivation(r, key) for r, key in zip(recipes, keys, strict=True))
    catalog.add_run("a", seconds=1.0, artifacts={"votes": manifest})
    return {"votes": manifest}


def kept_votes(store) -> set[int]:
    return {int(store.get_bytes(key, ".bits")) for key, _ in store.list() if key.kind == "votes"}


def found(catalog, *votes: int) -> list[int]:
    by_digest = {Recipe("votes", {}, {"vote": vote}).digest: vote for vote in votes}
    return sorted(by_digest[digest] for digest in catalog.find(by_digest))


def test_what_the_latest_run_and_snapshots_reach_stays(store, catalog):
    add_run(store, catalog, 1, 2)
    add_run(store, catalog, 2, 3)
    add_run(store, catalog, 3, 4)
    catalog.add_snapshot("first", 1)
    plan = plan_collection(store, catalog, grace=NOW)
    assert [entry.key.kind for entry in plan.doomed] == ["manifest"]
    assert plan.kept["latest run"][0] == plan.kept["snapshot first"][0] == 3
    assert kept_votes(store) == {1, 2, 3, 4}  # a plan changes nothing
    catalog.remove_snapshot("first")
    plan = plan_collection(store, catalog, grace=NOW)
    assert plan.size == sum(entry.size for entry in plan.doomed)
    done = collect(store, catalog, plan)
    assert (done.artifacts, done.size) == (4, plan.size)
    assert kept_votes(store) == {3, 4}
    assert found(catalog, 1, 2, 3, 4) == [3, 4]
    assert plan_collection(store, catalog, grace=NOW).doomed == ()
    assert json.dumps(plan.to_dict())


def test_a_collected_run_is_told_about_but_neither_read_nor_named(store, catalog):
    old = add_run(store, catalog, 1)
    add_run(store, catalog, 2)
    collect(store, catalog, plan_collection(store, catalog, grace=NOW))
    assert [run.collected for run in catalog.runs()] == [True, False]
    assert catalog.run(1).artifacts == old
    with pytest.raises(DataError, match="it was collected or deleted"):
        store.get_json(catalog.run(1).artifacts["votes"])
    with pytest.raises(DataError, match="run 1 has been collected"):
        catalog.add_snapshot("late", 1)
    key = ArtifactId("votes", hashlib.sha256(b"1").hexdigest())
    assert [d.recipe.parameters for d in catalog.derivations_of(key)] == [{"vote": 1}]


def test_what_was_collected_may_be_made_again(store, catalog):
    add_run(store, catalog, 1)
    add_run(store, catalog, 2)
    collect(store, catalog, plan_collection(store, catalog, grace=NOW))
    add_run(store, catalog, 1)
    assert found(catalog, 1, 2) == [1, 2]
    assert plan_collection(store, catalog, grace=NOW).kept["latest run"][0] == 2


def test_what_is_young_stays_and_so_does_what_it_names(store, catalog):
    add_run(store, catalog, 1)
    add_run(store, catalog, 2)
    assert plan_collection(store, catalog).doomed == ()
    hour = timedelta(hours=1)
    later = plan_collection(store, catalog, now=datetime.now(UTC) + 2 * hour)
    assert len(later.doomed) == 2
    # The votes of the first run are old, but a manifest that was just written names them.
    for key, _ in store.list():
        path = next(store.root.glob(f"*/*/{key.digest}*"))
        os.utime(path, (time.time() - 7200, time.time() - 7200))
    store.put_json("other", ["text around votes:" + hashlib.sha256(b"1").hexdigest() + "."])
    plan = plan_collection(store, catalog, grace=hour)
    assert [entry.key.kind for entry in plan.doomed] == ["manifest"]


def test_a_head_keeps_what_it_names(store, catalog):
    key = store.put_json("votes", [1])
    catalog.swap_head("main", None, str(key))
    add_run(store, catalog, 2)
    assert plan_collection(store, catalog, grace=NOW).kept["head main"] == (1, 3)
    catalog.swap_head("main", str(key), None)
    assert [entry.key for entry in plan_collection(store, catalog, grace=NOW).doomed] == [key]


def test_while_somebody_works_nothing_goes(store, catalog):
    add_run(store, catalog, 1)
    add_run(store, catalog, 2)
    plan = plan_collection(store, catalog, grace=NOW)
    with hold_lease(catalog, "run of reviews"):
        held = plan_collection(store, catalog, grace=NOW)
        assert held.doomed == ()
        assert held.in_progress[0].startswith("run of reviews since")
        assert held.kept["work in progress"][0] == 2
        with pytest.raises(DataError, match="nothing was collected: run of reviews since"):
            collect(store, catalog, plan)
    assert kept_votes(store) == {1, 2}
    assert collect(store, catalog, plan).artifacts == 2


def test_what_became_needed_after_the_plan_stays(store, catalog):
    add_run(store, catalog, 1)
    add_run(store, catalog, 2)
    plan = plan_collection(store, catalog, grace=NOW)
    catalog.add_snapshot("kept", 1)
    assert collect(store, catalog, plan).artifacts == 0
    catalog.remove_snapshot("kept")
    store.put_bytes("votes", b"1", ".bits")  # a writer puts it again: it is young now
    assert collect(store, catalog, plan).artifacts == 1
    assert kept_votes(store) == {1, 2}


def test_a_writer_that_puts_the_same_content_while_it_is_collected_loses_nothing(store, catalog, monkeypatch):
    add_run(store, catalog, 1)
    add_run(store, catalog, 2)
    plan = plan_collection(store, catalog, grace=NOW)
    delete = ArtifactFolder.delete

    def meanwhile(self, key, **options):
        if key.kind == "votes":
            assert store.put_bytes("votes", b"1", ".bits") == key
        return delete(self, key, **options)

    monkeypatch.setattr(ArtifactFolder, "delete", meanwhile)
    assert collect(store, catalog, plan).artifacts == 1
    assert kept_votes(store) == {1, 2}


def test_a_run_that_ends_meanwhile_is_seen(store, catalog, monkeypatch):
    add_run(store, catalog, 1)
    add_run(store, catalog, 2)
    plan = plan_collection(store, catalog, grace=NOW)
    listed = ArtifactFolder.list
    calls = []

    def meanwhile(self):
        if not calls:
            calls.append(1)
            catalog.add_run("again", seconds=0.0, artifacts=catalog.run(1).artifacts)
        return listed(self)

    monkeypatch.setattr(ArtifactFolder, "list", meanwhile)
    assert {e.key for e in plan.doomed} == set(catalog.run(1).artifacts.values()) | {
        e.key for e in plan.doomed if e.key.kind == "votes"
    }
    collect(store, catalog, plan)
    assert kept_votes(store) == {1, 2}
    assert found(catalog, 1, 2) == [1, 2]


def test_an_output_that_somebody_deleted_is_no_answer_any_more(store, catalog):
    add_run(store, catalog, 1, 2)
    store.delete(ArtifactId("votes", hashlib.sha256(b"1").hexdigest()))
    collect(store, catalog, plan_collection(store, catalog, grace=NOW))
    assert found(catalog, 1, 2) == [2]


def test_a_damaged_manifest_stops_a_collection(store, catalog):
    add_run(store, catalog, 1)
    add_run(store, catalog, 2)
    path = next(store.root.glob(f"manifest/*/{catalog.latest().artifacts['votes'].digest}.json"))
    path.write_text("{}")
    with pytest.raises(DataError, match="was changed after it was written"):
        plan_collection(store, catalog, grace=NOW)


def test_a_collection_that_was_killed_is_ended_by_the_next(store, catalog, monkeypatch):
    add_run(store, catalog, 1)
    add_run(store, catalog, 2)

    def killed(*_arguments, **_options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ArtifactFolder, "delete", killed)
        with pytest.raises(KeyboardInterrupt):
            collect(store, catalog, plan_collection(store, catalog, grace=NOW))
    assert found(catalog, 1, 2) == [2]  # nothing is an answer that may go at any moment
    assert collect(store, catalog, plan_collection(store, catalog, grace=NOW)).artifacts == 2


def test_leftovers_of_killed_writers_go_when_they_are_old(store, catalog):
    add_run(store, catalog, 1)
    leftover = next(store.root.glob("votes/*")) / ".new-1-1.bits"
    leftover.write_bytes(b"half")
    assert all(not entry.key.digest.startswith(".") for entry in store.entries())
    assert collect(store, catalog, plan_collection(store, catalog)).leftovers == 0
    plan = plan_collection(store, catalog, now=datetime.now(UTC) + timedelta(hours=2))
    assert collect(store, catalog, plan).leftovers == 1
    assert not leftover.exists()


def test_nothing_to_collect_where_nothing_is(tmp_path):
    store, catalog = ArtifactFolder(tmp_path / "a"), Catalog(tmp_path / "c.sqlite")
    assert plan_collection(store, catalog).doomed == ()
    assert collect(store, catalog, plan_collection(store, catalog)).artifacts == 0


def test_an_object_store_is_collected_too(tmp_path):
    store, catalog = ObjectStore("memory://collected"), Catalog(tmp_path / "c.sqlite")
    add_run(store, catalog, 1)
    add_run(store, catalog, 2)
    assert collect(store, catalog, plan_collection(store, catalog, grace=NOW)).artifacts == 2
    assert kept_votes(store) == {2}


@pytest.mark.slow
@settings(max_examples=12)
@given(
    runs=st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=4), min_size=1, max_size=5),
    named=st.sets(st.integers(1, 5)),
)
def test_exactly_what_no_kept_run_needs_goes(tmp_path_factory, runs, named):
    folder = tmp_path_factory.mktemp("project")
    store, catalog = ArtifactFolder(folder / "artifacts"), Catalog(folder / "catalog.sqlite")
    for votes in runs:
        add_run(store, catalog, *votes)
    for number in named:
        if number <= len(runs):
            catalog.add_snapshot(str(number), number)
    collect(store, catalog, plan_collection(store, catalog, grace=NOW))
    kept = [votes for number, votes in enumerate(runs, start=1) if number in named or number == len(runs)]
    assert kept_votes(store) == {vote for votes in kept for vote in votes}
    assert found(catalog, *range(10)) == sorted(kept_votes(store))
    # A run that was not kept can be read all the same where all that it made was kept for another's sake.
    for run in catalog.runs():
        assert run.collected == (not store.exists(run.artifacts["votes"]))


WRITER = """
import sys
from labelwright.store import ArtifactFolder, Catalog, hold_lease
store, catalog, me = ArtifactFolder(sys.argv[1]), Catalog(sys.argv[2]), int(sys.argv[3])
for step in range(12):
    with hold_lease(catalog, "run"):
        # The two write the same content again and again, so that each relies on what the other put long ago.
        keys = store.put_many("votes", [b"%d" % ((step + i) % 5) for i in range(3)], ".bits")
        manifest = store.put_json("manifest", [str(key) for key in keys])
        row = catalog.add_run(str(me), seconds=0.0, artifacts={"votes": manifest})
        if step % 4 == 0:
            catalog.add_snapshot(f"{me}-{step}", row.number)
"""
COLLECTOR = """
import sys
from datetime import timedelta
from labelwright.core.errors import DataError
from labelwright.store import ArtifactFolder, Catalog, collect, plan_collection
store, catalog = ArtifactFolder(sys.argv[1]), Catalog(sys.argv[2])
for _ in range(25):
    try:
        collect(store, catalog, plan_collection(store, catalog, grace=timedelta(0)))
    except DataError as error:
        assert "nothing was collected" in str(error), error
"""


@pytest.mark.slow
def test_collecting_while_others_write_loses_nothing(place, tmp_path):
    root = str(tmp_path / "artifacts")
    programs = [(WRITER, "0"), (WRITER, "1"), (COLLECTOR, "")]
    workers = [subprocess.Popen([sys.executable, "-c", program, root, place, me]) for program, me in programs]
    assert [worker.wait(timeout=120) for worker in workers] == [0, 0, 0]
    store, catalog = ArtifactFolder(root), Catalog(place)
    kept = {catalog.latest().number, *(snapshot.number for snapshot in catalog.snapshots())}
    assert len(kept) == 7 or len(kept) == 6
    for run in catalog.runs():
        if run.number in kept:
            assert not run.collected
            for text in store.get_json(run.artifacts["votes"]):
                store.get_bytes(ArtifactId.parse(text), ".bits")
