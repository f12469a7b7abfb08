"""Categories in records, replaced by others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from labelwright.augmentation.base import Magnitude, TransformationFunction
from labelwright.core.errors import FunctionError

__all__ = ["CategoryFunction", "swap_categories"]


@dataclass(frozen=True, eq=False, kw_only=True)
class CategoryFunction:
    """Replaces categories in a record by others; made by `swap_categories`.

    Parameters
    ----------
    values : dict of str to tuple
        For each field, what it may become.
    """

    values: dict[str, tuple[Any, ...]]

    def __call__(self, record: Mapping[str, Any], *, magnitude: float, rng: np.random.Generator) -> Any:
        """Return the record with other values in some fields, or None where no field has another value."""
        if not isinstance(record, Mapping):
            raise FunctionError(f"categories are in fields of records, but the example is a {type(record).__name__}.")
        missing = [field for field in self.values if field not in record]
        if missing:
            raise FunctionError(f"the record has no field {missing[0]!r}; it has {', '.join(map(str, record))}.")
        others = {f: [v for v in values if v != record[f]] for f, values in self.values.items()}
        free = [field for field, values in others.items() if values]
        if not free:
            return None
        exact = round(magnitude * len(self.values), 9)
        count = min(len(free), int(exact + rng.random()))
        changed = {}
        for i in rng.permutation(len(free))[:count].tolist():
            choices = others[free[i]]
            changed[free[i]] = choices[int(rng.integers(len(choices)))]
        return {**record, **changed}


def swap_categories(
    values: Mapping[str, Sequence[Any]], *, high: float = 0.3, name: str = "swap_categories"
) -> TransformationFunction:
    """Replace the values of some fields of a record by other values of these fields.

    Keeps all other fields, and what values a field can have. Does not keep what ties fields together.

    Parameters
    ----------
    values : mapping of str to sequence
        For each field that may change, its values: a column of the data, say. One that stands there more often is
        drawn more often.
    high : float, default 0.3
        Largest magnitude: the share of these fields that change. The count is rounded up or down by chance.
    name : str, default "swap_categories"

    Returns
    -------
    TransformationFunction
        For records. Gives ``None`` where no field has another value.

    Raises
    ------
    FunctionError
        If there are no fields, or one has no values.

    Examples
    --------
    >>> swap = swap_categories({"colour": ["red", "blue"]}, high=1.0)
    >>> swap({"colour": "red", "age": 3}, magnitude=1.0, rng=np.random.default_rng(0))
    {'colour': 'blue', 'age': 3}
    """
    kept = {field: tuple(found) for field, found in values.items()}
    empty = [field for field, found in kept.items() if not found]
    if not kept or empty:
        raise FunctionError(f"{name}: values names {'no field' if not kept else f'no value of field {empty[0]!r}'}.")
    if not 0 < high <= 1:
        raise FunctionError(f"{name}: high is {high!r}; it is a share of fields, so it must lie in (0, 1].")
    return TransformationFunction(
        name=name, function=CategoryFunction(values=kept), magnitude=Magnitude(0.0, float(high), unit="share of fields")
    )
