"""Weights of tasks: what is best for uncertainty, and what GradNorm evens out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from labelwright.core.errors import ModelError
from labelwright.endmodels.torch import seeded
from labelwright.endmodels.torch.multitask import (
    GradNorm,
    MultiTaskDataset,
    MultiTaskNetwork,
    UncertaintyWeights,
    train_multitask,
)
from labelwright.endmodels.torch.multitask.layout import lay_out
from labelwright.endmodels.torch.multitask.weighting import make_weighting


def test_uncertainty_finds_the_scale_of_each_task_however_few_its_labels():
    """At its best s is log(2 * mean loss per labelled example)."""
    weighting = UncertaintyWeights(2)
    means, shares = torch.tensor([0.3, 2.0]), torch.tensor([1.0, 0.1])
    descent = torch.optim.SGD(weighting.parameters(), lr=1.0)
    for _ in range(400):
        descent.zero_grad()
        weighting.objective(means * shares, shares).backward()
        descent.step()
    torch.testing.assert_close(weighting.log_variance.detach(), torch.log(2 * means), rtol=1e-3, atol=1e-3)


def test_gradnorm_evens_out_how_strongly_tasks_pull():
    """Two tasks of the same loss, one of which pulls ten times as strongly: their weighted pulls meet."""
    weighting = GradNorm(torch.tensor([2.0, 2.0]))
    features = torch.ones(4, 3, requires_grad=True)
    shares = torch.ones(2)
    for _ in range(300):
        pulls = torch.stack([10 * features.sum(), features.sum()])
        weighting.learn(pulls - pulls.detach() + 0.5, shares, features)
    found = weighting.weights
    assert float(found.sum()) == pytest.approx(2)
    assert float(10 * found[0] / found[1]) == pytest.approx(1, abs=0.3)


def test_gradnorm_leaves_tasks_without_labels_in_the_batch_alone():
    weighting = GradNorm(torch.tensor([2.0, 2.0, 3.0]))
    features = torch.ones(4, 3, requires_grad=True)
    pulls = torch.stack([10 * features.sum(), features.sum(), 0 * features.sum()])
    losses = pulls - pulls.detach() + torch.tensor([0.5, 0.5, 0.0])
    weighting.learn(losses, torch.tensor([1.0, 1.0, 0.0]), features)
    assert torch.isfinite(weighting.weights).all()
    assert float(weighting.weights[2]) == pytest.approx(1, abs=0.05)
    assert weighting.weights[0] < weighting.weights[1]


def test_weights_by_name_go_to_their_tasks():
    layout = lay_out({"wide": 4, "narrow": 2}, {}, chained=False)
    assert layout.names == ("narrow", "wide")
    assert make_weighting({"wide": 0.25}, layout).weights.tolist() == [1.0, 0.25]


def test_a_task_of_weight_zero_is_not_learned():
    X = np.random.default_rng(0).normal(size=(50, 3))
    data = MultiTaskDataset(X, {"a": (X[:, 0] > 0).astype(int), "b": (X[:, 1] > 0).astype(int)})
    with seeded(0):
        network = MultiTaskNetwork(torch.nn.Linear(3, 4), data.graph)
    before = network.layout.split(network.heads.weight.detach().clone().T)
    settings = {"optimizer": torch.optim.SGD, "epochs": 2, "device": "cpu"}
    train_multitask(network, data, task_weights={"b": 0.0}, **settings)
    after = network.layout.split(network.heads.weight.detach().T)
    assert not torch.equal(before["a"], after["a"])
    assert torch.equal(before["b"], after["b"])


@pytest.mark.parametrize("task_weights", ["uncertainty", "gradnorm"])
def test_learned_weights_learn_what_equal_ones_learn(task_weights):
    X = np.random.default_rng(0).normal(size=(200, 3))
    gold = {"a": (X[:, 0] > 0).astype(int), "b": (X[:, 1] + X[:, 2] > 0).astype(int)}
    data = MultiTaskDataset(X, gold)
    with seeded(0):
        network = MultiTaskNetwork(torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.ReLU()), data.graph)
    train_multitask(network, data, task_weights=task_weights, epochs=20, learning_rate=0.02, device="cpu")
    with torch.inference_mode():
        scores = network.split(network(data.inputs))
    assert all((scores[t].argmax(dim=1).numpy() == gold[t]).mean() > 0.95 for t in gold)


def test_gradnorm_needs_a_trunk_that_learns():
    data = MultiTaskDataset(np.zeros((4, 3)), {"a": [0, 1, 0, 1]})
    network = MultiTaskNetwork(torch.nn.Identity(), {"a": 2}, width=3)
    with pytest.raises(ModelError, match="needs a trunk with weights"):
        train_multitask(network, data, task_weights="gradnorm", device="cpu")
