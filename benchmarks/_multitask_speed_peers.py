"""Snorkel's MultitaskClassifier and MeTaL's MTEndModel: run by the peers' own Python.

``python _multitask_speed_peers.py FOLDER NETWORK`` reads ``data.npz`` and ``weights.npz``, prints a line of JSON (each
peer's loss on the first batch with those weights, or why it does not run), and then for each line ``PEER epoch`` or
``PEER steps`` from standard input the processor's seconds.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import torch

BATCH = 64
# How many batches "steps" goes through, taken from memory.
STEPS = 16


def trunk(weights, network):
    """The trunk, with the weights that were handed over: layer after layer, so that either peer can have it."""
    if network == "cnn":
        convolution = [
            lambda i, o, size=3, stride=1: torch.nn.Conv2d(i, o, size, stride, size // 2, bias=False),
            torch.nn.BatchNorm2d,
        ]
        layers = []
        for i, o, more in ((1, 16, (5, 2)), (16, 32, ()), (32, 32, ()), (32, 64, ())):
            if o == 64:
                layers.append(torch.nn.MaxPool2d(2))
            layers += [convolution[0](i, o, *more), convolution[1](o), torch.nn.ReLU()]
        module = torch.nn.Sequential(*layers, torch.nn.AdaptiveMaxPool2d(4), torch.nn.Flatten())
    else:
        first, second = weights["0.weight"], weights["2.weight"]
        module = torch.nn.Sequential(
            torch.nn.Linear(*first.shape[::-1]), torch.nn.ReLU(), torch.nn.Linear(*second.shape[::-1]), torch.nn.ReLU()
        )
    module.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
    return module


def linear(weight, bias):
    layer = torch.nn.Linear(weight.shape[1], weight.shape[0])
    layer.load_state_dict({"weight": torch.from_numpy(weight), "bias": torch.from_numpy(bias)})
    return layer


class Snorkel:
    """Its trainer with its loader of dicts; logging, checkpoints and the clipping of gradients switched off."""

    def __init__(self, X, Y, body, heads):
        from snorkel.classification import (
            DictDataLoader,
            DictDataset,
            MultitaskClassifier,
            Operation,
            Task,
            Trainer,
            cross_entropy_with_probs,
        )

        modules = {"trunk": body}
        tasks = []
        for name, head in heads.items():
            flow = [
                Operation(name="trunk", module_name="trunk", inputs=[("_input_", "x")]),
                Operation(name=f"{name}_head", module_name=f"{name}_head", inputs=["trunk"]),
            ]
            own = torch.nn.ModuleDict({"trunk": modules["trunk"], f"{name}_head": head})
            tasks.append(Task(name, own, flow, loss_func=cross_entropy_with_probs))
        self.model = MultitaskClassifier(tasks)
        self.X, self.Y = X, Y
        self.loader = DictDataLoader(DictDataset("d", "train", {"x": X}, Y), batch_size=BATCH, shuffle=True)
        self.trainer = Trainer(n_epochs=1, lr=1e-3, l2=0.0, grad_clip=None, progress_bar=False, logging=False)

    def loss(self, start=0):
        batch = slice(start, start + BATCH)
        losses, _ = self.model.calculate_loss(
            {"x": self.X[batch]}, {name: rows[batch] for name, rows in self.Y.items()}
        )
        return torch.stack(list(losses.values())).sum()

    def epoch(self):
        self.trainer.fit(self.model, [self.loader])


class MeTaL:
    """Its training loop with its loader, in the same process; checkpoints and printing switched off."""

    def __init__(self, X, Y, body, heads):
        import networkx

        # Written for networkx 1: graphs have lost `node`.
        networkx.Graph.node = property(lambda graph: graph.nodes)
        from metal.multitask import MTEndModel
        from metal.multitask.task_graph import TaskGraph
        from metal.multitask.utils import MultiYDataset

        class Apart(TaskGraph):
            """Lists no label vectors: it would list every combination of classes, which an end model does not need."""

            def feasible_set(self):
                return iter(())

        widths = [rows.shape[1] for rows in Y.values()]
        features = next(iter(heads.values())).in_features
        self.model = MTEndModel(
            [features, features],
            middle_modules=[body],
            head_modules=list(heads.values()),
            task_graph=Apart(widths),
            seed=0,
            verbose=False,
            input_layer_config={"input_relu": False, "input_batchnorm": False, "input_dropout": 0.0},
            middle_layer_config={"middle_relu": False, "middle_batchnorm": False, "middle_dropout": 0.0},
        )
        self.X, self.Y = X, list(Y.values())
        data = MultiYDataset(X, self.Y)
        self.loader = torch.utils.data.DataLoader(data, batch_size=BATCH, shuffle=True)

    def loss(self, start=0):
        batch = slice(start, start + BATCH)
        return self.model._get_loss_fn()(self.X[batch], [rows[batch] for rows in self.Y])

    def epoch(self):
        self.model.train_model(
            self.loader, n_epochs=1, l2=0.0, checkpoint=False, optimizer_config={"optimizer_common": {"lr": 1e-3}}
        )


def steps(peer):
    """Seconds of some steps on batches from memory: loss, gradient, Adam."""
    peer.model.train()
    descent = torch.optim.Adam(peer.model.parameters(), lr=1e-3)
    started = time.process_time()
    for start in range(0, STEPS * BATCH, BATCH):
        descent.zero_grad()
        peer.loss(start).backward()
        descent.step()
    return time.process_time() - started


def epoch(peer):
    started = time.process_time()
    peer.epoch()
    return time.process_time() - started


def main():
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    folder = Path(sys.argv[1])
    data, weights = np.load(folder / "data.npz"), np.load(folder / "weights.npz")
    X = torch.from_numpy(data["X"])
    names = [name for name in data.files if name != "X"]
    Y = {name: torch.from_numpy(data[name]) for name in names}
    peers, said = {}, {}
    for name, kind in (("snorkel", Snorkel), ("metal", MeTaL)):
        body = trunk(
            {k.removeprefix("trunk."): weights[k] for k in weights.files if k.startswith("trunk.")}, sys.argv[2]
        )
        heads = {task: linear(weights[f"{task}.weight"], weights[f"{task}.bias"]) for task in names}
        try:
            peers[name] = kind(X, Y, body, heads)
            peers[name].model.eval()
            with torch.no_grad():
                said[name] = float(peers[name].loss())
            epoch(peers[name])
        except Exception as error:
            peers.pop(name, None)
            said[name] = f"{type(error).__name__}: {error}"
    print(json.dumps(said), flush=True)
    for line in sys.stdin:
        name, what = line.split()
        print({"epoch": epoch, "steps": steps}[what](peers[name]), flush=True)


if __name__ == "__main__":
    main()
