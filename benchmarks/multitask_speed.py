"""Training one network on many tasks, beside Snorkel's MultitaskClassifier and MeTaL's MTEndModel."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from benchmarks._multitask_speed_peers import BATCH, STEPS
from labelwright.endmodels.torch import seeded, small_cnn
from labelwright.endmodels.torch.multitask import (
    MultiTaskDataset,
    MultiTaskNetwork,
    multitask_cross_entropy,
    train_multitask,
)

N, FEATURES, HIDDEN, ROUNDS = 1024, 128, 256, 5
TASKS = (3, 20, 100)
HERE = Path(__file__).resolve().parent
PEERS = HERE.parent / ".venv-peers" / "bin" / "python"


class Ours:
    """A network, its data, and what is timed."""

    def __init__(self, network: str, tasks: int) -> None:
        chance = np.random.default_rng(0)
        # Not all as wide: 2 to 5 classes.
        widths = {f"t{t}": 2 + t % 4 for t in range(tasks)}
        shape = (N, 1, 28, 28) if network == "cnn" else (N, FEATURES)
        self.X = chance.normal(size=shape).astype(np.float32)
        self.Y = {name: chance.dirichlet(np.ones(k), size=N).astype(np.float32) for name, k in widths.items()}
        with seeded(0):
            if network == "cnn":
                trunk, width = small_cnn(1, None, dropout=0.0), 4 * 16 * 16
                trunk = torch.nn.Sequential(*[layer for layer in trunk if not isinstance(layer, torch.nn.Dropout)])
                trunk = trunk.to(memory_format=torch.channels_last)
            else:
                trunk, width = (
                    torch.nn.Sequential(
                        torch.nn.Linear(FEATURES, HIDDEN),
                        torch.nn.ReLU(),
                        torch.nn.Linear(HIDDEN, HIDDEN),
                        torch.nn.ReLU(),
                    ),
                    HIDDEN,
                )
            self.network = MultiTaskNetwork(trunk, widths, width=width)
        self.data = MultiTaskDataset(self.X, self.Y, tasks=self.network.graph)

    def write(self, folder: Path) -> None:
        layout, heads = self.network.layout, self.network.heads
        weight, bias = layout.split(heads.weight.detach().T), layout.split(heads.bias.detach()[None])
        weights = {f"trunk.{name}": value.numpy() for name, value in self.network.trunk.state_dict().items()}
        weights |= {f"{name}.weight": rows.T.numpy() for name, rows in weight.items()}
        weights |= {f"{name}.bias": rows[0].numpy() for name, rows in bias.items()}
        np.savez(folder / "weights.npz", **weights)
        np.savez(folder / "data.npz", X=self.X, **self.Y)

    def batches(self, count: int) -> list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
        names = self.network.layout.names
        probs = torch.cat([self.data.probs[name] for name in names], dim=1)
        inputs = self.data.inputs
        assert isinstance(inputs, torch.Tensor)
        ones = torch.ones(BATCH, len(names))
        starts = range(0, count * BATCH, BATCH)
        return [(inputs[s : s + BATCH], probs[s : s + BATCH], ones) for s in starts]

    def first_loss(self) -> float:
        self.network.eval()
        ((inputs, probs, weight),) = self.batches(1)
        with torch.inference_mode():
            losses = multitask_cross_entropy(self.network(inputs), probs, weight, self.network.layout)
        return float(losses.mean(dim=0).sum())

    def epoch(self) -> float:
        """Processor seconds of an epoch of `train_multitask`."""
        started = time.process_time()
        train_multitask(self.network, self.data, epochs=1, batch_size=BATCH, optimizer=torch.optim.Adam, device="cpu")
        return time.process_time() - started

    def steps(self) -> float:
        """Processor seconds of some steps on batches from memory: loss, gradient, Adam."""
        self.network.train()
        descent = torch.optim.Adam(self.network.parameters(), lr=1e-3)
        batches = self.batches(STEPS)
        started = time.process_time()
        for inputs, probs, weight in batches:
            descent.zero_grad()
            losses = multitask_cross_entropy(self.network(inputs), probs, weight, self.network.layout)
            losses.mean(dim=0).sum().backward()  # type: ignore[no-untyped-call]
            descent.step()
        return time.process_time() - started


class Theirs:
    """A process of the peers' own Python that waits while we compute, as we do while it computes."""

    def __init__(self, ours: Ours, network: str, folder: Path) -> None:
        ours.write(folder)
        command = [PEERS, "-W", "ignore", str(HERE / "_multitask_speed_peers.py"), folder, network]
        one = {**os.environ, "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=one)
        said = json.loads(self._answer())
        self.names = []
        for name, found in said.items():
            if isinstance(found, str):
                print(f"{name} does not run here: {found}")
            elif abs(found - (own := ours.first_loss())) > 1e-4 * own:
                print(f"{name} is another network: its loss is {found}, ours {own}")
            else:
                self.names.append(name)

    def _answer(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the peers' process ended with {self.process.wait()}; its error is above")
        return line

    def seconds(self, name: str, what: str) -> float:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{name} {what}\n")
        self.process.stdin.flush()
        return float(self._answer())

    def close(self) -> None:
        self.process.communicate()


def spread(values: Sequence[float], form: str) -> str:
    ordered = sorted(values)
    return f"{statistics.median(ordered):{form}} ({ordered[0]:{form}} to {ordered[-1]:{form}})"


def compare(network: str, tasks: int) -> None:
    """Print a row for each peer."""
    ours = Ours(network, tasks)
    with tempfile.TemporaryDirectory() as folder:
        theirs = Theirs(ours, network, Path(folder))
        ours.epoch()
        found: dict[tuple[str, str], list[float]] = {}
        for _ in range(ROUNDS):
            for what, examples in (("epoch", N), ("steps", STEPS * BATCH)):
                for name in theirs.names:
                    mine, other = getattr(ours, what)(), theirs.seconds(name, what)
                    found.setdefault((name, f"{what} ratio"), []).append(other / mine)
                    found.setdefault((name, f"{what} rate"), []).append(examples / mine)
        theirs.close()
    for name in theirs.names:
        cells = "".join(
            f" {spread(found[name, f'{what} rate'], ',.0f'):>26} {spread(found[name, f'{what} ratio'], '.1f'):>22}"
            for what in ("epoch", "steps")
        )
        print(f"{network:8} {tasks:>5} {name:8}{cells}", flush=True)


def main() -> None:
    torch.set_num_threads(1)
    if not PEERS.exists():
        print("the peers are not installed (make bench installs them)")
        return
    print(f"{N:,} examples, batches of {BATCH}, soft labels on every task, 2 to 5 classes, Adam, one thread")
    heads = "".join(f" {head:>{width}}" for head, width in (("ours, examples/s", 26), ("x as fast", 22)) * 2)
    print(f"{'':24}{'an epoch of training':>36}{'steps alone':>52}")
    print(f"{'network':8} {'tasks':>5} {'peer':8}{heads}")
    for network in ("mlp", "cnn"):
        for tasks in TASKS:
            compare(network, tasks)


if __name__ == "__main__":
    main()
