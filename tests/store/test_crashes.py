"""Writers that are killed and disks that are full: what was kept is whole, nothing is half-written, and work goes on."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from labelwright.core.errors import DataError
from labelwright.store import ArtifactFolder, Catalog, Derivation, Recipe

# One process that imports once, and forks a writer for each point at which one is killed.
PROGRAM = '''
import json, os, random, signal, sys, time
from datetime import UTC, datetime, timedelta
from labelwright.store import *

root, place, points = sys.argv[1], sys.argv[2], int(sys.argv[3])
store, catalog = ArtifactFolder(root), Catalog(place)

def write(seed, steps=1000):
    for step in range(steps):
        with hold_lease(catalog, "run"):
            votes = [f"{seed}-{step}-{part}".encode() * 500 for part in range(6)]
            keys = store.put_many("votes", votes, ".bits")
            catalog.add_derivations(
                Derivation(Recipe("votes", {}, {"n": f"{seed}-{step}-{i}"}), key) for i, key in enumerate(keys)
            )
            manifest = store.put_json("manifest", [str(key) for key in keys])
            row = catalog.add_run(str(seed), seconds=0.0, artifacts={"votes": manifest})
            assert catalog.swap_head("main", catalog.head("main"), str(manifest))

def check():
    """Everything that anything names is there and whole; return how many runs there are."""
    for entry in store.entries():
        store.get_bytes(entry.key, entry.suffix)
    for run in catalog.runs():
        for text in store.get_json(run.artifacts["votes"]):
            store.get_bytes(ArtifactId.parse(text), ".bits")
    named = [f"{s}-{t}-{i}" for s in range(points) for t in range(20) for i in range(6)]
    found = catalog.find(Recipe("votes", {}, {"n": name}).digest for name in named)
    assert all(store.exists(key) for key in found.values())
    head = catalog.head("main")
    assert head is None or store.exists(ArtifactId.parse(head))
    return len(catalog.runs())

# How long a step takes differs tenfold between machines and hours; the first one also loads what comes late.
write("first", 1)
began = time.perf_counter()
write("second", 3)
step = (time.perf_counter() - began) / 3
chance = random.Random(0)
for point in range(points):
    child = os.fork()
    if not child:
        try:
            write(point)
        finally:
            os._exit(1)
    time.sleep(chance.uniform(0.0, 2.5 * step))
    os.kill(child, signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    if point % 4 == 3:
        check()
runs = check()
later = datetime.now(UTC) + timedelta(hours=2)
done = collect(store, catalog, plan_collection(store, catalog, now=later))
print(json.dumps({"runs": runs, "left": sorted({e.key.kind for e in store.entries()}), "n": len(list(store.list()))}))
'''


@pytest.mark.slow
def test_a_writer_killed_at_any_moment_leaves_a_whole_store(place, tmp_path):
    root = tmp_path / "artifacts"
    points = os.environ.get("LABELWRIGHT_KILLS", "12")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(root), place, points],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["runs"] > 4 + 3
    # The latest run and the head: one or two manifests of six votes, and nothing that a killed writer began.
    assert found["n"] in (7, 14)
    assert not [path for path in root.rglob(".*") if path.is_file()]


@pytest.mark.parametrize("call", ["open", "write", "fsync", "replace"])
def test_a_full_disk_is_told_and_nothing_is_half_written(store, monkeypatch, call):
    kept = store.put_json("metrics", "kept")
    real, calls = getattr(os, call), []

    def full(*arguments, **options):
        calls.append(arguments)
        if len(calls) > 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, call, full)
        with pytest.raises(DataError, match=r"no space left in .*artifacts \([\d,]+ bytes free\)"):
            store.put_many("votes", [b"a", b"b", b"c", b"d"], ".bits")
    assert not [path for path in store.root.rglob(".*") if path.is_file()]
    assert store.get_json(kept) == "kept"
    for entry in store.entries():
        store.get_bytes(entry.key, entry.suffix)
    assert len(store.put_many("votes", [b"a", b"b", b"c", b"d"], ".bits")) == 4


def test_a_full_disk_while_a_folder_is_kept(store, tmp_path, monkeypatch):
    source = tmp_path / "model"
    source.mkdir()
    (source / "weights").write_bytes(b"1")

    def full(*_arguments, **_options):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("shutil.copytree", full)
        with pytest.raises(DataError, match="no space left"):
            store.put_folder("end_model", source)
    assert not list(store.entries())
    assert (store.get_folder(store.put_folder("end_model", source)) / "weights").read_bytes() == b"1"


@pytest.fixture
def small_disk(tmp_path: Path):
    """A folder on a disk of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = (
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True, text=True, check=False
        )
        if sys.platform == "linux"
        else None
    )
    if mounted is None or mounted.returncode != 0:
        pytest.skip("no small disk could be mounted: that needs root on Linux")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_fills_up_and_is_emptied_again(small_disk):
    store, catalog = ArtifactFolder(small_disk / "artifacts"), Catalog(small_disk / "catalog.sqlite")
    first = store.put_json("metrics", "first")
    catalog.add_run("first", seconds=0.0, artifacts={"metrics": first})
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    with pytest.raises(DataError, match=r"no space left in .* \([\d,]+ bytes free\)"):
        for number in range(300):
            store.put_many("votes", [b"%d" % number * 5000], ".bits")
    with pytest.raises(DataError, match="no space left in"):
        for number in range(300):
            recipes = [Recipe("votes", {}, {"i": [number, i]}) for i in range(100)]
            catalog.add_derivations(Derivation(recipe, first) for recipe in recipes)
    assert catalog.latest().run_id == "first"
    assert store.get_json(first) == "first"
    for entry in store.entries():
        store.get_bytes(entry.key, entry.suffix)
    filler.unlink()
    assert store.get_bytes(store.put_bytes("votes", b"0" * 5000, ".bits"), ".bits") == b"0" * 5000
    assert catalog.add_run("second", seconds=0.0, artifacts={}).number == 2
    assert [run.run_id for run in catalog.runs()] == ["first", "second"]
    assert not [path for path in small_disk.rglob(".new-*") if path.is_file()]
