"""What differs between two runs on several tasks: functions, settings, and task by task labels and scores."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.analysis import paired_difference
from labelwright.analysis.comparison import ParameterMove
from labelwright.analysis.comparison_rows import label_name
from labelwright.analysis.tables import text_table
from labelwright.analysis.tasks.comparison import MOVERS, SplitChanges, TasksComparison
from labelwright.core import Class, SoftLabels
from labelwright.core.errors import ProjectError
from labelwright.pipeline.kept.keep import KeptRun
from labelwright.pipeline.kept.kept_task import KeptTask

from .changes import NamedChanges
from .diff import changed_functions, changed_settings

__all__ = ["SplitChanges", "SplitLabels", "SplitPair", "TaskChanges", "TasksDiff", "diff_tasks"]

# Probabilities that differ by less are the same, as they are written.
_SAME = 1e-6
_FLIPS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class TaskChanges:
    """What became of one task that both runs have.

    Parameters
    ----------
    task : str
    splits : tuple of SplitChanges
    accuracies : NamedChanges
        By function: what the label model learned of it; ``None`` where it is unknown.
    """

    task: str
    splits: tuple[SplitChanges, ...]
    accuracies: NamedChanges

    @property
    def unchanged(self) -> bool:
        """Whether its labels are the same."""
        return all(one.unchanged for one in self.splits)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        splits = {one.split: one.to_dict() for one in self.splits}
        return {"splits": splits, "accuracies": self.accuracies.to_dict()}


@dataclass(frozen=True, slots=True)
class TasksDiff:
    """What differs between two runs on several tasks.

    Parameters
    ----------
    before, after : tuple of (int, str)
        Number and id of each run.
    tasks : tuple of TaskChanges
        Those that both runs have.
    added, removed : tuple of str
        Tasks that one run alone has.
    functions, settings : NamedChanges
        As in `labelwright.pipeline.versions.diff.Diff`.
    comparison : TasksComparison, optional
        The same for readers, with what only the runs themselves can give; it takes no part in equality.
    """

    before: tuple[int, str]
    after: tuple[int, str]
    tasks: tuple[TaskChanges, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    functions: NamedChanges
    settings: NamedChanges
    comparison: TasksComparison | None = field(default=None, compare=False, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "before": {"number": self.before[0], "run_id": self.before[1]},
            "after": {"number": self.after[0], "run_id": self.after[1]},
            "tasks": {one.task: one.to_dict() for one in self.tasks},
            "tasks_added": list(self.added),
            "tasks_removed": list(self.removed),
            "functions": self.functions.to_dict(),
            "settings": self.settings.to_dict(),
            **self._movers(),
            **self._learned(),
        }

    def _movers(self) -> dict[str, Any]:
        """Return the labels that moved most, where they were looked for."""
        if self.comparison is None:
            return {}
        movers = [{"task": task, **asdict(mover)} for task, mover in self.comparison.movers]
        return {"movers": movers, "moved": self.comparison.moved}

    def _learned(self) -> dict[str, Any]:
        """Return what was learned of functions with its intervals, by task, where these were asked for."""
        moves = {} if self.comparison is None else {one.task: one.accuracies for one in self.comparison.tasks}
        if not any(_judged(move) for own in moves.values() for move in own):
            return {}
        return {"learned": {task: [asdict(move) for move in own] for task, own in moves.items()}}

    def to_text(self) -> str:
        """Return lines for a terminal."""
        lines = [f"Run {self.before[0]} ({self.before[1]}) to run {self.after[0]} ({self.after[1]})"]
        for what, names in (("Tasks added", self.added), ("Tasks removed", self.removed)):
            lines += [f"{what}: {', '.join(names)}"] if names else []
        for what, changes in (("Functions", self.functions), ("Settings", self.settings)):
            lines += list(_named(what, changes))
        for one in self.tasks:
            lines += list(_shown(one, {} if self.comparison is None else self.comparison.moves(one.task)))
        same = [one.task for one in self.tasks if one.unchanged]
        if same:
            lines.append(f"Labels are the same on {', '.join(same)}.")
        if self.comparison is not None and self.comparison.movers:
            shown = f"{len(self.comparison.movers):,} of {self.comparison.moved:,}"
            lines += [f"\nLargest movers: {shown}", text_table(self.comparison.movers, MOVERS)]
        return "\n".join(lines)


def diff_tasks(before: KeptRun, after: KeptRun) -> TasksDiff:
    """Compare two kept runs on several tasks; reads their labels, and gold of the later run for scores alone.

    Raises
    ------
    ProjectError
        If one of them is a run on one task.
    """
    for run in (before, after):
        if not run.tasks:
            raise ProjectError(f"run {run.row.number} is on one task, and the other on several; they do not compare.")
    both = [task for task in after.tasks if task in before.tasks]
    return TasksDiff(
        (before.row.number, before.row.run_id),
        (after.row.number, after.row.run_id),
        tuple(_task(before, after, task) for task in both),
        tuple(task for task in after.tasks if task not in before.tasks),
        tuple(task for task in before.tasks if task not in after.tasks),
        changed_functions(before, after),
        changed_settings(before, after),
    )


def _task(before: KeptRun, after: KeptRun, task: str) -> TaskChanges:
    first, second = before.of_task(task), after.of_task(task)
    splits = list(dict.fromkeys([*after.splits, *before.splits]))
    learned = [_accuracies(first), _accuracies(second)]
    return TaskChanges(
        task,
        tuple(_split(before, after, task, split) for split in splits),
        NamedChanges.between(*learned),
    )


def _accuracies(kept: KeptTask) -> dict[str, Any]:
    return {
        name: {"accuracy": None if math.isnan(value) else round(value, 6)} for name, value in kept.accuracies().items()
    }


def _split(before: KeptRun, after: KeptRun, task: str, split: str) -> SplitChanges:
    pair = SplitPair.of(before, after, task, split)
    old, new, now = pair.old, pair.new, pair.now
    flips = Counter((a, b) for a, b in zip(*pair.names, strict=True) if a != b)
    stayed = len(pair.ids)
    gold = None if split == "train" or not stayed else after.of_task(task).gold(split)
    known = None if gold is None else gold[now]
    groups = after.groups(split)
    accuracy = None
    if known is not None and (known >= 0).any() and pair.same_states:
        accuracy = paired_difference(
            new.certain(now), old.certain(pair.then), known, groups=None if groups is None else groups[now]
        )
    return SplitChanges(
        split=split,
        stayed=stayed,
        added=len(new.place) - stayed,
        removed=len(old.place) - stayed,
        moved=int(pair.moved.sum()) if pair.same_states else stayed,
        flips=tuple((a, b, n) for (a, b), n in flips.most_common()),
        accuracy=accuracy,
    )


@dataclass(frozen=True, slots=True, eq=False)
class SplitLabels:
    """The labels of one run on one task and split: where each example stands, its state and its probabilities."""

    place: Mapping[Any, int]
    codes: npt.NDArray[np.int64]
    probs: npt.NDArray[np.float64]
    states: tuple[Class, ...]

    @classmethod
    def of(cls, run: KeptRun, kept: KeptTask, split: str) -> SplitLabels:
        """Read them; none where the run has no such split."""
        if split not in run.splits:
            return cls({}, np.empty(0, dtype=np.int64), np.empty((0, len(kept.states))), kept.states)
        soft = kept.soft_labels(split)
        codes = np.where(soft.covered, kept.vector(split), -1)
        return cls({i: row for row, i in enumerate(soft.example_ids.tolist())}, codes, soft.probs, kept.states)

    def state(self, row: int) -> Class | None:
        """Return the label of a row; ``None`` where nothing is known of the example."""
        code = int(self.codes[row])
        return None if code < 0 else self.states[code]

    def probability(self, row: int, state: Class) -> float:
        """Return P(state) of a row; 0 where the task had no such state."""
        return float(self.probs[row, self.states.index(state)]) if state in self.states else 0.0

    def names(self, rows: npt.NDArray[np.int64]) -> list[str]:
        """Return the labels of some rows by name."""
        return [label_name(self.state(row)) for row in rows.tolist()]

    def certain(self, rows: npt.NDArray[np.int64]) -> SoftLabels:
        """Return the labels of some rows as they are written."""
        codes = self.codes[rows]
        return SoftLabels(np.eye(len(self.states))[codes], codes >= 0, classes=self.states)


@dataclass(frozen=True, slots=True, eq=False)
class SplitPair:
    """The labels of two runs on one task and split, example by example.

    Parameters
    ----------
    old, new : SplitLabels
    ids : list of (str or int)
        The examples that both have, in the order of the later run.
    then, now : ndarray of int64, shape (examples,)
        Where they stand in each.
    """

    old: SplitLabels
    new: SplitLabels
    ids: list[Any]
    then: npt.NDArray[np.int64]
    now: npt.NDArray[np.int64]

    @classmethod
    def of(cls, before: KeptRun, after: KeptRun, task: str, split: str) -> SplitPair:
        """Read the labels of both runs."""
        old, new = (SplitLabels.of(run, run.of_task(task), split) for run in (before, after))
        ids = [i for i in new.place if i in old.place]
        then, now = (np.array([one.place[i] for i in ids], dtype=np.int64) for one in (old, new))
        return cls(old, new, ids, then, now)

    @property
    def same_states(self) -> bool:
        """Whether probabilities of both runs are of the same states."""
        return self.old.states == self.new.states

    @property
    def names(self) -> tuple[list[str], list[str]]:
        """The labels of both runs by name."""
        return self.old.names(self.then), self.new.names(self.now)

    @property
    def flipped(self) -> npt.NDArray[np.bool_]:
        """Whether the label is another one, shape (examples,)."""
        return np.array([a != b for a, b in zip(*self.names, strict=True)], dtype=bool)

    @property
    def shift(self) -> npt.NDArray[np.float64]:
        """Total variation distance between the probabilities, shape (examples,); 0 where states differ."""
        return np.asarray(np.abs(self._differences).sum(axis=1) / 2)

    @property
    def moved(self) -> npt.NDArray[np.bool_]:
        """Whether some probability differs, shape (examples,)."""
        return np.asarray(np.abs(self._differences).max(axis=1) > _SAME)

    def movers(self, limit: int) -> npt.NDArray[np.int64]:
        """Return the examples whose labels moved most: flips first, then by `shift`; those that moved alone."""
        flipped = self.flipped
        some = np.flatnonzero(flipped | self.moved)
        # Stable: equal moves come in the order of the data.
        return np.asarray(some[np.argsort(-(self.shift + 2.0 * flipped)[some], kind="stable")][:limit])

    @property
    def _differences(self) -> npt.NDArray[np.float64]:
        if not self.same_states:
            return np.zeros((len(self.ids), 1))
        return np.asarray(self.new.probs[self.now] - self.old.probs[self.then])


def _named(what: str, changes: NamedChanges) -> Iterator[str]:
    parts = [("added", changes.added), ("removed", changes.removed), ("changed", changes.changed)]
    said = [f"{verb} {', '.join(found)}" for verb, found in parts if found]
    if said:
        yield f"{what}: {'; '.join(said)}"


def _shown(one: TaskChanges, moves: Mapping[str, ParameterMove]) -> Iterator[str]:
    if one.unchanged:
        return
    yield f"\n{one.task}"
    for split in (split for split in one.splits if not split.empty):
        come = f", {split.added:,} added, {split.removed:,} removed" if split.added or split.removed else ""
        yield f"  {split.split}: {split.flipped:,} of {split.stayed:,} labels changed, {split.moved:,} moved{come}"
        for a, b, n in split.flips[:_FLIPS_SHOWN]:
            yield f"    {a} -> {b}: {n:,}"
        if split.accuracy is not None and split.accuracy.known and split.flipped:
            e = split.accuracy
            yield (f"    accuracy {100 * e.value:+.1f} points ({100 * e.low:+.1f} to {100 * e.high:+.1f}), n = {e.n:,}")
    learned = {name: (a["accuracy"], b["accuracy"]) for name, (a, b) in one.accuracies.changed.items()}
    for name, (a, b) in learned.items():
        was, now = ("unknown" if value is None else f"{value:.1%}" for value in (a, b))
        move = moves.get(name)
        told = f" ({move.verdict}{_ends(move)})" if move is not None and _judged(move) else ""
        yield f"  {name}: learned accuracy {was} -> {now}{told}"


def _judged(move: ParameterMove) -> bool:
    """Whether intervals were worked out for it."""
    return move.low is not None or move.verdict == "no interval"


def _ends(move: ParameterMove) -> str:
    return "" if move.low is None or move.high is None else f" {move.low:.1%} to {move.high:.1%}"
