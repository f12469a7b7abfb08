"""Whether the data has what the settings say of it, and whether splits are apart."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.core.errors import DataError
from labelwright.data.damage import separator_hint
from labelwright.functions.reading import unknown_field

from .settings import FILE_NAME, DataSettings, Settings

__all__ = ["check_apart", "check_columns", "check_groups_whole", "check_shared_columns"]


def check_columns(settings: Settings, columns: Sequence[str], paths: Sequence[str], data_set: str = "") -> None:
    """Check that the data has the columns that the settings name.

    Of several data sets each must have those for its splits alone: see `check_shared_columns`.

    Raises
    ------
    DataError
        That names the setting, the column, and the columns that there are.
    """
    table = f"data_sets.{data_set}" if data_set else "data"
    data = settings.sets[data_set]
    asked = {f"{table}.id": data.id, f"{table}.group": data.group, f"{table}.splits.column": data.splits.column}
    if not data_set:
        golds = {f"tasks.{task}.gold" if task else "task.gold": name for task, name in settings.gold_columns.items()}
        fields = {f"end_model.fields[{i}]": name for i, name in enumerate(settings.end_model.fields)}
        asked = {**golds, **asked, **fields}
    for key, column in asked.items():
        if column is not None and column not in columns:
            raise DataError(
                f"{FILE_NAME}: {key} is {column!r}, which is not a column of {', '.join(paths)}; "
                f"{unknown_field(column, columns)}{separator_hint(columns)}"
            )


def check_shared_columns(settings: Settings, columns: Mapping[str, Collection[str]]) -> None:
    """Check that gold of a task is in a data set that is about it, and fields of end models in one at least.

    Parameters
    ----------
    settings : Settings
    columns : mapping of str to collection of str
        Of each data set.

    Raises
    ------
    DataError
        That names the setting, the column, and where it was looked for.
    """
    fields = settings.end_model.fields
    asked = [
        *(
            (f"tasks.{task}.gold", gold, [s for s in columns if task in settings.tasks_about(s)])
            for task, gold in settings.gold_columns.items()
        ),
        *((f"end_model.fields[{i}]", field, list(columns)) for i, field in enumerate(fields)),
    ]
    for key, column, sets in asked:
        if not any(column in columns[one] for one in sets):
            raise DataError(
                f"{FILE_NAME}: {key} is {column!r}, which is not a column of the data set{'s' * (len(sets) > 1)} "
                f"{', '.join(sets)}."
            )
    # One network for all tasks learns from the data sets that it can read.
    each = {} if settings.end_model.shared is not None else columns
    for name, there in each.items():
        if fields and settings.end_model.kind != "none" and not set(fields) & set(there):
            raise DataError(
                f"{FILE_NAME}: end_model.fields are {', '.join(fields)}, none of which is a column of the data set "
                f"{name!r}; its columns: {', '.join(there)}. Name one of them too: a field that a data set lacks is "
                "missing there."
            )


def check_apart(ids: Mapping[str, npt.NDArray[Any]]) -> None:
    """Check that no example is in two splits; ``ids`` are by the name of the split.

    Raises
    ------
    DataError
        That names two splits and an example.
    """
    names = list(ids)
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            both = np.intersect1d(ids[one], ids[other])
            if len(both):
                raise DataError(
                    f"{len(both)} examples are in {one} and in {other}, such as {both[0]!s}; scores would be "
                    "measured on examples that were trained on."
                )


def check_groups_whole(groups: Mapping[str, npt.NDArray[Any]], data: DataSettings) -> None:
    """Check that no group is in two splits; ``groups`` of the examples are by the name of the split.

    Raises
    ------
    DataError
        That names a group, and how much of it is in which split.
    """
    names = list(groups)
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            both = np.intersect1d(groups[one], groups[other])
            if len(both):
                shares = [f"{int((groups[name] == both[0]).sum())} in {name}" for name in (one, other)]
                cure = f"give all of a group the same {data.splits.column!r}" if data.splits.column else "move them"
                cut = "1 group" if len(both) == 1 else f"{len(both):,} groups"
                raise DataError(
                    f"the splits cut {cut} of {data.group!r}, such as {both[0]!s}: of its examples, "
                    f"{' and '.join(shares)}. Examples of a group are alike, so scores would be measured on what was "
                    f"trained on; {cure}, draw the splits as fractions, or take data.group out of {FILE_NAME}."
                )
