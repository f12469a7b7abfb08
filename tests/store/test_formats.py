"""Tables: some columns or rows without the rest, damage found in the part that is read."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright.core.errors import DataError
from labelwright.store import ArtifactFolder

TABLE = pa.table({"text": [f"row {i}" for i in range(20_000)], "number": pa.array(range(20_000), pa.int32())})


@settings(max_examples=30)
@given(
    rows=st.lists(st.integers(0, 19_999), max_size=6), columns=st.sampled_from([None, ["number"], ["number", "text"]])
)
def test_some_rows_are_the_rows_of_the_whole(tmp_path_factory, rows, columns):
    store = ArtifactFolder(tmp_path_factory.getbasetemp() / "tables")
    key = store.put_table("part", TABLE)
    assert store.get_rows(key, rows, columns).equals(store.get_table(key, columns).take(pa.array(rows, pa.int64())))


def test_equal_tables_have_equal_ids_whatever_their_chunks(store):
    chunked = pa.concat_tables([TABLE.slice(0, 5), TABLE.slice(5)])
    assert store.put_table("part", chunked) == store.put_table("part", TABLE)


def test_one_array_is_that_of_the_whole_and_damage_in_it_is_found(tmp_path):
    store = ArtifactFolder(tmp_path)
    key = store.put_arrays("index", {"keys": np.arange(1000, dtype=np.uint32), "other": np.zeros(3)})
    assert store.get_array(key, "keys").tolist() == list(range(1000))
    with pytest.raises(DataError):
        store.get_array(key, "nonsense")
    path = next(tmp_path.rglob("*.npz"))
    content = path.read_bytes()
    at = content.index(np.uint32(500).tobytes() + np.uint32(501).tobytes())
    for damaged in (content[:at] + b"\xff" + content[at + 1 :], content[: len(content) // 2], b""):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match="changed after it was written"):
            store.get_array(key, "keys")
    path.unlink()
    with pytest.raises(DataError, match="not in the store"):
        store.get_array(key, "keys")


def test_an_empty_table_and_nested_types_come_back(store):
    nested = pa.table({"tags": [["a"], [], None], "at": [{"x": 1}, None, {"x": 3}]})
    assert store.get_table(store.put_table("part", nested)).equals(nested)
    empty = TABLE.slice(0, 0)
    key = store.put_table("part", empty)
    assert store.get_table(key).equals(empty)
    assert store.get_rows(key, []).equals(empty)
    with pytest.raises(IndexError):
        store.get_rows(key, [0])


def readable(store, key, row):
    try:
        return store.get_rows(key, [row]).num_rows == 1
    except DataError:
        return False


def test_a_damaged_page_is_found_when_a_row_of_it_is_read(store):
    key = store.put_table("part", TABLE)
    (path,) = store.root.rglob("*.parquet")
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 0xFF
    path.write_bytes(content)
    damaged = [row for row in range(0, 20_000, 8192) if not readable(store, key, row)]
    assert len(damaged) == 1
    with pytest.raises(DataError, match="was changed"):
        store.get_table(key)
    path.write_bytes(content[:1000])
    with pytest.raises(DataError, match="was changed"):
        store.get_rows(key, [0])


def test_a_column_that_is_not_there_is_named(store):
    key = store.put_table("part", TABLE)
    for read in (lambda: store.get_table(key, ["nonsense"]), lambda: store.get_rows(key, [0], ["nonsense"])):
        with pytest.raises(DataError, match="no column 'nonsense'"):
            read()
