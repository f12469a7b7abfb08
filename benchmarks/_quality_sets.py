"""Vote matrices with gold, simulated worlds with their oracles, and how soft labels are scored against them."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks import _multitask_sets as related
from labelwright.analysis.metrics import log_loss, macro_f1
from labelwright.core.alphabets import plain_letters
from labelwright.data.crowds import read_votes

ROOT = Path(os.environ.get("LABELWRIGHT_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
FEWEST_GOLD = 50
PROGRAMMATIC, CROWDS = "programmatic sources", "crowds"
GROUPS = {PROGRAMMATIC: "classification", CROWDS: "crowd"}
# Functions that were written for the benchmarks of related tasks: each task is a set. Those whose votes are published
# are among the programmatic sources.
WRITTEN = "functions written here"
PUBLISHED = ("trec.coarse", "openi_reports.finding")

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int8]


@dataclass(frozen=True)
class VoteSet:
    """Votes (n, m), -1 = abstain; gold (n,), -1 = unknown; k classes."""

    name: str
    votes: Codes
    gold: Ints
    k: int

    @property
    def scored(self) -> npt.NDArray[np.bool_]:
        """The rows that count: those with gold and at least one vote."""
        return (self.votes >= 0).any(axis=1) & (self.gold >= 0)


def names() -> dict[str, list[str]]:
    """Return the names of the sets of each group; empty where the data are not there."""
    task = {path.parent.name: json.loads(path.read_text())["task"] for path in sorted(ROOT.glob("*/meta.json"))}
    found = {group: [name for name, what in task.items() if what == kind] for group, kind in GROUPS.items()}
    written = [f"{which}.{each}" for which in related.names() for each in related.load(which).votes.graph.names]
    found[WRITTEN] = [name for name in written if name not in PUBLISHED]
    return {group: [n for n in listed if (load(n).gold >= 0).sum() >= FEWEST_GOLD] for group, listed in found.items()}


@functools.cache
def load(name: str) -> VoteSet:
    """Read a set, all splits one below the other."""
    if "." in name:
        return of_task(name)
    folder = ROOT / name
    meta = json.loads((folder / "meta.json").read_text())
    votes, gold = (crowd if meta["task"] == "crowd" else splits)(folder, meta["k"])
    return VoteSet(name, votes, gold, meta["k"])


def of_task(name: str) -> VoteSet:
    """Return the votes on one of several related tasks, ``set.task``, on the examples to which it applies.

    N/A is no class here: a vote for it, or for several classes, is an abstain.
    """
    which, task = name.split(".")
    whole = related.load(which)
    own, k = whole.votes.by_task[task], len(whole.votes.graph.tasks[whole.votes.graph.names.index(task)].classes)
    applies = (whole.gold[task] >= 0) & (whole.gold[task] < k)
    codes, plain = own.take(applies).values, plain_letters(own.k)
    votes = np.full(codes.shape, -1, dtype=np.int8)
    for j, source in enumerate(own.sources):
        for code, means in enumerate(own.alphabet.get(source, plain)):
            classes = [state for state in means if state < k]
            if len(classes) == 1:
                votes[codes[:, j] == code, j] = classes[0]
    return VoteSet(name, votes[:, (votes >= 0).any(axis=0)], whole.gold[task][applies], k)


def splits(folder: Path, _: int) -> tuple[Codes, Ints]:
    votes, gold = [], []
    with np.load(folder / "data.npz") as data:
        for split in ("train", "valid", "test"):
            if f"L_{split}" in data:
                votes.append(data[f"L_{split}"].astype(np.int8))
                gold.append(data[f"y_{split}"] if f"y_{split}" in data else np.full(len(votes[-1]), -1))
    return np.concatenate(votes), np.concatenate(gold).astype(np.int64)


def crowd(folder: Path, k: int) -> tuple[Codes, Ints]:
    """Read answers, of which the first counts where a worker repeats, and the truth."""
    import polars as pl

    answers, truth = (pl.read_parquet(folder / f"{what}.parquet") for what in ("answers", "truth"))
    items = np.union1d(answers["item"].to_numpy(), truth["item"].to_numpy())
    votes = read_votes(answers, classes=k, items=items, repeats="first")
    gold = np.full(len(items), -1)
    gold[np.searchsorted(items, truth["item"].to_numpy())] = truth["label"].to_numpy()
    return votes.values.astype(np.int8), gold.astype(np.int64)


def score(probs: Floats, gold: Ints) -> dict[str, float]:
    """Return macro-F1, accuracy and log loss (probabilities clipped at 0.001) of rows that all have gold.

    Ties are broken at random, the same for every method: the share of ties moves some scores more than models do.
    """
    p = np.asarray(probs, dtype=np.float64)
    predicted = (p + np.random.default_rng(0).random(p.shape) * 1e-9).argmax(axis=1)
    every = np.ones((1, len(gold)))
    return {
        "n": len(gold),
        "f1": macro_f1(gold, predicted, p.shape[1])(every).item(),
        "accuracy": float((predicted == gold).mean()),
        "log_loss": log_loss(gold, p)(every).item(),
    }


def noisy(rng: np.random.Generator, truth: Ints, accuracy: float | Floats) -> Ints:
    return np.where(rng.random(len(truth)) < accuracy, truth, 1 - truth)


World = tuple[Ints, Ints, Ints]


def pairs(rng: np.random.Generator) -> World:
    """Draw three pairs of .65 sources, one of each copying the other with probability .8, and three .80 sources."""
    truth = rng.integers(0, 2, 5_000)
    columns, evidence = [], np.zeros((len(truth), 2))
    for _ in range(3):
        first, second = noisy(rng, truth, 0.65), noisy(rng, truth, 0.65)
        second = np.where(rng.random(len(truth)) < 0.8, first, second)
        columns += [first, second]
        for y in (0, 1):
            own = np.where(second == y, 0.65, 0.35)
            evidence[:, y] += np.log(np.where(first == y, 0.65, 0.35) * (0.8 * (first == second) + 0.2 * own))
    for _ in range(3):
        vote = np.where(rng.random(len(truth)) < 0.6, noisy(rng, truth, 0.8), -1)
        columns.append(vote)
        for y in (0, 1):
            evidence[:, y] += np.where(vote >= 0, np.log(np.where(vote == y, 0.8, 0.2)), 0)
    return np.stack(columns, axis=1), truth, evidence.argmax(axis=1)


def copies(rng: np.random.Generator) -> World:
    """Draw four .75 sources, and one .60 source that stands six times."""
    truth = rng.integers(0, 2, 5_000)
    copied = noisy(rng, truth, 0.6)
    votes = np.stack([*(noisy(rng, truth, 0.75) for _ in range(4)), *[copied] * 6], axis=1)
    weights = np.array([np.log(3)] * 4 + [np.log(1.5)] + [0] * 5)
    return votes, truth, ((2 * votes - 1) @ weights > 0).astype(np.int64)


def imbalance(rng: np.random.Generator) -> World:
    """Draw 10 % positive examples, and eight sources of accuracy .70 to .85 that vote on half of them."""
    truth = (rng.random(10_000) < 0.1).astype(np.int64)
    accuracies = np.linspace(0.7, 0.85, 8)
    cast = [np.where(rng.random(len(truth)) < 0.5, noisy(rng, truth, a), -1) for a in accuracies]
    votes = np.stack(cast, axis=1)
    odds = np.log(accuracies / (1 - accuracies))
    evidence = np.log(1 / 9) + ((votes == 1) * odds - (votes == 0) * odds).sum(axis=1)
    return votes, truth, (evidence > 0).astype(np.int64)


# Name -> world: votes, truth, and what the true model would say.
WORLDS: dict[str, Callable[[np.random.Generator], World]] = {
    "pairs of sources": pairs,
    "one source six times": copies,
    "10 % positive": imbalance,
}
