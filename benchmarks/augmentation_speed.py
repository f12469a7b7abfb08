"""Image functions a batch at a time beside scikit-image, torchvision and albumentations one image at a time."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from labelwright.augmentation import images
from labelwright.augmentation.base import TransformationFunction

N, SIDE, ROUNDS, CALLS, THREADS = 256, 32, 7, 5, 2
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

    def seconds(self, name: str) -> tuple[float, float]:
        """Of the clock with all threads, and of the processor with one: the medians of a few calls.

        A call alone is over before a busy machine has looked round. What threads spend on waiting for each other counts
        as work of the processor, so that is measured with one; and by the time of this thread, since the other one goes
        on waiting for a while after the last call that it took part in.
        """
        clock, processor = [], []
        for _ in range(CALLS):
            started = time.perf_counter()
            self.run(name)
            clock.append(time.perf_counter() - started)
        torch.set_num_threads(1)
        for _ in range(CALLS):
            started = time.thread_time()
            self.run(name)
            processor.append(time.thread_time() - started)
        torch.set_num_threads(THREADS)
        return statistics.median(clock), statistics.median(processor)


class Theirs:
    """A process of the peers' own Python that waits while we compute, as we do while it computes."""

    def __init__(self, ours: Ours, folder: Path) -> None:
        np.save(folder / "images.npy", ours.arrays())
        (folder / "magnitudes.json").write_text(json.dumps(ours.magnitudes))
        command = [PEERS, "-W", "ignore", str(HERE / "_augmentation_peers.py"), folder / "images.npy"]
        one = {**os.environ, "OMP_NUM_THREADS": "1", "NO_ALBUMENTATIONS_UPDATE": "1"}
        self.process = subprocess.Popen(
            [*command, folder / "magnitudes.json"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=one
        )
        said = json.loads(self._answer())
        self.has: dict[str, list[str]] = said["has"]
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
    heads = "".join(f" {head:>21}" for library in theirs.has for head in (f"x {library}", "processor time"))
    print(f"{'':16} {'thousand images/s':>21}{heads}")
    medians: dict[str, tuple[float, ...]] = {}
    for name in ours.functions:
        rates: list[float] = []
        ratios: dict[str, list[tuple[float, float]]] = {lib: [] for lib, has in theirs.has.items() if name in has}
        ours.seconds(name)
        for library in ratios:
            theirs.seconds(library, name)  # pays for imports and caches
        for _ in range(ROUNDS):
            for library, found in ratios.items():
                mine, other = ours.seconds(name), theirs.seconds(library, name)
                rates.append(N / mine[0] / 1e3)
                found.append((other[0] / mine[0], other[1] / mine[1]))
        columns = [
            column for lib in theirs.has for column in (zip(*ratios[lib], strict=True) if lib in ratios else ((), ()))
        ]
        cells = "".join(f" {spread(column, '.0f') if column else '-':>21}" for column in columns)
        print(f"{name:16} {spread(rates, '.0f'):>21}{cells}", flush=True)
        if "skimage" in ratios:
            medians[name] = tuple(statistics.median(column) for column in zip(*ratios["skimage"], strict=True))
    for which, names in (("scikit-image's own", set(medians) - NUMPY), ("numpy's, where it has none", NUMPY)):
        for kind, what in enumerate((f"by the clock, {THREADS} threads", "processor time, one thread")):
            found = {name: medians[name][kind] for name in sorted(names & set(medians))}
            least, middle = min(found, key=found.__getitem__), statistics.median(found.values())
            print(f"beside {which}, {what}: least {found[least]:.0f} ({least}), median {middle:.0f}")


def accelerator() -> None:
    if not torch.cuda.is_available():
        print("on a GPU: not measured, there is none here")
        return
    print(f"on {torch.cuda.get_device_name()}, batch {N}: thousand images/s, median (range)")
    ours = Ours(3, "cuda")
    for name in ours.functions:
        ours.seconds(name)
        print(f"{name:16} {spread([N / ours.seconds(name)[0] / 1e3 for _ in range(ROUNDS)], '.0f')}")


def main() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    try:
        for channels in (3, 1):
            kind = "colour" if channels == 3 else "grey"
            print(f"{N} {kind} images, {SIDE} x {SIDE}, {THREADS} threads; {ROUNDS} rounds in turn: median (range)")
            ours = Ours(channels)
            if not PEERS.exists():
                print("the peers are not installed: make bench")
                continue
            with tempfile.TemporaryDirectory() as folder:
                theirs = Theirs(ours, Path(folder))
                beside(ours, theirs)
                theirs.close()
            print(f"load of the machine (1, 5, 15 minutes): {', '.join(f'{one:.1f}' for one in os.getloadavg())}")
        accelerator()
    finally:
        torch.set_num_threads(before)


if __name__ == "__main__":
    main()
