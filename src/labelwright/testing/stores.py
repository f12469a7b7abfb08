"""The laws that every store keeps, as checks that raise AssertionError and say which law broke."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from labelwright.core.errors import DataError
from labelwright.store import ArtifactId, Store

__all__ = ["STORE_LAWS", "check_store"]

_ABSENT = ArtifactId("votes", "0" * 64)


def check_store(make_store: Callable[[], Store]) -> None:
    """Check that a store keeps every law in `STORE_LAWS`.

    Parameters
    ----------
    make_store : callable
        Returns a new store each time, and all of them over the same place, which is empty at first: what one writes,
        the others read.

    Raises
    ------
    AssertionError
        Naming the law that broke.

    Examples
    --------
    >>> from labelwright.store import ArtifactFolder
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     check_store(lambda: ArtifactFolder(folder))
    """
    for name, law in STORE_LAWS.items():
        try:
            law(make_store)
        except AssertionError as error:
            raise AssertionError(f"{type(make_store()).__name__} breaks the law of {name}: {error}") from error


def _formats(make_store: Callable[[], Store]) -> None:
    import pyarrow as pa

    store, other = make_store(), make_store()
    value = {"a": 1, "b": [None, "ü", 0.1]}
    assert other.get_json(store.put_json("metrics", value)) == value, "JSON must come back as it was"
    assert other.get_text(store.put_text("report", "<p>ü</p>")) == "<p>ü</p>", "text must come back as it was"
    key = store.put_bytes("votes", b"\0\1", ".bits")
    assert other.get_bytes(key, ".bits") == b"\0\1", "bytes must come back as they were"
    arrays: dict[str, Any] = {"probs": np.array([0.1, np.nan]), "ids": np.array(["a", "bb"])}
    found = other.get_arrays(store.put_arrays("soft_labels", arrays))
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype, "arrays must keep their types"
        np.testing.assert_array_equal(found[name], array, "arrays must come back as they were")
    table = pa.table({"text": [f"row {i}" for i in range(20_000)], "number": range(20_000)})
    key = store.put_table("part", table)
    assert other.get_table(key).equals(table), "tables must come back as they were"
    assert other.get_table(key, ["number", "text"]).column_names == ["number", "text"], (
        "columns come in the order asked"
    )
    rows = other.get_rows(key, [19_999, 0, 8192, 0], ["number"]).column("number").to_pylist()
    assert rows == [19_999, 0, 8192, 0], "rows must come in the order asked for"
    with _expecting(IndexError, "a row that the table does not have"):
        other.get_rows(key, [20_000])
    with _expecting(DataError, "a column that the table does not have"):
        other.get_table(key, ["nonsense"])


def _folders(make_store: Callable[[], Store]) -> None:
    store, other = make_store(), make_store()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "inner").mkdir()
        (folder / "model.json").write_text("{}")
        (folder / "inner" / "weights").write_bytes(b"\0\1")
        key = store.put_folder("end_model", folder)
        assert store.put_folder("end_model", folder) == key, "the same files must have the same id"
        assert (other.get_folder(key) / "inner" / "weights").read_bytes() == b"\0\1", "files must come back"
        (folder / "model.json").rename(folder / "renamed.json")
        assert store.put_folder("end_model", folder) != key, "names of files are content"
    formats = {entry.key: entry.suffix for entry in make_store().entries()}
    assert formats[key] == "", "entries must tell a folder from a file"


def _addresses(make_store: Callable[[], Store]) -> None:
    store = make_store()
    first = store.put_json("metrics", {"x": 1, "y": 2})
    assert store.put_json("metrics", {"y": 2, "x": 1}) == first, "equal content must have equal ids"
    assert store.put_json("metrics", {"x": 2}) != first, "different content must have different ids"
    contents = [b"one", b"two", b"one"]
    keys = store.put_many("votes", contents, ".bits")
    assert [make_store().get_bytes(key, ".bits") for key in keys] == contents, "put_many must keep the order"
    assert keys == [store.put_bytes("votes", content, ".bits") for content in contents], "put_many is put_bytes, faster"
    assert store.put_many("votes", [], ".bits") == [], "nothing may be put"
    with _expecting(ValueError, "NaN in JSON"):
        store.put_json("metrics", float("nan"))
    with _expecting(DataError, "Python objects in arrays"):
        store.put_arrays("votes", {"ids": np.array([1, "a"], dtype=object)})


def _absence(make_store: Callable[[], Store]) -> None:
    store = make_store()
    for get in (store.get_json, store.get_text, store.get_arrays, store.get_table, store.get_folder):
        with _expecting(DataError, "reading what is not there"):
            get(_ABSENT)
    with _expecting(DataError, "reading what is not there"):
        store.get_rows(_ABSENT, [0])
    assert not store.exists(_ABSENT), "what was never put must not exist"
    assert not store.delete(_ABSENT), "deleting what is not there removes nothing"


def _listing(make_store: Callable[[], Store]) -> None:
    store = make_store()
    began = datetime.now(UTC) - timedelta(seconds=5)
    key = store.put_bytes("votes", b"12345", ".bits")
    found = {entry.key: entry for entry in make_store().entries()}
    assert found[key].size == 5, "entries must say how large they are"
    assert found[key].suffix == ".bits", "entries must say their format"
    assert began <= found[key].modified <= datetime.now(UTC) + timedelta(seconds=5), "entries must say when, in UTC"
    assert (key, 5) in list(store.list()), "list must name every artifact"
    assert {k for k, _ in store.list()} == set(found), "list and entries must agree"


def _deleting(make_store: Callable[[], Store]) -> None:
    store = make_store()
    key = store.put_json("metrics", "to be deleted")
    now = datetime.now(UTC)
    assert not store.delete(key, unless_put_since=now - timedelta(hours=1)), "what is young must stay"
    assert make_store().exists(key), "what is young must stay"
    assert store.delete(key, unless_put_since=now + timedelta(hours=1)), "what is old goes, and that is said"
    assert not make_store().exists(key), "what was deleted must not exist"
    with _expecting(DataError, "reading what was deleted"):
        make_store().get_json(key)
    assert store.put_json("metrics", "to be deleted") == key, "what was deleted may be put again"
    assert make_store().get_json(key) == "to be deleted", "what was deleted may be put again"
    store.delete(key)


def _concurrency(make_store: Callable[[], Store]) -> None:
    contents = [bytes([i]) * 1000 for i in range(20)]

    def write(_: int) -> list[ArtifactId]:
        return make_store().put_many("votes", contents, ".bits")

    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(write, range(4)))
    assert all(keys == found[0] for keys in found), "writers of the same content must agree"
    assert [make_store().get_bytes(key, ".bits") for key in found[0]] == contents, "writers must not harm each other"


class _expecting:  # noqa: N801 - reads as a statement
    """Check that a block raises an error of that kind."""

    def __init__(self, kind: type[Exception], what: str) -> None:
        self.kind, self.what = kind, what

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        assert kind is not None, f"{self.what} must raise {self.kind.__name__}"
        return issubclass(kind, self.kind)


STORE_LAWS: dict[str, Callable[[Callable[[], Store]], None]] = {
    "formats": _formats,
    "folders": _folders,
    "addresses": _addresses,
    "absence": _absence,
    "listing": _listing,
    "deleting": _deleting,
    "concurrency": _concurrency,
}
