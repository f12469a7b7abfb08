"""What a refresh costs beside a full run: after one of 50 functions changed, and after 1 % new rows.

The number of rows is 1,000,000, or what the environment variable REFRESH_ROWS says. The end model and the report are
left out of the ratios; they are the same for any change of labels.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

import labelwright as lw
from labelwright.pipeline import RunResult

SEED = 0
FUNCTIONS = 50
NOT_COUNTED = ("end_model", "scores", "report")

SETTINGS = """
[data]
path = "rows"
id = "id"
[task]
classes = ["ham", "spam"]
"""


def write_project(folder: Path, n: int, *, patterns: bool) -> None:
    """Write rows of a dozen words, and 50 functions: regular expressions, or Python that takes 5 us or more."""
    (folder / "rows").mkdir(parents=True)
    write_rows(folder, "a.parquet", 0, n)
    (folder / "labelwright.toml").write_text(SETTINGS)
    write_functions(folder, patterns=patterns)


def write_rows(folder: Path, name: str, first: int, n: int) -> None:
    """Write a file of rows with ids from ``first`` on."""
    rng = np.random.default_rng([SEED, first])
    words = np.array([f"word{i:03d}" for i in range(400)])
    # Half of the words depend on a hidden class, so that functions agree better than by chance.
    label = rng.integers(0, 2, n)
    picked = rng.integers(0, 400, (n, 12))
    biased = 200 * label[:, None] + rng.integers(0, 200, (n, 12))
    chosen = np.where(rng.random((n, 12)) < 0.3, biased, picked)
    text = pl.DataFrame(words[chosen]).select(pl.concat_str(pl.all(), separator=" "))
    frame = pl.DataFrame({"id": np.arange(first, first + n), "text": text.to_series()})
    frame.write_parquet(folder / "rows" / name)


def write_functions(folder: Path, *, patterns: bool, changed: int = -1) -> None:
    """Write ``supervision.py``; the function number ``changed`` looks for something else than before."""
    lines = ["import labelwright as lw", "FUNCTIONS = []"]
    for i in range(FUNCTIONS):
        label = "ham" if i % 2 == 0 else "spam"
        low = 4 * i + (200 if label == "spam" else 0) - 4 * (i // 2)
        word, end = f"word{low + 10 * (i == changed):03d}", "z" if i == changed else "y"
        if patterns:
            lines.append(f'FUNCTIONS.append(lw.regex_lf("f{i}", r"{word}|{word[:6]}9", "{label}"))')
            continue
        lines += [
            f'@lw.labeling_function(labels=["{label}"])',
            f"def f{i}(x):",
            "    seen = 0",
            "    for word in x.text.split():",
            f"        seen += word.startswith({word[:6]!r}) + word.endswith('x') + word.endswith({end!r})",
            f"    return {label!r} if seen else None",
            f"FUNCTIONS.append(f{i})",
        ]
    (folder / "supervision.py").write_text("\n".join(lines) + "\n")


def measure(folder: Path, n: int, *, patterns: bool) -> None:
    """Run in full, after a change of one function, and after 1 % new rows; print a table of stages."""
    write_project(folder, n, patterns=patterns)
    project = lw.Project(folder)
    changes: list[tuple[str, Callable[[], None]]] = [
        ("full", lambda: None),
        ("1 function changed", lambda: write_functions(folder, patterns=patterns, changed=7)),
        ("1 % new rows", lambda: write_rows(folder, "b.parquet", n, n // 100)),
        ("nothing changed", lambda: None),
    ]
    results: list[tuple[str, RunResult, float]] = []
    for name, change in changes:
        change()
        began = time.perf_counter()
        results.append((name, project.run(), time.perf_counter() - began))
    stages = list(results[0][1].stages)
    full = counted(results[0][1])
    kind = "patterns" if patterns else "Python functions"
    print(f"\n{FUNCTIONS} {kind}, {n:,} rows (seconds; share of a full run without {', '.join(NOT_COUNTED)})\n")
    print("| run | " + " | ".join(s.replace("_", " ") for s in stages) + " | counted | share | applications |")
    print("|---" * (len(stages) + 4) + "|")
    for name, result, _ in results:
        cells = [f"{result.stages.get(stage, 0):.2f}" for stage in stages]
        share = f"1/{full / counted(result):.1f}"
        done = f"{result.operations['function_applications']:,}"
        print(f"| {name} | " + " | ".join([*cells, f"{counted(result):.2f}", share, done]) + " |", flush=True)


def counted(result: RunResult) -> float:
    """Return the seconds of a run without the end model and the report."""
    return sum(seconds for stage, seconds in result.stages.items() if stage not in NOT_COUNTED)


def main() -> None:
    """Measure both kinds of functions."""
    n = int(os.environ.get("REFRESH_ROWS", "1000000"))
    for patterns in (False, True):
        place = Path(tempfile.mkdtemp())
        try:
            measure(place / "project", n, patterns=patterns)
        finally:
            shutil.rmtree(place)


if __name__ == "__main__":
    sys.exit(main())
