"""Labelling the examples of a project on several tasks together, and saying how far the labels can be trusted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from labelwright.analysis.tasks.contradictions import find_contradictions
from labelwright.labelmodels.findings.diagnose_tasks import TaskFindings
from labelwright.labelmodels.multitask import TaskIntervals
from labelwright.pipeline.guarding import refuse_sources
from labelwright.pipeline.kept.kept_intervals import ComponentIntervals
from labelwright.pipeline.refreshing.diagnosing import find_in_labelled
from labelwright.pipeline.refreshing.labelled_project import LabelledProject
from labelwright.pipeline.refreshing.refresh import label_tasks_of
from labelwright.pipeline.settings import read_settings

from .found import ComponentState, LabelledTasks
from .writing import write_task_labels

__all__ = ["label_tasks"]

_TRAIN = "train"


def label_tasks(
    folder: Path, *, write: Path | None = None, diagnose: bool = False, step: Callable[[str], None] | None = None
) -> LabelledTasks:
    """Label the examples of a project with several tasks, and say how far the labels can be trusted.

    What runs kept is read; what is stale since the last one is made again for this answer, and not kept. The functions
    of ``supervision.py`` vote on every split, `labelwright.labelmodels.MultiTask` learns from the votes on train, and
    each split gets its labels. Gold is used for the scores on valid and test alone. Nothing is written but what
    ``write`` asks for.

    Parameters
    ----------
    folder : Path
        The project's folder.
    write : Path, optional
        A folder for the soft labels, one Parquet file for each task; see
        `labelwright.pipeline.tasks.writing.write_task_labels`.
    diagnose : bool
        Whether to say how sure what was learned is, and what makes labels worse than they need to be. Models are solved
        again without each part of the votes for that, where no run kept what comes of it.
    step : callable of str, optional
        Told what is being done, for a progress line.

    Raises
    ------
    ProjectError
        If the project has one task, or anything is wrong with settings or functions.
    DataError
        If the data cannot be read, or ``write`` is part of the project, or holds something else.
    """
    tell = step or (lambda _: None)
    settings = read_settings(folder, several_tasks=True)
    if write is not None:
        refuse_sources(write, folder=folder, settings=settings)
    found = label_tasks_of(folder, settings, step=tell)
    intervals, findings = _diagnosed(found, tell) if diagnose else (None, None)
    tell("scoring")
    labels, vectors = found.labels_by_split, found.vectors
    has_ids = settings.data.id is not None or bool(found.data.record.sets)
    files = {} if write is None else write_task_labels(write, labels, vectors, has_ids=has_ids, about=found.rows)
    return LabelledTasks(
        project=found.name,
        graph=found.graph,
        splits={split: found.data.record.splits[split] for split in found.data.splits},
        tasks=found.tasks,
        contradictions=find_contradictions(found.votes_by_split[_TRAIN], vectors[_TRAIN]),
        feasible=sum(int(found.graph.is_feasible(one).sum()) for one in vectors.values()),
        outcome=found.model.outcome_,
        labels=labels,
        files=files,
        warnings=found.warnings,
        compared_with=found.notes.plan.compared_with,
        components=tuple(_states(found)),
        data_sets=found.data_sets,
        intervals=intervals,
        findings=findings,
    )


def _diagnosed(found: LabelledProject, tell: Callable[[str], None]) -> tuple[TaskIntervals, TaskFindings]:
    """Work out the intervals that no run kept; they are held for this answer alone."""
    tell("leaving out parts of the votes")
    known = ComponentIntervals(found.database, found.made.artifacts)
    known.work_out()
    return known.known(), find_in_labelled(found, known)


def _states(found: LabelledProject) -> list[ComponentState]:
    """Say of each component what is stale since the last run, and why."""
    out = []
    for part in found.graph.parts:
        steps = found.notes.of_components.get(part.names[0], [])
        # That labels follow their model goes without saying.
        steps = [step for step in steps if step.stage != "soft_labels"] or steps
        out.append(ComponentState(part.names, tuple(dict.fromkeys(step.reason for step in steps))))
    return out
