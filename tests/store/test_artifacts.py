"""Artifacts: the id is the content, what is read is what was written, damage is found."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from labelwright.core.errors import ArtifactError, DataError
from labelwright.store import ArtifactFolder, ArtifactId

ARRAYS = st.dictionaries(
    st.sampled_from(["probs", "rows", "ids"]),
    st.one_of(
        hnp.arrays(np.int8, hnp.array_shapes(min_dims=0, max_dims=2, min_side=0)),
        hnp.arrays(
            np.float64, hnp.array_shapes(min_dims=0, max_dims=2, min_side=0), elements=st.floats(allow_nan=True)
        ),
        hnp.arrays(np.dtype("U3"), hnp.array_shapes(min_dims=0, max_dims=1, min_side=0)),
    ),
)


@pytest.fixture
def store(tmp_path: Path) -> ArtifactFolder:
    return ArtifactFolder(tmp_path / "artifacts")


@settings(max_examples=50, deadline=None)
@given(arrays=ARRAYS)
def test_arrays_come_back_as_they_were_and_order_is_no_content(tmp_path_factory, arrays):
    store = ArtifactFolder(tmp_path_factory.mktemp("store"))
    key = store.put_arrays("votes", arrays)
    found = store.get_arrays(key)
    assert found.keys() == arrays.keys()
    for name, value in arrays.items():
        assert found[name].dtype == value.dtype
        np.testing.assert_array_equal(found[name], value)
    assert store.put_arrays("votes", dict(reversed(arrays.items()))) == key


def test_equal_content_is_kept_once_and_different_content_apart(store):
    first = store.put_json("metrics", {"a": 1, "b": [None, "ü"]})
    assert store.put_json("metrics", {"b": [None, "ü"], "a": 1}) == first
    assert store.put_json("metrics", {"a": 2}) != first
    assert len(list(store.root.rglob("*.json"))) == 2


def test_a_damaged_artifact_is_an_error_and_putting_it_again_mends_it(store):
    key = store.put_json("metrics", {"a": 1})
    (path,) = store.root.rglob("*.json")
    path.write_text(json.dumps({"a": 100}))
    with pytest.raises(DataError, match="was changed after it was written"):
        store.get_json(key)
    store.put_json("metrics", {"a": 1})
    assert store.get_json(key) == {"a": 1}


def test_a_missing_artifact_says_what_to_do(store):
    with pytest.raises(DataError, match="run --full makes it again"):
        store.get_arrays(ArtifactId("votes", "0" * 64))


def test_objects_are_refused_because_only_pickle_could_keep_them(store):
    with pytest.raises(DataError, match="Python objects"):
        store.put_arrays("votes", {"ids": np.array([1, "a"], dtype=object)})
    assert not store.root.exists()


def test_nan_is_not_json(store):
    with pytest.raises(ValueError, match="not JSON compliant"):
        store.put_json("metrics", {"a": float("nan")})


def test_folders_are_addressed_by_paths_and_contents(store, tmp_path):
    source = tmp_path / "model"
    (source / "inner").mkdir(parents=True)
    (source / "model.json").write_text("{}")
    (source / "inner" / "weights").write_bytes(b"\0\1")
    key = store.put_folder("end_model", source)
    assert (store.get_folder(key) / "inner" / "weights").read_bytes() == b"\0\1"
    assert store.put_folder("end_model", source) == key
    (source / "model.json").rename(source / "renamed.json")
    assert store.put_folder("end_model", source) != key
    (store.get_folder(key) / "model.json").write_text("changed")
    with pytest.raises(DataError, match="was changed"):
        store.get_folder(key)


def test_a_write_that_fails_leaves_nothing(store, tmp_path, monkeypatch):
    source = tmp_path / "model"
    source.mkdir()
    (source / "a").write_text("a")

    def interrupted(old, new):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        store.put_folder("end_model", source)
    monkeypatch.setattr("os.replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        store.put_json("metrics", {})
    assert [p for p in store.root.rglob("*") if p.is_file()] == []


@pytest.mark.parametrize("text", ["votes", "votes:12", "../x:" + "0" * 64, "votes:" + "Z" * 64, "votes:../" + "0" * 61])
def test_only_ids_become_paths(text):
    with pytest.raises(DataError, match="is not an artifact id"):
        ArtifactId.parse(text)


@pytest.mark.parametrize("count", [1, 5])
def test_files_are_durable_before_they_are_visible_and_then_their_names_are(store, monkeypatch, count):
    done: list[tuple[str, int]] = []

    def fsync(handle):
        done.append(("fsync", os.fstat(handle).st_ino))

    def replace(old, new):
        done.append(("replace", old.stat().st_ino))
        old.rename(new)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    store.put_many("votes", [b"%d" % i for i in range(count)], ".bits")
    for path in store.root.rglob("*.bits"):
        file, folder = path.stat().st_ino, path.parent.stat().st_ino
        visible = done.index(("replace", file))
        assert done.index(("fsync", file)) < visible < len(done) - 1 - done[::-1].index(("fsync", folder))


def test_what_a_writer_relies_on_from_the_last_moment_on_is_put_back(store, monkeypatch):
    key = store.put_bytes("votes", b"1", ".bits")
    now = datetime.now(UTC)
    rename = Path.rename
    (path,) = store.root.rglob("*.bits")
    os.utime(path, (0, 0))

    def at_the_last_moment(self, target):
        if self == path:
            assert store.put_bytes("votes", b"1", ".bits") == key
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", at_the_last_moment)
    assert not store.delete(key, unless_put_since=now)
    assert store.get_bytes(key, ".bits") == b"1"
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_exists_and_delete_see_every_format(store, tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "a").write_text("a")
    keys = [store.put_json("metrics", 1), store.put_text("report", "a"), store.put_folder("model", tmp_path / "model")]
    for key in keys:
        assert store.exists(key)
        assert store.delete(key)
        assert not store.exists(key)
        assert not store.delete(key)


def test_a_damaged_folder_is_mended_by_putting_it_again(store, tmp_path):
    source = tmp_path / "model"
    source.mkdir()
    (source / "weights").write_bytes(b"1")
    key = store.put_folder("end_model", source)
    (store.get_folder(key) / "weights").write_bytes(b"2")
    with pytest.raises(ArtifactError, match="was changed after it was written"):
        store.get_folder(key)
    assert store.put_folder("end_model", source) == key
    assert (store.get_folder(key) / "weights").read_bytes() == b"1"
    assert not list(store.root.rglob(".*"))
