"""Training on many tasks: one task is the single-task model bit for bit; masks, resuming, chance, weights and turns."""

from __future__ import annotations

import itertools
from functools import partial

import numpy as np
import pytest
import torch
from scipy.special import softmax

from labelwright.core.errors import ModelError
from labelwright.core.task_graph import TaskGraph
from labelwright.core.tasks import Refines, Task
from labelwright.endmodels.torch import SoftLabelDataset, seeded, train
from labelwright.endmodels.torch.multitask import (
    Mixed,
    MultiTaskDataset,
    MultiTaskNetwork,
    multitask_cross_entropy,
    train_multitask,
)

SETTINGS = {"epochs": 4, "batch_size": 32, "device": "cpu", "learning_rate": 0.02}
GRAPH = TaskGraph(
    [Task("finding", ["normal", "abnormal"]), Task("kind", 3), Task("side", 2)],
    [Refines("kind", "finding", "abnormal")],
)


def _soft(seed, n, k):
    return softmax(2 * np.random.default_rng(seed).normal(size=(n, k)), axis=1)


def _labels(n=90, seed=0):
    return {"finding": _soft(seed, n, 2), "kind": _soft(seed + 1, n, 4), "side": _soft(seed + 2, n, 2)}


def _inputs(n=90, d=4, seed=9):
    return np.random.default_rng(seed).normal(size=(n, d))


def _trunk(d=4):
    return torch.nn.Sequential(
        torch.nn.Linear(d, 8), torch.nn.BatchNorm1d(8), torch.nn.ReLU(), torch.nn.Dropout(0.3), torch.nn.Linear(8, 8)
    )


def _network(heads=GRAPH, **settings):
    with seeded(7):
        return MultiTaskNetwork(_trunk(), heads, **settings)


def _weights(model):
    return [value.clone() for value in model.state_dict().values()]


def _same(a, b):
    return len(a) == len(b) and all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("with_valid", [False, True])
@pytest.mark.parametrize("more", [{}, {"scheduler": "one_cycle", "average": 0.9}, {"loss": "marginal"}])
@pytest.mark.parametrize("k", [2, 3])
def test_one_task_is_the_single_task_model_bit_for_bit(k, more, with_valid):
    X, probs = _inputs(), _soft(3, 90, k)
    probs[4:9] = np.eye(k)[0]
    with seeded(7):
        alone = torch.nn.Sequential(_trunk(), torch.nn.Linear(8, k))
    dev = (_inputs(seed=5), _soft(4, 90, k))
    single = train(
        alone, SoftLabelDataset(X, probs), valid=SoftLabelDataset(*dev) if with_valid else None, **SETTINGS, **more
    )
    network = _network({"only": k})
    valid = MultiTaskDataset(dev[0], {"only": dev[1]}) if with_valid else None
    several = train_multitask(network, MultiTaskDataset(X, {"only": probs}), valid=valid, **SETTINGS, **more)
    assert _same(_weights(single.model), _weights(several.model))
    assert several.history == single.history
    assert several.outcome == single.outcome


@pytest.mark.parametrize("reads", ["nothing", "predicted", "hidden"])
def test_training_is_the_same_each_time_and_leaves_the_global_generators_alone(reads):
    data = MultiTaskDataset(_inputs(), _labels(), tasks=GRAPH)
    before, numpy_before = torch.random.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    settings = {"reads": reads, "head_width": 6 if reads == "hidden" else None}
    found = [_weights(train_multitask(_network(**settings), data, **SETTINGS).model) for _ in range(2)]
    assert _same(*found)
    assert torch.equal(before, torch.random.get_rng_state())
    assert (numpy_before == np.random.get_state()[1]).all()  # noqa: NPY002
    other = train_multitask(_network(**settings), data, random_state=1, **SETTINGS)
    assert not _same(found[0], _weights(other.model))


@pytest.mark.parametrize("task_weights", ["equal", "uncertainty", "gradnorm"])
def test_interrupted_and_resumed_equals_unbroken(task_weights, tmp_path):
    data = [
        MultiTaskDataset(_inputs(), {"finding": _labels()["finding"]}, tasks=GRAPH),
        MultiTaskDataset(_inputs(50, seed=1), _labels(50, seed=8), tasks=GRAPH),
    ]
    valid = MultiTaskDataset(_inputs(seed=2), _labels(seed=3), tasks=GRAPH)
    settings = dict(SETTINGS, valid=valid, task_weights=task_weights, turns="temperature", average=0.9)
    unbroken = train_multitask(_network(), data, **settings)
    train_multitask(_network(), data, checkpoint=tmp_path, **settings | {"epochs": 2})
    # The first weights of a resumed run do not matter: those of the checkpoint do.
    resumed = train_multitask(MultiTaskNetwork(_trunk(), GRAPH), data, checkpoint=tmp_path, **settings)
    assert resumed.history == unbroken.history
    assert _same(_weights(resumed.model), _weights(unbroken.model))
    with pytest.raises(ModelError, match="turns differ"):
        train_multitask(_network(), data, checkpoint=tmp_path, **settings | {"turns": "mixed"})


def test_stopped_within_an_epoch_it_goes_on_from_the_epoch_before(tmp_path):
    data = MultiTaskDataset(_inputs(), _labels(), tasks=GRAPH)
    network = _network()
    unbroken = _weights(train_multitask(_network(), data, **SETTINGS).model)
    calls = itertools.count()

    def stop(*_):
        if next(calls) == 7:
            raise KeyboardInterrupt

    handle = network.trunk.register_forward_hook(stop)
    with pytest.raises(KeyboardInterrupt):
        train_multitask(network, data, checkpoint=tmp_path, **SETTINGS)
    handle.remove()
    resumed = train_multitask(network, data, checkpoint=tmp_path, **SETTINGS)
    assert _same(_weights(resumed.model), unbroken)


@pytest.mark.parametrize("reads", ["nothing", "predicted"])
def test_a_step_follows_the_gradient_of_a_naive_loop(reads):
    """Against one linear layer and one cross-entropy per task, example after example."""
    X, labels = _inputs(20), _labels(20)
    labels["side"][3] = np.nan
    data = MultiTaskDataset(X, labels, tasks=GRAPH)
    torch_settings = {"epochs": 1, "batch_size": 20, "device": "cpu", "learning_rate": 1.0}
    with seeded(3):
        network = MultiTaskNetwork(torch.nn.Linear(4, 8), GRAPH, reads=reads).double()
    data.inputs = data.inputs.double()
    start = {name: value.detach().clone().requires_grad_() for name, value in network.named_parameters()}
    features = data.inputs @ start["trunk.weight"].T + start["trunk.bias"]
    scores = network.split(features @ start["heads.weight"].T + start["heads.bias"])
    if reads == "predicted":
        above = torch.softmax(scores["finding"], dim=1).detach()
        scores["kind"] = scores["kind"] + above @ start["from_parents"].view(2, 3)
    total = 0.0
    for i, (name, rows) in itertools.product(range(20), scores.items()):
        full = data.probs[name].double()
        for c in range(rows.shape[1]):
            hard = torch.nn.functional.cross_entropy(rows[i : i + 1], torch.tensor([c]))
            total = total + data.weight[name][i] * full[i, c] * hard / 20
    total.backward()
    train_multitask(network, data, optimizer=torch.optim.SGD, **torch_settings)
    for name, value in network.named_parameters():
        torch.testing.assert_close(start[name] - start[name].grad, value, rtol=1e-6, atol=1e-7)


def test_masked_tasks_get_no_gradient():
    X, labels = _inputs(40), _labels(40)
    labels["kind"] = np.full((40, 4), np.nan)
    labels["side"] = np.full(40, -1)
    data = MultiTaskDataset(X, labels, tasks=GRAPH)
    for reads in ("nothing", "predicted"):
        network = _network(reads=reads)
        network.train()
        weight = torch.stack([data.weight[name] for name in network.layout.names], dim=1)
        probs = torch.cat([data.probs[name] for name in network.layout.names], dim=1)
        multitask_cross_entropy(network(data.inputs), probs, weight, network.layout).sum().backward()
        gradients = network.layout.split(network.heads.weight.grad.T)
        assert gradients["finding"].abs().max() > 0
        assert not gradients["kind"].any()
        assert not gradients["side"].any()


def test_a_childs_labels_do_not_move_its_parents_head():
    labels = _labels(40) | {"finding": np.full(40, -1), "side": np.full(40, -1)}
    data = MultiTaskDataset(_inputs(40), labels, tasks=GRAPH)
    network = _network(reads="predicted")
    weight = torch.stack([data.weight[name] for name in network.layout.names], dim=1)
    probs = torch.cat([data.probs[name] for name in network.layout.names], dim=1)
    multitask_cross_entropy(network(data.inputs), probs, weight, network.layout).sum().backward()
    gradients = network.layout.split(network.heads.weight.grad.T)
    assert gradients["kind"].any()
    assert not gradients["finding"].any()


def test_a_refined_task_learns_from_those_examples_to_which_it_may_apply():
    data = MultiTaskDataset(
        np.zeros((3, 1)), {"finding": [0, 1, 1], "kind": [[0, 0, 0, 1], [0.4, 0, 0, 0.6], [1, 0, 0, 0]]}, tasks=GRAPH
    )
    assert data.weight["kind"].tolist() == pytest.approx([0.0, 0.4, 1.0])
    assert data.probs["kind"][1:].tolist() == [[1, 0, 0], [1, 0, 0]]
    assert data.weight["side"].tolist() == [0, 0, 0]


def test_early_stopping_looks_at_the_mean_over_tasks():
    X, labels = _inputs(200), _labels(200)
    data = MultiTaskDataset(X[:100], {name: rows[:100] for name, rows in labels.items()}, tasks=GRAPH)
    valid = MultiTaskDataset(X[100:], {name: rows[100:] for name, rows in labels.items()}, tasks=GRAPH)
    network = _network()
    result = train_multitask(
        network, data, valid=valid, **SETTINGS | {"epochs": 40, "learning_rate": 0.1, "patience": 3}
    )
    assert result.stopped_early
    assert len(result.history) == result.best_epoch + 3
    assert min(loss.valid for loss in result.history) == result.history[result.best_epoch - 1].valid
    with torch.inference_mode():
        scores = network.split(network(valid.inputs))
        means = [
            float(-(valid.probs[t] * torch.log_softmax(scores[t], 1)).sum(1) @ valid.weight[t] / valid.weight[t].sum())
            for t in GRAPH.names
        ]
    assert result.history[result.best_epoch - 1].valid == pytest.approx(np.mean(means), rel=1e-5)


def test_every_data_set_has_its_turns(monkeypatch):
    seen = []
    sizes = {0: 70, 1: 20}
    sets = [
        MultiTaskDataset(np.full((sizes[0], 4), 0.0), {"finding": np.arange(70) % 2}, tasks=GRAPH),
        MultiTaskDataset(
            np.full((sizes[1], 4), 1.0), {"kind": np.arange(20) % 3, "side": np.arange(20) % 2}, tasks=GRAPH
        ),
    ]
    network = _network()
    network.trunk.register_forward_hook(lambda _, given, __: seen.append((int(given[0][0, 0]), len(given[0]))))
    for turns, expected in {
        "proportional": {0: 3, 1: 1},
        "mixed": {0: 3, 1: 3},
        Mixed(fill_up=False): {0: 1, 1: 1},
    }.items():
        seen.clear()
        train_multitask(network, sets, turns=turns, **SETTINGS | {"epochs": 2})
        assert {d: sum(which == d for which, _ in seen) for d in sizes} == {d: 2 * n for d, n in expected.items()}


def test_progress_counts_every_example_of_every_turn():
    sets = [
        MultiTaskDataset(_inputs(70), {"finding": _labels(70)["finding"]}, tasks=GRAPH),
        MultiTaskDataset(_inputs(21), _labels(21), tasks=GRAPH),
    ]
    told = []
    train_multitask(_network(), sets, turns="mixed", progress=told.append, **SETTINGS)
    assert told[-1].examples == told[-1].examples_per_epoch == 70 + 3 * 21
    assert told[-1].epoch == 4


def test_settings_that_cannot_be_are_refused_before_anything_is_trained():
    data = MultiTaskDataset(_inputs(), _labels(), tasks=GRAPH)
    network = _network()
    before = _weights(network)
    refuse = partial(train_multitask, network, device="cpu")
    for settings, said in (
        ({"epochs": 0}, "epochs is 0"),
        ({"task_weights": "best"}, "task_weights is 'best'"),
        ({"task_weights": {"size": 1.0}}, "no such task"),
        ({"task_weights": {"side": -1.0}}, "at least 0"),
        ({"turns": "random"}, "turns is 'random'"),
    ):
        with pytest.raises(ModelError, match=said):
            refuse(data, **settings)
    with pytest.raises(ModelError, match="there is no data set"):
        refuse([])
    with pytest.raises(ModelError, match="of the tasks"):
        refuse(MultiTaskDataset(_inputs(), {"other": _soft(0, 90, 2)}))
    with pytest.raises(ModelError, match="no example has a label on 'side'"):
        refuse(MultiTaskDataset(_inputs(), _labels() | {"side": np.full(90, -1)}, tasks=GRAPH))
    data.inputs[0, 0] = np.nan
    assert _same(before, _weights(network))
    with pytest.raises(ModelError, match="training loss of epoch 1 is nan"):
        refuse(data)


def _doubled(inputs, rng):
    """Each input twice, the second time with noise."""
    rows = np.repeat(np.arange(len(inputs)), 2)
    noise = torch.from_numpy(rng.normal(size=(len(inputs), inputs.shape[1]))).to(inputs)
    copies = inputs[rows].clone()
    copies[1::2] += noise
    return copies, rows


def test_augmented_copies_keep_the_labels_of_their_rows(tmp_path):
    """One task: as the single-task loop does it, which augments the same batches from the same generator."""
    X, probs = _inputs(90), _soft(3, 90, 2)
    with seeded(7):
        alone = torch.nn.Sequential(_trunk(), torch.nn.Linear(8, 2))
    settings = dict(SETTINGS, batch_size=600, augment=_doubled)
    single = train(alone, SoftLabelDataset(X, probs), **settings)
    data = MultiTaskDataset(X, {"only": probs})
    several = train_multitask(_network({"only": 2}), data, **settings)
    assert _same(_weights(single.model), _weights(several.model))
    train_multitask(_network({"only": 2}), data, checkpoint=tmp_path, **settings | {"epochs": 2})
    resumed = train_multitask(_network({"only": 2}), data, checkpoint=tmp_path, **settings)
    assert _same(_weights(resumed.model), _weights(several.model))
    with pytest.raises(ModelError, match="augmentation differ"):
        train_multitask(_network({"only": 2}), data, checkpoint=tmp_path, **settings | {"augment": None})


def test_augmentations_that_cannot_work_here_are_refused():
    data = MultiTaskDataset({"inputs": torch.zeros(6, 4)}, {"only": [0, 1] * 3})
    trunk = torch.nn.Linear(4, 3)

    class Named(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.trunk = trunk

        def forward(self, inputs):
            return self.trunk(inputs)

    network = MultiTaskNetwork(Named(), data.graph)
    with pytest.raises(ModelError, match="takes a tensor of inputs"):
        train_multitask(network, data, augment=_doubled, device="cpu")
    with pytest.raises(ModelError, match="asks for losses"):
        train_multitask(network, data, augment=lambda inputs, rng, losses: (inputs, rng), device="cpu")
