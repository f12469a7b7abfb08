"""Fields of examples as transformation functions get them, and as end models read what comes back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from labelwright.augmentation import TransformationFunction
from labelwright.core.errors import ProjectError
from labelwright.pipeline.settings import FILE_NAME, EndModelSettings

__all__ = ["Examples", "Record", "as_examples", "as_frame", "as_read", "as_records", "changed", "check_fields"]

# An example as most transformation functions get it: the fields of the end model, by name.
Record: TypeAlias = dict[str, Any]
# Records; or, for functions on whole tables, numbers of shape (n, fields).
Examples: TypeAlias = list[Record] | npt.NDArray[np.float64]


def check_fields(
    functions: Sequence[TransformationFunction], end_model: EndModelSettings, columns: Sequence[str]
) -> None:
    """Check that every function transforms what the end model reads.

    Raises
    ------
    ProjectError
        If there is no end model, a function's field does not exist, or the end model does not read it.
    """
    if end_model.kind == "none":
        raise ProjectError(
            f"{FILE_NAME} has no end model, and what that reads is what transformation functions change; set "
            "end_model.kind and end_model.fields."
        )
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
    on_tables = [f.name for f in functions if _on_tables(f)]
    rest = [f.name for f in functions if not _on_tables(f)]
    if end_model.kind == "tabular" and on_tables and rest:
        raise ProjectError(
            f"transformation function {on_tables[0]!r} works on whole tables of numbers (batched, no field) and "
            f"{rest[0]!r} on records or on one field; use functions of one of these kinds, listed in TRANSFORMATIONS."
        )


def as_examples(frame: pl.DataFrame, kind: str, functions: Sequence[TransformationFunction]) -> Examples:
    """Return examples as the functions take them: records, or for functions on whole tables an array of numbers.

    Examples
    --------
    >>> from labelwright.augmentation.tables import jitter
    >>> as_examples(pl.DataFrame({"size": [1, None], "links": [0, 2]}), "tabular", [jitter(scales=[1, 1])])
    array([[ 1.,  0.],
           [nan,  2.]])
    """
    if kind == "tabular" and all(_on_tables(f) for f in functions):
        return as_read(frame, kind).to_numpy().astype(np.float64)
    return as_records(frame, kind)


def _on_tables(function: TransformationFunction) -> bool:
    return function.batched and function.field is None


def changed(one: Any, other: Any) -> bool:
    """Say whether two examples differ."""
    if isinstance(one, np.ndarray):
        return not np.array_equal(one, other, equal_nan=True)
    return bool(one != other)


def as_records(frame: pl.DataFrame, kind: str) -> list[Record]:
    """Return examples as the end model of this kind reads them: a missing text is empty, a missing number is NaN.

    Examples
    --------
    >>> as_records(pl.DataFrame({"size": [1, None]}), "tabular")
    [{'size': 1.0}, {'size': nan}]
    """
    return as_read(frame, kind).to_dicts()


def as_frame(examples: Examples, like: pl.DataFrame, kind: str) -> pl.DataFrame:
    """Return examples as a frame with the columns and types of ``like``, as the end model of this kind reads it.

    Raises
    ------
    ProjectError
        If a record holds a value of another type.
    """
    schema = as_read(like, kind).schema
    if isinstance(examples, np.ndarray):
        return pl.DataFrame({name: examples[:, i] for i, name in enumerate(schema)}, schema=schema)
    columns = {}
    for name, dtype in schema.items():
        values = [record[name] for record in examples]
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
