"""Making what a run on several tasks kept once more, and comparing: bit for bit, or within 1e-9."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from labelwright.core import SoftLabels
from labelwright.core.stats_arrays import arrays_of_stats
from labelwright.data import read
from labelwright.labeling import LabelingFunction, apply
from labelwright.labelmodels import MultiTask, from_dict, to_dict
from labelwright.pipeline.kept.database import Database
from labelwright.pipeline.kept.keep import KeptRun, open_store
from labelwright.pipeline.kept.kept_intervals import ComponentIntervals
from labelwright.pipeline.kept.kept_tasks import ComponentVotes, read_by_name
from labelwright.pipeline.kept.learning import merged_stats
from labelwright.pipeline.kept.task_learning import label_part
from labelwright.pipeline.refreshing.finding_tasks import score_task
from labelwright.pipeline.source_files import read_source, write_source

from .remaking import Remade, differences_of, far_rows, judge_differences, loaded_functions

__all__ = [
    "remake_task_intervals",
    "remake_task_labels",
    "remake_task_models",
    "remake_task_scores",
    "remake_task_stats",
    "remake_task_votes",
]

_NAMES_SHOWN = 5


def remake_task_votes(run: KeptRun) -> Remade:
    """Apply the functions to the kept examples again; those whose version is not the run's cannot be."""
    versions, faults = run.functions(), list[str]()
    today, reason = loaded_functions(run.folder)
    same = [f for f in today if versions.get(f.name) == f.version]
    rest = set(versions) - {f.name for f in same}
    made = _compare_votes(run, same, faults)
    if rest and "source" in run.row.artifacts:
        with tempfile.TemporaryDirectory() as temporary:
            write_source(read_source(run.store, run.artifact("source")), Path(temporary))
            kept, _ = loaded_functions(Path(temporary))
            made |= _compare_votes(run, [f for f in kept if f.name in rest and versions[f.name] == f.version], faults)
    if faults:
        return Remade("differs", "; ".join(faults[:_NAMES_SHOWN]))
    if not made:
        why = reason or "none of today's functions has the version that the run applied"
        return Remade("not checked", f"no function could be applied again: {why}")
    left = sorted(set(versions) - made)
    done = f"{len(made)} of {len(versions)} functions applied to {run.kept_data.n:,} examples again"
    shown = f"; not {', '.join(left[:_NAMES_SHOWN])}, whose version is another today" if left else ""
    return Remade("equal", done + shown)


def remake_task_stats(run: KeptRun) -> Remade:
    """Sum the kept votes of train again, component by component."""
    data, wrong, keys = run.kept_data, list[str](), read_by_name(run.store, run.artifact("task_stats"))
    for name, votes in run.kept_task_votes.components.items():
        kept, total = merged_stats(run.store, keys[name]), None
        for part in votes.data.numbers:
            rows = data.part_rows(part, "train")
            if len(rows):
                own = MultiTask().summarize(votes.of_part(part, rows), about=votes.about(part))
                total = own if total is None else total + own
        if not _same_arrays(arrays_of_stats(kept), arrays_of_stats(total)):
            wrong.append(name)
    if wrong:
        return Remade("differs", f"the sums of {', '.join(wrong[:_NAMES_SHOWN])} are others")
    return Remade("equal", f"sums of {len(keys)} component{'s' * (len(keys) != 1)} of the task graph")


def remake_task_models(run: KeptRun) -> Remade:
    """Solve the joint label model of each component from the kept stats again."""
    stats, far = read_by_name(run.store, run.artifact("task_stats")), dict[str, float]()
    models = read_by_name(run.store, run.artifact("task_models"))
    for name, key in models.items():
        made = MultiTask().fit_stats(merged_stats(run.store, stats[name]), allow_silence=True)
        far |= {f"{name}: {place}": d for place, d in differences_of(run.store.get_json(key), to_dict(made))}
    return judge_differences(far, f"{len(models)} joint label model{'s' * (len(models) != 1)}")


def remake_task_intervals(run: KeptRun) -> Remade:
    """Work the intervals of each component out again, from the kept stats and the kept label model."""
    keys, far = read_by_name(run.store, run.artifact("task_intervals")), dict[str, float]()
    known = ComponentIntervals(Database(run.store, open_store(run.folder)[1]), run.row.artifacts)
    for name, key in keys.items():
        made = known.model(name).intervals().to_dict()
        far |= {f"{name}: {place}": d for place, d in differences_of(run.store.get_json(key), made)}
    return judge_differences(far, f"intervals of {len(keys)} joint label model{'s' * (len(keys) != 1)}")


def remake_task_labels(run: KeptRun) -> Remade:
    """Label the kept votes with the kept label models again."""
    far: dict[str, float] = {}
    models = read_by_name(run.store, run.artifact("task_models"))
    for name, votes in run.kept_task_votes.components.items():
        model: MultiTask = from_dict(run.store.get_json(models[name]))
        for part in votes.data.numbers:
            far |= _labels_apart(run, votes, model, part)
    return judge_differences(far, f"{run.kept_data.n:,} examples, {len(run.tasks)} tasks")


def remake_task_scores(run: KeptRun) -> Remade:
    """Score the kept labels again."""
    made: dict[str, dict[str, Any]] = {}
    for split in (split for split in run.splits if split != "train"):
        labels, vectors = run.task_labels(split), run.kept_task_labels.vectors(split)
        for task in run.tasks:
            one = score_task(task, labels, vectors, run.kept_data.gold(split, task), run.groups(split))
            if one is not None:
                made.setdefault(split, {})[task] = one.to_dict()
    return judge_differences(dict(differences_of(run.metrics(), made)), f"{len(made)} splits with gold")


def _compare_votes(run: KeptRun, functions: Sequence[LabelingFunction], faults: list[str]) -> set[str]:
    """Apply functions to every kept part; tell of votes that are others, and return the names of what was applied."""
    if not functions:
        return set()
    data, settings, kept = run.kept_data, run.settings(), run.kept_task_votes
    for part in range(len(data.parts)):
        # Of several data sets each is read by some functions, and is about some tasks.
        asked = {task: dict(votes.part_record(part).votes) for task, votes in kept.by_task.items()}
        running = [f for f in functions if any(f.name in names for names in asked.values())]
        if not running:
            continue
        dataset = read(data.part_frame(part), id=data.id_of(part), group=data.group_of(part))
        on_error, timeout = settings.apply.on_error, settings.apply.timeout
        votes = apply(running, dataset, tasks=run.graph, on_error=on_error, timeout=timeout)
        for task, own in ((task, own) for task, own in votes.by_task.items() if asked.get(task)):
            before = kept.by_task[task].of_part(part)
            for source in own.sources:
                meant = [[one.said(source, row) for row in range(one.n)] for one in map(_Said, (before, own))]
                wrong = [row for row, (was, now) in enumerate(zip(*meant, strict=True)) if was != now]
                if wrong:
                    faults.append(
                        f"{source} votes otherwise on {task} on {len(wrong):,} examples of part "
                        f"{data.parts[part].digest[:12]}, {data.id_at(part, wrong[0])} the first"
                    )
    return {f.name for f in functions}


class _Said:
    """What votes mean, whatever their codes."""

    def __init__(self, votes: Any) -> None:
        self.n = votes.n
        self._values = votes.values
        self._sources = votes.sources
        self._plain = [frozenset({code}) for code in range(len(votes.classes))]
        self._alphabet = votes.alphabet

    def said(self, source: str, row: int) -> frozenset[int] | None:
        """Return the states of which a source said that one holds; ``None`` where it abstains."""
        code = int(self._values[row, self._sources.index(source)])
        return None if code < 0 else list(self._alphabet.get(source, self._plain))[code]


def _labels_apart(run: KeptRun, votes: ComponentVotes, model: MultiTask, part: int) -> dict[str, float]:
    made, ids = label_part(model, votes, part), votes.data.part_ids(part)
    far: dict[str, float] = {}
    for task in votes.graph.names:
        kept, states = run.kept_task_labels.part(task, part), votes.graph.states(task)
        labels, again = (
            SoftLabels(one["probs"], one["covered"], classes=states, example_ids=ids) for one in (kept, made[task])
        )
        far |= {f"{task}, {place}": d for place, d in far_rows(f"part {part + 1}", labels, again).items()}
        if not np.array_equal(kept["vector"], made[task]["vector"]):
            far[f"{task}, part {part + 1}: the most probable label vectors"] = float("inf")
    return far


def _same_arrays(one: Any, other: Any) -> bool:
    if one is None or other is None:
        return one is other
    return one.keys() == other.keys() and all(
        one[name].dtype == other[name].dtype and np.array_equal(one[name], other[name]) for name in one
    )
