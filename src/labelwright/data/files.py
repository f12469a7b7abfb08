"""Sources that are files: Parquet by row ranges; CSV and JSON lines as a stream."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from labelwright.core.errors import DataError

from .base import Frame, Load, Source
from .damage import INFER_ROWS, check_start, explain
from .frames import rechunk, stream

__all__ = ["FILE_KINDS", "ParquetSource", "TextSource", "find_files"]

# A row range is read by unpacking the whole row group that it lies in, once per part; past this size, that is most of
# the work. Writers' defaults are an eighth of it (Polars) to all of it (Arrow).
_LARGE_ROW_GROUP = 1 << 20

FILE_KINDS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}


@dataclass(frozen=True, slots=True)
class _ParquetRows:
    """Loads a range of rows of one Parquet file, wherever it is unpickled."""

    path: str
    start: int
    rows: int
    columns: tuple[str, ...]

    def __call__(self) -> pl.LazyFrame:
        lazy = pl.scan_parquet(self.path, glob=False).slice(self.start, self.rows)
        return lazy.select(self.columns) if self.columns else lazy


class ParquetSource(Source):
    """Rows of Parquet files with the same columns, in the order given."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = paths
        self.sizes = [_row_groups(path) for path in paths]
        self.rows = sum(map(sum, self.sizes))
        schemas = [_file_schema(path, pl.scan_parquet(path, glob=False)) for path in paths]
        self.schema = schemas[0]
        for path, schema in zip(paths[1:], schemas[1:], strict=True):
            _same_columns(path, schema, paths[0], self.schema)
            wrong = next((c for c in schema if schema[c] != self.schema[c]), None)
            if wrong:
                raise DataError(
                    f"{path}: column {wrong!r} has type {schema[wrong]}, but {self.schema[wrong]} in {paths[0]}."
                )

    def blocks(self, columns: Sequence[str], part_rows: int) -> Iterator[tuple[int, Load]]:
        """Yield row ranges, and read nothing here; a file of huge row groups is read once, as a stream."""
        for path, sizes in zip(self.paths, self.sizes, strict=True):
            if max(sizes, default=0) > _LARGE_ROW_GROUP:
                yield from self._streamed(path, columns, part_rows)
                continue
            count = sum(sizes)
            for start in range(0, count, part_rows):
                rows = min(part_rows, count - start)
                yield rows, _ParquetRows(str(path), start, rows, tuple(columns))

    @staticmethod
    def _streamed(path: Path, columns: Sequence[str], part_rows: int) -> Iterator[tuple[int, Load]]:
        lazy = pl.scan_parquet(path, glob=False)
        try:
            for frame in rechunk(stream(lazy.select(columns) if columns else lazy, part_rows), part_rows):
                yield frame.height, Frame(frame)
        except (pl.exceptions.PolarsError, OSError) as error:
            raise DataError(f"{path} cannot be read: {error}") from error


class TextSource(Source):
    """Rows of CSV, TSV or JSON lines files with the same columns, read as a stream in the order given.

    The keys and types of JSON lines come from every line, so each file is read once more ahead; a key that only its
    last line has is a column. Types of CSV come from the first 10,000 rows of each file, and a later value that is not
    of that type is an error. A column that is whole numbers in one file and decimals in the next is read as decimals.
    """

    def __init__(self, paths: Sequence[Path], kind: str) -> None:
        self.kind = kind
        for path in paths:
            check_start(path, kind)
        schemas = [_text_schema(path, kind) for path in paths]
        for path, schema in zip(paths[1:], schemas[1:], strict=True):
            _same_columns(path, schema, paths[0], schemas[0])
        self.files = list(zip(paths, schemas, strict=True))
        names = schemas[0].names()
        empty = [pl.LazyFrame(schema=schema).select(names) for schema in schemas]
        try:
            self.schema = pl.concat(empty, how="vertical_relaxed").collect_schema()
        except pl.exceptions.PolarsError as error:
            raise DataError(
                f"the columns of {paths[0]} and the files after it have different types: {error}"
            ) from error

    def _frames(self, columns: Sequence[str], part_rows: int) -> Iterator[pl.DataFrame]:
        names = list(columns) or self.schema.names()
        wanted = [pl.col(c).cast(self.schema[c]) for c in names]
        for path, schema in self.files:
            try:
                yield from stream(_scan(path, self.kind, schema).select(wanted), part_rows)
            except (pl.exceptions.PolarsError, OSError) as error:
                raise explain(path, self.kind, error) from error

    def blocks(self, columns: Sequence[str], part_rows: int) -> Iterator[tuple[int, Load]]:
        """Yield frames as they are read."""
        for frame in rechunk(self._frames(columns, part_rows), part_rows):
            yield frame.height, Frame(frame)


def find_files(paths: Sequence[str | Path]) -> tuple[list[Path], str]:
    """Return the files that paths, globs and folders name, and their one kind.

    A glob and a folder give their files in the order of their names; a list keeps its own order.

    Raises
    ------
    DataError
        If nothing is found, or if the kinds are unknown or mixed.
    """
    found = [file for path in paths for file in _expand(Path(path))]
    if not found:
        raise DataError("the list of paths is empty.")
    kinds: dict[str, Path] = {}
    for file in found:
        kind = FILE_KINDS.get(file.suffix.lower())
        if kind is None:
            raise DataError(f"{file}: the ending {file.suffix!r} is not known; allowed: {', '.join(FILE_KINDS)}.")
        kinds.setdefault(kind, file)
    if len(kinds) > 1:
        first, second = list(kinds.values())[:2]
        raise DataError(f"files of different kinds cannot be read together: {first} and {second}.")
    return found, next(iter(kinds))


def _expand(path: Path) -> list[Path]:
    if path.is_dir():
        inside = sorted(file for file in path.iterdir() if file.suffix.lower() in FILE_KINDS and file.is_file())
        if not inside:
            raise DataError(f"folder {path} holds no file that can be read; allowed: {', '.join(FILE_KINDS)}.")
        return inside
    if path.is_file():
        return [path]
    if any(mark in str(path) for mark in "*?["):
        matched = sorted(
            file for file in Path(path.anchor or ".").glob(str(path.relative_to(path.anchor))) if file.is_file()
        )
        if not matched:
            raise DataError(f"no file matches {path}.")
        return matched
    raise DataError(f"there is no file {path} (looked in {Path.cwd()}).")


def _row_groups(path: Path) -> list[int]:
    """Return the number of rows in each row group of a Parquet file."""
    try:
        metadata = pq.read_metadata(path)
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"{path} is not a whole Parquet file; was it cut short while it was copied? ({error})"
        ) from error
    return [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]


def _file_schema(path: Path, lazy: pl.LazyFrame) -> pl.Schema:
    try:
        return lazy.collect_schema()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise explain(path, FILE_KINDS[path.suffix.lower()], error) from error


def _text_schema(path: Path, kind: str) -> pl.Schema:
    try:
        return _scan(path, kind, None).collect_schema()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise explain(path, kind, error) from error


def _scan(path: Path, kind: str, schema: pl.Schema | None) -> pl.LazyFrame:
    if kind != "jsonl":
        return pl.scan_csv(path, separator="\t" if kind == "tsv" else ",", infer_schema_length=INFER_ROWS, glob=False)
    # Polars drops the keys that the schema lacks without a word, so it has to come from the whole file.
    with path.open("rb") as file:
        if file.read(3) == codecs.BOM_UTF8:
            # Polars takes no mark here, and no offset; such files come from spreadsheets, and are small.
            return pl.scan_ndjson(io.BytesIO(file.read()), schema=schema, infer_schema_length=None)
    return pl.scan_ndjson(path, schema=schema, infer_schema_length=None)


def _same_columns(path: Path, schema: pl.Schema, first: Path, expected: pl.Schema) -> None:
    differing = set(schema) ^ set(expected)
    if differing:
        name = min(differing)
        has, lacks = (path, first) if name in schema else (first, path)
        raise DataError(f"column {name!r} is in {has} but not in {lacks}; files that are read together share columns.")
