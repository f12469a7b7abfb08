"""Seconds per epoch of our training loop beside the usual one with a DataLoader, and of the weighted expansion."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch.utils.data import DataLoader

from labelwright.endmodels import NoiseAwareClassifier
from labelwright.endmodels.torch import SoftLabelDataset, seeded, soft_cross_entropy, train

ROWS, BATCH, FEATURES, CLASSES, REPEATS = 50_000, 256, 128, 2, 5


def problem() -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(0)
    X = chance.normal(size=(ROWS, FEATURES)).astype(np.float32)
    p = 1 / (1 + np.exp(-(X @ chance.normal(size=FEATURES)) / 4))
    return X, np.column_stack([1 - p, p])


def network() -> torch.nn.Module:
    with seeded(0):
        return torch.nn.Sequential(torch.nn.Linear(FEATURES, 64), torch.nn.ReLU(), torch.nn.Linear(64, CLASSES))


def usual_epoch(dataset: SoftLabelDataset) -> None:
    model = network()
    descent = torch.optim.AdamW(model.parameters(), lr=1e-3)
    for inputs, probs in DataLoader(dataset, batch_size=BATCH, shuffle=True):
        descent.zero_grad()
        soft_cross_entropy(model(inputs), probs).backward()
        descent.step()


def our_epoch(dataset: SoftLabelDataset) -> None:
    train(network(), dataset, epochs=1, batch_size=BATCH, device="cpu")


def report(name: str, work: Callable[[], object]) -> None:
    seconds = []
    for _ in range(REPEATS + 1):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    # The first run pays for imports and caches.
    kept = sorted(seconds[1:])
    print(f"{name:34} {statistics.median(kept):7.3f} s  (from {kept[0]:.3f} to {kept[-1]:.3f}, {REPEATS} runs)")


def main() -> None:
    torch.set_num_threads(1)
    X, probs = problem()
    dataset = SoftLabelDataset(X, probs)
    print(f"{ROWS:,} rows of {FEATURES} features, batches of {BATCH}, one thread")
    report("torch, our loop, an epoch", lambda: our_epoch(dataset))
    report("torch, DataLoader, an epoch", lambda: usual_epoch(dataset))
    hard = probs.argmax(axis=1)
    report("logistic regression, hard labels", lambda: LogisticRegression().fit(X, hard))
    report("the same, noise-aware", lambda: NoiseAwareClassifier(LogisticRegression()).fit(X, probs))


if __name__ == "__main__":
    main()
