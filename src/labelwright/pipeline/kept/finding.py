"""Finding an example among those that a run kept: by its id, or by its row where it has none of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import reduce
from operator import or_

import numpy as np
import numpy.typing as npt

from labelwright.core.errors import ProjectError

from .example_ids import keys_of
from .kept_data import KeptData

__all__ = ["find_place", "row_in_words"]

Place = tuple[int, int]


def find_place(data: KeptData, example_id: str | int) -> Place:
    """Return ``(part, row)`` of an example; where there are several data sets, NAME: may be left out.

    Examples without a column of ids are called by an id that is made from their content, or by their row in the data,
    from 0. Of several files with splits of their own, or several data sets, SPLIT: or NAME: tells rows apart.

    Raises
    ------
    ProjectError
        If there is no such example, or several have the id or row, and none is named.
    """
    wanted = str(example_id)
    places = list(_places_of(data, wanted, data.numbers))
    name, _, rest = wanted.partition(":")
    if name in data.record.sets:
        named = [part for part in data.numbers if data.data_set_of(part) == name]
        places = list(_places_of(data, rest, named)) or places
    if len(places) > 1:
        called = " or ".join(str(data.id_at(*place)) for place in places[:3])
        raise ProjectError(f"several data sets have an example {wanted!r}; name one: {called}.")
    if not places:
        places = _rows_called(data, wanted)
    if places:
        return places[0]
    if data.record.sets:
        called = f"an example is called by its data set and its id there, such as {data.id_at(data.numbers[0], 0)}."
    elif data.record.id:
        called = f"ids are those of the column {data.record.id!r}."
    else:
        called = (
            "without data.id an example is called by its row in the data, from 0, or by an id that is made from the "
            f"content, such as {data.id_at(0, 0)}. The report, diffs and exports (example_id) show the ids."
        )
    raise ProjectError(f"there is no example {example_id!r}; {called}")


def row_in_words(data: KeptData, part: int, row: int) -> str:
    """Return where an example without an id of its own stands in the data, such as ``row 17 of comments.csv``.

    Empty where it has an id. Rows count from 0, through all files of a source.
    """
    if data.id_of(part) is not None:
        return ""
    first, *others = (file.path for file in data.record.sources[data.source_of[part]].files)
    more = f" and {len(others)} more file{'s' * (len(others) > 1)}" if others else ""
    return f"row {data.part_positions(part)[row]} of {first}{more}"


def _places_of(data: KeptData, wanted: str, numbers: Sequence[int]) -> Iterator[Place]:
    """Yield ``(part, row)`` of the example of an id in each data set that has one."""
    known, asked = set[str](), dict[bool, npt.NDArray[np.uint32]]()
    for part in numbers:
        if data.data_set_of(part) in known:
            continue
        keys, by_content = data.part_keys(part), data.id_of(part) is None
        if by_content not in asked:
            asked[by_content] = keys_of(wanted, by_content=by_content)
        # One comparison for each key, of which there are one or two: no table of what is wanted.
        same = reduce(or_, (keys == key for key in asked[by_content]), np.zeros(1, bool))
        for row in np.flatnonzero(same).tolist():
            if str(data.own_id_at(part, row)) == wanted:
                known.add(data.data_set_of(part))
                yield part, row
                break


def _rows_called(data: KeptData, wanted: str) -> list[Place]:
    """Return part and row of the example that stands in a row of the data, such as ``17`` or ``train:17``.

    Raises
    ------
    ProjectError
        If several sources have the row.
    """
    asked = re.fullmatch(r"(?:(.*):)?(\d{1,18})", wanted)
    if asked is None:
        return []
    position = int(asked[2])
    found: dict[str, Place] = {}
    for part in (part for part in data.numbers if data.id_of(part) is None):
        source = data.record.sources[data.source_of[part]]
        called = ":".join(name for name in (source.data_set, source.name) if name)
        if asked[1] in (None, called):
            for row in np.flatnonzero(data.part_positions(part) == position).tolist():
                found[called] = part, row
    if len(found) > 1:
        raise ProjectError(
            f"several sources have a row {position}; name one: {' or '.join(f'{name}:{position}' for name in found)}."
        )
    return list(found.values())
