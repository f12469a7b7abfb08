"""A planted slice with a rule of its own: a slice-aware network beside the same one, and one of as many parameters."""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from labelwright.core.slices import Slices
from labelwright.endmodels.torch.multitask.trunks import Shape
from labelwright.endmodels.torch.slices import SliceAwareClassifier

N, N_TEST, FEATURES, WIDTH, EPOCHS, NOISE = 3000, 6000, 20, 16, 20, 0.15
# Others than those that the method was worked on with.
FIRST_SEED, SEEDS = 100, 10
# Classes, share of the slice, whether it has a rule of its own.
WORLDS = ((2, 0.06, True), (3, 0.06, True), (2, 0.15, True), (3, 0.15, True), (3, 0.06, False))
# 97.5 % points of Student's t, by the number of seeds.
STUDENT = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78, 10: 2.26}
KEPT = Path("build/slices.jsonl")

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Row = dict[str, float]


def world(n: int, seed: int, k: int, share: float, *, own: bool) -> tuple[Floats, Ints, Floats, Bools]:
    """Return features, classes, soft labels and the slice: where the first feature is high, other features decide."""
    chance = np.random.default_rng(seed)
    X = chance.normal(size=(n, FEATURES))
    inside = X[:, 0] > np.quantile(X[:, 0], 1 - share)
    usual, other = X[:, 1:6].sum(axis=1) / 5**0.5, (X[:, 6] - X[:, 7] + X[:, 8]) / 3**0.5 - 0.5
    edges = np.array([0.0]) if k == 2 else np.array([-0.43, 0.43])
    y = np.searchsorted(edges, np.where(inside, other, usual) if own else usual)
    seen = np.where(chance.random(n) < NOISE, (y + chance.integers(1, k, size=n)) % k, y)
    probs = np.full((n, k), NOISE / (k - 1))
    probs[np.arange(n), seen] = 1 - NOISE
    return X, y, probs, inside


def trunk(width: int) -> Callable[[Shape], torch.nn.Module]:
    """Return what makes a hidden layer: so narrow that a rule of few examples is passed over."""

    def make(shape: Shape) -> torch.nn.Module:
        assert shape is not None
        return torch.nn.Sequential(torch.nn.Linear(shape[0], width), torch.nn.ReLU())

    return make


def size(model: SliceAwareClassifier) -> int:
    return sum(parameter.numel() for parameter in model.network_.parameters())


def recall(model: SliceAwareClassifier, X: Floats, y: Ints, rows: Bools) -> float:
    """Return the mean recall of the classes among some rows."""
    hit = model.predict(X) == y
    return float(np.mean([hit[rows & (y == code)].mean() for code in np.unique(y)]))


def measure(k: int, share: float, own: bool, seed: int) -> Row:
    """Train the three networks of one seed."""
    X, _, probs, inside = world(N, seed, k, share, own=own)
    X_test, y, _, where = world(N_TEST, seed + 100_000, k, share, own=own)

    def fitted(width: int, slices: Slices | None) -> SliceAwareClassifier:
        model = SliceAwareClassifier(trunk(width), epochs=EPOCHS, random_state=seed, device="cpu")
        return model.fit(X, probs, slices)

    aware = fitted(WIDTH, Slices(inside[:, None], ["planted"]))
    as_large = round((size(aware) - k) / (FEATURES + 1 + k))
    found = {"aware": aware, "plain": fitted(WIDTH, None), "as large": fitted(as_large, None)}
    out: Row = {}
    for name, model in found.items():
        out |= {
            f"{name}, slice": recall(model, X_test, y, where),
            f"{name}, elsewhere": recall(model, X_test, y, ~where),
        }
        out[f"{name}, parameters"] = size(model)
    if seed == FIRST_SEED:
        every = fitted(WIDTH, Slices(np.ones((N, 1), dtype=bool), ["all"])).predict_proba(X_test)
        out["all-true changes nothing"] = float(np.array_equal(every, found["plain"].predict_proba(X_test)))
    return out


def interval(values: Sequence[float]) -> str:
    """Return mean and 95 % interval over seeds, in points."""
    found = 100 * np.asarray(values)
    if len(found) not in STUDENT:
        return f"{found.mean():+.1f}"
    return f"{found.mean():+.1f} ± {STUDENT[len(found)] * found.std(ddof=1) / math.sqrt(len(found)):.1f}"


def show(k: int, share: float, own: bool, rows: Sequence[Row]) -> None:
    """Print one world."""
    rule = "with a rule of its own" if own else "with the rule of all others"
    print(f"\nk = {k}, slice of {share:.0%} {rule}, {len(rows)} seeds; mean recall of the classes, test, in points")
    for name in ("plain", "as large", "aware"):
        inside, elsewhere = (100 * np.mean([row[f"{name}, {what}"] for row in rows]) for what in ("slice", "elsewhere"))
        parameters = int(rows[0][f"{name}, parameters"])
        print(f"  {name:9} {parameters:5} parameters  slice {inside:5.1f}  elsewhere {elsewhere:5.1f}")
    for name in ("plain", "as large"):
        pairs = {
            what: [row[f"aware, {what}"] - row[f"{name}, {what}"] for row in rows] for what in ("slice", "elsewhere")
        }
        print(f"  aware less {name:9} slice {interval(pairs['slice'])}  elsewhere {interval(pairs['elsewhere'])}")
    same = [row["all-true changes nothing"] for row in rows if "all-true changes nothing" in row]
    if same:
        print(f"  a slice of all examples changes {'nothing' if all(same) else 'SOMETHING'}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what is not kept yet, and print every world as it is done."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    seeds = range(FIRST_SEED, FIRST_SEED + parser.parse_args(arguments or []).seeds)
    torch.set_num_threads(1)
    KEPT.parent.mkdir(exist_ok=True)
    lines = KEPT.read_text(encoding="utf-8").splitlines() if KEPT.exists() else []
    kept = {tuple(key): row for key, row in map(json.loads, lines)}
    began, done = time.process_time(), 0
    for k, share, own in WORLDS:
        for seed in seeds:
            key = (k, share, own, seed)
            if key not in kept:
                kept[key], done = measure(k, share, own, seed), done + 1
                with KEPT.open("a", encoding="utf-8") as file:
                    file.write(json.dumps([key, kept[key]]) + os.linesep)
        show(k, share, own, [kept[k, share, own, seed] for seed in seeds])
    print(
        f"\n{done} seeds trained here in {time.process_time() - began:.0f} s of processor time; all are kept in {KEPT}"
    )


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
