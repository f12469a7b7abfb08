"""Other people's votes: a column of the data that already says something about the class."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from labelwright.core import Class
from labelwright.core.errors import FunctionError

from .batch import BatchFunction
from .declarative import check_field, unknown_field
from .examples import Example

__all__ = ["column_lf"]


@dataclass(frozen=True)
class _Mapped:
    """Looks up each value of a column."""

    field: str
    mapping: Mapping[Any, Class | None]

    def __call__(self, part: pl.DataFrame) -> list[Class | None]:
        if self.field not in part.columns:
            raise FunctionError(f"there is no field {self.field!r}; {unknown_field(self.field, part.columns)}")
        return [self.mapping.get(value) for value in part.get_column(self.field).to_list()]

    def __version_parts__(self) -> dict[str, Any]:
        return {"field": self.field, "mapping": dict(self.mapping)}


def column_lf(
    name: str,
    field: str,
    mapping: Mapping[Any, Class | None] | Sequence[Class],
    *,
    examples: Iterable[Example] = (),
) -> BatchFunction:
    """Make a labeling function of a column that votes already: an annotator, another system, a star rating.

    Parameters
    ----------
    name : str
        Name of the source.
    field : str
        The column.
    mapping : mapping of value to (str or int or None), or sequence of (str or int)
        The class that each value votes for; other values, and missing ones, abstain. A sequence of classes stands for
        a column that holds these classes themselves.
    examples : sequence of (value or mapping of fields, vote), optional
        What it must vote, for ``labelwright test``: see `LabelingFunction`.

    Returns
    -------
    BatchFunction

    Raises
    ------
    FunctionError
        If the mapping is empty or of the wrong kind.

    Examples
    --------
    >>> stars = column_lf("stars", "rating", {1: "bad", 2: "bad", 5: "good"})
    >>> stars({"rating": 5}), stars({"rating": 3})
    ('good', None)
    >>> column_lf("annotator", "ann_3", ["ham", "spam"])({"ann_3": "spam"})
    'spam'
    """
    check_field(field, name)
    if isinstance(mapping, str) or not isinstance(mapping, (Mapping, Sequence)) or not mapping:
        raise FunctionError(
            f"mapping of labeling function {name!r} is {mapping!r}; pass a mapping from values to classes, such as "
            "{'5 stars': 'good'}, or a list of the classes that the column holds."
        )
    kept = dict(mapping) if isinstance(mapping, Mapping) else {value: value for value in mapping}
    labels = tuple(dict.fromkeys(label for label in kept.values() if label is not None))
    function = _Mapped(field, kept)
    return BatchFunction(name=name, labels=labels, fields=(field,), function=function, examples=examples)  # type: ignore[arg-type]
