"""How labels and end models of several tasks do on each slice; measured again where something of it changed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from labelwright.analysis.slices import SliceTable, SplitSlices, slice_table
from labelwright.analysis.tasks.contradictions import conflicting_on_tasks
from labelwright.core.slices import Slices
from labelwright.core.task_labels import TaskLabels
from labelwright.pipeline.examples import field_values
from labelwright.pipeline.kept.database import library_versions
from labelwright.pipeline.kept.kept_slices import KeptSlices
from labelwright.pipeline.kept.kept_tasks import read_by_name
from labelwright.store import Recipe

from .finding_tasks import as_answered
from .labelled_project import LabelledProject
from .task_end_model import ROLE, read_end_models

__all__ = ["TaskSlices", "slice_tasks"]

# By task: its splits, test first.
TaskSlices: TypeAlias = Mapping[str, tuple[SplitSlices, ...]]

# Soft labels of all tasks, and the label vectors.
_Answers: TypeAlias = tuple[TaskLabels, npt.NDArray[np.int64]]

_METRICS = "slice_metrics"
_ORDER = ("test", "valid", "train")


def slice_tasks(labelled: LabelledProject) -> TaskSlices:
    """Measure what labels and end models say of each task, slice by slice; add it to what the run made.

    Parameters
    ----------
    labelled : LabelledProject
        With its end models, if it has any, and its slices.

    Returns
    -------
    dict of str to tuple of SplitSlices
        By task, test first, and train last and without its gold; empty where the project has no slicing functions.
    """
    slices, made, database = labelled.slices, labelled.made.artifacts, labelled.database
    if slices is None:
        return {}
    graph = labelled.graph
    roles = ("task_labels", "task_votes", "data", "slices", ROLE)
    parameters = {
        "names": list(slices.names),
        "tasks": {name: list(graph.states(name)) for name in graph.names},
        "relations": sorted(map(repr, graph.relations)),
        "fields": labelled.settings.end_model.fields,
        "versions": library_versions(),
    }
    recipe = Recipe(_METRICS, {role: made[role] for role in roles if role in made}, parameters)
    key = database.found(recipe)
    if key is not None:
        kept = database.store.get_json(key)
        # Splits in their order: what is kept is sorted by name.
        found = {
            task: tuple(SplitSlices.from_dict(s, own[s]) for s in _ORDER if s in own) for task, own in kept.items()
        }
    else:
        began = time.perf_counter()
        found = _measured(labelled, slices)
        content = {task: {one.split: one.to_dict() for one in own} for task, own in found.items()}
        key = database.store.put_json(_METRICS, content)
        database.record([(recipe, key)], seconds=time.perf_counter() - began, rows=1)
    made[_METRICS] = key
    return {task: found[task] for task in graph.names}


def _measured(labelled: LabelledProject, slices: KeptSlices) -> dict[str, tuple[SplitSlices, ...]]:
    found: dict[str, list[SplitSlices]] = {task: [] for task in labelled.graph.names}
    for split in (split for split in _ORDER if split in labelled.data.splits):
        gold = {} if split == "train" else {task: labelled.data.gold(split, task) for task in found}
        gold = {task: one for task, one in gold.items() if one is not None and (one >= 0).any()}
        by_role: dict[str, _Answers] = {"label model": (labelled.labels_by_split[split], labelled.vectors[split])}
        if gold and ROLE in labelled.made.artifacts:
            by_role["end model"] = _end_model_answers(labelled, split)
        votes, member, groups = labelled.votes_by_split[split], slices.of(split), labelled.data.groups(split)
        told = votes.covered, conflicting_on_tasks(votes)
        for task, own in found.items():
            # Of several data sets, those with examples in this split need not be about every task.
            if split not in labelled.data.about([task]).splits:
                continue
            measured = (member, gold.get(task), by_role, told, groups)
            own.append(SplitSlices(split, _tables(labelled, task, *_about(measured, labelled.rows(split, task)))))
    return {task: tuple(own) for task, own in found.items()}


_Measured: TypeAlias = tuple[
    Slices,
    npt.NDArray[np.int64] | None,
    Mapping[str, _Answers],
    tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]],
    npt.NDArray[Any] | None,
]


def _about(measured: _Measured, rows: npt.NDArray[np.bool_] | None) -> _Measured:
    """Return what is measured of the examples that are about a task, where not all are."""
    if rows is None:
        return measured
    slices, gold, by_role, (covered, conflicting), groups = measured
    return (
        slices.take(rows),
        None if gold is None else gold[rows],
        {role: (labels.take(rows), vectors[rows]) for role, (labels, vectors) in by_role.items()},
        (covered[rows], conflicting[rows]),
        None if groups is None else groups[rows],
    )


def _tables(
    labelled: LabelledProject,
    task: str,
    slices: Slices,
    gold: npt.NDArray[np.int64] | None,
    by_role: Mapping[str, _Answers],
    told: tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]],
    groups: npt.NDArray[Any] | None,
) -> dict[str, SliceTable]:
    place, tables = labelled.graph.names.index(task), {}
    for role, (labels, vectors) in by_role.items():
        # Without gold, and of a task without an end model, the second table would say what the first one says.
        if role == "end model" and (gold is None or not labels.covered[:, place].any()):
            continue
        tables[role] = slice_table(
            as_answered(task, labels, vectors),
            slices,
            gold,
            covered=told[0][:, place],
            conflicting=told[1][:, place],
            groups=groups,
        )
    return tables


def _end_model_answers(labelled: LabelledProject, split: str) -> _Answers:
    store, fields = labelled.database.store, labelled.settings.end_model.fields
    models = read_end_models(store, labelled.graph, read_by_name(store, labelled.made.artifacts[ROLE]))
    columns = field_values(labelled.data.frame(split, fields), fields)
    return models.answers(columns, example_ids=labelled.data.ids(split))
