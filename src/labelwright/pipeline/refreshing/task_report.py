"""Gathering the report of a run on several tasks: ``analysis`` lays it out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

import labelwright
from labelwright.analysis import Artifact, Note, Split, lf_summary
from labelwright.analysis.content import Role
from labelwright.analysis.slices import SplitSlices
from labelwright.analysis.tasks.content import LearnedShare, TaskModel, TaskResult, TasksContent
from labelwright.analysis.tasks.contradictions import find_contradictions
from labelwright.core import Class
from labelwright.core.tasks import NOT_APPLICABLE
from labelwright.labelmodels.intervals import Intervals, Range
from labelwright.store import ArtifactId

from .diagnosing import Diagnosis
from .found_tasks import FoundTask, TaskScore
from .gather import PURPOSE, timestamp
from .labelled_project import LabelledProject
from .task_slices import TaskSlices

__all__ = ["EndScores", "gather_task_report"]

# Role -> what it was made from.
_PARENTS = {
    "task_votes": "functions, data",
    "task_stats": "task_votes of train, by component",
    "task_models": "task_stats, by component",
    "task_labels": "task_models, task_votes",
    "task_end_models": "task_labels of train, data; by task",
    "metrics": "every split but train",
    "end_model_metrics": "every split but train",
    "task_intervals": "task_stats, task_models; for readers alone",
    "task_findings": "task_votes of train, task_models; for readers alone",
    "consistency": "functions, transformations, data; for readers alone",
    "unlabelled": "data, train without labels",
    "safety": "transformations, unlabelled",
    "policy": "transformations, unlabelled where it is learned",
    "augmentation": "policy, data",
    "task_end_models_plain": "the same without augmentation, to compare with",
    "plain_end_model_metrics": "every split but train",
    "slices": "slicing_functions, data",
    "slice_metrics": "slices, task_votes, task_labels, task_end_models",
}

_DIAGNOSE = ("labelwright run --diagnose", "works out how far chance may have moved what was learned")

EndScores = Mapping[str, Mapping[str, TaskScore]]


def gather_task_report(
    labelled: LabelledProject,
    run_id: str,
    end: EndScores,
    plain: EndScores,
    slices: TaskSlices,
    diagnosis: Diagnosis,
) -> TasksContent:
    """Gather the report of a run on several tasks.

    Parameters
    ----------
    labelled : LabelledProject
    run_id : str
    end : mapping of str to mapping of str to TaskScore
        Scores of the end models, by task and split; empty where there are none.
    plain : mapping of str to mapping of str to TaskScore
        Of the same without augmented copies.
    slices : mapping of str to tuple of SplitSlices
        By task; empty where the project has no slicing functions.
    diagnosis : Diagnosis
    """
    graph = labelled.graph
    vectors = labelled.vectors
    checked = sum(len(one) for one in vectors.values())
    feasible = sum(int(graph.is_feasible(one).sum()) for one in vectors.values())
    return TasksContent(
        project=labelled.name,
        graph=graph,
        tasks=[
            _task(
                labelled,
                one,
                (end.get(one.name, {}), plain.get(one.name, {})),
                slices.get(one.name, ()),
                diagnosis.intervals.by_task.get(one.name),
            )
            for one in labelled.tasks
        ],
        splits=[_split(labelled, name) for name in labelled.data.splits],
        contradictions=find_contradictions(labelled.votes_by_split["train"], vectors["train"]),
        feasible=(feasible, checked),
        findings=diagnosis.findings,
        when=timestamp(),
        run_id=run_id,
        description=_description(labelled),
        notes=_notes(labelled),
        lineage=_lineage(labelled, diagnosis.artifacts),
        next_steps=[
            *([] if diagnosis.complete else [_DIAGNOSE]),
            ("labelwright explain ID --task NAME", "says why one example has its label on a task"),
            ("labelwright export --to parquet --output labels", "writes the labelled examples, a file for each task"),
        ],
    )


def _task(
    labelled: LabelledProject,
    found: FoundTask,
    end: tuple[Mapping[str, TaskScore], Mapping[str, TaskScore]],
    slices: Sequence[SplitSlices],
    intervals: Intervals | None,
) -> TaskResult:
    votes, rows = labelled.votes_by_split["train"].by_task.get(found.name), labelled.rows("train", found.name)
    probs = labelled.labels_by_split["train"].probs[found.name]
    if rows is not None:
        votes, probs = None if votes is None else votes.take(rows), probs[rows]
    learned = {source.name: source.accuracy for source in found.sources}
    refined = found.states[-1] == NOT_APPLICABLE
    scores: dict[str, list[TaskModel]] = {}
    # Test first: that is what the answer is about.
    scored: tuple[tuple[str, Role, Mapping[str, TaskScore]], ...] = (
        ("Joint labels", "label model", found.scores),
        ("End model", "end model", end[0]),
        ("Plain end model", "plain end model", end[1]),
    )
    for split in sorted({*found.scores, *end[0]}):
        scores[split] = [TaskModel(name, role, one[split]) for name, role, one in scored if split in one]
    return TaskResult(
        name=found.name,
        states=found.states,
        covered=found.covered,
        summary=None if votes is None or votes.m == 0 else lf_summary(votes, accuracies=learned),
        not_applicable=float(probs[:, -1].mean()) if refined else None,
        scores=scores,
        slices=slices,
        accuracies=() if intervals is None else _learned(intervals.sources, intervals.accuracies),
        shares=() if intervals is None else _learned(intervals.classes, intervals.class_balance),
    )


def _learned(names: Sequence[Class], found: Range) -> list[LearnedShare]:
    ends = zip(names, found.estimate.tolist(), found.low.tolist(), found.high.tolist(), found.reasons, strict=True)
    return [LearnedShare(str(name), *rest) for name, *rest in ends]


def _split(labelled: LabelledProject, name: str) -> Split:
    n = labelled.data.record.splits[name]
    if name == "train":
        return Split(name, n, 0, PURPOSE[name])
    gold = [labelled.data.gold(name, task) for task in labelled.graph.names]
    known = [one >= 0 for one in gold if one is not None]
    return Split(name, n, int(np.any(known, axis=0).sum()) if known else 0, PURPOSE[name])


def _description(labelled: LabelledProject) -> str:
    sources = {source.name for task in labelled.tasks for source in task.sources}
    said = f"{len(sources):,} labeling functions label {len(labelled.graph.names):,} related tasks together"
    end = labelled.settings.end_model
    if end.kind == "none":
        return f"{said}."
    taught = f"{end.kind} models that read" if end.shared is None else "one network for all tasks that reads"
    copies = ", with augmented copies" if "augmentation" in labelled.made.artifacts else ""
    return f"{said}, and teach {taught} {', '.join(end.fields)}{copies}."


def _notes(labelled: LabelledProject) -> list[Note]:
    notes = [Note(f"Data set {one}.") for one in labelled.data_sets]
    notes += [Note(text, "warning") for text in labelled.warnings]
    by_sentence: dict[tuple[str, str], list[str]] = {}
    for part in labelled.graph.parts:
        outcome = labelled.models[part.names[0]].outcome_
        by_sentence.setdefault((outcome.kind, outcome.sentence), []).extend(part.names)
    for (kind, sentence), names in by_sentence.items():
        where = "" if len(by_sentence) == 1 else f" of {', '.join(names)}"
        notes.append(Note(f"Label model{where}: {sentence}", "warning" if kind == "fell_back" else "info"))
    if not any(task.scores for task in labelled.tasks):
        advice = "Name a column as gold in [tasks.NAME], and a test split in [data.splits], to see scores."
        notes.append(Note(f"No gold labels outside train, so nothing was scored. {advice}"))
    return notes


def _lineage(labelled: LabelledProject, told: Mapping[str, ArtifactId]) -> list[Artifact]:
    made = {**labelled.made.artifacts, **told}
    lines = [Artifact("labelwright", labelwright.__version__)]
    return [*lines, *(Artifact(role, key.digest, _PARENTS.get(role, "")) for role, key in made.items())]
