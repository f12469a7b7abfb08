"""The examples whose labels moved most between two runs, with what they say: on one task, or on several."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from labelwright.analysis.comparison import Mover
from labelwright.core import Class
from labelwright.core.errors import LabelwrightError
from labelwright.pipeline.explaining.wording import shown_text
from labelwright.pipeline.kept.keep import KeptRun
from labelwright.pipeline.settings import SPLITS

from .changes import MILLION, ExampleChanges, ExampleStates
from .task_diff import SplitPair, TasksDiff

__all__ = ["example_movers", "task_movers"]


def example_movers(examples: ExampleChanges, after: KeptRun, limit: int) -> list[Mover]:
    """Return the examples that moved most between two runs on one task: flips first, then by how far P(Y) moved."""
    rows = examples.movers(limit)
    shift = examples.shift[rows]
    movers = []
    for row, moved in zip(rows.tolist(), shift.tolist(), strict=True):
        old, new = examples.before, examples.after
        shown = _class_shown(old, new, row)
        split = SPLITS[examples.splits[row]]
        movers.append(
            Mover(
                example_id=str(examples.ids[row]),
                split=split,
                text=_text(after, examples.ids[row].item()),
                before=_class_of(old, row),
                after=_class_of(new, row),
                class_shown=shown,
                probability_before=_probability(old, row, shown),
                probability_after=_probability(new, row, shown),
                shift=moved,
            )
        )
    return movers


def task_movers(diff: TasksDiff, before: KeptRun, after: KeptRun, limit: int) -> list[tuple[str, Mover]]:
    """Return the labels that moved most between two runs on several tasks, each with its task, over all tasks."""
    found = [
        (one.task, mover)
        for one in diff.tasks
        if limit and not one.unchanged
        for split in one.splits
        for mover in _moved(SplitPair.of(before, after, one.task, split.split), split.split, limit)
    ]
    # Stable: equal moves come in the order of the tasks, and of the data.
    found.sort(key=lambda own: (own[1].before == own[1].after, -own[1].shift))
    return [(task, replace(one, text=_text(after, one.example_id))) for task, one in found[:limit]]


def _moved(pair: SplitPair, split: str, limit: int) -> list[Mover]:
    """Return the labels of one task and split that moved most, without what the examples say."""
    movers = []
    for at in pair.movers(limit).tolist():
        then, now = int(pair.then[at]), int(pair.now[at])
        before, after = pair.old.state(then), pair.new.state(now)
        shown = after
        if shown is None:
            rise = pair.new.probs[now] - (pair.old.probs[then] if pair.same_states else 0)
            shown = pair.new.states[int(np.argmax(rise))]
        probabilities = pair.old.probability(then, shown), pair.new.probability(now, shown)
        name = str(pair.ids[at])
        movers.append(Mover(name, split, "", before, after, shown, *probabilities, shift=float(pair.shift[at])))
    return movers


def _class_of(side: ExampleStates, row: int) -> Class | None:
    code = int(side.labels[row])
    return None if code < 0 else side.classes[code]


def _class_shown(old: ExampleStates, new: ExampleStates, row: int) -> Class:
    """Return the label after, or without one the class whose probability rose most."""
    label = _class_of(new, row)
    if label is not None:
        return label
    rise = new.millionths[row] - (old.millionths[row] if old.classes == new.classes else 0)
    return new.classes[int(np.argmax(rise))]


def _probability(side: ExampleStates, row: int, shown: Class) -> float:
    if shown not in side.classes:
        return 0.0
    return float(side.millionths[row, side.classes.index(shown)] / MILLION)


def _text(run: KeptRun, example_id: Any) -> str:
    """Return what an example says; nothing where the run did not keep it."""
    try:
        return shown_text(run.settings(), run.example(example_id).values)
    except LabelwrightError:
        return ""
