"""Photos of a fashion catalogue learned from titles: one network on eleven tasks, beside the same one on all gold."""

from __future__ import annotations

import argparse
import functools
import io
import json
import math
import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import torch
from PIL import Image

from benchmarks import _multitask_sets as sets
from labelwright.core.task_labels import TaskLabels
from labelwright.endmodels.torch.loss import NoiseAwareLoss
from labelwright.endmodels.torch.multitask import MultiTaskClassifier
from labelwright.labelmodels import MultiTask
from labelwright.labelmodels.multitask import vote_balances

WIDTH, HEIGHT = 30, 40
EPOCHS, BATCH, SEEDS = 15, 128, range(5)
# 97.5 % points of Student's t, by the number of seeds.
STUDENT = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78}
KEPT = Path("build/multitask_photos.jsonl")

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Row = dict[str, float]


@functools.cache
def photos() -> npt.NDArray[np.uint8]:
    """Return the photos, shape (n, 40, 30, 3), in the order of the votes."""
    found = pl.read_parquet(sets.ROOT / "fashion_xmodal" / "items.parquet", columns=["jpg"])["jpg"]
    small = (WIDTH, HEIGHT)
    return np.stack(
        [np.asarray(Image.open(io.BytesIO(jpg)).convert("RGB").resize(small, Image.Resampling.BOX)) for jpg in found]
    )


@functools.cache
def split() -> npt.NDArray[np.str_]:
    return pl.read_parquet(sets.ROOT / "fashion_xmodal" / "items.parquet", columns=["split"])["split"].to_numpy()


@functools.cache
def titles() -> TaskLabels:
    """Return the joint label model's soft labels of the training part."""
    votes = sets.load("fashion_xmodal").votes.take(split() == "train")
    return MultiTask(class_balance=vote_balances(votes)).fit(votes).soft_labels(votes)


def gold() -> Mapping[str, Ints]:
    """All gold labels of the training part: fully supervised."""
    return {task: codes[split() == "train"] for task, codes in sets.load("fashion_xmodal").gold.items()}


def hard() -> Mapping[str, Ints]:
    """The most probable state by the titles, as if it were certain; -1 where no source voted."""
    labels = titles()
    covered = dict(zip(labels.graph.names, labels.covered.T, strict=True))
    return {task: np.where(covered[task], probs.argmax(axis=1), -1) for task, probs in labels.probs.items()}


ROWS: dict[str, tuple[Callable[[], TaskLabels | Mapping[str, Ints]], NoiseAwareLoss]] = {
    "gold": (gold, "expected"),
    "titles, marginal": (titles, "marginal"),
    "titles, expected": (titles, "expected"),
    "titles, hard": (hard, "expected"),
}


def accuracies(model: MultiTaskClassifier) -> Row:
    """Return by task the accuracy on photos of the test part to which it applies."""
    test = split() == "test"
    probs = model.predict_proba(photos()[test])
    found: Row = {}
    for task in model.graph_.tasks:
        codes, k = sets.load("fashion_xmodal").gold[task.name][test], len(task.classes)
        asked = (codes >= 0) & (codes < k)
        found[task.name] = float((probs[task.name][asked, :k].argmax(axis=1) == codes[asked]).mean())
    return found


def run(row: str, seed: int) -> None:
    """Train one network and keep what it scores."""
    graph = sets.load("fashion_xmodal").votes.graph
    make, loss = ROWS[row]
    labels, started = make(), time.process_time()
    model = MultiTaskClassifier(
        "small", tasks=graph, loss=loss, epochs=EPOCHS, batch_size=BATCH, device="cpu", random_state=seed
    ).fit(photos()[split() == "train"], labels)
    seconds = time.process_time() - started
    kept = {"row": row, "seed": seed, "seconds": seconds, "accuracy": accuracies(model)}
    KEPT.parent.mkdir(exist_ok=True)
    with KEPT.open("a", encoding="utf-8") as file:
        file.write(json.dumps(kept) + "\n")


def kept() -> dict[tuple[str, int], Row]:
    if not KEPT.exists():
        return {}
    rows = [json.loads(line) for line in KEPT.read_text(encoding="utf-8").splitlines()]
    return {(row["row"], row["seed"]): row["accuracy"] for row in rows}


def interval(values: Sequence[float], form: str = ".1f") -> str:
    """Return the mean and half the width of its 95 % interval."""
    n = len(values)
    if n < 2:
        return f"{values[0]:{form}}"
    return f"{statistics.mean(values):{form}} ± {STUDENT[n] * statistics.stdev(values) / math.sqrt(n):{form}}"


def table() -> None:
    """Print accuracies in percent, and what titles come to beside gold, seed by seed."""
    found = kept()
    if not found:
        return
    tasks = list(next(iter(found.values())))
    seeds = {row: [seed for seed in SEEDS if (row, seed) in found] for row in ROWS}
    print(f"{'':14}" + "".join(f" {row:>16}" for row in ROWS))
    for task in tasks:
        cells = [interval([100 * found[row, seed][task] for seed in seeds[row]]) if seeds[row] else "-" for row in ROWS]
        print(f"{task:14}" + "".join(f" {cell:>16}" for cell in cells))
    means = {key: statistics.mean(row.values()) for key, row in found.items()}
    cells = [interval([100 * means[row, seed] for seed in seeds[row]]) if seeds[row] else "-" for row in ROWS]
    print(f"{'mean':14}" + "".join(f" {cell:>16}" for cell in cells))
    for row in ("titles, marginal", "titles, expected"):
        for other in ("gold", "titles, hard"):
            both = [seed for seed in seeds[row] if seed in seeds[other]]
            if both:
                ratio = interval([100 * means[row, s] / means[other, s] for s in both], ".2f")
                print(f"{row}: {ratio} percent of the mean accuracy of {other}, paired by seed")


def main(arguments: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", nargs="*", choices=list(ROWS), default=list(ROWS))
    parser.add_argument("--table", action="store_true", help="print what is kept, train nothing")
    chosen = parser.parse_args(list(arguments))
    if "fashion_xmodal" not in sets.names():
        print("the fashion catalogue is not there; set LABELWRIGHT_DATA")
        return
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    for seed in SEEDS if not chosen.table else ():
        for row in chosen.rows:
            if (row, seed) not in kept():
                run(row, seed)
                print(
                    f"{row}, seed {seed}: mean accuracy {statistics.mean(kept()[row, seed].values()):.4f}", flush=True
                )
    table()


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
