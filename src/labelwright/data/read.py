"""One door for every kind of data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from labelwright.core.errors import DataError

from .base import PART_ROWS, Dataset, Source
from .files import ParquetSource, TextSource, find_files
from .frames import (
    ArrowDatasetSource,
    FrameSource,
    HuggingFaceSource,
    LazySource,
    from_arrow,
    from_dicts,
    from_pandas,
)

__all__ = ["read"]


def read(data: Any, *, id: str | None = None, group: str | None = None, part_rows: int = PART_ROWS) -> Dataset:
    """Read examples from a table, a file or several files, as a stream of parts.

    Parameters
    ----------
    data : object
        A pandas frame, a Polars frame (eager or lazy), an Arrow table or dataset, any object that exports an Arrow
        stream, a Hugging Face ``Dataset``, a list of dictionaries, or a path: a file, a folder, a glob or a list of
        them, of CSV, TSV, JSON lines or Parquet. A `Dataset` is returned as it is, with ``id`` and ``group``
        where they are given.
    id : str, optional
        Column with the example ids, all different. Default: the position is the id.
    group : str, optional
        Column with the groups that examples belong to (the document of a sentence, say).
    part_rows : int, default 65536
        Largest number of rows in a part. Votes do not depend on it.

    Returns
    -------
    Dataset

    Raises
    ------
    DataError
        If the data cannot be read as examples.

    Notes
    -----
    Files are streamed, not held in memory (but for JSON lines that begin with a byte-order mark). Text must be UTF-8.
    JSON lines are read once more ahead, for the keys and types of every line; CSV types come from the first 10,000
    rows, and a later value of another type is an error. In a CSV, an empty field is missing, and a line with fewer
    fields than the header has its last ones missing.

    NaN in a text column of a pandas frame, or of a list of dictionaries, is a missing text (null, ``None``); NaN in a
    column of floating-point numbers stays NaN.

    Examples
    --------
    >>> dataset = read([{"text": "check this out"}, {"text": "nice song"}], part_rows=1)
    >>> dataset
    Dataset(rows=2, columns=['text'], id=None)
    >>> [part.frame()["text"].to_list() for part in dataset.parts()]
    [['check this out'], ['nice song']]
    """
    if isinstance(data, Dataset):
        return Dataset(data.source, id or data.id, group or data.group, min(part_rows, data.part_rows))
    return Dataset(_source(data), id, group, part_rows)


def _source(data: Any) -> Source:
    if isinstance(data, (str, Path)):
        return _file_source([data])
    if isinstance(data, (list, tuple)):
        if data and all(isinstance(item, (str, Path)) for item in data):
            return _file_source(data)
        return FrameSource(from_dicts(data))
    if isinstance(data, pl.DataFrame):
        return FrameSource(data)
    if isinstance(data, pl.LazyFrame):
        return LazySource(data)
    return _foreign_source(data)


def _foreign_source(data: Any) -> Source:
    """Recognise other libraries' tables by the names of their classes, without importing the libraries."""
    kinds = {f"{kind.__module__.partition('.')[0]}.{kind.__name__}" for kind in type(data).__mro__}
    if "pandas.DataFrame" in kinds:
        return FrameSource(from_pandas(data))
    if "datasets.Dataset" in kinds:
        return HuggingFaceSource(data)
    if "datasets.DatasetDict" in kinds:
        raise DataError(f"a DatasetDict holds several splits; pass one, such as data[{next(iter(data), 'train')!r}].")
    if "pyarrow.Dataset" in kinds:
        return ArrowDatasetSource(data)
    if hasattr(data, "__arrow_c_stream__") or "pyarrow.RecordBatch" in kinds:
        return FrameSource(from_arrow(data))
    raise DataError(
        f"data is a {type(data).__name__}; pass a pandas or Polars frame, an Arrow table or dataset, a Hugging Face "
        "Dataset, a list of dictionaries, or the path of CSV, JSON lines or Parquet files."
    )


def _file_source(paths: Sequence[str | Path]) -> Source:
    files, kind = find_files(paths)
    return ParquetSource(files) if kind == "parquet" else TextSource(files, kind)
