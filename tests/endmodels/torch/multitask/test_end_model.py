"""One network as the end model of several tasks."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from labelwright.core.errors import DataError, ModelError
from labelwright.core.task_graph import TaskGraph
from labelwright.core.task_labels import TaskLabels
from labelwright.core.tasks import Refines, Task
from labelwright.endmodels.dense_features import dense_features
from labelwright.endmodels.torch.multitask import MultiTaskClassifier
from labelwright.endmodels.torch.multitask.end_model import SharedEndModel, fit_shared_end_model

GRAPH = TaskGraph(
    [Task("finding", ["normal", "abnormal"]), Task("kind", ["mass", "nodule"]), Task("silent", ["no", "yes"])],
    [Refines("kind", "finding", "abnormal")],
)
QUICK = {"epochs": 6, "batch_size": 8, "device": "cpu"}


def drawn(n: int = 40) -> tuple[dict[str, list[float]], TaskLabels]:
    """Numbers that tell finding and kind, and labels that know these two tasks."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(2, n))
    abnormal, mass = np.where(x > 0, 0.9, 0.1), np.where(y > 0, 0.8, 0.2)
    probs = {
        "finding": np.column_stack([1 - abnormal, abnormal]),
        "kind": np.column_stack([abnormal * mass, abnormal * (1 - mass), 1 - abnormal]),
        "silent": np.full((n, 2), 0.5),
    }
    covered = np.tile([True, True, False], (n, 1))
    covered[:3, 1] = False
    return {"x": x.tolist(), "y": y.tolist()}, TaskLabels(GRAPH, probs, covered)


def test_it_is_the_classifier_on_the_same_features_and_labels() -> None:
    columns, labels = drawn()
    found, vectors = fit_shared_end_model("tabular", ["x", "y"], columns, labels, **QUICK).answers(columns)
    table = np.column_stack([columns["x"], columns["y"]])
    X = dense_features("tabular").fit_transform(table)
    two = TaskGraph(GRAPH.tasks[:2], GRAPH.relations)
    known = TaskLabels(two, {task: labels.probs[task] for task in two.names}, labels.covered[:, :2])
    plain = MultiTaskClassifier("mlp", **QUICK).fit(X, known)
    for task, probs in plain.predict_proba(X).items():
        np.testing.assert_allclose(found.probs[task], probs, atol=1e-6)
    assert GRAPH.is_feasible(vectors).all()
    assert not found.covered[:, 2].any()
    assert (found.probs["silent"] == 0.5).all()


def test_a_saved_one_answers_alike_to_the_last_bit(tmp_path: Path) -> None:
    labels = drawn(30)[1]
    columns = {
        "text": [
            f"{'a large shadow' if p > 0.5 else 'clear'} note {i % 4}"
            for i, p in enumerate(labels.probs["finding"][:, 1])
        ]
    }
    model = fit_shared_end_model("text", ["text"], columns, labels, **QUICK)
    model.save(tmp_path / "model")
    again = SharedEndModel.load(tmp_path / "model", device="cpu")
    for task, probs in model.answers(columns)[0].probs.items():
        np.testing.assert_array_equal(again.answers(columns)[0].probs[task], probs)
    assert (again.graph.tasks, again.graph.relations) == (GRAPH.tasks, GRAPH.relations)
    assert again.tasks == ("finding", "kind")
    assert again.answers({"text": []})[1].shape == (0, 3)
    features = tmp_path / "model" / "features.skops"
    features.write_bytes(features.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"features.skops is damaged or was changed"):
        SharedEndModel.load(tmp_path / "model")
    (tmp_path / "model" / "model.json").write_text(json.dumps({"kind": "text", "format": 1}))
    with pytest.raises(DataError, match="it is a 'text' model"):
        SharedEndModel.load(tmp_path / "model")


def photo(level: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (12, 12), (level, 255 - level, 0)).save(out, "PNG")
    return out.getvalue()


def test_pictures_teach_and_a_missing_one_says_nothing(tmp_path: Path) -> None:
    labels = drawn(24)[1]
    photos = [photo(250 if p > 0.5 else 5) for p in labels.probs["finding"][:, 1]]
    columns = {"photo": [None, *photos[1:]]}
    model = fit_shared_end_model("image", ["photo"], columns, labels, size=(8, 8), **QUICK)
    model.save(tmp_path / "model")
    found, _ = SharedEndModel.load(tmp_path / "model", device="cpu").answers({"photo": [*photos[:9], None]})
    sure = found.probs["finding"][:9].argmax(axis=1) == labels.probs["finding"][:9].argmax(axis=1)
    assert sure.all()
    np.testing.assert_array_equal(found.probs["finding"][9], [0.5, 0.5])
    assert model.reader.size == (8, 8)


def test_what_cannot_be_learned_is_refused() -> None:
    columns, labels = drawn()
    nothing = TaskLabels(GRAPH, labels.probs, np.zeros_like(labels.covered))
    with pytest.raises(ModelError, match="nothing can be learned about any task"):
        fit_shared_end_model("tabular", ["x"], columns, nothing)
    with pytest.raises(ModelError, match="pictures are read from one column"):
        fit_shared_end_model("image", ["x", "y"], columns, labels)
    with pytest.raises(DataError, match="reads the field 'photo'"):
        fit_shared_end_model("image", ["photo"], columns, labels)
