"""What is made of the labels of several tasks: the end models that are trained on them, and the report."""

from __future__ import annotations

import time
from collections.abc import Mapping

from labelwright.analysis.tasks.page import render_tasks
from labelwright.pipeline.kept.database import library_versions
from labelwright.pipeline.kept.kept_tasks import put_by_name, read_by_name
from labelwright.store import ArtifactId, Recipe

from .finished_run import Tell
from .found_tasks import TaskScore
from .labelled_project import LabelledProject
from .shared_end_model import end_model_stage
from .task_end_model import ROLE, read_end_models, score_end_models
from .task_report import gather_task_report
from .task_scores import restored_score
from .task_slices import TaskSlices

__all__ = ["task_report", "train_on_tasks"]

_METRICS = "end_model_metrics"


def train_on_tasks(labelled: LabelledProject, tell: Tell) -> dict[str, dict[str, TaskScore]]:
    """Train what the settings ask for on the labels of all tasks, add it to ``labelled.made``, and score it.

    Returns
    -------
    dict of str to dict of str to TaskScore
        By task and split; nothing without end models, or without gold.
    """
    chosen, made, store = labelled.settings.end_model, labelled.made, labelled.database.store
    if chosen.kind == "none":
        return {}
    labels = read_by_name(store, made.artifacts["task_labels"])
    made_with = (labelled.database, labelled.data, labelled.notes)
    stage = end_model_stage(labelled.folder, labelled.settings, *made_with, tell)
    models = stage.run(labelled.labels_by_split["train"], labels)
    made.operations["end_models_trained"] = stage.trained
    made.operations["end_models_stale"] = stage.stale
    made.artifacts[ROLE] = put_by_name(store, ROLE, models)
    return _scores(labelled, models)


def _scores(labelled: LabelledProject, models: Mapping[str, ArtifactId]) -> dict[str, dict[str, TaskScore]]:
    """Score the end models, unless just these were scored on just this data before."""
    database, made = labelled.database, labelled.made.artifacts
    graph, chosen = labelled.graph, labelled.settings.end_model
    parameters = {
        "fields": chosen.fields,
        "tasks": {name: list(graph.states(name)) for name in graph.names},
        "relations": sorted(map(repr, graph.relations)),
        "versions": library_versions(),
    }
    recipe = Recipe(_METRICS, {"end_models": made[ROLE], "data": made["data"]}, parameters)
    key = database.found(recipe)
    if key is not None:
        kept = database.store.get_json(key)
        scores = {task: {split: restored_score(one) for split, one in own.items()} for task, own in kept.items()}
    else:
        began = time.perf_counter()
        scores = score_end_models(read_end_models(database.store, graph, models), labelled.data, chosen.fields)
        content = {task: {split: one.to_dict() for split, one in own.items()} for task, own in scores.items()}
        key = database.store.put_json(_METRICS, content)
        database.record([(recipe, key)], seconds=time.perf_counter() - began, rows=1)
    made[_METRICS] = key
    return scores


def task_report(
    labelled: LabelledProject, run_id: str, end_models: Mapping[str, Mapping[str, TaskScore]], slices: TaskSlices
) -> str:
    """Return the report of a run as a page."""
    return render_tasks(gather_task_report(labelled, run_id, end_models, slices))
