"""The field of records that a function transforms."""

from __future__ import annotations

from typing import Any

from labelwright.core.errors import DataError

from .base import TransformationFunction
from .batches import is_dense

__all__ = ["values_of"]


def values_of(function: TransformationFunction, examples: Any) -> Any:
    """Return what a function gets: the values of its field, or the examples themselves where it has none.

    Raises
    ------
    DataError
        If it has a field and examples are no records, or a record is without it.
    """
    field = function.field
    if field is None:
        return examples
    if is_dense(examples) or not all(isinstance(record, dict) for record in examples):
        raise DataError(
            f"transformation function {function.name!r} transforms field {field!r}, so examples must be records (a "
            f"list of dict); got {type(examples if is_dense(examples) else examples[0]).__name__}."
        )
    try:
        return [record[field] for record in examples]
    except KeyError:
        have = sorted(set.intersection(*(set(record) for record in examples)))
        raise DataError(
            f"transformation function {function.name!r} transforms field {field!r}, which not every record has; all "
            f"have {have}."
        ) from None
