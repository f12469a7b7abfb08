"""Labelling the examples of a project on several tasks together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from labelwright.core import TaskGraph
from labelwright.core.task_labels import TaskLabels
from labelwright.core.task_votes import TaskVotes
from labelwright.core.votes import merge_failures
from labelwright.engines import LocalEngine
from labelwright.labeling import LabelingFunction, apply
from labelwright.labelmodels import MultiTask
from labelwright.pipeline.examples import Source, Split, gold_codes, open_sources
from labelwright.pipeline.guarding import refuse_sources
from labelwright.pipeline.refreshing.finding_tasks import find_task, score_task
from labelwright.pipeline.refreshing.found_tasks import TaskScore
from labelwright.pipeline.refreshing.noticing import FailedFunction, unvoted_tasks
from labelwright.pipeline.settings import Settings, read_settings
from labelwright.pipeline.supervision import load_functions

from .found import LabelledTasks
from .writing import write_task_labels

__all__ = ["label_tasks"]

Codes = npt.NDArray[np.int64]

_TRAIN = "train"


def label_tasks(folder: Path, *, write: Path | None = None, step: Callable[[str], None] | None = None) -> LabelledTasks:
    """Label the examples of a project with several tasks, and say how far the labels can be trusted.

    The functions of ``supervision.py`` vote on every split, `labelwright.labelmodels.MultiTask` learns from the votes
    on train, and each split gets its labels. Gold is used for the scores on valid and test alone. Nothing is kept but
    what ``write`` asks for.

    Parameters
    ----------
    folder : Path
        The project's folder.
    write : Path, optional
        A folder for the soft labels, one Parquet file for each task; see
        `labelwright.pipeline.tasks.writing.write_task_labels`.
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
    functions, graph = load_functions(folder), settings.graph
    tell("reading the data")
    sources = open_sources(settings, folder)
    voted = [_voted(functions, source, settings, graph, tell) for source in sources]
    splits = {split.name: (source, split) for source in sources for split in source.splits}
    votes = {
        split.name: found.take(split.rows)
        for source, found in zip(sources, voted, strict=True)
        for split in source.splits
    }
    tell("learning how far functions can be trusted")
    model = MultiTask().fit(votes[_TRAIN])
    tell("labelling")
    labels = {name: model.soft_labels(one) for name, one in votes.items()}
    vectors = {name: model.predict(one) for name, one in votes.items()}
    tell("scoring")
    scores = {task: _scores(task, settings, splits, labels, vectors) for task in graph.names}
    files = {} if write is None else write_task_labels(write, labels, vectors, has_ids=settings.data.id is not None)
    return LabelledTasks(
        project=settings.project.name or folder.resolve().name,
        graph=graph,
        splits={name: one.n for name, one in votes.items()},
        tasks=tuple(find_task(task, votes[_TRAIN], model.accuracies_, scores[task]) for task in graph.names),
        contradicting=votes[_TRAIN].contradicting(),
        contradictions=int(votes[_TRAIN].contradictions().sum()),
        feasible=sum(int(graph.is_feasible(one).sum()) for one in vectors.values()),
        outcome=model.outcome_,
        labels=labels,
        files=files,
        warnings=(*_failures(voted), *unvoted_tasks(graph.names, votes[_TRAIN].by_task)),
    )


def _voted(
    functions: Sequence[LabelingFunction],
    source: Source,
    settings: Settings,
    graph: TaskGraph,
    tell: Callable[[str], None],
) -> TaskVotes:
    def progress(done: int, total: int | None) -> None:
        tell(f"applying {len(functions)} functions: {done:,}{f' of {total:,}' if total else ''} examples")

    engine = LocalEngine(workers=settings.apply.workers)
    try:
        return apply(
            functions,
            source.dataset,
            engine=engine,
            on_error=settings.apply.on_error,
            progress=progress,
            timeout=settings.apply.timeout,
            tasks=graph,
        )
    finally:
        engine.close()


def _failures(voted: Sequence[TaskVotes]) -> list[str]:
    # What fails, fails on all of its tasks, and is counted once.
    failed = [{f.source: f for votes in one.by_task.values() for f in votes.failures} for one in voted]
    merged = merge_failures(failure for one in failed for failure in one.values())
    n = sum(one.n for one in voted)
    return [str(FailedFunction(f.source, f.count, n, f.first[0][1])) for f in merged.values()]


def _scores(
    task: str,
    settings: Settings,
    splits: Mapping[str, tuple[Source, Split]],
    labels: Mapping[str, TaskLabels],
    vectors: Mapping[str, Codes],
) -> dict[str, TaskScore]:
    """Score the labels of one task on every split but train, where there is gold."""
    column = settings.gold_columns.get(task)
    scores: dict[str, TaskScore] = {}
    for name, (source, split) in splits.items():
        if column is None or name == _TRAIN:
            continue
        gold = gold_codes(source.frame(split, [column])[column], settings, task)
        one = score_task(task, labels[name], vectors[name], gold, split.groups)
        if one is not None:
            scores[name] = one
    return scores
