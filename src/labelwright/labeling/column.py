"""Other people's votes: a column of the data that already says something about the class."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from labelwright.core import Class
from labelwright.core.errors import FunctionError
from labelwright.functions.reading import unknown_field

from .batch import BatchFunction
from .declarative import check_field
from .examples import Example
from .task_answers import Answer, Label, as_class, as_tasks, by_task, choices, wrong_answer

__all__ = ["column_lf"]


@dataclass(frozen=True)
class _Mapped:
    """Looks up each value of a column."""

    field: str
    mapping: Mapping[Any, Answer]

    def __call__(self, part: pl.DataFrame) -> list[Answer]:
        if self.field not in part.columns:
            raise FunctionError(f"there is no field {self.field!r}; {unknown_field(self.field, part.columns)}")
        return [self.mapping.get(value) for value in part.get_column(self.field).to_list()]

    def __version_parts__(self) -> dict[str, Any]:
        return {"field": self.field, "mapping": dict(self.mapping)}


def column_lf(
    name: str,
    field: str,
    mapping: Mapping[Any, Label | None] | Sequence[Class],
    *,
    task: str | None = None,
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
        a column that holds these classes themselves. Over tasks a value may also stand for a list of classes of which
        one holds, or for a mapping of task to class.
    task : str, optional
        The task it votes on, where there are several and the mapping does not name them.
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
    tasks, labels = _declared(kept, task, name)
    made: Any = {"labels": labels, "tasks": tasks, "examples": examples}
    return BatchFunction(name=name, fields=(field,), function=_Mapped(field, kept), **made)


def _declared(mapping: Mapping[Any, Answer], task: str | None, name: object) -> tuple[tuple[str, ...] | None, Any]:
    """Return the tasks that the values of a column speak of, and what they vote for there."""
    said = [label for label in mapping.values() if label is not None]
    named = tuple(dict.fromkeys(t for label in said if isinstance(label, Mapping) for t in label))
    tasks = as_tasks(task, named or None, name)
    if tasks is None:
        return None, tuple(dict.fromkeys(said))
    for label in said:
        reason = wrong_answer(label, tasks)
        if reason:
            raise FunctionError(f"mapping of labeling function {name!r} holds {label!r}: {reason}")
    labels: dict[str, dict[Class, None]] = {}
    for label in said:
        for one, value in by_task(label, tasks).items():
            labels.setdefault(one, {}).update(dict.fromkeys(map(as_class, choices(value))))
    return tasks, labels
