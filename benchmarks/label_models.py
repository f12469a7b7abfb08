"""Seconds of fit and predict of the label models beside Snorkel and crowd-kit, on the same votes."""

from __future__ import annotations

import json
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt

import labelwright as lw
from labelwright.labelmodels import BaseLabelModel, LabelModel, MajorityVote

ROUNDS = 5
HERE = Path(__file__).resolve().parent
PEERS = HERE.parent / ".venv-peers" / "bin" / "python"
# name: (examples, sources, classes, coverage of each source, whether a source keeps to one class, peers that take part)
CASES: dict[str, tuple[int, int, int, float, bool, tuple[str, ...]]] = {
    "several sides": (100_000, 20, 4, 0.3, False, ("snorkel", "crowd-kit Dawid-Skene")),
    "one side each": (100_000, 20, 4, 0.3, True, ("snorkel",)),
    "a million examples": (1_000_000, 50, 2, 0.2, False, ("snorkel",)),
    "two thousand sources": (10_000, 2_000, 2, 0.02, True, ()),
}


def votes(n: int, m: int, k: int, coverage: float, one_sided: bool) -> npt.NDArray[np.int8]:
    """Sources right between .5 and .9 of the time, on a balanced truth."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, k, n)
    out = np.empty((n, m), dtype=np.int8)
    for j in range(m):
        right = rng.random(n) < 0.5 + 0.4 * j / max(1, m - 1)
        out[:, j] = np.where(right, truth, (truth + rng.integers(1, k, n)) % k)
    if one_sided:
        out = np.where(out == np.arange(m) % k, out, -1).astype(np.int8)
        coverage = min(1.0, coverage * k)
    out[rng.random((n, m)) >= coverage] = -1
    return out


def seconds(model: BaseLabelModel, L: npt.NDArray[np.int8]) -> float:
    started = time.perf_counter()
    model.fit(L).predict_proba(L)
    return time.perf_counter() - started


def theirs(peer: str, path: Path, k: int) -> dict[str, float] | None:
    if not PEERS.exists():
        return None
    command = [PEERS, "-W", "ignore", HERE / "_label_models_peers.py", peer, path, str(k)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        print(f"  {peer}: {done.stderr.strip().splitlines()[-1]}")
        return None
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def spread(values: list[float], form: str) -> str:
    ordered = sorted(values)
    return f"{statistics.median(ordered):{form}} ({ordered[0]:{form}} to {ordered[-1]:{form}})"


def case(folder: Path, name: str) -> None:
    n, m, k, coverage, one_sided, peers = CASES[name]
    L = votes(n, m, k, coverage, one_sided)
    path = folder / "votes.npy"
    np.save(path, L)
    print(f"{name}: n={n:,} m={m:,} k={k}, {np.mean(L >= 0):.0%} of the votes cast")
    models: dict[str, BaseLabelModel] = {
        "MajorityVote": MajorityVote(cardinality=k),
        "LabelModel": LabelModel(cardinality=k),
    }
    rounds = ROUNDS if n <= 100_000 else 3
    ours: dict[str, list[float]] = {kind: [] for kind in models}
    other: dict[str, list[float]] = {peer: [] for peer in peers}
    lw.LabelModel(cardinality=k).fit(L[:100])  # pays for imports
    for _ in range(rounds):
        for kind, model in models.items():
            ours[kind].append(seconds(model, L))
        for peer in peers:
            found = theirs(peer, path, k)
            if found:
                other[peer].append(found["seconds"])
    for kind, taken in ours.items():
        print(f"  {kind:24} {spread(taken, '6.2f')} s")
    for peer, taken in other.items():
        ratios = [t / o for t, o in zip(taken, ours["LabelModel"], strict=False)]
        beside = f"{spread(taken, '6.2f')} s; LabelModel is {spread(ratios, '.1f')} times as fast"
        print(f"  {peer:24} {beside if taken else 'not installed'}")


def main() -> None:
    print(f"fit and predict, ours and theirs in turn: median (range) of up to {ROUNDS} rounds")
    with tempfile.TemporaryDirectory() as folder:
        for name in CASES:
            case(Path(folder), name)


if __name__ == "__main__":
    main()
