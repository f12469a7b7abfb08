"""Fields of examples as transformation functions get them, and as end models read what comes back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from labelwright.augmentation import TransformationFunction
from labelwright.core.errors import ProjectError
from labelwright.pipeline.settings import FILE_NAME, EndModelSettings

__all__ = ["Record", "as_frame", "as_read", "as_records", "check_fields"]

# An example as transformation functions get it: the fields of the end model, by name.
Record = dict[str, Any]


def check_fields(
    functions: Sequence[TransformationFunction], end_model: EndModelSettings, columns: Sequence[str]
) -> None:
    """Check that every function transforms what the end model reads.

    Raises
    ------
    ProjectError
        If a function's field does not exist, or the end model does not read it.
    """
    for function in functions:
        name = function.field
        if name is None or name in end_model.fields:
            continue
        if name not in columns:
            raise ProjectError(
                f"transformation function {function.name!r} transforms the field {name!r}, which the data does not "
                f"have; it has {', '.join(columns)}."
            )
        raise ProjectError(
            f"transformation function {function.name!r} transforms the field {name!r}, which the end model does not "
            f"read: it reads {', '.join(end_model.fields)}. Add it to end_model.fields in {FILE_NAME}, or take the "
            "function out."
        )


def as_records(frame: pl.DataFrame, kind: str) -> list[Record]:
    """Return examples as the end model of this kind reads them: a missing text is empty, a missing number is NaN.

    Examples
    --------
    >>> as_records(pl.DataFrame({"size": [1, None]}), "tabular")
    [{'size': 1.0}, {'size': nan}]
    """
    return as_read(frame, kind).to_dicts()


def as_frame(records: Sequence[Record], like: pl.DataFrame, kind: str) -> pl.DataFrame:
    """Return records as a frame with the columns and types of ``like``, as the end model of this kind reads it.

    Raises
    ------
    ProjectError
        If a record holds a value of another type.
    """
    schema = as_read(like, kind).schema
    columns = {}
    for name, dtype in schema.items():
        values = [record[name] for record in records]
        try:
            columns[name] = pl.Series(name, values, dtype=dtype, strict=dtype != pl.Float64)
        except (TypeError, ValueError, pl.exceptions.PolarsError) as error:
            raise ProjectError(
                f"an augmented example holds a value in {name!r} that is not of the column's type, {dtype}: {error}"
            ) from error
    return pl.DataFrame(columns)


def as_read(frame: pl.DataFrame, kind: str) -> pl.DataFrame:
    """Return a frame with missing values as the end model of this kind reads them, and numbers as floats."""
    if kind == "text":
        return frame.with_columns(pl.col(pl.String).fill_null(""))
    numbers = [name for name, dtype in frame.schema.items() if dtype.is_numeric() or dtype == pl.Boolean]
    return frame.with_columns(pl.col(name).cast(pl.Float64).fill_null(np.nan) for name in numbers)
