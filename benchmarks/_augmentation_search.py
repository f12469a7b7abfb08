"""Settings of all rows of a task of images, searched alike on images held out of the training part."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks._augmentation_images import LEARNED, Task, run
from benchmarks._augmentation_records import Records

RIVALS = ("random", "RandAugment", "TrivialAugment")


def searched(task: Task, rows: Collection[str], seeds: range, records: Records, device: str) -> Task:
    """Return the task with what was best for ``rows`` on held-out images, and print all that was tried.

    First, which of the rivals come on top of the basics, as is usual in practice: those that gain by it at the settings
    of the task, in the mean over seeds. Then each row's own settings with the first seed, its length first, then the
    other one at the best length; the best two of all with the other seeds too, and the highest mean is taken.
    """

    def score(row: str, seed: int, tried: Task) -> float:
        settings = tried.fingerprint(row)
        found = records.run(
            lambda: run(tried, row, seed, development=True, device=device),
            task=task.name, row=row, seed=seed, settings=settings,
        )  # fmt: skip
        return float(found["score"])

    for row in (row for row in RIVALS if row in rows):
        alone, over = ([score(row, seed, replace(task, over_basics=over)) for seed in seeds] for over in ((), (row,)))
        if sum(over) > sum(alone):
            task = replace(task, over_basics=(*task.over_basics, row))
        print(f"  {row}: {_shown(alone)} alone, {_shown(over)} on top of the basics", flush=True)
    for row, trials in ((row, trials) for row, trials in task.trials.items() if row in rows):
        found: dict[str, list[float]] = {}
        change: dict[str, Any] = {}
        for name, values in trials.items():
            for value in values:
                tried = {**change, name: value}
                found[json.dumps(tried)] = [score(row, seeds[0], task.tried(row, tried))]
            change = json.loads(max(found, key=lambda each: found[each][0]))
        leading = sorted(found, key=lambda each: -found[each][0])[:2]
        for each in leading:
            found[each] += [score(row, seed, task.tried(row, json.loads(each))) for seed in seeds[1:]]
        best = max(leading, key=lambda each: float(np.mean(found[each])))
        task = _with(task, row, json.loads(best))
        print("\n".join(f"  {row}, {each}: {_shown(scores)}" for each, scores in found.items()))
        print(f"  {row}: {best} is taken", flush=True)
    return task


def _with(task: Task, row: str, change: Mapping[str, Any]) -> Task:
    """Return the task with a row's settings; what was found with one generator holds for all."""
    for each in (name for name in task.lengths if name == row or (row in LEARNED and name in LEARNED)):
        task = task.tried(each, change)
    return task


def _shown(scores: list[float]) -> str:
    return " ".join(f"{score:.2f}" for score in scores) + (f" (mean {np.mean(scores):.2f})" if len(scores) > 1 else "")
