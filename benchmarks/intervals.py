"""How often intervals hold the truth, and the fit test rejects what fits, over simulated sets of votes.

``python -m benchmarks.intervals --sets 2000 --keep FOLDER`` writes a line for each set, so that it can be stopped and
goes on where it stopped; ``--figure FILE.svg`` draws what was kept.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.labelmodels import BaseLabelModel, LabelModel
from labelwright.labelmodels.completion.matrix_completion import MatrixCompletion
from labelwright.labelmodels.findings.fit_test import fit_test

from ._intervals_figure import Line, write

Floats = npt.NDArray[np.float64]

SETS = 100
N = 5_000
ACCURACIES = np.linspace(0.6, 0.85, 8)
EDGE = (0, 1)
# The share of examples on which source 1 copies source 0.
COPIED = 0.3
LEVEL = 0.95


@dataclass(frozen=True)
class World:
    """Where votes come from: classes, of which the first has the share ``first``; coverage; share copied; examples."""

    first: float = 0.5
    coverage: float = 1.0
    copied: float = 0.0
    k: int = 2
    n: int = N

    @property
    def balance(self) -> Floats:
        """P(Y): the first class, and the others alike."""
        return np.array([self.first, *[(1 - self.first) / (self.k - 1)] * (self.k - 1)])

    @property
    def accuracies(self) -> Floats:
        """P(vote = Y) of each source."""
        out = ACCURACIES.copy()
        out[EDGE[1]] += self.copied * (out[EDGE[0]] - out[EDGE[1]])
        return out

    def votes(self, seed: int) -> npt.NDArray[np.int64]:
        """Sources that are independent given the truth, but for one that copies another on some examples."""
        rng = np.random.default_rng(seed)
        truth = rng.choice(self.k, self.n, p=self.balance)
        right = rng.random((self.n, len(ACCURACIES))) < ACCURACIES
        wrong = (truth[:, None] + rng.integers(1, self.k, right.shape)) % self.k
        L = np.where(right, truth[:, None], wrong)
        L[:, EDGE[1]] = np.where(rng.random(self.n) < self.copied, L[:, EDGE[0]], L[:, EDGE[1]])
        return np.where(rng.random(L.shape) < self.coverage, L, -1)


WORLDS = {
    "balanced": World(),
    "10 % positive": World(first=0.9),
    "coverage .3": World(coverage=0.3),
    "one edge": World(copied=COPIED),
}
NULLS = {title: world for title, world in WORLDS.items() if not world.copied} | {
    "four classes": World(0.25, k=4, n=2_000)
}
EDGES = {f"edge {share:.0%}": World(copied=share) for share in (0.02, 0.05, 0.1, 0.2)}
MODELS: dict[str, Callable[[bool], BaseLabelModel[Any, Any]]] = {
    "MatrixCompletion": lambda edge: MatrixCompletion(dependencies=[EDGE] if edge else None),
    "LabelModel": lambda _: LabelModel(),
}


@dataclass(frozen=True)
class Case:
    """One row of a table: what is measured, of which model, in which world."""

    what: str
    model: str
    title: str
    world: World

    def run(self, seed: int) -> dict[str, Any]:
        """Return what one simulated set gives, as plain values."""
        warnings.simplefilter("ignore")
        L = self.world.votes(seed)
        started = time.perf_counter()
        if self.what == "fit":
            # The model is told of no dependency: where there is one, rejecting is power.
            model = MODELS[self.model](False).fit(L)
            return {"p_value": fit_test(model, L).p_value, "seconds": time.perf_counter() - started}
        found = MODELS[self.model](self.world.copied > 0).fit(L).intervals(LEVEL)
        out: dict[str, Any] = {"seconds": time.perf_counter() - started}
        for what in ("estimate", "standard_error", "low", "high"):
            out[what] = [*getattr(found.accuracies, what), *getattr(found.class_balance, what)[1:]]
        return out

    def file(self, folder: Path) -> Path:
        """Return where the results of the sets are kept."""
        name = "".join(c if c.isalnum() else "_" for c in f"{self.what} {self.model} {self.title}")
        return folder / f"{name}.jsonl"


def results(case: Case, sets: int, folder: Path | None, pool: Any) -> list[dict[str, Any]]:
    """Return the results of the first ``sets`` sets, those that were kept and the others made now."""
    kept = None if folder is None else case.file(folder)
    text = kept.read_text() if kept is not None and kept.exists() else ""
    # The last line is half a line where a run was killed.
    found = {one["seed"]: one for one in (json.loads(line) for line in text.split("\n")[:-1])}
    if kept is not None and text and not text.endswith("\n"):
        kept.write_text(text[: text.rfind("\n") + 1])
    # No sets asked for: what was kept is all that is wanted.
    tasks = [(case, seed) for seed in range(sets) if seed not in found]
    made: Iterator[dict[str, Any]] = map(one_set, tasks) if pool is None else pool.imap(one_set, tasks, chunksize=4)
    for one in made:
        found[one["seed"]] = one
        if kept is not None:
            with kept.open("a") as file:
                file.write(json.dumps(one) + "\n")
    return [found[seed] for seed in sorted(found) if seed < sets or not sets]


def one_set(task: tuple[Case, int]) -> dict[str, Any]:
    """Return the results of one set with its seed."""
    case, seed = task
    return {"seed": seed, **case.run(seed)}


def coverage(cases: list[Case], sets: int, folder: Path | None, pool: Any) -> list[Line]:
    """Print how often intervals hold, for each case, and return what to draw."""
    lines = []
    print(f"\nIntervals of 95 %, sets of {N:,} examples and {len(ACCURACIES)} sources: share that held")
    print(
        f"{'model':17} {'world':14} {'sets':>6} {'pooled':>7} {'lowest':>7} {'none':>6} {'bias/sd':>8} {'se/sd':>6} "
        f"{'s a set':>8}"
    )
    for case in cases:
        rows = results(case, sets, folder, pool)
        if not rows:
            continue
        estimate, error, low, high = (
            np.array([row[what] for row in rows]) for what in ("estimate", "standard_error", "low", "high")
        )
        truth = np.r_[case.world.accuracies, case.world.balance[1:]]
        # A parameter without an interval says so with a reason: it is counted apart, in the column "none".
        known = np.isfinite(low)
        held = np.where(known, (low <= truth) & (truth <= high), np.nan)
        spread = np.nanstd(estimate, axis=0)
        bias = np.nanmax(np.abs(np.nanmean(estimate - truth, axis=0) / spread))
        ratio = np.nanmean(np.nanmedian(error, axis=0) / spread)
        shares = np.nanmean(held, axis=0)
        row = f"{case.model:17} {case.title:14} {len(rows):6,} {np.nanmean(held):7.1%} {shares.min():7.1%}"
        seconds = np.mean([row["seconds"] for row in rows])
        print(f"{row} {1 - known.mean():6.1%} {bias:8.2f} {ratio:6.2f} {seconds:8.3f}", flush=True)
        lines.append(Line(case.model, case.title, len(rows), shares.tolist()))
    return lines


def rejections(cases: list[Case], sets: int, folder: Path | None, pool: Any) -> None:
    """Print how often the fit test rejects at 5 %, for each case."""
    print("\nFit test at 5 %: share of sets rejected; edge = source 1 copies source 0 on so many examples;")
    print(f"{N:,} examples and {len(ACCURACIES)} sources, four classes {NULLS['four classes'].n:,} examples")
    print(f"{'model':17} {'world':14} {'sets':>6} {'rejected':>9} {'2.5 %':>6} {'10 %':>6} {'s a set':>8}")
    for case in cases:
        many = min(sets, 200) if case.world.copied else sets
        rows = results(case, many, folder, pool)
        if not rows:
            continue
        p, seconds = np.array([row["p_value"] for row in rows]), np.mean([row["seconds"] for row in rows])
        at = [(p <= level).mean() for level in (0.05, 0.025, 0.1)]
        row = f"{case.model:17} {case.title:14} {len(p):6,} {at[0]:9.1%} {at[1]:6.1%} {at[2]:6.1%}"
        print(f"{row} {seconds:8.3f}", flush=True)


def main(
    sets: int = SETS,
    only: str = "",
    *,
    model: str = "",
    world: str = "",
    keep: Path | None = None,
    processes: int = 1,
    figure: Path | None = None,
) -> None:
    """Print both tables, or what was asked for."""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
    chosen = [name for name in MODELS if model in ("", name)]
    held = [Case("coverage", n, t, w) for n in chosen for t, w in WORLDS.items() if world in ("", t)]
    tested = [Case("fit", n, t, w) for n in chosen for t, w in {**NULLS, **EDGES}.items() if world in ("", t)]
    context = multiprocessing.get_context("forkserver")
    pool = context.Pool(processes) if processes > 1 else None
    try:
        if only != "fit" and held:
            lines = coverage(held, sets, keep, pool)
            if figure is not None:
                write(lines, figure)
        if only != "coverage" and tested:
            rejections(tested, sets, keep, pool)
    finally:
        if pool is not None:
            pool.terminate()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=SETS, help="simulated sets of votes for each world; 0: those kept")
    parser.add_argument("--only", choices=["coverage", "fit"], default="", help="one of the two tables")
    parser.add_argument("--model", choices=list(MODELS), default="", help="one of the models")
    parser.add_argument("--world", choices=list({**WORLDS, **NULLS, **EDGES}), default="", help="one of the worlds")
    parser.add_argument("--keep", type=Path, help="a folder for a line for each set; what is there is not run again")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--figure", type=Path, help="where to draw the first table, as SVG")
    main(**vars(parser.parse_args()))
