"""Labels of related tasks on real data without gold: one joint model beside a pipeline per task and majority vote."""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks import _multitask_methods as methods
from benchmarks import _multitask_sets as sets
from labelwright.analysis.metrics import macro_f1

DRAWS = 1_000
OURS = "joint"
# What is scored: classes on the examples to which a task applies, and all states, N/A among them, on all examples.
VIEWS = {"applicable": "given_applicable", "all": "state"}
METRICS = ("accuracy", "macro F1")

Floats = npt.NDArray[np.float64]
Row = dict[str, Any]


def bootstrap(n: int) -> Floats:
    """Return how often each example is drawn, shape (draws + 1, n); the first row is the sample itself."""
    chance = np.random.default_rng(0)
    drawn = chance.multinomial(n, np.full(n, 1 / n), size=DRAWS).astype(np.float64)
    return np.concatenate([np.ones((1, n)), drawn])


def measured(gold: sets.Ints, predicted: sets.Ints, weights: Floats, states: int) -> dict[str, Floats]:
    """Return each metric for each drawing, shape (draws + 1,); ``gold`` is known throughout."""
    return {
        "accuracy": weights @ (gold == predicted) / weights.sum(axis=1),
        "macro F1": macro_f1(gold, predicted, states)(weights),
    }


def interval(values: Floats) -> tuple[float, float, float]:
    """Return the value on the sample, and the 2.5 and 97.5 percentiles over drawings."""
    low, high = np.quantile(values[1:], [0.025, 0.975])
    return float(values[0]), float(low), float(high)


def evaluate(data: sets.TaskSet, train: sets.TaskVotes, rows: npt.NDArray[np.intp]) -> tuple[dict[str, Any], Row]:
    """Fit every method to ``train``, and score it at ``rows``: (method, view, metric, task) -> drawings."""
    votes, weights = data.votes.take(rows), bootstrap(len(rows))
    graph, found, seconds = votes.graph, {}, {}
    for name, method in methods.METHODS.items():
        started = time.process_time()
        decided = methods.decide(graph, method(train, votes))
        seconds[name] = time.process_time() - started
        for view, what in VIEWS.items():
            for task in graph.tasks:
                gold = data.gold[task.name][rows]
                states = len(task.classes if view == "applicable" else graph.states(task.name))
                known = np.flatnonzero((gold >= 0) & (gold < states))
                predicted = getattr(decided, what)[task.name][known]
                for metric, values in measured(gold[known], predicted, weights[:, known], states).items():
                    found[name, view, metric, task.name] = values
    return found, seconds


def scores(data: sets.TaskSet, part: str) -> list[Row]:
    """Score one set: "all" fits and scores all examples, "held out" fits those functions were written from."""
    rows = np.arange(data.votes.n) if part == "all" else np.flatnonzero(data.held_out)
    train = data.votes if part == "all" else data.votes.take(~data.held_out)
    found, seconds = evaluate(data, train, rows)
    out = []
    names = [*data.votes.graph.names, "mean of tasks"]
    for view in VIEWS:
        for metric in METRICS:
            for method in methods.METHODS:
                drawn = {t: found[method, view, metric, t] for t in names[:-1]}
                ours = {t: found[OURS, view, metric, t] for t in names[:-1]}
                for table in (drawn, ours):
                    table[names[-1]] = np.mean(list(table.values()), axis=0)
                for task in names:
                    row: Row = {"set": data.name, "part": part, "view": view, "metric": metric, "task": task}
                    row |= {"method": method, "value": interval(drawn[task]), "seconds": seconds[method]}
                    out.append(row | {"joint is ahead by": interval(ours[task] - drawn[task])})
    return out


def table(rows: Sequence[Row]) -> list[str]:
    """Return one set, part, view and metric as text: a line for each task."""
    first = rows[0]
    others = [m for m in methods.METHODS if m != OURS]
    lines = [
        "",
        f"{first['set']}, {first['part']} examples, {first['metric']}, {first['view']}: percent, "
        "and by how much joint is ahead (95 %, paired bootstrap)",
        f"{'task':15s}{'joint':>7s}" + "".join(f"{name:>29s}" for name in others),
    ]
    for task in dict.fromkeys(row["task"] for row in rows):
        own = {row["method"]: row for row in rows if row["task"] == task}
        cells = []
        for name in others:
            value, low, high = (100 * v for v in own[name]["joint is ahead by"])
            cells.append(f"{100 * own[name]['value'][0]:7.2f} {value:+6.2f} [{low:+6.2f},{high:+6.2f}]")
        lines.append(f"{task:15s}{100 * own[OURS]['value'][0]:7.2f}" + "".join(f"{cell:>29s}" for cell in cells))
    return lines


def verdicts(rows: Sequence[Row]) -> list[str]:
    """Say for each set whether joint is worse on a task beyond its interval, and how far it is ahead on the mean."""
    lines = [""]
    chosen = [row for row in rows if row["metric"] == "accuracy" and row["view"] == "all" and row["method"] != OURS]
    for which in dict.fromkeys((row["set"], row["part"], row["method"]) for row in chosen):
        own = [row for row in chosen if (row["set"], row["part"], row["method"]) == which]
        worse = [row["task"] for row in own[:-1] if row["joint is ahead by"][2] < 0]
        value, low, high = (100 * v for v in own[-1]["joint is ahead by"])
        said = f"worse on {', '.join(worse)}" if worse else "worse on no task"
        ahead = f"{value:+.2f} [{low:+.2f}, {high:+.2f}] on the mean"
        lines.append(f"{which[0]}, {which[1]}: joint beside {which[2]}: {ahead}; {said}")
    return lines


def describe(data: sets.TaskSet) -> str:
    votes = data.votes
    apart = votes.contradictions().mean()
    return (
        f"{data.name}: {votes.n:,} examples ({int(data.held_out.sum()):,} held out), {len(votes.graph.names)} tasks, "
        f"{len(votes.sources)} sources; votes contradict the graph on {apart:.1%} of the examples"
    )


def main(names: Sequence[str] = (), path: Path | None = None) -> None:
    warnings.simplefilter("ignore")
    there = [name for name in sets.names() if not names or name in names]
    if not there:
        print(f"none of {', '.join(sets.LOADERS)} is at {sets.ROOT} (set LABELWRIGHT_DATA)")
    kept: list[Row] = []
    for name in there:
        data = sets.load(name)
        print(f"\n{describe(data)}", flush=True)
        rows = [row for part in ("all", "held out") for row in scores(data, part)]
        for key in dict.fromkeys((row["part"], row["view"], row["metric"]) for row in rows):
            print(
                "\n".join(table([row for row in rows if (row["part"], row["view"], row["metric"]) == key])), flush=True
            )
        kept += rows
    if kept:
        print("\n".join(verdicts(kept)))
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="*", help="names of data sets; default: all that are there")
    parser.add_argument("--json", type=Path, help="where to write every score")
    given = parser.parse_args()
    main(given.sets, given.json)
