"""Labels of simulated hierarchies without gold: one joint model beside a model for each task and majority vote."""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

import labelwright as lw
from labelwright.labelmodels import LabelModel, MajorityVote, MultiTask

# How often a source votes where its task applies, and where it does not: seldom, less often, and as often.
COVERAGE, ELSEWHERE = 0.3, (0.02, 0.1, 0.3)
NAMES = ("joint", "separate", "majority")

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


def forest(trees: int) -> lw.TaskGraph:
    """Return three-level trees of binary tasks: every class of a task is refined by one more."""
    tasks, relations = [], []
    for tree in range(trees):
        for above in ("", *"ab", *("aa", "ab", "ba", "bb")):
            tasks.append(lw.Task(f"{tree}{above}", ["a", "b"]))
            if above:
                relations.append(lw.Refines(f"{tree}{above}", f"{tree}{above[:-1]}", above[-1]))
    return lw.TaskGraph(tasks, relations)


def simulated(
    graph: lw.TaskGraph, n: int, rng: np.random.Generator, elsewhere: float, *, coverage: float = COVERAGE, m: int = 3
) -> tuple[dict[str, Integers], lw.TaskVotes, dict[str, Floats]]:
    """Return true states, votes and accuracies.

    A class has a probability from .35 to .65, a source an accuracy from .6 to .8 where its task applies; where it does
    not it votes for either class as often.
    """
    truth: dict[str, Integers] = {}
    by_task, accuracies = {}, {}
    for name in graph.names:
        true = (rng.random(n) < rng.uniform(0.35, 0.65)).astype(np.int64)
        if (parent := name[:-1]) in truth:
            true = np.where(truth[parent] == "ab".index(name[-1]), true, 2)
        applies, own = (true < 2)[:, None], rng.uniform(0.6, 0.8, size=m)
        said = np.where(rng.random((n, m)) < own, true[:, None], 1 - true[:, None])
        said = np.where(applies, said, rng.integers(0, 2, size=(n, m)))
        speaks = rng.random((n, m)) < np.where(applies, coverage, elsewhere)
        row, column = np.nonzero(speaks)
        by_task[name] = lw.Votes.from_entries(
            row,
            column,
            said[row, column],
            shape=(n, m),
            classes=["a", "b"],
            sources=[f"{name}.{j}" for j in range(m)],
        )
        truth[name], accuracies[name] = true, own
    return truth, lw.TaskVotes(graph, by_task), accuracies


def correct(probs: Floats, true: Integers) -> float:
    """Return the share of the examples to which a task applies that get their class; a tie counts half."""
    applies = true < 2
    difference = np.round(probs[applies, 1] - probs[applies, 0], 12)
    return float((((np.sign(difference) + 1) / 2) * np.where(true[applies] == 1, 1, -1) + (true[applies] == 0)).mean())


def trial(graph: lw.TaskGraph, n: int, seed: int, elsewhere: float) -> Floats:
    """Return the mean accuracy over tasks of each method."""
    truth, votes, _ = simulated(graph, n, np.random.default_rng(seed), elsewhere)
    joint = MultiTask().fit(votes).predict_proba(votes)
    rows = []
    for task, true in truth.items():
        plain = lw.Votes(votes.by_task[task].rows, classes=2)
        alone = LabelModel().fit(plain).predict_proba(plain)
        majority = MajorityVote().fit(plain).predict_proba(plain)
        rows.append([correct(p, true) for p in (joint[task], alone, majority)])
    return np.mean(rows, axis=0)


def gain(trees: int, n: int, seeds: int) -> None:
    """Print the accuracy of each method, and by how much the joint model is ahead."""
    graph = forest(trees)
    print(f"{trees} trees ({len(graph.names)} tasks), 3 sources each, {n:,} examples, {seeds} seeds; accuracy where")
    print("a task applies, mean over tasks, and how far joint is ahead (95 % over seeds)")
    heads = ("votes where N/A", *NAMES, "on separate", "on majority")
    print("".join(f"{head:>{width}s}" for head, width in zip(heads, (16, 8, 10, 10, 18, 18), strict=True)))
    for elsewhere in ELSEWHERE:
        found = 100 * np.array([trial(graph, n, seed, elsewhere) for seed in range(seeds)])
        cells = []
        for other in (1, 2):
            ahead = found[:, 0] - found[:, other]
            cells.append(f"{ahead.mean():+8.2f} +- {1.96 * ahead.std(ddof=1) / np.sqrt(seeds):.2f}")
        mean = found.mean(axis=0)
        print(
            f"{elsewhere:16.2f}{mean[0]:8.2f}{mean[1]:10.2f}{mean[2]:10.2f}{cells[0]:>18s}{cells[1]:>18s}", flush=True
        )


def error(sizes: Sequence[int], seeds: int) -> None:
    """Print how the error of accuracies and rates of speaking falls with the number of examples.

    The slope of log error on log n is taken for each seed, and their mean has an interval of Student's t over seeds.
    """
    graph, found = forest(1), np.full((seeds, len(sizes), 2), np.nan)
    for seed in range(seeds):
        for place, n in enumerate(sizes):
            _, votes, accuracies = simulated(graph, n, np.random.default_rng(seed), 0.1, coverage=0.6, m=5)
            model = MultiTask().fit(votes)
            rates = model.params_.components[0].rates
            found[seed, place, 0] = np.abs(model.accuracies_["0"] - accuracies["0"]).mean()
            found[seed, place, 1] = np.mean([np.abs(r[:, 0, 0] - 0.6).mean() for r in rates.values()])
        if seed:
            _show_slopes(sizes, found[: seed + 1])


def _show_slopes(sizes: Sequence[int], found: Floats) -> None:
    """Print mean errors at each size, and the slopes, after some seeds, shape (seeds, sizes, 2)."""
    print(f"\n{len(found)} seeds")
    for n, (roots, rates) in zip(sizes, found.mean(axis=0), strict=True):
        print(f"n = {n:9,}: accuracies of root tasks {roots:.4f}, rates of speaking {rates:.4f}")
    for c, what in enumerate(("accuracies of root tasks", "rates of speaking")):
        slopes = np.polyfit(np.log(sizes), np.log(found[:, :, c]).T, 1)[0]
        half = stdtrit(len(slopes) - 1, 0.975) * slopes.std(ddof=1) / np.sqrt(len(slopes))
        print(f"slope of log error on log n, {what}: {slopes.mean():.2f} +- {half:.2f}", flush=True)


def coverage(n: int, sets: int) -> None:
    """Print how often intervals of 95 % hold the truth: sources' accuracies, shares of states, rates of speaking."""
    graph, held = forest(1), dict[str, list[npt.NDArray[np.bool_]]]()
    for seed in range(sets):
        truth, votes, accuracies = simulated(graph, n, np.random.default_rng(seed), 0.1, coverage=0.6, m=5)
        found = MultiTask().fit(votes).intervals()
        for task, own in accuracies.items():
            shares = np.bincount(truth[task], minlength=len(graph.states(task))) / n
            told = [("accuracies", found[task].accuracies, own), ("shares", found[task].class_balance, shares)]
            if task in found.speaking:
                told += [
                    (what, told_of, np.full(len(own), rate))
                    for what, told_of, rate in zip(
                        ("applies", "elsewhere"), found.speaking[task], (0.6, 0.1), strict=True
                    )
                ]
            for what, one, true in told:
                known = np.isfinite(one.low)
                held.setdefault(what, []).append((one.low <= true)[known] & (true <= one.high)[known])
        shown = ", ".join(f"{what} {np.concatenate(some).mean():.1%}" for what, some in held.items())
        print(f"{seed + 1} sets of {n:,} examples: {shown}", flush=True)


def scale(n: int) -> None:
    """Print what a tree of 200 tasks with 1,000 sources takes."""
    tasks = [lw.Task(f"t{i}", ["a", "b"]) for i in range(200)]
    relations = [lw.Refines(f"t{i}", f"t{(i - 1) // 2}", "ab"[(i - 1) % 2]) for i in range(1, 200)]
    graph, rng, truth, by_task = lw.TaskGraph(tasks, relations), np.random.default_rng(0), {}, {}
    for i, name in enumerate(graph.names):
        true = rng.integers(0, 2, n)
        truth[i] = true if i == 0 else np.where(truth[(i - 1) // 2] == (i - 1) % 2, true, 2)
        speaks = rng.random((n, 5)) < np.where(truth[i] < 2, 0.05, 0.01)[:, None]
        row, column = np.nonzero(speaks)
        said = np.where(rng.random(len(row)) < 0.75, true[row], 1 - true[row])
        names = [f"{name}.{j}" for j in range(5)]
        by_task[name] = lw.Votes.from_entries(row, column, said, shape=(n, 5), classes=["a", "b"], sources=names)
    votes, model = lw.TaskVotes(graph, by_task), MultiTask()
    clock, began = time.perf_counter(), time.process_time()
    stats = model.summarize(votes)
    summed = time.process_time()
    params = model.solve(stats)
    solved, passed = time.process_time(), time.perf_counter() - clock
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"200 tasks, 1,000 sources, {n:,} examples: stats {summed - began:.1f} s and solve {solved - summed:.1f} s")
    print(f"of processor time, {passed:.1f} s by the clock; peak {memory:.2f} GB")
    started = time.process_time()
    model.summarize(votes, tasks=["t150"])
    share = (time.process_time() - started) / (summed - began)
    print(f"after an edit of one function: {100 * share:.1f} % of the sums again")
    started = time.process_time()
    model.posterior(params, votes)
    print(f"labels: {time.process_time() - started:.1f} s")


def main() -> None:
    """Run the first three; ``--trees``, ``--examples``, ``--seeds`` and ``--largest`` make it smaller."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--trees", type=int, default=10)
    parser.add_argument("--examples", type=int, default=5000)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--largest", type=int, default=256_000, help="the most examples of which errors are taken")
    parser.add_argument("--only", choices=["gain", "error", "scale", "intervals"])
    chosen, _ = parser.parse_known_args()
    if chosen.only in (None, "gain"):
        gain(chosen.trees, chosen.examples, chosen.seeds)
    if chosen.only in (None, "error"):
        sizes = [n for n in (1000, 4000, 16_000, 64_000, 256_000) if n <= chosen.largest]
        error(sizes, min(chosen.seeds, 10))
    if chosen.only == "intervals":
        coverage(4000, chosen.seeds)
    if chosen.only in (None, "scale"):
        scale(100_000)


if __name__ == "__main__":
    main()
