"""One door: every kind of table gives the same rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as pads
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright.core.errors import DataError
from labelwright.data import read
from labelwright.data.frames import rechunk

FRAME = pl.DataFrame({"text": [f"text {i}" for i in range(10)], "n": range(10)})


def hugging_face(frame: pl.DataFrame) -> Any:
    datasets = pytest.importorskip("datasets")
    return datasets.Dataset.from_dict(frame.to_dict(as_series=False))


KINDS: dict[str, Any] = {
    "polars": lambda f: f,
    "lazy": lambda f: f.lazy(),
    "pandas": lambda f: f.to_pandas(),
    "arrow": lambda f: f.to_arrow(),
    "batch": lambda f: f.to_arrow().to_batches()[0],
    "arrow dataset": lambda f: pads.dataset(f.to_arrow()),
    "dicts": lambda f: f.to_dicts(),
    "hugging face": hugging_face,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part_rows", [3, 100])
def test_every_kind_gives_the_same_rows(kind: str, part_rows: int) -> None:
    dataset = read(KINDS[kind](FRAME), part_rows=part_rows)
    parts = list(dataset.parts())
    assert pl.concat([part.frame() for part in parts]).equals(FRAME)
    assert [part.rows for part in parts] == ([3, 3, 3, 1] if part_rows == 3 else [10])
    assert dataset.rows in (10, None)
    assert next(dataset.parts(["n"])).frame().columns == ["n"]


def test_a_hugging_face_dataset_keeps_the_order_of_select_and_shuffle() -> None:
    data = hugging_face(FRAME).shuffle(seed=3).select([4, 2, 7])
    assert read(data, part_rows=2).frame()["text"].to_list() == data["text"][:]


def test_missing_texts_of_pandas_are_null_and_nan_of_numbers_stays() -> None:
    frame = pd.DataFrame(
        {"s": ["a", np.nan, None], "o": pd.Series(["a", np.nan, None], dtype=object), "f": [1, np.nan, 2]}
    )
    out = read(frame).frame()
    assert out["s"].to_list() == out["o"].to_list() == ["a", None, None]
    assert out["f"].null_count() == 0
    assert out["f"].is_nan().to_list() == [False, True, False]


def test_missing_texts_of_dictionaries_are_null_and_nan_of_numbers_stays() -> None:
    frame = pd.DataFrame({"s": ["a", np.nan, None], "f": [1, np.nan, 2]})
    out = read(frame.astype({"s": object}).to_dict("records")).frame()
    assert out["s"].to_list() == ["a", None, None]
    assert out["f"].is_nan().to_list() == [False, True, False]


@pytest.mark.parametrize("values", [["a", 1.5], ["a", [1]], [True, 0.5], [{"a": 1}, {"a": "x"}], [[1], ["x"]]])
def test_values_of_several_types_are_named_in_our_own_words(values: list[Any]) -> None:
    with pytest.raises(DataError, match="key 'k' of the examples needs values of one type, but holds") as caught:
        read([{"k": value} for value in values])
    assert not any(words in str(caught.value) for words in ("strict", "context stack", "Series", "\n"))


def test_dictionaries_may_lack_keys_and_mix_whole_numbers_with_decimals() -> None:
    out = read([{"a": 1}, {"a": 2.5, "b": "x"}, {}]).frame()
    assert out.to_dict(as_series=False) == {"a": [1.0, 2.5, None], "b": [None, "x", None]}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (pd.DataFrame({"t": pd.Series(["a", 1], dtype=object)}), "column 't' of the pandas frame"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "more than one column called 'a'"),
        ([{"a": 1}, 3], "item 1 is a int"),
        ([{"a": 1}, {"a": "x"}], "key 'a' of the examples needs values of one type, but holds int, str"),
        (pl.DataFrame({"o": [object()]}), "column 'o' holds Python objects"),
        (pl.LazyFrame({"a": [1]}).select("b"), "lazy frame cannot be read"),
        (3, "data is a int; pass a pandas"),
        ("nowhere.csv", "there is no file nowhere.csv"),
    ],
)
def test_what_cannot_be_read(data: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(data)


def test_ids_and_groups() -> None:
    dataset = read(FRAME.with_columns(doc=pl.lit("d")), id="text", group="doc", part_rows=4)
    part = list(dataset.parts(["n"]))[1]
    assert part.example_ids.tolist() == ["text 4", "text 5", "text 6", "text 7"]
    assert set(part.frame().columns) == {"text", "n", "doc"}
    assert [p.example_ids.tolist() for p in read(FRAME, part_rows=6).parts()] == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9]]


def test_bad_ids() -> None:
    with pytest.raises(DataError, match="id column 'key' is not in the data; columns: text, n"):
        read(FRAME, id="key")
    with pytest.raises(DataError, match="must be integers or strings"):
        read(FRAME.cast({"n": pl.Float64}), id="n")
    with pytest.raises(DataError, match="id column 'k' is empty at row 3"):
        frame = pl.DataFrame({"k": ["a", "b", "c", None]})
        _ = [p.example_ids for p in read(frame, id="k", part_rows=2).parts()]
    with pytest.raises(DataError, match="part_rows is 0"):
        read(FRAME, part_rows=0)
    with pytest.raises(DataError, match="column 'z' is not in the data"):
        list(read(FRAME).parts(["z"]))


@settings(deadline=None)
@given(st.lists(st.integers(0, 7), max_size=12), st.integers(1, 9))
def test_rechunking_keeps_rows_in_order(sizes: list[int], part_rows: int) -> None:
    starts = np.cumsum([0, *sizes])
    frames = [pl.DataFrame({"i": np.arange(a, a + s)}) for a, s in zip(starts, sizes, strict=False)]
    pieces = list(rechunk(iter(frames), part_rows))
    assert [i for p in pieces for i in p["i"].to_list()] == list(range(sum(sizes)))
    assert all(p.height == part_rows for p in pieces[:-1])
    assert all(0 < p.height <= part_rows for p in pieces)


def test_a_part_can_be_sliced() -> None:
    part = next(iter(read(pa.table({"i": range(10)}), part_rows=10).parts()))
    piece = part.slice(3, 4)
    assert (piece.start, piece.rows, piece.frame()["i"].to_list()) == (3, 4, [3, 4, 5, 6])
