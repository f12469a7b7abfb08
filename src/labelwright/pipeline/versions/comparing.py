"""From a diff and its two runs to what a reader is told: texts, groups, source differences, paired scores."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from labelwright.analysis.comparison import (
    Comparison,
    DataChange,
    FunctionChange,
    LabelFlip,
    ParameterMove,
    RunLabel,
    SettingChange,
    SliceChange,
)
from labelwright.analysis.comparison_html import comparison_html
from labelwright.analysis.comparison_markdown import comparison_markdown
from labelwright.analysis.tasks.comparison import TaskChange, TasksComparison, tasks_comparison_markdown
from labelwright.analysis.tasks.comparison_page import tasks_comparison_html
from labelwright.core import atomic_write
from labelwright.core.errors import DataError
from labelwright.functions.versions import Explanation
from labelwright.pipeline.guarding import refuse_sources
from labelwright.pipeline.kept.both_labels import LabelsBySplit
from labelwright.pipeline.kept.keep import KeptRun
from labelwright.pipeline.settings import SPLITS, read_settings

from .aligning import align
from .changes import ExampleChanges, NamedChanges
from .diff import Diff, every_function
from .movers import example_movers, task_movers
from .pairing import paired_metrics
from .ranging import Ranges, learned_ranges, learned_task_ranges
from .task_diff import TasksDiff

__all__ = ["as_markdown", "compare_runs", "compare_task_runs", "write_comparison"]

_GROUPS_SHOWN = 10
_LINES_SHOWN = 200


def compare_runs(
    diff: Diff,
    before: KeptRun,
    after: KeptRun,
    *,
    labels: tuple[LabelsBySplit, LabelsBySplit],
    names: tuple[str, str] = ("", ""),
    limit: int,
    intervals: bool,
) -> Comparison:
    """Gather what a reader is told of two runs.

    Parameters
    ----------
    diff : Diff
        Of these two runs.
    before, after : KeptRun
    labels : (mapping of str to SoftLabels, mapping of str to SoftLabels)
        Their soft labels by split.
    names : (str, str)
        What the runs were called when they were asked for.
    limit : int
        The most movers.
    intervals : bool
        Fit the label model of ``before`` again for the intervals of what it learned.
    """
    ranges = learned_ranges(before, compute=intervals)
    groups = _groups(diff, after, labels[1])
    metrics, notes = paired_metrics(before, after, labels)
    return Comparison(
        project=_project(after),
        before=_label(before, names[0]),
        after=_label(after, names[1]),
        splits=[_split(diff, name) for name in diff.splits],
        groups=groups[:_GROUPS_SHOWN],
        group_count=len(groups),
        movers=example_movers(diff.examples, after, limit),
        moved=int((diff.examples.flipped | (diff.examples.shift > 0)).sum()),
        functions=_functions(diff.functions, before, after),
        parameters=_moves(diff.parameters, ranges.accuracies, ranges),
        class_balance=_moves(diff.class_balance, ranges.class_balance, ranges),
        interval_method=ranges.method,
        metrics=metrics,
        data=_data(diff.data),
        settings=_settings(diff.settings),
        notes=notes,
    )


def compare_task_runs(
    diff: TasksDiff,
    before: KeptRun,
    after: KeptRun,
    *,
    names: tuple[str, str] = ("", ""),
    limit: int,
    intervals: bool,
) -> TasksComparison:
    """Gather what a reader is told of two runs on several tasks.

    Parameters
    ----------
    diff : TasksDiff
        Of these two runs.
    before, after : KeptRun
    names : (str, str)
        What the runs were called when they were asked for.
    limit : int
        The most movers, over all tasks.
    intervals : bool
        Work out the intervals of what ``before`` learned, where it was not diagnosed.
    """
    ranges = learned_task_ranges(before, compute=intervals)
    return TasksComparison(
        project=_project(after),
        before=_label(before, names[0]),
        after=_label(after, names[1]),
        tasks=[
            TaskChange(one.task, one.splits, _moves(one.accuracies, found.accuracies, found), found.method)
            for one, found in ((one, ranges[one.task]) for one in diff.tasks)
        ],
        added=diff.added,
        removed=diff.removed,
        movers=task_movers(diff, before, after, limit),
        functions=_functions(diff.functions, before, after),
        settings=_settings(diff.settings),
    )


def write_comparison(
    folder: Path, diff: Diff | TasksDiff, *, markdown: Path | None = None, html: Path | None = None
) -> list[Path]:
    """Write what readers are told of a diff, whole or not at all, where paths are given; return these.

    Raises
    ------
    DataError
        If a path is the project's settings, functions, store or data, or the diff was composed of others.
    """
    told = diff.comparison
    if told is None:
        raise DataError("this diff has no comparison to write: it was composed; ask for the diff of the two runs.")
    todo: list[tuple[Path, Callable[[], str]]] = []
    if markdown is not None:
        todo.append((markdown, lambda: as_markdown(told)))
    if html is not None:
        todo.append((html, lambda: _as_page(told)))
    for path, _ in todo:
        refuse_sources(path, folder=folder, settings=read_settings(folder, several_tasks=None))
    for path, way in todo:
        atomic_write(path, way())
    return [path for path, _ in todo]


def as_markdown(told: Comparison | TasksComparison) -> str:
    """Lay out what readers are told of a diff as Markdown, on one task or several."""
    return tasks_comparison_markdown(told) if isinstance(told, TasksComparison) else comparison_markdown(told)


def _as_page(told: Comparison | TasksComparison) -> str:
    return tasks_comparison_html(told) if isinstance(told, TasksComparison) else comparison_html(told)


def _project(run: KeptRun) -> str:
    return run.settings().project.name or run.folder.resolve().name


def _settings(changes: NamedChanges) -> list[SettingChange]:
    return [SettingChange(key, _value(old), _value(new)) for key, (old, new) in changes.items.items()]


def _label(run: KeptRun, name: str) -> RunLabel:
    asked = "" if name.isdigit() or run.row.run_id.startswith(name) else name
    return RunLabel(run.row.number, run.row.run_id, f"{run.row.finished:%Y-%m-%d %H:%M} UTC", asked)


def _split(diff: Diff, name: str) -> SliceChange:
    flips = _flips(diff.examples, name)
    counts = (diff.examples.added(name), diff.examples.removed(name))
    return SliceChange(name, diff.stayed(name), sum(f.count for f in flips), *counts, flips)


def _flips(examples: ExampleChanges, where: Any) -> list[LabelFlip]:
    return [LabelFlip(*pair, count) for pair, count in examples.flips(where).items()]


def _groups(diff: Diff, after: KeptRun, labels: LabelsBySplit) -> list[SliceChange]:
    """Return the groups of the later run that have flips, most flips first; flips are told of as many as are shown."""
    found = []
    for code, split in enumerate(SPLITS):
        rows = np.flatnonzero(diff.examples.flipped & (diff.examples.splits == code))
        groups = after.groups(split) if len(rows) and "data" in after.row.artifacts else None
        if groups is None:
            continue
        place, mine = align(labels[split].example_ids, diff.examples.ids[rows])
        names, group, counts = np.unique(groups[place], return_inverse=True, return_counts=True)
        order = np.argsort(-counts, kind="stable")
        for rank, position in enumerate(order.tolist()):
            mask = np.zeros(len(diff.examples), dtype=bool) if rank < _GROUPS_SHOWN else None
            flips, size = [], 0
            if mask is not None:
                mask[rows[mine[group == position]]] = True
                flips, size = _flips(diff.examples, mask), int((groups == names[position]).sum())
            found.append(SliceChange(f"{names[position]} ({split})", size, int(counts[position]), 0, 0, flips))
    return sorted(found, key=lambda one: -one.flipped)


def _functions(changes: NamedChanges, before: KeptRun, after: KeptRun) -> list[FunctionChange]:
    old, new = ({f["name"]: f for f in every_function(run)} for run in (before, after))
    found = []
    for name in changes.items:
        if name not in old or name not in new:
            what = "added" if name in new else "removed"
            source = _source_diff(name, old.get(name, {}).get("source", ""), new.get(name, {}).get("source", ""))
            found.append(FunctionChange(name, what, (), source))  # type: ignore[arg-type]
        else:
            found.append(_changed_function(name, old[name], new[name]))
    order = {"changed": 0, "added": 1, "removed": 2, "rewritten": 3}
    return sorted(found, key=lambda one: order[one.what])


def _changed_function(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> FunctionChange:
    reasons = [
        f"{key} changed: {_value(old.get(key))} -> {_value(new.get(key))}"
        for key in ("kind", "labels", "fields", "field", "magnitude", "batched")
        if old.get(key) != new.get(key)
    ]
    explained = [Explanation.from_dict(f["explanation"]) for f in (old, new) if f.get("explanation")]
    if old["version"] != new["version"] and len(explained) == 2:
        reasons += explained[0].changes(explained[1])
    sources = [_source_diff(name, old.get("source", ""), new.get("source", ""))]
    own = {old.get("source", ""), new.get("source", "")}
    codes = [{p.name: p.text for p in one.parts if p.kind in ("function", "class")} for one in explained]
    if len(codes) == 2:
        for part in dict.fromkeys((*codes[0], *codes[1])):
            texts = codes[0].get(part, ""), codes[1].get(part, "")
            if texts[0] != texts[1] and not own & set(texts) - {""}:
                sources.append(_source_diff(part.rpartition(" > ")[2], *texts))
    what = "changed" if reasons or old["version"] != new["version"] else "rewritten"
    return FunctionChange(name, what, reasons, "\n".join(s for s in sources if s))  # type: ignore[arg-type]


def _source_diff(name: str, old: str, new: str) -> str:
    lines = list(
        difflib.unified_diff(old.splitlines(), new.splitlines(), f"{name} before", f"{name} after", lineterm="", n=3)
    )
    rest = len(lines) - _LINES_SHOWN
    return "\n".join(lines[:_LINES_SHOWN] + ([f"... and {rest} more lines"] if rest > 0 else []))


def _moves(
    changes: NamedChanges, known: Mapping[str, tuple[float, float] | None], ranges: Ranges
) -> list[ParameterMove]:
    """Return moves, those beyond their intervals first, then the largest."""
    moves = []
    for name, (old, new) in changes.items.items():
        before, after = (_figure(value) for value in (old, new))
        ends = known.get(name)
        if old is None or new is None:
            verdict = "new" if old is None else "gone"
        elif not ranges.computed:
            verdict = "not computed"
        elif ends is None or before is None or after is None:
            verdict = "no interval"
        else:
            verdict = "within" if ends[0] <= after <= ends[1] else "beyond"
        low, high = ends or (None, None)
        moves.append(ParameterMove(name, before, after, low, high, verdict))  # type: ignore[arg-type]
    return sorted(moves, key=lambda one: (one.verdict != "beyond", one.verdict not in ("new", "gone"), -one.distance))


def _figure(value: Any) -> float | None:
    found: float | None = value["accuracy"] if isinstance(value, dict) else value
    return found


def _data(changes: NamedChanges) -> DataChange | None:
    if not len(changes):
        return None
    came, went = changes.added.values(), changes.removed.values()
    return DataChange(len(came), sum(p["rows"] for p in came), len(went), sum(p["rows"] for p in went))


def _value(value: Any) -> str:
    return "" if value is None else json.dumps(value, ensure_ascii=False)
