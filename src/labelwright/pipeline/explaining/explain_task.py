"""Why an example has its label on one of several related tasks: which votes, on this task and others, moved it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from labelwright.analysis.tasks.explanation import RelatedLabel, TaskExplanation, TaskVote
from labelwright.core import Votes
from labelwright.core.errors import ProjectError
from labelwright.core.task_votes import TaskVotes
from labelwright.core.votes import ABSTAIN
from labelwright.labelmodels import MultiTask
from labelwright.pipeline.kept.finding import row_in_words
from labelwright.pipeline.kept.keep import KeptRun

from .explain import find_example
from .wording import said

__all__ = ["explain_on_task"]


def explain_on_task(folder: Path, example_id: str | int, *, run: KeptRun, task: str) -> TaskExplanation:
    """Explain the label that a run gave to one example on one of its tasks.

    Parameters
    ----------
    folder : Path
        The project.
    example_id : str or int
        Taken as text: ``7`` and ``"7"`` are one id.
    run : KeptRun
        A run on several tasks.
    task : str

    Raises
    ------
    ProjectError
        If the run has no such task or example (the closest id is named), or the example is not about the task.
    """
    kept = run.of_task(task)
    part, row = find_example(run, example_id)
    about = run.kept_data.tasks_of(part)
    if about is not None and task not in about:
        raise ProjectError(
            f"example {run.kept_data.id_at(part, row)} is not about {task}: its data set is about {', '.join(about)}."
        )
    names = kept.component.names
    votes = run.kept_task_votes.of_row(part, row)
    labels = run.kept_task_labels.of_row(part, row)
    states = {name: run.graph.states(name) for name in names}
    vector = {name: int(run.kept_task_labels.part(name, part)["vector"][row]) for name in names}
    voted = _voted(votes, names)
    probs = labels.probs[task][0]
    withouts = _without(votes, voted, kept.label_model(), task, about) if voted else np.empty((0, len(probs)))
    order = np.argsort(-np.abs(withouts - probs).sum(axis=1), kind="stable")
    sources = list(voted)
    settings, values = run.settings(), run.kept_data.row(part, row)
    gold_column = settings.gold_columns.get(task)
    id_column = run.kept_data.id_of(part)
    hidden = {id_column, *settings.gold_columns.values()}
    return TaskExplanation(
        project=settings.project.name or folder.resolve().name,
        run=run.row.number,
        run_id=run.row.run_id,
        example_id=values[id_column] if id_column and about is None else run.kept_data.id_at(part, row),
        place=row_in_words(run.kept_data, part, row),
        split=run.kept_data.split_of(part, row) or "no split",
        task=task,
        fields={name: value for name, value in values.items() if name not in hidden},
        states=kept.states,
        probs=tuple(map(float, probs)),
        label=states[task][vector[task]] if labels.covered[0, run.graph.names.index(task)] else None,
        votes=tuple(TaskVote(sources[j], voted[sources[j]], tuple(map(float, withouts[j]))) for j in order),
        related=tuple(
            RelatedLabel(name, states[name][vector[name]], float(labels.probs[name][0, vector[name]]))
            for name in names
            if name != task and (about is None or name in about)
        ),
        gold=None if gold_column is None else values.get(gold_column),
        slices=() if run.kept_slices is None else run.kept_slices.of_row(part, row),
    )


def _voted(votes: TaskVotes, names: tuple[str, ...]) -> dict[str, dict[str, str]]:
    """Return what each function said, by task, of those that voted on the tasks ``names``."""
    found: dict[str, dict[str, str]] = {}
    for name in names:
        own = votes.by_task.get(name)
        for source, code in zip(own.sources, own.values[0].tolist(), strict=True) if own is not None else ():
            if code >= 0:
                assert own is not None
                found.setdefault(source, {})[name] = str(said(own, source, int(code)))
    return found


def _without(
    votes: TaskVotes, voted: Iterable[str], model: MultiTask, task: str, about: Sequence[str] | None
) -> npt.NDArray[np.float64]:
    """Return P(state of the task) had one of the functions abstained everywhere, shape (functions, states).

    The example is ``about`` these tasks, or all.
    """
    silent = list(voted)
    graph = model.params_.graph
    by_task = {}
    for name in graph.names:
        own = votes.by_task.get(name)
        if own is None:
            continue
        rows = np.tile(own.values, (len(silent), 1))
        for j, source in enumerate(silent):
            if source in own.sources:
                rows[j, own.sources.index(source)] = ABSTAIN
        by_task[name] = Votes(rows, classes=own.classes, sources=own.sources, alphabet=dict(own.alphabet))
    return model.posterior(model.params_, TaskVotes(graph, by_task), about=about).probs[task]
