"""Parts: together they are the data, groups are whole, and an edit touches the parts of its rows and no others."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright.core.errors import DataError
from labelwright.data import ContentPart, Dataset, Source, divide, read, row_hashes
from labelwright.data.base import Load
from labelwright.data.partition import _parts_of_groups, type_text

MEAN = 8
LONGEST = 4 * MEAN

IDS = st.lists(st.integers(0, 10**6), unique=True, max_size=150)
GROUPED = st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 12)), unique_by=lambda row: row[0], max_size=120)


def frame_of(rows: list[Any], *, texts: int = 7) -> pl.DataFrame:
    pairs = [row if isinstance(row, tuple) else (row, 0) for row in rows]
    schema = {"id": pl.Int64, "group": pl.Int64, "text": pl.String}
    return pl.DataFrame([(i, g, f"text {i % texts}") for i, g in pairs], schema=schema, orient="row")


def parts_of(frame: pl.DataFrame, *, mean_rows: int = MEAN, part_rows: int = 64, **columns: str) -> list[ContentPart]:
    return list(divide(read(frame, part_rows=part_rows, **columns), mean_rows=mean_rows))


def digests(frame: pl.DataFrame, **columns: Any) -> list[str]:
    return [part.digest for part in parts_of(frame, **columns)]


def changed(before: list[str], after: list[str]) -> tuple[int, int]:
    return len(set(before) - set(after)), len(set(after) - set(before))


def ordered(parts: list[ContentPart], frame: pl.DataFrame) -> tuple[pl.DataFrame, list[Any]]:
    """What the positions restore: the rows, and the ids."""
    positions = np.concatenate([np.zeros(0, dtype=np.int64), *(p.positions for p in parts)])
    back = np.argsort(positions)
    assert sorted(positions.tolist()) == list(range(frame.height))
    ids = [i for part in parts for i in part.example_ids.tolist()]
    return pl.concat([frame.head(0), *(p.frame for p in parts)])[back], [ids[i] for i in back]


@settings(deadline=None)
@given(GROUPED, st.sampled_from([{}, {"id": "id"}, {"id": "id", "group": "group"}, {"group": "group"}]))
def test_the_parts_are_the_data(rows: list[tuple[int, int]], columns: dict[str, str]) -> None:
    frame = frame_of(rows)
    parts = parts_of(frame, **columns)
    restored, ids = ordered(parts, frame)
    assert restored.equals(frame)
    assert len(set(ids)) == len(ids)
    if "id" in columns:
        assert ids == frame["id"].to_list()
    for part in parts:
        assert part.n == part.frame.height == len(part.example_ids) == len(part.row_hashes) > 0
        assert (part.row_hashes == row_hashes(part.frame)).all()
        assert (part.groups is None) == ("group" not in columns)
        if part.groups is not None:
            assert part.groups.tolist() == part.frame["group"].to_list()


@settings(deadline=None)
@given(
    GROUPED,
    st.sampled_from([{}, {"id": "id"}, {"id": "id", "group": "group"}, {"group": "group"}]),
    st.integers(1, 40),
    st.integers(1, 40),
)
def test_how_the_reader_cuts_does_not_count(
    rows: list[tuple[int, int]], columns: dict[str, str], one: int, other: int
) -> None:
    frame = frame_of(rows)
    first, second = (parts_of(frame, part_rows=part_rows, **columns) for part_rows in (one, other))
    for a, b in zip(first, second, strict=True):
        assert a.digest == b.digest
        assert a.example_ids.tolist() == b.example_ids.tolist()
        assert a.positions.tolist() == b.positions.tolist()


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_how_rows_are_spread_over_files_does_not_count(tmp_path: Path, suffix: str) -> None:
    frame = frame_of([(i * 7919 % 1000, i % 13) for i in range(200)])
    wanted = digests(frame, id="id", group="group")
    for step in (200, 33):
        folder = tmp_path / f"{suffix}{step}"
        folder.mkdir()
        for start in range(0, 200, step):
            piece = frame.slice(start, step)
            path = folder / f"{start:03}.{suffix}"
            {"csv": piece.write_csv, "jsonl": piece.write_ndjson, "parquet": piece.write_parquet}[suffix](path)
        assert digests(folder, id="id", group="group") == wanted  # type: ignore[arg-type]


def test_every_type_of_column_comes_back_from_files_and_memory_alike(tmp_path: Path) -> None:
    columns = {
        "category": pl.Series(["a", "b", None, "a"], dtype=pl.Categorical),
        "enum": pl.Series(["y", "x", None, "y"], dtype=pl.Enum(["x", "y"])),
        "struct": [{"a": 1, "b": ["p"]}, None, {"a": None, "b": []}, {"a": 2, "b": None}],
        "pair": pl.Series([[1, 2], None, [3, 4], [5, 6]], dtype=pl.Array(pl.Int16, 2)),
        "at": pl.Series([0, 1, None, 3]).cast(pl.Datetime("ns", "Europe/Vienna")),
        "price": pl.Series(["1.10", "2", None, "3"]).cast(pl.Decimal(10, 2)),
        "raw": [b"", b"x", None, b"\0"],
        "nothing": [None] * 4,
    }
    frame = pl.concat([pl.DataFrame(columns)] * 30).with_row_index("id")
    wanted = digests(frame, id="id", part_rows=1000)
    for start in (0, 50):
        frame.slice(start, 50 if start == 0 else 70).write_parquet(tmp_path / f"{start:02}.parquet")
    for part_rows in (7, 1000):
        parts = parts_of(tmp_path, id="id", part_rows=part_rows)  # type: ignore[arg-type]
        assert [part.digest for part in parts] == wanted
        assert pl.concat([part.frame for part in parts]).equals(frame)


@settings(deadline=None)
@given(GROUPED, st.booleans())
def test_groups_are_never_cut_and_stand_where_they_begin(rows: list[tuple[int, int]], with_ids: bool) -> None:
    frame = frame_of(rows)
    parts = parts_of(frame, group="group", **({"id": "id"} if with_ids else {}))
    found = [g for part in parts for g in part.frame["group"].to_list()]
    runs = [g for i, g in enumerate(found) if i == 0 or found[i - 1] != g]
    assert runs == list(dict.fromkeys(frame["group"].to_list()))
    where = [{*part.frame["group"].to_list()} for part in parts]
    assert sum(map(len, where)) == len(set(found))
    for part in parts:
        for group in set(part.frame["group"].to_list()):
            inside = part.positions[part.frame["group"].to_numpy() == group]
            assert (np.diff(inside) > 0).all()


# A mean that makes forced cuts all but impossible among 150 rows.
FREE = 40


@settings(deadline=None, max_examples=200)
@given(IDS.filter(len), st.data())
def test_one_row_more_or_less_changes_two_parts_at_most(ids: list[int], data: st.DataObject) -> None:
    row = data.draw(st.integers(0, len(ids) - 1))
    whole = digests(frame_of(ids), id="id", mean_rows=FREE)
    less = digests(frame_of(ids[:row] + ids[row + 1 :]), id="id", mean_rows=FREE)
    gone, made = changed(whole, less)
    assert (gone, made) in ({(1, 1), (2, 1), (1, 0)} if len(ids) > 1 else {(1, 0)})


@settings(deadline=None, max_examples=100)
@given(IDS.filter(len), st.data())
def test_an_edit_changes_its_own_part(ids: list[int], data: st.DataObject) -> None:
    row = data.draw(st.integers(0, len(ids) - 1))
    frame = frame_of(ids)
    edited = frame.with_columns(
        pl.when(pl.int_range(pl.len()) == row).then(pl.lit("new")).otherwise("text").alias("text")
    )
    before, after = parts_of(frame, id="id"), parts_of(edited, id="id")
    assert [p.positions.tolist() for p in before] == [p.positions.tolist() for p in after]
    differing = [row in b.positions for b, a in zip(before, after, strict=True) if a.digest != b.digest]
    assert differing == [True]


@settings(deadline=None, max_examples=100)
@given(IDS, st.integers(0, 150))
def test_what_is_appended_changes_the_last_part_alone(ids: list[int], cut: int) -> None:
    head = digests(frame_of(ids[:cut]), id="id")
    whole = digests(frame_of(ids), id="id")
    assert head[:-1] == whole[: max(len(head) - 1, 0)]


@settings(deadline=None, max_examples=100)
@given(st.lists(st.integers(0, 30), max_size=120), st.data())
def test_content_that_repeats_obeys_the_same_law(values: list[int], data: st.DataObject) -> None:
    """Without ids, an equal row that goes elsewhere renames its twins; their parts stay all the same."""
    frame = pl.DataFrame({"text": [f"text {v}" for v in [*values, 0]]})
    row = data.draw(st.integers(0, len(values)))
    less = frame.filter(pl.int_range(pl.len()) != row)
    before, after = digests(frame, mean_rows=FREE), digests(less, mean_rows=FREE)
    # As multisets: parts of a single repeated row may be equal.
    gone = len(before) - sum(min(before.count(d), after.count(d)) for d in set(before))
    made = len(after) - sum(min(before.count(d), after.count(d)) for d in set(before))
    assert gone <= 2
    assert made <= 1


@settings(deadline=None)
@given(IDS)
def test_rows_are_groups_of_one(ids: list[int]) -> None:
    """Both ways of dividing follow one rule."""
    rows, groups = parts_of(frame_of(ids), id="id"), parts_of(frame_of(ids), id="id", group="id")
    assert [p.positions.tolist() for p in rows] == [p.positions.tolist() for p in groups]
    assert max((p.n for p in rows), default=0) <= LONGEST


def test_how_the_reader_cuts_does_not_count_for_forced_cuts_either() -> None:
    frame = frame_of(np.random.default_rng(0).permutation(3000).tolist())
    whole = parts_of(frame, id="id", part_rows=3000)
    assert max(part.n for part in whole) <= LONGEST
    for part_rows in (31, 33):
        found = parts_of(frame, id="id", part_rows=part_rows)
        assert [part.digest for part in found] == [part.digest for part in whole]


def test_forced_cuts_hold_still_too() -> None:
    """Between borders that are far apart, rows choose the cuts as well: an insertion seldom moves the next ones."""
    rng = np.random.default_rng(0)
    marks = rng.integers(0, 2**64, 20_000, dtype=np.uint64)

    def cut(marks: np.ndarray) -> list[str]:
        parts = _parts_of_groups(np.ones(len(marks), dtype=np.int64), marks, 50)
        return [piece.tobytes().hex() for piece in np.split(marks, np.flatnonzero(np.diff(parts)) + 1)]

    before = cut(marks)
    assert 40 < 20_000 / len(before) < 60
    worst = [
        max(changed(before, cut(np.insert(marks, rng.integers(20_000), rng.integers(2**64, dtype=np.uint64)))))
        for _ in range(300)
    ]
    assert np.mean(np.array(worst) > 2) < 0.03
    assert max(worst) < 10


def test_a_group_as_large_as_it_likes_is_one_part() -> None:
    rows = [(i, 0 if 10 <= i < 500 else i) for i in range(600)]
    parts = parts_of(frame_of(rows), id="id", group="group")
    (huge,) = [part for part in parts if 0 in part.frame["group"].to_list()[1:2] or part.n > LONGEST]
    assert set(huge.frame["group"].to_list()) >= {0}
    assert huge.n >= 491
    assert sum(part.n for part in parts) == 600


def test_groups_end_parts_in_proportion_to_their_rows() -> None:
    sizes = np.full(20_000, 10)
    marks = np.random.default_rng(0).integers(0, 2**64, 20_000, dtype=np.uint64)
    rows = np.bincount(_parts_of_groups(sizes, marks, 1000)) * 10
    assert 800 < rows.mean() < 1100
    assert rows.max() <= 4000


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 40), st.integers(0, 2**64 - 1)), min_size=1, max_size=60))
def test_a_part_of_groups_is_small_or_one_group(groups: list[tuple[int, int]]) -> None:
    sizes = np.array([size for size, _ in groups])
    parts = _parts_of_groups(sizes, np.array([mark for _, mark in groups], dtype=np.uint64), MEAN)
    assert parts[0] == 0
    assert set(np.diff(parts).tolist()) <= {0, 1}
    for part in range(parts[-1] + 1):
        assert sizes[parts == part].sum() <= LONGEST or (parts == part).sum() == 1


def test_rows_that_are_all_the_same_are_cut_all_the_same() -> None:
    parts = parts_of(pl.DataFrame({"text": ["same"] * 1000}))
    assert max(part.n for part in parts) <= LONGEST
    ids = [i for part in parts for i in part.example_ids.tolist()]
    assert len(set(ids)) == 1000
    assert ids[1] == f"{ids[0]}-2"
    assert ids[-1] == f"{ids[0]}-1000"


def test_the_digest_tells_what_the_part_holds() -> None:
    frame = frame_of([(i, i % 3) for i in range(5)])
    shuffled = frame[[1, 0, 2, 3, 4]]
    variants = [
        digests(frame, mean_rows=10**6),
        digests(shuffled, mean_rows=10**6),
        digests(frame, mean_rows=10**6, id="id"),
        digests(frame, mean_rows=10**6, group="group"),
        digests(frame.with_columns(pl.col("id").cast(pl.Int32)), mean_rows=10**6),
        digests(frame.rename({"text": "words"}), mean_rows=10**6),
        digests(frame.head(4), mean_rows=10**6),
        digests(frame.with_columns(more=pl.lit(None, pl.String)), mean_rows=10**6),
    ]
    assert len({d for (d,) in variants}) == len(variants)
    # Where the rows stand in the dataset does not count.
    assert digests(frame, mean_rows=1, id="id")[-1] == digests(frame.tail(1), mean_rows=1, id="id")[0]


def test_no_rows_no_parts() -> None:
    assert parts_of(frame_of([])) == []
    assert parts_of(frame_of([]), id="id", group="group") == []
    assert list(divide(read([]))) == []


@pytest.mark.parametrize("part_rows", [2, 100])
@pytest.mark.parametrize("group", [{}, {"group": "group"}])
def test_ids_that_repeat_are_an_error_that_counts_them(part_rows: int, group: dict[str, str]) -> None:
    frame = frame_of([(1, 0), (2, 0), (3, 0)]).vstack(frame_of([(2, 1), (2, 1), (1, 1)]))
    with pytest.raises(DataError, match=r"the id column 'id' repeats: 1 stands 3 times \(3 repeats in all\)"):
        parts_of(frame, part_rows=part_rows, id="id", **group)


@pytest.mark.parametrize("column", ["id", "group"])
def test_missing_ids_and_groups_are_errors_that_say_where(column: str) -> None:
    frame = frame_of([(1, 1), (2, 2), (3, 3)]).with_columns(
        pl.when(pl.col("id") < 3).then(pl.col(column)).alias(column)
    )
    with pytest.raises(DataError, match=f"the {column} column '{column}' is empty at row 2"):
        parts_of(frame, part_rows=2, **{column: column})


class Changing(Source):
    """Other rows each time it is read."""

    def __init__(self, *counts: int) -> None:
        self.frames = [frame_of([(i, i) for i in range(n)]) for n in counts]
        self.schema = self.frames[0].schema

    def blocks(self, columns: Sequence[str], part_rows: int) -> Iterator[tuple[int, Load]]:
        return read(self.frames.pop(0)).source.blocks(columns, part_rows)


@pytest.mark.parametrize("counts", [(20, 30), (20, 10)])
def test_data_that_changes_between_two_readings_is_an_error(counts: tuple[int, int]) -> None:
    with pytest.raises(DataError, match="changed while it was read"):
        list(divide(Dataset(Changing(*counts), id="id", group="group"), mean_rows=1))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (pl.Int64(), "Int64"),
        (pl.List(pl.Array(pl.Int8, 2)), "List(Array(Int8, 2))"),
        (pl.Struct({"a": pl.String, "b": pl.Float32}), "Struct('a': String, 'b': Float32)"),
        (pl.Datetime("us", "UTC"), "Datetime(us, UTC)"),
        (pl.Duration("ms"), "Duration(ms)"),
        (pl.Decimal(10, 2), "Decimal(10, 2)"),
        (pl.Enum(["a", "b"]), "Enum(['a', 'b'])"),
    ],
)
def test_types_have_names_of_ours(kind: pl.DataType, text: str) -> None:
    assert type_text(kind) == text


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the peak of a process as Linux tells it")
def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    """What is held is a few parts, and 24 bytes a row to know that ids differ."""
    n = 2_000_000
    frame = pl.DataFrame({"id": range(n)}).with_columns(text=pl.format("comment number {}", "id"))
    frame.write_parquet(tmp_path / "a.parquet")
    code = (
        "import re; from pathlib import Path; from labelwright.data import divide, read;"
        f"data = read({str(tmp_path / 'a.parquet')!r}, id='id');"
        "peak = lambda: int(re.search('VmHWM:\\s*([0-9]+)', Path('/proc/self/status').read_text())[1]) // 1024;"
        "next(iter(divide(read([dict(id=1)])))); before = peak();"
        f"assert sum(part.n for part in divide(data)) == {n};"
        "print(peak() - before)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert int(out) < 500
