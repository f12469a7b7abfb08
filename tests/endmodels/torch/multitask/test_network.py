"""The network: heads in one product equal heads one by one, whatever they read; encoders; what is refused."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from labelwright.core.errors import ModelError
from labelwright.core.task_graph import TaskGraph
from labelwright.core.tasks import Refines, Task
from labelwright.endmodels.torch import seeded
from labelwright.endmodels.torch.multitask import (
    MultiTaskDataset,
    MultiTaskNetwork,
    predict_task_probs,
    train_multitask,
)

HEADS = {"leaf": 2, "root": 3, "other": 2, "middle": 4}
HIERARCHY = [Refines("middle", "root", [0, 2]), Refines("leaf", "middle", 1)]


def _network(**settings):
    with seeded(0):
        return MultiTaskNetwork(torch.nn.Identity(), HEADS, HIERARCHY, width=5, **settings)


def test_linear_heads_are_one_product():
    network = _network()
    X = torch.randn(6, 5, generator=torch.Generator().manual_seed(1))
    parts = network.layout.split(network.heads.weight.T)
    biases = network.layout.split(network.heads.bias[None])
    scores = network.split(network(X))
    assert list(scores) == ["leaf", "root", "other", "middle"]
    for name, found in scores.items():
        assert found.shape == (6, HEADS[name])
        torch.testing.assert_close(found, X @ parts[name] + biases[name])


def test_predictions_of_parents_are_read_by_their_children_alone():
    network, plain = _network(reads="predicted"), _network(reads="predicted")
    torch.nn.init.zeros_(plain.from_parents)
    X = torch.randn(6, 5, generator=torch.Generator().manual_seed(1))
    with_parents, without = network.split(network(X)), plain.split(plain(X))
    at = 0
    for child, parent in [("middle", "root"), ("leaf", "middle")]:
        count = HEADS[parent] * HEADS[child]
        weight = network.from_parents[at : at + count].view(HEADS[parent], HEADS[child])
        expected = without[child] + torch.softmax(with_parents[parent], 1) @ weight
        torch.testing.assert_close(with_parents[child], expected)
        at += count
    for name in ("root", "other"):
        torch.testing.assert_close(with_parents[name], without[name])


def test_hidden_layers_of_parents_are_read_by_their_children_alone():
    network = _network(head_width=3, reads="hidden")
    X = torch.randn(6, 5, generator=torch.Generator().manual_seed(1))
    own = network.hidden(X).view(6, 4, 3)
    slot = {name: position for position, name in enumerate(network.layout.names)}
    hidden = {name: torch.relu(own[:, slot[name]]) for name in ("root", "other")}
    hidden["middle"] = torch.relu(own[:, slot["middle"]] + hidden["root"] @ network.from_parents[0])
    hidden["leaf"] = torch.relu(own[:, slot["leaf"]] + hidden["middle"] @ network.from_parents[1])
    biases = network.layout.split(network.heads_bias[None])
    for name, found in network.split(network(X)).items():
        for group, weight in zip(network.layout.groups, network.heads_out, strict=True):
            if group.slots.start <= slot[name] < group.slots.stop:
                expected = hidden[name] @ weight[slot[name] - group.first] + biases[name]
        torch.testing.assert_close(found, expected)


def test_heads_begin_as_separate_linear_layers_do():
    """One wide layer has the same first distribution as many narrow ones: it depends on the features alone."""
    with seeded(0):
        network = MultiTaskNetwork(torch.nn.Identity(), {f"t{t}": 2 for t in range(200)}, width=25)
    assert float(network.heads.weight.detach().abs().max()) <= 0.2
    assert float(network.heads.weight.detach().std()) == pytest.approx(0.2 / np.sqrt(3), rel=0.05)


class Encoder(torch.nn.Module):
    """What a Hugging Face encoder shows of itself."""

    def __init__(self, pooler=True):
        super().__init__()
        self.config = SimpleNamespace(hidden_size=6)
        self.embed, self.pooler = torch.nn.Embedding(11, 6), torch.nn.Linear(6, 6) if pooler else None

    def forward(self, input_ids, attention_mask=None):
        states = self.embed(input_ids)
        pooled = None if self.pooler is None else torch.tanh(self.pooler(states[:, 0]))
        return SimpleNamespace(last_hidden_state=states, pooler_output=pooled)


def _tokens(n=60):
    chance = np.random.default_rng(0)
    ids, mask = chance.integers(1, 11, size=(n, 7)), np.arange(7) < chance.integers(1, 8, size=n)[:, None]
    return {"input_ids": torch.from_numpy(ids * mask), "attention_mask": torch.from_numpy(mask.astype(np.int64))}


@pytest.mark.parametrize("pooling", ["mean", "first", "pooler"])
def test_an_encoder_is_a_trunk(pooling):
    X = _tokens()
    labels = {"first": (X["input_ids"][:, 0] > 5).numpy(), "any": (X["input_ids"] == 3).any(dim=1).numpy()}
    with seeded(0):
        network = MultiTaskNetwork(Encoder(), {"first": 2, "any": 2}, pooling=pooling)
    data = MultiTaskDataset(X, labels)
    result = train_multitask(network, data, epochs=40, batch_size=20, learning_rate=0.05, device="cpu")
    assert result.history[-1].train < 0.6 * result.history[0].train
    probs = predict_task_probs(network, X, batch_size=16, device="cpu")
    assert (probs["first"].argmax(axis=1) == labels["first"]).mean() > 0.8
    assert data.fingerprint() != MultiTaskDataset(X | {"attention_mask": 0 * X["attention_mask"]}, labels).fingerprint()


def test_padding_does_not_count_in_the_mean():
    with seeded(0):
        network = MultiTaskNetwork(Encoder(), {"first": 2}).eval()
    X = _tokens(4)
    longer = {name: torch.nn.functional.pad(rows, (0, 3)) for name, rows in X.items()}
    torch.testing.assert_close(network(X), network(longer))


def test_what_cannot_be_is_refused():
    with pytest.raises(ModelError, match="gives no pooler_output"):
        MultiTaskNetwork(Encoder(pooler=False), {"a": 2}, pooling="pooler")(_tokens(3))
    with pytest.raises(ModelError, match="pooling is 'max'"):
        MultiTaskNetwork(Encoder(), {"a": 2}, pooling="max")(_tokens(3))
    with pytest.raises(ModelError, match="must give a tensor"):
        MultiTaskNetwork(torch.nn.LSTM(4, 6), {"a": 2}, width=6)(torch.zeros(2, 3, 4))
    with pytest.raises(ModelError, match="pass width="):
        MultiTaskNetwork(torch.nn.Flatten(), {"a": 2})
    with pytest.raises(ModelError, match=r"the heads need \(batch, 5\)"):
        _network()(torch.zeros(2, 4))
    with pytest.raises(ModelError, match="reads is 'logits'"):
        _network(reads="logits")
    with pytest.raises(ModelError, match="needs head_width"):
        _network(reads="hidden")
    with pytest.raises(ModelError, match="head_width is 0"):
        _network(head_width=0)
    graph = TaskGraph([Task("a", 2)])
    with pytest.raises(ModelError, match="leave hierarchy out"):
        MultiTaskNetwork(torch.nn.Linear(2, 2), graph, [Refines("b", "a", 1)])
    with pytest.raises(ModelError, match="must all have n rows"):
        MultiTaskDataset({"a": torch.zeros(3), "b": torch.zeros(2)}, {"a": [0, 1, 1]})
