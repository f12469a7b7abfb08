"""Files: read as a stream, in a stable order, and every kind of damage named."""

from __future__ import annotations

import pickle
from pathlib import Path

import polars as pl
import pytest

from labelwright.core.errors import DataError
from labelwright.data import read
from labelwright.data.base import Frame

FRAME = pl.DataFrame({"text": [f"text {i}" for i in range(10)], "n": range(10)})


def write(frame: pl.DataFrame, path: Path) -> Path:
    writers = {".csv": frame.write_csv, ".jsonl": frame.write_ndjson, ".ndjson": frame.write_ndjson}
    if path.suffix == ".tsv":
        frame.write_csv(path, separator="\t")
    else:
        writers.get(path.suffix, frame.write_parquet)(path)
    return path


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".ndjson", ".parquet"])
@pytest.mark.parametrize("part_rows", [1, 3, 10, 100])
def test_every_kind_is_cut_into_the_same_parts(tmp_path: Path, suffix: str, part_rows: int) -> None:
    dataset = read(write(FRAME, tmp_path / f"a{suffix}"), part_rows=part_rows)
    parts = list(dataset.parts())
    assert [part.start for part in parts] == list(range(0, 10, part_rows))
    assert pl.concat([part.frame() for part in parts]).equals(FRAME)
    assert dataset.schema == FRAME.schema


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_folders_globs_and_lists_have_a_stable_order(tmp_path: Path, suffix: str) -> None:
    for name in ("b", "a", "c"):
        write(FRAME.with_columns(text=pl.lit(name)), tmp_path / f"{name}{suffix}")
    (tmp_path / "notes.txt").write_text("not data")
    for data in (tmp_path, str(tmp_path / f"*{suffix}")):
        assert read(data).frame()["text"].unique(maintain_order=True).to_list() == ["a", "b", "c"]
    chosen = [tmp_path / f"c{suffix}", str(tmp_path / f"a{suffix}")]
    assert read(chosen).frame()["text"].unique(maintain_order=True).to_list() == ["c", "a"]


def test_a_part_of_a_parquet_file_travels_as_a_path(tmp_path: Path) -> None:
    wide = pl.DataFrame({"text": ["x" * 100] * 5000})
    part = list(read(write(wide, tmp_path / "a.parquet"), part_rows=1000).parts())[3]
    sent = pickle.dumps(part)
    assert len(sent) < 1000
    assert pickle.loads(sent).frame().height == 1000


def test_huge_row_groups_are_streamed_into_the_same_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(FRAME, tmp_path / "a.parquet")
    ranges = [part.frame() for part in read(path, part_rows=3).parts(["n"])]
    monkeypatch.setattr("labelwright.data.files._LARGE_ROW_GROUP", 5)
    streamed = list(read(path, part_rows=3).parts(["n"]))
    assert all(isinstance(part.load, Frame) for part in streamed)
    assert [a.equals(b.frame()) for a, b in zip(ranges, streamed, strict=True)] == [True] * 4


def test_types_of_text_files_are_joined(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("n\n1\n")
    (tmp_path / "b.csv").write_text("n\n2.5\n")
    assert read(tmp_path).frame()["n"].to_list() == [1.0, 2.5]


def test_a_file_that_is_not_utf8_says_where(tmp_path: Path) -> None:
    path = tmp_path / "latin.csv"
    path.write_bytes(b"id,text\n1,abc\n2,caf\xe9\n")
    with pytest.raises(
        DataError, match=r"latin.csv: not UTF-8: byte 0xe9 at offset 19 \(line 3\).*iconv -f latin1 .*'latin-1'"
    ):
        list(read(path).parts())
    path = tmp_path / "latin.jsonl"
    path.write_bytes(b'{"text": "caf\xe9"}\n')
    with pytest.raises(DataError, match=r"latin.jsonl: not UTF-8: byte 0xe9 at offset 13 \(line 1\)"):
        list(read(path).parts())


def test_the_offset_of_a_bad_byte_is_right_beyond_the_first_block(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    line = "é" * 50 + "\n"
    body = ("texts\n" + line * 12_000).encode()
    assert body[(1 << 20) - 1 : (1 << 20) + 1] == "é".encode()  # the border of the first block cuts a character in two
    path.write_bytes(body + b"\xff\n")
    with pytest.raises(DataError, match=rf"offset {len(body)} \(line 12002\)"):
        list(read(path).parts())


@pytest.mark.parametrize("mark", [b"\xff\xfe", b"\xfe\xff", b""])
@pytest.mark.parametrize(("name", "reader"), [("a.csv", "read_csv"), ("a.jsonl", "read_json")])
def test_utf16_is_named(tmp_path: Path, name: str, reader: str, mark: bytes) -> None:
    text = '{"text": "abc"}\n' if name.endswith("jsonl") else "text\nabc\n"
    (tmp_path / name).write_bytes(mark + text.encode("utf-16-be" if mark == b"\xfe\xff" else "utf-16-le"))
    with pytest.raises(DataError, match=rf"{name}: not UTF-8 but UTF-16.*iconv.*pandas.{reader}.*encoding='utf-16'"):
        read(tmp_path / name)


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl"])
def test_a_mark_of_utf8_is_no_part_of_the_first_name(tmp_path: Path, name: str) -> None:
    path = write(FRAME, tmp_path / name)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read(path).frame().equals(FRAME)


def test_what_only_the_last_line_of_json_holds_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": 1, "b": null, "c": {"d": 1}}\n' * 10_001 + '{"a": 2.5, "b": "x", "c": {"e": 2}, "f": "y"}\n')
    last = read(path).frame().tail(1).to_dicts()
    assert last == [{"a": 2.5, "b": "x", "c": {"d": None, "e": 2}, "f": "y"}]


def test_a_file_named_twice_is_read_twice(tmp_path: Path) -> None:
    path = write(FRAME, tmp_path / "a.jsonl")
    assert read([path, path]).frame().height == 20


@pytest.mark.parametrize(("between", "hint"), [(";", "Is ';' the separator"), ("\t", r"Is a tab the .* ending .tsv")])
def test_another_separator_is_guessed(tmp_path: Path, between: str, hint: str) -> None:
    (tmp_path / "a.csv").write_text(f"text{between}n\nx{between}1\n")
    with pytest.raises(DataError, match=rf"id column 'n' is not in the data; columns: text.n\. {hint}"):
        read(tmp_path / "a.csv", id="n")
    with pytest.raises(DataError, match=rf"column 'text' is not in the data; .*{hint}"):
        list(read(tmp_path / "a.csv").parts(["text"]))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("ragged.csv", b"id,text\n1,a\n2,b,c\n", r"ragged.csv: line 3 has 3 fields, but the header names 2"),
        ("empty.csv", b"", r"empty.csv is empty"),
        ("empty.jsonl", b"", r"empty.jsonl is empty"),
        ("broken.jsonl", b'{"a": 1}\n{"a":\n', r"broken.jsonl: line 2 is not one whole JSON object: .*character 6"),
        ("list.jsonl", b'\n[{"a": 1}]\n', r"list.jsonl: line 2 holds a list, not an object"),
        ("nan.jsonl", b'{"a": 1.5}\n{"a": NaN}\n', r"nan.jsonl: line 2 holds NaN, .* write null"),
        (
            "mixed.jsonl",
            b'{"v": true}\n\n{"v": 3}\n',
            r"mixed.jsonl: key 'v' holds a bool on line 1 but a number on line 3",
        ),
        ("blank.jsonl", b"\n \n", r"blank.jsonl: it holds no object"),
        ("twice.csv", b"\xef\xbb\xbfbody,n,body\na,1,b\n", r"twice.csv: the header names 'body' twice"),
        ("quote.csv", b'a,b\n1,"x"y\n2,3\n', r"quote.csv: column 'b' holds '\"x\"y', whose quotes do not match"),
        ("semi.csv", b"a;b\nx,y;1\n", r"semi.csv: line 2 has 2 fields.*Is ';' the separator"),
        (
            "late.csv",
            b"n\n" + b"1\n" * 20_000 + b"x\n",
            r"late.csv: column 'n' holds 'x' on line 20002, but whole numbers in the first 10,000 rows.*Parquet",
        ),
        ("short.parquet", b"PAR1 and nothing more", r"short.parquet is not a whole Parquet file"),
    ],
)
def test_damaged_files(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        list(read(tmp_path / name).parts())


def test_a_truncated_parquet_file(tmp_path: Path) -> None:
    path = write(FRAME, tmp_path / "a.parquet")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"a.parquet is not a whole Parquet file"):
        read(path)


def test_what_does_not_fit_together(tmp_path: Path) -> None:
    csv, parquet = write(FRAME, tmp_path / "a.csv"), write(FRAME, tmp_path / "b.parquet")
    with pytest.raises(DataError, match=r"different kinds.*a.csv and .*b.parquet"):
        read([csv, parquet])
    with pytest.raises(DataError, match="different kinds"):
        read(tmp_path)
    other = write(FRAME.rename({"n": "m"}), tmp_path / "c.parquet")
    with pytest.raises(DataError, match=r"column 'm' is in .*c.parquet but not in .*b.parquet"):
        read([parquet, other])
    texts = write(FRAME.cast({"n": pl.String}), tmp_path / "d.parquet")
    with pytest.raises(DataError, match=r"d.parquet: column 'n' has type String, but Int64 in .*b.parquet"):
        read([parquet, texts])


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no file"):
        read(tmp_path / "none.csv")
    with pytest.raises(DataError, match="no file matches"):
        read(tmp_path / "*.csv")
    with pytest.raises(DataError, match="holds no file that can be read"):
        read(tmp_path)
    (tmp_path / "a.xlsx").write_text("x")
    with pytest.raises(DataError, match=r"ending '.xlsx' is not known; allowed: .csv"):
        read(tmp_path / "a.xlsx")
