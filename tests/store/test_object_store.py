"""Stores behind an address: damage is found and mended, nothing is visible before it is whole, packages are named."""

from __future__ import annotations

import itertools
import sys
from datetime import UTC, datetime, timedelta

import fsspec
import pytest

from labelwright.core.errors import DataError, MissingExtraError
from labelwright.store import ArtifactFolder, ArtifactId, ObjectStore

_numbers = itertools.count()


@pytest.fixture(params=["memory", "file"])
def store(request, tmp_path):
    if request.param == "memory":
        return ObjectStore(f"memory://object-store-{next(_numbers)}")
    return ObjectStore(f"file://{tmp_path}/artifacts")


def files(store: ObjectStore) -> list[str]:
    return sorted(store._find(store.root))


def test_damage_is_found_and_putting_again_mends_it(store):
    key = store.put_json("metrics", {"a": 1})
    (path,) = files(store)
    store._files.pipe_file(path, b'{"a": 100}')
    with pytest.raises(DataError, match="was changed after it was written"):
        store.get_json(key)
    store.put_json("metrics", {"a": 1})
    assert store.get_json(key) == {"a": 1}


def test_a_damaged_folder_is_found(store, tmp_path):
    source = tmp_path / "model"
    source.mkdir()
    (source / "weights").write_bytes(b"12")
    key = store.put_folder("end_model", source)
    assert key == ArtifactFolder(tmp_path / "other").put_folder("end_model", source)
    assert (store.get_folder(key) / "weights").read_bytes() == b"12"
    (store.get_folder(key) / "weights").write_bytes(b"changed by a reader")
    with pytest.raises(DataError, match="was changed"):
        store.get_folder(key)
    assert (store.get_folder(key) / "weights").read_bytes() == b"12"
    (path,) = files(store)
    store._files.pipe_file(path, b"no zip file")
    again = ObjectStore(store.address)
    with pytest.raises(DataError, match="was changed"):
        again.get_folder(key)


def test_an_upload_that_fails_leaves_nothing(tmp_path, monkeypatch):
    store = ObjectStore(f"file://{tmp_path}/artifacts")

    def interrupted(*_arguments, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(store._files, "mv", interrupted)
    with pytest.raises(KeyboardInterrupt):
        store.put_json("metrics", {})
    assert files(store) == []


def test_a_place_that_fails_is_named(store, monkeypatch):
    def fail(*_arguments, **_options):
        raise OSError("connection reset")

    for name in ("pipe", "pipe_file", "find", "cat_file"):
        monkeypatch.setattr(store._files, name, fail)
    for call in (
        lambda: store.put_json("metrics", {}),
        lambda: list(store.entries()),
        lambda: store.get_json(ArtifactId("metrics", "0" * 64)),
    ):
        with pytest.raises(DataError, match=r"store at .* cannot be used now: connection reset"):
            call()


def test_leftovers_of_a_killed_upload_are_swept_when_old(tmp_path):
    store = ObjectStore(f"file://{tmp_path}/artifacts")
    key = store.put_json("metrics", {})
    folder = files(store)[0].rpartition("/")[0]
    store._files.pipe_file(f"{folder}/.new-123", b"half")
    assert [entry.key for entry in store.entries()] == [key]
    assert store.sweep(datetime.now(UTC) - timedelta(hours=1)) == 0
    assert store.sweep(datetime.now(UTC) + timedelta(hours=1)) == 1
    assert len(files(store)) == 1


def test_other_files_in_the_place_are_left_alone(store):
    key = store.put_json("metrics", {})
    store._files.makedirs(f"{store.root}/notes/ab", exist_ok=True)
    store._files.pipe_file(f"{store.root}/notes/ab/README.md", b"ours")
    store._files.pipe_file(f"{store.root}/README.md", b"ours")
    assert [entry.key for entry in store.entries()] == [key]


def test_two_stores_in_one_place_see_each_other_at_once(tmp_path):
    one, two = (ObjectStore(f"file://{tmp_path}") for _ in range(2))
    key = one.put_json("metrics", {})
    assert two.exists(key)
    assert list(two.list()) == [(key, 2)]
    assert two.delete(key)
    assert not one.exists(key)


def test_what_is_missing_is_named(monkeypatch):
    with pytest.raises(DataError, match="nonsense"):
        ObjectStore("nonsense://bucket")

    def without(*_arguments, **_options):
        raise ImportError("Install s3fs to access S3")

    with monkeypatch.context() as patch:
        patch.setattr(fsspec.core, "url_to_fs", without)
        with pytest.raises(DataError, match="Install s3fs"):
            ObjectStore("s3://bucket")
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(MissingExtraError, match=r"labelwright\[object-store\]"):
        ObjectStore("s3://bucket")
