"""What the benchmark of augmentation keeps from run to run, and the table that it makes of it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats


class Records:
    """JSON lines, one for each finished run: a benchmark that is stopped goes on where it was.

    Parameters
    ----------
    path : Path
        Runs of other settings stay in the file and are not used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.found: dict[tuple[Any, ...], dict[str, Any]] = {}
        if path.exists():
            for line in path.read_text().splitlines():
                # The last line of a run that was killed may be cut off.
                if line.endswith("}"):
                    record = json.loads(line)
                    self.found[self._key(record)] = record

    def get(self, **wanted: Any) -> dict[str, Any] | None:
        return self.found.get(self._key(wanted))

    def add(self, record: dict[str, Any]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a") as file:
            file.write(json.dumps(record) + "\n")
        self.found[self._key(record)] = record

    def run(self, run: Callable[[], dict[str, Any]], **key: Any) -> dict[str, Any]:
        """Return what is on record of a run; do it, keep it and say so if nothing is."""
        found = self.get(**key)
        if found is None:
            found = {**key, **run()}
            self.add(found)
            print(f"  {key['task']}, seed {key['seed']}, {key['row']}: {found['score']:.2f}", flush=True)
        return found

    @staticmethod
    def _key(record: dict[str, Any]) -> tuple[Any, ...]:
        return record["task"], record["row"], record["seed"], record["settings"]


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean, and half the width of its 95 % interval by Student's t (NaN for a single value)."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return mean, math.nan
    return mean, float(stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / math.sqrt(len(values)))


def table(title: str, scores: dict[str, dict[int, float]], seconds: dict[str, list[float]], champion: str) -> str:
    """Return a Markdown table: each row's mean, and how far ``champion`` is ahead of it, paired over seeds.

    Parameters
    ----------
    title : str
    scores : dict
        Percent, by row and seed.
    seconds : dict
        Processor time of each run, learning the policy included, by row: other work on the machine disturbs it less.
    champion : str
        The row that the others are compared with.
    """
    lines = [
        f"\n{title}\n",
        f"| row | mean | seeds | {champion} is ahead by | processor seconds |",
        "|---|---|---|---|---|",
    ]
    for row, by_seed in scores.items():
        mean, _ = interval(list(by_seed.values()))
        shared = [seed for seed in by_seed if seed in scores.get(champion, {})]
        ahead = "-"
        if row != champion and shared:
            difference, half = interval([scores[champion][seed] - by_seed[seed] for seed in shared])
            ahead = f"{difference:+.2f}" + ("" if math.isnan(half) else f" ± {half:.2f}")
        each = " ".join(f"{by_seed[seed]:.2f}" for seed in sorted(by_seed))
        lines.append(f"| {row} | {mean:.2f} | {each} | {ahead} | {np.median(seconds[row]):.0f} |")
    return "\n".join(lines)
