"""Soft labels as columns, and tables as files: Parquet, JSON lines, CSV, and folders for ``datasets``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from labelwright.core import SoftLabels, atomic_folder, atomic_path, atomic_write
from labelwright.core.errors import DataError

__all__ = ["ExportFormat", "guard_formulas", "label_columns", "write_frames"]

ExportFormat = Literal["parquet", "jsonl", "csv", "hf"]
HF_MARKER = "state.json"
_FORMULA_STARTS = "=+-@\t\r"


def label_columns(soft: SoftLabels, codes: npt.NDArray[np.int64] | None = None) -> dict[str, Any]:
    """Return soft labels as columns: the label, one probability for each class, and whether anything voted.

    The label is empty (null) where no source voted or the largest probabilities tie: a training set must not take the
    class balance for a label. ``codes`` gives the label of each example where it is another than the most
    probable class.

    Examples
    --------
    >>> soft = SoftLabels([[0.9, 0.1], [0.5, 0.5]], [True, False], classes=["ham", "spam"])
    >>> label_columns(soft)["label"], list(label_columns(soft))
    (['ham', None], ['label', 'prob_ham', 'prob_spam', 'covered'])
    """
    codes = np.where(soft.covered, soft.predict() if codes is None else codes, -1)
    return {
        "label": [None if code < 0 else soft.classes[code] for code in codes],
        **{f"prob_{name}": soft.probs[:, c] for c, name in enumerate(soft.classes)},
        "covered": soft.covered,
    }


def write_frames(frames: Iterator[pl.DataFrame], path: Path, to: ExportFormat) -> int:
    """Write frames of one schema one after another, whole or not at all; return the number of rows."""
    writers: dict[str, Callable[[Iterator[pl.DataFrame], Path], int]] = {
        "parquet": _write_parquet,
        "jsonl": _write_jsonl,
        "csv": _write_csv,
    }
    if to == "hf":
        with atomic_folder(path, marker=HF_MARKER) as temporary:
            return _write_hf(frames, temporary)
    if path.is_dir():
        raise DataError(f"{path} is a folder; name a file to write {to} to.")
    with atomic_path(path) as temporary:
        return writers[to](frames, temporary)


def guard_formulas(frame: pl.DataFrame) -> pl.DataFrame:
    """Put an apostrophe before texts that a spreadsheet would run as a formula (they begin with = + - @, tab or CR).

    Examples
    --------
    >>> guard_formulas(pl.DataFrame({"text": ["=1+1", "fine", None], "n": [-1, 2, 3]})).rows()
    [("'=1+1", -1), ('fine', 2), (None, 3)]
    """
    column = pl.col(pl.String)
    risky = column.str.slice(0, 1).is_in(list(_FORMULA_STARTS))
    return frame.with_columns(pl.when(risky).then(pl.lit("'") + column).otherwise(column).name.keep())


def _write_parquet(frames: Iterator[pl.DataFrame], path: Path) -> int:
    writer, rows = None, 0
    try:
        for frame in frames:
            arrow = _plain_arrow(frame)
            writer = writer or pq.ParquetWriter(path, arrow.schema, compression="zstd")
            writer.write_table(arrow)
            rows += frame.height
    finally:
        if writer is not None:
            writer.close()
    return rows


def _write_jsonl(frames: Iterator[pl.DataFrame], path: Path) -> int:
    rows = 0
    with path.open("wb") as file:
        for frame in frames:
            frame.write_ndjson(file)
            rows += frame.height
    return rows


def _write_csv(frames: Iterator[pl.DataFrame], path: Path) -> int:
    rows = 0
    with path.open("wb") as file:
        for frame in frames:
            guard_formulas(frame).write_csv(file, include_header=rows == 0)
            rows += frame.height
    return rows


def _write_hf(frames: Iterator[pl.DataFrame], folder: Path) -> int:
    """Write the folder that ``datasets.Dataset.save_to_disk`` would: an Arrow stream, and two JSON files about it."""
    data, rows, schema, writer = folder / "data-00000-of-00001.arrow", 0, pa.schema([]), None
    with data.open("wb") as file:
        for frame in frames:
            arrow = _plain_arrow(frame)
            if writer is None:
                schema = arrow.schema
                writer = pa.ipc.new_stream(file, schema)
            writer.write_table(arrow)
            rows += frame.height
        if writer is not None:
            writer.close()
    with data.open("rb") as file:
        fingerprint = hashlib.file_digest(file, "sha256").hexdigest()[:16]
    info = {
        "citation": "",
        "description": "",
        "features": {field.name: _hf_feature(field.type) for field in schema},
        "homepage": "",
        "license": "",
    }
    state: dict[str, Any] = {
        "_data_files": [{"filename": data.name}],
        "_fingerprint": fingerprint,
        "_format_columns": None,
        "_format_kwargs": {},
        "_format_type": None,
        "_output_all_columns": False,
        "_split": None,
    }
    atomic_write(folder / "dataset_info.json", json.dumps(info, indent=2))
    atomic_write(folder / HF_MARKER, json.dumps(state, indent=2))
    return rows


def _plain_arrow(frame: pl.DataFrame) -> pa.Table:
    """Return an Arrow table of types that every reader knows: no string views, no dictionaries."""
    plain = frame.with_columns(pl.col(pl.Categorical, pl.Enum).cast(pl.String))
    return plain.to_arrow(compat_level=pl.CompatLevel.oldest())


def _hf_feature(kind: pa.DataType) -> Any:
    """Describe an Arrow type in the words of the ``datasets`` package."""
    if pa.types.is_struct(kind):
        return {field.name: _hf_feature(field.type) for field in kind}
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        name = "List" if pa.types.is_list(kind) else "LargeList"
        return {"feature": _hf_feature(kind.value_type), "_type": name}
    name = {"double": "float64", "float": "float32", "halffloat": "float16", "date32[day]": "date32"}.get(
        str(kind), str(kind)
    )
    return {"dtype": name, "_type": "Value"}
