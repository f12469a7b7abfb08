"""How often intervals hold the truth, and the fit test rejects what fits, over simulated sets of votes."""

from __future__ import annotations

import argparse
import multiprocessing
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.labelmodels import BaseLabelModel, LabelModel
from labelwright.labelmodels.fit_test import fit_test
from labelwright.labelmodels.matrix_completion import MatrixCompletion

SETS = 100
N = 5_000
ACCURACIES = np.linspace(0.6, 0.85, 8)
EDGE = (0, 1)
# The share of examples on which source 1 copies source 0.
COPIED = 0.3
# name: (share of class 1, coverage, share copied)
WORLDS = {
    "balanced": (0.5, 1.0, 0.0),
    "10 % positive": (0.1, 1.0, 0.0),
    "coverage .3": (0.5, 0.3, 0.0),
    "one edge": (0.5, 1.0, COPIED),
}
POWER = (0.02, 0.05, 0.1, 0.2, 0.3)
MODELS: dict[str, Callable[[bool], BaseLabelModel[Any, Any]]] = {
    "MatrixCompletion": lambda edge: MatrixCompletion(dependencies=[EDGE] if edge else None),
    "LabelModel": lambda _: LabelModel(),
}

Task = tuple[str, tuple[float, float, float], int]


def votes(world: tuple[float, float, float], seed: int) -> npt.NDArray[np.int64]:
    """Sources of two classes, independent given the truth but for one that copies another on some examples."""
    positive, coverage, copied = world
    rng = np.random.default_rng(seed)
    truth = (rng.random(N) < positive).astype(int)
    right = rng.random((N, len(ACCURACIES))) < ACCURACIES
    L = np.where(right, truth[:, None], 1 - truth[:, None])
    L[:, 1] = np.where(rng.random(N) < copied, L[:, 0], L[:, 1])
    return np.where(rng.random(L.shape) < coverage, L, -1)


def held(task: Task) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return whether each parameter's interval held it, the errors of the estimates, and the standard errors given."""
    name, world, seed = task
    warnings.simplefilter("ignore")
    found = MODELS[name](world[2] > 0).fit(votes(world, seed)).intervals()
    accuracies = ACCURACIES.copy()
    accuracies[1] += world[2] * (accuracies[0] - accuracies[1])
    truth = np.r_[accuracies, world[0]]
    low, high, estimate, error = (
        np.r_[getattr(found.accuracies, what), getattr(found.class_balance, what)[1]]
        for what in ("low", "high", "estimate", "standard_error")
    )
    return (low <= truth) & (truth <= high), estimate - truth, error


def p_value(task: Task) -> float:
    """Return the p-value of the fit test, of a model that knows of no dependency."""
    name, world, seed = task
    warnings.simplefilter("ignore")
    L = votes(world, seed)
    return fit_test(MODELS[name](False).fit(L), L).p_value


def coverage(pool: Any, sets: int) -> None:
    print(f"\nIntervals of 95 %, {sets:,} sets of {N:,} examples and {len(ACCURACIES)} sources each: share that held")
    print(f"{'model':18} {'world':14} {'pooled':>7} {'lowest':>7} {'bias/sd':>8} {'se/sd':>6} {'s a set':>8}")
    for name in MODELS:
        for title, world in WORLDS.items():
            started = time.perf_counter()
            results = pool.map(held, [(name, world, seed) for seed in range(sets)], chunksize=4)
            seconds = (time.perf_counter() - started) / sets
            hit, miss, error = (np.array(r) for r in zip(*results, strict=True))
            spread = miss.std(axis=0)
            bias = np.abs(miss.mean(axis=0) / spread).max()
            ratio = np.median(error, axis=0).mean() / spread.mean()
            row = f"{name:18} {title:14} {hit.mean():7.1%} {hit.mean(axis=0).min():7.1%}"
            print(f"{row} {bias:8.2f} {ratio:6.2f} {seconds:8.2f}", flush=True)


def rejections(pool: Any, sets: int) -> None:
    print(f"\nFit test at 5 %: share of {sets:,} sets rejected; edge = source 1 copies source 0 on a share of examples")
    cases = {title: world for title, world in WORLDS.items() if not world[2]}
    cases |= {f"edge {share:.0%}": (0.5, 1.0, share) for share in POWER}
    print(f"{'world':14} " + " ".join(f"{name:>18}" for name in ("MatrixCompletion",)))
    for title, world in cases.items():
        many = sets if not world[2] else min(sets, 200)
        found = np.array(pool.map(p_value, [("MatrixCompletion", world, seed) for seed in range(many)], chunksize=4))
        print(f"{title:14} {(found <= 0.05).mean():18.1%}", flush=True)


def main(sets: int = SETS, only: str = "") -> None:
    with multiprocessing.get_context("forkserver").Pool(2) as pool:
        if only != "fit":
            coverage(pool, sets)
        if only != "coverage":
            rejections(pool, sets)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=SETS, help="simulated sets of votes for each world")
    parser.add_argument("--only", choices=["coverage", "fit"], default="", help="one of the two tables")
    given = parser.parse_args()
    main(given.sets, given.only)
