"""What is known of sources (kind, author, age, knowledge base) as a table of numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import numpy as np

from labelwright.core.errors import ModelError
from labelwright.labelmodels.problem import Floats

__all__ = ["Column", "Described", "SourceFeatures"]

Described: TypeAlias = Mapping[str, Mapping[str, Any]]
"""Source -> feature -> text (or a truth value), or number; None and NaN where it is unknown."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the table.

    Parameters
    ----------
    feature : str
    value : str or None
        The value that the column is 1 for; None where the feature is a number.
    mean, scale : float
        What a number is counted from, and in units of; 0 and 1 for values.
    """

    feature: str
    value: str | None = None
    mean: float = 0.0
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class SourceFeatures:
    """How features of sources become numbers: numbers in standard deviations from their mean, texts one column a value.

    Parameters
    ----------
    columns : tuple of Column

    Examples
    --------
    >>> about = {"a": {"kind": "regex", "age": 1}, "b": {"kind": "model", "age": 3}}
    >>> features = SourceFeatures.of(about, ["a", "b"])
    >>> [column.value or column.feature for column in features.columns]
    ['age', 'model', 'regex']
    >>> features.table(about, ["b", "stranger"]).tolist()
    [[1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]
    """

    columns: tuple[Column, ...]

    @classmethod
    def of(cls, about: Described | None, names: Sequence[str]) -> SourceFeatures:
        """Return the columns that tell the sources ``names`` apart; the same for all is no column.

        Raises
        ------
        ModelError
            If ``about`` is not a mapping of mappings, describes none of the sources, or a feature mixes texts and
            numbers.
        """
        if about is None:
            return cls(())
        if not isinstance(about, Mapping) or not all(isinstance(own, Mapping) for own in about.values()):
            raise ModelError("features must map each source to its features: {'source': {'kind': 'regex', 'age': 3}}.")
        if about and not set(about) & set(names):
            raise ModelError(
                f"features describe none of the sources: they name {sorted(map(str, about))[:3]}, the sources are "
                f"{sorted(names)[:3]}."
            )
        found: dict[str, list[Any]] = {}
        # Sorted, so that the order of sources or features does not matter.
        for name in sorted(names):
            for feature, value in about.get(name, {}).items():
                if _known(value):
                    found.setdefault(str(feature), []).append(_plain(value, str(feature)))
        columns = [column for feature in sorted(found) for column in _columns(feature, found[feature], len(names))]
        return cls(tuple(columns))

    def table(self, about: Described | None, names: Sequence[str]) -> Floats:
        """Return the table of the sources ``names``, shape (number of names, columns).

        What is unknown is 0: the mean of a number, and none of the known values of a text.
        """
        out = np.zeros((len(names), len(self.columns)))
        for i, name in enumerate(names):
            own = (about or {}).get(name, {})
            for j, column in enumerate(self.columns):
                value = own.get(column.feature)
                if not _known(value):
                    continue
                value = _plain(value, column.feature)
                if column.value is not None:
                    out[i, j] = value == column.value
                elif isinstance(value, str):
                    raise ModelError(f"feature {column.feature!r} of source {name!r} is {value!r}; it is a number.")
                else:
                    out[i, j] = (value - column.mean) / column.scale
        return out

    def to_json(self) -> str:
        """Return the columns as JSON."""
        return json.dumps([asdict(column) for column in self.columns])

    @classmethod
    def from_json(cls, text: str) -> SourceFeatures:
        """Return what `to_json` wrote."""
        return cls(tuple(Column(**column) for column in json.loads(text)))


def _columns(feature: str, values: list[str | float], sources: int) -> list[Column]:
    texts = {value for value in values if isinstance(value, str)}
    if texts and len(texts) < len(set(values)):
        number = next(value for value in values if not isinstance(value, str))
        raise ModelError(f"feature {feature!r} holds the text {min(texts)!r} and the number {number}; use one kind.")
    if texts:
        return [Column(feature, text) for text in sorted(texts)] if len(texts) > 1 or len(values) < sources else []
    numbers = np.array(values, dtype=np.float64)
    mean, scale = float(numbers.mean()), float(numbers.std())
    return [Column(feature, None, mean, scale)] if scale > 0 else []


def _known(value: Any) -> bool:
    return value is not None and not (isinstance(value, (float, np.floating)) and np.isnan(value))


def _plain(value: Any, feature: str) -> str | float:
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, str):
        return str(value)
    if isinstance(value, (int, float, np.integer, np.floating)) and np.isfinite(value):
        return float(value)
    raise ModelError(f"feature {feature!r} holds {value!r}; features are text, truth values or finite numbers.")
