"""The classifier: what it learns, one task as the image classifier bit for bit, and what it writes to disk."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.base import clone

from labelwright.core.errors import DataError, ModelError, NotFittedError, VoteError
from labelwright.core.task_graph import TaskGraph
from labelwright.core.task_labels import TaskLabels
from labelwright.core.tasks import Equal, Excludes, Feasible, Implies, Refines, Task
from labelwright.endmodels.torch import ImageClassifier, seeded, small_cnn
from labelwright.endmodels.torch.multitask import MultiTaskClassifier
from labelwright.endmodels.torch.multitask.graph_json import graph_from_json, graph_to_json

GRAPH = TaskGraph(
    [Task("finding", ["normal", "abnormal"]), Task("kind", ["mass", "nodule", "other"])],
    [Refines("kind", "finding", "abnormal")],
)


def _world(n=300, seed=0):
    """Features that decide both tasks, the gold states, and noisy soft labels."""
    chance = np.random.default_rng(seed)
    X = chance.normal(size=(n, 4))
    finding = (X[:, 0] > 0).astype(int)
    kind = np.where(finding == 1, (X[:, 1:3] > 0) @ [1, 1], 3)
    sure = chance.uniform(0.7, 1.0, size=n)
    labels = {"finding": np.eye(2)[finding] * sure[:, None] + (1 - sure[:, None]) * np.eye(2)[1 - finding]}
    spread = labels["finding"][:, 1] / 3
    labels["kind"] = np.where(
        (finding == 1)[:, None],
        np.eye(4)[kind] * labels["finding"][:, 1:],
        np.column_stack([np.tile(spread[:, None], 3), np.zeros(n)]),
    )
    labels["kind"][:, 3] = 1 - labels["kind"][:, :3].sum(axis=1)
    return X, {"finding": finding, "kind": kind}, TaskLabels(GRAPH, labels)


def test_it_learns_a_hierarchy_from_task_labels():
    X, _, labels = _world()
    test, truth, _ = _world(seed=1)
    model = MultiTaskClassifier(epochs=20, reads="predicted", device="cpu").fit(X, labels)
    probs, answers = model.predict_proba(test), model.predict(test)
    assert model.classes_ == {"finding": ("normal", "abnormal"), "kind": ("mass", "nodule", "other", "N/A")}
    for name in GRAPH.names:
        assert (answers[name] == np.array(model.classes_[name])[truth[name]]).mean() > 0.85
    assert (probs["kind"][:, 3] == 1 - probs["finding"][:, 1]).all()
    codes = np.stack([[model.classes_[t].index(state) for state in answers[t]] for t in GRAPH.names], axis=1)
    assert GRAPH.is_feasible(codes).all()


def test_labels_of_every_kind_are_the_same_labels():
    X, gold, _ = _world(60)
    names = {name: np.array(GRAPH.states(name), dtype=object)[codes] for name, codes in gold.items()}
    soft = {name: np.eye(len(GRAPH.states(name)))[codes] for name, codes in gold.items()}
    found = [
        MultiTaskClassifier(tasks=GRAPH, epochs=3, device="cpu").fit(X, labels).predict_proba(X)
        for labels in (gold, names, soft, TaskLabels(GRAPH, soft))
    ]
    for other in found[1:]:
        assert all((other[name] == found[0][name]).all() for name in GRAPH.names)


def test_one_task_of_images_is_the_image_classifier_bit_for_bit():
    chance = np.random.default_rng(0)
    images, probs = chance.integers(0, 256, size=(24, 12, 12), dtype=np.uint8), chance.dirichlet(np.ones(3), size=24)
    settings = {"epochs": 2, "batch_size": 8, "device": "cpu", "random_state": 3}
    single = ImageClassifier("small", **settings).fit(images, probs)
    several = MultiTaskClassifier("small", **settings).fit(images, {"only": probs})
    assert (several.predict_proba(images)["only"] == single.predict_proba(images)).all()


class Encoder(torch.nn.Module):
    """Called with tensors by name, as encoders of Hugging Face are."""

    def __init__(self):
        super().__init__()
        self.embed = torch.nn.Embedding(9, 5)

    def forward(self, input_ids, attention_mask):
        return SimpleNamespace(last_hidden_state=self.embed(input_ids) * attention_mask[:, :, None])


def test_an_encoder_is_asked_with_a_mapping_of_tensors(tmp_path):
    ids = np.random.default_rng(0).integers(1, 9, size=(40, 4))
    X = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
    labels = {"first": (ids[:, 0] > 4).astype(int), "any": (ids == 3).any(axis=1).astype(int)}
    settings = {"epochs": 60, "batch_size": 20, "average": None, "learning_rate": 0.1, "device": "cpu"}
    model = MultiTaskClassifier(lambda shape: Encoder(), pooling="first", **settings).fit(X, labels)
    assert (model.predict(X)["first"] == labels["first"]).mean() > 0.9
    model.save(tmp_path / "model")
    read = MultiTaskClassifier.load(tmp_path / "model", trunk=lambda shape: Encoder(), device="cpu")
    for name, probs in model.predict_proba(X).items():
        assert (read.predict_proba(X)[name] == probs).all()


@pytest.mark.parametrize("trunk", ["mlp", "linear", "small", "own"])
def test_what_is_saved_says_the_same_when_it_is_read(trunk, tmp_path):
    chance = np.random.default_rng(0)
    X = chance.random((20, 1, 8, 8)).astype(np.float32) if trunk == "small" else chance.normal(size=(20, 4))

    def own(shape):
        return torch.nn.Sequential(torch.nn.Linear(shape[0], 3), torch.nn.Tanh())

    _, _, labels = _world(20)
    used = own if trunk == "own" else trunk
    model = MultiTaskClassifier(used, epochs=1, head_width=5, reads="hidden", device="cpu").fit(X, labels)
    model.save(tmp_path / "model")
    before = torch.random.get_rng_state()
    if trunk == "own":
        with pytest.raises(ModelError, match="pass trunk="):
            MultiTaskClassifier.load(tmp_path / "model")
        with pytest.raises(ModelError, match="another network"):
            MultiTaskClassifier.load(tmp_path / "model", trunk=lambda shape: torch.nn.Linear(shape[0], 3, bias=False))
        read = MultiTaskClassifier.load(tmp_path / "model", trunk=own, device="cpu")
    else:
        read = MultiTaskClassifier.load(tmp_path / "model", device="cpu")
    assert torch.equal(before, torch.random.get_rng_state())
    assert read.classes_ == model.classes_
    for name, probs in model.predict_proba(X).items():
        assert (read.predict_proba(X)[name] == probs).all()


def test_damaged_or_other_files_are_refused(tmp_path):
    X, _, labels = _world(20)
    with pytest.raises(DataError, match="not a saved model"):
        MultiTaskClassifier.load(tmp_path)
    model = MultiTaskClassifier("linear", epochs=1, device="cpu").fit(X, labels)
    model.save(tmp_path / "model")
    written = json.loads((tmp_path / "model" / "model.json").read_text())
    for change, said in (({"format": 9}, "format 9"), ({"kind": "image"}, "'image'"), ({"graph": {}}, "not a saved")):
        (tmp_path / "model" / "model.json").write_text(json.dumps(written | change))
        with pytest.raises(DataError, match=said):
            MultiTaskClassifier.load(tmp_path / "model")
    (tmp_path / "model" / "model.json").write_text("{")
    with pytest.raises(DataError, match="not a saved"):
        MultiTaskClassifier.load(tmp_path / "model")


def test_graphs_go_through_json():
    graph = TaskGraph(
        [Task("a", ["x", "y"]), *[Task(name, 2) for name in "bcdef"]],
        [
            Refines("b", "a", "y"),
            Implies(("c", 1), ("d", 1)),
            Excludes(("d", 1), ("e", 1)),
            Equal("e", "f"),
            Feasible(["c", "f"], [(0, 0), (1, 0), (0, 1)]),
        ],
    )
    read = graph_from_json(json.loads(json.dumps(graph_to_json(graph))))
    assert (read.tasks, read.relations, read.most_states) == (graph.tasks, graph.relations, graph.most_states)
    with pytest.raises(ValueError, match="no relation"):
        graph_from_json({"tasks": [["a", [0, 1]]], "relations": [{"kind": "follows"}], "most_states": 10})


def test_it_is_an_estimator():
    X, _, labels = _world(30)
    model = MultiTaskClassifier("linear", tasks=GRAPH, epochs=1, device="cpu", task_weights={"kind": 0.5})
    copy = clone(model)
    assert copy.get_params()["task_weights"] == {"kind": 0.5}
    before = X.copy()
    first, again = model.fit(X, labels), copy.fit(X, labels)
    assert (before == X).all()
    for name, probs in first.predict_proba(X).items():
        assert (again.predict_proba(X)[name] == probs).all()


def test_small_trunks_are_networks_without_their_last_layer():
    with seeded(0):
        whole = small_cnn(1, 10)
    with seeded(0):
        trunk = small_cnn(1, None)
    assert len(whole) == len(trunk) + 1
    assert all(torch.equal(whole.state_dict()[name], value) for name, value in trunk.state_dict().items())


def test_what_cannot_be_is_refused():
    X, gold, labels = _world(20)
    model = MultiTaskClassifier("linear", epochs=1, device="cpu")
    with pytest.raises(NotFittedError):
        model.predict(X)
    with pytest.raises(NotFittedError):
        model.save("never")
    with pytest.raises(ModelError, match="there are labels for 20"):
        model.fit(X[:-1], labels)
    with pytest.raises(ModelError, match="needs X of shape"):
        model.fit(X[:, :, None], labels)
    with pytest.raises(ModelError, match="trunk is 'cnn'"):
        MultiTaskClassifier("cnn", device="cpu").fit(X, labels)
    with pytest.raises(ModelError, match="was trained on"):
        model.fit(X, labels).predict(X[:, :-1])
    for wrong, said in (
        ({}, "labels of no task"),
        ({"finding": gold["finding"], "size": gold["finding"]}, "no task 'size'"),
        ({"finding": gold["finding"] + 5}, "the code 6"),
        ({"finding": ["normal"] * 19 + ["dubious"]}, "name 'dubious'"),
        ({"finding": np.zeros((20, 3))}, "have 3 columns"),
        ({"finding": gold["finding"], "kind": gold["kind"][:-1]}, "same examples"),
        ({"finding": np.zeros(20)}, "dtype float64"),
        ({"finding": np.full(20, -1)}, "weight zero on every task"),
    ):
        with pytest.raises(ModelError, match=said):
            MultiTaskClassifier("linear", tasks=GRAPH if wrong else None, epochs=1, device="cpu").fit(X, wrong)
    with pytest.raises(VoteError):
        model.fit(X, {"finding": np.full((20, 2), 0.9)})
    with pytest.raises(ModelError, match="weights of task 'kind'"):
        model.fit(X, labels, weights={"kind": np.full(20, -1.0)})
