"""What is made of the labels of several tasks: the end models that are trained on them, and the report."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace

from labelwright.analysis.augmentation_view import AugmentationView
from labelwright.analysis.tasks.page import render_tasks
from labelwright.pipeline.kept.database import library_versions
from labelwright.pipeline.kept.kept_tasks import put_by_name, read_by_name
from labelwright.store import ArtifactId, Recipe

from .diagnosing import Diagnosis
from .finished_run import Tell
from .found_tasks import TaskScore
from .labelled_project import LabelledProject
from .shared_end_model import end_model_stage
from .task_end_model import ROLE, TaskEndModelStage, read_end_models, score_end_models
from .task_report import EndScores, gather_task_report
from .task_scores import restored_score
from .task_slices import TaskSlices

__all__ = ["task_report", "train_on_tasks", "train_to_compare"]

_METRICS = "end_model_metrics"
_PLAIN, _PLAIN_METRICS = "task_end_models_plain", "plain_end_model_metrics"


def train_on_tasks(labelled: LabelledProject, tell: Tell) -> dict[str, dict[str, TaskScore]]:
    """Train what the settings ask for on the labels of all tasks, add it to ``labelled.made``, and score it.

    Returns
    -------
    dict of str to dict of str to TaskScore
        By task and split; nothing without end models, or without gold.
    """
    if labelled.settings.end_model.kind == "none":
        return {}
    models, stage = _trained(labelled, ROLE, tell, augmentation=labelled.made.artifacts.get("augmentation"))
    labelled.made.operations["end_models_trained"] = stage.trained
    labelled.made.operations["end_models_stale"] = stage.stale
    return _scores(labelled, models, ROLE, _METRICS)


def train_to_compare(labelled: LabelledProject, tell: Tell) -> dict[str, dict[str, TaskScore]]:
    """Train the same without augmented copies and score it, where there is gold to compare by.

    These end models are what they were before there was augmentation.
    """
    if not any(own for own in labelled.scores.values()):
        return {}
    models, stage = _trained(labelled, _PLAIN, tell, compared=True)
    labelled.made.operations["end_models_trained"] += stage.trained
    return _scores(labelled, models, _PLAIN, _PLAIN_METRICS)


def _trained(
    labelled: LabelledProject,
    role: str,
    tell: Tell,
    *,
    augmentation: ArtifactId | None = None,
    compared: bool = False,
) -> tuple[dict[str, ArtifactId], TaskEndModelStage]:
    """Return the end models, added to what the run made, and the stage that trained them."""
    store, made = labelled.database.store, labelled.made.artifacts
    made_with = (labelled.folder, labelled.settings, labelled.database, labelled.data, labelled.notes, tell)
    stage = end_model_stage(*made_with, augmentation=augmentation, compared=compared)
    models = stage.run(labelled.labels_by_split["train"], read_by_name(store, made["task_labels"]))
    made[role] = put_by_name(store, role, models)
    return models, stage


def _scores(
    labelled: LabelledProject, models: Mapping[str, ArtifactId], role: str, metrics: str
) -> dict[str, dict[str, TaskScore]]:
    """Score the end models, unless just these were scored on just this data before."""
    database, made = labelled.database, labelled.made.artifacts
    graph, chosen = labelled.graph, labelled.settings.end_model
    parameters = {
        "fields": chosen.fields,
        "tasks": {name: list(graph.states(name)) for name in graph.names},
        "relations": sorted(map(repr, graph.relations)),
        "versions": library_versions(),
    }
    recipe = Recipe(_METRICS, {"end_models": made[role], "data": made["data"]}, parameters)
    key = database.found(recipe)
    if key is not None:
        kept = database.store.get_json(key)
        scores = {task: {split: restored_score(one) for split, one in own.items()} for task, own in kept.items()}
    else:
        began = time.perf_counter()
        scores = score_end_models(read_end_models(database.store, graph, models), labelled.data, chosen)
        content = {task: {split: one.to_dict() for split, one in own.items()} for task, own in scores.items()}
        key = database.store.put_json(_METRICS, content)
        database.record([(recipe, key)], seconds=time.perf_counter() - began, rows=1)
    made[metrics] = key
    return scores


def task_report(
    labelled: LabelledProject,
    run_id: str,
    end_models: tuple[EndScores, EndScores],
    slices: TaskSlices,
    augmentation: AugmentationView | None,
    diagnosis: Diagnosis,
) -> str:
    """Return the report of a run as a page; of end models, also what they are without augmented copies."""
    content = gather_task_report(labelled, run_id, *end_models, slices, diagnosis)
    return render_tasks(replace(content, augmentation=augmentation))
