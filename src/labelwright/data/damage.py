"""What is wrong with a text file, and where. It is read again to find out, which only a failure pays for."""

from __future__ import annotations

import codecs
import csv
import json
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from labelwright.core.errors import DataError

__all__ = ["INFER_ROWS", "check_start", "explain", "separator_hint"]

INFER_ROWS = 10_000

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_READERS = {"jsonl": "pandas.read_json(path, lines=True, encoding={!r})"}
_OTHER_READER = "pandas.read_csv(path, encoding={!r})"
_PARSE = re.compile(
    r"could not parse `(?P<value>.*?)` as dtype `(?P<kind>\w+)` at column '(?P<column>.*?)' \(", re.DOTALL
)
_SHOWN_CHARACTERS = 80


def check_start(path: Path, kind: str) -> None:
    """Look at the first bytes and the header of a text file, before anything is read.

    Raises
    ------
    DataError
        If it is empty or UTF-16, or if its header names a column twice.
    """
    with path.open("rb") as file:
        start = file.read(4)
    if not start:
        raise DataError(f"{path} is empty.")
    # Without a mark, UTF-16 shows by a zero byte in its first character, where that is of ASCII.
    if start.startswith(_UTF_16) or 0 in start[:2]:
        seen = f"it starts with the bytes {start[:2].hex(' ')}"
        raise DataError(f"{path}: not UTF-8 but UTF-16: {seen}. {_advice(kind, 'utf-16')}")
    if kind == "jsonl":
        return
    names = next((cells for _, cells in _records(path, kind) if cells), [])
    # Spreadsheets write commas after the last name; what has no name cannot be meant by one.
    repeated = next((name for name in names if name and names.count(name) > 1), None)
    if repeated is not None:
        times = {2: "twice", 3: "three times"}.get(names.count(repeated), f"{names.count(repeated)} times")
        raise DataError(f"{path}: the header names {repeated!r} {times}; give each column a name of its own.")


def explain(path: Path, kind: str, error: Exception) -> DataError:
    """Return an error that says where in the file the trouble is, as far as that can be found."""
    found = None
    if kind == "jsonl":
        found = _bad_byte(path, kind) or _bad_object(path) or _mixed_key(path)
    elif kind in ("csv", "tsv"):
        found = _bad_byte(path, kind) or _ragged_line(path, kind) or _bad_value(path, kind, error)
    if found:
        return DataError(f"{path}: {found}")
    return DataError(f"{path} cannot be read as {kind}: {str(error).splitlines()[0]}.")


def separator_hint(columns: Sequence[str]) -> str:
    """Return a sentence for messages about columns where the only one looks like a header with another separator.

    Examples
    --------
    >>> separator_hint(["text;label"])
    " Is ';' the separator of the file? Save it with commas."
    >>> separator_hint(["text", "label"])
    ''
    """
    if len(columns) != 1:
        return ""
    if "\t" in columns[0]:
        return " Is a tab the separator of the file? Give its name the ending .tsv."
    return " Is ';' the separator of the file? Save it with commas." if ";" in columns[0] else ""


def _advice(kind: str, encoding: str) -> str:
    reader = _READERS.get(kind, _OTHER_READER).format(encoding)
    # Python knows this name with a hyphen and without, iconv only without.
    name = encoding.replace("latin-1", "latin1")
    return (
        f"Save the file as UTF-8 (iconv -f {name} -t utf-8 does it), or read it with its own encoding, such as "
        f"{reader}, and pass the frame."
    )


def _bad_byte(path: Path, kind: str) -> str | None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    offset = line = 0
    with path.open("rb") as file:
        while True:
            block = file.read(1 << 20)
            kept = len(decoder.getstate()[0])
            try:
                decoder.decode(block, final=not block)
            except UnicodeDecodeError as wrong:
                at = offset - kept + wrong.start
                line += wrong.object[: wrong.start].count(b"\n") + 1
                byte = wrong.object[wrong.start]
                return f"not UTF-8: byte 0x{byte:02x} at offset {at} (line {line}). {_advice(kind, 'latin-1')}"
            if not block:
                return None
            offset += len(block)
            line += block.count(b"\n")


def _bad_object(path: Path) -> str | None:
    with path.open(encoding="utf-8-sig", newline="\n") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                value = json.loads(line.rstrip(), parse_constant=_no_constant)
            except json.JSONDecodeError as wrong:
                said = f"is not one whole JSON object: {wrong.msg.removesuffix(' at')} at character {wrong.colno}"
            except ValueError as wrong:
                said = str(wrong)
            else:
                if isinstance(value, dict):
                    continue
                said = f"holds a {type(value).__name__}, not an object"
            return f'line {number} {said}. Each line must be one object, such as {{"text": "..."}}.'
    return None


def _mixed_key(path: Path) -> str | None:
    """Find a key whose values are of two kinds that no column can hold; what stands beside a text is read as text."""
    first: dict[str, tuple[str, int]] = {}
    with path.open(encoding="utf-8-sig", newline="\n") as file:
        for number, line in enumerate(file, start=1):
            for key, value in (json.loads(line) if line.strip() else {}).items():
                if value is None or isinstance(value, str):
                    continue
                kind = "number" if type(value) in (int, float) else type(value).__name__
                before, where = first.setdefault(key, (kind, number))
                if before != kind:
                    return (
                        f"key {key!r} holds a {before} on line {where} but a {kind} on line {number}; make them alike."
                    )
    return None if first else "it holds no object with a value."


def _no_constant(name: str) -> Any:
    raise ValueError(f"holds {name}, which JSON does not know; write null for a missing number")


def _records(path: Path, kind: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of the last line and the cells of each record, up to where the csv module gives up."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        lines = csv.reader(file, delimiter="\t" if kind == "tsv" else ",")
        try:
            for cells in lines:
                yield lines.line_num, cells
        except csv.Error:
            return


def _ragged_line(path: Path, kind: str) -> str | None:
    records = _records(path, kind)
    _, header = next(records, (0, []))
    for number, cells in records:
        if header and len(cells) > len(header):
            advice = separator_hint(header) or " Put quotes around a field that holds the separator."
            return f"line {number} has {len(cells)} fields, but the header names {len(header)}.{advice}"
    return None


def _bad_value(path: Path, kind: str, error: Exception) -> str | None:
    found = _PARSE.search(str(error))
    if not found:
        return None
    value, column = found["value"], found["column"]
    shown = repr(value if len(value) <= _SHOWN_CHARACTERS else value[:_SHOWN_CHARACTERS] + "...")
    if found["kind"] == "str":
        return (
            f"column {column!r} holds {shown}, whose quotes do not match. A field that holds quotes must stand in "
            "quotes itself, with each one inside it doubled."
        )
    records = _records(path, kind)
    _, header = next(records, (0, []))
    where = header.index(column) if column in header else len(header)
    # The rows that types were worked out from do hold such values, if the column has no other kind.
    later = islice(records, INFER_ROWS, None)
    line = next((number for number, cells in later if where < len(cells) and cells[where] == value), None)
    meant = {"i64": "whole numbers", "f64": "decimal numbers", "bool": "true or false"}.get(
        found["kind"], found["kind"]
    )
    return (
        f"column {column!r} holds {shown}{f' on line {line}' if line else ''}, but {meant} in the first "
        f"{INFER_ROWS:,} rows, from which the type is worked out. Mend the value, or save the table as Parquet, "
        "which keeps the type of each column."
    )
