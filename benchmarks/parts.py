"""What it costs to know what changed: hashes of rows, parts, fingerprints of files; and what edits leave untouched."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from labelwright.data import content_ids, divide, fingerprint, read, row_hashes

ROWS = 1_000_000
MANY = 3_000_000
ROUNDS = 3
WORDS = ["check", "out", "my", "channel", "love", "this", "song", "http://x.y/abc", "subscribe", "nice"]

# Run in a process of its own for a peak of its own; what getrusage says of a child begins with the peak of its parent.
DIVIDE = """
import re, sys
from pathlib import Path
from labelwright.data import divide, read
data = read(sys.argv[1], id=sys.argv[2] or None, group=sys.argv[3] or None)
parts = sum(1 for _ in divide(data))
print(parts, re.search("VmHWM: *([0-9]+)", Path("/proc/self/status").read_text().replace(chr(9), " "))[1])
"""


def comments(n: int) -> pl.DataFrame:
    """Short comments of 60 bytes with an id, an author, two numbers and a group of ten that is scattered."""
    rng = np.random.default_rng(0)
    texts = np.array([" ".join(rng.choice(WORDS, rng.integers(3, 15))) for _ in range(10_000)])
    return pl.DataFrame(
        {
            "id": np.arange(n),
            "text": texts[rng.integers(0, len(texts), n)],
            "author": [f"user {i}" for i in rng.integers(0, 5000, n)],
            "likes": rng.integers(0, 1000, n),
            "score": rng.random(n),
            "video": (np.arange(n) // 40) * 4 + np.arange(n) % 4,
        }
    ).with_columns(text=pl.format("{} {}", "text", "id"))


def median(work: Callable[[], object]) -> float:
    """Seconds of the processor, the median of some rounds."""
    found = []
    for _ in range(ROUNDS):
        started = time.process_time()
        work()
        found.append(time.process_time() - started)
    return statistics.median(found)


def speeds(frame: pl.DataFrame) -> None:
    two = frame.select("id", "text")
    hashes = row_hashes(frame)
    rates = {
        "row_hashes, 2 columns": lambda: row_hashes(two),
        f"row_hashes, {frame.width} columns": lambda: row_hashes(frame),
        "content_ids": lambda: content_ids(hashes),
        "divide, id": lambda: sum(1 for _ in divide(read(frame, id="id"))),
        "divide, ids from content": lambda: sum(1 for _ in divide(read(frame))),
        "divide, id and groups of 10": lambda: sum(1 for _ in divide(read(frame, id="id", group="video"))),
    }
    print(f"{'1,000,000 rows in memory':32s} {'seconds':>8s}   n={ROUNDS}, one core")
    for name, work in rates.items():
        print(f"{name:32s} {median(work):8.2f}")


def memory(folder: Path) -> None:
    path = folder / "many.parquet"
    comments(MANY).write_parquet(path)
    print(f"\n{f'{MANY:,} rows from Parquet':32s} {'seconds':>8s} {'peak MB':>8s} {'parts':>6s}")
    for name, id_, group in (("id", "id", ""), ("ids from content", "", ""), ("id and groups of 10", "id", "video")):
        started = time.perf_counter()
        command = [sys.executable, "-c", DIVIDE, str(path), id_, group]
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        seconds = time.perf_counter() - started
        print(f"{f'divide, {name}':32s} {seconds:8.1f} {int(out[1]) / 1024:8.0f} {out[0]:>6s}")


def files(folder: Path) -> None:
    path = folder / "large.csv"
    content = os.urandom(1 << 26)
    with path.open("wb") as file:
        for _ in range(16):
            file.write(content)
    known = fingerprint(path)
    os.utime(path, ns=(1, 1))
    seconds = median(lambda: fingerprint(path))
    print(f"\nfingerprint of a new file: {path.stat().st_size / seconds / 1e9:.1f} GB/s")
    # A file is trusted once it has been left alone for some seconds.
    time.sleep(4)
    known = fingerprint(path)
    print(f"fingerprint of a known file: {1e6 * median(lambda: fingerprint(path, known=known)):.0f} us")


def edits(frame: pl.DataFrame) -> None:
    """How many parts are new after an edit: cut by content, and cut every 65,536 rows."""
    n = frame.height
    new = frame.head(1).with_columns(id=pl.lit(-1, pl.Int64))
    edited = frame.with_columns(likes=pl.when(pl.col("id") == n // 3).then(-1).otherwise("likes"))
    changes = {
        "one row inserted at the start": pl.concat([new, frame]),
        "one row inserted in the middle": pl.concat([frame[: n // 2], new, frame[n // 2 :]]),
        "one row deleted in the middle": frame.filter(pl.col("id") != n // 2),
        "one row edited": edited,
        "10,000 rows appended": pl.concat([frame, frame.head(10_000).with_columns(id=pl.col("id") + n)]),
    }
    before = digests(frame)
    fixed = fixed_parts(frame)
    print(f"\n{'new parts after an edit':32s} {'content':>9s} {'every 65,536':>13s}")
    for name, after in changes.items():
        found, plain = digests(after), fixed_parts(after)
        row = f"{len(found - before)} of {len(found)}", f"{len(plain - fixed)} of {len(plain)}"
        print(f"{name:32s} {row[0]:>9s} {row[1]:>13s}")


def digests(frame: pl.DataFrame) -> set[str]:
    return {part.digest for part in divide(read(frame, id="id"))}


def fixed_parts(frame: pl.DataFrame) -> set[bytes]:
    hashes = row_hashes(frame)
    return {hashes[start : start + 65_536].tobytes() for start in range(0, len(hashes), 65_536)}


def main() -> None:
    frame = comments(ROWS)
    edits(frame)
    print()
    speeds(frame)
    with tempfile.TemporaryDirectory() as folder:
        files(Path(folder))
        memory(Path(folder))


if __name__ == "__main__":
    main()
