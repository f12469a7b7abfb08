"""Seconds and memory of fit and predict of the label models beside Snorkel and crowd-kit, on the same votes."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

ROUNDS = 5
LIMIT = 600
HERE = Path(__file__).resolve().parent
PEERS = HERE.parent / ".venv-peers" / "bin" / "python"

SNORKEL = "snorkel"
CROWD_KIT = "crowd-kit Dawid-Skene"
STATS = "stats alone"
OURS = {
    STATS: "core.moments.MomentCounts",
    "MajorityVote": "labelmodels.MajorityVote",
    "LabelModel": "labelmodels.LabelModel",
    "MatrixCompletion": "labelmodels.MatrixCompletion",
    "Triplets": "labelmodels.Triplets",
    "DawidSkene": "labelmodels.DawidSkene",
}
# name: (examples, sources, classes, coverage of each source, whether a source keeps to one class, peers that take part)
CASES: dict[str, tuple[int, int, int, float, bool, tuple[str, ...]]] = {
    "several sides": (100_000, 20, 4, 0.3, False, (SNORKEL, CROWD_KIT)),
    "one side each": (100_000, 20, 4, 0.3, True, (SNORKEL,)),
    "a million examples": (1_000_000, 50, 2, 0.2, False, (SNORKEL,)),
    "two thousand sources": (10_000, 2_000, 2, 0.02, True, ()),
    "fifteen hundred classes": (20_000, 20, 1_500, 0.25, False, ()),
}


def votes(n: int, m: int, k: int, coverage: float, one_sided: bool) -> npt.NDArray[np.integer]:
    """Sources right between .5 and .9 of the time, on a balanced truth."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, k, n)
    out = np.empty((n, m), dtype=np.int8 if k < 128 else np.int16)
    for j in range(m):
        right = rng.random(n) < 0.5 + 0.4 * j / max(1, m - 1)
        out[:, j] = np.where(right, truth, (truth + rng.integers(1, k, n)) % k)
    if one_sided:
        out = np.where(out == np.arange(m) % k, out, -1).astype(out.dtype)
        coverage = min(1.0, coverage * k)
    out[rng.random((n, m)) >= coverage] = -1
    return out


def measured(command: list[object]) -> dict[str, float] | None:
    """Run one model in a process of its own, so that its peak memory is its own; None where it fails."""
    try:
        done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=LIMIT)
    except subprocess.TimeoutExpired:
        print(f"  {command[-3]}: more than {LIMIT} s")
        return None
    if done.returncode:
        print(f"  {command[-3]}: {(done.stderr.strip().splitlines() or ['no output'])[-1]}")
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
    print(f"{name}: n={n:,} m={m:,} k={k}, {np.mean(L >= 0):.0%} of the votes cast, {L.nbytes / 1e6:,.0f} MB")
    here: list[object] = [sys.executable, "-W", "ignore", HERE / "_label_models_ours.py"]
    there: list[object] = [PEERS, "-W", "ignore", HERE / "_label_models_peers.py"]
    commands = {kind: [*here, place, path, k] for kind, place in OURS.items()}
    commands |= {peer: [*there, peer, path, k] for peer in peers if PEERS.exists()}
    found: dict[str, list[dict[str, float]]] = {kind: [] for kind in commands}
    for _ in range(ROUNDS if n <= 100_000 else 3):
        # Ours and theirs in turn, so that a busy moment of the machine strikes both.
        for kind in list(found):
            one = measured(commands[kind])
            if one is None:
                del found[kind]
            else:
                found[kind].append(one)
    for kind, runs in found.items():
        line = f"  {kind:22} {spread([r['seconds'] for r in runs], '6.2f')} s, {peak(runs):6,.0f} MB"
        if kind in OURS and kind != STATS:
            line += "".join(f"; {beside(runs, found[peer], peer)}" for peer in peers if peer in found)
        print(line)
    for peer in sorted(set(peers) - set(found)):
        print(f"  {peer:22} not measured")


def beside(ours: list[dict[str, float]], theirs: list[dict[str, float]], peer: str) -> str:
    ratios = [t["seconds"] / o["seconds"] for t, o in zip(theirs, ours, strict=True)]
    return f"{spread(ratios, '.1f')} x as fast as {peer}, 1/{peak(theirs) / peak(ours):.1f} of its memory"


def peak(runs: list[dict[str, float]]) -> float:
    return statistics.median(r["megabytes"] for r in runs)


def main() -> None:
    print("fit and predict, each in a process of its own, ours and theirs in turn")
    print(f"median (range) of up to {ROUNDS} rounds; memory is the peak of the whole process")
    with tempfile.TemporaryDirectory() as folder:
        for name in CASES:
            case(Path(folder), name)


if __name__ == "__main__":
    main()
