"""What makes labels on several tasks worse than they need to be, and how sure what was learned is."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from labelwright.analysis.tasks.content import TaskFinding
from labelwright.labelmodels.findings.diagnose_tasks import TaskFindings, diagnose_tasks, findings_across
from labelwright.labelmodels.findings.findings import Findings
from labelwright.labelmodels.multitask import TaskIntervals
from labelwright.pipeline.kept.database import library_versions
from labelwright.pipeline.kept.kept_intervals import ComponentIntervals
from labelwright.pipeline.kept.kept_tasks import put_by_name
from labelwright.store import ArtifactId, Recipe

from .finished_run import Tell
from .labelled_project import LabelledProject

__all__ = ["Diagnosis", "diagnose_labelled", "find_in_labelled"]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What the report of a run says of its label models, for readers alone.

    Parameters
    ----------
    intervals : TaskIntervals
        Of the tasks whose intervals are known.
    findings : tuple of TaskFinding
        Worst first: what the tasks together show, and of tasks whose intervals are known also what their own votes do.
    complete : bool
        Whether the intervals of all tasks are known.
    artifacts : mapping of str to ArtifactId
        Where these are kept, by role.
    """

    intervals: TaskIntervals
    findings: tuple[TaskFinding, ...]
    complete: bool
    artifacts: Mapping[str, ArtifactId]


def diagnose_labelled(labelled: LabelledProject, tell: Tell, *, work_out: bool) -> Diagnosis:
    """Diagnose what a run learned; what was found before of the same votes and models is read.

    Parameters
    ----------
    labelled : LabelledProject
    tell : callable of str
        Told what is being done.
    work_out : bool
        Whether to work out intervals that are not known. That takes many times as long as solving the label models, so
        a run does it where it is asked for; what it found stands in the reports of later runs that learned the same.
    """
    database, made = labelled.database, labelled.made.artifacts
    known = ComponentIntervals(database, made)
    if work_out and known.missing:
        tell("leaving out parts of the votes")
        known.work_out()
    kept = {"task_intervals": put_by_name(database.store, "task_intervals", known.keys)} if known.keys else {}
    recipe = Recipe(
        "task_findings",
        {**{role: made[role] for role in ("task_votes", "data", "task_models")}, **kept},
        {"versions": library_versions()},
    )
    key = database.found(recipe)
    if key is None:
        began = time.perf_counter()
        key = database.store.put_json("task_findings", find_in_labelled(labelled, known).to_dict())
        database.record([(recipe, key)], seconds=time.perf_counter() - began, rows=1)
    content = database.store.get_json(key)
    of_task = [("", content["across"]), *((task, content["tasks"][task]) for task in sorted(content["tasks"]))]
    findings = [TaskFinding.of(task, one) for task, found in of_task for one in found["findings"]]
    worst = ("error", "warning", "note")
    findings.sort(key=lambda one: worst.index(one.severity))
    return Diagnosis(known.known(), tuple(findings), not known.missing, {**kept, "task_findings": key})


def find_in_labelled(labelled: LabelledProject, known: ComponentIntervals) -> TaskFindings:
    """Return what is found in the votes on train, and of components whose intervals are known in what was learned.

    Of several data sets some may not be about a task. Their silence says nothing of the votes on it, so these are
    looked at where all of a component's tasks have the same examples.
    """
    votes = labelled.votes_by_split["train"]
    by_task: dict[str, Findings] = {}
    for name in known.keys:
        names = labelled.models[name].params_.graph.names
        masks = [labelled.rows("train", task) for task in names]
        rows = np.ones(votes.n, dtype=bool) if masks[0] is None else masks[0]
        if any(not np.array_equal(rows, np.ones(votes.n, dtype=bool) if one is None else one) for one in masks):
            continue
        own = votes.part(names) if rows.all() else votes.part(names).take(rows)
        by_task |= diagnose_tasks(own, known.model(name), intervals=known.of(name)).by_task
    ordered = {task: by_task[task] for task in labelled.graph.names if task in by_task}
    return TaskFindings(ordered, findings_across(votes, labelled.model))
