"""Rows per second of pattern functions and Python functions beside Snorkel, and memory as rows grow."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import labelwright as lw
from labelwright.engines import LocalEngine

from ._apply_functions import PATTERNS, TRIVIAL, VOCABULARY

ROWS, MANY_ROWS, THEIR_ROWS, PYTHON_ROWS, ROUNDS = 1_000_000, 10_000_000, 20_000, 200_000, 5
HERE = Path(__file__).resolve().parent
PEERS = HERE.parent / ".venv-peers" / "bin" / "python"
PEAK = """
import resource, sys
from pathlib import Path
from benchmarks.apply import pattern_functions
import labelwright as lw
votes = lw.apply(pattern_functions(), sys.argv[1], progress=False)
# Linux hands the parent's peak down in ru_maxrss, so its own account is read where there is one.
status = Path("/proc/self/status")
own = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")] if status.exists() else []
kilobytes = int(own[0].split()[1]) if own else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(votes.n, votes.m, kilobytes)
"""


def texts(folder: Path) -> tuple[Path, Path]:
    """Write a million short texts, once as Parquet, and the first of them as CSV for the peers."""
    chance = np.random.default_rng(0)
    lengths = chance.integers(4, 16, ROWS)
    vocabulary = np.array(VOCABULARY.split())
    words = vocabulary[chance.integers(0, len(vocabulary), lengths.sum())].tolist()
    ends = np.cumsum(lengths).tolist()
    rows = [" ".join(words[end - length : end]) for end, length in zip(ends, lengths.tolist(), strict=True)]
    frame = pl.DataFrame({"text": rows, "n": lengths})
    parquet, csv = folder / "texts.parquet", folder / "texts.csv"
    frame.write_parquet(parquet)
    frame[:THEIR_ROWS].write_csv(csv)
    return parquet, csv


def pattern_functions() -> list[Any]:
    return [lw.regex_lf(str(j), pattern, j % 2) for j, pattern in enumerate(PATTERNS)]


def python_functions() -> list[Any]:
    return [lw.labeling_function(f) for f in TRIVIAL]


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def theirs(csv: Path) -> dict[str, float] | None:
    """Seconds that Snorkel takes for its share of the rows; ``None`` where it is not installed."""
    script = str(HERE / "_apply_snorkel.py")
    if not PEERS.exists():
        return None
    done = subprocess.run([PEERS, "-W", "ignore", script, csv, str(THEIR_ROWS)], capture_output=True, text=True)
    if done.returncode:
        print(f"snorkel: {done.stderr.strip().splitlines()[-1]}")
        return None
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def spread(values: Sequence[float], form: str) -> str:
    ordered = sorted(values)
    return f"{statistics.median(ordered):{form}} ({ordered[0]:{form}} to {ordered[-1]:{form}})"


def speed(parquet: Path, csv: Path) -> None:
    frame = pl.read_parquet(parquet)
    some = frame[:PYTHON_ROWS]
    patterns, python = pattern_functions(), python_functions()
    work: dict[str, tuple[Callable[[], object], int, int]] = {
        "20 patterns, frame": (lambda: lw.apply(patterns, frame, progress=False), ROWS, 20),
        "20 patterns, Parquet": (lambda: lw.apply(patterns, parquet, progress=False), ROWS, 20),
        "5 Python functions, one process": (
            lambda: lw.apply(python, some, engine=LocalEngine(kind="inline"), progress=False),
            PYTHON_ROWS,
            5,
        ),
        "5 Python functions, default": (lambda: lw.apply(python, frame, progress=False), ROWS, 5),
    }
    for run, _, _ in work.values():
        run()  # pays for imports and caches
    rates: dict[str, list[float]] = {name: [] for name in work}
    peers: dict[str, list[float]] = {"patterns": [], "trivial": []}
    for _ in range(ROUNDS):
        for name, (run, rows, functions) in work.items():
            rates[name].append(rows * functions / seconds(run) / 1e6)
        for kind, taken in (theirs(csv) or {}).items():
            peers[kind].append(THEIR_ROWS * (20 if kind == "patterns" else 5) / taken / 1e6)
    for name, found in rates.items():
        other = peers["patterns" if "patterns" in name else "trivial"]
        ratios = [ours / their for ours, their in zip(found, other, strict=False)]
        beside = f"{spread(ratios, '.0f')} times Snorkel" if ratios else "snorkel is not installed"
        print(f"{name:34} {spread(found, '6.2f')} M row-functions/s, {beside}")
    for name, found in peers.items():
        if found:
            print(f"{'snorkel, ' + name:34} {spread(found, '6.3f')} M row-functions/s")


def memory(folder: Path, parquet: Path) -> None:
    large = folder / "large.parquet"
    pl.concat([pl.scan_parquet(parquet)] * (MANY_ROWS // ROWS)).sink_parquet(large)
    for path in (parquet, large):
        command = [sys.executable, "-c", PEAK, str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=HERE.parent)
        n, m, peak = map(int, done.stdout.split())
        print(f"{f'peak memory, {n:,} rows of Parquet':42} {peak / 1e3:6.0f} MB, of which votes {n * m / 1e6:.0f} MB")


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        parquet, csv = texts(folder)
        print(f"{ROWS:,} texts of 54 characters on average; {ROUNDS} rounds, ours and theirs in turn: median (range)")
        speed(parquet, csv)
        memory(folder, parquet)


if __name__ == "__main__":
    main()
