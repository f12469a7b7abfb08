"""What the training database costs: votes read and added as bits, one row of a table, a catalog that has grown old."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa

from labelwright.store import ArtifactFolder, ArtifactId, Catalog, Derivation, Recipe, bit_planes

ROWS = 1_000_000
FUNCTIONS = 50
PARTS = 16
ROUNDS = 7
SIZE = ROWS // PARTS


def report(name: str, work: Callable[[], object]) -> None:
    """Print the least and the median milliseconds on the clock, and the least of the processor."""
    clock, processor = [], []
    for _ in range(ROUNDS):
        began, busy = time.perf_counter(), time.process_time()
        work()
        clock.append(1e3 * (time.perf_counter() - began))
        processor.append(1e3 * (time.process_time() - busy))
    print(f"{name:58s} {min(clock):8.1f} {np.median(clock):8.1f} {min(processor):10.1f}")


def votes(store: ArtifactFolder) -> None:
    rng = np.random.default_rng(0)

    def column() -> list[np.ndarray]:
        codes = np.where(rng.random(ROWS) < 0.4, rng.integers(2, size=ROWS), -1).astype(np.int8)
        return np.split(codes, PARTS)

    def add(parts: list[np.ndarray]) -> list[ArtifactId]:
        return store.put_many("votes", [bit_planes.encode(part) for part in parts], bit_planes.SUFFIX)

    kept = [add(column()) for _ in range(FUNCTIONS)]
    matrix = np.zeros((FUNCTIONS, PARTS, SIZE), np.int8)

    def read() -> None:
        for keys, rows in zip(kept, matrix, strict=True):
            for key, part in zip(keys, rows, strict=True):
                bit_planes.decode(store.get_bytes(key, bit_planes.SUFFIX), part)

    report(f"read {FUNCTIONS} functions x {ROWS:,} rows, {PARTS} parts each", read)
    fresh = iter([column() for _ in range(ROUNDS)])
    report(f"add one function, {PARTS} files", lambda: add(next(fresh)))


def rows(store: ArtifactFolder) -> None:
    rng = np.random.default_rng(0)
    words = np.array([f"word{i}" for i in range(5000)])
    texts = [" ".join(words[rng.integers(5000, size=20)]) for _ in range(65_536)]
    key = store.put_table("data", pa.table({"text": texts, "number": rng.normal(size=len(texts))}))
    report("read one row of a table of 65,536", lambda: store.get_rows(key, [40_000]))


def catalog(path: Path, *, runs: int = 1000, derivations: int = 100_000) -> None:
    key = ArtifactId("votes", "ab" * 32)
    recipes = [Recipe("votes", {"part": key}, {"function": f"{i:064x}"}) for i in range(derivations)]
    Catalog(path).add_derivations(Derivation(recipe, key, versions={"numpy": "2.4"}) for recipe in recipes)
    for number in range(1, runs + 1):
        Catalog(path).add_run(f"{number:016x}", seconds=1.0, artifacts=dict.fromkeys("abcdefghij", key))
        Catalog(path).add_snapshot(f"snapshot {number}", number)
    asked = [recipe.digest for recipe in recipes[5000:5800]]
    print(f"\n{f'{runs:,} runs and snapshots, {derivations:,} derivations, {path.stat().st_size / 1e6:.0f} MB':58s}")
    report("open it and read the latest run", lambda: Catalog(path).latest())
    report("open it and read one snapshot", lambda: Catalog(path).snapshot("snapshot 500"))
    report("list all snapshots", lambda: Catalog(path).snapshots())
    report("find 800 recipes", lambda: Catalog(path).find(asked))
    fresh = iter(range(ROUNDS))

    def add() -> None:
        step = next(fresh)
        Catalog(path).add_derivations(Derivation(Recipe("new", {}, {"n": [step, i]}), key) for i in range(16))

    report("add 16 derivations", add)


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        print(f"{'milliseconds':58s} {'least':>8s} {'median':>8s} {'processor':>10s}   n={ROUNDS}")
        votes(ArtifactFolder(folder / "artifacts"))
        rows(ArtifactFolder(folder / "artifacts"))
        catalog(folder / "catalog.sqlite")


if __name__ == "__main__":
    main()
