"""Image functions a batch at a time beside scikit-image, torchvision and albumentations one image at a time.

Then how fast each generator of a learned policy learns. ``--peers skimage`` leaves out the other two.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_args

import numpy as np
import torch

from labelwright.augmentation import images
from labelwright.augmentation.base import TransformationFunction
from labelwright.augmentation.learned import LearnedPolicy
from labelwright.augmentation.learned.fitting import LearningProgress
from labelwright.augmentation.learned.generators import GeneratorName

N, SIDE, ROUNDS, CALLS, THREADS = 256, 32, 7, 7, 2
# Beside scikit-image, each function is to be as many times as fast.
WANTED = 15
# Whose processor time counts; without other work on the machine, the clock shows nearly the same.
KINDS = (f"one of {THREADS} threads", "one thread")
HERE = Path(__file__).resolve().parent
PEERS = HERE.parent / ".venv-peers" / "bin" / "python"
# What scikit-image does not have: one writes a slice of numpy.
NUMPY = {"flip_horizontal", "flip_vertical", "cutout"}


def functions(channels: int) -> list[TransformationFunction]:
    every = [*images.standard("grey"), images.flip_horizontal(), images.flip_vertical()]
    return every if channels == 1 else [*every, images.colour(), images.hue()]


def drawn(function: TransformationFunction, chance: np.random.Generator) -> list[float]:
    """Magnitudes spread over the bounds, one for each image; none of them neutral, where nothing is to do."""
    if function.magnitude is None:
        return [0.0] * N
    return [float(function.magnitude.at(s)) for s in chance.choice(function.magnitude.sides, N) * chance.random(N)]


class Measured(NamedTuple):
    """Seconds for a batch: of the clock, all threads; of the calling thread on the processor, with all and alone."""

    clock: float
    calling: float
    alone: float


class Ours:
    """Our functions on one batch."""

    def __init__(self, channels: int, device: str = "cpu") -> None:
        self.chance = np.random.default_rng(0)
        self.batch = torch.rand((N, channels, SIDE, SIDE), generator=torch.Generator().manual_seed(0)).to(device)
        self.functions = {function.name: function for function in functions(channels)}
        self.magnitudes = {name: drawn(function, self.chance) for name, function in self.functions.items()}
        self.device = device

    def arrays(self) -> np.ndarray:
        return np.ascontiguousarray(np.moveaxis(self.batch.cpu().numpy(), 1, -1))

    def run(self, name: str) -> None:
        function = self.functions[name]
        more: dict[str, Any] = dict(function.resources)
        if function.magnitude is not None:
            more["magnitude"] = np.array(self.magnitudes[name])
        if name in ("elastic", "cutout", "noise"):
            more["rng"] = self.chance
        function.function(self.batch, **more)
        if self.device != "cpu":
            torch.cuda.synchronize()

    def seconds(self, name: str) -> list[Measured]:
        return measured(lambda: self.run(name))


def measured(call: Callable[[], object]) -> list[Measured]:
    """Return what each of a few calls took: a call alone is over before a busy machine has looked round.

    By the clock, threads wait for each other until a busy machine has a place for both. The calling thread has its half
    of what is shared and all that is not: on a quiet machine the clock shows that, and how long the other one takes to
    wake up.
    """

    def timed(clock: Callable[[], float]) -> float:
        started = clock()
        call()
        return clock() - started

    together = []
    for _ in range(CALLS):
        started = time.perf_counter()
        calling = timed(time.thread_time)
        together.append((time.perf_counter() - started, calling))
    torch.set_num_threads(1)
    alone = [timed(time.thread_time) for _ in range(CALLS)]
    torch.set_num_threads(THREADS)
    return [Measured(*both, one) for both, one in zip(together, alone, strict=True)]


class Theirs:
    """A process of the peers' own Python that waits while we compute, as we do while it computes."""

    def __init__(self, ours: Ours, folder: Path, wanted: Sequence[str]) -> None:
        np.save(folder / "images.npy", ours.arrays())
        (folder / "magnitudes.json").write_text(json.dumps(ours.magnitudes))
        command = [PEERS, "-W", "ignore", str(HERE / "_augmentation_peers.py"), folder / "images.npy"]
        one = {**os.environ, "OMP_NUM_THREADS": "1", "NO_ALBUMENTATIONS_UPDATE": "1"}
        self.process = subprocess.Popen(
            [*command, folder / "magnitudes.json"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=one
        )
        said = json.loads(self._answer())
        self.has: dict[str, list[str]] = {name: has for name, has in said["has"].items() if name in wanted}
        for name, why in said["missing"].items():
            print(f"{name} does not run here: {why}")

    def _answer(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the peers' process ended with {self.process.wait()}; its error is above")
        return line

    def seconds(self, library: str, name: str) -> tuple[float, float]:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{library} {name}\n")
        self.process.stdin.flush()
        clock, processor = map(float, self._answer().split())
        return clock, processor

    def close(self) -> None:
        self.process.communicate()


def spread(values: Sequence[float], form: str) -> str:
    ordered = sorted(values)
    return f"{statistics.median(ordered):{form}} ({ordered[0]:{form}} to {ordered[-1]:{form}})"


def beside(ours: Ours, theirs: Theirs) -> None:
    """Print a row for each function, and what they come to beside scikit-image."""
    heads = "".join(f" {f'x {library}, {kind}':>28}" for library in theirs.has for kind in ("clock", *KINDS))
    print(f"{'':16} {'fastest ms':>28}{heads}")
    ratios: dict[str, tuple[float, ...]] = {}
    for name in ours.functions:
        calls = ours.seconds(name)
        found: dict[str, list[tuple[float, ...]]] = {lib: [] for lib, has in theirs.has.items() if name in has}
        least: dict[str, float] = {}
        for library in found:
            theirs.seconds(library, name)  # pays for imports and caches
        for _ in range(ROUNDS):
            for library, rounds in found.items():
                mine, (clock, processor) = ours.seconds(name), theirs.seconds(library, name)
                calls += mine
                us = Measured(*(statistics.median(column) for column in zip(*mine, strict=True)))
                rounds.append((clock / us.clock, processor / us.calling, processor / us.alone))
                least[library] = min(processor, least.get(library, processor))
        fastest = Measured(*(min(column) for column in zip(*calls, strict=True)))
        cells = []
        for library in theirs.has:
            if library not in found:
                cells += ["-"] * (1 + len(KINDS))
                continue
            columns = list(zip(*found[library], strict=True))
            bests = least[library] / fastest.calling, least[library] / fastest.alone
            cells += [spread(columns[0], ".0f")]
            cells += [f"{spread(each, '.0f')} {best:.0f}" for each, best in zip(columns[1:], bests, strict=True)]
            if library == "skimage":
                ratios[name] = (*map(statistics.median, columns), *bests)
        shown = f"{fastest.calling * 1e3:.2f} and {fastest.alone * 1e3:.2f}"
        print(f"{name:16} {shown:>28}" + "".join(f" {cell:>28}" for cell in cells), flush=True)
    summarise(ratios)


def summarise(ratios: dict[str, tuple[float, ...]]) -> None:
    """Print the least and the median of each kind of ratio to scikit-image, and what is below the one wanted."""
    whats = ("clock, two threads", *(f"{what}, {kind}" for what in ("medians", "fastest") for kind in KINDS))
    for which, names in (("scikit-image's own", set(ratios) - NUMPY), ("numpy's, where it has none", NUMPY)):
        for kind, what in enumerate(whats):
            found = {name: ratios[name][kind] for name in sorted(names & set(ratios))}
            if found:
                least, middle = min(found, key=found.__getitem__), statistics.median(found.values())
                below = ", ".join(f"{name} {ratio:.1f}" for name, ratio in found.items() if ratio < WANTED)
                print(f"beside {which}, {what}: least {found[least]:.1f} ({least}), median {middle:.1f}", end="; ")
                print(f"below {WANTED}: {below or 'none'}")


def generators(device: str = "cpu", steps: int = 60) -> None:
    """Print how fast each generator learns: steps of training, and sequences drawn, applied, judged and learned from.

    From the first report of progress to the last, so without what comes before training (trying out the functions) and
    after it (choosing among the generators on the way).
    """
    pictures = torch.rand((2_000, 1, 28, 28), generator=torch.Generator().manual_seed(0)).to(device)
    count = len(images.standard("grey"))
    print(f"\ngenerators on {device}: {count} functions for grey images, 28 x 28, three in a row; {steps} steps")
    print(f"{'':16} {'a second of the clock':>32} {'of the processor':>32}")
    for generator in get_args(GeneratorName):
        policy = LearnedPolicy(
            images.standard("grey"), length=3, generator=generator, steps=steps, estimator="leave_one_out"
        )
        seen: list[tuple[int, float, float]] = []

        def told(progress: LearningProgress, seen: list[tuple[int, float, float]] = seen) -> None:
            seen.append((progress.step, time.perf_counter(), time.process_time()))

        policy.fit(pictures, progress=told)
        done, *seconds = (last - first for first, last in zip(seen[0], seen[-1], strict=True))
        cells = [f"{done / each:.1f} steps, {done / each * policy.batch_size:,.0f} sequences" for each in seconds]
        print(f"{generator:16} {cells[0]:>32} {cells[1]:>32}", flush=True)


def accelerator() -> None:
    if not torch.cuda.is_available():
        print("on a GPU: not measured, there is none here")
        return
    print(f"on {torch.cuda.get_device_name()}, batch {N}: thousand images/s, median (range)")
    ours = Ours(3, "cuda")
    for name in ours.functions:
        ours.seconds(name)
        rates = [N / statistics.median(call.clock for call in ours.seconds(name)) / 1e3 for _ in range(ROUNDS)]
        print(f"{name:16} {spread(rates, '.0f')}")
    generators("cuda")


def main(given: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--peers", nargs="*", default=["skimage", "torchvision", "albumentations"])
    wanted = parser.parse_args(given if given is not None else []).peers
    if os.environ.get("OMP_WAIT_POLICY") != "passive":
        # Threads that wait in a loop count as work of the processor; it is too late to tell them once torch is there.
        command = [sys.executable, "-m", "benchmarks.augmentation_speed", "--peers", *wanted]
        subprocess.run(command, check=True, env={**os.environ, "OMP_WAIT_POLICY": "passive"})
        return
    before = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    try:
        for channels in (3, 1):
            kind = "colour" if channels == 3 else "grey"
            print(f"{N} {kind} images, {SIDE} x {SIDE}, {THREADS} threads; {ROUNDS} rounds in turn: median (range)")
            ours = Ours(channels)
            _, *floor = (min(column) * 1e3 for column in zip(*measured(ours.batch.clone), strict=True))
            print(f"a copy of the batch, fastest ms, {' and '.join(KINDS)}: {floor[0]:.2f} and {floor[1]:.2f}")
            if not PEERS.exists():
                print("the peers are not installed: make bench")
                continue
            with tempfile.TemporaryDirectory() as folder:
                theirs = Theirs(ours, Path(folder), wanted)
                beside(ours, theirs)
                theirs.close()
            print(f"load of the machine (1, 5, 15 minutes): {', '.join(f'{one:.1f}' for one in os.getloadavg())}")
        generators()
        accelerator()
    finally:
        torch.set_num_threads(before)


if __name__ == "__main__":
    main(sys.argv[1:])
