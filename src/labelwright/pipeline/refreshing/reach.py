"""Which functions run on which data set, on which of its tasks they vote, and which of its columns they read."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence

import polars as pl

from labelwright.core.errors import FunctionError, ProjectError
from labelwright.labeling import LabelingFunction, VectorisedFunction
from labelwright.pipeline.data_settings import DataSetSettings, chosen_functions
from labelwright.pipeline.kept.kept_data import KeptData
from labelwright.pipeline.settings import Settings

from .ballots import Ballot

__all__ = ["Reach", "columns_read", "reach_among", "reach_of"]

# By the name of a data set and that of a function: on which tasks it votes there.
Reach = Mapping[tuple[str, str], tuple[str, ...]]


def reach_of(ballot: Ballot, data: KeptData, known: Collection[str]) -> Reach:
    """Return on which tasks each function votes on each data set; on those that are left out it does not run.

    A function runs on a data set that is about one of its tasks at least, and whose ``functions`` do not leave it out.

    Parameters
    ----------
    ballot : Ballot
    data : KeptData
    known : collection of str
        All functions of the project, also where only some are refreshed.

    Raises
    ------
    ProjectError
        If a data set names a function that there is not.
    FunctionError
        If a data set lacks a field that a function reads which is to run on it.
    """
    if not data.record.sets:
        return {("", name): ballot.tasks_of(name) for name in ballot.functions}
    schemas = {one: data.schema(data.of_data_set(one).numbers[0]) for one in data.record.sets}
    return reach_among(ballot, schemas, known)


def reach_among(ballot: Ballot, schemas: Mapping[str, pl.Schema], known: Collection[str]) -> Reach:
    """Return on which tasks each function votes on each of several data sets; see `reach_of`.

    Parameters
    ----------
    ballot : Ballot
    schemas : mapping of str to polars.Schema
        The columns of each data set.
    known : collection of str
    """
    found = {}
    for data_set in schemas:
        about, chosen = ballot.settings.tasks_about(data_set), _chosen(ballot.settings, data_set, known)
        for name in ballot.functions:
            tasks = tuple(task for task in ballot.tasks_of(name) if task in about)
            if tasks and name in chosen:
                found[data_set, name] = tasks
    for data_set, schema in schemas.items():
        own = [name for at, name in found if at == data_set]
        _check_fields(ballot, data_set, own, schema)
    return found


def _chosen(settings: Settings, data_set: str, known: Collection[str]) -> list[str]:
    one = settings.sets[data_set]
    patterns = one.functions if isinstance(one, DataSetSettings) else None
    for pattern in patterns or ():
        if not chosen_functions([pattern], known):
            close = difflib.get_close_matches(pattern, known, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else f" There are: {', '.join(sorted(known))}."
            raise ProjectError(f"data_sets.{data_set}.functions names {pattern!r}, which is no function.{hint}")
    return chosen_functions(patterns, known)


def _check_fields(ballot: Ballot, data_set: str, names: Sequence[str], schema: pl.Schema) -> None:
    """Refuse functions that read what a data set does not have, all of them in one sentence."""
    lacking: dict[str, FunctionError] = {}
    for name in names:
        try:
            _columns_of(ballot.functions[name], schema)
        except FunctionError as error:
            lacking[name] = error
    for fault in lacking.values():
        rest = ", ".join(f'"{name}"' for name in names if name not in lacking)
        cure = f"name those that read it: functions = [{rest}]" if rest else "give it other tasks"
        also = f" (so do {', '.join(list(lacking)[1:])})" if len(lacking) > 2 else ""
        also = f" (so does {list(lacking)[1]})" if len(lacking) == 2 else also
        raise FunctionError(
            f"{fault} It votes on a task of the data set {data_set!r}, and so runs on it{also}; if it is not meant for "
            f"that, {cure}, in [data_sets.{data_set}]."
        )


def columns_read(functions: Sequence[LabelingFunction], schema: pl.Schema, name: str | None) -> list[str]:
    """Return the columns that functions read, in the order of the schema; never none, or rows would be lost.

    ``name`` is the column of ids, which is among them.
    """
    wanted = {column for function in functions for column in _columns_of(function, schema)}
    wanted |= {name} if name else set()
    return [column for column in schema if column in wanted] or list(schema)[:1]


def _columns_of(function: LabelingFunction, schema: pl.Schema) -> Sequence[str]:
    if isinstance(function, VectorisedFunction):
        return function.expression(schema).meta.root_names()
    return function.columns(schema)
