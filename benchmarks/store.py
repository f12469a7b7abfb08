"""What the training database costs: votes as bits, one row of a table, an old catalog, explanations and differences."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa

import labelwright as lw
from benchmarks.refresh import write_functions, write_project
from labelwright.pipeline.kept.keep import KeptRun, open_store
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


def project(folder: Path) -> None:
    """Explain an example, and compare two runs that differ in one function."""
    write_project(folder, ROWS, patterns=True)
    lw.Project(folder).run()
    write_functions(folder, patterns=True, changed=7)
    lw.Project(folder).run()
    print(f"\n{f'{FUNCTIONS} functions, {ROWS:,} rows, two runs':58s}")
    fresh = iter(range(ROWS - 1, 0, -1))
    report("explain an example, the project opened anew", lambda: lw.Project(folder).explain(next(fresh)))
    report("compare both runs", lambda: lw.Project(folder).diff())


def grown(folder: Path, *, snapshots: int = 1000, functions: int = 500) -> None:
    """Open a project of many functions and snapshots."""
    write_project(folder, 1000, patterns=True)
    lines = [
        "import labelwright as lw",
        f"FUNCTIONS = [lw.regex_lf(f'f{{i}}', f'word{{i:03d}}', 'ham') for i in range({functions})]",
    ]
    (folder / "supervision.py").write_text("\n".join(lines) + "\n")
    result = lw.Project(folder).run()
    _, kept = open_store(folder)
    for number in range(2, snapshots + 2):
        kept.add_run(f"{number:016x}", seconds=1.0, artifacts=result.artifacts)
        kept.add_snapshot(f"snapshot {number}", number)
    print(f"\n{f'{functions} functions, {snapshots:,} snapshots':58s}")

    def opened() -> None:
        lw.Project(folder)
        run = KeptRun.latest(folder)
        assert len(run.functions()) == functions
        assert len(run.splits) == 1

    report("open the project and read what its functions are", opened)


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        print(f"{'milliseconds':58s} {'least':>8s} {'median':>8s} {'processor':>10s}   n={ROUNDS}")
        votes(ArtifactFolder(folder / "artifacts"))
        rows(ArtifactFolder(folder / "artifacts"))
        catalog(folder / "catalog.sqlite")
        project(folder / "project")
        grown(folder / "grown")


if __name__ == "__main__":
    main()
